"""The queue engine against exact queueing theory, against a slow twin, and against its own promises."""

import math

import numpy as np
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.simulation.queue import (
    ABANDONED,
    NOT_ARRIVED,
    OUTCOMES,
    SERVED,
    WAITING,
    Agent,
    simulate_queue,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_queue import slow_queue

ALWAYS = ((0.0, math.inf),)


def batches(values, warm=0.05, parts=40):
    """Mean of a stationary output and its standard error, from batch means."""
    values = np.asarray(values, dtype=float)[int(len(values) * warm) :]
    means = np.array([chunk.mean() for chunk in np.array_split(values, parts)])
    return means.mean(), means.std(ddof=1) / np.sqrt(parts)


def within(values, exact, sigmas=4.0):
    mean, error = batches(values)
    assert error < 0.1 * max(exact, 0.05), "the run is too short to tell"
    return abs(mean - exact) <= sigmas * error


def birth_death(birth, death, states=2000):
    """Stationary distribution of a birth-death chain, by the plain product of rates."""
    logs = np.concatenate([[0.0], np.cumsum([math.log(birth(k)) - math.log(death(k + 1)) for k in range(states)])])
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()


# --- exact values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "agents"), [(10.0, 12), (0.7, 1), (4.0, 5)])
def test_erlang_c_is_reproduced(rate, agents):
    rng = np.random.default_rng(5)
    n = 250_000
    run = simulate_queue(rng.exponential(1 / rate, n).cumsum(), rng.exponential(1.0, n), [Agent((0,), ALWAYS)] * agents)
    p = birth_death(lambda k: rate, lambda k: min(k, agents))
    wait = run.start - run.arrived
    assert within(wait > 0, p[agents:].sum())
    assert within(wait, (np.arange(len(p)) - agents).clip(0) @ p / rate)
    assert within(wait <= 0.2, 1 - p[agents:].sum() * math.exp(-(agents - rate) * 0.2))


@pytest.mark.parametrize(("rate", "agents", "patience"), [(10.0, 10, 2.0), (12.0, 9, 0.5), (3.0, 4, 1.0)])
def test_erlang_a_is_reproduced(rate, agents, patience):
    rng = np.random.default_rng(6)
    n = 200_000
    run = simulate_queue(
        rng.exponential(1 / rate, n).cumsum(),
        rng.exponential(1.0, n),
        [Agent((0,), ALWAYS)] * agents,
        patience=rng.exponential(patience, n),
    )
    p = birth_death(lambda k: rate, lambda k: min(k, agents) + max(0, k - agents) / patience, states=400)
    queue = (np.arange(len(p)) - agents).clip(0) @ p
    left = np.where(run.outcome == ABANDONED, run.end, run.start) - run.arrived
    assert within(run.outcome == ABANDONED, queue / patience / rate)
    assert within(left, queue / rate)  # Little's law over all who came
    assert within(left > 0, p[agents:].sum())


def test_general_handle_times_follow_pollaczek_and_khinchine():
    rng = np.random.default_rng(7)
    n, rate = 400_000, 0.7
    handle = rng.lognormal(-0.18, 0.6, n)
    run = simulate_queue(rng.exponential(1 / rate, n).cumsum(), handle, [Agent((0,), ALWAYS)])
    mean, second = math.exp(0.0), math.exp(2 * -0.18 + 2 * 0.36)
    assert mean == 1.0
    assert within(run.start - run.arrived, rate * second / (2 * (1 - rate)))


def test_priorities_follow_cobham():
    """Cobham 1954: mean waits of two classes on one server, non-preemptive."""
    rng = np.random.default_rng(8)
    n, rate = 400_000, 0.7
    first = rng.random(n) < 0.4
    run = simulate_queue(
        rng.exponential(1 / rate, n).cumsum(),
        rng.exponential(1.0, n),
        [Agent((0,), ALWAYS)],
        priority=np.where(first, 1, 2),
    )
    wait, high = run.start - run.arrived, rate * 0.4
    assert within(wait[first], rate / (1 - high))
    assert within(wait[~first], rate / ((1 - high) * (1 - rate)))


# --- small instances against the slow twin ----------------------------------------------------------------------


@st.composite
def instances(draw):
    n = draw(st.integers(1, 9))
    whole = st.integers(0, 12)

    def each(strategy):
        return [draw(strategy) for _ in range(n)]

    agents = []
    for _ in range(draw(st.integers(0, 3))):
        edges = sorted(draw(st.sets(st.integers(0, 40), max_size=6)))
        shifts = tuple(zip(edges[::2], edges[1::2], strict=False))
        if draw(st.booleans()) and len(edges) >= 3:
            shifts = ((edges[0], edges[1]), (edges[1], edges[2]))  # back to back
        skills = draw(st.sampled_from([(0,), (1,), (0, 1), (1, 0)]))
        agents.append(Agent(skills, shifts))
    after = [-1] * n
    for i in range(1, n):
        free = [j for j in range(i) if j not in after]
        if free and draw(st.booleans()):
            after[i] = draw(st.sampled_from(free))
    held_from = each(st.one_of(st.just(math.nan), st.integers(0, 20)))
    return {
        "arrivals": each(whole),
        "handle": each(st.integers(0, 6)),
        "agents": agents,
        "skill": each(st.integers(0, 1)),
        "priority": each(st.integers(1, 3)),
        "patience": each(st.one_of(st.just(math.inf), st.integers(0, 8))),
        "after": after,
        "held_from": held_from,
        "held_until": [f + draw(st.integers(0, 10)) for f in held_from],
        "until": draw(st.sampled_from([math.inf, 10, 25])),
    }


@settings(max_examples=300, deadline=None)
@given(instances())
def test_engine_agrees_with_the_slow_twin(instance):
    run = simulate_queue(**instance)
    slow = slow_queue(**instance)
    assert [OUTCOMES[o] for o in run.outcome] == [row[4] for row in slow]
    for got, column in ((run.arrived, 0), (run.start, 1), (run.end, 2), (run.agent, 3)):
        np.testing.assert_array_equal(got, np.array([row[column] for row in slow], dtype=float))


# --- promises on a larger day -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def day():
    rng = np.random.default_rng(9)
    n = 4000
    agents = []
    for number in range(12):
        begin = int(rng.integers(0, 8)) * 1800
        pause = begin + 9000
        skills = ((0,), (1,), (0, 1))[number % 3]
        agents.append(Agent(skills, ((begin, pause), (pause + 1800, begin + 28800), (90000, 100000))))
    given_ = {
        "arrivals": rng.integers(0, 40000, n),
        "handle": rng.integers(10, 300, n),
        "skill": rng.integers(0, 2, n),
        "priority": rng.integers(1, 4, n),
        "patience": rng.exponential(4000, n),
    }
    return given_, agents, simulate_queue(**given_, agents=agents, until=95000)


def test_nobody_serves_two_at_once_and_everybody_has_the_skill(day):
    given_, agents, run = day
    for number, agent in enumerate(agents):
        mine = np.flatnonzero(run.agent == number)
        mine = mine[np.argsort(run.start[mine], kind="stable")]
        assert len(mine) > 50
        assert (run.start[mine][1:] >= run.end[mine][:-1]).all()
        assert set(given_["skill"][mine]) <= set(agent.skills)


def test_work_begins_on_shift_only_and_is_finished(day):
    given_, agents, run = day
    served = np.flatnonzero(run.outcome == SERVED)
    on_shift = [any(on <= run.start[i] < off for on, off in agents[run.agent[i]].shifts) for i in served]
    assert all(on_shift)
    np.testing.assert_array_equal(run.end[served] - run.start[served], given_["handle"][served])
    late = [all(run.end[i] > off or run.end[i] <= on for on, off in agents[run.agent[i]].shifts) for i in served]
    assert any(late), "some work should run over the end of a shift"


def test_nothing_is_lost(day):
    given_, _, run = day
    counts = np.bincount(run.outcome, minlength=4)
    assert counts.sum() == len(given_["arrivals"])
    assert counts[NOT_ARRIVED] == 0
    assert min(counts[SERVED], counts[ABANDONED]) > 100
    gone = run.outcome == ABANDONED
    np.testing.assert_allclose((run.end - run.arrived)[gone], given_["patience"][gone])
    assert ((run.start - run.arrived)[run.outcome == SERVED] <= given_["patience"][run.outcome == SERVED]).all()


def test_first_come_first_served_within_priority(day):
    given_, _, run = day
    for skill in (0, 1):
        for priority in (1, 2, 3):
            line = (given_["skill"] == skill) & (given_["priority"] == priority) & (run.outcome == SERVED)
            order = np.lexsort((np.flatnonzero(line), run.arrived[line]))
            assert (np.diff(run.start[line][order]) >= 0).all()


def test_priority_waits_less(day):
    given_, _, run = day
    wait = (run.start - run.arrived)[:]
    means = [np.nanmean(wait[given_["priority"] == p]) for p in (1, 2, 3)]
    assert means[0] < means[1] < means[2]


# --- small stories ----------------------------------------------------------------------------------------------


def test_a_chain_comes_back_to_the_queue():
    run = simulate_queue([0, 50, 5], [10, 20, 10], [Agent((0,), ((0, 100),))], after=[-1, 0, -1])
    assert run.arrived.tolist() == [0, 60, 5]
    assert run.start.tolist() == [0, 60, 10]


def test_a_successor_of_what_was_never_served_does_not_come():
    run = simulate_queue([0, 5], [10, 10], [], patience=[30, 30], after=[-1, 0])
    assert [OUTCOMES[o] for o in run.outcome] == ["abandoned", "not arrived"]
    assert run.end[0] == 30


def test_a_held_item_keeps_its_place():
    run = simulate_queue(
        [0, 1, 2], [10, 10, 10], [Agent((0,), ((0, 100),))], held_from=[np.nan, 0, np.nan], held_until=[np.nan, 15, 0]
    )
    assert run.start.tolist() == [0, 20, 10]


def test_after_the_last_shift_items_wait():
    run = simulate_queue([0, 50], [10, 10], [Agent((0,), ((0, 40),))])
    assert run.outcome.tolist() == [SERVED, WAITING]
    assert run.frame()["wait_s"].isna().tolist() == [False, True]


def test_no_items():
    assert simulate_queue([], [], [Agent((0,), ((0, 40),))]).frame().empty


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"handle": [1]}, "column 'handle': wrong length"),
        ({"handle": [1, -1]}, "column 'handle', row 2"),
        ({"arrivals": [np.nan, 1]}, "column 'arrivals', row 1"),
        ({"patience": [1, np.nan]}, "column 'patience', row 2"),
        ({"after": [1, 1]}, "follow one other item"),
        ({"after": [0, -1]}, "follow one other item"),
        ({"after": [-1, 7]}, "follow one other item"),
        ({"agents": [Agent((0,), ((5, 9), (8, 12)))]}, "shifts must be in order"),
        ({"agents": [Agent((0,), ((5, 5),))]}, "shifts must be in order"),
    ],
)
def test_bad_input_is_named(change, words):
    good = {"arrivals": [0, 1], "handle": [1, 1], "agents": [Agent((0,), ((0, 9),))]}
    with pytest.raises(InputError, match=words):
        simulate_queue(**(good | change))
