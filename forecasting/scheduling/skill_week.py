"""Groups of agents with skills over days and weeks: how many of each in every interval, between two exact bounds.

Too few to do it at all, by the pooled queue of every set of queues, is the lower bound; agents of whom each serves one
queue are the upper one. How far between them a day lies is found by playing it, with contacts that go by skill and
priority.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ...features.arrays import Bools, Floats, Ints
from ...features.errors import InputError
from ...features.frames import require_columns
from ..simulation.queue import SERVED, Agent, simulate_queue
from ..staffing.target import QueueTarget
from .skill_queues import MAX_QUEUES, Skills, read_by_group, read_interval
from .skills import cover_queues_apart, cover_sets

#: Contacts that one look at the days may play, and the fewest and most times that they are played.
MAX_PLAYED_CONTACTS, MIN_RUNS, MAX_RUNS = 100_000, 8, 60
#: The same where a chance is to be told: it takes more runs than a mean.
MAX_SURE_CONTACTS, MAX_SURE_RUNS = 1_200_000, 1_000
#: Halvings of the distance between the bounds.
STEPS = 6
#: Multiples of it lie evenly between 0 and 1, however many there are.
_GOLDEN = (5**0.5 - 1) / 2
#: Level of the interval of a simulated service level.
LEVEL = 0.99


@dataclass(frozen=True)
class SkillQueue:
    """A queue that shares agents with others.

    Attributes
    ----------
    target
        How it works and what it promises.
    priority
        Its contacts are taken before those of a higher number.
    confidence
        Probability with which a day is to meet the target; ``None``: on average.
    """

    target: QueueTarget
    priority: int = 1
    confidence: float | None = None


@dataclass(frozen=True)
class _Days:
    """Queues by name, their contacts, handle times and own agents by interval, and the day of each interval."""

    names: list[str]
    calls: Floats
    aht: Floats
    own: Ints
    ds: pd.DatetimeIndex
    day: Ints
    slot_s: float


def plan_skill_groups(
    need: pd.DataFrame,
    groups: Skills,
    queues: Mapping[str, SkillQueue],
    *,
    cost: Mapping[str, float] | None = None,
    limits: Mapping[str, float] | None = None,
    rates: Mapping[str, Floats] | None = None,
    longer: Mapping[str, Floats] | None = None,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the agents of each group in every interval, and the service level that simulated days have with them.

    Parameters
    ----------
    need
        ``queue``, ``ds``, ``calls``, ``aht_s`` and ``agents``: what each queue requires by itself; the same intervals
        for every queue.
    groups
        Group -> the queues that its agents can serve.
    queues
        Queue -> its target and priority.
    cost, limits
        Cost of an agent of each group, 1 by default, and the most agents of it.
    rates
        Queue -> joint sample paths of its rate, one row a path; by default the contacts of ``need``.
    longer
        Queue -> what its handle times are multiplied by on the same paths; by default 1.
    seed
        Same seed, same answer.

    Returns
    -------
    plan
        ``group``, ``ds``, ``agents_lo`` (fewest with which it is possible at all), ``agents``, ``agents_hi`` (enough
        without any sharing).
    service
        One row a queue and day, from other runs than the plan was made with: ``queue``, ``day``, ``calls``,
        ``service_level`` with ``lo`` and ``hi``, ``met`` (share of the runs in which the day met the target).

    Raises
    ------
    InputError
        If a queue has no group, the limits are too low, or ``need`` and ``rates`` do not hold the same intervals.

    Examples
    --------
    >>> ds = pd.date_range("2024-03-04 08:00", periods=4, freq="30min")
    >>> same = {"ds": ds, "calls": 100.0, "aht_s": 180.0, "agents": 14}
    >>> each = [pd.DataFrame({"queue": q} | same) for q in ("de", "fr")]
    >>> queues = {q: SkillQueue(QueueTarget()) for q in ("de", "fr")}
    >>> plan, service = plan_skill_groups(pd.concat(each), {"both": ["de", "fr"]}, queues)
    >>> plan["agents_lo"].max().item(), plan["agents_hi"].max().item(), bool((service["service_level"] > 0.8).all())
    (24, 28, True)
    """
    days = _read_days(need, queues)
    first = pd.DataFrame({"queue": days.names, "calls": 1.0, "aht_s": 1.0})
    _, skills, names = read_interval(first, groups)
    price = read_by_group("cost", cost, names, 1.0, above=0)
    high = read_by_group("limits", limits, names, np.inf, least=0)
    least, most = _bounds(days, skills, price, high, [queues[q].target for q in days.names])
    paths = _read_paths(days, rates, days.calls, "rates")
    times = days.aht[:, None, :] * _read_paths(days, longer, np.ones_like(days.aht), "longer")
    runs = count_runs(float(days.calls.sum()), any(queue.confidence is not None for queue in queues.values()))
    crew = [groups[name] for name in names]
    low, top = np.zeros(days.day.max() + 1), np.ones(days.day.max() + 1)
    for _ in range(STEPS):
        middle = (low + top) / 2
        agents = _between(least, most, middle[days.day], price)
        good, offered = _play(days, crew, agents, queues, paths, runs, seed, times)
        kept = _is_kept(days, good, offered, queues)
        low, top = np.where(kept, low, middle), np.where(kept, middle, top)
    agents = _between(least, most, top[days.day], price)
    good, offered = _play(days, crew, agents, queues, paths, runs, seed + 1, times)
    rows = {"group": np.repeat(names, len(days.ds)), "ds": np.tile(days.ds, len(names))}
    plan = pd.DataFrame(rows | {"agents_lo": least.ravel(), "agents": agents.ravel(), "agents_hi": most.ravel()})
    return plan.astype({"group": "str"}), _service(days, good, offered, queues)


