"""A logistic regression that is held as firmly as later cases show to be right."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ..evaluation.calibration import fit_platt_scaling
from .baselines import CalibratedModel, Logistic, fit_logistics
from .encoding import look_up_once

#: The penalty that was asked for, and firmer ones: the snapshots of a case are many rows and one lesson.
PENALTY_FACTORS = (1.0, 4.0, 16.0)


def fit_firm_logistic(
    snapshots: pd.DataFrame,
    outcome: Floats,
    regularisation: float,
    weight: Floats,
    later: tuple[pd.DataFrame, Floats, Floats],
) -> Logistic:
    """Fit a logistic regression with the ridge penalty that has the lowest log loss on later cases.

    Parameters
    ----------
    snapshots, outcome, weight
        n rows to learn from, 0.0 or 1.0 of each, and how many each stands for.
    regularisation
        The lightest penalty that is tried; the others are 4 and 16 times as strong.
    later
        The same three of later cases. Each fit is corrected on them (slope and intercept) before it is judged, so that
        only the order of the cases decides and not how sure it is. Without later cases the lightest penalty is taken.

    Returns
    -------
    The regression.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rows = pd.DataFrame({f"attr_{i}": rng.normal(size=2200) for i in range(40)})  # one that tells, and 39 others
    >>> from scipy.special import expit
    >>> y = (rng.uniform(size=2200) < expit(rows["attr_0"])).astype(float).to_numpy()
    >>> few, later = slice(0, 200), slice(200, 2200)
    >>> held = fit_firm_logistic(rows[few], y[few], 1.0, np.ones(200), (rows[later], y[later], np.ones(2000)))
    >>> light = fit_logistics(rows[few], y[few], [1.0])[0]
    >>> bool(np.abs(held.coefficients).sum() < 0.8 * np.abs(light.coefficients).sum())
    True
    """
    frame, y, w = later
    if not len(y):
        return fit_logistics(snapshots, outcome, [regularisation], weight)[0]
    penalties = [regularisation * factor for factor in PENALTY_FACTORS]
    fits = fit_logistics(snapshots, outcome, penalties, weight)
    with look_up_once():  # they share an encoder
        losses = [float(w @ calibrated_log_loss(CalibratedModel(fit, 1.0, 0.0).logit(frame), y, w)) for fit in fits]
    return fits[int(np.argmin(losses))]


def calibrated_log_loss(logit: Floats, outcome: Floats, weight: Floats) -> Floats:
    """Return the log loss of each row once the score is corrected (slope and intercept) on these rows."""
    slope, intercept = fit_platt_scaling(outcome, logit, weight=weight)
    return np.asarray(np.logaddexp(0.0, np.where(outcome > 0.5, -1.0, 1.0) * (slope * logit + intercept)))
