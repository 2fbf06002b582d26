"""The interval of a share of time or money whose parts come in clusters, such as an agent's day."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from ..arrays import Floats


def ratio_interval(part: npt.ArrayLike, whole: npt.ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """Return a ratio of two sums and its interval, where what one cluster holds goes together.

    Parameters
    ----------
    part, whole
        Numerator and denominator of each cluster; clusters are taken as independent of one another.
    level
        Of the interval.

    Returns
    -------
    ratio, lo, hi
        NaN where the whole is 0; the bounds too where there are fewer than two clusters.

    Notes
    -----
    The linearised variance of a ratio estimator and Student's t with one degree of freedom less than there are
    clusters: W. G. Cochran, Sampling Techniques, 3rd ed. (1977), section 6.4.

    Examples
    --------
    >>> ratio, lo, hi = ratio_interval([1.0, 2.0, 1.5, 1.5], [8.0, 8.0, 8.0, 8.0])
    >>> round(ratio, 4), round(lo, 4), round(hi, 4)
    (0.1875, 0.1063, 0.2687)
    """
    x, w = np.asarray(part, dtype=float), np.asarray(whole, dtype=float)
    total = float(w.sum())
    if not total > 0:
        return float("nan"), float("nan"), float("nan")
    ratio, count = float(x.sum()) / total, int((w > 0).sum())
    if count < 2:
        return ratio, float("nan"), float("nan")
    rest: Floats = x - ratio * w
    error = float(np.sqrt(count / (count - 1) * np.sum(rest**2))) / total
    half = float(stdtrit(count - 1, 0.5 + level / 2)) * error
    return ratio, ratio - half, ratio + half
