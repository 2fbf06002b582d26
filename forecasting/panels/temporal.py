"""Days that add up to weeks: both are forecast, made to agree, and given intervals earned after that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Bools, Floats, Ints
from ...features.errors import InputError
from ...features.renamed import with_old_attributes
from ..grid.grid import Grid, make_grid
from ..grid.special_days import mark_special_days
from ..methods.registry import AUTO
from ..volume.fold_table import lay_out
from ..volume.folds import forecast_fold
from ..volume.intervals import apply_intervals, assign_zero_tiers, calibrate_intervals
from ..volume.issued import Issued, issue_request
from ..volume.method_forecasts import MethodForecasts
from ..volume.request import ForecastRequest
from .reconcile import check_reconciliation_method, reconcile_values

if TYPE_CHECKING:
    from ...features.calendars.business_calendar import BusinessCalendar


def forecast_over_time(
    history: pd.DataFrame,
    horizon: int,
    freq: str,
    method: str = "wls",
    levels: Sequence[float] = (80, 95),
    calendar: BusinessCalendar | Mapping[str, BusinessCalendar] | None = None,
    holidays: object = None,
    events: object = None,
    **context: Any,
) -> pd.DataFrame:
    """Forecast slots and the whole weeks (from Monday) that they make up, so that weeks are the sums of their slots.

    Weeks are also forecast from the weekly history, where trend and level stand out; slots and weeks are then made to
    agree by structural least squares (temporal hierarchies, Athanasopoulos and others 2017). The same is done at the
    past origins, and the intervals of slots and of weeks come from the errors that are left.

    Parameters
    ----------
    history, horizon, levels, calendar, holidays, events
        As in :func:`deskcast.forecasting.forecast`.
    freq
        A slot of a day or less.
    method
        ``wls`` or ``bottom_up`` (weeks from slots alone).
    **context
        ``windows``, ``since``, ``until``, ``outages``.

    Returns
    -------
    ``unique_id``, ``level`` (``slot`` or ``week``), ``ds``, ``deskcast`` with quantiles, ``base`` (before they agreed).
    By level, series and time. Slots of a week that the horizon does not cover keep their own forecast.

    Raises
    ------
    InputError
        As in :func:`deskcast.forecasting.forecast`; if slots are longer than a day, or no week is covered.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=140, freq="D")
    >>> y = np.where(days.day_of_week < 5, 100.0, 20.0) + np.arange(140) % 3
    >>> ahead = forecast_over_time(pd.DataFrame({"unique_id": "all", "ds": days, "y": y}), 14, "D")
    >>> ahead.groupby("level")["deskcast"].sum().round(6).nunique()
    1
    """
    check_reconciliation_method(method)
    if method == "variance":
        raise InputError("unknown method", column="method", got=method, wanted="wls or bottom_up", code="model.unknown")
    request = ForecastRequest(horizon, freq, levels, calendar, holidays, events, **context)
    issued = issue_request(history, request)
    grid = issued.grid
    if not grid.frequency.per_day:
        raise InputError("time steps must be a day or less", column="freq", got=freq, code="frequency.invalid")
    sums, starts = _weeks_ahead(issued)
    if not len(sums):
        raise InputError(
            "the horizon covers no whole week from Monday", column="horizon", got=horizon, code="history.short"
        )
    points, came = _points(issued), issued.outcomes()
    above = _week_points(issued, starts)
    after = reconcile_weeks(sums, points, above, method)
    weeks = np.einsum("kh,onh->onk", sums, after)
    # a slot that is certain to be empty holds nothing; one that is not known makes the week unknown
    silent = np.stack([issued.seen[o].quiet for o in issued.past]) if issued.past else np.zeros(came.shape, dtype=bool)
    there = np.where(np.isnan(came) & silent, 0.0, came)
    week_came = np.einsum("kh,onh->onk", sums, np.nan_to_num(there))
    unknown = np.einsum("kh,onh->onk", sums, np.isnan(there).astype(float)) > 0
    quiet = issued.fold.now.quiet
    slots = _calibrated(issued, after, came, quiet, issued.past_days() if issued.past else None)
    first = np.array([s.astype("datetime64[D]").astype(np.int64) // 7 for s in starts])
    steps = np.array([(issued.fold.origin - o) // grid.frequency.season for o in issued.past], dtype=np.int64)
    of_week = first[None, :] - steps[:, None] if len(steps) else None
    whole = _calibrated(issued, weeks, np.where(unknown, np.nan, week_came), (sums @ ~quiet.T == 0).T, of_week)
    base_week = np.where(np.isnan(above[0]), np.einsum("kh,nh->nk", sums, np.nan_to_num(points[0])), above[0])
    clock = issued.clock
    told = issued.alive
    parts = [
        _laid_out(issued, "slot", issued.stamps(), after[0] * clock, slots * clock[:, None], points[0] * clock, told),
        _laid_out(issued, "week", starts, weeks[0], whole, base_week, told),
    ]
    table = pd.concat(parts, ignore_index=True)
    attrs = {"notes": list(issued.notes), "model": issued.fold.chosen, "request": request.facts, **grid.reading}
    table.attrs = with_old_attributes(attrs, "forecast")
    return table


def reconcile_weeks(sums: Floats, points: Floats, above: Floats, method: str) -> Floats:
    """Return slots that agree with the weeks, O x N x H.

    Parameters
    ----------
    sums
        K x H; which slots belong to each week.
    points, above
        O x N x H slots and O x N x K weeks (NaN where a week has no forecast).
    """
    origins, count, horizon = points.shape
    own = np.nan_to_num(points)
    weeks = np.where(np.isnan(above), np.einsum("kh,onh->onk", sums, own), above)
    flat = reconcile_values(sums, own.reshape(-1, horizon).T, weeks.reshape(-1, len(sums)).T, method)
    return flat.T.reshape(origins, count, horizon)


def _points(issued: Issued) -> Floats:
    """Return the forecast and those of the past origins, (1 + O) x N x H."""
    return np.concatenate([issued.point[None], issued.past_points()]) if issued.past else issued.point[None]


def _weeks_ahead(issued: Issued) -> tuple[Floats, npt.NDArray[np.datetime64]]:
    """Return which slots belong to each whole week of the horizon, K x H, and its Monday."""
    stamps = issued.stamps()
    monday = _monday(stamps)
    starts, count = np.unique(monday, return_counts=True)
    starts = starts[count == issued.grid.frequency.season]
    return (monday[None, :] == starts[:, None]).astype(float), starts


def _monday(stamps: npt.NDArray[np.datetime64]) -> npt.NDArray[np.datetime64]:
    days = stamps.astype("datetime64[D]")
    return (days - (days.astype(np.int64) + 3) % 7).astype("datetime64[us]")


def _week_points(issued: Issued, starts: npt.NDArray[np.datetime64]) -> Floats:
    """Forecast the weeks ahead at this origin and the past ones from the weekly history, (1 + O) x N x K."""
    grid = issued.grid
    origins = [issued.fold.origin, *issued.past]
    out = np.full((len(origins), len(grid.ids), len(starts)), np.nan)
    history, begun = sum_to_weeks(grid)
    if history["y"].notna().sum() == 0:
        return out
    week = np.timedelta64(7, "D")
    reach = int((starts[-1] - (begun[-1] + week)) // week) + 1
    request = replace(issued.request, horizon=reach, freq="W", models=AUTO)
    weeks = make_grid(history, reach, "W", request.one_calendar)
    special = mark_special_days(weeks, request.holidays, request.events)[0]
    rows = np.array([grid.ids.index(name) for name in weeks.ids])
    seen: dict[int, MethodForecasts] = {}
    for place, origin in enumerate(origins):
        back = (issued.fold.origin - origin) // grid.frequency.season
        at = weeks.length - back
        if at >= 4:
            fold = forecast_fold(request, weeks, special, at, seen)
            out[place][np.ix_(rows, np.arange(len(starts)))] = fold.points[fold.chosen][:, reach - len(starts) :]
    return out


def sum_to_weeks(grid: Grid) -> tuple[pd.DataFrame, npt.NDArray[np.datetime64]]:
    """Add up the whole weeks of a grid; one with a slot that is not known has no value.

    Returns
    -------
    ``unique_id``, ``ds``, ``y``, and the Mondays.
    """
    stamps = grid.stamps(0, grid.length)
    monday = _monday(stamps)
    starts, _place, count = np.unique(monday, return_inverse=True, return_counts=True)
    whole = count == grid.frequency.season
    is_open = np.broadcast_to(grid.is_open, (len(grid.ids), grid.is_open.shape[1]))[:, : grid.length]
    value = np.where(is_open, grid.y * np.maximum(grid.clock[: grid.length], 1.0), 0.0)
    edges = np.concatenate([[0], np.cumsum(count)[:-1]])
    total = np.add.reduceat(value, edges, axis=1)[:, whole]
    starts = starts[whole]
    names = np.array(grid.ids, dtype=object)
    frame = {"unique_id": np.repeat(names, len(starts)), "ds": np.tile(starts, len(names)), "y": total.ravel()}
    return pd.DataFrame(frame).astype({"unique_id": "str"}), starts


def _calibrated(issued: Issued, points: Floats, came: Floats, quiet: Bools, days: Ints | None) -> Floats:
    """Return quantiles from the errors that were left once slots and weeks agreed, N x H x K."""
    now = issued.fold.now
    level = np.nanmean(np.where(points > 0, points, np.nan), axis=(0, 2)) if (points > 0).any() else np.ones(len(quiet))
    floor = np.nan_to_num(level, nan=1.0) / 20
    size = np.sqrt(np.maximum(points, floor[:, None]))
    errors = (came - points[1:]) / size[1:]
    stamps = days if days is not None else np.zeros((0, points.shape[2]), dtype=np.int64)
    bands = calibrate_intervals(errors, assign_zero_tiers(now.zeros), stamps, now.unit, issued.levels)
    return apply_intervals(points[0], size[0], bands, quiet)


def _laid_out(
    issued: Issued,
    level: str,
    stamps: npt.NDArray[np.datetime64],
    point: Floats,
    edges: Floats,
    base: Floats,
    told: Bools,
) -> pd.DataFrame:
    """Return slots or weeks as a long frame."""
    table = lay_out(issued.grid.ids, stamps, {"deskcast": (point, edges)}, told, issued.levels)
    table.insert(1, "level", pd.Series(level, index=table.index, dtype="str"))
    return table.assign(base=base[told].ravel())
