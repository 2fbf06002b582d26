"""Rolling-origin evaluation: what would have been forecast, and how wrong it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...features.errors import InputError
from ...features.frames import name_columns, read_numbers, require_columns
from ...features.plugins import PluginError
from ...features.renamed import with_old_attributes
from ..grid.grid import Grid
from ..methods.own_methods import own_methods
from ..methods.registry import AUTO, NAIVE_METHODS
from .fold_table import build_fold_table, find_cutoffs, join_folds
from .folds import forecast_fold
from .forecast_kind import backtest_kind
from .intervals import interval_models
from .losses import coverage, mase_scale, wape, wql
from .method_forecasts import MethodForecasts
from .request import ForecastRequest

if TYPE_CHECKING:
    from ...features.calendars.business_calendar import BusinessCalendar


#: Columns that every fold has, and those that folds of a hierarchy have beside them.
FOLD_COLUMNS, NODE_COLUMNS = ("unique_id", "ds", "y"), ("node", "level")


def backtest(
    history: pd.DataFrame,
    horizon: int,
    freq: str,
    windows: int = 12,
    models: str | Sequence[str] = "auto",
    levels: Sequence[float] = (80, 95),
    calendar: BusinessCalendar | Mapping[str, BusinessCalendar] | None = None,
    holidays: object = None,
    events: object = None,
    progress: Callable[[int, int], None] | None = None,
    since: object = None,
    until: object = None,
    outages: object = None,
    kind: str = "count",
    bounds: tuple[float, float] = (0.0, 1.0),
    regressors: object = None,
) -> pd.DataFrame:
    """Forecast the past from rolling origins, as :func:`forecast` would have done it then.

    Each fold sees only what was there at its cutoff: the choice of method, the factors of special days and the
    intervals come from origins whose forecasts were over by then. Origins lie a week apart (a slot, for weeks and
    months; the horizon in whole days, where the history is short).

    Parameters
    ----------
    history, horizon, freq, levels, calendar, holidays, events, since, until, outages, kind, bounds, regressors
        As in :func:`deskcast.forecasting.forecast`.
    windows
        Folds, and past origins that each fold rests on; fewer where the history is short, which a note says.
    models
        Methods that ``deskcast`` may be made of: ``"auto"`` for those that cost little, ``"all"``, or names; with
        names or all of them each has columns of its own. The naive methods always stand in the table.
    progress
        Called with the number of folds done and of all folds, after each.

    Returns
    -------
    ``unique_id``, ``ds``, ``cutoff`` (last slot that the forecast saw), ``y``, and for ``deskcast``, ``same_slot``,
    ``seasonal_naive`` and further named models the forecast with ``-lo-<level>`` and ``-hi-<level>``; sorted by
    series, cutoff and time. Slots that were closed or have no value are left out. ``attrs`` carries ``notes``,
    ``seconds`` (CPU a fold by model, the earlier origins that choice and intervals rest on included), ``chosen``
    (methods by cutoff), ``weights`` (by cutoff and tier of volume) and ``mase_scale`` (by series: mean absolute
    error of the seasonal naive method inside the history before the first fold).

    Raises
    ------
    InputError
        If the history cannot be used, or is too short for one fold.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=140, freq="D")
    >>> y = np.where(days.day_of_week < 5, 100.0, 20.0) + np.arange(140) % 5
    >>> folds = backtest(pd.DataFrame({"unique_id": "all", "ds": days, "y": y}), horizon=7, freq="D", windows=4)
    >>> folds["cutoff"].nunique(), list(folds.columns[:6])
    (4, ['unique_id', 'ds', 'cutoff', 'y', 'deskcast', 'deskcast-lo-80'])
    """
    known = (calendar, holidays, events, windows, since, until, outages, models, kind, bounds, regressors)
    request = ForecastRequest(horizon, freq, levels, *known)
    if kind != "count":
        return backtest_kind(history, request, progress)
    grid, special, notes = request.panel(history)
    cutoffs, said = find_cutoffs(grid, horizon, request.windows)
    seen: dict[int, MethodForecasts] = {}
    nearer: dict[int, MethodForecasts] = {}
    own = own_methods() if AUTO in request.candidates else ()
    extra = tuple(m for m in dict.fromkeys([*request.candidates, *own]) if m not in (AUTO, *NAIVE_METHODS))
    frames, seconds, chosen, weights = [], [], {}, {}
    failed: dict[str, PluginError] = {}
    for done, origin in enumerate(cutoffs, 1):
        shown = (*NAIVE_METHODS, *extra)
        fold = forecast_fold(request, grid, special, origin, seen, shown, nearer)
        shown = tuple(m for m in shown if m not in fold.failed)
        table = build_fold_table(grid, fold, request.levels, shown)
        failed |= fold.failed
        frames.append(_with_outcomes(table, grid, origin, horizon))
        seconds.append({name: fold.seconds[name] for name in ("deskcast", *shown)})
        cutoff = str(pd.Timestamp(grid.stamps(origin - 1, origin)[0]))
        chosen[cutoff], weights[cutoff] = fold.chosen, fold.combination.by_tier
        if progress is not None:
            progress(done, len(cutoffs))
    folds = join_folds(frames, failed)
    scale = _scales(grid, cutoffs[0])
    if not folds["y"].sum() > 0:
        said = (*said, "nothing came in the slots of these folds, so there is nothing to score")
    attrs = {
        "notes": [*notes, *said, *(f"left out: {error}" for error in failed.values())],
        "seconds": {name: float(np.mean([s[name] for s in seconds])) for name in seconds[0] if name not in failed},
        "chosen": chosen,
        "weights": weights,
        **grid.reading,
        "mase_scale": {name: float(s) for name, s in zip(grid.ids, scale, strict=True)},
    }
    folds.attrs = with_old_attributes(attrs, "forecast")
    return folds


def leaderboard(folds: pd.DataFrame, by: str | Sequence[str] | None = None) -> pd.DataFrame:
    """Score every model of a backtest, the best weighted quantile loss first.

    Parameters
    ----------
    folds
        What :func:`backtest` returns.
    by
        Columns of ``folds`` (such as ``unique_id``, or one that was added) to score apart.

    Returns
    -------
    ``model``, ``wape``, ``mase``, ``wql``, ``coverage_80``, ``coverage_95`` (one for each level), ``seconds`` (CPU a
    fold), after the columns of ``by``. WQL is over the quantiles that the levels imply and the median. MASE divides
    by the error of the seasonal naive method inside the history before the first fold, and is the mean over series;
    a series without such an error is left out. Coverage leaves out slots that are certain to be empty and are.
    ``attrs["passed_over"]`` names columns that are not used, as a warning does.

    Raises
    ------
    InputError
        If the frame has no model with intervals, or no column of ``by``.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=140, freq="D")
    >>> y = np.where(days.day_of_week < 5, 100.0, 20.0) + np.arange(140) % 5
    >>> folds = backtest(pd.DataFrame({"unique_id": "all", "ds": days, "y": y}), horizon=7, freq="D", windows=4)
    >>> sorted(leaderboard(folds)["model"])
    ['deskcast', 'same_slot', 'seasonal_naive']
    """
    keys = [by] if isinstance(by, str) else list(by or ())
    require_columns(folds, [*FOLD_COLUMNS, *keys], "folds")
    found = interval_models(folds.columns)
    models = list(found)
    if not models:
        raise InputError(
            "no model with intervals", where="folds", wanted="columns such as deskcast-lo-80", code="model.unknown"
        )
    levels = found[models[0]]
    edges = [f"{m}-{side}-{level:g}" for m in models for side in ("lo", "hi") for level in levels]
    require_columns(folds, [*models, *edges], "folds")
    folds = folds.assign(**{name: read_numbers(folds[name], "folds") for name in ("y", *models, *edges)})
    groups = folds.groupby(keys, sort=True) if keys else [((), folds)]
    rows: list[dict[str, Any]] = []
    for values, group in groups:
        label: dict[str, Any] = dict(zip(keys, values if isinstance(values, tuple) else (values,), strict=True))
        scored = [label | _score(group, model, sorted(levels), folds.attrs) for model in models]
        rows += sorted(scored, key=lambda row: (row["wql"], models.index(row["model"])))
    table = pd.DataFrame(rows)
    used = [*FOLD_COLUMNS, *NODE_COLUMNS, "cutoff", *models, *edges]
    table.attrs = name_columns(
        folds, keys, used, "folds", "a model is scored by its intervals, a split is named in `by`"
    )
    return table


def _with_outcomes(table: pd.DataFrame, grid: Grid, origin: int, horizon: int) -> pd.DataFrame:
    """Add cutoff and outcome to a fold, and leave out slots that were closed or have no value."""
    stop = origin + horizon
    came = grid.came(np.arange(origin, stop)[None])[0] * grid.repeats(origin, stop)
    order = pd.MultiIndex.from_product([grid.ids, grid.stamps(origin, stop)], names=["unique_id", "ds"])
    outcome = pd.Series(came.ravel(), index=order)
    table.insert(2, "cutoff", grid.stamps(origin - 1, origin)[0].astype("datetime64[us]"))
    table.insert(3, "y", outcome.reindex(pd.MultiIndex.from_frame(table[["unique_id", "ds"]])).to_numpy())
    return table[table["y"].notna()]


def _scales(grid: Grid, first: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the MASE scale of each series from the open slots before the first fold."""
    f = grid.frequency
    season = f.year if f.year and first > f.year else f.season
    y = np.where(grid.known(first), grid.y[:, :first], np.nan)
    return mase_scale(y, season)


def _score(group: pd.DataFrame, model: str, levels: Sequence[float], attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the row of one model."""
    y, point = group["y"].to_numpy(dtype=float), group[model].to_numpy(dtype=float)
    p, quantiles, covered = [0.5], [point], {}
    for level in levels:
        low, high = (group[f"{model}-{side}-{level:g}"].to_numpy(dtype=float) for side in ("lo", "hi"))
        p += [(100 - level) / 200, (100 + level) / 200]
        quantiles += [low, high]
        covered[f"coverage_{level:g}"] = coverage(y, low, high)
    error = pd.Series(np.abs(y - point)).groupby(group["unique_id"].to_numpy()).mean()
    scale = pd.Series(attrs.get("mase_scale", {}), dtype=float).reindex(error.index)
    return {
        "model": model,
        "wape": wape(y, point),
        "mase": float((error / scale).mean()),
        "wql": wql(y, np.column_stack(quantiles), np.array(p)),
        **covered,
        "seconds": attrs.get("seconds", {}).get(model, float("nan")),
    }
