"""Chats, of which an agent holds several at once and slows down with each."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ..arguments import Numbers, check_numbers, flat_queue, index_of
from .balance import EXTRA_PERFORMANCE_COLUMNS, PERFORMANCE_COLUMNS, check_definition, compute_steady_state
from .erlang import exact_gap
from .patience import Patience, PatienceShape, read_patience_shape
from .waiting import idle_weight

#: What chats add to the columns of a queue.
EXTRA_CHAT_COLUMNS = (*EXTRA_PERFORMANCE_COLUMNS, "open_chats", "slot_occupancy")
_CELLS = 1_000_000  # states worked on at once


def chat_performance(
    chats: Numbers,
    aht: Numbers,
    agents: Numbers,
    concurrency: Numbers,
    slowdown: Numbers,
    interval: Numbers = 1800,
    threshold: Numbers = 20,
    patience: Numbers | Patience | None = None,
    definition: str = "offered",
) -> pd.DataFrame:
    """Compute the exact long-run performance of a chat queue in which agents hold several chats.

    A chat of an agent who has j open takes ``aht x (1 + slowdown x (j - 1))`` on average, so that this agent ends
    chats at the rate ``j / (aht x (1 + slowdown x (j - 1)))``. The least loaded agent gets the next chat: with k chats
    open on n agents everybody has k/n, rounded down or up. Who finds all places taken waits.

    Parameters
    ----------
    chats
        Chats offered in the interval, from 0; they arrive at random (Poisson).
    aht
        Mean handle time in seconds of a chat that is alone, above 0; handle times are exponential.
    agents
        Agents at work, from 0; fractions continue the formulas, as in :func:`queue_performance`.
    concurrency
        Most chats an agent holds at once, from 1.
    slowdown
        What each further open chat adds to the handle time, as a share of ``aht``, from 0. At 1 nothing is won by
        holding several.
    interval, threshold, patience, definition
        As in :func:`queue_performance`; a chat is answered when an agent has a place for it.

    Returns
    -------
    DataFrame
        The columns of :func:`queue_performance`. ``load`` is that of chats that are alone; ``occupancy`` the share of
        their time in which agents have at least one chat open. Two more: ``open_chats`` (mean number held by an
        agent) and ``slot_occupancy`` (the same over ``concurrency``). ``mean_wait`` is the wait for an agent.

        The queue has no balance where the load reaches ``agents x concurrency / (1 + slowdown x (concurrency - 1))``
        and nobody gives up; that is said as in :func:`queue_performance`.

    Raises
    ------
    InputError
        Names the argument and the first bad position, counted from 0.

    Notes
    -----
    The chain knows the chats open, not who holds them: that everybody has k/n holds for arrivals, while an agent whose
    chats end early stays behind until the next comes. Without slowdown the waits are exact all the same; with it they
    come out a little short (3 agents with 3 chats and 0.3: 0.030 have to wait where the chain of all agents says
    0.032), and agents are idle slightly more often than ``occupancy`` says.

    A birth-death chain: Luo and Zhang, "Staffing and control of instant messaging contact centers" (2013), with the
    wait of a full house from Mandelbaum and Zeltyn (2004).

    Examples
    --------
    >>> perf = chat_performance(100, aht=360, agents=10, concurrency=3, slowdown=0.1)
    >>> perf[["load", "occupancy", "service_level", "mean_wait"]].round(4).to_dict("records")
    [{'load': 20.0, 'occupancy': 0.9997, 'service_level': 0.8951, 'mean_wait': 9.9719}]
    """
    scale, shape = read_patience_shape(patience)
    check_definition(definition)
    given = {
        "chats": check_numbers("chats", chats, least=0),
        "aht": check_numbers("aht", aht, above=0),
        "agents": check_numbers("agents", agents, least=0),
        "concurrency": check_numbers("concurrency", concurrency, least=1),
        "slowdown": check_numbers("slowdown", slowdown, least=0),
        "interval": check_numbers("interval", interval, above=0),
        "threshold": check_numbers("threshold", threshold, least=0),
        "patience": scale,
    }
    flat = flat_queue("chats", given)
    index = index_of(flat["chats"].size, chats, aht, agents, concurrency, slowdown, interval, threshold, patience)
    found = compute_chat_performance(**flat, shape=shape, definition=definition)
    return pd.DataFrame(found, index=index, columns=[*PERFORMANCE_COLUMNS, *EXTRA_CHAT_COLUMNS])


def compute_chat_performance(
    chats: Floats,
    aht: Floats,
    agents: Floats,
    concurrency: Floats,
    slowdown: Floats,
    interval: Floats,
    threshold: Floats,
    patience: Floats,
    shape: PatienceShape | None = None,
    definition: str = "offered",
) -> dict[str, Floats]:
    """Return the columns of :func:`chat_performance` for checked flat arrays of one length."""
    load = chats * aht / interval
    pace = agent_pace(concurrency, slowdown)
    full = agents * pace
    gap = exact_gap(chats, aht, agents * pace, interval)
    weight, busy, held = np.ones_like(load), np.zeros_like(load), np.zeros_like(load)
    rows = (load > 0) & (agents > 0)
    weight[rows], busy[rows], held[rows] = _with_room(*(x[rows] for x in (load, agents, concurrency, slowdown)))
    out = compute_steady_state(load, full, gap, weight, aht, threshold, patience, shape, definition)
    waits = out["wait_probability"]
    with np.errstate(invalid="ignore"):
        served = load * (1 - out["abandonment"]) / np.where(full > 0, np.maximum(full, agents), 1.0)
        served = np.minimum(served, 1.0)
        share = np.maximum(waits + (1 - waits) * busy, served)  # below one agent the continued formulas may fall short
        out["occupancy"] = np.where(load > 0, np.minimum(share, 1.0), 0.0)
        out["open_chats"] = np.where(load > 0, np.maximum(waits * concurrency + (1 - waits) * held, served), 0.0)
    out["slot_occupancy"] = out["open_chats"] / concurrency
    return out


def agent_pace(open_chats: Floats, slowdown: Floats) -> Floats:
    """Return the chats that an agent ends per handle time with so many open; between whole numbers, a mix of agents.

    >>> agent_pace(np.array([1.0, 2.0, 2.5]), np.array([0.5, 0.5, 0.5])).round(4).tolist()
    [1.0, 1.3333, 1.4167]
    """
    low = np.floor(open_chats)
    part = open_chats - low
    here, more = (j / (1 + slowdown * np.maximum(j - 1, 0)) for j in (low, low + 1))
    return np.asarray(np.where(part > 0, (1 - part) * here + part * more, here))


def _with_room(a: Floats, n: Floats, c: Floats, s: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the weight of all states with a free place over the last of them, and what agents do in them on average.

    Up to one chat each it is a plain Erlang queue, whose weight is known in closed form; above, states are summed.
    Second, the share of agents with a chat, and third the chats that an agent holds.
    """
    out = tuple(np.empty_like(a) for _ in range(3))
    steps = np.floor(n * c - n + 1e-9).astype(np.int64)
    order = np.argsort(steps, kind="stable")
    at = 0
    while at < len(order):
        size = max(1, _CELLS // max(int(steps[order[min(len(order) - 1, at + 255)]]), 1))
        rows = order[at : at + min(size, 256)]
        for whole, part in zip(out, _sums(a[rows], n[rows], c[rows], s[rows], steps[rows]), strict=True):
            whole[rows] = part
        at += len(rows)
    return out[0], out[1], out[2]


def _sums(a: Floats, n: Floats, c: Floats, s: Floats, steps: np.ndarray) -> tuple[Floats, Floats, Floats]:
    places = n * c
    first = places - steps  # states below it have at most one chat an agent
    alone = idle_weight(a, first, first - a)
    if not steps.any():
        held = a * (alone - 1) / alone / n
        return alone, held, held
    down = np.arange(1, steps.max() + 1)
    used = down <= steps[:, None]
    chats = np.where(used, places[:, None] - down, 0.0)  # chats open: from one place free downwards
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        ratio = np.where(used, n[:, None] * agent_pace(chats / n[:, None], s[:, None]) / a[:, None], 1.0)
        # the state with one place free has weight 1; each further one down that of the rate at which it is reached
        height = np.cumprod(ratio, axis=1)
        terms = np.where(used, np.concatenate([np.ones((len(a), 1)), height[:, :-1]], axis=1), 0.0)
        edge = height[:, -1]
        weight = terms.sum(axis=1) + edge * alone
        if not np.isfinite(weight).all():  # the means do not depend on the scale: bring the highest state to 1
            logs = np.cumsum(np.log(ratio), axis=1)
            logs = np.concatenate([np.zeros((len(a), 1)), logs], axis=1)
            logs -= logs.max(axis=1, keepdims=True)
            terms, edge = np.where(used, np.exp(logs[:, :-1]), 0.0), np.exp(logs[:, -1])
        below = edge * a * (alone - 1) / n
        total = terms.sum(axis=1) + edge * alone
        each = chats / n[:, None]
        busy, held = ((terms * x).sum(axis=1) + below for x in (np.minimum(each, 1.0), each))
        known = np.isfinite(total)
        share = a / n
        return weight, np.where(known, busy / total, np.minimum(share, 1)), np.where(known, held / total, share)
