"""One replication of a staffing plan: who comes, who is there, and what happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError
from ...features.frames import require_columns
from ..arguments import check_number, check_numbers
from ..queueing.patience import DiscretePatience, Patience
from .chats import simulate_chats
from .queue import ABANDONED, SERVED, Agent, QueueRun, simulate_queue

Setting = float | int | None | Mapping[str, Any]
#: What is counted in each interval of each replication.
COUNTED_MEASURES = ("offered", "in_time", "given_up", "waited_s", "busy_s", "overtime_s")
_NEEDED = ("ds", "calls", "aht_s", "agents")


@dataclass(frozen=True)
class Queue:
    """The intervals of a queue; ``start`` in seconds since the first of all."""

    ds: npt.NDArray[Any]
    start: Floats
    calls: Floats
    aht: Floats
    agents: npt.NDArray[np.int64]
    length: float
    skill: int


@dataclass(frozen=True)
class QueueOptions:
    """How a queue works: times in seconds, handle times as a sample of mean 1, or none for exponential ones."""

    threshold: float
    patience: float | Patience
    concurrency: int
    slowdown: float
    shape: Floats | None

    @staticmethod
    def read(
        queues: Mapping[str, Queue],
        threshold: Any,
        patience: Any,
        concurrency: Any,
        slowdown: Any,
        times: Any,
        crew: Any,
    ) -> dict[str, QueueOptions]:
        """Return the checked options of each queue."""
        found = {}
        given = [values_by_queue(x, queues) for x in (threshold, patience, concurrency, slowdown, times)]
        for name in queues:
            limit, patient, room, slower, seen = (x[name] for x in given)
            shape = None if seen is None else check_numbers("handle_times", seen, least=0).ravel()
            found[name] = QueueOptions(
                check_number("threshold", limit, least=0),
                _read_patience(patient),
                int(check_number("concurrency", room, least=1)),
                check_number("slowdown", slower, least=0),
                None if shape is None else shape / shape.mean(),
            )
            if crew is not None and found[name].concurrency > 1:
                raise InputError(
                    "agents with skills must serve one contact at a time",
                    where="argument 'concurrency'",
                    got=room,
                    code="value.range",
                )
        return found


def _read_patience(value: Any) -> float | Patience:
    if isinstance(value, Patience):
        if np.ndim(value.scale):
            raise InputError(
                "there must be one distribution for each queue",
                where="argument 'patience'",
                got=value.scale,
                code="value.length",
            )
        return value
    return np.inf if value is None else check_number("patience", value, above=0, infinite=True)


def draw_patience(patience: float | Patience, n: int, rng: np.random.Generator) -> Floats:
    """Draw the seconds after which each of n callers gives up.

    >>> draw_patience(Patience.fixed(120), 2, np.random.default_rng(0)).tolist()
    [120.0, 120.0]
    """
    if not isinstance(patience, Patience):
        return rng.exponential(patience, n) if np.isfinite(patience) else np.full(n, np.inf)
    shape, scale = patience.shape, float(np.asarray(patience.scale))
    if isinstance(shape, DiscretePatience):
        points, shares = [*shape.points, np.inf], [*shape.shares, shape.never_share]
        return scale * rng.choice(points, n, p=np.array(shares) / np.sum(shares))
    kind = rng.choice(len(shape.shares), n, p=np.array(shape.shares) / np.sum(shape.shares))
    stages, means = np.array(shape.stages)[kind], np.array(shape.means)[kind]
    return np.asarray(scale * rng.gamma(stages, means / stages))


def values_by_queue(value: Any, queues: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of each queue.

    >>> values_by_queue({"phone": 20, "chat": 60}, {"chat": None})
    {'chat': 60}
    """
    if not isinstance(value, Mapping):
        return dict.fromkeys(queues, value)
    for name in queues:
        if name not in value:
            raise InputError(
                "the queue has no value",
                where="a mapping of queue to value",
                got=list(value),
                wanted=name,
                code="value.missing",
            )
    return {name: value[name] for name in queues}


