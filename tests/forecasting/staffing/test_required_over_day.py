"""Requirements over a day: promises kept where the work outlasts its interval, doors that close, the exact method."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.queueing.offered_load import offered_load
from deskcast.forecasting.queueing.transient import queue_over_day
from deskcast.forecasting.staffing.required_over_day import required_agents_over_day
from deskcast.forecasting.staffing.staffing_plan import required_agents

SLOTS = np.arange(32)
LOAD = 50 * (1 + 0.5 * np.sin(2 * np.pi * (SLOTS / 32 - 0.25)))


def worst(calls, aht, plan):
    return queue_over_day(calls, aht, plan["agents"])["service_level"].min()


def test_the_load_repairs_long_handle_times_without_more_hours():
    """30 minutes on half-hours: with each interval for itself the worst one has 0.46, with the load 0.72."""
    calls = LOAD * 1800 / 1800
    plans = {
        m: required_agents_over_day(calls, 1800, max_occupancy=None, method=m) for m in ("interval", "offered_load")
    }
    assert worst(calls, 1800, plans["interval"]) < 0.5
    assert worst(calls, 1800, plans["offered_load"]) > 0.7
    assert plans["offered_load"]["agents"].sum() <= plans["interval"]["agents"].sum()


@pytest.mark.parametrize("aht", [120, 900, 3600])
@pytest.mark.parametrize("patience", [None, 200.0])
def test_the_exact_method_keeps_every_promise_and_no_agent_too_many(aht, patience):
    calls = (LOAD * 1800 / aht)[::4]
    plan = required_agents_over_day(calls, aht, max_occupancy=None, patience=patience, method="exact")
    over = queue_over_day(calls, aht, plan["agents"], patience=patience)
    np.testing.assert_allclose(over["service_level"], plan["service_level"], atol=1e-9)
    assert (over["service_level"] >= 0.8 - 1e-12).all()
    for k in (0, 3, 7):
        fewer = plan["agents"].to_numpy().copy()
        fewer[k] -= 1
        assert queue_over_day(calls, aht, fewer, patience=patience)["service_level"].iloc[k] < 0.8


def test_the_exact_method_keeps_the_occupancy():
    plan = required_agents_over_day(LOAD[:8] * 20, 90, max_occupancy=0.7, method="exact")
    assert (plan["occupancy"] <= 0.7 + 1e-12).all()
    assert "occupancy" in set(plan["binding"])


def test_short_handle_times_are_the_plain_requirement():
    calls = LOAD * 1800 / 5
    plan = required_agents_over_day(calls, 5, method="interval")
    need = required_agents(calls, 5)
    assert plan["agents"].tolist() == need["agents"].tolist()
    load = required_agents_over_day(calls, 5)
    assert np.abs(load["agents"] - need["agents"]).max() <= 1


def test_work_that_is_left_at_closing_is_finished():
    calls = [40.0, 40, 40, 0, 0, 0]
    plan = required_agents_over_day(calls, 1800, is_open=[True] * 3 + [False] * 3)
    assert plan["binding"].tolist()[3:] == ["carried over"] * 3
    assert plan["agents"].tolist()[3:] == np.ceil(offered_load(calls, 1800)["load_start"]).tolist()[3:]
    assert plan["service_level"].isna().tolist() == [False] * 3 + [True] * 3
    over = queue_over_day(calls, 1800, plan["agents"])
    assert over["queue_end"].iloc[-1] < 1


def test_handle_times_that_were_seen():
    plan = required_agents_over_day([40, 0, 0], 1800, handle_times=[1.0], max_occupancy=None)
    assert plan["load"].tolist() == pytest.approx([20, 20, 0])
    assert plan["agents"].tolist()[2] == 0


def test_an_index_is_kept():
    calls = pd.Series([10.0, 20.0], index=["a", "b"])
    for method in ("interval", "offered_load", "exact"):
        assert required_agents_over_day(calls, 300, method=method).index.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "guess"}, "argument 'method'"),
        ({"method": "exact", "handle_times": [1.0]}, "argument 'handle_times'"),
        ({"is_open": [True, False]}, "argument 'calls', position 1: calls arrive outside the opening hours"),
        ({"is_open": [True]}, "argument 'is_open'"),
        ({"calls": [1, np.nan]}, "argument 'calls', position 1"),
        ({"service_level": 1.0}, "argument 'service_level'"),
    ],
)
def test_bad_input_is_named(change, words):
    with pytest.raises(InputError, match=words):
        required_agents_over_day(**({"calls": [1, 2], "aht": 300} | change))
