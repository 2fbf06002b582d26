"""Demand that is not known: scenarios, what a staffing will do, agents for a confidence, the cheapest, and faults."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting import (
    Demand,
    agents_for_confidence,
    cheapest_agents,
    queue_performance,
    required_agents,
    risk_curve,
    risk_of_short,
    staffing_plan,
)
from deskcast.forecasting.scenarios.quantiles import probability_above, quantile_at
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

PROFILE = np.array([60.0, 150.0, 300.0, 240.0, 120.0])


def gamma_paths(spread, paths=4000, seed=5, together=True):
    rng = np.random.default_rng(seed)
    factor = rng.gamma(1 / spread**2, spread**2, (paths, 1 if together else len(PROFILE)))
    return PROFILE * factor


@pytest.mark.parametrize(("spread", "expected"), [(0.0, 0.845), (0.05, 0.797), (0.10, 0.693), (0.20, 0.571)])
def test_a_varying_rate_costs_what_the_references_say(spread, expected):
    slots, days = risk_of_short(Demand.varying(300, 300, spread=spread), 57)
    assert slots["expected_service_level"].iloc[0] == pytest.approx(expected, abs=6e-4)
    assert days["expected_service_level"].iloc[0] == slots["expected_service_level"].iloc[0]


@settings(deadline=None, max_examples=20)
@given(st.floats(0.01, 0.6), st.floats(1, 5000))
def test_gamma_rates_have_their_mean_and_spread(spread, calls):
    demand = Demand.varying(calls, 300, spread)
    mean = demand.weight @ demand.calls[:, 0]
    assert mean == pytest.approx(calls, rel=1e-6)
    assert np.sqrt(demand.weight @ (demand.calls[:, 0] - mean) ** 2) == pytest.approx(calls * spread, rel=1e-4)


def test_integrated_drawn_and_given_scenarios_agree():
    agents = required_agents(PROFILE, 300, max_occupancy=None)["agents"].to_numpy() + 2
    exact, exact_day = risk_of_short(Demand.varying(PROFILE, 300, 0.1), agents)
    drawn, drawn_day = risk_of_short(Demand.varying(PROFILE, 300, 0.1, together=0.9999, paths=6000), agents)
    given_, given_day = risk_of_short(Demand.from_paths(gamma_paths(0.1, 8000), 300), agents)
    for slots, days in ((drawn, drawn_day), (given_, given_day)):
        np.testing.assert_allclose(slots["miss_probability"], exact["miss_probability"], atol=0.02)
        np.testing.assert_allclose(slots["expected_service_level"], exact["expected_service_level"], atol=0.01)
        np.testing.assert_allclose(days["miss_probability"], exact_day["miss_probability"], atol=0.02)


def test_figures_of_a_few_scenarios_by_hand():
    calls = np.array([[80.0, 100.0], [120.0, 0.0]])
    level = queue_performance(calls, 180, [[14, 14]])["service_level"].to_numpy().reshape(2, 2)
    slots, days = risk_of_short(Demand.from_paths(calls, 180), 14)
    assert slots["calls"].tolist() == [100, 50]
    assert slots["expected_service_level"].iloc[0] == pytest.approx((80 * level[0, 0] + 120 * level[1, 0]) / 200)
    assert slots["miss_probability"].tolist() == [0.5, 0.0]
    assert slots["late_calls"].iloc[1] == pytest.approx(50 * (1 - level[0, 1]))
    assert days["miss_probability"].tolist() == [0.5]  # the second day has 120 calls, late ones, and no others
    by_day = risk_of_short(Demand.from_paths(calls, 180), 14, days=["mon", "tue"])[1]
    assert by_day["day"].tolist() == ["mon", "tue"]
    assert by_day["miss_probability"].tolist() == [0.5, 0.0]


def test_handle_time_that_varies_counts_too():
    sure, _ = risk_of_short(Demand.varying(PROFILE, 300, 0.1, paths=4000), 55)
    both, _ = risk_of_short(Demand.varying(PROFILE, 300, 0.1, aht_spread=0.1, paths=4000), 55)
    one, _ = risk_of_short(Demand.varying(PROFILE, 300, 0.1 * 2**0.5), 55)
    assert both["expected_service_level"].iloc[2] < sure["expected_service_level"].iloc[2]
    assert both["miss_probability"].iloc[2] == pytest.approx(one["miss_probability"].iloc[2], abs=0.02)


@pytest.mark.parametrize("patience", [None, 120.0])
def test_a_day_staffed_for_the_quantile_keeps_its_target_that_often(patience):
    demand = Demand.varying(PROFILE, 300, 0.1)
    rules = {"max_occupancy": None, "patience": patience}
    sure = agents_for_confidence(demand, 0.9, **rules)
    mean = required_agents(PROFILE, 300, **rules)["agents"].to_numpy()
    quantile = PROFILE * stats.gamma.ppf(0.9, 100, scale=0.01)
    assert sure.tolist() == required_agents(quantile, 300, **rules)["agents"].tolist()
    rates = gamma_paths(0.1, seed=11)
    kept = {}
    for name, agents in (("sure", sure), ("mean", mean)):
        level = queue_performance(rates, 300, agents[None, :], patience=patience)["service_level"].to_numpy()
        level = level.reshape(rates.shape)
        kept[name] = ((rates * level).sum(axis=1) / rates.sum(axis=1) >= 0.8).mean()
    assert 0.89 <= kept["sure"] <= 0.96
    assert kept["mean"] < 0.75


@pytest.mark.parametrize("together", [0.0, 0.5, 1.0])
def test_confidence_of_the_day_is_kept_with_no_more_agents(together):
    demand = Demand.varying(np.tile(PROFILE, 2), 300, 0.1, together=together)
    days = np.repeat([0, 1], len(PROFILE))
    slot, day = agents_for_confidence(demand, 0.9), agents_for_confidence(demand, 0.9, days=days)
    _, kept = risk_of_short(demand, day, days=days)
    assert (kept["miss_probability"] <= 0.1 + 1e-6).all()
    assert (kept["miss_probability"] >= 0.05).all()
    assert day.sum() <= slot.sum()


@settings(deadline=None, max_examples=25)
@given(st.floats(0.02, 0.98), st.floats(0.02, 0.3), st.floats(2, 300))
def test_confidence_of_a_slot_is_minimal(confidence, spread, calls):
    demand = Demand.from_paths(calls * np.random.default_rng(3).gamma(1 / spread**2, spread**2, (300, 1)), 300)
    agents = int(agents_for_confidence(demand, confidence)[0])
    missed = [risk_of_short(demand, n)[0]["miss_probability"].iloc[0] for n in (agents, max(agents - 1, 0))]
    assert missed[0] <= 1 - confidence + 1e-9
    assert missed[1] > 1 - confidence - 1e-9


def test_the_curve_falls_and_the_cheapest_is_its_lowest():
    demand = Demand.varying([300, 40], 300, 0.1)
    for costs in ({"late_cost": 5.0}, {"late_cost": 40.0}, {"miss_cost": 3000.0}, {"late_cost": 8, "miss_cost": 300}):
        curve = risk_curve(demand, agent_cost=10, **costs)
        for slot, part in curve.groupby("slot"):
            assert (part["agents"].diff().iloc[1:] == 1).all()
            assert (part["miss_probability"].diff().iloc[1:] <= 1e-9).all()
            assert (part["late_calls"].diff().iloc[1:] <= 1e-9).all()
            np.testing.assert_allclose(part["total"], part["agents"] * 10 + part["penalty"])
            one = Demand(demand.calls[:, [slot]], demand.aht[:, [slot]], demand.weight, demand.ordered)
            totals = []
            for n in range(110):
                row = risk_of_short(one, n)[0].iloc[0]
                late, miss = costs.get("late_cost", 0) * row["late_calls"], costs.get("miss_cost", 0)
                totals.append(10 * n + late + miss * row["miss_probability"])
            best = part[part["best"]].iloc[0]
            assert best["total"] == pytest.approx(min(totals))
            assert best["agents"] == int(np.argmin(totals))
    assert not risk_curve(demand)["best"].any()


def test_newsvendor_ratio():
    row = cheapest_agents(Demand.varying(300, 300, 0.1), agent_cost=10, miss_cost=2000).iloc[0]
    assert row["risk_saved"] < 10 / 2000  # one more agent is not worth it
    dear = cheapest_agents(Demand.varying(300, 300, 0.1), agent_cost=10, miss_cost=20_000).iloc[0]
    assert dear["agents"] > row["agents"]
    assert dear["miss_probability"] < row["miss_probability"]


def test_quantiles_of_a_forecast_become_scenarios():
    q = {p: stats.norm.ppf(p, [100.0, 40.0], [10.0, 8.0]) for p in (0.025, 0.1, 0.5, 0.9, 0.975)}
    demand = Demand.from_quantiles(q, 180, counts=False)
    mean = demand.weight @ demand.calls
    np.testing.assert_allclose(mean, [100, 40], rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(demand.weight @ (demand.calls - mean) ** 2), [10, 8], rtol=1e-4)
    for x in (85.0, 100.0, 117.0):
        back = quantile_at(q, stats.norm.isf(probability_above(q, np.array([x, 40.0]))))
        np.testing.assert_allclose(back, [x, 40.0])
    apart = Demand.from_quantiles(q, {0.1: 150.0, 0.9: 210.0}, days=[0, 1], paths=4000, counts=False)
    assert abs(np.corrcoef(apart.calls.T)[0, 1]) < 0.1
    assert np.quantile(apart.aht[:, 0], 0.9) == pytest.approx(210, rel=0.03)


def test_the_poisson_part_of_counts_is_taken_out():
    q = {p: np.array([stats.norm.ppf(p, 100, 12.0), stats.norm.ppf(p, 100, 9.0)]) for p in (0.1, 0.5, 0.9)}
    demand = Demand.from_quantiles(q, 180)
    spread = np.sqrt(demand.weight @ (demand.calls - 100) ** 2)
    assert spread[0] == pytest.approx(np.sqrt(144 - 100), rel=1e-3)
    assert spread[1] == 0  # less than Poisson: the rate is certain


def test_the_plan_says_what_to_expect_and_who_is_sure():
    mean, spread = np.array([100.0, 300.0, 0.0]), np.array([10.0, 40.0, 0.0])
    frame = pd.DataFrame({"unique_id": "phone", "ds": pd.date_range("2024-03-01 09:00", periods=3, freq="30min")})
    frame["deskcast"] = mean
    for level in (80, 95):
        z = stats.norm.ppf(0.5 + level / 200)
        counts = np.sqrt(mean + spread**2)
        frame[f"deskcast-lo-{level}"], frame[f"deskcast-hi-{level}"] = mean - z * counts, mean + z * counts
    plan = staffing_plan(frame, aht=180, shrinkage={"leave": 0.2, "training": 0.1}, confidence=0.8)
    assert plan["agents_sure"].tolist() == plan["agents_hi"].tolist()  # one meaning of sure
    surer = staffing_plan(frame, aht=180, confidence=0.9)["agents_sure"]
    assert (surer >= plan["agents_hi"]).all()
    assert surer.sum() > plan["agents_hi"].sum()
    assert plan["agents_to_schedule_sure"].tolist() == pytest.approx(plan["agents_sure"] / 0.72)
    assert plan["expected_service_level"].iloc[2] == 1
    rng = np.random.default_rng(0)
    for i in (0, 1):
        drawn = np.maximum(rng.normal(mean[i], spread[i], 20_000), 0)
        level = queue_performance(drawn, 180, plan["agents"].iloc[i])["service_level"]
        assert plan["expected_service_level"].iloc[i] == pytest.approx(np.average(level, weights=drawn), abs=5e-3)
        assert plan["expected_service_level"].iloc[i] < plan["service_level"].iloc[i]


def test_service_level_zero_asks_for_a_stable_queue_only():
    demand = Demand.from_paths([[60.0], [90.0], [110.0], [150.0]], 180)  # 6, 9, 11 and 15 Erlangs
    slots, _ = risk_of_short(demand, 12, service_level=0)
    assert slots["miss_probability"].tolist() == [0.25]
    assert agents_for_confidence(demand, 0.75, service_level=0).tolist() == [12]


def test_same_seed_same_demand():
    one, two = (Demand.varying(PROFILE, 300, 0.2, together=0.3, seed=4) for _ in range(2))
    assert (one.calls == two.calls).all()
    assert (one.calls != Demand.varying(PROFILE, 300, 0.2, together=0.3, seed=5).calls).any()


DEMAND = Demand.varying(PROFILE, 300, 0.1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Demand.varying([1, -1], 300), ["'calls', position 1"]),
        (lambda: Demand.varying(1, 300, spread=-0.1), ["'spread'", "from 0"]),
        (lambda: Demand.varying(1, 300, together=2), ["'together'", "up to 1"]),
        (lambda: Demand.from_paths([[1, 2], [3, np.nan]], 300), ["'calls', position (1, 1)", "missing"]),
        (lambda: Demand.from_paths([[1, 2]], [1, 2, 3]), ["'aht'", "shape"]),
        (lambda: Demand.from_quantiles({0.5: [1.0]}, 300), ["'calls'", "two quantiles"]),
        (lambda: Demand.from_quantiles({0.5: [1.0], 1.0: [2.0]}, 300), ["'calls (probabilities)', position 1"]),
        (lambda: Demand.from_quantiles({0.1: [1.0], 0.9: [np.inf]}, 300), ["'calls[0.9]', position 0"]),
        (lambda: Demand.from_quantiles({0.1: [1.0], 0.9: [2.0]}, 300, days=[1, 2]), ["'days'"]),
        (lambda: risk_of_short(DEMAND, [1, 2]), ["'agents'", "5 numbers"]),
        (lambda: risk_of_short(DEMAND, 5, service_level=1), ["'service_level'", "below 1"]),
        (lambda: risk_of_short(DEMAND, 5, service_level=[0.8, 0.9]), ["'service_level'", "one number"]),
        (lambda: risk_of_short(DEMAND, 5, days=[1]), ["'days'"]),
        (lambda: agents_for_confidence(DEMAND, 1.0), ["'confidence'", "below 1"]),
        (lambda: risk_curve(DEMAND, agent_cost=-1), ["'agent_cost'", "from 0"]),
        (lambda: cheapest_agents(DEMAND, agent_cost=1), ["'miss_cost'", "must cost something"]),
        (lambda: cheapest_agents(DEMAND, agent_cost=0, late_cost=1), ["'agent_cost'", "above 0"]),
    ],
)
def test_bad_demand_is_named(call, words):
    with pytest.raises(InputError) as error:
        call()
    for word in words:
        assert word in str(error.value)


@settings(max_examples=15, deadline=None)
@given(
    mean=st.floats(5, 300),
    spread=st.floats(0.0, 0.3),
    confidence=st.floats(0.5, 0.97),
    aht=st.floats(60, 600),
)
def test_sure_means_the_same_in_plan_and_demand(mean, spread, confidence, aht):
    """The agents of a stated confidence keep the target with that probability of the rate, and fewer do not."""
    counts = np.sqrt(mean + (spread * mean) ** 2)
    frame = pd.DataFrame({"unique_id": "phone", "ds": [pd.Timestamp("2024-03-01 09:00")], "deskcast": [mean]})
    for level in (80, 95):
        z = stats.norm.ppf(0.5 + level / 200)
        frame[f"deskcast-lo-{level}"], frame[f"deskcast-hi-{level}"] = mean - z * counts, mean + z * counts
    sure = int(staffing_plan(frame, aht=aht, max_occupancy=None, confidence=confidence)["agents_sure"].iloc[0])
    rate = max(stats.norm.ppf(confidence, mean, spread * mean), mean) if spread else mean
    # at the very edge the rounding of the quantiles may decide
    near = required_agents([rate * (1 - 1e-6), rate * (1 + 1e-6)], aht, max_occupancy=None)["agents"].tolist()
    assert near[0] <= sure <= near[1]


@settings(max_examples=15, deadline=None)
@given(st.floats(2, 400), st.floats(0.0, 0.4))
def test_poisson_counts_once_in_a_demand_from_quantiles(mean, spread):
    """Counts that spread as a mixed Poisson process does give back the spread of its rate."""
    counts = np.sqrt(mean + (spread * mean) ** 2)
    lowest = mean - stats.norm.ppf(0.975) * counts
    q = {p: np.array([stats.norm.ppf(p, mean, counts)]) for p in (0.025, 0.1, 0.5, 0.9, 0.975)}
    demand = Demand.from_quantiles(q, 180)
    found = float(np.sqrt(demand.weight @ (demand.calls[:, 0] - mean) ** 2))
    if lowest > 0 and spread * mean < mean / 5:
        assert found == pytest.approx(spread * mean, rel=0.01, abs=0.02 * counts)
    slots, _ = risk_of_short(demand, int(required_agents(mean, 180)["agents"].iloc[0]))
    assert 0 <= slots["miss_probability"].iloc[0] <= 0.5


def test_the_day_misses_less_often_than_its_slots_where_they_have_room():
    """A day with one tight slot and many easy ones keeps its target though the slot does not."""
    ds = pd.date_range("2024-03-01 09:00", periods=8, freq="30min")
    frame = pd.DataFrame({"unique_id": "phone", "ds": ds, "deskcast": [108.0, *[60.0] * 7]})
    for level in (80, 95):
        z = stats.norm.ppf(0.5 + level / 200)
        counts = np.sqrt(frame["deskcast"] + (0.1 * frame["deskcast"]) ** 2)
        frame[f"deskcast-lo-{level}"] = frame["deskcast"] - z * counts
        frame[f"deskcast-hi-{level}"] = frame["deskcast"] + z * counts
    plan = staffing_plan(frame, aht=180)
    assert plan["day_miss_probability"].nunique() == 1
    assert plan["day_miss_probability"].iloc[0] < plan["miss_probability"].iloc[0]
    weighted = np.average(plan["expected_service_level"], weights=plan["calls"])
    assert weighted < np.average(plan["service_level"], weights=plan["calls"])
