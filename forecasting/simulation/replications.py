"""Figures of repeated simulations, with the interval in which the truth lies."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from ..arguments import Floats


def share_interval(hits: Floats, offered: Floats, level: float = 0.99) -> tuple[Floats, Floats, Floats]:
    """Return shares over all replications with their confidence intervals.

    Parameters
    ----------
    hits, offered
        Counts, shape (replications, periods); each replication is independent of the others.
    level
        Of the interval.

    Returns
    -------
    share, lo, hi
        Each of shape (periods,); NaN where nothing was offered.

    Notes
    -----
    A ratio over clusters (Cochran, *Sampling Techniques*, chapter 6) in the interval of Wilson (1927) with as many
    independent draws as give the same standard error, so it stays within 0 and 1 and is not empty at them.

    Examples
    --------
    >>> share, lo, hi = share_interval(np.array([[8.0], [9.0], [7.0]]), np.full((3, 1), 10.0), level=0.95)
    >>> share.tolist(), lo.round(2).tolist(), hi.round(2).tolist()
    ([0.8], [0.49], [0.94])
    """
    share, error, t = _ratio(hits, offered, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        draws = share * (1 - share) / error**2
        draws = np.where(error > 0, draws, offered.sum(axis=0))
        middle = (share + t**2 / (2 * draws)) / (1 + t**2 / draws)
        half = t / (1 + t**2 / draws) * np.sqrt(share * (1 - share) / draws + t**2 / (4 * draws**2))
    return share, np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def mean_interval(sums: Floats, counts: Floats, level: float = 0.99) -> tuple[Floats, Floats, Floats]:
    """Return means over all replications with their confidence intervals; shapes as in :func:`share_interval`.

    >>> mean, lo, hi = mean_interval(np.array([[20.0], [40.0]]), np.array([[10.0], [10.0]]), level=0.8)
    >>> mean.tolist(), lo.round(2).tolist(), hi.round(2).tolist()
    ([3.0], [-0.08], [6.08])
    """
    mean, error, t = _ratio(sums, counts, level)
    return mean, mean - t * error, mean + t * error


def _ratio(sums: Floats, counts: Floats, level: float) -> tuple[Floats, Floats, float]:
    times = len(sums)
    total = counts.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(total > 0, sums.sum(axis=0) / total, np.nan)
        rest = np.where(total > 0, sums - ratio * counts, 0.0)
        error = np.sqrt((rest**2).sum(axis=0) * times / (times - 1)) / total
    return ratio, error, float(special.stdtrit(times - 1, 0.5 + level / 2))


def batch_sums(values: npt.ArrayLike, batches: int = 40, warm_up: float = 0.1) -> tuple[Floats, Floats]:
    """Cut one long run into batches that count as replications: their sums and sizes, shape (batches, 1).

    Parameters
    ----------
    values
        One value an item, in order of arrival.
    batches
        How many.
    warm_up
        Share at the beginning that is left out, as the run begins empty.

    Examples
    --------
    >>> sums, sizes = batch_sums(np.arange(10.0), batches=3, warm_up=0.1)
    >>> sums.ravel().tolist(), sizes.ravel().tolist()
    ([6.0, 15.0, 24.0], [3.0, 3.0, 3.0])
    """
    kept = np.asarray(values, dtype=float)
    kept = kept[int(len(kept) * warm_up) :]
    parts: list[Any] = np.array_split(kept, batches)
    return np.array([[p.sum()] for p in parts]), np.array([[float(len(p))] for p in parts])
