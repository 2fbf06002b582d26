"""Pictures of forecasts: volume with its likely range, and how wrong forecasts were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..stages.forecast_scores import WEEKDAY_LABELS
from ..words.forecast import find_next_week
from ..words.words import format_count
from .axes import Axis, band_axis, find_weeks, percent, seconds, time_axis, value_axis
from .marks import Area, Bars, Line, Mark, Points
from .palette import BLUE, GREY, RED, model_colour, model_label
from .svg import MAX_LINE_POINTS, Chart, downsample, draw_chart, draw_heatmap

MAX_SERIES_PLOTTED = 3
MIN_WEEKS_PLOTTED, MAX_WEEKS_PLOTTED = 4, 26
#: Past slots are shown for one horizon, and of short horizons at least so many.
MIN_PAST_SLOTS_PLOTTED = 28
_BAND = {"deskcast-lo-80": "min", "deskcast-hi-80": "max"}
_WEEK = pd.Timedelta(days=7)
_ERROR_AXIS = "Error, % of volume"


def plot_forecast(tables: Mapping[str, pd.DataFrame], noun: str = "case") -> list[Chart]:
    """Draw the volume per week, and the forecast by day with its likely range; ``noun`` is what is counted."""
    many = format_count(2, noun).removeprefix("2 ")
    what = many[:1].upper() + many[1:]
    return [*plot_weeks(tables, what), *plot_volume(tables, what)]


def plot_weeks(tables: Mapping[str, pd.DataFrame], what: str = "Cases") -> list[Chart]:
    """Draw the volume per week, past and forecast, with the likely range of the next week; slots are days or less."""
    actuals, ahead = tables["actuals"], tables["forecast"]
    step = ahead["ds"].drop_duplicates().sort_values().diff().min()
    if "n" in actuals.columns or not step <= pd.Timedelta(days=1):
        return []
    first = find_next_week(ahead["ds"])[0].day_of_week
    past, coming = sum_weeks(actuals, "y", first), sum_weeks(ahead, "deskcast", first)
    past, coming = past.tail(MAX_WEEKS_PLOTTED), coming[coming["whole"]]
    if past["whole"].sum() < MIN_WEEKS_PLOTTED or coming.empty:
        return []
    whole, cut = past["whole"].to_numpy(), past[~past["whole"]]
    at, y, next_at, next_y = seconds(past["ds"]), _floats(past["y"]), seconds(coming["ds"]), _floats(coming["deskcast"])
    marks: list[Mark] = [Line(at, np.where(whole, y, np.nan), GREY, "Actual")]
    if len(cut):
        marks.append(Points(seconds(cut["ds"]), _floats(cut["y"]), GREY, "Incomplete week", hollow=True))
    shown, said = [*y, *next_y], ""
    bounds = _next_week_range(tables.get("forecast_figures"), coming)
    if bounds:
        low, high = (np.array([bound]) for bound in bounds)
        marks.append(Points(next_at[:1], next_y[:1], BLUE, "Likely range, next week", low=low, high=high))
        shown, said = [*shown, bounds[1]], f", likely {bounds[0]:,.0f} to {bounds[1]:,.0f}"
    marks.append(Line(next_at, next_y, BLUE, "Forecast"))
    text = (
        f"{what} per week, {len(past)} weeks to {_day(past['ds'].max())} and {len(coming)} ahead: {next_y[0]:,.0f} in "
        f"the week of {_day(coming['ds'].iloc[0])}{said}."
    )
    x = time_axis(pd.concat([past["ds"], coming["ds"]]))
    return [draw_chart(f"{what} per week", text, x, value_axis(shown, f"{what} per week"), marks)]


def sum_weeks(frame: pd.DataFrame, column: str, first: int = 0) -> pd.DataFrame:
    """Sum up all series by weeks; ``whole`` tells which weeks are there from the first to the last day.

    Parameters
    ----------
    frame, column
        ``ds``, in slots of a day or less, and what is summed up.
    first
        Day on which a week begins, 0 for Monday.

    Examples
    --------
    >>> days = pd.date_range("2024-03-06", periods=12)
    >>> sum_weeks(pd.DataFrame({"ds": days, "y": 1.0}), "y")[["y", "whole"]].values.tolist()
    [[5.0, False], [7.0, True]]
    """
    ds = frame["ds"]
    sums = frame.groupby(find_weeks(ds, first))[column].sum(min_count=1).reset_index()
    ends = ds.max().normalize() + pd.Timedelta(days=1)  # a desk that closes in the evening has no slots after it
    return sums.assign(whole=(sums["ds"] >= ds.min().normalize()) & (sums["ds"] + _WEEK <= ends))


def _next_week_range(figures: pd.DataFrame | None, coming: pd.DataFrame) -> tuple[float, float] | None:
    """Return the bounds that the finding on the next week states, where its week is the first that is drawn."""
    if figures is None or "kind" not in figures.columns:
        return None
    found = [figures[figures["kind"] == f"likely {side}"]["value"] for side in ("low", "high")]
    if any(len(values) != 1 for values in found):
        return None
    low, high = (float(values.iloc[0]) for values in found)
    return (low, high) if low <= float(coming["deskcast"].iloc[0]) <= high else None


def plot_volume(tables: Mapping[str, pd.DataFrame], what: str = "Cases") -> list[Chart]:
    """Draw forecast and actual volume: the sum of all segments where there is one, then the largest series."""
    actuals, ahead, past = tables["actuals"], tables["forecast"], tables.get("backtest", pd.DataFrame())
    found = []
    if "n" in actuals.columns:  # shares and means rest on n cases each
        what = "Value"
    if "totals" in tables:
        total = tables["totals"][tables["totals"]["level"] == "total"]
        whole = past.groupby("ds")["deskcast"].agg(["sum", "count"]) if len(past) else None
        then = pd.DataFrame() if whole is None else _earlier_total(whole, actuals["unique_id"].nunique())
        found.append(_volume(what, "all segments", actuals.groupby("ds")["y"].sum().reset_index(), total, then))
    sizes = ahead.groupby("unique_id")["deskcast"].sum().nlargest(MAX_SERIES_PLOTTED).index
    for name in sizes[: MAX_SERIES_PLOTTED - len(found)]:
        then = past[past["unique_id"] == name] if len(past) else past
        actual, rows = actuals[actuals["unique_id"] == name], ahead[ahead["unique_id"] == name]
        found.append(_volume(what, "" if name == "all" else str(name), actual, rows, then))
    return found


def _earlier_total(sums: pd.DataFrame, series: int) -> pd.DataFrame:
    """Return what was forecast for all segments together, where each of them had a forecast."""
    return sums.loc[sums["count"] == series, "sum"].rename("deskcast").reset_index()


def _volume(what: str, name: str, actual: pd.DataFrame, ahead: pd.DataFrame, then: pd.DataFrame) -> Chart:
    slot, ahead = format_slot_length(ahead["ds"]), ahead.sort_values("ds")
    actual = actual.sort_values("ds").tail(max(len(ahead), MIN_PAST_SLOTS_PLOTTED))
    then = then[then["ds"] >= actual["ds"].min()].sort_values("ds") if len(then) else then
    named = {c: "mean" for c in ("deskcast", "seasonal_naive") if c in ahead.columns}
    bands = {c: how for c, how in _BAND.items() if c in ahead.columns}
    coming, merged = downsample(ahead, MAX_LINE_POINTS, {**named, **bands})
    marks: list[Mark] = []
    if bands:
        marks.append(_area(coming, "Likely range"))
    marks.append(_line(downsample(actual, MAX_LINE_POINTS, {"y": "mean"})[0], "y", GREY, "Actual"))
    if len(then):
        earlier = downsample(then, MAX_LINE_POINTS, {"deskcast": "mean"})[0]
        marks.append(_line(earlier, "deskcast", BLUE, "Earlier forecast", "2 2"))
    if "seasonal_naive" in named:
        label = model_label("seasonal_naive", slot)
        marks.append(_line(coming, "seasonal_naive", model_colour("seasonal_naive"), label, "5 3"))
    marks.append(_line(coming, "deskcast", BLUE, "Forecast"))
    axis = f"{what} per {slot}" + (f", means of {merged}" if merged > 1 else "")
    drawn = [mark.high if isinstance(mark, Area) else mark.y for mark in marks if isinstance(mark, (Line, Area))]
    text = (
        f"{axis}{', ' + name if name else ''}: {ahead['deskcast'].sum():,.0f} forecast from {_day(ahead['ds'].min())} "
        f"to {_day(ahead['ds'].max())}; {actual['y'].sum():,.0f} in the {len(actual):,} {slot}s before."
    )
    x = time_axis(pd.concat([actual["ds"], coming["ds"]]))
    return draw_chart(
        f"{what} per {slot}{', ' + name if name else ''}", text, x, value_axis(np.concatenate(drawn), axis), marks
    )


def _line(frame: pd.DataFrame, column: str, colour: str, label: str, dash: str = "") -> Line:
    frame = _with_gaps(frame)
    return Line(seconds(frame["ds"]), _floats(frame[column]), colour, label, dash)


def _area(frame: pd.DataFrame, label: str) -> Area:
    frame = _with_gaps(frame)
    low, high = (_floats(frame[c]) for c in _BAND)
    return Area(seconds(frame["ds"]), low, high, BLUE, label)


def _with_gaps(frame: pd.DataFrame) -> pd.DataFrame:
    """Put a missing row where slots are left out, such as closed hours, so that a line breaks there."""
    steps = frame["ds"].diff()
    wide = steps > 1.5 * steps.mode().iloc[0] if steps.notna().any() else steps.notna()
    if not wide.any():
        return frame
    breaks = pd.DataFrame({"ds": frame["ds"][wide] - steps[wide] / 2})
    return pd.concat([frame, breaks]).sort_values("ds", kind="stable")


def _day(at: pd.Timestamp) -> str:
    return f"{at.day} {at:%b %Y}"


def format_slot_length(ds: pd.Series[Any]) -> str:
    """Return the length of a slot in words: the commonest step between neighbours.

    >>> format_slot_length(pd.Series(pd.date_range("2024-01-01", periods=3, freq="30min")))
    '30 min'
    """
    steps = ds.sort_values().drop_duplicates().diff().dropna()
    step = steps.mode().iloc[0] if len(steps) else pd.Timedelta(days=1)
    named = {3600: "hour", 86400: "day", 7 * 86400: "week"}
    whole = int(step.total_seconds())
    if whole in named:
        return named[whole]
    return f"{whole / 60:.0f} min" if whole < 86400 else "month" if whole < 32 * 86400 else "period"


def plot_errors_by_lead(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the forecast error by days ahead, for the recommended forecast and the benchmarks."""
    table = tables["forecast_by_lead"]
    table = table[table["wape"].notna()]
    if table["lead"].nunique() < 2:
        return []
    unit = str(table["unit"].iloc[0])
    marks = [
        Line(_floats(rows["lead"]), _floats(rows["wape"]), model_colour(name), model_label(name, unit))
        for name, rows in reversed(_by_model(table))
    ]
    ours = table[table["model"] == _by_model(table)[0][0]]
    first, last = ours.iloc[0], ours.iloc[-1]
    text = (
        f"Forecast error by {unit}s ahead: {first['wape']:.0%} of volume {first['lead']:.0f} {unit} ahead, "
        f"{last['wape']:.0%} {last['lead']:.0f} {unit}s ahead."
    )
    least, most = float(table["lead"].min()), float(table["lead"].max())
    step = 7 if unit == "day" and most >= 14 else max(1, round((most - least) / 6))
    marked = tuple((float(lead), str(lead)) for lead in range(step, int(most) + 1, step) if lead >= least)
    x = Axis(least, most, marked, f"{unit.capitalize()}s ahead")
    return [
        draw_chart(f"Forecast error by {unit}s ahead", text, x, value_axis(table["wape"], _ERROR_AXIS, percent), marks)
    ]


