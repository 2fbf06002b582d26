"""The methods that may challenge the core, and which of them are tried unasked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...features.arrays import Floats
from ...features.errors import InputError, did_you_mean
from .boosting import boosting
from .decomposition import decomposition
from .ets_arima import arima_errors, ets
from .intermittent import adida, croston, tsb
from .naive import mean_of_both, recent_level, same_slot, seasonal_naive
from .prophet_model import prophet
from .smoothing import day_season, per_slot_smoothing, week_season

if TYPE_CHECKING:
    from ..grid.grid import Grid
    from .scene import Scene


#: Challengers by name. A new one is a function of a scene that returns N x H forecasts, and a line here.
CHALLENGERS: dict[str, Callable[[Scene], Floats]] = {
    "day_season": day_season,
    "week_season": week_season,
    "slots_apart": per_slot_smoothing,
    "croston": croston,
    "tsb": tsb,
    "adida": adida,
    "ets": ets,
    "arima_errors": arima_errors,
    "boosting": boosting,
    "prophet": prophet,
}

#: Methods that always may be chosen: they cost next to nothing.
DEFAULT_METHODS = ("core", "same_slot", "seasonal_naive", "recent_level")

#: Challengers for days.
DAILY_METHODS = ("week_season",)

#: Challengers for slots shorter than a day, where levels may move by the hour.
INTRADAY_METHODS = ("day_season", "week_season", "slots_apart")

#: Challengers for sparse queues.
SPARSE_METHODS = ("tsb", "adida")

#: Share of zeros among the values of a series from which it is sparse.
MIN_SPARSE_ZERO_SHARE = 0.5

#: Values (series times slots looked back on) above which hourly challengers are tried only by name.
MAX_INTRADAY_CELLS = 20_000_000


def select_auto_methods(grid: Grid) -> tuple[str, ...]:
    """Return the methods that ``models="auto"`` tries on a panel, by cost: the core first.

    Hourly challengers are tried where slots are shorter than a day and the panel is not huge, methods for sparse
    demand where a series has zeros in at least half of its open slots. Those of statsmodels, scikit-learn and
    Prophet fit models for seconds or minutes, and are tried by name or with ``models="all"``.
    """
    chosen = list(DEFAULT_METHODS)
    season = grid.frequency.season
    if grid.frequency.per_day == 1:
        chosen += DAILY_METHODS
    if grid.frequency.per_day > 1 and len(grid.ids) * min(grid.length, 8 * season) <= MAX_INTRADAY_CELLS:
        chosen += INTRADAY_METHODS
    recent = grid.y[:, -26 * max(season, 7) :]
    known = ~np.isnan(recent) & grid.known(grid.length, grid.length - recent.shape[1])
    zeros = (known & (recent == 0)).sum(axis=1) > MIN_SPARSE_ZERO_SHARE * known.sum(axis=1)
    if (zeros & (known & (recent > 0)).any(axis=1)).any():
        chosen += SPARSE_METHODS
    return tuple(chosen)


#: The methods that stand in every table.
NAIVE_METHODS = ("same_slot", "seasonal_naive")


#: Every method by name; the first is taken where nothing is known of their errors. A new one is a function and a line.
FORECAST_METHODS: dict[str, Callable[[Scene], Floats]] = {
    "core": decomposition,
    "same_slot": same_slot,
    "seasonal_naive": seasonal_naive,
    "mean_of_both": mean_of_both,
    "recent_level": recent_level,
    **CHALLENGERS,
}


#: What stands for the methods that are tried unasked, and for all of them.
AUTO, ALL = "auto", "all"


def check_models(models: str | Sequence[str]) -> tuple[str, ...]:
    """Return the candidates for the recommended forecast, in the order of :data:`FORECAST_METHODS`.

    ``("auto",)`` stays.
    """
    if isinstance(models, str):
        models = tuple(FORECAST_METHODS) if models == ALL else (models,)
    if tuple(models) == (AUTO,):
        return (AUTO,)
    for name in models:
        if name not in FORECAST_METHODS:
            raise InputError(
                "unknown model", column="models", got=name, hint=did_you_mean(name, (AUTO, ALL, *FORECAST_METHODS))
            )
    chosen = tuple(name for name in FORECAST_METHODS if name in set(models))
    if not chosen:
        raise InputError("at least one model is needed", column="models", wanted="'auto', 'all' or names")
    return chosen


def candidates_on(grid: Grid, candidates: Sequence[str]) -> tuple[str, ...]:
    """Return the candidates, with those that are tried unasked on this panel in place of ``auto``."""
    return select_auto_methods(grid) if tuple(candidates) == (AUTO,) else tuple(candidates)
