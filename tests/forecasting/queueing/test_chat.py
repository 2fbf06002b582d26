"""Chats held at once: golden values, the chain of all agents as a twin, limits, laws, and faults."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.queueing.balance import PERFORMANCE_COLUMNS, SERVICE_LEVEL_DEFINITIONS
from deskcast.forecasting.queueing.chat import agent_pace, chat_performance
from deskcast.forecasting.queueing.erlang import queue_performance
from deskcast.forecasting.queueing.patience import Patience
from hypothesis import given, settings
from hypothesis import strategies as st

ORACLES = Path(__file__).resolve().parent.parent.parent / "oracles"
GOLDEN = pd.read_csv(ORACLES / "queues_chat.csv")
INPUTS = ["chats", "aht", "agents", "concurrency", "slowdown"]


def test_golden_file_of_forty_digits():
    assert len(GOLDEN) >= 40
    found = chat_performance(*(GOLDEN[c] for c in INPUTS), threshold=GOLDEN["threshold"], patience=GOLDEN["patience"])
    for column in (*PERFORMANCE_COLUMNS, "open_chats"):
        np.testing.assert_allclose(found[column], GOLDEN[column], rtol=1e-12, atol=1e-300, err_msg=column)


def test_golden_file_is_what_its_script_makes():
    import queues_general

    rows = [r for r in queues_general.chat_settings() if r[0] <= 360]
    keys = [*INPUTS, "threshold", "patience"]
    for row in rows[::5]:
        values = queues_general.chat(*row)
        if values is None:  # too much load, and nobody gives up
            assert chat_performance(*row[:5], threshold=row[5])["mean_wait"].iloc[0] == np.inf
            continue
        line = GOLDEN[(GOLDEN[keys] == list(row)).all(axis=1)].iloc[0]
        np.testing.assert_allclose([float(x) for x in values], line[len(keys) :].tolist(), rtol=1e-13)


def all_agents(rate, aht, n, c, slowdown, most=250):
    """Chance to wait, mean wait and busy share, from the chain that knows how many chats every agent has."""
    states = [tuple(x) for x in itertools.combinations_with_replacement(range(c + 1), n)]
    full = tuple([c] * n)
    place = {x: i for i, x in enumerate([*states, *range(1, most + 1)])}
    moves = np.zeros((len(place), len(place)))
    pace = [0.0] + [j / (aht * (1 + slowdown * (j - 1))) for j in range(1, c + 1)]
    for k in range(most):
        here, there = place[k if k else full], place[k + 1]
        moves[here, there] += rate
        moves[there, here] += n * pace[c]
    for x in states:
        if x != full:
            moves[place[x], place[tuple(sorted((x[0] + 1, *x[1:])))]] += rate  # the least loaded gets it
        for i, j in enumerate(x):
            if j:
                moves[place[x], place[tuple(sorted((*x[:i], j - 1, *x[i + 1 :])))]] += pace[j]
    moves -= np.diag(moves.sum(axis=1))
    equations = np.vstack([moves.T[:-1], np.ones(len(place))])
    share = np.linalg.solve(equations, np.eye(len(place))[-1])
    waiting = [share[place[k if k else full]] for k in range(most + 1)]
    busy = sum(waiting[1:]) + sum(share[place[x]] * np.mean(np.array(x) > 0) for x in states)
    return sum(waiting), np.dot(np.arange(most + 1), waiting) / rate, busy


@pytest.mark.parametrize(("load", "n", "c"), [(3.0, 3, 3), (2.0, 2, 2), (6.0, 3, 3), (1.5, 4, 2)])
def test_without_slowdown_the_waits_are_those_of_the_chain_of_all_agents(load, n, c):
    waits, wait, busy = all_agents(load / 300, 300, n, c, 0.0)
    found = chat_performance(load * 6, 300, n, c, 0.0).iloc[0]
    assert found["wait_probability"] == pytest.approx(waits, rel=1e-9)
    assert found["mean_wait"] == pytest.approx(wait, rel=1e-6)
    assert found["occupancy"] >= busy  # some agents run empty while others still hold two


@pytest.mark.parametrize(("load", "n", "c", "slowdown"), [(3.0, 3, 3, 0.3), (4.5, 3, 3, 0.3), (6.0, 5, 2, 0.3)])
def test_with_slowdown_it_is_near_and_a_little_short(load, n, c, slowdown):
    waits, wait, _ = all_agents(load / 300, 300, n, c, slowdown)
    found = chat_performance(load * 6, 300, n, c, slowdown).iloc[0]
    assert 0.9 * waits < found["wait_probability"] <= waits
    assert 0.9 * wait < found["mean_wait"] <= wait


@settings(deadline=None, max_examples=60)
@given(
    st.floats(0.05, 300),
    st.floats(-0.4, 0.8),
    st.one_of(st.just(None), st.floats(5, 3000), st.just(Patience.fixed(60))),
    st.sampled_from(SERVICE_LEVEL_DEFINITIONS),
)
def test_one_chat_at_a_time_is_the_plain_queue(load, slack, patience, definition):
    agents = load * (1 + slack) + 0.2
    chat = chat_performance(load * 6, 300, agents, 1, 0.7, patience=patience, definition=definition)
    queue = queue_performance(load * 6, 300, agents, patience=patience, definition=definition)
    np.testing.assert_allclose(chat[queue.columns], queue, rtol=1e-10, atol=1e-300)


@settings(deadline=None, max_examples=60)
@given(
    st.floats(0.05, 400),
    st.floats(0.3, 1.5),
    st.integers(1, 6),
    st.floats(0, 0.6),
    st.one_of(st.just(np.inf), st.floats(5, 3000)),
)
def test_laws_of_chats(load, room, concurrency, slowdown, patience):
    agents = load / float(agent_pace(np.array(concurrency), np.array(slowdown))) * room + 0.3
    found = chat_performance(load * 6, 300, [agents, agents * 1.05], concurrency, slowdown, patience=patience)
    shares = found[["occupancy", "wait_probability", "service_level", "abandonment", "slot_occupancy"]].to_numpy()
    assert np.isfinite(shares).all()
    assert ((shares >= 0) & (shares <= 1 + 1e-12)).all()
    here, more = found.iloc[0], found.iloc[1]
    assert more["service_level"] >= here["service_level"] - 1e-9
    assert more["mean_wait"] <= here["mean_wait"] * (1 + 1e-9)
    if np.isfinite(here["mean_wait"]):
        assert here["mean_queue"] == pytest.approx(load / 300 * here["mean_wait"], rel=1e-9)
    if np.isfinite(patience):
        assert here["abandonment"] == pytest.approx(here["mean_wait"] / patience, rel=1e-9)
    if slowdown == 0 and np.isfinite(here["mean_wait"]):  # Little on the agents
        assert here["open_chats"] * agents == pytest.approx(load * (1 - here["abandonment"]), rel=1e-8)


def test_several_at_once_help_unless_they_slow_too_much():
    level = {
        (c, s): chat_performance(100, 300, 15, c, s)["service_level"].iloc[0]
        for c in (1, 2, 3)
        for s in (0.0, 0.3, 1.0)
    }
    assert level[1, 0.0] == level[1, 0.3] == level[1, 1.0] == 0  # 16.7 Erlangs on 15 agents
    assert level[3, 0.0] > level[3, 0.3] > 0.9 > level[2, 1.0] == 0


def test_wide_ranges_neither_overflow_nor_vanish():
    found = chat_performance([0, 1e-3, 6e5, 6e5, 3e4], 300, [5, 3, 60_000, 90_000, 50_000], [3, 3, 3, 2, 4], 0.2)
    assert np.isfinite(found.drop(columns=["mean_wait", "mean_queue", "mean_wait_waiting"])).all(axis=None)
    assert found["service_level"].iloc[0] == 1
    assert found["open_chats"].iloc[1] == pytest.approx(1e-3 * 300 / 1800 / 3)
    assert found["open_chats"].iloc[4] == pytest.approx(0.1)
    assert 1 < found["open_chats"].iloc[3] < 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"chats": [1, -2]}, ["'chats', position 1"]),
        ({"concurrency": [1, 0]}, ["'concurrency', position 1", "from 1"]),
        ({"slowdown": -0.1}, ["'slowdown'", "from 0"]),
        ({"slowdown": "a"}, ["'slowdown'", "not a valid number"]),
        ({"concurrency": np.inf}, ["'concurrency'"]),
        ({"interval": 0}, ["'interval'"]),
        ({"chats": [1, 2], "agents": [1, 2, 3]}, ["'agents'", "shape"]),
    ],
)
def test_bad_input_is_named(arguments, words):
    with pytest.raises(InputError) as error:
        chat_performance(**({"chats": 10, "aht": 180, "agents": 5, "concurrency": 2, "slowdown": 0.2} | arguments))
    for word in words:
        assert word in str(error.value)
