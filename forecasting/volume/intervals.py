"""Intervals from errors that were really made: pooled over past origins, scaled by forecast and series."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from ...features.arrays import Bools, Floats, Ints
from ...features.errors import InputError

#: Days of errors after which a series' own spread counts as much as that of its tier.
SPREAD_SHRINK_DAYS = 10.0

#: How many times more or less the spread of a tier may be than a series' own, where days tell of both: a tier may hold
#: series in other units.
MAX_TIER_RATIO = 2.0

#: Errors that a tier needs for a shape of its own.
MIN_POOL_ERRORS = 50

#: Free errors that must lie beyond a quantile on average for their order to tell it.
MIN_TAIL_ERRORS = 4.0

#: Mean absolute errors at which errors are cut where their spread stands for a tail, and the fewest degrees of freedom.
MAX_NORMAL_RATIO, MIN_FREE_ERRORS = 4.0, 2.0

#: How fast the probabilities follow the coverage of intervals issued earlier, and how far, as a share of a tail.
ADAPTATION_RATE, MAX_ADAPTATION_SHARE = 0.01, 0.5

#: Blocks of days into which the days of errors are parted to see how far neighbouring days are wrong together: a level
#: that is missed is missed for as long as a forecast goes ahead.
ERROR_BLOCKS = 4

#: Free errors at which the shape of a tier of volume counts as much as that of all its series with as many empty slots.
SHAPE_SHRINK_ERRORS = 20.0

#: Series of like volume that a tier needs to be parted off: a few may hold one in other units.
MIN_TIER_SERIES = 5

#: Degrees of freedom of the tail beyond 80 % as far as errors are too few to tell one: shocks are rarer than a history.
TAIL_FREE = 6.0

#: Probability of one side beyond which the shape is that of the tail.
TAIL_SHARE = 0.1

#: Shares of empty slots that part the tiers: full, thin and sparse series.
TIER_ZERO_SHARES = (0.05, 0.5)


@dataclass(frozen=True)
class ErrorDistribution:
    """How far from a forecast the outcome may lie, for N series and K quantiles.

    Attributes
    ----------
    sigma
        N; typical size of a scaled error of the series.
    quantiles
        N x K; quantiles of the error in units of ``sigma``, by rising probability.
    days
        Distinct days behind them; 0 where there are none and counts are taken as Poisson.
    """

    sigma: Floats
    quantiles: Floats
    days: int


_BOUND = re.compile(r"^(?P<model>.+)-(?P<side>lo|hi)-(?P<level>\d+(?:\.\d+)?)$")


def interval_columns(ahead: pd.DataFrame, model: str = "deskcast") -> dict[float, str]:
    """Return the columns that hold quantiles of a model, by probability in rising order; empty without bounds.

    >>> interval_columns(pd.DataFrame(columns=["ds", "deskcast", "deskcast-lo-80", "deskcast-hi-80"]))
    {0.1: 'deskcast-lo-80', 0.5: 'deskcast', 0.9: 'deskcast-hi-80'}
    """
    found: dict[float, str] = {}
    for column in map(str, ahead.columns):
        match = _BOUND.match(column)
        if match and match["model"] == model:
            half = float(match["level"]) / 200
            found[round(0.5 - half if match["side"] == "lo" else 0.5 + half, 9)] = column
    return dict(sorted((found | {0.5: model}).items())) if found else {}


def interval_models(columns: Iterable[object]) -> dict[str, list[float]]:
    """Return the models that have intervals, with their levels, in the order of the columns.

    >>> interval_models(["ds", "core", "core-lo-80", "core-hi-80", "core-lo-low"])
    {'core': [80.0]}
    """
    found: dict[str, list[float]] = {}
    for match in filter(None, map(_BOUND.match, map(str, columns))):
        if match["side"] == "lo":
            found.setdefault(match["model"], []).append(float(match["level"]))
    return found


def check_levels(levels: Sequence[float]) -> tuple[float, ...]:
    """Return the levels in rising order, or say which is not a percentage.

    >>> check_levels([95, 80])
    (80, 95)
    """
    given = [levels] if isinstance(levels, (int, float)) else list(levels)
    for level in given:
        if isinstance(level, bool) or not isinstance(level, (int, float, np.number)) or not 0 < level < 100:
            raise InputError(
                "not a valid level",
                column="levels",
                got=level,
                wanted="percent such as 80 or 95",
                code="value.unknown",
            )
    if not given:
        raise InputError("at least one level is needed", column="levels", wanted="such as (80, 95)", code="value.range")
    return tuple(sorted(set(given)))


def probabilities(levels: Sequence[float]) -> Floats:
    """Return the quantile probabilities that the levels imply, rising, without the median.

    >>> probabilities((80, 95)).round(3).tolist()
    [0.025, 0.1, 0.9, 0.975]
    """
    below = [(100 - level) / 200 for level in levels]
    return np.array(sorted([*below, *(1 - b for b in below)]))


def forecast_columns(name: str, point: Floats, edges: Floats, levels: Sequence[float]) -> dict[str, Floats]:
    """Return the columns of a forecast and its quantiles, as every table of forecasts has them.

    >>> list(forecast_columns("deskcast", np.ones(1), np.array([[0.5, 0.8, 1.2, 1.5]]), (80, 95)))
    ['deskcast', 'deskcast-lo-80', 'deskcast-hi-80', 'deskcast-lo-95', 'deskcast-hi-95']
    """
    columns, k = {name: point.ravel()}, len(levels)
    for i, level in enumerate(levels):
        columns[f"{name}-lo-{level:g}"] = edges[..., k - 1 - i].ravel()
        columns[f"{name}-hi-{level:g}"] = edges[..., k + i].ravel()
    return columns


def assign_zero_tiers(zeros: Floats) -> Ints:
    """Return the tier of each series by its share of empty slots, which does not depend on units.

    >>> assign_zero_tiers(np.array([0.0, 0.2, 0.9])).tolist()
    [0, 1, 2]
    """
    return np.digitize(zeros, TIER_ZERO_SHARES).astype(np.int64)


def calibrate_intervals(
    errors: Floats, tier: Ints, days: Ints, unit: Floats, levels: Sequence[float], volume: Ints | None = None
) -> ErrorDistribution:
    """Learn intervals from scaled out-of-sample errors.

    Errors of a series are divided by its mean absolute error, shrunk to the median of its tier by ``n / (n + 10)``
    days, and pooled over the series of the tier. Of the pool the finite-sample rank is taken, ``(n + 1) p``, as in
    split conformal prediction (Vovk, Gammerman and Shafer 2005), between two errors where it lies between them. The
    errors of one day are wrong together, so ``n`` is not their number but the number of free ones that would be worth
    as much, see :func:`effective_sample_size`.
    Small and large queues of one tier have pools of their own, shrunk to that of the tier: chance makes the errors of
    one, a level that is missed those of the other, and a common pool is too wide for one and too narrow for the other.

    Parameters
    ----------
    errors
        O x N x H scaled errors of past origins, NaN where there is none.
    tier
        N; tier of each series.
    days
        O x H; the day of each target.
    unit
        N; smallest volume above 0, the scale of a Poisson count where no error is known.
    levels
        Percent.
    volume
        N; tier of each series by volume, see :func:`.combination.assign_volume_tiers`; all alike by default.
    """
    p = probabilities(levels)
    known = ~np.isnan(errors)
    n_series = errors.shape[1]
    if not known.any():
        normal = np.array([NormalDist().inv_cdf(q) for q in p])
        root = np.sqrt(np.where(np.isfinite(unit), unit, 1.0))
        return ErrorDistribution(root, np.tile(normal, (n_series, 1)), 0)
    total = len(np.unique(days[known.any(axis=1)]))
    fine = tier if volume is None else _fine_tiers(tier, volume)
    sigma = _sigma(np.abs(errors), known, fine, total)
    with np.errstate(invalid="ignore"):
        scaled = errors / sigma[None, :, None]
    table = np.zeros((n_series, len(p)))
    for number in np.unique(tier):
        members = tier == number
        shape, _ = _shape(scaled, members, days, p)
        table[members] = shape
        for part in np.unique(fine[members & (fine >= 0)]):
            some = fine == part
            if some.sum() < members.sum() and known[:, some].sum() >= MIN_POOL_ERRORS:
                own, free = _shape(scaled, some, days, p)
                share = free / (free + SHAPE_SHRINK_ERRORS)
                table[some] = share * own + (1 - share) * shape
    return ErrorDistribution(sigma, table, total)


def _fine_tiers(tier: Ints, volume: Ints) -> Ints:
    """Return tiers that are parted by volume as well, where enough series are in one.

    >>> _fine_tiers(np.zeros(8, dtype=int), np.array([1, 1, 1, 1, 1, 2, 2, 3])).tolist()
    [1, 1, 1, 1, 1, -1, -1, -1]
    """
    width = int(volume.max()) + 2
    fine = tier * width + np.maximum(volume, 0)
    _, place, count = np.unique(fine, return_inverse=True, return_counts=True)
    return np.where(count[place] >= MIN_TIER_SERIES, fine, -1 - tier)


def _shape(scaled: Floats, members: Bools, days: Ints, p: Floats) -> tuple[Floats, float]:
    """Return the quantiles of the scaled errors of some series (of all, where they are few), and their free errors."""
    if (~np.isnan(scaled[:, members])).sum() < MIN_POOL_ERRORS:
        members = np.ones(len(members), dtype=bool)
    mine = scaled[:, members]
    pool = mine[~np.isnan(mine)]
    free = effective_sample_size(mine, days)
    quantiles = conformal_quantiles(pool, free, adapt_probabilities(mine, p))
    # neighbouring days are wrong together as well: a level that is missed is missed for weeks
    block = max(1, int(days.max() - days.min() + 1) // ERROR_BLOCKS)
    apart = min(free, effective_sample_size(mine, (days - days.min()) // block))
    middle = np.median(pool)
    return np.sort(middle + (quantiles - middle) * _widening(free, apart, p)), free


def _widening(free: float, apart: float, p: Floats) -> Floats:
    """Return how much wider quantiles are, at rising ``p``, where ``free`` errors are worth ``apart`` ones only.

    That is the ratio of the two prediction intervals by Student's t. Beyond 80 % the ratio is that of 80 %, and the
    tail that of few degrees of freedom as far as so few errors do not tell it: both would count one doubt twice.

    >>> _widening(100.0, 100.0, np.array([0.1, 0.9])).tolist()
    [1.0, 1.0]
    >>> _widening(100.0, 10.0, np.array([0.025, 0.1, 0.9, 0.975])).round(2).tolist()
    [1.24, 1.12, 1.12, 1.24]
    """
    free, apart = (max(n, MIN_FREE_ERRORS + 1) for n in (free, apart))
    tail = np.minimum(p, 1 - p)
    near, outer = np.maximum(tail, TAIL_SHARE), np.minimum(tail, TAIL_SHARE)
    by_chance = np.sqrt((1 + 1 / apart) / (1 + 1 / free)) * stdtrit(apart - 1, near) / stdtrit(free - 1, near)
    told = np.clip(apart * tail / MIN_TAIL_ERRORS, 0.0, 1.0)
    heavier = (stdtrit(TAIL_FREE, outer) / stdtrit(TAIL_FREE, TAIL_SHARE)) / (ndtri(outer) / ndtri(TAIL_SHARE))
    widening: Floats = np.where(tail < 0.5, by_chance, 1.0) * (told + (1 - told) * heavier)
    return widening


def effective_sample_size(errors: Floats, days: Ints) -> float:
    """Return how many independent errors the errors of these days are worth.

    That is their number divided by the design effect of days as clusters (Kish 1965): the variance of their sum, by
    days, over what it would be if all were independent. It is at least the number of days, at most that of errors.

    Parameters
    ----------
    errors
        O x N x H scaled errors, NaN where there is none.
    days
        O x H; the day of each target.

    Examples
    --------
    >>> day = np.array([[0, 0, 1, 1]])
    >>> effective_sample_size(np.array([[[1.0, 1.0, -1.0, -1.0]]]), day)
    2.0
    >>> effective_sample_size(np.array([[[1.0, -1.0, 1.0, -1.0]]]), day)
    4.0
    """
    known = ~np.isnan(errors)
    # a wild error would drown the others in sums of squares
    size = np.abs(errors[known])
    most = 4 * float(size.mean())
    clean = np.clip(np.where(known, errors, 0.0), -most, most).sum(axis=1)
    squares = float((np.minimum(size, most) ** 2).sum())
    _, place = np.unique(days, return_inverse=True)
    by_day = np.bincount(place.ravel(), weights=clean.ravel())
    count, n_days = len(size), len(np.unique(days[known.any(axis=1)]))
    together = float((by_day**2).sum())
    return float(np.clip(count * squares / together, n_days, count)) if together > 0 else float(count)


def conformal_quantiles(pool: Floats, n: float, p: Floats) -> Floats:
    """Take the quantiles of a pool, at rising ``p``, that hold for the next one: it is worth ``n`` free values.

    They are those of rank ``(n + 1) p`` of ``n`` values, where a value of rank ``k`` stands for ``(k - 1/2) / n`` of
    the pool: a rank rounded up is too far out, and so is one counted from the end of a pool larger than ``n``.

    A tail beyond which few of them lie is not told by their order: the largest of twelve is no quantile of 97.5 %. As
    far as that is so the quantile is that of a prediction interval of normal errors, by Student's t, whose spread all
    of the pool tells. So two levels never have the same interval because the history is short.

    >>> conformal_quantiles(np.arange(-100.0, 101.0), 201, np.array([0.1, 0.9])).round(1)
    array([-80.8,  80.8])
    >>> conformal_quantiles(np.arange(-4.0, 5.0), 9, np.array([0.025, 0.1, 0.9, 0.975])).round(1)
    array([-6.2, -3.9,  3.9,  6.2])
    """
    # the tails are mirror images
    most = np.maximum(p, 1 - p)
    outer = np.minimum(1.0, most + (most - 0.5) / n)
    low, high = -np.quantile(-pool, outer, method="hazen"), np.quantile(pool, outer, method="hazen")
    beyond = n * np.minimum(p, 1 - p)
    told = np.clip(beyond / MIN_TAIL_ERRORS, 0.0, 1.0)
    empirical = np.where(p < 0.5, low, high)
    quantiles: Floats = told * empirical + (1 - told) * _normal_quantiles(pool, n, p)
    # near one another the two may cross
    return np.sort(quantiles)


def _normal_quantiles(pool: Floats, n: float, p: Floats) -> Floats:
    """Return the quantiles for the next one of errors that are normal, given that the pool is worth ``n`` of them."""
    most = MAX_NORMAL_RATIO * float(np.abs(pool).mean())
    calm = np.clip(pool, -most, most)
    free = max(n - 1.0, MIN_FREE_ERRORS)
    quantiles: Floats = calm.mean() + calm.std() * np.sqrt(1 + 1 / free) * stdtrit(free, p)
    return quantiles


def adapt_probabilities(scaled: Floats, p: Floats) -> Floats:
    """Return the probabilities to issue, moved by how often outcomes lay below the quantiles issued before.

    Origin by origin each quantile is set from the errors of the origins before; where outcomes lay below it more
    often than they should the probability falls by a share of the excess, and the other way round (adaptive
    conformal inference, Gibbs and Candes 2021).

    Parameters
    ----------
    scaled
        O x N x H scaled errors, the latest origin first.
    p
        Probabilities that are wanted.

    Examples
    --------
    >>> drifting = np.linspace(6.0, 0.0, 12)[:, None, None] + np.random.default_rng(0).normal(size=(12, 1, 50))
    >>> bool(adapt_probabilities(drifting, np.array([0.1, 0.9]))[1] > 0.9)
    True
    """
    issued = p.copy()
    known = [np.sort(each[~np.isnan(each)]) for each in scaled]
    past, reached = np.empty(0), len(scaled)
    for origin in range(len(scaled) - 4, -1, -1):
        now = known[origin]
        past = np.sort(np.concatenate([past, *known[origin + 1 : reached]]), kind="stable")  # merges what is in order
        reached = origin + 1
        if len(now) and len(past) >= MIN_POOL_ERRORS:
            edges = np.interp(np.clip(issued, 0.001, 0.999) * (len(past) - 1), np.arange(len(past)), past)
            # an error of counts may lie on an edge: rounding must not decide
            below = np.searchsorted(now, edges + 1e-9 * np.abs(edges), side="right") / len(now)
            issued = issued + ADAPTATION_RATE * (p - below)
    tail = np.minimum(p, 1 - p)
    return np.clip(issued, p - MAX_ADAPTATION_SHARE * tail, p + MAX_ADAPTATION_SHARE * tail)


def _sigma(size: Floats, known: Bools, tier: Ints, total: int) -> Floats:
    """Return the mean absolute scaled error of each series, shrunk to its tier."""
    count = known.sum(axis=(0, 2))
    own = np.where(known, size, 0.0).sum(axis=(0, 2)) / np.maximum(count, 1)
    told = (count > 0) & (own > 0)
    if not told.any():
        return np.ones(len(count))
    middle = np.full(len(count), np.median(own[told]))
    for number in np.unique(tier[told]):
        middle[tier == number] = np.median(own[told & (tier == number)])
    days = total * count / count.max()
    sure = told & (days >= SPREAD_SHRINK_DAYS)
    middle = np.where(sure, np.clip(middle, own / MAX_TIER_RATIO, own * MAX_TIER_RATIO), middle)
    sigma: Floats = (days * own + SPREAD_SHRINK_DAYS * middle) / (days + SPREAD_SHRINK_DAYS)
    return sigma


def apply_intervals(point: Floats, size: Floats, bands: ErrorDistribution, quiet: Bools) -> Floats:
    """Return the quantiles around a forecast, N x H x K: never below 0, never crossing one another or the forecast.

    Parameters
    ----------
    point, size
        N x H forecast and its spread.
    bands
        What :func:`calibrate_intervals` learnt.
    quiet
        N x H; slots that are closed or never hold anything: exactly 0.
    """
    k = bands.quantiles.shape[1]
    edges = point[:, :, None] + (size * bands.sigma[:, None])[:, :, None] * bands.quantiles[:, None, :]
    edges[:, :, : k // 2] = np.minimum(edges[:, :, : k // 2], point[:, :, None])
    edges[:, :, k // 2 :] = np.maximum(edges[:, :, k // 2 :], point[:, :, None])
    return np.where(quiet[:, :, None], 0.0, np.maximum(edges, 0.0))
