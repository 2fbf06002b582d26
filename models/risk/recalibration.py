"""Probabilities that follow a desk whose base rate moves, from what is known by the day and nothing later."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from ...features.errors import InputError

#: Cases done, and cases decided, that weigh as much as the belief that nothing has changed.
PRIOR_DONE_CASES, PRIOR_DECIDED_CASES = 30.0, 50.0
#: The log-odds are never moved by more: from 18% to 80% it takes 3, and what little was decided moves little anyway.
MAX_LOG_ODDS_SHIFT = 6.0


def speed_shift(done: float, expected: float, prior: float = PRIOR_DONE_CASES) -> float:
    """Return by how much the log of a hazard has to move, since cases get done faster or more slowly than expected.

    Parameters
    ----------
    done
        How many cases were done in a recent span.
    expected
        How many should have been: the hazard summed over all cases that were open, for as long as they were. So cases
        that are still open count, and no outcome has to be waited for.
    prior
        So many cases done as expected are added to both, which draws the shift to 0.

    Returns
    -------
    The shift; above 0 where the desk has become faster.

    Notes
    -----
    The ratio of observed to expected events is the maximum likelihood estimate of a common factor on a hazard; the
    prior is Gamma with mean 1 (Breslow and Day 1987, Statistical Methods in Cancer Research II, chapter 2).

    Examples
    --------
    >>> round(speed_shift(130, 30), 2), speed_shift(0, 0)
    (0.98, 0.0)
    """
    if done < 0 or expected < 0 or prior <= 0:
        raise InputError(
            "counts are 0 or more, and the prior above 0", got=f"{done}, {expected}, {prior}", code="value.range"
        )
    return float(np.clip(np.log((done + prior) / (expected + prior)), -MAX_LOG_ODDS_SHIFT, MAX_LOG_ODDS_SHIFT))


def rate_shift(
    logit: ArrayLike,
    outcome: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    decided: float,
    prior: float = PRIOR_DECIDED_CASES,
) -> float:
    """Return by how much log-odds have to move so that their mean probability is that of recent outcomes.

    Parameters
    ----------
    logit
        Log-odds of recent cases as they were said, shape (n,).
    outcome
        What came of them: 0 or 1, or where that is not known yet a probability given all that is known by now,
        shape (n,). So early outcomes do not stand for late ones.
    weight
        How much each counts, shape (n,); all alike by default.
    decided
        How many cases have a known outcome: what the estimate rests on.
    prior
        So many decided cases weigh as much as the belief that nothing has changed.

    Returns
    -------
    The shift, drawn to 0 by ``decided / (decided + prior)``; 0 without rows.

    Notes
    -----
    Calibration in the large: the intercept of a recalibration with slope 1 (Steyerberg 2019, Clinical Prediction
    Models, chapter 15).

    Examples
    --------
    >>> said = np.full(100, np.log(0.6 / 0.4))
    >>> came = [1.0] * 30 + [0.0] * 70
    >>> round(float(expit(np.log(0.6 / 0.4) + rate_shift(said, came, decided=1e6))), 3)
    0.3
    >>> rate_shift(said, came, decided=0)
    -0.0
    """
    x, y = np.asarray(logit, dtype=float), np.asarray(outcome, dtype=float)
    if x.shape != y.shape or not (np.isfinite(x).all() and ((y >= 0) & (y <= 1)).all()):
        raise InputError(
            "log-odds and outcomes from 0 to 1 are needed, one each",
            got=f"{x.shape} and {y.shape}",
            code="value.length",
        )
    if not len(x):
        return 0.0
    w = np.ones(len(x)) if weight is None else np.asarray(weight, dtype=float)
    wanted = float(np.average(y, weights=w))
    lo, hi = -20.0, 20.0
    for _ in range(60):
        middle = (lo + hi) / 2
        lo, hi = (middle, hi) if float(np.average(expit(x + middle), weights=w)) < wanted else (lo, middle)
    return float(np.clip((lo + hi) / 2, -MAX_LOG_ODDS_SHIFT, MAX_LOG_ODDS_SHIFT) * decided / (decided + prior))
