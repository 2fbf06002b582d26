"""Pictures of KPI alerts: the KPI, the range that was expected, and since when it left it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ...features.kpis.catalogue import find_kpi_unit
from ..words.words import format_kpi
from .axes import seconds, time_axis, value_axis
from .kpis import find_target, kpi_scale
from .marks import Area, Level, Line, Mark, Moment, Points
from .palette import BLUE, GREY, ORANGE, RED
from .svg import Chart, draw_chart

#: Days before the last one that are drawn: more weekends hide the change.
MAX_DAYS_PLOTTED = 56
MAX_ALERTS_PLOTTED = 4


def plot_alerts(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the series of the alerts that are reported first, each with the range of 95% that was expected.

    Parameters
    ----------
    tables
        ``expected_ranges`` and ``kpi_alerts`` of the stage that watches.
    """
    bands, alerts = tables["expected_ranges"], tables["kpi_alerts"]
    found = []
    for name in bands["alert_id"].drop_duplicates():
        rows = alerts[alerts["alert_id"] == name]
        own = bands[bands["alert_id"] == name].sort_values("ds")
        if len(rows) and own["value"].notna().any():
            target = find_target(tables, str(rows["kpi"].iloc[0]))
            found.append(_alert_chart(own, rows.iloc[0], target))
    return found[:MAX_ALERTS_PLOTTED]


def _alert_chart(rows: pd.DataFrame, alert: pd.Series[Any], target: float | None) -> Chart:
    kpi = str(alert["kpi"])
    begin = pd.Timestamp(alert["changed_at"] if alert["kind"] == "level_shift" else alert["started_at"])
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
    where = "" if alert["series"] == "all" else f", {alert['series']}"
    title = f"{format_kpi(kpi)} by day, {unit}{where}"
    text = (
        f"{title}, from {rows['ds'].min():%d %b %Y} to {rows['ds'].max():%d %b %Y}: {int(inside.sum())} days of the "
        f"alert are marked; it was detected on {detected:%d %b %Y}."
    )
    top = 1.3 * float(pd.Series([*value, *expected]).max())  # a range may be much wider than all that happens
    shown = [*value, *expected, *low, *[min(v, top) for v in high], *([] if target is None else [target * factor])]
    zero = find_kpi_unit(kpi) not in ("share", "s")
    limits = (float(pd.Series(shown).min()), 1.0) if find_kpi_unit(kpi) == "share" else None
    y = value_axis(shown, unit[:1].upper() + unit[1:], label, zero=zero, limits=limits)
    return draw_chart(title, text, time_axis(rows["ds"]), y, marks)
