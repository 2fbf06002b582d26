"""Plans that are played: against formulas, by conservation, with skills, chats, spread rates and closed nights."""

import math

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.queueing.patience import Patience
from deskcast.forecasting.simulation.check_plan import check_plan
from deskcast.forecasting.simulation.plan_run import build_agents, draw_patience
from deskcast.forecasting.simulation.queue import Agent
from deskcast.forecasting.staffing.staffing_plan import required_agents, staffing_plan


def plan(agents=14, slots=6, calls=100.0, aht=180.0, **columns):
    ds = pd.date_range("2024-03-01 08:00", periods=slots, freq="30min")
    return pd.DataFrame({"ds": ds, "calls": calls, "aht_s": aht, "agents": agents, **columns})


def whole(found, period="all"):
    return found[found["period"] == period].iloc[0]


def inside(row, column, value):
    return row[f"{column}_lo"] <= value <= row[f"{column}_hi"]


def test_the_formula_lies_in_the_intervals_of_a_long_day():
    found = check_plan(plan(slots=30), patience=240, replications=60, level=0.999)
    late = found[found["period"] == "interval"].iloc[5:]
    row = late.iloc[-1]
    for column in ("service_level", "abandonment", "mean_wait_s", "occupancy"):
        assert inside(row, column, row[f"formula_{column}"]), column
    # 99.9 % intervals of correlated slots: all but a rare one
    covered = (late["service_level_lo"] <= late["formula_service_level"]) & (
        late["formula_service_level"] <= late["service_level_hi"]
    )
    assert covered.mean() > 0.9


@pytest.mark.parametrize("patience", [Patience.fixed(60), Patience.erlang(90, stages=2), None, 120])
def test_any_patience(patience):
    row = check_plan(plan(agents=12, slots=40), patience=patience, replications=40, level=0.9999).iloc[39]
    assert inside(row, "service_level", row["formula_service_level"])
    assert np.isnan(row["over_day_service_level"]) == isinstance(patience, Patience)


def test_drawn_patience_has_its_mean():
    rng = np.random.default_rng(1)
    for patience in (
        Patience.hyperexponential([0.3, 0.7], [10, 300]),
        Patience.erlang(90, 3),
        Patience.observed([30, 90], [0.5, 0.0]),
    ):
        drawn = draw_patience(patience, 100_000, rng)
        assert drawn.mean() == pytest.approx(patience.mean, rel=0.02)
    some = draw_patience(Patience.observed([30], [0.4]), 100_000, rng)
    assert np.isinf(some).mean() == pytest.approx(0.4, abs=0.01)


def test_periods_add_up():
    two_days = pd.concat([plan(), plan().assign(ds=lambda f: f["ds"] + pd.Timedelta(days=1))])
    found = check_plan(two_days, patience=200, replications=20)
    slots, days, all_ = (found[found["period"] == p] for p in ("interval", "day", "all"))
    assert len(slots), len(days) == (12, 2)
    assert slots["calls"].sum() == pytest.approx(days["calls"].sum()) == pytest.approx(all_["calls"].sum())
    for column in ("service_level", "abandonment", "mean_wait_s"):
        assert np.average(slots[column], weights=slots["calls"]) == pytest.approx(all_[column].iloc[0])
        assert all_[f"{column}_lo"].iloc[0] < all_[column].iloc[0] < all_[f"{column}_hi"].iloc[0]


def test_same_seed_same_result_in_any_order():
    both = pd.concat([plan(queue="phone"), plan(queue="chat", agents=6)])
    options = {"concurrency": {"phone": 1, "chat": 3}, "slowdown": 0.2, "replications": 5, "seed": 3}
    first = check_plan(both, **options)
    pd.testing.assert_frame_equal(first, check_plan(both.sample(frac=1, random_state=1), **options))
    assert not first["service_level"].equals(check_plan(both, **(options | {"seed": 4}))["service_level"])


def test_a_rate_that_varies_lowers_the_service_level():
    """57 agents for 50 Erlangs: 0.845 with a known rate, about 0.69 where it varies by a tenth."""
    base = plan(agents=57, slots=12, calls=300.0, aht=300.0)
    known = whole(check_plan(base, replications=30))
    spread = whole(check_plan(base, replications=200, day_spread=0.1, seed=1))
    assert known["service_level"] == pytest.approx(0.86, abs=0.03)
    assert spread["service_level"] < known["service_level"] - 0.08
    assert spread["target_met"] < known["target_met"]


def test_spare_agents_for_the_forecast_quantile_hold_on_as_many_days():
    """Staffed for the 90 % quantile of the day's rate, about nine of ten days reach the target; for the mean, few."""
    from scipy import stats

    spread, calls = 0.1, 100.0
    high = stats.gamma.ppf(0.9, 1 / spread**2, scale=calls * spread**2)
    met = []
    for volume in (calls, high):
        agents = int(required_agents(volume, 300, max_occupancy=None)["agents"].iloc[0])
        day = plan(agents=agents, slots=16, calls=calls, aht=300.0)
        met.append(whole(check_plan(day, replications=200, day_spread=spread, seed=2), "day")["target_met"])
    assert 0.83 <= met[1] <= 0.97
    assert met[0] < 0.75


