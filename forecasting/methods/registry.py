"""The methods that may challenge the core, and which of them are tried unasked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...features.arrays import Floats
from ...features.errors import InputError, did_you_mean
from ...features.plugins import Plugin, as_decorator, register
from .boosting import boosting
from .decomposition import decomposition
from .ets_arima import arima_errors, ets
from .exponential import exponential_damped, exponential_level, theta
from .intermittent import adida, croston, tsb
from .naive import mean_of_both, recent_level, same_slot, seasonal_naive
from .own_methods import OwnMethod, own_methods
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
    "exponential_level": exponential_level,
    "exponential_damped": exponential_damped,
    "theta": theta,
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

#: Challengers for weeks and months, and for days of so many series at most, to which they add a fifth of the cost.
LONG_METHODS, MAX_SMOOTHED_SERIES = ("exponential_level",), 200

#: Years of history from which gradient boosting is tried unasked on days or longer slots, and the most series: it costs
#: a tenth of a second an origin, as much as the core of a thousand series.
MIN_BOOSTED_YEARS, MAX_BOOSTED_SERIES = 2, 20

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
    demand where a series has zeros in at least half of its open slots, a smoothed level for weeks, months and days of
    up to 200 series, and boosting on few series of days or longer slots with two years of history. Methods of
    statsmodels and Prophet fit models for seconds or minutes, and boosting does on large panels: they are tried by name
    or with ``models="all"``; so are the damped slope and Theta, which earn nothing beside the level
    (``benchmarks/methods_table.py``).
    """
    chosen = list(DEFAULT_METHODS)
    season = grid.frequency.season
    if grid.frequency.per_day == 1:
        chosen += DAILY_METHODS
    if grid.frequency.per_day == 0 or (grid.frequency.per_day == 1 and len(grid.ids) <= MAX_SMOOTHED_SERIES):
        chosen += LONG_METHODS
    year = grid.frequency.year or 365
    if grid.frequency.per_day <= 1 and grid.length >= MIN_BOOSTED_YEARS * year and len(grid.ids) <= MAX_BOOSTED_SERIES:
        chosen.append("boosting")
    if grid.frequency.per_day > 1 and len(grid.ids) * min(grid.length, 8 * season) <= MAX_INTRADAY_CELLS:
        chosen += INTRADAY_METHODS
    recent = grid.y[:, -26 * max(season, 7) :]
    known = ~np.isnan(recent) & grid.known(grid.length, grid.length - recent.shape[1])
    zeros = (known & (recent == 0)).sum(axis=1) > MIN_SPARSE_ZERO_SHARE * known.sum(axis=1)
    if (zeros & (known & (recent > 0)).any(axis=1)).any():
        chosen += SPARSE_METHODS
    return tuple(dict.fromkeys(chosen))


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


#: A forecaster: from a scene to N x H forecasts.
ForecastMethod = Callable[["Scene"], Floats]


def check_models(models: str | ForecastMethod | Sequence[str | ForecastMethod]) -> tuple[str, ...]:
    """Return the candidates for the recommended forecast, in the order of :data:`FORECAST_METHODS`, users' own last.

    ``auto`` stays, with functions beside it where these are given. A function stands for itself.
    """
    registered = {str(name): name for name in own_methods()}
    if isinstance(models, str) and models == ALL:
        models = (*FORECAST_METHODS, *registered)
    given = [models] if isinstance(models, str) or callable(models) else list(models)
    named: dict[str, str] = {}
    for model in given:
        own = model if isinstance(model, (str, OwnMethod)) else OwnMethod.of(model, [*FORECAST_METHODS, *named])
        named[own] = registered.get(own, own)
    if list(named) == [AUTO]:
        return (AUTO,)
    for name in named.values():
        if name not in (AUTO, *FORECAST_METHODS) and not isinstance(name, OwnMethod):
            hint = did_you_mean(name, (AUTO, ALL, *FORECAST_METHODS, *registered))
            raise InputError("unknown model", column="models", got=name, hint=hint, code="model.unknown")
    chosen = tuple(name for name in (AUTO, *FORECAST_METHODS) if name in named)
    chosen += tuple(name for name in named.values() if isinstance(name, OwnMethod))
    if not chosen:
        raise InputError(
            "at least one model is needed",
            column="models",
            wanted="'auto', 'all', names or functions",
            code="model.unknown",
        )
    return chosen


def candidates_on(grid: Grid, candidates: Sequence[str]) -> tuple[str, ...]:
    """Return the candidates, with those that are tried unasked on this panel in place of ``auto``."""
    if AUTO not in candidates:
        return tuple(candidates)
    own = [name for name in candidates if isinstance(name, OwnMethod)]
    asked = [name for name in candidates if name not in own and name != AUTO]
    return tuple(dict.fromkeys([*select_auto_methods(grid), *asked, *own, *own_methods()]))


def run_method(name: str, scene: Scene) -> Floats:
    """Forecast with a method of the house or a user's own."""
    return name.forecast(scene) if isinstance(name, OwnMethod) else FORECAST_METHODS[name](scene)


def register_forecaster(name: str, function: ForecastMethod | None = None) -> Any:
    """Let a forecaster of yours compete: it is tried unasked, stands in every leaderboard, and is used where it wins.

    Parameters
    ----------
    name
        What it is called, such as ``last_month``.
    function
        From a :class:`~deskcast.forecasting.methods.scene.Scene` to N x H forecasts, one row a series and one column
        a slot ahead. It is shown nothing from the origin on, and may say NaN of a series where the history before an
        earlier origin is too short for it. It competes for rates, durations and stocks too: ``scene.kind`` says what
        the values are, which it sees as they were given. Without it a decorator is returned.

    Returns
    -------
    The function.

    Raises
    ------
    InputError
        If a method of the house or another forecaster is called so.

    Examples
    --------
    >>> from deskcast.extend import register_forecaster, unregister
    >>> @register_forecaster("all_time_mean")
    ... def all_time_mean(scene):
    ...     mean = np.nanmean(scene.grid.y[:, : scene.origin], axis=1)
    ...     return np.repeat(mean[:, None], scene.horizon, axis=1)
    >>> check_models(["core", "all_time_mean"])
    ('core', 'all_time_mean')
    >>> unregister("forecaster", "all_time_mean")
    """
    taken = (AUTO, ALL, "deskcast", *FORECAST_METHODS)
    return as_decorator(lambda given: register(Plugin("forecaster", name, given), taken), function)