def plot_errors_by_slot(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the forecast error by weekday, and by time of day where slots are shorter."""
    table = tables["forecast_by_time"]
    table = table[table["wape"].notna()]
    if len(table) < 2:
        return []
    days = [d for d in WEEKDAY_LABELS if d in set(table["weekday"])]
    worst = table.iloc[int(table["wape"].to_numpy().argmax())]
    where = f"{worst['weekday']} {worst['time']}".strip()
    text = f"Forecast error by weekday and time: the largest is on {where}, {worst['wape']:.0%} of volume."
    if (table["time"] == "").all():
        rows, x = table.set_index("weekday").loc[days], np.arange(len(days), dtype=float)
        marks: list[Mark] = [
            Bars(x, _floats(rows["wape"]), BLUE, "Error", opacity=0.6),
            Points(x, _floats(rows["bias"]), RED, "Bias (forecast minus actual)"),
        ]
        y = value_axis([*rows["wape"], *rows["bias"]], "% of volume", percent)
        return [draw_chart("Forecast error by weekday", text, band_axis(days), y, marks)]
    hours = table.assign(time=table["time"].str[:2] + ":00", error=table["wape"] * table["volume"])
    sums = hours.groupby(["time", "weekday"])[["error", "volume"]].sum().reset_index()
    cells = (100 * sums["error"] / sums["volume"]).set_axis(pd.MultiIndex.from_frame(sums[["time", "weekday"]]))
    return [draw_heatmap("Forecast error by weekday and time", text, cells.unstack()[days], _ERROR_AXIS)]


def plot_interval_coverage(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the share of values inside the intervals of each level: on the diagonal they keep their level."""
    table = tables["forecast_coverage"]
    diagonal = np.array([0.0, 1.0])
    marks: list[Mark] = [Line(diagonal, diagonal, GREY, "As stated", "4 3", 1.2)]
    for name, rows in reversed(_by_model(table)):
        level, observed = _floats(rows["level"]) / 100, _floats(rows["observed"])
        if name == "deskcast":
            low, high = _floats(rows["lo"]), _floats(rows["hi"])
            marks.append(Points(level, observed, model_colour(name), "", low=low, high=high))
        marks.append(Line(level, observed, model_colour(name), model_label(name), width=1.4))
    first, ours = _by_model(table)[0]
    gap = float((ours["observed"] - ours["level"] / 100).abs().max())
    text = (
        f"Share of values inside intervals of each level: {model_label(first)} is at most {100 * gap:.0f} points off."
    )
    x = value_axis([], "Level of the interval", percent, limits=(0, 1))
    y = value_axis([], "% of values inside", percent, limits=(0, 1))
    return [draw_chart("Interval coverage (bars: 2 standard errors)", text, x, y, marks)]


def _floats(values: pd.Series[Any]) -> Any:
    return values.to_numpy(dtype=float)


def _by_model(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the rows of each model, the recommended forecast first."""
    names = sorted(table["model"].unique(), key=lambda name: name != "deskcast")
    return [(str(name), table[table["model"] == name]) for name in names]
