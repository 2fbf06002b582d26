"""Moves on a day: each gives what the queueing formulas give for the agents and contacts that it leads to."""

import numpy as np
import pandas as pd
import pytest
from deskcast.forecasting.intraday.moves import expect_evening, expected_levels, find_moves
from deskcast.forecasting.staffing.target import QueueTarget
from hypothesis import given, settings
from hypothesis import strategies as st

TARGET = QueueTarget(max_occupancy=None)


def make_rest(calls, agents, **more):
    rest = pd.DataFrame({"ds": pd.date_range("2024-03-04 12:00", periods=len(calls), freq="30min"), "calls": calls})
    rest = rest.assign(aht_s=180.0, agents=np.asarray(agents, dtype=float), **more)
    return rest.assign(required=TARGET.require(rest["calls"], 180.0)["agents"].to_numpy())


def level(calls, agents):
    calls, agents = np.asarray(calls, dtype=float), np.asarray(agents, dtype=float)
    return (calls * TARGET.perform(calls, 180.0, agents)["service_level"]).sum() / calls.sum()


def test_each_move_is_what_the_formulas_say_of_it():
    rest = make_rest([100.0, 100.0, 60.0], [11, 14, 14], on_break=[2, 0, 0])
    moves = find_moves(rest, TARGET, {"chat": pd.Series([1.0, 5.0], index=rest["ds"].iloc[[0, 1]])}).set_index("move")
    before = level([100, 100, 60], [11, 14, 14])
    wanted = {"overtime": [14, 14, 14], "breaks": [13, 14, 12], "agents of chat": [12, 14, 14]}
    for move, agents in wanted.items():
        assert moves.loc[move, "service_level"] == pytest.approx(level([100, 100, 60], agents)), move
        assert moves.loc[move, "gain"] == pytest.approx(level([100, 100, 60], agents) - before)
    assert moves.loc["overtime", ["agents", "hours"]].tolist() == [3, 1.5]
    assert moves.loc["agents of chat", ["agents", "hours"]].tolist() == [1, 0.5]
    assert moves["gain"].is_monotonic_decreasing
    assert (moves["start"] == rest["ds"].iloc[0]).all()
    assert (moves["end"] == rest["ds"].iloc[1]).all()


def test_nothing_is_moved_where_nothing_is_short():
    assert find_moves(make_rest([100.0, 60.0], [14, 10]), TARGET).empty


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 150), st.integers(0, 25)), min_size=1, max_size=8))
def test_every_move_helps_and_overtime_meets_the_target(rows):
    rest = make_rest(*(np.array(column, dtype=float) for column in zip(*rows, strict=True)), on_break=1.0)
    moves = find_moves(rest, TARGET, {"chat": pd.Series(2.0, index=rest["ds"])})
    assert (moves["gain"] > 0).all()
    assert moves["service_level"].between(0, 1).all()
    if "overtime" in set(moves["move"]):
        assert moves.set_index("move").loc["overtime", "service_level"] >= 0.8 - 1e-6


def test_the_evening_counts_what_is_over_and_all_that_may_come():
    rest = make_rest([100.0, 60.0], [14, 10])
    sure = expect_evening(rest, TARGET, 0.8, 0.0, in_time=90, decided=100)
    exact = (90 + 160 * level([100, 60], [14, 10])) / 260
    assert sure.level == pytest.approx(exact, abs=0.002)
    assert sure.chance == 1.0
    unsure = expect_evening(rest, TARGET, 0.8, 0.2, in_time=90, decided=100)
    assert unsure.level < sure.level
    assert unsure.low < unsure.level < unsure.high
    assert unsure.chance < 1
    nothing = expect_evening(rest.assign(calls=0.0), TARGET, 0.8, 0.1)
    assert np.isnan([nothing.level, nothing.chance, nothing.low]).all()  # of no contacts there is no level to reach
    nobody = rest.assign(agents=0.0)
    assert expect_evening(nobody, TARGET, 0.8, 0.1, 90, 100).level == pytest.approx(90 / 260, abs=0.01)
    assert expected_levels(TARGET, np.array([0.0, 3.0]), np.full(2, 180.0), np.zeros(2)).tolist() == [1.0, 0.0]
