"""Prophet with the same calendar, one model a series, through joblib."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...features.arrays import Floats, Ints
from .day_panel import build_day_panel

if TYPE_CHECKING:
    from .scene import Scene


#: Days that Prophet looks back on where slots are shorter than a day.
PROPHET_LOOKBACK_DAYS = 182

#: Columns of the calendar that Prophet has ways of its own for.
PROPHET_COMPONENTS = ("weekday", "level", "trend", "year")

#: Fewest values that it is fitted to.
MIN_VALUES = 20


def prophet(scene: Scene) -> Floats:
    """Forecast every series by Prophet (Taylor and Letham 2018) with the flags of the calendar as regressors.

    It is fitted to open, known slots alone; effects multiply. Series run through joblib: under
    ``joblib.parallel_config(n_jobs=...)`` several at once. A series with fewer than 20 values has none (NaN).
    """
    from joblib import Parallel, delayed

    alive = np.flatnonzero(~np.isnan(scene.profile.level))
    forecast = np.full((len(scene.profile.level), scene.horizon), np.nan)
    if not len(alive):
        return forecast
    frame, flags = _calendar(scene, alive)
    past = frame["past"].to_numpy()
    first = int(past.sum())
    start = scene.origin - first
    usable = scene.grid.known(scene.origin, start)[alive]
    values = np.where(usable & ~(scene.grid.y[alive, start : scene.origin] > scene.profile.limit[alive, None]),
                      scene.grid.y[alive, start : scene.origin], np.nan)  # fmt: skip
    size = scene.grid.frequency.slots_per_day
    made = Parallel()(delayed(fit_series)(frame, row, flags, size) for row in values)
    forecast[alive] = np.stack(made)
    return forecast


def _calendar(scene: Scene, alive: Ints) -> tuple[pd.DataFrame, list[str]]:
    """Return stamps and flags of the slots that are looked back on and of those ahead."""
    grid, size = scene.grid, scene.grid.frequency.slots_per_day
    panel = build_day_panel(scene, alive)
    start = max(0, scene.origin - PROPHET_LOOKBACK_DAYS * size if size > 1 else scene.origin - panel.days)
    stamps = grid.stamps(start, scene.origin + scene.horizon)
    frame = pd.DataFrame({"ds": stamps, "past": np.arange(start, scene.origin + scene.horizon) < scene.origin})
    place = np.searchsorted(panel.stamps, stamps, side="right") - 1
    flags = []
    for number, name in enumerate(panel.design.names):
        if not name.startswith(PROPHET_COMPONENTS):
            flags.append(f"flag_{number}")
            frame[flags[-1]] = np.where(place >= 0, panel.design.x[np.maximum(place, 0), number], 0.0)
    return frame, flags


def fit_series(frame: pd.DataFrame, y: Floats, flags: list[str], per_day: int) -> Floats:
    """Fit one series and forecast the slots ahead; NaN where too few values are known.

    Parameters
    ----------
    frame
        ``ds``, ``past`` and the flags, the past slots first.
    y
        Values of the past slots, NaN where not known.
    flags
        Names of the columns that are regressors.
    per_day
        Slots of a day.
    """
    silence_logs()
    from prophet import Prophet

    ahead = frame[~frame["past"]]
    known = frame[frame["past"]].assign(y=y).dropna(subset=["y"])
    if len(known) < MIN_VALUES:
        return np.full(len(ahead), np.nan)
    used = [flag for flag in flags if known[flag].nunique() > 1]
    seasons: dict[str, Any] = {"weekly_seasonality": 10, "daily_seasonality": 10} if per_day > 1 else {}
    model = Prophet(seasonality_mode="multiplicative", uncertainty_samples=0, changepoint_prior_scale=0.02, **seasons)
    for flag in used:
        model.add_regressor(flag, standardize=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(known[["ds", "y", *used]], seed=1)
        made = model.predict(ahead[["ds", *used]])
    forecast: Floats = np.maximum(made["yhat"].to_numpy(dtype=float), 0.0)
    return forecast


def silence_logs() -> None:
    """Silence the logs of Prophet and of the optimiser behind it, which report every fit."""
    for name in ("prophet", "prophet.plot", "cmdstanpy"):
        # the optimiser sets a level and a handler of its own when it is imported
        logging.getLogger(name).disabled = True
