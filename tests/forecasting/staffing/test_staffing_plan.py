"""Requirement, schedule and plan: anchors, minimality, rounding, risk, and faults."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.integer_search import find_smallest
from deskcast.forecasting.queueing.erlang import queue_performance
from deskcast.forecasting.scenarios.quantiles import probability_above, rate_quantiles
from deskcast.forecasting.staffing.staffing_plan import find_max_calls, required_agents, scheduled_agents, staffing_plan
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

PLAN = [
    *("queue", "ds", "calls", "calls_hi", "aht_s", "load", "agents", "agents_to_schedule", "agents_hi"),
    *(
        "service_level",
        "occupancy",
        "mean_wait_s",
        "miss_probability",
        "binding",
        "expected_service_level",
        "day_miss_probability",
    ),
]


def ahead(mean, spread, ids="phone", slots=None):
    mean = np.atleast_1d(np.asarray(mean, dtype=float))
    frame = pd.DataFrame({"unique_id": ids, "ds": pd.date_range("2024-03-01 09:00", periods=len(mean), freq="30min")})
    frame["deskcast"] = mean
    for level in (80, 95):
        z = stats.norm.ppf(0.5 + level / 200)
        frame[f"deskcast-lo-{level}"] = np.maximum(mean - z * spread, 0)
        frame[f"deskcast-hi-{level}"] = mean + z * spread
    return frame


def test_anchors():
    need = required_agents(100, 180, max_occupancy=0.85).iloc[0]
    assert (need["agents"], need["binding"]) == (14, "service_level")
    assert need["wait_probability"] == pytest.approx(0.1741, abs=5e-5)
    assert scheduled_agents(14, 0.30) == 20
    fifty = required_agents(300, 300, max_occupancy=None, patience=[np.inf, 120])
    assert fifty["agents"].tolist() == [57, 51]


def test_shrinkage_does_not_pay_for_rounding_errors():
    assert scheduled_agents(21, 0.30) == 30
    assert scheduled_agents([[14], [21]], [0.0, 0.3]).tolist() == [[14, 20], [21, 30]]
    assert scheduled_agents(0, 0.5) == 0
    agents = np.arange(1, 2000)
    for percent in range(100):
        people = scheduled_agents(agents, percent / 100)
        exact = -(-agents * 100 // (100 - percent))
        assert (people == exact).all()


def test_occupancy_does_not_pay_for_rounding_errors():
    need = required_agents(35.7 * 6, 300, service_level=0, max_occupancy=0.85).iloc[0]
    assert (need["agents"], need["binding"]) == (42, "occupancy")


@settings(deadline=None, max_examples=60)
@given(
    st.floats(0.001, 3000),
    st.floats(10, 3000),
    st.floats(0, 0.995),
    st.floats(0, 120),
    st.floats(0.3, 1),
    st.one_of(st.just(np.inf), st.floats(5, 5000)),
)
def test_the_number_meets_and_one_fewer_does_not(load, aht, target, threshold, cap, patience):
    calls = load * 1800 / aht
    need = required_agents(calls, aht, 1800, target, threshold, cap, patience).iloc[0]
    assert need["agents"] >= 1
    assert need["service_level"] >= target - 1e-9
    assert need["occupancy"] <= cap + 1e-9
    if need["agents"] > 1:
        fewer = queue_performance(calls, aht, need["agents"] - 1, 1800, threshold, patience).iloc[0]
        unstable = fewer["mean_wait"] > 1e12  # rounding may leave a hair of room
        missed = {"service_level": fewer["service_level"] < target, "occupancy": fewer["occupancy"] > cap - 1e-9}
        assert unstable or missed.get(need["binding"], False)


def test_rows_of_the_requirement_are_those_of_the_performance():
    calls = np.array([0, 3, 80, 300, 5000])
    need = required_agents(calls, 240, patience=[np.inf, 60, np.inf, 300, np.inf])
    found = queue_performance(calls, 240, need["agents"], patience=[np.inf, 60, np.inf, 300, np.inf])
    pd.testing.assert_frame_equal(need[list(found.columns)], found)
    assert need["agents"].iloc[0] == 0
    assert need["binding"].iloc[0] == "no calls"


def test_service_level_zero_asks_for_a_stable_queue_only():
    need = required_agents([300, 299, 0.001], 300, service_level=0, max_occupancy=None)
    assert need["agents"].tolist() == [51, 50, 1]
    assert set(need["binding"]) == {"stability"}
    assert np.isfinite(need["mean_wait"]).all()


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 50), st.integers(0, 6000)), min_size=1, max_size=8))
def test_search_finds_the_smallest(rows):
    truth, floor, guess = (np.array(x) for x in zip(*rows, strict=True))
    found = find_smallest(lambda at, n: n >= truth[at], floor, guess)
    assert found.tolist() == np.maximum(truth, floor).tolist()


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 400), st.floats(30, 1000), st.floats(0.05, 0.98), st.one_of(st.none(), st.floats(20, 2000)))
def test_most_calls_are_just_kept(agents, aht, target, patience):
    most = float(find_max_calls(agents, aht, 1800, target, 20, patience)[0])
    kept, lost = queue_performance([most, most * 1.001], aht, agents, 1800, 20, patience)["service_level"]
    assert kept >= target - 1e-9
    assert lost < target


def test_plan_has_the_agreed_columns_and_agrees_with_the_requirement():
    frame = ahead([0, 20, 100], 10.0)
    frame.loc[0, frame.columns[2:]] = 0.0
    plan = staffing_plan(frame, aht=180, shrinkage=0.3, queue="phone")
    assert plan.columns.tolist() == PLAN
    need = required_agents(frame["deskcast"], 180)
    assert plan["agents"].tolist() == need["agents"].tolist()
    sure = required_agents([0, 20 + 0.8416 * np.sqrt(100 - 20), 100], 180)  # 100 +- 10 is Poisson: the rate is known
    assert plan["agents_hi"].tolist() == sure["agents"].tolist()
    assert plan["agents_to_schedule"].tolist() == pytest.approx(plan["agents"] / 0.7)
    assert plan.iloc[0][["agents", "agents_to_schedule", "agents_hi", "miss_probability"]].tolist() == [0, 0, 0, 0]
    assert plan["binding"].iloc[0] == "no calls"


def test_risk_is_the_share_of_drawn_rates_that_miss():
    rng = np.random.default_rng(0)
    for mean, spread, patience in ((100, 10, None), (300, 40, 120), (40, 12, None)):
        counts = np.sqrt(mean + spread**2)  # what a forecast of counts shows when the rate is off by ``spread``
        plan = staffing_plan(ahead(mean, counts), aht=180, patience=patience).iloc[0]
        drawn = np.maximum(rng.normal(mean, spread, 20_000), 0)
        missed = queue_performance(drawn, 180, plan["agents"], patience=patience)["service_level"] < 0.8
        assert plan["miss_probability"] == pytest.approx(missed.mean(), abs=0.015)


def test_a_wider_forecast_is_riskier_and_a_sure_one_is_not():
    risks = [staffing_plan(ahead(100, s), aht=180)["miss_probability"].iloc[0] for s in (0, 5, 20, 50)]
    assert risks[:2] == [0, 0]
    assert risks == sorted(risks)
    assert risks[-1] < 0.5


def test_several_series_keep_their_names_and_handle_times():
    frame = pd.concat([ahead(100, 5, "phone"), ahead(100, 5, "chat")], ignore_index=True)
    plan = staffing_plan(frame, aht=[180, 360])
    assert plan["queue"].tolist() == ["phone", "chat"]
    assert plan["agents"].iloc[1] > plan["agents"].iloc[0]


def test_chance_above_follows_its_quantiles():
    probabilities = (0.025, 0.1, 0.5, 0.9, 0.975)
    quantiles = {p: np.array([stats.norm.ppf(p, 50, 10)]) for p in probabilities}
    for x in (20.0, 37.2, 50.0, 58.0, 90.0):
        assert probability_above(quantiles, np.array([x]))[0] == pytest.approx(stats.norm.sf(x, 50, 10), rel=1e-9)
    crossed = {0.1: np.array([5.0]), 0.5: np.array([3.0]), 0.9: np.array([8.0])}
    assert 0 <= probability_above(crossed, np.array([4.0]))[0] <= 1
    assert probability_above(crossed, np.array([np.inf]))[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"service_level": 1}, ["'service_level'", "below 1"]),
        ({"service_level": [0.8, -0.1]}, ["'service_level', position 1"]),
        ({"max_occupancy": 0}, ["'max_occupancy'", "above 0"]),
        ({"max_occupancy": 1.2}, ["'max_occupancy'"]),
        ({"calls": "many"}, ["'calls'", "not a valid number", "many"]),
        ({"calls": [3, None]}, ["'calls', position 1", "missing"]),
        ({"interval": 0}, ["'interval'"]),
    ],
)
def test_bad_requirements_are_named(arguments, words):
    with pytest.raises(InputError) as error:
        required_agents(**({"calls": 10, "aht": 180} | arguments))
    for word in words:
        assert word in str(error.value)


def test_bad_shrinkage_and_forecasts_are_named():
    with pytest.raises(InputError, match="'shrinkage'"):
        scheduled_agents(10, 1)
    with pytest.raises(InputError, match="deskcast-hi-95"):
        staffing_plan(ahead(10, 1).drop(columns="deskcast-hi-95"), aht=180)
    bad = ahead([10, 20], 1)
    bad.loc[1, "deskcast"] = np.nan
    with pytest.raises(InputError, match="'deskcast', position 1"):
        staffing_plan(bad, aht=180)


@pytest.mark.parametrize(("spread", "expected"), [(0.05, 0.797), (0.10, 0.693), (0.20, 0.571)])
def test_a_varying_rate_costs_what_the_references_say(spread, expected):
    quantile = (np.arange(4000) + 0.5) / 4000
    rate = stats.gamma.ppf(quantile, 1 / spread**2, scale=spread**2)
    met = queue_performance(300 * rate, 300, 57)["service_level"]
    assert np.average(met, weights=rate) == pytest.approx(expected, abs=2e-3)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.001, 400), st.floats(0, 0.9), st.sampled_from([(0.1, 0.9), (0.025, 0.1, 0.9, 0.975)]))
def test_counts_of_a_known_rate_leave_it_certain_however_few_they_are(mean, part, shares):
    """Quantiles of Poisson counts, and what a forecast makes of an hour in which hardly anybody calls."""
    counts = {p: np.array([stats.poisson.ppf(p, mean)]) for p in shares}
    known = dict(sorted((counts | {0.5: np.array([mean])}).items()))
    rates = rate_quantiles(known)
    if mean < 5:
        assert np.ptp(list(rates.values())) == pytest.approx(0, abs=1e-9)
    else:
        assert np.ptp(list(rates.values())) <= 0.5 * np.ptp(list(known.values()))
    empty = rate_quantiles(dict(sorted({p: np.array([part * (p > 0.5)]) for p in shares}.items())))
    assert np.ptp(list(empty.values())) == 0
