"""How wrong forecasts and intervals were: WAPE, MASE, weighted quantile loss and coverage."""

from __future__ import annotations

import numpy as np

from ...features.arrays import Floats


def wape(y: Floats, point: Floats) -> float:
    """Return the weighted absolute percentage error: all absolute errors over all volume.

    >>> wape(np.array([10.0, 30.0]), np.array([12.0, 28.0]))
    0.1
    """
    return _over(float(np.abs(y - point).sum()), float(np.abs(y).sum()))


def pinball(error: Floats, p: float) -> Floats:
    """Return the quantile loss of ``outcome - quantile`` at probability ``p`` (Koenker and Bassett 1978).

    >>> pinball(np.array([2.0, -2.0]), 0.9).round(3).tolist()
    [1.8, 0.2]
    """
    return np.maximum(p * error, (p - 1) * error)


def wql(y: Floats, quantiles: Floats, p: Floats) -> float:
    """Return the weighted quantile loss: twice the mean quantile loss over the volume.

    At the median alone it equals WAPE. Parameters: ``y`` of length R, ``quantiles`` R x K, ``p`` of length K.

    >>> wql(np.array([10.0, 30.0]), np.array([[12.0], [28.0]]), np.array([0.5]))
    0.1
    """
    total = sum(float(pinball(y - quantiles[:, k], float(q)).sum()) for k, q in enumerate(p))
    return _over(2 * total / len(p), float(np.abs(y).sum()))


def coverage(y: Floats, low: Floats, high: Floats) -> float:
    """Return the share of outcomes inside the interval, over those that are in doubt.

    A slot with the interval [0, 0] in which nothing came (a closed or a quiet hour) is left out: it would flatter.

    >>> coverage(np.array([5.0, 9.0, 0.0]), np.array([1.0, 1.0, 0.0]), np.array([6.0, 6.0, 0.0]))
    0.5
    """
    doubt = (high > 0) | (y > 0)
    return _over(float(((y >= low) & (y <= high) & doubt).sum()), float(doubt.sum()))


def mase_scale(y: Floats, season: int) -> Floats:
    """Return the mean absolute error of the seasonal naive method inside each series: the scale of MASE.

    ``y`` is N x T with NaN for missing; a series without a pair, or without any error, has NaN (Hyndman and
    Koehler 2006).

    >>> mase_scale(np.array([[1.0, 2.0, 4.0, 4.0]]), 2)
    array([2.5])
    """
    if y.shape[1] <= season:
        return np.full(len(y), np.nan)
    change = np.abs(y[:, season:] - y[:, :-season])
    known = ~np.isnan(change)
    count = known.sum(axis=1)
    scale = np.where(known, change, 0.0).sum(axis=1) / np.where(count > 0, count, np.nan)
    return np.where(scale > 0, scale, np.nan)


def _over(top: float, bottom: float) -> float:
    return top / bottom if bottom > 0 else float("nan")