def count_runs(calls: float, is_sure: bool) -> int:
    """Return how often days with so many contacts are played; so many paths give each its share.

    >>> count_runs(1200.0, True), count_runs(1200.0, False), count_runs(1e6, False)
    (1000, 60, 8)
    """
    most_calls, most_runs = (MAX_SURE_CONTACTS, MAX_SURE_RUNS) if is_sure else (MAX_PLAYED_CONTACTS, MAX_RUNS)
    return int(np.clip(most_calls / max(calls, 1.0), MIN_RUNS, most_runs))


def _read_days(need: pd.DataFrame, queues: Mapping[str, SkillQueue]) -> _Days:
    names = list(queues)
    if not names:
        raise InputError("missing queues", where="argument 'queues'", code="queue.empty")
    if len(names) > MAX_QUEUES:
        wanted = f"at most {MAX_QUEUES}"
        raise InputError(
            "too many queues", where="argument 'queues'", got=len(names), wanted=wanted, code="plan.too_large"
        )
    require_columns(need, ("queue", "ds", "calls", "aht_s", "agents"), "argument 'need'")
    twice = need.duplicated(["queue", "ds"]).to_numpy()
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        raise InputError(
            "duplicate interval of a queue", where="argument 'need'", column="ds", row=row + 1,
            got=str(need["ds"].iloc[row]), code="row.doubled",
        )  # fmt: skip
    wide = need.pivot(index="ds", columns="queue", values=["calls", "aht_s", "agents"])
    if wide.isna().any(axis=None) or set(names) - set(need["queue"]):
        raise InputError("queues differ in their intervals", where="argument 'need'", code="value.length")
    calls, aht, own = (wide[c][names].to_numpy(dtype=float).T for c in ("calls", "aht_s", "agents"))
    ds = pd.DatetimeIndex(wide.index)
    slot = float(queues[names[0]].target.interval)  # type: ignore[arg-type]
    day = pd.factorize(ds.normalize())[0]
    return _Days(names, calls, aht, own.astype(np.int64), ds, day, slot)


