"""Agents from joint sample paths: a target that is to be met over a day or a week, with a chosen probability."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats

from ...features.arrays import Floats, Ints
from ...features.errors import InputError, did_you_mean
from ..arguments import Numbers
from ..queueing.patience import Patience
from ..queueing.service_over_day import expected_in_time
from ..queueing.service_spread import QueueRules, in_time_variance
from ..scenarios.path_totals import path_matrix
from ..scenarios.quantiles import quantile_at, rate_quantiles
from .demand import Demand
from .risk_of_short import agents_for_target
from .search import TARGET_TOLERANCE
from .target import QueueTarget

#: What a target may be met over.
PERIODS = ("interval", "day", "week")

#: How often agents are added to the intervals of a period, and then taken off, one to an interval each time.
MAX_ADD_ROUNDS, MAX_TRIM_ROUNDS = 3, 5

#: Loads of an interval at which its chance is computed; between them it is interpolated.
CHANCE_POINTS = 7


def rate_paths(ahead: pd.DataFrame, paths: pd.DataFrame, levels: tuple[int, ...] = (80, 95)) -> Floats:
    """Return the rates behind sample paths of counts, one row a path and one column an interval.

    Each interval has the rates that its quantiles tell once the chance of Poisson counts is out of them, in the order
    of the paths: so intervals and days go together as they do in the paths, and chance counts once.

    Parameters
    ----------
    ahead
        The forecast of one series: ``ds, deskcast`` and its bounds.
    paths
        Sample paths of the same series and intervals: ``unique_id, ds, path, y``.
    levels
        Levels of the bounds, in percent.

    Examples
    --------
    >>> ds = pd.to_datetime(["2024-03-04"])
    >>> ahead = pd.DataFrame({"ds": ds, "deskcast": 100.0, "deskcast-lo-80": 80.0, "deskcast-hi-80": 120.0})
    >>> paths = pd.DataFrame({"unique_id": "all", "ds": ds[0], "path": range(3), "y": [90.0, 130.0, 100.0]})
    >>> rate_paths(ahead, paths, (80,)).round(0).ravel().tolist()
    [88.0, 112.0, 100.0]
    """
    counts = path_matrix(paths)
    given = {0.5: ahead["deskcast"].to_numpy(dtype=float)}
    for level in levels:
        given[0.5 - level / 200] = ahead[f"deskcast-lo-{level}"].to_numpy(dtype=float)
        given[0.5 + level / 200] = ahead[f"deskcast-hi-{level}"].to_numpy(dtype=float)
    if counts.shape[1] != len(ahead):
        raise InputError(
            "paths and forecast differ in their intervals", where="argument 'paths'", got=counts.shape[1],
            wanted=f"{len(ahead)}", code="value.length",
        )  # fmt: skip
    given = {p: given[p] for p in sorted(given)}
    rates = rate_quantiles(given)
    scores = special.ndtri((stats.rankdata(counts, axis=0, method="average") - 0.5) / len(counts))
    low, high = min(given), max(given)
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = np.nan_to_num((rates[high] - rates[low]) / (given[high] - given[low]))
    day = pd.factorize(ahead["ds"].dt.normalize())[0]
    return quantile_at(rates, _without_chance(scores, np.clip(kept, 0.0, 1.0) ** 2, day))


def _without_chance(scores: Floats, reliability: Floats, day: Ints) -> Floats:
    """Return normal scores of rates from those of counts: what an interval has by chance is taken from its own part.

    The chance of a count goes with no other interval; it would make rates of a day look less alike than they are. What
    a day has in common is spread evenly over its distribution: a draw of few paths would miss its ends by points.
    """
    out, even = scores.copy(), special.ndtri((np.arange(len(scores)) + 0.5) / len(scores))
    for label in np.unique(day):
        inside = np.flatnonzero((day == label) & (scores.std(axis=0) > 0) & (reliability > 0))
        if len(inside) < 2:
            continue
        common = scores[:, inside].mean(axis=1, keepdims=True)
        own = scores[:, inside] - common
        chance = float(np.mean(1 - reliability[inside])) * (1 - 1 / len(inside))
        variance = float(np.mean(own**2))
        share = np.sqrt(max(variance - chance, 0.0) / variance) if variance > 0 else 1.0
        rank = np.argsort(np.argsort(common[:, 0], kind="stable"), kind="stable")
        mixed = float(common.std()) / max(float(even.std()), 1e-9) * even[rank, None] + share * own
        out[:, inside] = mixed / np.maximum(mixed.std(axis=0), 1e-9)
    return out


def agents_over_period(
    rates: Floats,
    aht: Numbers,
    target: QueueTarget,
    ds: pd.Series,
    confidence: float,
    period: str = "day",
    start: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.int64]:
    """Return the agents with which each day or week meets its target with a probability.

    Over a day or week chance counts too: a path has the rate of contacts, and not when each of them comes; and what
    waits at the end of an interval is there in the next one.

    Parameters
    ----------
    rates
        Rates of contacts, one row a path and one column an interval, see :func:`rate_paths`.
    aht
        Mean handle time in seconds: one number, one for each interval, or one for each path and interval.
    target
        How the queue works, and what it is to reach.
    ds
        Begin of each interval.
    confidence
        Probability with which the service level over the period is to reach the target.
    period
        ``interval`` (each by itself), ``day`` or ``week``.
    start
        Agents from which a day or week is searched; by default those of intervals by themselves.

    Raises
    ------
    InputError
        If the period is unknown.

    Examples
    --------
    >>> ds = pd.Series(pd.date_range("2024-03-04 08:00", periods=2, freq="30min"))
    >>> rates = np.array([[90.0, 90.0], [100.0, 100.0], [110.0, 110.0], [120.0, 120.0]])
    >>> target = QueueTarget(max_occupancy=None)
    >>> [agents_over_period(rates, 180, target, ds, 0.7, over).tolist() for over in ("interval", "day")]
    [[15, 15], [14, 14]]
    """
    if period not in PERIODS:
        hint = did_you_mean(period, PERIODS)
        raise InputError("unknown period", where="argument 'period'", got=period, hint=hint, code="value.unknown")
    demand = Demand.from_paths(rates, np.broadcast_to(np.asarray(aht, dtype=float), rates.shape))
    if period == "interval" or not len(ds):
        return agents_for_target(demand, target, confidence)
    midnight = ds.dt.normalize()
    labels = midnight if period == "day" else midnight - pd.to_timedelta(midnight.dt.day_of_week, unit="D")
    code = pd.factorize(labels)[0]
    found = agents_for_target(demand, target, confidence, code) if start is None else start
    return _settle(found, demand, target, code, confidence, _find_runs(demand, target, ds))


def _settle(
    agents: npt.NDArray[np.int64], demand: Demand, target: QueueTarget, code: Ints, confidence: float, runs: list[Ints]
) -> npt.NDArray[np.int64]:
    """Add an agent where that helps most until each period meets its target, and take off those who are not needed.

    All intervals of a period are staffed for one quantile of their need; agents are whole, so that is often too many,
    and where rates hardly vary it is too few: calls of the same rate come early or late by chance.
    """
    if target.service_level is None:
        return agents
    goal = float(np.asarray(target.service_level)) - TARGET_TOLERANCE
    others = replace(target, service_level=None).require(demand.calls.mean(axis=0), demand.aht.mean(axis=0))
    fewest = np.maximum(others["agents"].to_numpy(), 1)  # bounds beside the service level hold in each interval
    out, periods = agents.copy(), [np.flatnonzero(code == period) for period in np.unique(code)]
    is_met = False
    for step in (1,) * MAX_ADD_ROUNDS + (-1,) * MAX_TRIM_ROUNDS:
        if step > 0 and is_met:
            continue
        before = out.copy()
        now, then = (_met(demand, target, np.maximum(out + k, 1), runs) for k in (0, step))
        chance = _chance(demand, target, np.maximum(out, 1), goal)
        change = then - now
        value = np.abs(demand.weight @ change)
        for inside in periods:
            whole, met = demand.calls[:, inside].sum(axis=1), now[:, inside].sum(axis=1)
            error = np.maximum(np.sqrt(chance[:, inside].sum(axis=1)), 1e-9)

            def missed(met: Floats, whole: Floats = whole, error: Floats = error) -> float:
                return float(demand.weight @ special.ndtr((goal * whole - met) / error))

            risk = 1 - confidence + 1e-9
            for place in inside[np.argsort(-step * value[inside], kind="stable")]:
                after = met + change[:, place]
                if step > 0 and (missed(met) <= risk or value[place] <= 0):
                    break
                if step < 0 and (out[place] <= fewest[place] or missed(after) > risk):
                    continue
                out[place] += step
                met = after
        is_met = bool((out == before).all())
        if step < 0 and is_met:
            break
    return out


def _chance(demand: Demand, target: QueueTarget, agents: npt.NDArray[np.int64], goal: float) -> Floats:
    """Return the variance of contacts answered in time less those that the target asks for, by path and interval."""
    aht = demand.weight @ demand.aht
    load = demand.calls * demand.aht / aht
    low, high = load.min(axis=0), load.max(axis=0)
    points = low + (high - low) * np.linspace(0.0, 1.0, CHANCE_POINTS)[:, None]
    times, there = (np.broadcast_to(x, points.shape).ravel() for x in (aht, agents.astype(float)))
    found = in_time_variance(points.ravel(), times, there, _read_rules(target, goal)).reshape(points.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = np.nan_to_num((load - low) / (high - low)) * (CHANCE_POINTS - 1)
    left = np.minimum(at.astype(np.int64), CHANCE_POINTS - 2)
    every, rest = np.arange(load.shape[1]), at - left
    return np.asarray(found[left, every] * (1 - rest) + found[left + 1, every] * rest)


def _read_rules(target: QueueTarget, goal: float) -> QueueRules:
    given = target.patience.mean if isinstance(target.patience, Patience) else target.patience
    patience = np.inf if given is None else float(np.mean(np.asarray(given, dtype=float)))
    held = 1.0 if target.concurrency is None else float(np.asarray(target.concurrency))
    interval, within, slowdown = (float(np.asarray(x)) for x in (target.interval, target.threshold, target.slowdown))
    return QueueRules(interval, goal, within, patience, held, slowdown)


def _find_runs(demand: Demand, target: QueueTarget, ds: pd.Series) -> list[Ints]:
    """Return the intervals of each day that follow one another with contacts to come; none where no chain is exact."""
    if target.definition != "offered" or isinstance(target.patience, Patience):
        return []
    at = ds.to_numpy(dtype="datetime64[us]")
    is_open = demand.calls.max(axis=0) > 0
    apart = np.diff(at) / np.timedelta64(1, "s") > float(np.asarray(target.interval)) + 1e-6
    cut = apart | (np.diff(at.astype("datetime64[D]")).astype(int) > 0) | (np.diff(is_open.astype(int)) != 0)
    parts = np.split(np.arange(len(at)), np.flatnonzero(cut) + 1)
    return [part for part in parts if is_open[part[0]]]


def _met(demand: Demand, target: QueueTarget, agents: npt.NDArray[np.int64], runs: list[Ints]) -> Floats:
    """Return the contacts answered in time, by path and interval."""
    if not runs:
        there = np.broadcast_to(agents, demand.calls.shape)
        level = target.perform(demand.calls.ravel(), demand.aht.ravel(), there.ravel())["service_level"]
        return np.asarray(demand.calls * np.nan_to_num(level.to_numpy(), nan=1.0).reshape(demand.calls.shape))
    out, rules = np.zeros(demand.calls.shape), _read_rules(target, 0.0)
    for size in sorted({len(run) for run in runs}):
        mine = np.array([run for run in runs if len(run) == size])
        there = np.broadcast_to(agents.astype(float), out.shape)
        parts: list[Floats] = [x[:, mine].reshape(-1, size).astype(float) for x in (demand.calls, demand.aht, there)]
        calls, aht, agents_on = parts
        out[:, mine] = expected_in_time(calls, aht, agents_on, rules).reshape(len(out), *mine.shape)
    return out
