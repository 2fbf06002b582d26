"""The recommended forecast of a panel of volumes, with intervals that were earned on past errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.renamed import with_old_attributes
from ..grid.grid import Grid, format_names
from ..grid.special_days import format_special_days
from ..methods.decomposition import find_level_shifts
from ..methods.registry import NAIVE_METHODS
from ..methods.scene import build_scene
from .fold_table import build_fold_table
from .folds import Fold, forecast_fold
from .forecast_kind import forecast_kind
from .regressor_notes import describe_regressors, format_regressors
from .request import ForecastRequest

if TYPE_CHECKING:
    from ...features.calendars.business_calendar import BusinessCalendar

#: Last days in which a fall is asked about.
ASKED_DAYS = np.timedelta64(14, "D")


def forecast(
    history: pd.DataFrame,
    horizon: int,
    freq: str,
    levels: Sequence[float] = (80, 95),
    calendar: BusinessCalendar | Mapping[str, BusinessCalendar] | None = None,
    holidays: object = None,
    events: object = None,
    windows: int = 12,
    since: object = None,
    until: object = None,
    outages: object = None,
    models: str | Sequence[str] = "auto",
    kind: str = "count",
    bounds: tuple[float, float] = (0.0, 1.0),
    regressors: object = None,
) -> pd.DataFrame:
    """Forecast the volume of every series, with intervals.

    ``deskcast`` is the core (see :func:`deskcast.forecasting.methods.decomposition.decomposition`), or where that had
    less weighted quantile loss on rolling origins of the past, beyond noise, a combination of it with other methods, by
    tier of volume (see
    :func:`deskcast.forecasting.volume.combination.choose_combination`). Intervals come from the errors that it made at
    those origins.

    Parameters
    ----------
    history
        Columns ``unique_id``, ``ds``, ``y``, one row a series and slot. ``ds`` is the start of the slot on the local
        clock, or with a zone (then it is read on the clock of the calendar, or of that zone). A slot without a row
        is missing, not 0.
    horizon
        Slots ahead of the last one of the panel.
    freq
        ``5min``, ``15min``, ``30min`` (or any ``<n>min`` that divides a day), ``h``, ``D``, ``W`` or ``MS``.
    levels
        Percent that each interval is to cover.
    calendar
        Closes slots: they are forecast 0, and count in no average and no error. One for all, or one by series.
    holidays
        A country of the holidays package, or dates: days that are open but different.
    events
        A frame or list of ``name``, ``start``, ``end`` (first and last day), past and future: days that are open but
        different. Days of one kind learn a factor from past days of that kind.
    windows
        Past origins that intervals and the choice rest on.
    since, until, outages
        From and to when the data are complete, and known outages: see :func:`deskcast.forecasting.grid.grid.make_grid`.
        The forecast begins with the first slot that is not complete at ``until``.
    models
        Methods that the forecast may be made of: ``"auto"`` for those that cost little on this panel, ``"all"`` (with
        Prophet, models of statsmodels, and gradient boosting of any panel, which take seconds to minutes), or names.
    kind, bounds
        ``count``; or ``rate`` (within ``bounds``), ``duration``, ``stock``: other series, whose history may have a
        column ``n``, see :func:`deskcast.forecasting.volume.forecast_kind.forecast_kind`. They choose among ways of
        their own.
    regressors
        A frame of ``ds`` and one column each of what is known for the past and for the horizon, such as campaigns,
        releases or weather, see :func:`deskcast.forecasting.grid.read_regressors.read_regressors`. One is used where
        past days that it was not measured on show a gain beyond noise; ``attrs["regressors"]`` says what each does.

    Returns
    -------
    ``unique_id``, ``ds`` (local clock, naive), ``deskcast``, ``deskcast-lo-80``, ``deskcast-hi-80``, ...,
    and the same for ``seasonal_naive`` and ``same_slot``: plots and losses of utilsforecast expect that each model of a
    frame has its intervals. Sorted by series and time. ``attrs["notes"]`` says in sentences what a reader should know
    (gaps, short histories, series without a forecast), ``attrs["model"]`` which methods were chosen,
    ``attrs["weights"]`` their weights by tier of volume, ``attrs["request"]`` what was asked for,
    ``attrs["rejected"]`` which series could not be used (``unique_id``, ``row``, ``reason``); the others are forecast.
    ``attrs["passed_over"]`` names columns that are not used, as a warning does.
    A series without a value in the last half year has no rows, and a note names it.

    Raises
    ------
    InputError
        If no series can be used, see :func:`deskcast.forecasting.grid.grid.make_grid`.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=70, freq="D")
    >>> y = np.where(days.day_of_week < 5, 100.0, 20.0) + np.arange(70) % 3
    >>> ahead = forecast(pd.DataFrame({"unique_id": "all", "ds": days, "y": y}), horizon=7, freq="D")
    >>> monday = ahead.set_index("ds").loc["2024-03-11", ["deskcast", "deskcast-lo-80", "deskcast-hi-80"]]
    >>> monday.astype(float).round().tolist()
    [101.0, 100.0, 102.0]
    """
    known = (calendar, holidays, events, windows, since, until, outages, models, kind, bounds, regressors)
    return forecast_request(history, ForecastRequest(horizon, freq, levels, *known))


def forecast_request(history: pd.DataFrame, request: ForecastRequest) -> pd.DataFrame:
    """Forecast as :func:`forecast` does, with all that is asked in one request."""
    if request.kind != "count":
        return forecast_kind(history, request)
    grid, special, notes = request.panel(history)
    fold = forecast_fold(request, grid, special, grid.length, {}, NAIVE_METHODS)
    table = build_fold_table(grid, fold, request.levels, NAIVE_METHODS[::-1])
    scene = build_scene(grid, special, grid.length, request.horizon)
    days = format_special_days(scene.special, grid.length, request.horizon)
    asked = None if request.until is not None else grid.stamps(grid.length, grid.length + 1)[0] - ASKED_DAYS
    notes = (*notes, *days, *_format_level_shifts(find_level_shifts(scene), asked))
    effects = describe_regressors(scene)
    notes = (*notes, *format_regressors(effects), *_limits(grid, fold, request.windows), *_format_weights(fold))
    attrs: dict[str, Any] = {"notes": list(notes), "model": fold.chosen, "request": request.facts}
    attrs["weights"] = fold.combination.by_tier
    attrs |= {"regressors": effects} if effects else {}
    table.attrs = with_old_attributes(attrs | grid.reading, "forecast")
    return table


def _format_weights(fold: Fold) -> Iterator[str]:
    """Describe what the forecast is made of, where that is more than one method."""
    for tier, weights in fold.combination.by_tier.items():
        if list(weights) != ["core"]:
            parts = ", ".join(f"{name} {share:.0%}" for name, share in sorted(weights.items(), key=lambda w: -w[1]))
            yield f"series with {tier} volume are forecast by {parts}: that lost least at {fold.origins} past origins"


def _format_level_shifts(
    shifts: list[tuple[str, np.datetime64, float]], asked: np.datetime64 | None = None
) -> Iterator[str]:
    """Describe where the level of a series changed at once, the latest change of a series only.

    From ``asked`` on a fall may be no change but rows that have not arrived: that is asked.

    >>> next(_format_level_shifts([("a", np.datetime64("2025-06-09"), 0.5)], np.datetime64("2025-06-01")))[-31:]
    "give 'until', where these begin"
    """
    latest = {name: (day, ratio) for name, day, ratio in sorted(shifts, key=lambda shift: (shift[0], shift[1]))}
    for name, (day, ratio) in list(latest.items())[:5]:
        direction, when = "down" if ratio < 1 else "up", pd.Timestamp(day)
        doubt = ratio < 1 and asked is not None and day >= asked
        yield (
            f"level shift in '{name}': {direction} {abs(ratio - 1):.0%} about {when:%a} {when.day} {when:%b %Y}; "
            "earlier values count by their pattern only"
            + ("; if its last days are incomplete, give 'until', where these begin" if doubt else "")
        )
    if len(latest) > 5:
        yield f"level shift in {len(latest) - 5:,} more series"


def _limits(grid: Grid, fold: Fold, windows: int) -> tuple[str, ...]:
    """Describe what the forecast rests on, where that is less than was asked for."""
    notes = [*_format_outliers(grid, fold), *(f"left out: {error}" for error in fold.failed.values())]
    dead = _named(grid, np.isnan(fold.points[NAIVE_METHODS[0]]).all(axis=1))
    if dead:
        notes.append(f"no forecast for {format_names(dead)}: no usable value in the last 26 weeks")
    count, season = (~np.isnan(grid.y)).sum(axis=1), grid.frequency.season
    short = _named(grid, (count > 0) & (count < 2 * season)) if season > 1 else []
    if short:
        notes.append(f"less than two weeks of values for series {format_names(short)}: forecast from the mean at first")
    notes.extend(_format_ended_series(grid))
    empty = _named(grid, np.nan_to_num(grid.y).max(axis=1) == 0)
    if empty:
        notes.append(f"only zeros so far in series {format_names(empty)}")
    if not fold.days:
        notes.append("the history is too short for past errors: intervals take arrivals as Poisson counts")
    elif fold.origins < windows:
        notes.append(f"intervals rest on {fold.origins} past origins instead of {windows}: the history is short")
    return tuple(notes)


def _format_ended_series(grid: Grid) -> Iterator[str]:
    """Describe which series have no value in the last week of the panel (in its last two slots, if longer)."""
    lately = max(grid.frequency.season, 2)
    known = ~np.isnan(grid.y)
    ended = (
        known.any(axis=1) & ~known[:, -lately:].any(axis=1) & grid.is_open[:, : grid.length][:, -lately:].any(axis=1)
    )
    if ended.any():
        longest = int(np.flatnonzero(ended)[np.argmin([np.flatnonzero(known[i])[-1] for i in np.flatnonzero(ended)])])
        last = int(np.flatnonzero(known[longest])[-1])
        when = str(grid.stamps(last, last + 1)[0])[: 10 if grid.frequency.per_day <= 1 else 16].replace("T", " ")
        has = "have" if int(ended.sum()) > 1 else "has"
        yield (
            f"{format_names(_named(grid, ended))} {has} ended early, '{grid.ids[longest]}' at {when}: "
            "the forecast begins where the other series end"
        )


def _format_outliers(grid: Grid, fold: Fold) -> Iterator[str]:
    """Describe which values are not believed, and in which slots nothing ever comes."""
    wild = np.nan_to_num(grid.y) > fold.now.limit[:, None]
    if wild.any():
        row, slot = np.argwhere(wild)[0]
        when = pd.Timestamp(grid.stamps(int(slot), int(slot) + 1)[0])
        many = "outlier is" if wild.sum() == 1 else "outliers are"
        yield (
            f"{int(wild.sum()):,} {many} excluded: {format_names(_named(grid, wild.any(axis=1)))}, "
            f"such as {grid.y[row, slot]:,.0f} on {when:%a} {when.day} {when:%b %Y %H:%M}"
        )
    ahead = grid.is_open[:, fold.origin : fold.origin + fold.now.quiet.shape[1]]
    silent = fold.now.quiet & ahead & (np.nan_to_num(grid.y).max(axis=1) > 0)[:, None]
    if silent.any():
        named = format_names(_named(grid, silent.any(axis=1)))
        share = f"{int(silent.sum()):,} of {silent.size:,} slots ahead"
        where = "at times of the week at which" if grid.frequency.season > 1 else "of series in which"
        yield f"{share} are {where} nothing came in the last 26 weeks, and are forecast 0: series {named}"


def _named(grid: Grid, chosen: npt.ArrayLike) -> list[str]:
    return [grid.ids[i] for i in np.flatnonzero(chosen)]
