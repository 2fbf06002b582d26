"""The week as a profile: what each slot of the week usually holds, seen from an origin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...features.arrays import Bools, Floats, Ints
from .frequency import SlotFrequency
from .grid import Grid

#: Weeks (or months, for monthly slots) that are looked back on; older values say little about the next ones.
LOOKBACK_SEASONS = 26

#: -log(0.01): so many arrivals must have been expected in a slot that saw none before it counts as quiet.
MIN_QUIET_ARRIVALS = 4.6

#: A value this many times the 90th percentile of the series' values above 0 is taken for a recording fault.
OUTLIER_FACTOR = 20.0


@dataclass(frozen=True)
class SeasonalProfile:
    """What is known of each slot of the season at an origin, for N series and P slots from the origin on.

    Attributes
    ----------
    mean
        N x P same-slot average over ordinary days.
    last
        N x P latest value of the same slot, whatever day it was.
    quiet
        N x P; True where the slot never holds anything, so that it is forecast 0 without doubt.
    level, unit, zeros
        N; mean volume of a slot that is not quiet, smallest volume above 0, and share of such slots with 0.
    limit
        N; values above it are taken for recording faults and count in no average and no error.
    y, counts
        N x weeks x P; the values that were looked back on, and whether each counts in averages.
    """

    mean: Floats
    last: Floats
    quiet: Bools
    level: Floats
    unit: Floats
    zeros: Floats
    limit: Floats
    y: Floats
    counts: Bools


def cut_seasons(values: npt.NDArray[Any], origin: int, season: int, weeks: int = LOOKBACK_SEASONS) -> npt.NDArray[Any]:
    """Cut the last ``weeks`` seasons before the origin into N x weeks x season; before the first slot is missing.

    >>> cut_seasons(np.arange(5.0)[None, :], 5, 2, 3)
    array([[[nan,  0.],
            [ 1.,  2.],
            [ 3.,  4.]]])
    """
    size = weeks * season
    cut = values[:, max(0, origin - size) : origin]
    pad = size - cut.shape[1]
    if pad:
        fill = np.nan if values.dtype.kind == "f" else False
        cut = np.pad(cut, ((0, 0), (pad, 0)), constant_values=fill)
    return cut.reshape(len(values), weeks, season)


def latest_average(y: Floats, counts: Bools, most: int) -> Floats:
    """Average the latest ``most`` values that count of each slot.

    Parameters
    ----------
    y, counts
        N x weeks x P values and whether each may be used.
    most
        How many at most.

    Returns
    -------
    N x P averages; NaN where no value counts.

    Examples
    --------
    >>> latest_average(np.array([[[8.0], [1.0], [3.0]]]), np.ones((1, 3, 1), dtype=bool), 2)
    array([[2.]])
    """
    behind = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]
    used = counts & (behind <= most)
    return _ratio(np.where(used, y, 0.0).sum(axis=1), used.sum(axis=1))


def build_profile(grid: Grid, ordinary: Bools, origin: int) -> SeasonalProfile:
    """Estimate the usual value of each time of the week, from the values before the origin alone.

    The same-slot average takes the latest eight same slots of the week (of weekly slots the latest eight, of
    monthly ones the latest twelve) that were open, not missing, ordinary and credible, from half a year at most. A
    slot without any takes the average of that time of day, then of the whole series.

    Parameters
    ----------
    grid
        The panel.
    ordinary
        T + H; False on days that are open but different, which do not count in averages.
    origin
        Number of the first slot to forecast; values from there on are not looked at.
    """
    f = grid.frequency
    y = cut_seasons(grid.y, origin, f.season)
    usable = grid.known(origin, max(0, origin - LOOKBACK_SEASONS * f.season))
    known = ~np.isnan(y) & cut_seasons(usable, usable.shape[1], f.season).astype(bool)
    limit = find_credible_limit(y, known)
    limit = _limit_of_old(grid, origin, origin - usable.shape[1], limit, y, known)
    usual = known & cut_seasons(ordinary[None, : grid.length], origin, f.season).astype(bool)
    usual &= ~(y > limit[:, None, None])
    mean = _with_fallbacks(latest_average(y, usual, f.average), y, usual, known, f)
    last = latest_average(y, known, 1)
    seen, most = known.sum(axis=1), np.where(known, y, 0.0).max(axis=1)
    unit = np.where(known & (y > 0), y, np.inf).min(axis=(1, 2))
    rough = _ratio(np.where(known, y, 0.0).sum(axis=(1, 2)), known.sum(axis=(1, 2)))
    rare, rate, least = _find_rare(grid, origin - usable.shape[1], known, most)
    rough, unit = np.where(rare, rate, rough), np.where(rare, least, unit)
    quiet = _quiet(y, known, seen, most, rough / unit, rare)
    lively = usual & ~quiet[:, None, :]
    level = _ratio(np.where(lively, y, 0.0).sum(axis=(1, 2)), lively.sum(axis=(1, 2)))
    zeros = _ratio((lively & (y == 0)).sum(axis=(1, 2)), lively.sum(axis=(1, 2)))
    level = np.where(np.isnan(level) | rare, rough, level)
    last = np.where(np.isnan(last), mean, last)
    return SeasonalProfile(mean, last, quiet, level, unit, np.nan_to_num(zeros), limit, y, usual)


def _find_rare(grid: Grid, start: int, known: Bools, most: Floats) -> tuple[Bools, Floats, Floats]:
    """Find series in which nothing came lately and not much was to come, with the rate and least value of their past.

    Zeros since slot ``start`` say that a series has ended only where, at its rate before, so many zeros had less than 1
    chance in 100.
    """
    lately = known.sum(axis=(1, 2))
    past = grid.y[:, : max(start, 0)]
    there = ~np.isnan(past)
    total, count = np.where(there, past, 0.0).sum(axis=1), there.sum(axis=1)
    least = np.where(there & (past > 0), past, np.inf).min(axis=1, initial=np.inf)
    expected = lately * total / np.maximum(count, 1) / least
    rare: Bools = (most.max(axis=1) == 0) & (total > 0) & (lately > 0) & (expected <= MIN_QUIET_ARRIVALS)
    return rare, total / np.maximum(count + lately, 1), least


def find_credible_limit(y: Floats, known: Bools) -> Floats:
    """Return the value above which a value of each series is not credible; infinite where none is far off."""
    above = known & (y > 0)
    mean = _ratio(np.where(above, y, 0.0).sum(axis=(1, 2)), above.sum(axis=(1, 2)))
    limit = np.full(len(y), np.inf)
    for i in np.flatnonzero(np.where(above, y, 0.0).max(axis=(1, 2)) > OUTLIER_FACTOR * mean):
        limit[i] = OUTLIER_FACTOR * float(np.quantile(y[i][above[i]], 0.9))
    return limit


def _limit_of_old(grid: Grid, origin: int, start: int, limit: Floats, y: Floats, known: Bools) -> Floats:
    """Lower the limit of series with a value before slot ``start`` that is not credible; recent values stay so."""
    if start <= 0:
        return limit
    lately = np.where(known & ~(y > limit[:, None, None]), y, 0.0).max(axis=(1, 2))
    oldest = np.fmax.reduce(grid.y[:, :start], axis=1)
    found = limit.copy()
    for i in np.flatnonzero((oldest > OUTLIER_FACTOR * lately) & (lately > 0)):
        past = grid.y[i, :origin]
        whole = find_credible_limit(past[None, None, :], ~np.isnan(past)[None, None, :])[0]
        found[i] = min(limit[i], max(whole, lately[i]))
    return found


def _ratio(total: npt.NDArray[np.generic], count: npt.NDArray[np.generic]) -> Floats:
    """Divide, with NaN where nothing was counted."""
    divisor = np.asarray(count, dtype=float)
    return np.asarray(total, dtype=float) / np.where(divisor > 0, divisor, np.nan)


def _with_fallbacks(mean: Floats, y: Floats, usual: Bools, known: Bools, f: SlotFrequency) -> Floats:
    """Fill slots without a same slot by their time of day, then by the series."""
    if not np.isnan(mean).any():
        return mean
    n, season = mean.shape
    if f.per_day > 1:
        by_day = (n, season // f.per_day, f.per_day)
        total = np.where(usual, y, 0.0).sum(axis=1).reshape(by_day).sum(axis=1)
        count = usual.sum(axis=1).reshape(by_day).sum(axis=1)
        mean = np.where(np.isnan(mean), np.tile(_ratio(total, count), season // f.per_day), mean)
    for counts in (usual, known):
        whole = _ratio(np.where(counts, y, 0.0).sum(axis=(1, 2)), counts.sum(axis=(1, 2)))
        mean = np.where(np.isnan(mean), whole[:, None], mean)
    return mean


def _quiet(y: Floats, known: Bools, seen: Ints, most: Floats, rate: Floats, rare: Bools) -> Bools:
    """Find slots in which nothing ever comes, or that a source never reports although it reports the others.

    Zeros say so only where, at the mean rate of the series, so many zeros had less than 1 chance in 100; a slot
    that is never reported only where the share of reports elsewhere makes that as unlikely.
    """
    dormant = (most == 0) & (seen >= 4) & (seen * np.nan_to_num(rate)[:, None] > MIN_QUIET_ARRIVALS)
    nothing = (known.sum(axis=(1, 2)) >= 10) & (most.max(axis=1) == 0) & ~rare
    begun = np.maximum.accumulate(known.reshape(len(y), -1), axis=1).reshape(known.shape)
    passed = begun.sum(axis=1)
    reported = seen > 0
    fill = _ratio(seen.sum(axis=1), np.where(reported, passed, 0).sum(axis=1))
    absent = ~reported & (passed * np.nan_to_num(fill)[:, None] > MIN_QUIET_ARRIVALS)
    quiet: Bools = dormant | absent | nothing[:, None]
    return quiet
