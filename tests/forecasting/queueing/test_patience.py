"""Callers of any patience: golden values of 40 digits, limits, laws, definitions of the service level, and faults."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.queueing.balance import PERFORMANCE_COLUMNS, SERVICE_LEVEL_DEFINITIONS
from deskcast.forecasting.queueing.erlang import queue_performance
from deskcast.forecasting.queueing.patience import ErlangMixture, Patience
from hypothesis import given, settings
from hypothesis import strategies as st

ORACLES = Path(__file__).resolve().parent.parent.parent / "oracles"
GOLDEN = pd.read_csv(ORACLES / "queues_patience.csv")
INPUTS = ["model", "calls", "aht", "agents", "threshold", "p1", "p2", "p3", "p4"]

kinds = st.sampled_from(["exponential", "fixed", "erlang", "hyper", "observed"])


def patience_of(model, p1, p2=None, p3=None):
    if model == "fixed":
        return Patience.fixed(p1)
    if model == "two":
        return Patience.observed([p2, p3], [1 - p1, 0.0])
    if model == "erlang":
        return Patience.erlang(p1, int(p2))
    return Patience.hyperexponential([p1, 1 - p1], [p2, p3])


def some_patience(kind, mean):
    return {
        "exponential": lambda: mean,
        "fixed": lambda: Patience.fixed(mean),
        "erlang": lambda: Patience.erlang(mean, 4),
        "hyper": lambda: Patience.hyperexponential([0.3, 0.7], [mean / 9, mean * 1.4]),
        "observed": lambda: Patience.observed(mean * np.array([0.1, 0.5, 1.0, 3.0]), [0.8, 0.5, 0.2, 0.0]),
    }[kind]()


def golden(definition):
    rows = [
        queue_performance(
            r.calls, r.aht, r.agents, threshold=r.threshold, patience=patience_of(r.model, r.p1, r.p2, r.p3),
            definition=definition,
        )
        for r in GOLDEN.itertuples()
    ]  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def test_golden_file_of_forty_digits():
    found = golden("offered")
    usual = GOLDEN["service_level"] > 1e-100  # two service levels below 1e-200, which nobody staffs for
    assert usual.sum() >= len(GOLDEN) - 2
    for column in PERFORMANCE_COLUMNS:
        np.testing.assert_allclose(found[column][usual], GOLDEN[column][usual], rtol=1e-12, err_msg=column)
        np.testing.assert_allclose(found[column], GOLDEN[column], rtol=1e-9, err_msg=column)


@pytest.mark.parametrize("definition", SERVICE_LEVEL_DEFINITIONS[1:])
def test_golden_file_under_the_other_definitions(definition):
    found, usual = golden(definition)["service_level"], GOLDEN[definition] > 1e-100
    np.testing.assert_allclose(found[usual], GOLDEN[definition][usual], rtol=1e-12)


def test_golden_file_is_what_its_script_makes():
    import queues_general

    rows = [r for r in queues_general.patience_settings() if 1 < r[1] * r[2] / 1800 < 60]
    for row in rows[::9]:
        values, levels = queues_general.general(*row)
        given = [np.nan if x == "" else x for x in row]
        same = [(GOLDEN[c].isna() & (x != x)) | (GOLDEN[c] == x) for c, x in zip(INPUTS, given, strict=True)]
        line = GOLDEN[np.logical_and.reduce(same)].iloc[0]
        made = [float(x) for x in (*values, *levels)]
        np.testing.assert_allclose(made, line[len(INPUTS) :].astype(float).tolist(), rtol=1e-13)


def test_four_definitions_of_the_service_level():
    # ten Erlangs of three-minute calls on ten agents, five minutes of patience, twenty seconds
    wanted = {"offered": 0.517, "answered": 0.580, "short_abandons_met": 0.552, "short_abandons_excluded": 0.535}
    assert set(wanted) == set(SERVICE_LEVEL_DEFINITIONS)
    for definition, level in wanted.items():
        found = queue_performance(100, 180, 10, patience=300, definition=definition)["service_level"].iloc[0]
        assert found == pytest.approx(level, abs=6e-4), definition


def test_definitions_agree_where_nobody_gives_up():
    levels = [
        queue_performance(100, 180, [9, 12, 14], definition=d)["service_level"] for d in SERVICE_LEVEL_DEFINITIONS
    ]
    for other in levels[1:]:
        pd.testing.assert_series_equal(levels[0], other)


@settings(deadline=None, max_examples=60)
@given(kinds, st.floats(0.05, 800), st.floats(-0.6, 0.8), st.floats(2, 5000), st.floats(0, 300))
def test_laws_of_any_patience(kind, load, slack, mean, threshold):
    agents, calls, patience = load * (1 + slack) + 0.3, load * 6, some_patience(kind, mean)
    found = {
        d: queue_performance(calls, 300, [agents, agents * 1.02], threshold=threshold, patience=patience, definition=d)
        for d in SERVICE_LEVEL_DEFINITIONS
    }
    here, more = found["offered"].iloc[0], found["offered"].iloc[1]
    assert here["mean_queue"] == pytest.approx(calls / 1800 * here["mean_wait"], rel=1e-9)  # Little
    assert here["occupancy"] == pytest.approx(load * (1 - here["abandonment"]) / agents, rel=1e-8)
    assert here["mean_wait"] == pytest.approx(here["wait_probability"] * here["mean_wait_waiting"], rel=1e-9)
    assert more["mean_wait"] <= here["mean_wait"] * (1 + 1e-12)
    assert more["service_level"] >= here["service_level"] - 1e-12
    levels = {d: f["service_level"].iloc[0] for d, f in found.items()}
    assert all(0 <= x <= 1 for x in levels.values())
    slack = 1e-12
    assert levels["offered"] <= levels["short_abandons_excluded"] + slack
    assert levels["short_abandons_excluded"] <= levels["short_abandons_met"] + slack
    assert levels["short_abandons_excluded"] <= levels["answered"] + slack


@given(st.floats(0.1, 3000), st.floats(-0.5, 0.5), st.floats(5, 3000), st.floats(0, 200))
@settings(deadline=None, max_examples=15)
def test_two_equal_kinds_of_exponential_callers_are_one(load, slack, mean, threshold):
    agents = load * (1 + slack) + 0.5
    same = Patience(mean, ErlangMixture((0.5, 0.5), (1, 1), (1.0, 1.0)))
    for definition in SERVICE_LEVEL_DEFINITIONS:
        one, two = (
            queue_performance(load * 6, 300, agents, threshold=threshold, patience=p, definition=definition).iloc[0]
            for p in (mean, same)
        )
        np.testing.assert_allclose(two[one > 1e-100], one[one > 1e-100], rtol=1e-9)


@pytest.mark.parametrize("stages", [2, 3, 7, 12, 20])
def test_nobody_is_lost_over_the_whole_range(stages):
    load = np.array([1e-3, 0.1, 1, 10, 100, 1e4, 5e5])[:, None, None]
    agents = np.maximum(load * np.array([0.1, 0.5, 0.95, 1, 1.001, 1.05, 2, 4])[:, None], 0.05)
    mean = np.array([1, 10, 300, 1e5, 1e9])
    found = queue_performance(load * 6, 300, agents, threshold=0, patience=Patience.erlang(mean, stages))
    assert np.isfinite(found).all(axis=None)
    there = np.broadcast_to(agents, (7, 8, 5)).ravel()
    some = found["abandonment"] < 0.99  # else the share that stays has lost its digits
    np.testing.assert_allclose(
        (found["occupancy"] * there)[some], (found["load"] * (1 - found["abandonment"]))[some], rtol=1e-10
    )


def test_limits_of_patience():
    never = queue_performance(300, 300, 55).iloc[0]
    late = queue_performance(300, 300, 55, patience=Patience.fixed(1e9)).iloc[0]
    np.testing.assert_allclose(late.drop("abandonment"), never.drop("abandonment"), rtol=1e-9)
    assert late["abandonment"] == 0
    endless = queue_performance(300, 300, 55, patience=Patience.fixed(np.inf)).iloc[0]
    pd.testing.assert_series_equal(endless, never)
    mean = [
        queue_performance(300, 300, 50, patience=Patience.erlang(120, k))["abandonment"].iloc[0] for k in (1, 4, 20)
    ]
    fixed = queue_performance(300, 300, 50, patience=Patience.fixed(120))["abandonment"].iloc[0]
    assert mean == sorted(mean, reverse=True)
    assert mean[-1] > fixed


def test_some_who_never_give_up_can_overload_the_queue():
    curve = Patience.observed([30, 90], [0.7, 0.4])  # two in five stay for ever
    assert curve.mean == np.inf
    found = queue_performance(300, 300, [19, 20, 21, 40], patience=curve)
    assert found["abandonment"].iloc[:2].tolist() == pytest.approx([0.6, 0.6])
    assert (found["mean_wait"].iloc[:2] == np.inf).all()
    assert (found["service_level"].iloc[:2] == 0).all()
    assert np.isfinite(found.iloc[2:]).all(axis=None)
    assert found["abandonment"].iloc[2] < 0.6


def test_patience_broadcasts_and_nobody_there_loses_everybody():
    grid = queue_performance([[100], [200]], 180, 12, patience=Patience.fixed([30, 60, 90]))
    assert len(grid) == 6
    assert grid["abandonment"].iloc[4] == queue_performance(200, 180, 12, patience=Patience.fixed(60))["abandonment"][0]
    for kind in ("fixed", "erlang", "hyper", "observed"):
        alone = queue_performance(10, 180, 0, threshold=0, patience=some_patience(kind, 90)).iloc[0]
        assert (alone["abandonment"], alone["service_level"]) == (1, 0)
        assert alone["mean_wait"] == pytest.approx(some_patience(kind, 90).mean)
    early = queue_performance(10, 180, 0, threshold=30, patience=Patience.fixed(20), definition="short_abandons_met")
    assert early["service_level"].iloc[0] == 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Patience.fixed([60, 0]), ["'patience', position 1"]),
        (lambda: Patience.erlang(60, 0), ["'stages'", "from 1"]),
        (lambda: Patience.erlang(60, 2.5), ["'stages'", "2.5"]),
        (lambda: Patience.erlang("long", 2), ["'patience'", "not a valid number"]),
        (lambda: Patience.hyperexponential([0.5, 0.6], [1, 2]), ["'shares'", "sum to 1"]),
        (lambda: Patience.hyperexponential([1.0], [1, 2]), ["'means'"]),
        (lambda: Patience.observed([30, 20], [0.5, 0.1]), ["'seconds', position 1", "rising"]),
        (lambda: Patience.observed([20, 30], [0.1, 0.5]), ["'surviving', position 1", "falling"]),
        (lambda: Patience.observed([20], [1.0]), ["missing abandonment"]),
        (lambda: Patience.observed([20, 30], [np.nan, 0.5]), ["'surviving', position 0", "missing"]),
        (lambda: queue_performance(1, 1, 1, definition="answred"), ["'definition'", "did you mean 'answered'"]),
        (lambda: queue_performance([1, 2], 1, 1, patience=Patience.fixed([1, 2, 3])), ["'patience'", "shape"]),
    ],
)
def test_bad_patience_is_named(make, words):
    with pytest.raises(InputError) as error:
        make()
    for word in words:
        assert word in str(error.value)
