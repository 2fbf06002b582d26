"""Queues: golden values, anchors, limits, laws, and faults."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.queueing.erlang import PERFORMANCE_COLUMNS, erlang_b, erlang_c, queue_performance
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

ORACLES = Path(__file__).resolve().parent.parent.parent / "oracles"
GOLDEN = pd.read_csv(ORACLES / "queues.csv")
INPUTS = ["calls", "aht", "agents", "interval", "threshold", "patience"]

loads = st.floats(0.01, 2000)
slacks = st.floats(-0.7, 1.5)
patiences = st.one_of(st.just(np.inf), st.floats(1, 1e6))


@pytest.mark.parametrize("column", PERFORMANCE_COLUMNS)
def test_golden_file_of_fifty_digits(column):
    assert len(GOLDEN) >= 100
    found = queue_performance(*(GOLDEN[c].to_numpy() for c in INPUTS))[column]
    np.testing.assert_allclose(found, GOLDEN[column], rtol=1e-12, atol=1e-300)


def test_golden_file_spans_what_is_promised():
    assert GOLDEN["load"].max() == 500_000
    assert GOLDEN.loc[GOLDEN["load"] > 0, "load"].min() <= 0.001
    assert GOLDEN["patience"].replace(np.inf, np.nan).max() >= 1e9
    assert (GOLDEN["agents"] % 1 > 0).sum() >= 10


def test_golden_file_is_what_its_script_makes():
    import queues

    small = [row for row in queues.settings() if 0 < row[0] * row[1] / row[3] < 400 and row[5] < 1e5]
    for row in small[::5]:
        golden = GOLDEN[(GOLDEN[INPUTS] == list(row)).all(axis=1)].iloc[0]
        np.testing.assert_allclose(
            [float(x) for x in queues.queue(*row)], golden[list(PERFORMANCE_COLUMNS)].tolist(), rtol=1e-15
        )


def test_anchors_of_the_literature():
    anchor = queue_performance(calls=100, aht=180, agents=14).iloc[0]
    assert anchor["wait_probability"] == pytest.approx(0.1741, abs=5e-5)
    assert anchor["service_level"] == pytest.approx(0.8884, abs=5e-5)
    assert anchor["mean_wait"] == pytest.approx(7.84, abs=5e-3)
    assert erlang_b(8.108, 15) == pytest.approx(0.01, abs=1e-6)


def test_service_level_is_answered_in_time_over_offered():
    # ten Erlangs of three-minute calls on ten agents, five minutes of patience, twenty seconds
    found = queue_performance(100, 180, 10, threshold=20, patience=300).iloc[0]
    assert found["service_level"] == pytest.approx(0.517, abs=5e-4)
    assert found["service_level"] / (1 - found["abandonment"]) == pytest.approx(0.580, abs=5e-4)  # over answered


def followed(a, n, h, t, ahead):
    """Chance that a customer with ``ahead`` before them is served by t: their own place in the line as a chain."""
    rates = np.zeros((ahead + 2, ahead + 2))  # places ahead .. 0 in line, then served
    for k in range(ahead + 1):  # k others before; one of them or of the n busy leaves, or the customer gives up
        rates[k, k - 1 if k else ahead + 1] = n + k * h
        rates[k, k] = -(n + (k + 1) * h)
    return expm(rates * t)[ahead, ahead + 1]


@pytest.mark.parametrize(("a", "n", "patience"), [(3.0, 3, 200.0), (5.0, 4, 60.0), (2.0, 4, 900.0), (6.0, 2, 100.0)])
def test_service_level_by_following_single_customers(a, n, patience):
    h, t = 300 / patience, 40 / 300
    weights = np.cumprod([1.0] + [a / (n + h * (k - n)) if k > n else a / k for k in range(1, 200)])
    states = weights / weights.sum()
    served = states[:n].sum() + sum(states[n + j] * followed(a, n, h, t, j) for j in range(40))
    found = queue_performance(a * 6, 300, n, threshold=40, patience=patience)["service_level"].iloc[0]
    assert found == pytest.approx(served, rel=1e-6)


@given(loads, st.integers(0, 60))
def test_loss_formula_against_its_recursion(load, lines):
    lost = 1.0
    for k in range(1, lines + 1):
        lost = load * lost / (k + load * lost)
    assert erlang_b(load, lines) == pytest.approx(lost, rel=1e-12)


@given(loads, st.floats(0, 500))
def test_loss_formula_between_whole_lines(load, lines):
    below, above = erlang_b(load, lines), erlang_b(load, lines + 1)
    assert above == pytest.approx(load * below / (lines + 1 + load * below), rel=1e-11)


@settings(deadline=None)
@given(loads, slacks, st.floats(1, 3600), st.floats(0, 600), patiences)
@example(1560.007680108009, 0.0625, 1.0, 1.0, np.inf)  # shares that add up to 1 and a rounding
def test_laws_that_hold_in_every_queue(load, slack, aht, threshold, patience):
    agents = load * (1 + slack)
    calls = load * 1800 / aht
    found = queue_performance(calls, aht, [agents, agents * 1.01], threshold=threshold, patience=patience)
    shares = found[["occupancy", "wait_probability", "service_level", "abandonment"]].to_numpy()
    assert np.isfinite(shares).all()
    assert (shares >= 0).all()
    assert (shares <= 1).all()
    here, more = found.iloc[0], found.iloc[1]
    assert more["service_level"] >= here["service_level"] - 1e-12
    assert more["mean_wait"] <= here["mean_wait"] * (1 + 1e-12)
    if np.isfinite(patience) or agents > load * 1.0001:
        assert here["mean_queue"] == pytest.approx(calls / 1800 * here["mean_wait"], rel=1e-9)  # Little
        assert here["occupancy"] == pytest.approx(load * (1 - here["abandonment"]) / agents, rel=1e-9)
        assert here["service_level"] >= 1 - here["wait_probability"] - 1e-12
    if np.isfinite(patience):
        assert here["abandonment"] == pytest.approx(here["mean_wait"] / patience, rel=1e-9)


@pytest.mark.parametrize("slack", [0.05, 0.5])
def test_endless_patience_is_erlang_c(slack):
    for load in (0.5, 50, 5000):
        calls, agents = load * 6, load * (1 + slack) + 1
        never, late = (queue_performance(calls, 300, agents, patience=p).iloc[0] for p in (None, 1e12))
        np.testing.assert_allclose(late.drop("abandonment"), never.drop("abandonment"), rtol=1e-6)


def test_overload_without_abandonment_is_said():
    found = queue_performance(100, 180, [9, 10])
    for _, row in found.iterrows():
        assert (row["wait_probability"], row["service_level"], row["occupancy"]) == (1, 0, 1)
        assert row["mean_wait"] == row["mean_queue"] == np.inf
    assert erlang_c(10, [9, 10, 10.000001]).max() <= 1


def test_nobody_calls_and_nobody_is_there():
    quiet = queue_performance(0, 180, [0, 5]).drop(columns=["load"])
    assert (quiet["service_level"] == 1).all()
    assert (quiet.drop(columns="service_level") == 0).all(axis=None)
    alone = queue_performance(10, 180, 0, patience=60).iloc[0]
    assert (alone["abandonment"], alone["service_level"], alone["mean_wait"]) == (1, 0, 60)
    assert queue_performance(10, 180, 0)["mean_wait"].iloc[0] == np.inf
    assert erlang_b([0, 0, 3], [0, 2, 0]).tolist() == [1, 0, 1]


def test_arrays_broadcast_and_a_series_lends_its_index():
    grid = queue_performance([[50], [100]], 180, [12, 14, 16])
    assert len(grid) == 6
    assert grid["service_level"].iloc[4] == queue_performance(100, 180, 14)["service_level"].iloc[0]
    calls = pd.Series([50, 100], index=["mon", "tue"])
    assert queue_performance(calls, 180, 14).index.tolist() == ["mon", "tue"]
    assert len(queue_performance([], 180, 14)) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"calls": [1, -2]}, ["'calls', position 1", "-2"]),
        ({"calls": [1, np.nan]}, ["'calls', position 1", "missing"]),
        ({"aht": np.inf}, ["'aht'", "inf"]),
        ({"aht": 0}, ["'aht'", "above 0"]),
        ({"agents": ["a", 2]}, ["'agents', position 0", "not a valid number", "'a'"]),
        ({"agents": [[1, 2], [3, -1]]}, ["'agents', position (1, 1)"]),
        ({"interval": 0}, ["'interval'"]),
        ({"patience": [60, 0]}, ["'patience', position 1"]),
        ({"threshold": True}, ["'threshold'", "not a valid number"]),
        ({"threshold": -1}, ["'threshold'", "from 0"]),
        ({"calls": [1, 2], "aht": [1, 2, 3]}, ["'aht'", "shape"]),
        ({"calls": [[1, 2], [3]]}, ["'calls'", "differ in length"]),
        ({"calls": [1, 2j]}, ["'calls', position 0", "not a valid number"]),
        ({"calls": [1, 10**400]}, ["'calls', position 1", "inf"]),
        ({"calls": [1, 1e300]}, ["'calls', position 1", "the load is too large"]),
    ],
)
def test_bad_input_is_named(arguments, words):
    with pytest.raises(InputError) as error:
        queue_performance(**({"calls": 10, "aht": 180, "agents": 5} | arguments))
    for word in words:
        assert word in str(error.value)


def test_hardly_any_line_is_none():
    assert erlang_b([0.5, 1.0, 100.0], 5e-324).tolist() == [1.0, 1.0, 1.0]