def _read_paths(days: _Days, given: Mapping[str, Floats] | None, usual: Floats, argument: str) -> Floats:
    """Return paths as (queue, path, interval)."""
    if given is None:
        return usual[:, None, :]
    shapes = {name: np.shape(given.get(name, ())) for name in days.names}
    paths = max((shape[0] for shape in shapes.values() if shape), default=0)
    for name, shape in shapes.items():
        if shape != (max(paths, 1), len(days.ds)):
            raise InputError(
                "wrong length", where=f"argument '{argument}[{name!r}]'", got=shape,
                wanted=f"({max(paths, 1)}, {len(days.ds)})", code="value.length",
            )  # fmt: skip
    return np.stack([given[name] for name in days.names])


def _bounds(days: _Days, skills: Bools, price: Floats, high: Floats, targets: list[QueueTarget]) -> tuple[Ints, Ints]:
    """Return the fewest and the most agents of each group by interval; intervals that need the same are solved once."""
    queues = np.arange(len(days.names))
    sets = [list(s) for k in range(1, len(queues) + 1) for s in combinations(queues, k)]
    member = np.zeros((len(sets), len(queues)))
    needs = np.zeros((len(sets), len(days.ds)))
    for i, inside in enumerate(sets):
        member[i, inside] = 1
        calls = days.calls[inside].sum(axis=0)
        seconds = (days.calls[inside] * days.aht[inside]).sum(axis=0)
        aht = np.where(calls > 0, seconds / np.where(calls > 0, calls, 1.0), 1.0)
        pooled = _loosest([targets[q] for q in inside]).require(calls, aht)["agents"].to_numpy(dtype=float)
        # unequal handle times may take a pooled queue more than its parts: it is no more than their sum
        needs[i] = np.minimum(pooled, days.own[inside].sum(axis=0))
    keys = np.concatenate([needs, days.own.astype(float)])
    some, place = np.unique(keys, axis=1, return_inverse=True)
    serves = (member @ skills.T > 0).astype(float)
    least = [cover_sets(price, serves, column[: len(sets)], high) for column in some.T]
    most = [cover_queues_apart(column[len(sets) :], skills, price, high) for column in some.T]
    at = place.ravel()
    return np.array(least).T[:, at], np.array(most).T[:, at]


def _loosest(targets: list[QueueTarget]) -> QueueTarget:
    """Return the least that any of the queues promises: no sharing can do with fewer agents than that takes."""
    levels = [t.service_level for t in targets]
    caps, patient = [t.max_occupancy for t in targets], [t.patience for t in targets if t.patience is not None]
    return replace(
        targets[0],
        service_level=None if None in levels else min(float(x) for x in levels),  # type: ignore[arg-type]
        threshold=max(float(t.threshold) for t in targets),  # type: ignore[arg-type]
        max_occupancy=None if None in caps else max(float(x) for x in caps),  # type: ignore[arg-type]
        patience=min(patient, key=_mean_patience) if patient else None,
    )


def _mean_patience(patience: Any) -> float:
    return float(getattr(patience, "mean", patience))


def _between(least: Ints, most: Ints, share: Floats, price: Floats) -> Ints:
    """Return agents at a share of the way from the fewest to the most, and never dearer than these.

    Agents are whole: intervals take the next one at different shares, so that a day has more than a few steps. Those
    who go, where the bounds differ in their groups, go last.
    """
    way, turn = (most - least) * share, np.arange(least.shape[1]) * _GOLDEN % 1.0
    step = np.where(way >= 0, np.floor(way + turn + 1e-9), -np.floor(-way + 1e-9))
    agents = least + np.where(way >= 0, np.minimum(step, most - least), step).astype(np.int64)
    return np.where(price @ agents > price @ most, most, agents)


