"""Pictures of the track record: issued forecasts and what came, calibration of issued risks, and drift by morning."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..words.words import format_kpi
from .axes import percent, seconds, time_axis, value_axis
from .marks import Area, Level, Line, Mark, Points
from .palette import BLUE, GREY, RED
from .svg import MAX_LINE_POINTS, Chart, draw_chart

_VOLUMES = {"cases_opened": "Cases", "contacts_offered": "Contacts"}
_STEPS = {"h": "hour", "D": "day", "W": "week", "MS": "month", "QS": "quarter", "6MS": "half-year"}
#: Of fewer steps no line is drawn.
MIN_STEPS_PLOTTED = 5


def plot_issued_forecasts(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw each issued forecast of the next time step, with its likely range, beside the actual value."""
    found = []
    for scope, rows in tables["accuracy_forecast_next"].groupby("scope", sort=True):
        rows = rows.sort_values("ds").tail(MAX_LINE_POINTS)
        if len(rows) < MIN_STEPS_PLOTTED:
            continue
        kpi, freq = str(scope).rsplit(" ", 1)
        what, step = _VOLUMES.get(kpi, format_kpi(kpi)), _STEPS.get(freq, "time step")
        at, ahead, came = seconds(rows["ds"]), rows["deskcast"].to_numpy(float), rows["y"].to_numpy(float)
        marks: list[Mark] = []
        values = [*ahead, *came]
        if {"deskcast-lo-80", "deskcast-hi-80"} <= set(rows) and rows["deskcast-lo-80"].notna().any():
            low, high = (rows[f"deskcast-{side}-80"].to_numpy(float) for side in ("lo", "hi"))
            marks.append(Area(at, low, high, BLUE, "Likely range"))
            values += [*low, *high]
        marks += [Line(at, ahead, BLUE, "Issued forecast"), Points(at, came, GREY, "Actual")]
        title = f"{what} per {step}: issued forecasts and actual values"
        text = f"{title}, {len(rows):,} {step}s: {ahead.sum():,.0f} forecast, {came.sum():,.0f} observed."
        y = value_axis(values, f"{what} per {step}")
        found.append(draw_chart(title, text, time_axis(rows["ds"]), y, marks))
    return found


def plot_issued_calibration(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the observed against the predicted share of issued risks, an SLA a picture."""
    found, diagonal = [], np.array([0.0, 1.0])
    for metric, rows in tables["accuracy_calibration"].groupby("metric", sort=True):
        x, y, low, high = (rows[c].to_numpy(float) for c in ("predicted", "observed", "lo", "hi"))
        gap = float(np.average(np.abs(x - y), weights=rows["n"].clip(lower=1)))
        marks: list[Mark] = [
            Line(diagonal, diagonal, GREY, "As predicted", "4 3", 1.2),
            Points(x, y, BLUE, "Issued risks", low=low, high=high),
        ]
        name = str(metric).replace("_", " ")
        text = f"Issued {name} risks: observed and predicted share are {100 * gap:.0f} points apart on average."
        x_axis = value_axis([], "Issued risk", percent, limits=(0, 1))
        y_axis = value_axis([], "% of listed cases", percent, limits=(0, 1))
        found.append(draw_chart(f"Calibration of issued risks, {name} (bars: 95% CI)", text, x_axis, y_axis, marks))
    return found


def plot_drift(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the strongest check of each past morning, and the limit above which the model should be trained again."""
    rows = tables["drift_by_morning"].sort_values("at")
    if len(rows) < MIN_STEPS_PLOTTED:
        return []
    ds = rows["at"].dt.tz_localize(None)
    strength, limit = rows["strength"].to_numpy(float), float(rows["limit"].iloc[-1])
    marks: list[Mark] = [Line(seconds(ds), strength, BLUE, "Strongest check"), Level(limit, RED, "Limit")]
    above = "above" if strength[-1] > limit else "within"
    text = f"Model drift by morning, {len(rows):,} mornings: the last one is {above} the limit of {limit:.1f}."
    y = value_axis([*strength, limit], "Standard deviations")
    return [draw_chart("Model drift by morning", text, time_axis(ds), y, marks)]
