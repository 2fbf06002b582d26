"""A queue, event by event: items arrive, wait, are served by agents on shift, or give up.

The formulas of Erlang answer for one stationary queue. Skills, breaks, priorities, patience of any distribution
and work that comes back need a simulation, and this is the one that the simulated desk and checks of a staffing
plan share. Nothing in it is random: all randomness is in the items that it is given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError

#: What became of an item: its code in :attr:`QueueRun.outcome`.
OUTCOMES = ("served", "abandoned", "waiting", "not arrived")
SERVED, ABANDONED, WAITING, NOT_ARRIVED = range(4)

_BITS = 28
_MASK = (1 << _BITS) - 1


@dataclass(frozen=True)
class Agent:
    """Who serves: the skills, best known first, and the stretches of presence as (start, end) in seconds.

    Breaks are gaps between two stretches. An agent begins nothing outside them and finishes what was begun.
    """

    skills: tuple[int, ...]
    shifts: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class QueueRun:
    """What happened to each item, in the order in which the items were given.

    Attributes
    ----------
    arrived, start, end
        Seconds on the clock of the input; NaN where it did not happen. ``end`` of an abandoned item is the
        instant at which it gave up.
    agent
        Position of the agent who served, -1 where nobody did.
    outcome
        Code into :data:`OUTCOMES`.
    """

    arrived: Floats
    start: Floats
    end: Floats
    agent: npt.NDArray[np.int64]
    outcome: npt.NDArray[np.int8]

    def frame(self) -> pd.DataFrame:
        """Return one row an item: arrived_s, start_s, end_s, wait_s, agent, outcome (as a word)."""
        frame = pd.DataFrame({"arrived_s": self.arrived, "start_s": self.start, "end_s": self.end})
        frame["wait_s"] = np.where(self.outcome == ABANDONED, self.end, self.start) - self.arrived
        frame["agent"] = self.agent
        frame["outcome"] = pd.Series(np.array(OUTCOMES)[self.outcome], dtype="str")
        return frame


def simulate_queue(
    arrivals: npt.ArrayLike,
    handle: npt.ArrayLike,
    agents: Sequence[Agent],
    *,
    skill: npt.ArrayLike | None = None,
    priority: npt.ArrayLike | None = None,
    patience: npt.ArrayLike | None = None,
    after: npt.ArrayLike | None = None,
    held_from: npt.ArrayLike | None = None,
    held_until: npt.ArrayLike | None = None,
    until: float = np.inf,
) -> QueueRun:
    """Run items through a queue with agents on shift, and say when each was served, by whom, or gave up.

    An idle agent takes an arriving item at once: first one with the fewest skills, among agents of the same skills
    the one who has been idle longest. A free agent takes the waiting item of the highest priority among the skills,
    and the oldest of these. At one instant, holds end first, then services, then follow-up work comes, shifts begin,
    and new items arrive, each in the order of their positions.

    Parameters
    ----------
    arrivals
        Instant at which each item arrives, in seconds, shape (n,). For an item with a predecessor (``after``), the
        seconds between the end of the predecessor and its arrival.
    handle
        Seconds that an agent is busy with each item, shape (n,).
    agents
        Who serves.
    skill
        Skill that each item needs; 0 by default.
    priority
        Smaller is served first; all equal by default.
    patience
        Seconds that each item waits before it gives up; without end by default.
    after
        Position of the item that has to end before this one arrives, -1 for none; an item has one successor at
        most. The successor of an item that is never served does not arrive.
    held_from, held_until
        Nobody begins the item in this span, in which it keeps its place in the queue; NaN for none.
    until
        Nothing happens after this instant.

    Returns
    -------
    QueueRun
        ``served`` items have a start and an end (which may lie after ``until``), ``abandoned`` ones the instant of
        giving up, ``waiting`` ones are still in the queue at ``until`` or when the last agent has left, and
        ``not arrived`` are successors that did not get that far.

    Raises
    ------
    InputError
        If lengths differ, a time is missing or negative, or the chain of items is not one.

    Notes
    -----
    Next-event simulation with a heap for what ends and a merged list for what is known beforehand; giving up
    changes nothing for anybody else, so it is noticed only when an item reaches the head of its queue. See
    A. M. Law, *Simulation Modeling and Analysis*, chapter 1.

    Examples
    --------
    >>> run = simulate_queue([0, 10, 20], [60, 60, 60], [Agent((0,), ((0, 1000),))], patience=[99, 99, 30])
    >>> run.frame()[["start_s", "end_s", "outcome"]].to_dict("list")
    {'start_s': [0.0, 60.0, nan], 'end_s': [60.0, 120.0, 50.0], 'outcome': ['served', 'served', 'abandoned']}
    """
    items = _Items.checked(arrivals, handle, skill, priority, patience, after, held_from, held_until)
    check_agents(agents)
    arrived, start, who = _loop(items, agents, float(until))
    return _outcomes(items, arrived, start, who, float(until))


@dataclass(frozen=True)
class _Items:
    arrival: Floats
    handle: Floats
    skill: npt.NDArray[np.int64]
    rank: npt.NDArray[np.int64]
    patience: Floats
    after: npt.NDArray[np.int64]
    held_from: Floats
    held_until: Floats

    @classmethod
    def checked(cls, arrivals: Any, handle: Any, skill: Any, priority: Any, patience: Any, *rest: Any) -> _Items:
        arrival = _numbers(arrivals, None, "arrivals")
        n = len(arrival)
        if n > _MASK:
            raise InputError("too many items", got=n, wanted=f"at most {_MASK:,}", code="plan.too_large")
        after = _numbers(rest[0], n, "after", -1.0).astype(np.int64)
        given = after[after >= 0]
        if len(np.unique(given)) != len(given) or (given >= n).any() or (after == np.arange(n)).any():
            raise InputError(
                "an item may follow one other item",
                column="after",
                wanted="each position once, or -1",
                code="value.range",
            )
        ranks = np.unique(_numbers(priority, n, "priority", 0.0), return_inverse=True)[1].astype(np.int64)
        return cls(
            arrival,
            _numbers(handle, n, "handle", least=0.0),
            _numbers(skill, n, "skill", 0.0, least=0.0).astype(np.int64),
            ranks,
            _numbers(patience, n, "patience", np.inf, least=0.0),
            after,
            _numbers(rest[1], n, "held_from", np.nan, missing=True),
            _numbers(rest[2], n, "held_until", np.nan, missing=True),
        )


def _numbers(
    values: Any, n: int | None, name: str, default: float = 0.0, least: float = -np.inf, missing: bool = False
) -> Floats:
    if values is None:
        return np.full(n or 0, default)
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or (n is not None and len(array) != n):
        raise InputError("wrong length", column=name, got=array.shape, wanted=f"({n},)", code="value.length")
    bad = (np.isnan(array) & (not missing)) | (array < least)
    if bad.any():
        row = int(bad.argmax())
        raise InputError(
            "the value cannot be used",
            column=name,
            row=row + 1,
            got=float(array[row]),
            wanted=f"a number >= {least}",
            code="value.range",
        )
    return array


def check_agents(agents: Sequence[Agent]) -> None:
    """Refuse agents whose stretches are out of order or overlap."""
    for number, agent in enumerate(agents, 1):
        last = -np.inf
        for on, off in agent.shifts:
            if not (last <= on < off):
                raise InputError(
                    "shifts must be in order and not overlap",
                    column="agents",
                    row=number,
                    got=(on, off),
                    code="time.order",
                )
            last = off


def _plain(values: Floats) -> list[Any]:
    """Whole numbers as int: they compare and add faster and stay exact."""
    finite = np.isfinite(values)
    if finite.all() and (values == np.floor(values)).all() and (np.abs(values) < 2**53).all():
        return values.astype(np.int64).tolist()  # type: ignore[no-any-return]
    return values.tolist()  # type: ignore[no-any-return]


def _known_beforehand(items: _Items, agents: Sequence[Agent]) -> tuple[list[Any], list[int], list[int], list[Any]]:
    """Arrivals from outside and beginnings of shifts in one order; a shift is coded as -1 - its number."""
    outside = np.flatnonzero(items.after < 0)
    flat = [(on, number, off) for number, agent in enumerate(agents) for on, off in agent.shifts]
    flat.sort()
    on = np.array([f[0] for f in flat], dtype=np.float64)
    at = np.concatenate([on, items.arrival[outside]])
    what = np.concatenate([-1 - np.arange(len(flat)), outside]).astype(np.int64)
    order = np.argsort(at, kind="stable")
    return _plain(at[order]), what[order].tolist(), [f[1] for f in flat], [f[2] for f in flat]


def _groups(agents: Sequence[Agent], skills: int) -> tuple[list[int], list[tuple[int, ...]], list[list[int]]]:
    """Agents of the same skills form a group; each skill asks the groups with fewest skills first."""
    kinds = sorted({tuple(sorted(set(a.skills))) for a in agents}, key=lambda k: (len(k), k))
    number = {kind: i for i, kind in enumerate(kinds)}
    group = [number[tuple(sorted(set(a.skills)))] for a in agents]
    return group, kinds, [[i for i, kind in enumerate(kinds) if s in kind] for s in range(skills)]


def _loop(items: _Items, agents: Sequence[Agent], until: float) -> tuple[list[Any], list[Any], list[int]]:
    """Run the events in time order; long, because a call per event would double its time."""
    n, crew = len(items.arrival), len(agents)
    times, whats, shift_agent, shift_end = _known_beforehand(items, agents)
    skills = int(max([items.skill.max(initial=0), *(max(a.skills, default=0) for a in agents)])) + 1
    group, kinds, asked = _groups(agents, skills)
    waiting: list[list[int]] = [[] for _ in range(skills)]
    sees = [[waiting[s] for s in kind] for kind in kinds]
    idle: list[deque[int]] = [deque() for _ in kinds]
    crews = [idle[g] for g in group]
    queues = [sees[g] for g in group]
    askable = [[idle[g] for g in groups] for groups in asked]

    handle, skill = _plain(items.handle), items.skill.tolist()
    rank: list[int] = (items.rank << (2 * _BITS)).tolist()
    patient = _plain(items.patience)
    successor = np.full(n, -1)
    chained = np.flatnonzero(items.after >= 0)
    successor[items.after[chained]] = chained
    follows = successor.tolist()
    gap = _plain(items.arrival)
    held = (items.held_until > items.held_from).tolist()
    held_from, held_until = items.held_from.tolist(), items.held_until.tolist()

    arrived: list[Any] = [np.nan] * n
    start: list[Any] = [np.nan] * n
    deadline: list[Any] = [np.inf] * n
    who = [-1] * n
    off: list[Any] = [-np.inf] * crew  # end of the stretch that the agent is in
    busy = [-1] * crew
    is_idle = [False] * crew
    stretch = [0] * crew
    stretches = [a.shifts for a in agents]
    future: list[
        tuple[Any, int, int]
    ] = []  # (time, -1, item no longer held), (time, 0, agent who ends), (time, 1, item that comes)
    kept: dict[int, int] = {}  # place in the queue of what is held
    entry, step, steps = 0, 0, len(times)

    while True:
        if future and (step == steps or future[0][0] <= times[step]):
            now, what, number = heappop(future)
            free, item = (number, -1) if what == 0 else (-1, number)
        elif step < steps:
            now, number = times[step], whats[step]
            step += 1
            if number >= 0:
                free, item, what = -1, number, 2
            else:
                free, item, what = shift_agent[-1 - number], -1, 3
        else:
            break
        if now > until:
            break
        if item >= 0:
            if arrived[item] != arrived[item]:
                arrived[item] = now
                deadline[item] = now + patient[item]
            elif deadline[item] <= now:  # gave up while it was held
                continue
            if held[item] and held_from[item] <= now < held_until[item]:
                heappush(future, (held_until[item], -1, item))
                kept[item] = rank[item] | entry << _BITS | item
                entry += 1
                continue
            for line in askable[skill[item]]:
                while line:
                    free = line.popleft()
                    is_idle[free] = False
                    if now < off[free]:
                        break
                    free = -1
                if free >= 0:
                    break
            else:
                heappush(waiting[skill[item]], kept.get(item, rank[item] | entry << _BITS | item))
                entry += 1
                continue
        else:
            if what == 0:
                done = follows[busy[free]]
                busy[free] = -1
                if done >= 0:
                    heappush(future, (now + gap[done], 1, done))
                if now >= off[free]:
                    mine, k = stretches[free], stretch[free]
                    while k < len(mine) and mine[k][1] <= now:
                        k += 1
                    stretch[free] = k
                    if k == len(mine) or mine[k][0] > now:
                        continue
                    off[free] = mine[k][1]
            else:
                if busy[free] >= 0:
                    continue
                off[free] = shift_end[-1 - number]
                if is_idle[free]:  # left over from the last stretch
                    crews[free].remove(free)
                    is_idle[free] = False
            best, chosen = -1, None
            for line_ in queues[free]:
                while line_:
                    key = line_[0]
                    item = key & _MASK
                    if deadline[item] <= now:
                        heappop(line_)
                    elif held[item] and held_from[item] <= now < held_until[item]:
                        kept[item] = heappop(line_)
                        heappush(future, (held_until[item], -1, item))
                    else:
                        if best < 0 or key < best:
                            best, chosen = key, line_
                        break
            if chosen is None:
                crews[free].append(free)
                is_idle[free] = True
                continue
            item = heappop(chosen) & _MASK
        start[item] = now
        who[item] = free
        busy[free] = item
        heappush(future, (now + handle[item], 0, free))
    return arrived, start, who


def _outcomes(items: _Items, arrived: list[Any], start: list[Any], who: list[int], until: float) -> QueueRun:
    came, began = np.array(arrived, dtype=np.float64), np.array(start, dtype=np.float64)
    served, here = ~np.isnan(began), ~np.isnan(came)
    gives_up = came + items.patience
    left = here & ~served & np.isfinite(gives_up) & (gives_up <= until)
    end = np.where(served, began + items.handle, np.where(left, gives_up, np.nan))
    outcome = np.select([served, left, here], [SERVED, ABANDONED, WAITING], NOT_ARRIVED).astype(np.int8)
    return QueueRun(came, began, end, np.array(who, dtype=np.int64), outcome)