def _play(
    days: _Days,
    crew: list[Any],
    agents: Ints,
    queues: Mapping[str, SkillQueue],
    paths: Floats,
    runs: int,
    seed: int,
    times: Floats,
) -> tuple[Floats, Floats]:
    """Return contacts answered in time and contacts offered, as (run, queue, day)."""
    people = [
        Agent(tuple(days.names.index(q) for q in crew[g]), _stretches(agents[g] > k, days))
        for g in range(len(agents))
        for k in range(int(agents[g].max(initial=0)))
    ]
    shape = (runs, len(days.names), int(days.day.max()) + 1)
    good, offered = np.zeros(shape), np.zeros(shape)
    begins = _seconds(days)
    for run in range(runs):
        rng = np.random.default_rng((seed, run))
        count = rng.poisson(paths[:, run % paths.shape[1], :])
        kind, slot = (np.repeat(x.ravel(), count.ravel()) for x in np.indices(count.shape))
        at = begins[slot] + rng.uniform(0, days.slot_s, len(slot))
        handle = rng.exponential(times[kind, run % times.shape[1], slot])
        gives_up = np.full(len(slot), np.inf)
        for q, name in enumerate(days.names):
            patience = queues[name].target.patience
            if patience is not None:
                mine = kind == q
                gives_up[mine] = rng.exponential(_mean_patience(patience), int(mine.sum()))
        rank = np.array([queues[name].priority for name in days.names])[kind]
        seen = simulate_queue(at, handle, people, skill=kind, priority=rank, patience=gives_up)
        within = np.array([float(queues[name].target.threshold) for name in days.names])[kind]  # type: ignore[arg-type]
        in_time = (seen.outcome == SERVED) & (seen.start - seen.arrived <= within)
        np.add.at(offered[run], (kind, days.day[slot]), 1.0)
        np.add.at(good[run], (kind, days.day[slot]), in_time)
    return good, offered


def _seconds(days: _Days) -> Floats:
    at = days.ds.as_unit("us").asi8 / 1e6
    return np.asarray(at - at[0])


def _stretches(there: Bools, days: _Days) -> tuple[tuple[float, float], ...]:
    """Return the intervals in which an agent is there, those that follow each other as one."""
    begins = _seconds(days)[there]
    ends = begins + days.slot_s
    if not len(begins):
        return ()
    cut = np.flatnonzero(begins[1:] > ends[:-1] + 1e-6)
    first, last = begins[np.concatenate([[0], cut + 1])], ends[np.concatenate([cut, [len(ends) - 1]])]
    return tuple(zip(first.tolist(), last.tolist(), strict=True))


def _is_kept(days: _Days, good: Floats, offered: Floats, queues: Mapping[str, SkillQueue]) -> Bools:
    """Tell which days keep the target of every queue: on average, or in the share of runs that is wanted."""
    kept = np.ones(offered.shape[2], dtype=bool)
    for q, name in enumerate(days.names):
        queue, calls, hits = queues[name], offered[:, q], good[:, q]
        goal = float(queue.target.service_level or 0.0)  # type: ignore[arg-type]
        if queue.confidence is None:
            kept &= hits.sum(axis=0) >= goal * calls.sum(axis=0)
        else:
            kept &= (hits >= goal * calls).mean(axis=0) >= queue.confidence
    return kept


def _service(days: _Days, good: Floats, offered: Floats, queues: Mapping[str, SkillQueue]) -> pd.DataFrame:
    dates = days.ds.normalize().unique()
    rows = []
    for q, name in enumerate(days.names):
        goal = float(queues[name].target.service_level or 0.0)  # type: ignore[arg-type]
        for d, date in enumerate(dates):
            hits, calls = good[:, q, d], offered[:, q, d]
            if calls.sum() == 0:
                continue
            level = hits.sum() / calls.sum()
            # of a ratio: how far the runs lie from it, each by its contacts
            error = np.sqrt(np.mean((hits - level * calls) ** 2) / (len(calls) - 1)) / calls.mean()
            half = stats.t.ppf(0.5 + LEVEL / 2, len(calls) - 1) * error
            met = float((hits >= goal * calls).mean())
            rows.append((name, date, calls.mean(), level, max(level - half, 0.0), min(level + half, 1.0), met))
    return pd.DataFrame(rows, columns=["queue", "day", "calls", "service_level", "lo", "hi", "met"])
