"""Why a target was missed: parts add up, are those of all orders of exchange, and name what was injected."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.intraday.target_causes import estimate_day_times, estimate_rates, explain_target
from deskcast.forecasting.simulation.plan_run import build_agents
from deskcast.forecasting.simulation.queue import SERVED, simulate_queue
from deskcast.forecasting.staffing.target import QueueTarget
from hypothesis import given, settings
from hypothesis import strategies as st

TARGET = QueueTarget(1800, 0.8, 20, None, 180)
PROFILE = 120 * np.sin(np.linspace(0.4, np.pi - 0.4, 12))


def level(calls, aht, agents):
    return (calls * TARGET.perform(calls, aht, agents)["service_level"]).sum() / calls.sum()


def make_rows(volume=1.0, handling=1.0, away=0, unscheduled=0, days=5):
    """Return a week exactly as the formula says of it, so that nothing is chance."""
    planned = np.tile(PROFILE, days)
    required = TARGET.require(planned, 300)["agents"].to_numpy(dtype=float)
    calls, aht = planned * volume, 300.0 * handling
    scheduled = required - unscheduled
    agents = scheduled - away
    starts = pd.date_range("2024-03-04", periods=days)
    ds = [day + pd.Timedelta("9h") + k * pd.Timedelta("30min") for day in starts for k in range(12)]
    met = calls * TARGET.perform(calls, aht, agents)["service_level"].to_numpy()
    rows = pd.DataFrame({"ds": ds, "calls_planned": planned, "calls": calls, "aht_planned": 300.0, "n": calls})
    rows = rows.assign(handle_s=calls * aht, agents_planned=required, agents_scheduled=scheduled, agents=agents)
    return rows.assign(in_time=met, decided=calls)


@pytest.mark.parametrize(
    ("cause", "injected"),
    [
        ("volume", {"volume": 1.2}),
        ("handle time", {"handling": 1.2}),
        ("agents present", {"away": 3}),
        ("schedule", {"unscheduled": 3}),
        ("volume", {"volume": 0.8}),
    ],
)
def test_one_cause_is_the_whole_difference(cause, injected):
    found = explain_target(make_rows(**injected), TARGET)
    parts = found.set_index("cause")["part"]
    whole = found.attrs["observed"] - found.attrs["planned"]
    assert parts[cause] == pytest.approx(whole, abs=1e-9)
    assert parts.drop(cause).abs().max() < 1e-9
    assert found["cause"].iloc[0] == cause
    assert (whole < 0) == (injected != {"volume": 0.8})


@pytest.mark.parametrize(("off", "cause"), [(3.0, "shrinkage"), (0.0, "adherence")])
def test_agents_missing_are_told_apart_where_it_is_known_who_was_off(off, cause):
    rows = make_rows(away=3)
    whole = explain_target(rows, TARGET).set_index("cause")["part"]["agents present"]
    parts = explain_target(rows.assign(agents_off=off), TARGET).set_index("cause")["part"]
    assert parts[cause] == pytest.approx(whole)
    assert parts.drop(cause).abs().max() < 1e-9
    both = explain_target(rows.assign(agents_off=1.0), TARGET).set_index("cause")["part"]
    assert both["adherence"] < both["shrinkage"] < 0
    assert both[["adherence", "shrinkage"]].sum() == pytest.approx(whole)


def test_parts_are_the_mean_over_all_orders_of_exchange():
    rows = make_rows(1.1, 1.1, 2, 1)
    planned, required = rows["calls_planned"].to_numpy(), rows["agents_planned"].to_numpy()
    values = {
        "volume": (planned, planned * 1.1),
        "handle time": (300.0, 330.0),
        "agents present": (0, -2),
        "schedule": (0, -1),
    }

    def value(done):
        calls, aht, there, gap = (values[c][c in done] for c in values)
        return level(calls, aht, required + there + gap)

    twin = dict.fromkeys(values, 0.0)
    for order in permutations(values):
        for place, cause in enumerate(order):
            twin[cause] += (value(order[: place + 1]) - value(order[:place])) / 24
    found = explain_target(rows, TARGET).set_index("cause")["part"]
    assert found[list(twin)].to_dict() == pytest.approx(twin)
    assert found["chance"] == pytest.approx(0, abs=1e-9)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.sets(st.sampled_from(["agents", "agents_scheduled"])))
def test_parts_add_up_whatever_came_and_whatever_is_not_known(seed, days, unknown):
    dice = np.random.default_rng(seed)
    rows = make_rows(days=days).drop(columns=list(unknown))
    rows["calls"] = dice.poisson(rows["calls"] * dice.uniform(0.3, 2))
    rows["n"] = dice.binomial(rows["calls"], 0.9)
    rows["handle_s"] = rows["n"] * dice.uniform(100, 600, len(rows))
    rows["decided"] = rows["calls"]
    rows["in_time"] = dice.binomial(rows["calls"], dice.uniform())
    found = explain_target(rows, TARGET)
    assert found["part"].sum() == pytest.approx(found.attrs["observed"] - found.attrs["planned"])
    assert (found["part-lo"] <= found["part-hi"]).all()
    assert len(found) == 5 - len(unknown)
    pd.testing.assert_frame_equal(found, explain_target(rows.sample(frac=1, random_state=1), TARGET))


def test_a_week_played_call_by_call_names_the_cause_that_was_injected():
    for seed, (cause, injected) in enumerate(
        {"handle time": {"handling": 1.15}, "agents present": {"away": 2}}.items()
    ):
        rows = make_rows(**injected)
        dice = np.random.default_rng(seed)
        start = (rows["ds"] - rows["ds"].min()).dt.total_seconds().to_numpy()
        count = dice.poisson(rows["calls"])
        slot = np.repeat(np.arange(len(rows)), count)
        at = start[slot] + dice.uniform(0, 1800, len(slot))
        slot, at = slot[np.argsort(at)], np.sort(at)
        handle = dice.exponential(300 * injected.get("handling", 1.0), len(at))
        run = simulate_queue(
            at, handle, build_agents(rows["agents"].astype(int), start, 1800), patience=dice.exponential(180, len(at))
        )
        served = run.outcome == SERVED
        sums = {
            "calls": np.ones(len(at)), "decided": np.ones(len(at)), "n": served,
            "handle_s": np.where(served, handle, 0),
            "in_time": served & (run.start - run.arrived <= 20),
        }  # fmt: skip
        for name, values in sums.items():
            rows[name] = np.bincount(slot, np.asarray(values, dtype=float), minlength=len(rows))
        found = explain_target(rows, TARGET)
        assert found["cause"].iloc[0] == cause
        assert found["part"].iloc[0] / (found.attrs["observed"] - found.attrs["planned"]) > 0.7


def test_shares_are_told_only_where_all_parts_point_one_way():
    shared = explain_target(make_rows(volume=1.1, handling=1.1, away=1), TARGET)
    assert shared["share"].between(-1e-9, 1).all()
    assert shared["share"].sum() == pytest.approx(1)
    opposed = explain_target(make_rows(volume=1.3, unscheduled=-1), TARGET)
    assert {"volume", "schedule"} <= set(opposed.loc[opposed["part"].abs() > 0.01, "cause"])
    assert opposed["share"].isna().all()
    assert explain_target(make_rows(), TARGET)["share"].isna().all()


def test_the_chance_of_counts_and_of_means_is_no_cause():
    dice = np.random.default_rng(3)
    plan, day = np.full(240, 20.0), np.repeat(np.arange(10), 24)
    rates = estimate_rates(plan, dice.poisson(plan).astype(float), day)
    assert np.abs(rates / 20 - 1).max() < 0.12  # single counts are off by half
    busy = np.where(day == 3, 2.0, 1.0)
    rates = estimate_rates(plan, dice.poisson(plan * busy).astype(float), day)
    assert rates[day == 3].mean() == pytest.approx(40, rel=0.1)
    n = np.full(240, 20.0)
    times = estimate_day_times(np.full(240, 300.0), n, 20 * dice.gamma(20, 15, 240), day)
    assert np.abs(times / 300 - 1).max() < 0.05
    assert estimate_day_times(plan, np.zeros(240), np.zeros(240), day).tolist() == plan.tolist()


def test_a_period_without_contacts_is_refused():
    with pytest.raises(InputError, match="no contact was decided"):
        explain_target(make_rows().assign(decided=0.0), TARGET)
