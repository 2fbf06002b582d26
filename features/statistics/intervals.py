"""Intervals of shares, scores and means."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from ..arrays import Floats


def wilson_interval(hits: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Give the interval of a share, which stays within 0 and 1 and works for few cases.

    Parameters
    ----------
    hits, n
        Numerator and denominator, of any equal shape.
    level
        Of the interval.

    Returns
    -------
    lo, hi
        NaN where n is 0.

    Notes
    -----
    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927), 209-212;
    L. D. Brown, T. T. Cai and A. DasGupta, Interval estimation for a binomial proportion, Statistical Science 16
    (2001), 101-133.

    Examples
    --------
    >>> lo, hi = wilson_interval([0, 9], [10, 10])
    >>> lo.round(4).tolist(), hi.round(4).tolist()
    ([0.0, 0.5958], [0.2775, 0.9821])
    """
    z = float(ndtri(0.5 + level / 2))
    k, total = np.asarray(hits, dtype=float), np.asarray(n, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = k / total
        middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
        half = z / (1 + z**2 / total) * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
        lo, hi = np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)
    none = ~(total > 0)
    return np.where(none, np.nan, lo), np.where(none, np.nan, hi)


def mean_interval(
    total: npt.ArrayLike, squares: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Give the normal interval of a mean from the sum, the sum of squares and the number of values.

    >>> lo, hi = mean_interval([6.0], [14.0], [3])
    >>> lo.round(3).tolist(), hi.round(3).tolist()
    ([0.868], [3.132])
    """
    z = float(ndtri(0.5 + level / 2))
    s, q, count = (np.asarray(x, dtype=float) for x in (total, squares, n))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = s / count
        error = np.sqrt(np.maximum(q - count * mean**2, 0.0) / (count - 1) / count)
    few = ~(count > 1)
    return np.where(few, np.nan, mean - z * error), np.where(few, np.nan, mean + z * error)
