"""Chats, several at once with each agent, event by event.

An agent with ``j`` open chats works on all of them, and each is slower by ``1 + slowdown x (j - 1)`` than it would be
alone. The least loaded agent gets the next chat.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np
import numpy.typing as npt

from ...features.arrays import Floats
from ...features.errors import InputError
from .queue import ABANDONED, NOT_ARRIVED, SERVED, WAITING, Agent, QueueRun, check_agents


def simulate_chats(
    arrivals: npt.ArrayLike,
    handle: npt.ArrayLike,
    agents: Sequence[Agent],
    concurrency: int,
    slowdown: float = 0.0,
    *,
    patience: npt.ArrayLike | None = None,
    until: float = np.inf,
) -> QueueRun:
    """Run chats through a queue with agents who hold several at once.

    Parameters
    ----------
    arrivals
        Instant at which each chat arrives, in seconds, shape (n,).
    handle
        Seconds that each chat takes of an agent who has no other, shape (n,).
    agents
        Who serves; all take all chats. After the end of a stretch an agent takes none, and finishes the open ones.
    concurrency
        Most chats that an agent holds at once.
    slowdown
        How much longer a chat takes for each other chat that its agent has open, from 0.
    patience
        Seconds that each chat waits for an agent before it is given up; without end by default.
    until
        Nothing begins after this instant.

    Returns
    -------
    QueueRun
        As :func:`simulate_queue` returns it. Among equally loaded agents the one who has been so for longest is
        asked.

    Raises
    ------
    InputError
        If lengths differ, or a number is missing or out of range.

    Notes
    -----
    Processor sharing within an agent by virtual time: the clock of an agent runs slower the more chats are open, and
    a chat ends when that clock has advanced by its handle time (Kleinrock, *Queueing Systems* II, chapter 4).

    Examples
    --------
    >>> run = simulate_chats([0, 0, 0], [60, 60, 60], [Agent((0,), ((0, 1000),))], concurrency=2, slowdown=0.5)
    >>> run.start.tolist(), run.end.tolist()  # two at once take 1.5 times as long; the third begins alone
    ([0.0, 0.0, 90.0], [90.0, 90.0, 150.0])
    """
    come, work, patient = _chats(arrivals, handle, patience)
    if concurrency < 1 or concurrency != int(concurrency):
        raise InputError(
            "not a whole number of chats",
            where="argument 'concurrency'",
            got=concurrency,
            wanted="from 1",
            code="value.range",
        )
    if not 0 <= slowdown < np.inf:
        raise InputError(
            "the number is out of range", where="argument 'slowdown'", got=slowdown, wanted="from 0", code="value.range"
        )
    check_agents(agents)
    start, end, who = _run(come, work, patient, agents, int(concurrency), float(slowdown), float(until))
    served = ~np.isnan(start)
    gone = ~served & np.isfinite(patient) & (come + patient <= until)
    here = served | (come <= until)
    outcome = np.select([served, gone, here], [SERVED, ABANDONED, WAITING], NOT_ARRIVED).astype(np.int8)
    end = np.where(gone, come + patient, end)
    return QueueRun(np.where(here, come, np.nan), start, end, who, outcome)


def _chats(arrivals: npt.ArrayLike, handle: npt.ArrayLike, patience: Any) -> tuple[Floats, Floats, Floats]:
    come, work = np.asarray(arrivals, dtype=float), np.asarray(handle, dtype=float)
    patient = np.full(len(come), np.inf) if patience is None else np.asarray(patience, dtype=float)
    for name, values, least in (("arrivals", come, -np.inf), ("handle", work, 0.0), ("patience", patient, 0.0)):
        if values.shape != (len(come),):
            raise InputError(
                "wrong length", column=name, got=values.shape, wanted=f"({len(come)},)", code="value.length"
            )
        bad = np.isnan(values) | (values < least)
        if bad.any():
            row = int(bad.argmax())
            raise InputError(
                "the value cannot be used", column=name, row=row + 1, got=float(values[row]), code="value.range"
            )
    return come, work, patient


def _run(
    come: Floats, work: Floats, patient: Floats, agents: Sequence[Agent], room: int, slowdown: float, until: float
) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Run the events in time order; long, because a call per event would double its time."""
    n, crew = len(come), len(agents)
    shifts = sorted((on, number, off) for number, agent in enumerate(agents) for on, off in agent.shifts)
    order = np.argsort(come, kind="stable").tolist()
    times, works, leaves = come.tolist(), work.tolist(), (come + patient).tolist()
    pace = [0.0, *(1 / (1 + slowdown * (j - 1)) for j in range(1, room + 1))]
    start, end, who = [np.nan] * n, [np.nan] * n, [-1] * n
    off = [-np.inf] * crew
    open_chats: list[list[tuple[float, int]]] = [[] for _ in range(crew)]  # (virtual end, chat), a heap each
    clock, seen = [0.0] * crew, [0.0] * crew  # virtual time of an agent, and when it was looked at
    turn = [0] * crew  # an end that was foreseen counts only if nothing has changed since
    levels: list[dict[int, None]] = [{} for _ in range(room)]  # agents on duty by open chats, in order of coming there
    queue: deque[int] = deque()
    ends: list[tuple[float, int, int]] = []
    next_item, next_shift = 0, 0

    while True:
        at_item = times[order[next_item]] if next_item < n else np.inf
        at_shift = shifts[next_shift][0] if next_shift < len(shifts) else np.inf
        at_end = ends[0][0] if ends else np.inf
        now = min(at_item, at_shift, at_end)
        if now == np.inf or now > until:
            break
        if at_end == now:
            _, agent, stamp = heappop(ends)
            if stamp != turn[agent]:
                continue
            mine = open_chats[agent]
            clock[agent], chat = heappop(mine)
            seen[agent], end[chat] = now, now
            if len(mine) + 1 < room:
                levels[len(mine) + 1].pop(agent, None)
            if now < off[agent]:
                levels[len(mine)][agent] = None
        elif at_shift == now:
            _, agent, off[agent] = shifts[next_shift]
            next_shift += 1
            clock[agent] += (now - seen[agent]) * pace[len(open_chats[agent])]
            seen[agent] = now
            if len(open_chats[agent]) < room:
                levels[len(open_chats[agent])].pop(agent, None)
                levels[len(open_chats[agent])][agent] = None
        else:
            queue.append(order[next_item])
            next_item += 1
            agent = -1
        touched = agent if agent >= 0 else None
        while queue:
            if leaves[queue[0]] <= now:
                queue.popleft()
                continue
            agent = _least_loaded(levels, off, now)
            if agent < 0:
                break
            chat, mine = queue.popleft(), open_chats[agent]
            if touched is not None and touched != agent:
                _schedule_next_end(touched, now, open_chats, clock, pace, turn, ends)
            levels[len(mine)].pop(agent)
            clock[agent] += (now - seen[agent]) * pace[len(mine)]
            seen[agent] = now
            heappush(mine, (clock[agent] + works[chat], chat))
            start[chat], who[chat] = now, agent
            if len(mine) < room:
                levels[len(mine)][agent] = None
            touched = agent
        if touched is not None:
            _schedule_next_end(touched, now, open_chats, clock, pace, turn, ends)
    for agent, mine in enumerate(open_chats):
        _finish(mine, clock[agent], seen[agent], pace, end)
    return np.array(start), np.array(end), np.array(who, dtype=np.int64)


def _least_loaded(levels: list[dict[int, None]], off: list[float], now: float) -> int:
    for level in levels:
        while level:
            agent = next(iter(level))
            if now < off[agent]:
                return agent
            del level[agent]  # went home
    return -1


def _schedule_next_end(
    agent: int,
    now: float,
    open_chats: list[list[tuple[float, int]]],
    clock: list[float],
    pace: list[float],
    turn: list[int],
    ends: list[tuple[float, int, int]],
) -> None:
    turn[agent] += 1
    mine = open_chats[agent]
    if mine:
        heappush(ends, (now + max(mine[0][0] - clock[agent], 0.0) / pace[len(mine)], agent, turn[agent]))


def _finish(mine: list[tuple[float, int]], clock: float, seen: float, pace: list[float], end: list[float]) -> None:
    """Describe when what is open at the end of the run would end if nothing else came."""
    heapify(mine)
    while mine:
        tag, chat = mine[0]
        seen += max(tag - clock, 0.0) / pace[len(mine)]
        clock = tag
        end[chat] = seen
        heappop(mine)