def read_plan(plan: pd.DataFrame, length: float) -> dict[str, Queue]:
    """Return the queues of a plan by name, in alphabetical order, or say what is wrong with it."""
    require_columns(plan, _NEEDED, "argument 'plan'")
    if not len(plan):
        raise InputError("missing intervals", where="argument 'plan'", code="queue.empty")
    frame = plan if "queue" in plan.columns else plan.assign(queue="all")
    first, found = frame["ds"].min(), {}
    for skill, (name, rows) in enumerate(frame.sort_values("ds").groupby("queue")):
        start = (rows["ds"] - first).dt.total_seconds().to_numpy(float)
        if (np.diff(start) < length).any():
            raise InputError(
                "intervals overlap",
                where="argument 'plan'",
                column="ds",
                hint="check the interval",
                code="time.order",
            )
        agents = check_numbers("agents", rows["agents"], least=0)
        if (agents != np.round(agents)).any():
            raise InputError(
                "agents must be whole numbers", where="argument 'plan'", column="agents", code="value.range"
            )
        calls, aht = check_numbers("calls", rows["calls"], least=0), check_numbers("aht_s", rows["aht_s"], above=0)
        found[str(name)] = Queue(rows["ds"].to_numpy(), start, calls, aht, agents.astype(np.int64), length, skill)
    return found


def build_agents(counts: npt.ArrayLike, start: npt.ArrayLike, length: float, skill: int = 0) -> list[Agent]:
    """Turn agents per interval into agents with stretches of presence; the last who came are the first to go.

    Parameters
    ----------
    counts
        Agents at work in each interval, shape (n,).
    start
        Beginning of each interval in seconds, in order.
    length
        Seconds of each.
    skill
        That each of them has.

    Examples
    --------
    >>> [a.shifts for a in build_agents([1, 2, 1], [0, 60, 120], 60)]
    [((0.0, 180.0),), ((60.0, 120.0),)]
    """
    n, at = np.asarray(counts), np.asarray(start, dtype=float)
    apart = np.concatenate([[True], np.diff(at) > length * (1 + 1e-9)])
    found = []
    for place in range(int(n.max(initial=0))):
        on = n > place
        begins = np.flatnonzero(on & (apart | ~np.concatenate([[False], on[:-1]])))
        ends = np.flatnonzero(on & np.concatenate([(apart | ~on)[1:], [True]]))
        shifts = zip(at[begins], at[ends] + length, strict=True)
        found.append(Agent((skill,), tuple((float(b), float(e)) for b, e in shifts)))
    return found


@dataclass(frozen=True)
class Drawn:
    """The items of one replication of a queue, in seconds, in order of arrival."""

    arrivals: Floats
    handle: Floats
    patience: Floats


def draw_replication(
    queues: Mapping[str, Queue], options: Mapping[str, QueueOptions], spreads: list[float], key: tuple[int, int]
) -> dict[str, Drawn]:
    """Draw the items of one replication; each queue has its own stream, the busyness of the days is common."""
    common, found = np.random.default_rng([*key, 0]), {}
    days = np.unique(np.concatenate([q.ds.astype("datetime64[D]") for q in queues.values()]))
    busy = _gamma(common, spreads[0], len(days))
    for name, queue in queues.items():
        rng, own = np.random.default_rng([*key, 1 + queue.skill]), options[name]
        rate = queue.calls * busy[np.searchsorted(days, queue.ds.astype("datetime64[D]"))]
        count = rng.poisson(rate * _gamma(rng, spreads[1], len(rate)))
        slot = np.repeat(np.arange(len(rate)), count)
        arrivals = np.sort(queue.start[slot] + rng.random(len(slot)) * queue.length)
        work = rng.exponential(1.0, len(slot)) if own.shape is None else rng.choice(own.shape, len(slot))
        leave = draw_patience(own.patience, len(slot), rng)
        found[name] = Drawn(arrivals, work * queue.aht[slot], leave)
    return found


def _gamma(rng: np.random.Generator, spread: float, n: int) -> Floats:
    return rng.gamma(1 / spread**2, spread**2, n) if spread else np.ones(n)


