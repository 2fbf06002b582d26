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
from ..scenarios.path_totals import path_matrix
from ..scenarios.quantiles import quantile_at, rate_quantiles
from .demand import Demand
from .risk_of_short import agents_for_target
from .search import TARGET_TOLERANCE
from .target import QueueTarget

#: What a target may be met over.
PERIODS = ("interval", "day", "week")


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


def widen_paths(rates: Floats, spread: float, ds: pd.Series, seed: int = 0) -> Floats:
    """Return paths of the load in calls, where the handle times of whole days are off by a share beside the rate.

    Days are independent of one another and of the rates, as in :func:`~.handle_times.widen_quantiles`.

    Parameters
    ----------
    rates
        Of :func:`rate_paths`.
    spread
        How far the mean handle time of a day may be off, as a share.
    ds
        Begin of each interval.
    seed
        Where the order of the deviations is drawn from.

    Examples
    --------
    >>> ds = pd.Series(pd.to_datetime(["2024-03-04 08:00", "2024-03-04 09:00", "2024-03-05 08:00"]))
    >>> wide = widen_paths(np.full((99, 3), 100.0), 0.1, ds)
    >>> np.quantile(wide, [0.1, 0.5, 0.9], axis=0).round(0)[:, 0].tolist(), bool((wide[:, 0] == wide[:, 1]).all())
    ([88.0, 100.0, 113.0], True)
    """
    if spread <= 0:
        return rates
    code = pd.factorize(ds.dt.normalize())[0]
    rng, count = np.random.default_rng(seed), len(rates)
    scores = special.ndtri((np.arange(count) + 0.5) / count)
    by_day = np.column_stack([rng.permutation(scores) for _ in range(code.max() + 1)])
    return np.asarray(rates * np.exp(spread * by_day[:, code]))


def _without_chance(scores: Floats, reliability: Floats, day: Ints) -> Floats:
    """Return normal scores of rates from those of counts: what an interval has by chance is taken from its own part.

    The chance of a count goes with no other interval; it would make rates of a day look less alike than they are.
    """
    out = scores.copy()
    for label in np.unique(day):
        inside = np.flatnonzero((day == label) & (scores.std(axis=0) > 0) & (reliability > 0))
        if len(inside) < 2:
            continue
        common = scores[:, inside].mean(axis=1, keepdims=True)
        own = scores[:, inside] - common
        chance = float(np.mean(1 - reliability[inside])) * (1 - 1 / len(inside))
        variance = float(np.mean(own**2))
        share = np.sqrt(max(variance - chance, 0.0) / variance) if variance > 0 else 1.0
        mixed = common + share * own
        out[:, inside] = mixed / np.maximum(mixed.std(axis=0), 1e-9)
    return out


def agents_over_period(
    rates: Floats, aht: Numbers, target: QueueTarget, ds: pd.Series, confidence: float, period: str = "day"
) -> npt.NDArray[np.int64]:
    """Return the agents with which each day or week meets its target with a probability.

    Parameters
    ----------
    rates
        Rates of contacts, one row a path and one column an interval, see :func:`rate_paths`.
    aht
        Mean handle time in seconds: one number, or one for each interval.
    target
        How the queue works, and what it is to reach.
    ds
        Begin of each interval.
    confidence
        Probability with which the service level over the period is to reach the target.
    period
        ``interval`` (each by itself), ``day`` or ``week``.

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
    [[15, 15], [14, 15]]
    """
    if period not in PERIODS:
        hint = did_you_mean(period, PERIODS)
        raise InputError("unknown period", where="argument 'period'", got=period, hint=hint, code="value.unknown")
    demand = Demand.from_paths(rates, np.broadcast_to(np.asarray(aht, dtype=float), (rates.shape[1],)))
    if period == "interval":
        return agents_for_target(demand, target, confidence)
    start = ds.dt.normalize()
    labels = start if period == "day" else start - pd.to_timedelta(start.dt.day_of_week, unit="D")
    code = pd.factorize(labels)[0]
    found = agents_for_target(demand, target, confidence, code)
    return _trim(found, demand, target, code, confidence)


def _trim(
    agents: npt.NDArray[np.int64], demand: Demand, target: QueueTarget, code: Ints, confidence: float
) -> npt.NDArray[np.int64]:
    """Take an agent off the intervals where the period still meets its target, those that lose least first.

    All intervals of a period are staffed for one quantile of their need; agents are whole, so that is often too many.
    """
    goal = float(np.asarray(target.service_level if target.service_level is not None else 0.0))
    others = replace(target, service_level=None).require(demand.calls.mean(axis=0), demand.aht.mean(axis=0))
    fewest = np.maximum(others["agents"].to_numpy(), 1)  # bounds beside the service level hold in each interval
    now, less = (_met(demand, target, np.maximum(agents - k, 1)) for k in (0, 1))
    loss = now - less
    out = agents.copy()
    for period in np.unique(code):
        inside = np.flatnonzero(code == period)
        whole, met = demand.calls[:, inside].sum(axis=1), now[:, inside].sum(axis=1)
        for place in inside[np.argsort(loss[:, inside].sum(axis=0), kind="stable")]:
            after = met - loss[:, place]
            missed = float(demand.weight @ (after < (goal - TARGET_TOLERANCE) * whole))
            if out[place] > fewest[place] and missed <= 1 - confidence + 1e-9:
                out[place] -= 1
                met = after
    return out


def _met(demand: Demand, target: QueueTarget, agents: npt.NDArray[np.int64]) -> Floats:
    """Return the contacts answered in time, by path and interval."""
    there = np.broadcast_to(agents, demand.calls.shape)
    level = target.perform(demand.calls.ravel(), demand.aht.ravel(), there.ravel())["service_level"]
    return np.asarray(demand.calls * np.nan_to_num(level.to_numpy(), nan=1.0).reshape(demand.calls.shape))
