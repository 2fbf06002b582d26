"""Methods of statsmodels on daily levels, one model a series: exponential smoothing, regression with ARIMA errors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...features.arrays import Floats
from .day_panel import build_day_panel
from .day_shapes import fit_day_shapes
from .decomposition import compute_root_ratios

if TYPE_CHECKING:
    from .scene import Scene


#: Days that the models look back on.
LOOKBACK_DAYS = 400

#: Share of the busiest weekday's volume from which a weekday's days tell the level.
MIN_BUSY_WEEKDAY_SHARE = 0.1

#: Fewest days that a model is fitted to; a shorter series keeps its mean.
MIN_FIT_DAYS = 21


def ets(scene: Scene) -> Floats:
    """Forecast daily levels by damped exponential smoothing, and spread them over the day by the profile.

    Additive errors, damped additive trend (Gardner and McKenzie 1985; Hyndman and others 2008), on the root of each
    day's ratio to the usual of its weekday.
    """
    return _by_day(scene, _ets_one)


def arima_errors(scene: Scene) -> Floats:
    """Forecast daily levels by regression on the calendar with ARMA(1, 1) errors, spread by the profile.

    The regressors are those of the core and two waves a year where two years are known; statsmodels' SARIMAX fits
    them (Durbin and Koopman 2012).
    """
    return _by_day(scene, _arima_one)


def _by_day(scene: Scene, one: Callable[[Floats, Floats, Floats], Floats]) -> Floats:
    from joblib import Parallel, delayed

    alive = np.flatnonzero(~np.isnan(scene.profile.level))
    forecast = np.full((len(scene.profile.level), scene.horizon), np.nan)
    if not len(alive):
        return forecast
    panel = build_day_panel(scene, alive)
    shape = fit_day_shapes(panel, scene.profile.unit[alive])
    z, trust = compute_root_ratios(panel, shape)
    whole = panel.days if panel.started == shape.slots else panel.days - 1
    front = max(0, whole - LOOKBACK_DAYS)
    fixed = panel.design.x[:, ~panel.design.is_trend]
    moves = np.ptp(fixed[front:whole], axis=0) > 0 if whole > front else np.zeros(fixed.shape[1], dtype=bool)
    x = fixed[:, moves]
    # a weekend with a few arrivals says little of the level, and its ratio is wild
    usual = shape.base[:, panel.weekday[front:whole]]
    busy = usual > MIN_BUSY_WEEKDAY_SHARE * shape.base.max(axis=1, keepdims=True)
    values = np.where((trust[:, front:whole] > 0.5) & busy, z[:, front:whole], np.nan)
    made = Parallel()(delayed(one)(row, x[front:whole], x[whole:]) for row in values)
    root = np.clip(np.stack(made), 0.0, 4.0)
    weekday = panel.weekday[whole:]
    slots = (shape.base[:, weekday] * root**2)[:, :, None] * shape.profile[:, weekday, :]
    forecast[alive] = slots.reshape(len(alive), -1)[:, panel.lead]
    return forecast


def _ets_one(y: Floats, _past: Floats, ahead: Floats) -> Floats:
    known = ~np.isnan(y)
    if known.sum() < MIN_FIT_DAYS or np.ptp(y[known]) == 0:
        return np.full(len(ahead), y[known].mean() if known.any() else 1.0)
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    filled = np.interp(np.arange(len(y)), np.flatnonzero(known), y[known])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ExponentialSmoothing(filled, trend="add", damped_trend=True, initialization_method="estimated")
        made: Floats = np.asarray(model.fit().forecast(len(ahead)), dtype=float)
    return np.where(np.isfinite(made), made, y[known].mean())


def _arima_one(y: Floats, past: Floats, ahead: Floats) -> Floats:
    known = ~np.isnan(y)
    if known.sum() < MIN_FIT_DAYS + past.shape[1] or np.ptp(y[known]) == 0:
        return _ets_one(y, past, ahead)
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    shared: dict[str, Any] = {"order": (1, 0, 1), "trend": "c", "enforce_stationarity": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SARIMAX(y, exog=past if past.shape[1] else None, concentrate_scale=True, **shared)
        try:
            fit = model.fit(disp=False, maxiter=30)
        except np.linalg.LinAlgError:  # a design that the sample cannot tell apart
            return _ets_one(y, past, ahead)
        made: Floats = np.asarray(fit.forecast(len(ahead), exog=ahead if past.shape[1] else None), dtype=float)
    return np.where(np.isfinite(made), made, y[known].mean())
