"""Pictures of KPI alerts: the KPI, the range that was expected, and since when it left it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...features.kpis.catalogue import find_kpi_unit
from ...models.series.kpi_kinds import infer_kpi_kind
from ..words.words import format_kpi
from .axes import find_weeks, seconds, time_axis, value_axis
from .kpis import axis_title, by_week, find_target, kpi_scale, label_series, series_marks
from .marks import Area, Level, Line, Mark, Moment, Points
from .palette import BLUE, GREY, ORANGE, RED
from .svg import Chart, draw_chart

#: Days before the last one that are drawn: more weekends hide the change.
MAX_DAYS_PLOTTED = 56
MAX_ALERTS_PLOTTED, MAX_WEEKS_PLOTTED = 4, 26


def plot_alerts(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the series of the alerts that are reported first: by week if they lasted one, else by day.

    Parameters
    ----------
    tables
        ``expected_ranges`` and ``kpi_alerts`` of the stage that watches, and the ``history`` if there is one.
    """
    history = tables.get("history", pd.DataFrame({"kpi": [], "ds": []}))
    found = []
    for alert, days in _reported(tables):
        target = find_target(tables, str(alert["kpi"]))
        weeks = _sum_weeks(history, alert, days)
        found.append(_day_chart(days, alert, target) if weeks is None else _week_chart(weeks, alert, target))
    return found


