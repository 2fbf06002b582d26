"""Sudden changes of level: found by weeks, so that what came before counts by its pattern and not by its height."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...features.arrays import Bools, Floats, Ints
from .fresh_shifts import find_fresh_shifts

#: Units of time (weeks of days; single slots where they are longer) that are compared on each side of a change.
SIDE_UNITS = 8

#: Units that must lie after a change, and in all.
MIN_UNITS_AFTER, MIN_UNITS = 1, 12

#: Share of pairs of a unit before and a unit after a change of which the latter must be on its side.
MIN_SEPARATED_SHARE = 0.9

#: A single unit after a change is believed if it differs from the units before by so many times more than any unit
#: did in at least so many, and moves the root of the volume by this share.
MIN_NEW_LOW_RATIO, MIN_NEW_LOW_UNITS, MIN_NEW_LOW_SHARE = 1.2, 30, 0.2

#: Times the noise of a fall to what was never seen: the like of it is rare enough to ask less.
MIN_NEW_LOW_NOISE_RATIO = 4.0

#: A change is one if the root of the volume differs by this share, by so many times the week-to-week noise of the
#: difference, and by so many times what differences elsewhere in the series usually are.
MIN_CHANGE_SHARE, MIN_NOISE_RATIO, MIN_USUAL_RATIO = 0.15, 6.0, 1.0

#: Share of empty units from which the mean of the steps, and not their median, tells the noise.
MIN_EMPTY_SHARE = 0.2

#: Changes that are looked for in a series, and units that are looked back on.
MAX_CHANGES, LOOKBACK_UNITS = 4, 110

#: A level moves at most by this factor (of the root), in all changes of a series together.
MAX_LEVEL_RATIO = 3.0


@dataclass(frozen=True)
class LevelShift:
    """A change of level: place of the series, day of the panel from which the new level holds, new over old volume."""

    row: int
    day: int
    ratio: float


def detect_level_shifts(
    z: Floats, trust: Floats, unit: int, ordinary: Bools | None = None
) -> tuple[Floats, list[LevelShift]]:
    """Find sudden changes of level, and the factor that brings each earlier day to the level after them.

    Means of up to eight weeks before and after each week are compared, and the weeks on both sides must hardly overlap.
    A last week alone counts if the like of it was never seen, and single days as
    :func:`~deskcast.forecasting.methods.fresh_shifts.find_fresh_shifts` says. A change of the same size and sign a year
    before is the season's and no shift.

    Parameters
    ----------
    z
        M x D roots of the ratio to the usual, NaN where missing.
    trust
        M x D; how much of each day is known.
    unit
        Days of a unit: 7 for days, 1 for longer slots.
    ordinary
        D; which days are no special ones, which tell nothing of a change that is days old.

    Returns
    -------
    M x D factors of the root (1 where nothing changed), and the changes.

    Examples
    --------
    >>> z = np.where(np.arange(280) < 200, 1.0, 0.7)[None, :] + 0.02 * np.sin(np.arange(280.0))
    >>> factor, found = detect_level_shifts(z, np.ones((1, 280)), 7)
    >>> [(shift.day, round(shift.ratio, 2)) for shift in found], round(float(factor[0, 0]), 2)
    ([(203, 0.51)], 0.71)
    """
    factor = np.ones(z.shape)
    found: list[LevelShift] = []
    weeks = min(z.shape[1] // unit, LOOKBACK_UNITS)
    if weeks < MIN_UNITS:
        return factor, found
    start = z.shape[1] - weeks * unit
    know = np.where(np.isnan(z), 0.0, trust)[:, start:].reshape(len(z), weeks, unit)
    value = np.nan_to_num(z)[:, start:].reshape(len(z), weeks, unit)
    count = know.sum(axis=2)
    mean = np.where(count > 0, (know * value).sum(axis=2) / np.where(count > 0, count, 1.0), np.nan)
    rows = np.arange(len(z))
    for _ in range(MAX_CHANGES):
        place, before, after, clear = _largest(mean[rows])
        rows, place, before, after = rows[clear], place[clear], before[clear], after[clear]
        if not len(rows):
            break
        wanted = after / np.maximum(before, 1e-9)
        told = []
        for row, week, moved in zip(rows, place, wanted, strict=True):
            earlier = factor[row, : start + week * unit]
            # all changes together move no value by more than one may: a series that begins again after a long pause
            # would else have the same change again and again
            moved = np.clip(moved, 1 / (MAX_LEVEL_RATIO * earlier.min()), MAX_LEVEL_RATIO / earlier.max())
            told.append(abs(moved - 1) > MIN_CHANGE_SHARE)
            if told[-1]:
                earlier *= moved
                mean[row, :week] *= moved
                found.append(LevelShift(int(row), int(start + week * unit), float(moved**2)))
        rows = rows[np.array(told, dtype=bool)]
    if unit > 1:
        sure = trust if ordinary is None else trust * ordinary
        for series, day, size in find_fresh_shifts(z * factor, sure):
            earlier = factor[series, :day]
            earlier *= np.clip(size, 1 / (MAX_LEVEL_RATIO * earlier.min()), MAX_LEVEL_RATIO / earlier.max())
            found.append(LevelShift(series, day, float(size**2)))
    return factor, found


def find_medians(values: Floats) -> Floats:
    """Return the median of each row over what is known; infinite where nothing is.

    >>> find_medians(np.array([[3.0, 1.0, np.nan, 2.0, 9.0], [np.nan] * 5])).tolist()
    [2.5, inf]
    """
    ranked, rows = np.sort(values, axis=1), np.arange(len(values))  # what is unknown comes last
    number = (~np.isnan(values)).sum(axis=1)
    middle = (ranked[rows, np.maximum(number - 1, 0) // 2] + ranked[rows, number // 2]) / 2
    return np.where(number > 0, middle, np.inf)


def _largest(mean: Floats) -> tuple[Ints, Floats, Floats, Bools]:
    """Return for each row the split with the largest change, the means on both sides, and whether it is clear."""
    weeks = mean.shape[1]
    known = ~np.isnan(mean)
    total = np.column_stack([np.zeros(len(mean)), np.cumsum(np.where(known, mean, 0.0), axis=1)])
    number = np.column_stack([np.zeros(len(mean)), np.cumsum(known, axis=1)])
    side = min(SIDE_UNITS, weeks // 4)
    splits = np.arange(SIDE_UNITS // 2, weeks - MIN_UNITS_AFTER + 1)
    low, high = np.maximum(splits - side, 0), np.minimum(splits + side, weeks)
    n_before, n_after = number[:, splits] - number[:, low], number[:, high] - number[:, splits]
    before = (total[:, splits] - total[:, low]) / np.maximum(n_before, 1)
    after = (total[:, high] - total[:, splits]) / np.maximum(n_after, 1)
    enough = (n_before >= side // 2) & (n_after >= MIN_UNITS_AFTER)
    enough[:, -1] &= _is_new_low(mean, side)
    noises = np.where(np.arange(len(splits)) == len(splits) - 1, MIN_NEW_LOW_NOISE_RATIO, MIN_NOISE_RATIO)
    gap = np.where(enough, after - before, 0.0)
    step = np.abs(np.diff(mean, axis=1))
    noise = find_medians(step) * 1.05
    # where many units are empty most steps are none, and their median is no noise
    sparse = (mean == 0).sum(axis=1) > MIN_EMPTY_SHARE * known.sum(axis=1)
    typical = np.where(np.isnan(step), 0.0, step).sum(axis=1) / np.maximum((~np.isnan(step)).sum(axis=1), 1)
    noise = np.where(sparse, np.maximum(noise, typical / 1.128), noise)
    error = noise[:, None] * np.sqrt(1 / np.maximum(n_before, 1) + 1 / np.maximum(n_after, 1))
    # the lower quarter, because splits near a change differ too
    usual = np.quantile(np.abs(gap), 0.25, axis=1)[:, None] / 0.319
    score = np.abs(gap) / np.maximum(error, 1e-9)
    year_ago = np.zeros_like(gap)
    year_ago[:, 52:] = gap[:, :-52]
    seasonal = (np.sign(year_ago) == np.sign(gap)) & (np.abs(year_ago) > 0.5 * np.abs(gap))
    clear = (
        (score > noises)
        & (np.abs(gap) > MIN_USUAL_RATIO * usual)
        & (np.abs(gap) > MIN_CHANGE_SHARE)
        & ~seasonal
        & enough
    )
    # the side with the nearest values decides where exactly: the largest step among clear splits
    best = np.argmax(
        np.where(clear, np.abs(gap) / np.sqrt(1 / np.maximum(n_before, 1) + 1 / np.maximum(n_after, 1)), 0.0), axis=1
    )
    each = np.arange(len(mean))
    found = clear[each, best]
    for row in np.flatnonzero(found):
        old, new = mean[row, low[best[row]] : splits[best[row]]], mean[row, splits[best[row]] : high[best[row]]]
        found[row] = _separated_share(old[~np.isnan(old)], new[~np.isnan(new)]) >= MIN_SEPARATED_SHARE
    return splits[best], before[each, best], after[each, best], found


def _separated_share(old: Floats, new: Floats) -> float:
    """Return the share of pairs in which the new value lies on the side to which the mean moved."""
    if not len(old) or not len(new):
        return 0.0
    # two empty weeks are on neither side
    moved = new[:, None] > old if new.mean() > old.mean() else new[:, None] < old
    return float(moved.mean())


def _is_new_low(mean: Floats, side: int) -> Bools:
    """Return whether the last unit is further from those before it than any unit was from those before it."""
    known = ~np.isnan(mean)
    total = np.column_stack([np.zeros(len(mean)), np.cumsum(np.where(known, mean, 0.0), axis=1)])
    number = np.column_stack([np.zeros(len(mean)), np.cumsum(known, axis=1)])
    count = number[:, side:-1] - number[:, : -side - 1]
    before = (total[:, side:-1] - total[:, : -side - 1]) / np.maximum(count, 1)
    gap = np.where(known[:, side:] & (count >= side // 2), np.abs(np.nan_to_num(mean[:, side:]) - before), 0.0)
    fell = mean[:, -1] < before[:, -1]
    relative = gap / np.maximum(before, 1e-9)
    if gap.shape[1] <= MIN_NEW_LOW_UNITS:
        return np.zeros(len(mean), dtype=bool)
    unseen: Bools = (
        (gap[:, -1] > MIN_NEW_LOW_RATIO * gap[:, :-1].max(axis=1)) & (relative[:, -1] > MIN_NEW_LOW_SHARE) & fell
    )
    return unseen
