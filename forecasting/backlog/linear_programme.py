"""The linear programme behind the backlog plan, on seconds of work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...features.arrays import Floats, Ints
from ...features.errors import InputError
from ..integer_search import ceiling
from ..solver import Matrix, Solution, solve, triplets

#: A plan in whole numbers is good enough when no better one can save more than this share.
MAX_OPTIMALITY_GAP = 2e-3
#: Branches that the search for whole agents looks at, at the usual effort: a limit of work, the same on any machine.
MAX_BRANCHES = 200
#: Cost of an hour of work that is late although it may be: late only where that saves something.
ALLOWED_LATE_PRICE_PER_H = 0.01


@dataclass(frozen=True)
class Stream:
    """Work in seconds that falls due in the order in which it comes: per slot what comes and what falls due in it.

    ``gone`` is late at the start; ``old`` marks what waits at the start, ``kind`` is the class of its cases.
    """

    arrived: Floats
    due: Floats
    handle_s: float
    gone: float
    kind: int
    old: bool


@dataclass(frozen=True)
class Prices:
    """Costs in agent hours: of a late case, of its hours, of the largest slot, of a change, of an hour.

    ``by_case`` says whether the first two are per case; else they are per hour of its handle time.
    """

    late: float
    late_hour: float
    by_case: tuple[bool, bool]
    peak: float
    change: float
    hour: float

    def of(self, handle_s: float) -> tuple[float, float]:
        """Return the prices of a second of late work, and of a second of late work that waits an hour."""
        late = self.late / handle_s if self.by_case[0] else self.late / 3600
        return late, self.late_hour / handle_s if self.by_case[1] else self.late_hour / 3600


@dataclass(frozen=True)
class WorkFlow:
    """What the plan does, seconds of work by stream and slot, and the agents by slot."""

    agents: Floats | Ints
    done: Floats
    late: Floats
    late_done: Floats
    waiting: Floats
    late_waiting: Floats
    cost: float


#: Entries of a block of constraints: rows within the block, variables, values.
Entry = tuple[Any, Any, Any]


class _Columns:
    """Names for blocks of variables, with their cost and bounds."""

    def __init__(self) -> None:
        self.size = 0
        self.cost: list[Floats] = []
        self.low: list[Floats] = []
        self.high: list[Floats] = []

    def add(self, n: int, cost: Floats | float = 0.0, low: Floats | float = 0.0, high: Floats | float = np.inf) -> int:
        first = self.size
        self.size += n
        for store, value in ((self.cost, cost), (self.low, low), (self.high, high)):
            store.append(np.broadcast_to(np.asarray(value, dtype=float), (n,)))
        return first


class _Rows:
    """Constraints as triplets."""

    def __init__(self) -> None:
        self.i: list[Any] = []
        self.j: list[Any] = []
        self.v: list[Any] = []
        self.low: list[Floats] = []
        self.high: list[Floats] = []
        self.size = 0

    def add(self, parts: Sequence[Entry], low: Floats | float, high: Floats | float, n: int) -> None:
        for row, column, value in parts:
            self.i.append(self.size + np.asarray(row))
            self.j.append(np.asarray(column))
            self.v.append(np.broadcast_to(np.asarray(value, dtype=float), np.shape(row)))
        self.low.append(np.broadcast_to(np.asarray(low, dtype=float), (n,)))
        self.high.append(np.broadcast_to(np.asarray(high, dtype=float), (n,)))
        self.size += n

    def block(self, columns: int) -> tuple[Matrix, Floats, Floats]:
        parts = np.concatenate(self.v), np.concatenate(self.i), np.concatenate(self.j)
        return triplets(*parts, (self.size, columns)), np.concatenate(self.low), np.concatenate(self.high)


def solve_flow(
    streams: list[Stream],
    *,
    per_agent: Floats,
    free: Floats,
    low: Floats,
    high: Floats,
    slot_h: Floats,
    open_h: Floats,
    on_time: float,
    settle: bool,
    prices: Prices,
    whole: bool,
    effort: float,
) -> WorkFlow:
    """Solve the programme; it is always feasible, as every promise may be broken at its price.

    Parameters
    ----------
    streams
        Work in seconds.
    per_agent, free
        Seconds of work that an agent can do in each slot, and that can be done without any.
    low, high
        Bounds on the agents of each slot.
    slot_h, open_h
        Hours of each slot, all and open.
    on_time, settle, prices, whole, effort
        As in :func:`backlog_plan`.
    """
    n, slots = len(open_h), np.arange(len(open_h))
    columns, rows = _Columns(), _Rows()
    agents = columns.add(n, prices.hour * open_h, low, high)
    peak = columns.add(1, prices.peak)
    rows.add([(slots, agents + slots, -1.0), (slots, np.full(n, peak), 1.0)], 0.0, np.inf, n)
    _smooth(columns, rows, agents, open_h, prices.change)
    capacity: list[Entry] = [(slots, agents + slots, per_agent)]
    blocks: list[tuple[int, ...]] = []
    for s in streams:
        price, hour = prices.of(s.handle_s)
        room = np.cumsum(s.arrived) - np.cumsum(s.due)
        done, late, late_done = columns.add(n), columns.add(n, ALLOWED_LATE_PRICE_PER_H / 3600), columns.add(n)
        waiting = columns.add(n, 0.0, 0.0, np.maximum(room, 0.0))
        late_waiting = columns.add(n, hour * slot_h)
        step, before = slots[1:], slots[:-1]
        rows.add(
            [(slots, waiting + slots, 1.0), (step, waiting + before, -1.0), (slots, done + slots, 1.0),
             (slots, late + slots, 1.0)], s.arrived, s.arrived, n,
        )  # fmt: skip
        first = np.where(slots == 0, s.gone, 0.0)
        rows.add(
            [(slots, late_waiting + slots, 1.0), (step, late_waiting + before, -1.0), (slots, late_done + slots, 1.0),
             (slots, late + slots, -1.0)], first, first, n,
        )  # fmt: skip
        beyond = columns.add(1, price)
        zero = np.zeros(n, dtype=int)
        rows.add(
            [(zero, late + slots, 1.0), (zero[:1], np.array([beyond]), -1.0)], -np.inf, (1 - on_time) * s.due.sum(), 1
        )
        capacity += [(slots, done + slots, -1.0), (slots, late_done + slots, -1.0)]
        blocks.append((done, late, late_done, waiting, late_waiting))
    rows.add(capacity, -free, np.inf, n)
    if settle:
        _settle(columns, rows, streams, blocks, per_agent * high + free, prices)
    result = _solved(columns, rows, agents, n, whole, effort)
    x = result.x
    if x is None:
        raise InputError(
            "no whole number of agents is within the bounds", where="argument 'max_agents'", code="plan.impossible"
        )
    picked = [np.stack([np.maximum(x[b[k] : b[k] + n], 0.0) for b in blocks]) for k in range(5)]
    people: Floats | Ints = np.rint(x[agents : agents + n]).astype(np.int64) if whole else x[agents : agents + n]
    return WorkFlow(people, picked[0], picked[1], picked[2], picked[3], picked[4], result.cost)


def _smooth(columns: _Columns, rows: _Rows, agents: int, open_h: Floats, price: float) -> None:
    """Price each agent more or less than in the slot before, where both are open."""
    pairs = np.flatnonzero((open_h[1:] > 0) & (open_h[:-1] > 0))
    if price <= 0 or not len(pairs):
        return
    k = np.arange(len(pairs))
    up, down = columns.add(len(k), price), columns.add(len(k), price)
    rows.add(
        [(k, agents + pairs + 1, 1.0), (k, agents + pairs, -1.0), (k, up + k, -1.0), (k, down + k, 1.0)],
        0.0,
        0.0,
        len(k),
    )


def _settle(
    columns: _Columns,
    rows: _Rows,
    streams: list[Stream],
    blocks: list[tuple[int, ...]],
    capacity: Floats,
    prices: Prices,
) -> None:
    """Bound the work at the end by that of the start, or by what comes after the last open slot; late work by none."""
    n = len(capacity)
    worked = np.flatnonzero(capacity > 0)
    tail = sum(float(s.arrived[int(worked[-1]) + 1 :].sum()) for s in streams) if len(worked) else np.inf
    opening = sum(s.gone + (float(s.arrived.sum()) if s.old else 0.0) for s in streams)
    dearest = max(prices.of(s.handle_s)[0] for s in streams)
    left = columns.add(1, max(dearest, 100 / 3600))
    ends = np.array([b[k] + n - 1 for b in blocks for k in (3, 4)])
    zero = np.zeros(len(ends), dtype=int)
    rows.add([(zero, ends, 1.0), (zero[:1], np.array([left]), -1.0)], -np.inf, max(opening, tail), 1)
    undone = columns.add(1, max(dearest, 100 / 3600))
    ends = np.array([b[4] + n - 1 for b in blocks])
    zero = np.zeros(len(ends), dtype=int)
    rows.add([(zero, ends, 1.0), (zero[:1], np.array([undone]), -1.0)], -np.inf, 0.0, 1)


def _solved(columns: _Columns, rows: _Rows, agents: int, n: int, whole: bool, effort: float) -> Solution:
    cost, block = np.concatenate(columns.cost), rows.block(columns.size)
    low, high = np.concatenate(columns.low), np.concatenate(columns.high)
    plain = solve(cost, [block], low, high)
    if plain.x is None:
        raise InputError(
            "the plan could not be solved", where="backlog_plan", got=plain.message, code="plan.impossible"
        )
    if not whole:
        return plain
    mine = slice(agents, agents + n)
    kind = np.zeros(columns.size, dtype=bool)
    kind[mine] = True
    best = solve(
        cost, [block], low, high, whole=kind, nodes=max(1, round(MAX_BRANCHES * effort)), gap=MAX_OPTIMALITY_GAP
    )
    low[mine] = high[mine] = np.minimum(ceiling(plain.x[mine]), np.floor(high[mine]))
    rounded = solve(cost, [block], low, high)
    return rounded if rounded.cost < best.cost else best
