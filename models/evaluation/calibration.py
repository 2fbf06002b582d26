"""Does a probability mean what it says: Brier score, calibration error, reliability and Platt's correction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from ...features.arrays import Floats, Ints
from ...features.errors import InputError
from ...features.statistics.intervals import wilson_interval

Bins = Literal["width", "count"]


@dataclass(frozen=True)
class BrierParts:
    """The Brier score and the five parts that it is exactly made of.

    ``score = reliability - resolution + uncertainty + within_variance - within_covariance``. The last two vanish when
    all forecasts in a bin are equal.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within_variance: float
    within_covariance: float


def log_odds(probability: ArrayLike) -> Floats:
    """Return the log-odds of a probability; 0 and 1 are moved inwards by 1e-12.

    >>> log_odds([0.5, 0.75]).round(4).tolist()
    [0.0, 1.0986]
    """
    return np.asarray(special.logit(np.clip(np.asarray(probability, dtype=float), 1e-12, 1 - 1e-12)), dtype=float)


def brier(observed: ArrayLike, predicted: ArrayLike, *, weight: ArrayLike | None = None) -> float:
    """Return the mean squared distance between forecast probabilities and outcomes.

    Parameters
    ----------
    observed
        Outcomes, 0 or 1, shape (n,).
    predicted
        Probabilities in [0, 1], shape (n,).
    weight
        How much each counts, shape (n,); all alike by default.

    Returns
    -------
    The score, 0 for a perfect forecast; missing for no forecasts.

    Raises
    ------
    InputError
        If the lengths differ, an outcome is not 0 or 1, a probability is not in [0, 1], or a weight is not above 0.

    Notes
    -----
    Brier, G. W. (1950), Verification of forecasts expressed in terms of probability, Monthly Weather Review 78.

    Examples
    --------
    >>> round(brier([1, 0, 1], [0.9, 0.2, 0.6]), 4)
    0.07
    """
    y, p = _checked(observed, predicted)
    return float(np.average((p - y) ** 2, weights=_weights(weight, y))) if len(y) else float("nan")


def brier_parts(observed: ArrayLike, predicted: ArrayLike, *, bins: int = 10, by: Bins = "width") -> BrierParts:
    """Split the Brier score into reliability, resolution, uncertainty and what happens within the bins.

    Parameters
    ----------
    observed, predicted
        As in :func:`brier`.
    bins
        How many bins.
    by
        ``width`` for bins of equal width, ``count`` for bins with equally many forecasts.

    Returns
    -------
    The parts; they add up to the score exactly, whatever the bins.

    Notes
    -----
    Murphy (1973), with the two within-bin parts of Stephenson, Coelho and Jolliffe (2008), Two extra components in the
    Brier score decomposition, Weather and Forecasting 23.

    Examples
    --------
    >>> parts = brier_parts([1, 0, 1, 0], [0.8, 0.8, 0.8, 0.2])
    >>> round(parts.score, 2), round(parts.reliability, 4), round(parts.resolution, 4), parts.uncertainty
    (0.19, 0.0233, 0.0833, 0.25)
    """
    y, p = _checked(observed, predicted)
    if not len(y):
        return BrierParts(*[float("nan")] * 6)
    where = _bin(p, bins, by)
    n = np.bincount(where).astype(float)
    used = n > 0
    n = n[used]
    mean_p = np.bincount(where, p)[used] / n
    mean_y = np.bincount(where, y)[used] / n
    position = (np.cumsum(used) - 1)[where]
    inner = p - mean_p[position]
    rate = float(y.mean())
    total = float(len(y))
    return BrierParts(
        score=float(np.mean((p - y) ** 2)),
        reliability=float(np.sum(n * (mean_p - mean_y) ** 2) / total),
        resolution=float(np.sum(n * (mean_y - rate) ** 2) / total),
        uncertainty=rate * (1 - rate),
        within_variance=float(np.mean(inner**2)),
        within_covariance=float(2 * np.mean((y - mean_y[position]) * inner)),
    )


