"""Methods for sparse queues, where most slots or days hold nothing: Croston, TSB and ADIDA."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ...features.arrays import Bools, Floats

if TYPE_CHECKING:
    from .scene import Scene


#: Weight of the latest demand, and of the latest interval or probability.
DEMAND_WEIGHT, INTERVAL_WEIGHT = 0.1, 0.1

#: Values of the same slot after which its own mean counts as much as that of all slots, in the shape of the week.
SHAPE_PRIOR = 8.0


def croston(scene: Scene) -> Floats:
    """Forecast sparse demand as size over interval, less its known bias (Croston 1972, Syntetos and Boylan 2005)."""
    return _by_rate(scene, croston_sba)


def tsb(scene: Scene) -> Floats:
    """Forecast sparse demand as size times probability, which falls while nothing comes (Teunter and others 2011)."""
    return _by_rate(scene, tsb_rate)


def adida(scene: Scene) -> Floats:
    """Forecast sparse demand from sums over as many slots as demands lie apart (Nikolopoulos and others 2011)."""
    return _by_rate(scene, adida_rate)


def _by_rate(scene: Scene, method: Callable[[Floats, Bools], Floats]) -> Floats:
    """Forecast the rate of days (or longer slots) relative to the week's shape, and put the shape back."""
    profile, size = scene.profile, scene.grid.frequency.slots_per_day
    shape = week_shape(profile.mean, profile.counts, profile.level)
    n, weeks, season = profile.y.shape
    counts = profile.counts & ~profile.quiet[:, None, :]
    y = np.where(counts, profile.y, 0.0).reshape(n, weeks * season // size, size).sum(axis=2)
    usual = np.where(counts, shape[:, None, :], 0.0).reshape(n, weeks * season // size, size).sum(axis=2)
    there = counts.reshape(n, weeks * season // size, size).sum(axis=2)
    known = there > 0
    busy = usual.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    # a day with fewer open slots is weighed up to a usual one, by their number: what each of them usually holds is
    # hardly known, and dividing by a guess that is low at times makes the mean too high
    open_slots = there.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    rate = method(np.where(known, y / np.maximum(there, 1), 0.0) * open_slots[:, None], known)
    per_slot = rate / np.where(busy > 0, busy, 1.0)
    forecast: Floats = per_slot[:, None] * shape[:, scene.places] * scene.factors
    return np.where(np.isnan(profile.level)[:, None], np.nan, forecast)


def week_shape(mean: Floats, counts: Bools, level: Floats) -> Floats:
    """Return what each slot of the week holds relative to the level, shrunk to 1 where few values are known.

    >>> week_shape(np.array([[2.0, 0.0]]), np.ones((1, 8, 2), dtype=bool), np.array([1.0]))
    array([[1.5, 0.5]])
    """
    known = counts.sum(axis=1)
    share = known / (known + SHAPE_PRIOR)
    base = np.where(level > 0, level, 1.0)[:, None]
    shape: Floats = share * mean / base + (1 - share)
    return np.nan_to_num(shape, nan=1.0)


def croston_sba(y: Floats, known: Bools) -> Floats:
    """Return the rate of each series by Croston's method with the correction of Syntetos and Boylan.

    Parameters
    ----------
    y, known
        N x T demands, and which of them are known; unknown ones count in no interval.

    Examples
    --------
    >>> croston_sba(np.array([[0.0, 2.0, 0.0, 0.0, 4.0]]), np.ones((1, 5), dtype=bool)).round(4)
    array([0.9952])
    """
    n = len(y)
    size, interval, since, begun = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n, dtype=bool)
    for t in range(y.shape[1]):
        since = since + known[:, t]
        came = known[:, t] & (y[:, t] > 0)
        size = np.where(came, np.where(begun, size + DEMAND_WEIGHT * (y[:, t] - size), y[:, t]), size)
        moved = np.where(begun, interval + INTERVAL_WEIGHT * (since - interval), since)
        interval = np.where(came, moved, interval)
        since, begun = np.where(came, 0.0, since), begun | came
    rate: Floats = np.where(begun, (1 - INTERVAL_WEIGHT / 2) * size / np.where(begun, interval, 1.0), 0.0)
    return rate


def tsb_rate(y: Floats, known: Bools) -> Floats:
    """Return the rate of each series as smoothed size times smoothed probability of a demand.

    >>> tsb_rate(np.array([[0.0, 2.0, 0.0, 0.0, 4.0]]), np.ones((1, 5), dtype=bool)).round(4)
    array([0.3804])
    """
    n = len(y)
    size, begun = np.zeros(n), np.zeros(n, dtype=bool)
    chance, heard = np.zeros(n), np.zeros(n, dtype=bool)
    for t in range(y.shape[1]):
        came = known[:, t] & (y[:, t] > 0)
        size = np.where(came, np.where(begun, size + DEMAND_WEIGHT * (y[:, t] - size), y[:, t]), size)
        moved = np.where(heard, chance + INTERVAL_WEIGHT * (came - chance), came.astype(float))
        chance = np.where(known[:, t], moved, chance)
        begun, heard = begun | came, heard | known[:, t]
    return size * chance


def adida_rate(y: Floats, known: Bools) -> Floats:
    """Return the rate of each series from discounted sums over the mean interval between demands.

    >>> adida_rate(np.array([[2.0, 0.0, 2.0, 0.0, 2.0, 0.0]]), np.ones((1, 6), dtype=bool))
    array([1.])
    """
    count, demands = known.sum(axis=1), (known & (y > 0)).sum(axis=1)
    length = np.where(demands > 0, np.ceil(count / np.maximum(demands, 1)), 1).astype(np.int64)
    # number of the bucket of each known slot, the latest 0; a first bucket that is not full is left out
    behind = count[:, None] - np.cumsum(known, axis=1)
    bucket = behind // length[:, None]
    whole = np.maximum(count // length, 1)
    used = known & (bucket < whole[:, None])
    weight = np.where(used, (1 - DEMAND_WEIGHT) ** bucket, 0.0)
    total = weight.sum(axis=1)
    rate: Floats = (weight * y).sum(axis=1) / np.where(total > 0, total, 1.0)
    return rate
