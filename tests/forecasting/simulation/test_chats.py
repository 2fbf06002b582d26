"""Chats, several at once: against a slow twin, the exact chain of loads, and the queue of calls that they become."""

import math

import numpy as np
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.simulation.chats import simulate_chats
from deskcast.forecasting.simulation.check_plan import batch_sums, estimate_mean_interval
from deskcast.forecasting.simulation.queue import ABANDONED, SERVED, WAITING, Agent, simulate_queue
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_chats import chat_chain, slow_chats

ALWAYS = ((0.0, math.inf),)


@st.composite
def instances(draw):
    n = draw(st.integers(1, 10))
    # odd numbers keep two events from falling on one instant, where the order is a matter of rounding
    arrivals = [draw(st.integers(0, 30)) + 0.137 * i for i in range(n)]
    handle = [draw(st.integers(1, 12)) + 0.01379 * (i + 1) for i in range(n)]
    patience = [draw(st.sampled_from([math.inf, 3.0071, 9.0173])) + 0.00031 * i for i in range(n)]
    agents = []
    for k in range(draw(st.integers(1, 3))):
        edges = sorted(draw(st.sets(st.integers(0, 60), min_size=2, max_size=4)))
        shifts = tuple(
            (a + 0.0217 * (k + 1), b + 0.0217 * (k + 1)) for a, b in zip(edges[::2], edges[1::2], strict=False)
        )
        agents.append(Agent((0,), shifts))
    return arrivals, handle, agents, draw(st.integers(1, 3)), draw(st.sampled_from([0.0, 0.3, 1.0])), patience


@settings(max_examples=150, deadline=None)
@given(instances())
def test_engine_agrees_with_the_slow_twin(instance):
    arrivals, handle, agents, concurrency, slowdown, patience = instance
    run = simulate_chats(arrivals, handle, agents, concurrency, slowdown, patience=patience)
    start, end, who = slow_chats(*instance)
    np.testing.assert_array_equal(run.agent, who)
    np.testing.assert_allclose(run.start, start)
    served = run.outcome == SERVED
    np.testing.assert_allclose(run.end[served], np.array(end)[served])


@pytest.mark.parametrize(("agents", "places", "slowdown", "rate"), [(2, 3, 0.3, 1 / 70), (3, 2, 0.2, 1 / 68)])
def test_the_exact_chain_of_loads_is_reproduced(agents, places, slowdown, rate):
    rng, n = np.random.default_rng(3), 150_000
    arrivals, handle = rng.exponential(1 / rate, n).cumsum(), rng.exponential(200.0, n)
    run = simulate_chats(arrivals, handle, [Agent((0,), ALWAYS)] * agents, places, slowdown)
    wait = run.start - run.arrived
    exact = chat_chain(rate, 200.0, agents, places, slowdown)
    for values, truth in ((wait > 0, exact[0]), (wait, exact[1])):
        _, low, high = estimate_mean_interval(*batch_sums(values), level=0.9999)
        assert low[0] <= truth <= high[0]
        assert high[0] - low[0] < 0.4 * truth, "the run is too short to tell"


def test_one_at_a_time_is_the_queue_of_calls():
    rng, n = np.random.default_rng(4), 5000
    arrivals, handle = rng.exponential(1.0, n).cumsum(), rng.exponential(9.0, n)
    crew = [Agent((0,), ((0.0, 3000.0), (3100.0, 6000.0)))] * 9
    leave = rng.exponential(20.0, n)
    calls = simulate_queue(arrivals, handle, crew, patience=leave)
    chats = simulate_chats(arrivals, handle, crew, 1, 0.7, patience=leave)
    np.testing.assert_array_equal(calls.outcome, chats.outcome)
    np.testing.assert_allclose(calls.start, chats.start)
    np.testing.assert_allclose(calls.end, chats.end)


def test_without_slowdown_two_places_are_two_agents():
    rng, n = np.random.default_rng(5), 5000
    arrivals, handle = rng.exponential(1.0, n).cumsum(), rng.exponential(9.0, n)
    two = simulate_chats(arrivals, handle, [Agent((0,), ALWAYS)] * 5, 2)
    one = simulate_queue(arrivals, handle, [Agent((0,), ALWAYS)] * 10)
    np.testing.assert_allclose(two.start, one.start)


def test_who_goes_home_finishes_and_takes_no_more():
    run = simulate_chats([0, 1, 50], [100, 100, 10], [Agent((0,), ((0, 40),))], 3, 0.0)
    assert run.outcome.tolist() == [SERVED, SERVED, WAITING]
    assert run.end[:2].tolist() == [100, 101]


def test_the_end_of_the_run():
    run = simulate_chats([0, 5, 7, 90], [30, 30, 30, 1], [Agent((0,), ALWAYS)], 1, patience=[9, 9, 99, 9], until=20)
    assert run.outcome.tolist() == [SERVED, ABANDONED, WAITING, 3]
    assert run.end[:2].tolist() == [30, 14]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"handle": [1]}, "column 'handle': wrong length"),
        ({"handle": [1, -1]}, "column 'handle', row 2"),
        ({"arrivals": [np.nan, 1]}, "column 'arrivals', row 1"),
        ({"concurrency": 0}, "argument 'concurrency'"),
        ({"concurrency": 1.5}, "argument 'concurrency'"),
        ({"slowdown": -0.1}, "argument 'slowdown'"),
        ({"agents": [Agent((0,), ((5, 5),))]}, "shifts must be in order"),
    ],
)
def test_bad_input_is_named(change, words):
    good = {"arrivals": [0, 1], "handle": [1, 1], "agents": [Agent((0,), ((0, 9),))], "concurrency": 2}
    with pytest.raises(InputError, match=words):
        simulate_chats(**(good | change))