def test_skills_are_used():
    both = pd.concat([plan(queue="a", agents=7, calls=50.0), plan(queue="b", agents=7, calls=50.0)])
    apart = check_plan(both, replications=30)
    end = 6 * 1800.0
    pooled = check_plan(both, replications=30, crew=[Agent((0, 1), ((0.0, end),))] * 14)
    strict = check_plan(both, replications=30, crew=[Agent((i % 2,), ((0.0, end),)) for i in range(14)])
    level = [f[f["period"] == "all"]["service_level"].mean() for f in (apart, strict, pooled)]
    assert level[0] == pytest.approx(level[1], abs=0.02)
    assert level[2] > level[0] + 0.05
    assert pooled["occupancy"].isna().all()


def test_chats_at_once():
    row = whole(check_plan(plan(agents=6, slots=20), concurrency=3, slowdown=0.2, replications=30))
    alone = whole(check_plan(plan(agents=6, slots=20), replications=5, patience=60))
    assert inside(row, "occupancy", row["formula_occupancy"]) or abs(row["occupancy"] - row["formula_occupancy"]) < 0.03
    assert row["service_level"] > 0.8 > alone["service_level"]


def test_a_closed_night_ends_the_queue_of_callers_and_keeps_that_of_letters():
    day = plan(agents=4, slots=4, calls=60.0)
    two = pd.concat([day, day.assign(ds=lambda f: f["ds"] + pd.Timedelta(days=1), calls=[30.0, 0, 0, 0])])
    callers = check_plan(two, patience=300, replications=20)
    letters = check_plan(two, replications=20)
    morning = [f[(f["period"] == "interval")].iloc[4]["mean_wait_s"] for f in (callers, letters)]
    assert morning[0] < 300 < morning[1]
    night = letters[letters["period"] == "interval"].iloc[3]["mean_wait_s"]
    assert night > 20_000


def test_overtime_is_counted():
    short = plan(slots=2, calls=[60.0, 0.0], agents=[20, 0], aht=600.0)
    found = check_plan(short, replications=200)
    busy_at_close = 20 * (1 - math.exp(-3))  # 20 Erlangs on 20 agents, nearly in balance at the end
    assert whole(found)["overtime_h"] == pytest.approx(busy_at_close * 600 / 3600, rel=0.15)
    flat = whole(check_plan(plan(slots=2), replications=20))["overtime_h"]
    assert 0 < flat < whole(found)["overtime_h"]


def test_agents_come_and_go():
    crew = build_agents([2, 3, 0, 1], [0, 60, 120, 600], 60)
    present = [[sum(on <= t < off for on, off in a.shifts) for a in crew] for t in (30, 90, 130, 630)]
    assert [sum(p) for p in present] == [2, 3, 0, 1]
    assert crew[0].shifts == ((0.0, 120.0), (600.0, 660.0))


def test_it_takes_what_the_planner_makes():
    ahead = pd.DataFrame({"unique_id": "phone", "ds": plan()["ds"], "deskcast": 100.0})
    ahead = ahead.assign(**{"deskcast-lo-80": 90.0, "deskcast-hi-80": 110.0})
    made = staffing_plan(ahead, aht=180, levels=(80,))
    row = whole(check_plan(made, replications=30))
    assert row["service_level"] > 0.8
    assert row["formula_service_level"] == pytest.approx(0.8884, abs=1e-4)


def test_a_day_without_calls():
    row = whole(check_plan(plan(calls=0.0), replications=3))
    assert row["calls"] == 0
    assert np.isnan(row["service_level"])
    assert np.isnan(row["target_met"])
    assert row["occupancy"] == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"plan": plan().drop(columns="aht_s")}, "column 'aht_s': missing column"),
        ({"plan": plan(agents=1.5)}, "column 'agents'"),
        ({"plan": plan(calls=-1.0)}, "argument 'calls', position 0"),
        ({"plan": plan().iloc[:0]}, "missing intervals"),
        ({"interval": 3600}, "overlap"),
        ({"replications": 1}, "argument 'replications'"),
        ({"replications": 2.5}, "argument 'replications': part of a run"),
        ({"replications": "many"}, "argument 'replications': not a valid number"),
        ({"level": 99}, "argument 'level': the number is out of range"),
        ({"level": np.nan}, "argument 'level': the number is missing"),
        ({"day_spread": [0.1, 0.2]}, "argument 'day_spread': value must be one number"),
        ({"patience": 0}, "argument 'patience'"),
        ({"threshold": {"chat": 20}}, "the queue has no value"),
        ({"day_spread": -1}, "argument 'day_spread'"),
        ({"service_level": 1.0}, "argument 'service_level'"),
        ({"concurrency": 3, "crew": [Agent((0,), ((0, 9),))]}, "argument 'concurrency'"),
        ({"patience": Patience.fixed([60.0, 70.0])}, "one distribution"),
    ],
)
def test_bad_input_is_named(change, words):
    with pytest.raises(InputError, match=words):
        check_plan(**({"plan": plan(), "replications": 2} | change))


@pytest.mark.parametrize("name", ["Erlang C", "Erlang A", "M/M/n+D", "M/M/n+E2", "chat, no slowdown", "over a day"])
def test_formulas_lie_in_the_joint_interval_of_random_settings(name):
    from simulation_vs_formula import run_model

    table = run_model(name, settings=4, length=3000, seed=11)
    assert len(table) >= 6
    assert table["inside_all"].all(), table.to_string()
    assert table["inside"].mean() >= 0.8