def ece(
    observed: ArrayLike, predicted: ArrayLike, *, bins: int = 10, by: Bins = "width", weight: ArrayLike | None = None
) -> float:
    """Return the expected calibration error: how far a forecast is from what then happened, on average.

    Parameters
    ----------
    observed, predicted
        As in :func:`brier`.
    bins, by
        As in :func:`brier_parts`.
    weight
        As in :func:`brier`.

    Returns
    -------
    The mean over the bins of |mean forecast - share observed|, weighted with the number of forecasts.

    Notes
    -----
    Naeini, Cooper and Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian binning, AAAI.

    Examples
    --------
    >>> round(ece([1, 0, 1, 1], [0.9, 0.15, 0.6, 0.95]), 4)
    0.175
    """
    y, p = _checked(observed, predicted)
    if not len(y):
        return float("nan")
    w = _weights(weight, y)
    gap = np.bincount(_bin(p, bins, by), w * (p - y))
    return float(np.abs(gap).sum() / w.sum())


def reliability_table(
    observed: ArrayLike, predicted: ArrayLike, *, bins: int = 10, by: Bins = "width", weight: ArrayLike | None = None
) -> pd.DataFrame:
    """Return for each bin of forecasts what was said and what happened.

    Parameters
    ----------
    observed, predicted
        As in :func:`brier`.
    bins, by
        As in :func:`brier_parts`. Bins without forecasts are left out.
    weight
        As in :func:`brier`, for the mean and the share.

    Returns
    -------
    Columns ``predicted`` (mean forecast), ``observed`` (share), ``n``, and ``lo``, ``hi``: Wilson's 95 % interval of
    the share, with Kish's effective number where there are weights. It takes the forecasts as independent, so
    snapshots of one case make it too narrow.

    Examples
    --------
    >>> reliability_table([1, 0, 1, 1], [0.9, 0.15, 0.6, 0.95]).round(3).to_dict("list")["observed"]
    [0.0, 1.0, 1.0]
    """
    y, p = _checked(observed, predicted)
    w = _weights(weight, y)
    where = _bin(p, bins, by)
    n = np.bincount(where, minlength=1)
    used = n > 0
    mass = np.bincount(where, w, minlength=1)[used]
    share = np.bincount(where, w * y, minlength=1)[used] / mass
    effective = mass**2 / np.bincount(where, w**2, minlength=1)[used]
    lo, hi = wilson_interval(share * effective, effective)
    columns = {
        "predicted": np.bincount(where, w * p, minlength=1)[used] / mass,
        "observed": share,
        "n": n[used].astype("int64"),
        "lo": lo,
        "hi": hi,
    }
    return pd.DataFrame(columns)


def fit_platt_scaling(
    observed: ArrayLike, logit: ArrayLike, *, weight: ArrayLike | None = None, steps: int = 100
) -> tuple[float, float]:
    """Fit the slope and the intercept that turn a score on the log-odds scale into a calibrated one.

    Parameters
    ----------
    observed
        Outcomes, 0 or 1, shape (n,), of cases that the score was not fitted on.
    logit
        Scores on the log-odds scale, shape (n,).
    weight
        As in :func:`brier`.
    steps
        Most Newton steps.

    Returns
    -------
    ``slope, intercept``: the calibrated log-odds is ``intercept + slope * logit``. The slope is never negative: where
    the score points the wrong way (or says nothing) it is 0 and every case gets the share observed.

    Raises
    ------
    InputError
        If there is nothing to fit on.

    Notes
    -----
    Platt (1999), Probabilistic outputs for support vector machines, with his softened targets (so that separable data
    give a finite slope), by the Newton method with backtracking of Lin, Lin and Weng (2007).

    Examples
    --------
    >>> slope, intercept = fit_platt_scaling([0, 0, 1, 0, 1, 1], [-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
    >>> round(slope, 3), round(intercept, 3)
    (0.63, 0.0)
    """
    y = np.asarray(observed, dtype=float)
    x = np.asarray(logit, dtype=float)
    if not len(y) or len(y) != len(x) or not np.isfinite(x).all():
        raise InputError(
            "calibration needs finite scores with their outcomes",
            got=f"{len(x)} scores, {len(y)} outcomes",
            code="value.range",
        )
    w = _weights(weight, y)
    positives = np.sum(w * y)
    target = np.where(y > 0, (positives + 1) / (positives + 2), 1 / (w.sum() - positives + 2))
    prior = float(log_odds(np.average(target, weights=w)))
    centre = float(np.average(x, weights=w))
    spread = float(np.sqrt(np.average((x - centre) ** 2, weights=w)))
    if spread < 1e-12:
        return 0.0, prior
    # Newton on the standardised score: the plain one may be far from 0 and make the Hessian singular.
    z = (x - centre) / spread
    slope, intercept = _newton(z, target, w, prior, steps)
    if slope <= 0:
        return 0.0, prior
    return slope / spread, intercept - slope * centre / spread


