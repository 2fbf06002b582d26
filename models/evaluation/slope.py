"""How far the spread of a score can be trusted: its calibration slope, the usual one where few cases tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from .calibration import fit_platt_scaling, log_odds

#: A score that was fitted on earlier cases is a little too sure of later ones: its slope there, give or take so much.
PRIOR_SLOPE, PRIOR_ERROR = 0.8, 0.3
#: The slope of one stretch of time is that of another, give or take so much.
BETWEEN_PARTS_ERROR = 0.2


class Slope(NamedTuple):
    """A calibration slope and its standard error, in which the snapshots of one case count as one observation."""

    slope: float
    error: float


def estimate_slope(observed: ArrayLike, logit: ArrayLike, case: ArrayLike, *, weight: ArrayLike | None = None) -> Slope:
    """Estimate the slope that turns a score on the log-odds scale into a calibrated one, and how sure that is.

    Parameters
    ----------
    observed, logit, weight
        As in :func:`deskcast.models.evaluation.calibration.fit_platt_scaling`.
    case
        Which case a row belongs to, shape (n,).

    Returns
    -------
    The slope, 0 where the score points the wrong way or says nothing, and the error.

    Raises
    ------
    InputError
        If there is nothing to fit on.

    Notes
    -----
    The sandwich of a logistic regression over clusters (Liang and Zeger 1986, Longitudinal data analysis using
    generalized linear models), or the plain error where that is larger: the mornings of a case end alike, so 1,600 of
    them on 500 cases can say as little as 200 would.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = np.repeat(rng.normal(size=100), 9)
    >>> late = np.repeat(rng.uniform(size=100) < expit(x[::9]), 9)
    >>> one, each = estimate_slope(late, x, np.arange(900) // 9), estimate_slope(late, x, np.arange(900))
    >>> one.slope == each.slope, round(one.error / each.error)
    (True, 3)
    """
    y, x = np.asarray(observed, dtype=float), np.asarray(logit, dtype=float)
    w = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
    slope, intercept = fit_platt_scaling(y, x, weight=w)
    if slope == 0.0:
        return Slope(0.0, float("inf"))
    centred = x - np.average(x, weights=w)
    p = expit(slope * x + intercept)
    design = np.column_stack([centred, np.ones_like(x)])
    bread = np.linalg.pinv(design.T @ (design * (w * p * (1 - p))[:, None]))
    place = pd.factorize(np.asarray(case))[0]
    score = np.column_stack([np.bincount(place, column) for column in (design * (w * (y - p))[:, None]).T])
    sandwich = bread @ (score.T @ score) @ bread
    return Slope(slope, float(np.sqrt(max(sandwich[0, 0], bread[0, 0]))))


def pool_slopes(found: Slope, earlier: Sequence[Slope] = ()) -> float:
    """Draw a slope down to those of earlier parts and to what is usual, each as far as it is sure.

    No score is made surer than its cases show: a slope below the others is left as it is.

    >>> round(pool_slopes(Slope(1.5, 0.25)), 2), round(pool_slopes(Slope(1.5, 0.25), [Slope(0.7, 0.1)]), 2)
    (1.21, 1.0)
    >>> pool_slopes(Slope(0.3, 0.25), [Slope(0.7, 0.1)])
    0.3
    """
    parts = [(found.slope, found.error), (PRIOR_SLOPE, PRIOR_ERROR)]
    parts += [(one.slope, float(np.hypot(one.error, BETWEEN_PARTS_ERROR))) for one in earlier if one.slope > 0]
    sureness = [1.0 / max(error, 1e-6) ** 2 for _, error in parts]
    return min(found.slope, float(np.average([slope for slope, _ in parts], weights=sureness)))


def fit_intercept(observed: ArrayLike, logit: ArrayLike, *, weight: ArrayLike | None = None) -> float:
    """Return what has to be added to log-odds so that their mean probability is the share observed.

    The share is softened as Platt softens his targets, so that it is never 0 or 1.

    >>> round(fit_intercept([1.0, 0.0] * 50, [1.0] * 100), 3)
    -1.0
    """
    y, x = np.asarray(observed, dtype=float), np.asarray(logit, dtype=float)
    w = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
    yes, all_rows = float(w @ y), float(w.sum())
    no = all_rows - yes
    wanted = (yes * (yes + 1) / (yes + 2) + no / (no + 2)) / all_rows
    lo, hi = float(log_odds(wanted) - x.max()), float(log_odds(wanted) - x.min())
    for _ in range(60):
        middle = (lo + hi) / 2
        lo, hi = (middle, hi) if float(np.average(expit(x + middle), weights=w)) < wanted else (lo, middle)
    return (lo + hi) / 2
