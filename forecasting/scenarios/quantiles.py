"""How likely a volume is, read off the intervals of its forecast."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import special

from ...features.arrays import Floats


def probability_above(quantiles: Mapping[float, Floats], x: Floats) -> Floats:
    """Return the probability of more than ``x``, from a few quantiles of each row.

    Between two quantiles, and beyond the outermost, the distribution is taken as normal; quantiles that cross are put
    in order, and nothing lies below 0.

    Parameters
    ----------
    quantiles
        Probability -> values, one for each row; two probabilities at least, in rising order.
    x
        One number for each row, from 0; infinite gives 0.

    Returns
    -------
    array
        Probabilities, one for each row.

    Examples
    --------
    >>> q = {0.1: np.array([90.0, 0.0]), 0.5: np.array([100.0, 0.0]), 0.9: np.array([110.0, 0.0])}
    >>> probability_above(q, np.array([110.0, 0.0])).round(3).tolist()
    [0.1, 0.0]
    """
    scores = special.ndtri(np.array(list(quantiles)))
    values = np.maximum.accumulate(np.maximum(np.stack(list(quantiles.values())), 0), axis=0)
    at = np.full(x.shape, -np.inf)
    for i in range(len(scores) - 1):
        left, right = values[i], values[i + 1]
        inside = x >= (left if i else np.full_like(left, -np.inf))
        with np.errstate(divide="ignore", invalid="ignore"):
            line = scores[i] + (scores[i + 1] - scores[i]) * (x - left) / (right - left)
        jump = np.where(x >= right, scores[i + 1] if i < len(scores) - 2 else np.inf, -np.inf)
        at = np.where(inside, np.where(right > left, line, jump), at)
    return np.where(np.isposinf(x), 0.0, np.asarray(special.ndtr(-at)))


def quantile_at(quantiles: Mapping[float, Floats], scores: Floats) -> Floats:
    """Return the volumes at given normal scores: the inverse of :func:`probability_above`.

    Parameters
    ----------
    quantiles
        As in :func:`probability_above`.
    scores
        Normal scores (0 is the median), broadcast against one number for each row.

    Examples
    --------
    >>> q = {0.1: np.array([90.0]), 0.5: np.array([100.0]), 0.9: np.array([110.0])}
    >>> quantile_at(q, np.array([[0.0], [1.2815515655]])).round(6).ravel().tolist()
    [100.0, 110.0]
    """
    known = special.ndtri(np.array(list(quantiles)))
    values = np.maximum.accumulate(np.maximum(np.stack(list(quantiles.values())), 0), axis=0)
    shape = np.broadcast_shapes(scores.shape, values.shape[1:])
    at = np.broadcast_to(scores, shape)
    piece = np.clip(np.searchsorted(known, at, side="right") - 1, 0, len(known) - 2)
    row = np.broadcast_to(np.arange(shape[-1]), shape)
    values = np.broadcast_to(values, (len(known), shape[-1]))
    left, right = values[piece, row], values[piece + 1, row]
    line = left + (right - left) * (at - known[piece]) / (known[piece + 1] - known[piece])
    return np.asarray(np.maximum(line, 0.0))
