"""The fewest agents within all bounds: minimal, the binding one named, one below, chats, shrinkage by parts, faults."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting import required_agents, required_chat_agents, scheduled_agents
from deskcast.forecasting.queueing.balance import (
    EXTRA_PERFORMANCE_COLUMNS,
    PERFORMANCE_COLUMNS,
    SERVICE_LEVEL_DEFINITIONS,
)
from deskcast.forecasting.queueing.chat import chat_performance
from deskcast.forecasting.queueing.erlang import queue_performance
from deskcast.forecasting.queueing.patience import Patience
from deskcast.forecasting.staffing.shrinkage import agents_to_schedule, total_shrinkage
from hypothesis import given, settings
from hypothesis import strategies as st

patiences = st.sampled_from([None, 60.0, 600.0, Patience.fixed(90), Patience.erlang(120, 3)])


def misses(row, bounds):
    """What a performance misses, in the order in which bounds are named."""
    out = []
    if row["mean_wait"] > 1e12:
        out.append("stability")
    if row["occupancy"] > bounds["max_occupancy"] + 1e-9:
        out.append("occupancy")
    if row["service_level"] < bounds["service_level"] - 1e-9:
        out.append("service_level")
    if row["mean_wait"] > bounds["max_wait"] + 1e-9:
        out.append("mean_wait")
    if row["abandonment"] > bounds["max_abandonment"] + 1e-9:
        out.append("abandonment")
    return out


bounds_ = st.fixed_dictionaries(
    {
        "service_level": st.sampled_from([0.0, 0.5, 0.8, 0.95]),
        "max_occupancy": st.sampled_from([0.6, 0.85, 1.0]),
        "max_wait": st.sampled_from([1.0, 10.0, 60.0, 1e9]),
        "max_abandonment": st.sampled_from([0.001, 0.02, 0.1, 1.0]),
        "min_agents": st.sampled_from([0, 3, 40]),
    }
)


@settings(deadline=None, max_examples=80)
@given(st.floats(0.01, 400), bounds_, patiences, st.sampled_from(SERVICE_LEVEL_DEFINITIONS))
def test_all_bounds_hold_and_one_fewer_breaks_the_one_that_is_named(load, bounds, patience, definition):
    options = {"patience": patience, "definition": definition}
    need = required_agents(load * 6, 300, **bounds, **options, below=True).iloc[0]
    assert need["agents"] >= max(1, bounds["min_agents"])
    assert misses(need, bounds) == []
    fewer = queue_performance(load * 6, 300, need["agents"] - 1, **options).iloc[0]
    names = [*PERFORMANCE_COLUMNS[1:], *EXTRA_PERFORMANCE_COLUMNS]
    assert need[[f"{c}_below" for c in names]].tolist() == fewer[names].tolist()
    if need["binding"] == "min_agents":
        assert need["agents"] == bounds["min_agents"]
    elif need["agents"] > 1:
        assert need["binding"] == misses(fewer, bounds)[0]


@settings(deadline=None, max_examples=40)
@given(st.floats(0.1, 200), st.integers(1, 5), st.floats(0, 0.5), bounds_, patiences)
def test_the_same_for_chats(load, concurrency, slowdown, bounds, patience):
    bounds = bounds | {"max_occupancy": 1.0}
    shape = (300, concurrency, slowdown)
    need = required_chat_agents(load * 6, *shape, **bounds, patience=patience, below=True).iloc[0]
    assert misses(need, bounds) == []
    if need["agents"] > max(1, bounds["min_agents"]):
        fewer = chat_performance(load * 6, 300, need["agents"] - 1, *shape[1:], patience=patience).iloc[0]
        assert need["binding"] == misses(fewer, bounds)[0]
        assert need["service_level_below"] == fewer["service_level"]


def test_every_bound_can_bind():
    rules = {"service_level": 0, "max_occupancy": None}
    asked = {
        "stability": {},
        "min_agents": {"min_agents": 90},
        "occupancy": {"max_occupancy": 0.6},
        "service_level": {"service_level": 0.9},
        "mean_wait": {"max_wait": 2},
        "abandonment": {"max_abandonment": 0.01, "patience": 120},
    }
    found = {name: required_agents(300, 300, **(rules | own)).iloc[0] for name, own in asked.items()}
    assert {name: row["binding"] for name, row in found.items()} == {name: name for name in asked}
    every = required_agents(300, 300, **{k: v for own in asked.values() for k, v in own.items()}).iloc[0]
    assert every["agents"] == max(row["agents"] for name, row in found.items() if name != "stability")


def test_nobody_calls():
    need = required_agents([0, 0, 10], 300, min_agents=[0, 2, 0], below=True)
    assert need["agents"].tolist()[:2] == [0, 2]
    assert need["binding"].tolist()[:2] == ["no calls", "min_agents"]
    assert np.isnan(need["service_level_below"].iloc[0])
    assert need["service_level_below"].iloc[1] == 1
    assert required_chat_agents(0, 300, 3, 0.2)["agents"].tolist() == [0]


def test_one_chat_at_a_time_needs_what_calls_need():
    calls = np.array([3.0, 50.0, 700.0])
    for patience in (None, 90):
        chat = required_chat_agents(calls, 240, 1, 0.5, max_occupancy=0.85, patience=patience)
        phone = required_agents(calls, 240, patience=patience)
        assert chat["agents"].tolist() == phone["agents"].tolist()
        pd.testing.assert_series_equal(chat["service_level"], phone["service_level"])
    several = required_chat_agents(calls, 240, [2, 3, 3], 0.2)
    assert (several["agents"].to_numpy() <= phone["agents"].to_numpy()).all()


def test_definitions_ask_for_different_numbers():
    need = {
        d: required_agents(100, 180, max_occupancy=1, patience=60, definition=d)["agents"][0]
        for d in SERVICE_LEVEL_DEFINITIONS
    }
    assert need["short_abandons_met"] <= need["short_abandons_excluded"] <= need["offered"]
    assert need["answered"] < need["offered"]


def test_a_curve_with_some_who_never_leave_needs_room_for_those():
    curve = Patience.observed([10.0], [0.5])
    need = required_agents(300, 300, service_level=0, max_occupancy=None, patience=curve).iloc[0]
    assert need["agents"] == 26  # 25 Erlangs of callers who wait for ever
    assert np.isfinite(need["mean_wait"])


def test_shrinkage_by_parts_multiplies():
    assert scheduled_agents(72, {"leave": 0.2, "training": 0.1}) == 100
    assert scheduled_agents(72, (0.2, 0.1)) == 100
    assert scheduled_agents([72, 21], {"leave": 0.2, "illness": [0.1, 0.125]}).tolist() == [100, 30]
    assert scheduled_agents(21, {}) == 21
    agents = np.arange(1, 500)
    for first, second in ((10, 20), (30, 5), (33, 7), (50, 50)):
        people = scheduled_agents(agents, (first / 100, second / 100))
        assert (people == -(-agents * 10_000 // ((100 - first) * (100 - second)))).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: required_agents(10, 180, max_wait=[5, 0]), ["'max_wait', position 1", "above 0"]),
        (lambda: required_agents(10, 180, max_abandonment=1.5), ["'max_abandonment'", "up to 1"]),
        (lambda: required_agents(10, 180, max_abandonment="few"), ["'max_abandonment'", "not a valid number"]),
        (lambda: required_agents(10, 180, min_agents=-1), ["'min_agents'", "from 0"]),
        (lambda: required_agents([10, 20], 180, min_agents=[1, 2, 3]), ["'min_agents'", "shape"]),
        (lambda: required_agents(10, 180, service_level=[0.8, 1]), ["'service_level', position 1", "below 1"]),
        (lambda: required_agents(10, 180, definition="best"), ["'definition'", "offered"]),
        (lambda: required_chat_agents(10, 180, 0.5, 0.1), ["'concurrency'", "from 1"]),
        (lambda: required_chat_agents(10, 180, 2, [0.1, np.nan]), ["'slowdown', position 1", "missing"]),
        (lambda: scheduled_agents(10, {"leave": 0.2, "training": 1}), ["shrinkage['training']", "below 1"]),
        (lambda: scheduled_agents(10, (0.2, -0.1)), ["shrinkage[1]", "from 0"]),
    ],
)
def test_bad_bounds_are_named(call, words):
    with pytest.raises(InputError) as error:
        call()
    for word in words:
        assert word in str(error.value)


@settings(max_examples=25, deadline=None)
@given(
    calls=st.floats(1, 400),
    aht=st.floats(60, 900),
    patience=st.one_of(st.none(), st.floats(20, 600)),
    lost=st.one_of(st.none(), st.floats(0.005, 0.3)),
    wait=st.one_of(st.none(), st.floats(5, 300)),
)
def test_no_service_level_is_a_service_level_of_nothing(calls, aht, patience, lost, wait):
    """``None`` sets no target, like the other bounds, for calls and for chats."""
    more = {"patience": patience, "max_abandonment": lost, "max_wait": wait}
    none = required_agents(calls, aht, service_level=None, **more)
    zero = required_agents(calls, aht, service_level=0, **more)
    pd.testing.assert_frame_equal(none, zero)
    assert none["binding"].iloc[0] != "service_level"
    if lost is not None:
        assert none["abandonment"].iloc[0] <= lost + 1e-9
    chats = required_chat_agents(calls, aht, 2, 0.1, service_level=None, **more)
    pd.testing.assert_frame_equal(chats, required_chat_agents(calls, aht, 2, 0.1, service_level=0, **more))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 0.15), min_size=1, max_size=6), st.integers(0, 200))
def test_parts_of_shrinkage_mean_what_is_said(parts, agents):
    """Shares of what the others leave multiply, shares of all paid time add up; the sum is never the smaller."""
    named = {f"part {i}": share for i, share in enumerate(parts)}
    product = 1 - np.prod([1 - share for share in parts])
    assert float(total_shrinkage(named)) == pytest.approx(product)
    assert float(total_shrinkage(tuple(parts), "add")) == pytest.approx(sum(parts))
    assert scheduled_agents(agents, named, parts="add") == scheduled_agents(agents, sum(parts))
    assert scheduled_agents(agents, named, parts="add") >= scheduled_agents(agents, named)


def test_six_parts_that_sum_to_thirty_percent():
    six = {"leave": 0.1, "illness": 0.05, "training": 0.05, "meetings": 0.04, "coaching": 0.03, "other": 0.03}
    assert scheduled_agents(100, six) == 137
    assert scheduled_agents(100, six, parts="add") == scheduled_agents(100, 0.30) == 143
    with pytest.raises(InputError, match="sum of parts"):
        scheduled_agents(10, (0.6, 0.5), parts="add")
    with pytest.raises(InputError, match="unknown method of joining parts"):
        scheduled_agents(10, (0.6, 0.5), parts="sum")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=96), st.floats(0, 0.6))
def test_shrinkage_is_not_rounded_up_in_every_interval(agents, share):
    """Over a day a small queue takes as much more as the shrinkage says, and not the half of an agent each interval."""
    people = agents_to_schedule(agents, share)
    assert people.sum() == pytest.approx(sum(agents) / (1 - share))
    assert (people >= np.array(agents) - 1e-9).all()