def plot_alert_days(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the same alerts by day, each with the range of 95% that was expected."""
    return [_day_chart(days, a, find_target(tables, str(a["kpi"]))) for a, days in _reported(tables)]


def _reported(tables: Mapping[str, pd.DataFrame]) -> list[tuple[pd.Series[Any], pd.DataFrame]]:
    """Return the alerts that are drawn, each with its days."""
    ranges, alerts = tables["expected_ranges"], tables["kpi_alerts"]
    found = []
    for name in ranges["alert_id"].drop_duplicates():
        rows, days = alerts[alerts["alert_id"] == name], ranges[ranges["alert_id"] == name].sort_values("ds")
        if len(rows) and days["value"].notna().any():
            found.append((rows.iloc[0], days))
    return found[:MAX_ALERTS_PLOTTED]


def _sum_weeks(history: pd.DataFrame, alert: pd.Series[Any], days: pd.DataFrame) -> pd.DataFrame | None:
    """Return the weeks of an alert and what was expected of them, or nothing where it was shorter or cannot be summed.

    Days of counts are summed up; other KPIs need the cases of each day, which the history has.
    """
    kpi = str(alert["kpi"])
    if pd.Timestamp(alert["last_at"]) - _begin(alert) < pd.Timedelta(days=6):
        return None
    if infer_kpi_kind(kpi, days) == "count":
        sums = [by_week(days[["ds"]].assign(value=days[c], series="all"), kpi) for c in ("value", "expected")]
        weeks = sums[0].assign(expected=sums[1]["value"].where(_all_known(days)))
    else:
        rows = history[history["kpi"] == kpi]
        rows = rows.assign(series=label_series(rows)) if len(rows) else rows.assign(series="")
        rows = rows[rows["series"] == str(alert["series"]).replace(", ", " · ")]
        weeks = by_week(rows, kpi).assign(expected=float(alert["before"])) if len(rows) else rows
    weekly = len(weeks) > 1 and weeks["ds"].diff().median() == pd.Timedelta(days=7)
    return weeks.tail(MAX_WEEKS_PLOTTED) if weekly and weeks["value"].notna().any() else None


def _all_known(days: pd.DataFrame) -> pd.Series[bool]:
    """Return of which weeks every day was expected something."""
    known: pd.Series[bool] = days["expected"].notna().groupby(find_weeks(days["ds"])).all().reset_index(drop=True)
    return known


def _week_chart(weeks: pd.DataFrame, alert: pd.Series[Any], target: float | None) -> Chart:
    kpi = str(alert["kpi"])
    unit, factor, label = kpi_scale(kpi, weeks["value"])
    weeks = weeks.assign(value=weeks["value"] * factor, expected=weeks["expected"] * factor)
    at, value, expected = seconds(weeks["ds"]), weeks["value"].to_numpy(float), weeks["expected"].to_numpy(float)
    inside = ((weeks["ds"] + pd.Timedelta(days=6) >= _begin(alert)) & (weeks["ds"] <= alert["last_at"])).to_numpy()
    whole = np.where(weeks["cut"], np.nan, expected)
    marks: list[Mark] = [Line(at, whole, GREY, "Expected", "4 3", 1.2), *series_marks(weeks, BLUE, "Actual")]
    marks.append(Points(at[inside], value[inside], ORANGE, "During the alert"))
    if target is not None:
        marks.append(Level(target * factor, RED, "Target"))
    title = f"{format_kpi(kpi)} by week, {unit}{_where(alert)}"
    text = f"{title}, from {weeks['ds'].min():%d %b %Y}: {int(inside.sum())} weeks of the alert are marked."
    shown = [*value, *whole, *([] if target is None else [target * factor])]
    zero = find_kpi_unit(kpi) not in ("share", "s")
    y = value_axis(shown, axis_title(unit, kpi, infer_kpi_kind(kpi, weeks), weekly=True), label, zero=zero)
    return draw_chart(title, text, time_axis(weeks["ds"]), y, marks)


def _begin(alert: pd.Series[Any]) -> pd.Timestamp:
    return pd.Timestamp(alert["changed_at"] if alert["kind"] == "level_shift" else alert["started_at"])


def _where(alert: pd.Series[Any]) -> str:
    begin = _begin(alert)
    return ("" if alert["series"] == "all" else f", {alert['series']}") + f", alert from {begin.day} {begin:%b}"


def _day_chart(rows: pd.DataFrame, alert: pd.Series[Any], target: float | None) -> Chart:
    kpi = str(alert["kpi"])
    begin = _begin(alert)
    since = min(rows["ds"].max() - pd.Timedelta(days=MAX_DAYS_PLOTTED), begin - pd.Timedelta(days=14))
    rows = rows[rows["ds"] >= since]
    unit, factor, label = kpi_scale(kpi, rows["value"])
    at = seconds(rows["ds"])
    value, expected, low, high = (rows[c].to_numpy(float) * factor for c in ("value", "expected", "lower", "upper"))
    inside = ((rows["ds"] >= begin) & (rows["ds"] <= alert["last_at"])).to_numpy()
    marks: list[Mark] = [
        Area(at, low, high, GREY, "Expected range"),
        Line(at, expected, GREY, "Expected", "4 3", 1.2),
        Line(at, value, BLUE, "Actual"),
        Points(at[inside], value[inside], ORANGE, "During the alert", 2.8),
    ]
    if target is not None:
        marks.append(Level(target * factor, RED, "Target"))
    detected = pd.Timestamp(alert["detected_at"])
    if since <= detected <= rows["ds"].max():
        marks.append(Moment(float(seconds(pd.Series([detected]))[0]), RED, "Detected"))
    title = f"{format_kpi(kpi)} by day, {unit}{_where(alert)}"
    text = (
        f"{title}, from {rows['ds'].min():%d %b %Y} to {rows['ds'].max():%d %b %Y}: {int(inside.sum())} days of the "
        f"alert are marked; it was detected on {detected:%d %b %Y}."
    )
    top = float(pd.Series([*value, *expected]).max()) * (1.0 if find_kpi_unit(kpi) == "share" else 1.3)
    # a range may be much wider than all that happens
    shown = [*value, *expected, *low, *[min(v, top) for v in high], *([] if target is None else [target * factor])]
    zero = find_kpi_unit(kpi) not in ("share", "s")
    y = value_axis(shown, unit[:1].upper() + unit[1:], label, zero=zero)
    return draw_chart(title, text, time_axis(rows["ds"]), y, marks)
