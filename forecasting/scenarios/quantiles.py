"""How likely a volume is, read off the intervals of its forecast."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import special

from ...features.arrays import Floats

#: Below this mean the steps of whole counts are larger than what rounds off in the spread of a Poisson count.
MAX_FEW = 5.0


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


def rate_quantiles(quantiles: Mapping[float, Floats]) -> dict[float, Floats]:
    """Return the quantiles of the rate behind those of a count: the Poisson part of the spread is taken out.

    The variance of a count is that of its rate plus the mean. What is left of the spread after that is taken off keeps
    its shape around the middle; where counts spread no more than Poisson the rate is certain. Counts are whole: a
    spread of less than one, or than the quantiles of a Poisson count of that small mean lie apart, tells nothing of the
    rate.

    Parameters
    ----------
    quantiles
        As in :func:`probability_above`.

    Examples
    --------
    >>> wide, plain = rate_quantiles({0.1: np.array([80.0, 87.2]), 0.9: np.array([120.0, 112.8])}).values()
    >>> wide.round(1).tolist(), plain.round(1).tolist()
    ([84.6, 100.0], [115.4, 100.0])
    """
    known = list(quantiles)
    low, high = known[0], known[-1]
    middle = quantile_at(quantiles, np.zeros(1))
    width = special.ndtri(high) - special.ndtri(low)
    sd = (quantiles[high] - quantiles[low]) / width
    apart = np.maximum(_poisson_quantile(high, middle) - _poisson_quantile(low, middle), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        base = np.where(middle < MAX_FEW, np.maximum(middle, (apart / width) ** 2), middle)
        keep = np.sqrt(np.maximum(1 - base / sd**2, 0))
    keep = np.where(sd > 0, keep, 0.0)
    return {p: middle + (x - middle) * keep for p, x in quantiles.items()}


def _poisson_quantile(p: float, mean: Floats) -> Floats:
    """Return the smallest count that is not exceeded with a probability, for each mean from 0.

    >>> _poisson_quantile(0.975, np.array([0.0, 0.03, 0.4, 20.0])).tolist()
    [0.0, 1.0, 2.0, 29.0]
    """
    found = np.ceil(special.pdtrik(p, np.maximum(mean, 1e-9)) - 1e-9)
    return np.asarray(np.where(p <= np.exp(-mean), 0.0, np.nan_to_num(found, nan=0.0)).clip(min=0.0))