def _newton(x: Floats, target: Floats, w: Floats, start: float, steps: int) -> tuple[float, float]:
    at = np.array([0.0, start])
    design = np.column_stack([x, np.ones_like(x)])

    def loss(theta: Floats) -> float:
        score = design @ theta
        return float(np.sum(w * (np.logaddexp(0.0, score) - target * score)))

    best = loss(at)
    for _ in range(steps):
        p = special.expit(design @ at)
        gradient = design.T @ (w * (p - target))
        hessian = design.T @ (design * (w * p * (1 - p))[:, None]) + 1e-12 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-10 and loss(at - size * step) > best:
            size /= 2
        at = at - size * step
        now = loss(at)
        if best - now < 1e-12 * (1 + abs(best)):
            break
        best = now
    return float(at[0]), float(at[1])


def _checked(observed: ArrayLike, predicted: ArrayLike) -> tuple[Floats, Floats]:
    y, p = np.asarray(observed, dtype=float), np.asarray(predicted, dtype=float)
    if y.shape != p.shape or y.ndim != 1:
        raise InputError(
            "outcomes and probabilities must be two lists of equal length",
            got=f"{y.shape} and {p.shape}",
            code="value.length",
        )
    bad = ~np.isin(y, (0.0, 1.0))
    if bad.any():
        at = int(np.argmax(bad))
        raise InputError(
            "not a valid outcome",
            column="observed",
            row=at + 1,
            got=float(y[at]),
            wanted="0 or 1",
            code="value.unknown",
        )
    bad = ~((p >= 0) & (p <= 1))
    if bad.any():
        at = int(np.argmax(bad))
        raise InputError(
            "not a valid probability",
            column="predicted",
            row=at + 1,
            got=float(p[at]),
            wanted="a number from 0 to 1",
            code="value.unknown",
        )
    return y, p


def _weights(weight: ArrayLike | None, y: Floats) -> Floats:
    if weight is None:
        return np.ones(len(y))
    w = np.asarray(weight, dtype=float)
    if w.shape != y.shape or not (np.isfinite(w) & (w > 0)).all():
        raise InputError(
            "there must be one weight above 0 for each outcome", column="weight", got=f"{w.shape}", code="value.length"
        )
    return w


def _bin(p: Floats, bins: int, by: Bins) -> Ints:
    if bins < 1:
        raise InputError("bins must be 1 or more", column="bins", got=bins, wanted="1 or more", code="value.range")
    if by == "width":
        return np.asarray(np.minimum((p * bins).astype("int64"), bins - 1))
    # Equal forecasts must share a bin, so the bins follow values and not ranks.
    edges = np.unique(np.quantile(p, np.arange(1, bins) / bins)) if len(p) else np.empty(0)
    return np.asarray(np.searchsorted(edges, p, side="left"))
