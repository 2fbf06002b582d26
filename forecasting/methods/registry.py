"""The methods that may challenge the core, and which of them are tried unasked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .boosting import boosting
from .ets_arima import arima_errors, ets
from .intermittent import adida, croston, tsb
from .prophet_model import prophet
from .smoothing import day_season, slots_apart, week_season

if TYPE_CHECKING:
    from ..grid.grid import Grid
    from ..volume.folds import Scene

Floats = npt.NDArray[np.float64]

#: Challengers by name. A new one is a function of a scene that returns N x H forecasts, and a line here.
CHALLENGERS: dict[str, Callable[[Scene], Floats]] = {
    "day_season": day_season,
    "week_season": week_season,
    "slots_apart": slots_apart,
    "croston": croston,
    "tsb": tsb,
    "adida": adida,
    "ets": ets,
    "arima_errors": arima_errors,
    "boosting": boosting,
    "prophet": prophet,
}

#: Methods that always may be chosen: they cost next to nothing.
ALWAYS = ("core", "same_slot", "seasonal_naive", "recent_level")

#: Challengers for days.
DAILY = ("week_season",)

#: Challengers for slots shorter than a day, where levels may move by the hour.
HOURLY = ("day_season", "week_season", "slots_apart")

#: Challengers for sparse queues.
SPARSE = ("tsb", "adida")

#: Share of zeros among the values of a series from which it is sparse.
SPARSE_ZEROS = 0.5

#: Values (series times slots looked back on) above which hourly challengers are tried only by name.
MOST_CELLS = 20_000_000


def cheap_methods(grid: Grid) -> tuple[str, ...]:
    """Return the methods that ``models="auto"`` tries on a panel, by cost: the core first.

    Hourly challengers are tried where slots are shorter than a day and the panel is not huge, methods for sparse
    demand where a series has zeros in at least half of its open slots. Those of statsmodels, scikit-learn and
    Prophet fit models for seconds or minutes, and are tried by name or with ``models="all"``.
    """
    chosen = list(ALWAYS)
    season = grid.frequency.season
    if grid.frequency.per_day == 1:
        chosen += DAILY
    if grid.frequency.per_day > 1 and len(grid.ids) * min(grid.length, 8 * season) <= MOST_CELLS:
        chosen += HOURLY
    recent = grid.y[:, -26 * max(season, 7) :]
    known = ~np.isnan(recent) & grid.known(grid.length, grid.length - recent.shape[1])
    zeros = (known & (recent == 0)).sum(axis=1) > SPARSE_ZEROS * known.sum(axis=1)
    if (zeros & (known & (recent > 0)).any(axis=1)).any():
        chosen += SPARSE
    return tuple(chosen)