def simulate_replication(
    queues: Mapping[str, Queue],
    options: Mapping[str, QueueOptions],
    drawn: Mapping[str, Drawn],
    crew: Sequence[Agent] | None,
) -> dict[str, QueueRun]:
    """Run the items of all queues; each queue has its own agents, unless there is a crew."""
    if crew is None:
        return {name: _simulate_separately(queues[name], options[name], drawn[name]) for name in queues}
    items = [drawn[name] for name in queues]
    skill = np.repeat([queues[name].skill for name in queues], [len(d.arrivals) for d in items])
    joint = [np.concatenate([getattr(d, field) for d in items]) for field in ("arrivals", "handle", "patience")]
    run = simulate_queue(joint[0], joint[1], crew, skill=skill, patience=joint[2])
    return {
        name: QueueRun(*(getattr(run, f)[skill == q.skill] for f in ("arrived", "start", "end", "agent", "outcome")))
        for name, q in queues.items()
    }


def _simulate_separately(queue: Queue, own: QueueOptions, items: Drawn) -> QueueRun:
    crew = build_agents(queue.agents, queue.start, queue.length)
    if own.concurrency > 1:
        return simulate_chats(
            items.arrivals, items.handle, crew, own.concurrency, own.slowdown, patience=items.patience
        )
    return simulate_queue(items.arrivals, items.handle, crew, patience=items.patience)


def count_run(
    tally: dict[str, Floats], number: int, queue: Queue, run: QueueRun, threshold: float, crew: Sequence[Agent] | None
) -> None:
    """Count what happened in each interval, by the interval of the arrival; work, by when it was done."""
    slots = len(queue.start)
    slot = np.searchsorted(queue.start, run.arrived, side="right") - 1
    late = _overtime(run, build_agents(queue.agents, queue.start, queue.length) if crew is None else crew)
    served, gone = run.outcome == SERVED, run.outcome == ABANDONED
    until = np.where(served, run.start, np.where(gone, run.end, queue.start[-1] + queue.length))
    wait = np.maximum(until - run.arrived, 0.0)
    for name, weight in (
        ("offered", np.ones(len(slot))),
        ("in_time", served & (wait <= threshold)),
        ("given_up", gone),
        ("waited_s", wait),
        ("overtime_s", late),
    ):
        tally[name][number] = np.bincount(slot, weights=weight, minlength=slots)
    edges = np.concatenate([queue.start, queue.start + queue.length])
    done = _done_by(edges, run.start[served], run.end[served])
    tally["busy_s"][number] = done[slots:] - done[:slots]


def _overtime(run: QueueRun, crew: Sequence[Agent]) -> Floats:
    """Return for each item the seconds for which its agent was kept after the end of the stretch it began in.

    Of chats held at once only the last to end keeps the agent, and only for as long as the others did not.
    """
    off = np.full(len(run.arrived), np.inf)
    served = np.flatnonzero(run.outcome == SERVED)
    stretches = [(number, on, end) for number, agent in enumerate(crew) for on, end in agent.shifts]
    if not stretches or not len(served):
        return np.zeros(len(off))
    who, on, end = (np.array(x, dtype=float) for x in zip(*stretches, strict=True))
    span = max(float(end.max()), float(run.start[served].max())) - float(on.min()) + 1
    place = np.searchsorted(
        who * span + (on - on.min()), run.agent[served] * span + run.start[served] - on.min(), "right"
    )
    off[served] = end[place - 1]
    order = served[np.lexsort((run.end[served], off[served], run.agent[served]))]
    late = np.maximum(run.end[order] - off[order], 0.0)
    again = np.zeros(len(order))
    same = (run.agent[order][1:] == run.agent[order][:-1]) & (off[order][1:] == off[order][:-1])
    again[1:][same] = late[:-1][same]
    out = np.zeros(len(off))
    out[order] = late - again
    return out


def _done_by(at: Floats, start: Floats, end: Floats) -> Floats:
    """Return the seconds of work done before each instant."""

    def passed(instants: Floats) -> Floats:
        ordered = np.sort(instants)
        sums = np.concatenate([[0.0], ordered.cumsum()])
        k = np.searchsorted(ordered, at)
        return np.asarray(k * at - sums[k])

    return passed(start) - passed(end)
