"""Pictures of incidents: what was seen, the band that was expected, and where the alarm rang."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from .kpis import kpi_words
from .vega import BLUE, GREY, ORANGE, RED, Picture, compact, picture


def incident_pictures(tables: Mapping[str, pd.DataFrame]) -> list[Picture]:
    """Draw the series of the incidents that are told first, each over the band in which 95 of 100 values were expected.

    Parameters
    ----------
    tables
        ``bands`` and ``incidents`` of the stage that watches.
    """
    bands, incidents = tables["bands"], tables["incidents"]
    found = []
    for name in bands["incident_id"].drop_duplicates():
        rows = incidents[incidents["incident_id"] == name]
        own = bands[bands["incident_id"] == name].sort_values("ds")
        if len(rows) and own["value"].notna().any():
            found.append(_incident(own, rows.iloc[0]))
    return found


def _incident(rows: pd.DataFrame, incident: pd.Series[Any]) -> Picture:
    import altair as alt

    title, axis, unit, factor = kpi_words(str(incident["kpi"]), rows["value"])
    frame = rows[["ds", "value", "expected", "lower", "upper"]].copy()
    frame[["value", "expected", "lower", "upper"]] *= factor
    top = 1.3 * max(float(frame["value"].max()), float(frame["expected"].max()))
    frame["upper"] = frame["upper"].clip(upper=top)  # a band may be much wider than all that happens
    begin = pd.Timestamp(incident["dated_at"] if incident["kind"] == "shift" else incident["started_at"])
    inside = (frame["ds"] >= begin) & (frame["ds"] <= incident["last_at"])
    scale = alt.Scale(zero=unit == "count", nice=True)
    x = alt.X("ds:T", title=None, axis=alt.Axis(format="%d %b", tickCount=8))
    y = alt.Y("value:Q", title=unit, axis=axis, scale=scale)
    tell = [
        alt.Tooltip("ds:T", format="%a %d %b %Y"),
        *(alt.Tooltip(c, format=axis.format) for c in ("value", "expected")),
    ]
    base = alt.Chart(compact(frame)).encode(x=x)
    band = base.mark_area(opacity=0.22, color=GREY).encode(
        y=alt.Y("lower:Q", title=unit, axis=axis, scale=scale), y2="upper:Q"
    )
    middle = base.mark_line(strokeWidth=1.2, color=GREY, strokeDash=[4, 3]).encode(y="expected:Q")
    line = base.mark_line(strokeWidth=1.6, color=BLUE).encode(y=y, tooltip=tell)
    off = alt.Chart(compact(frame[inside])).mark_circle(size=34, color=ORANGE, opacity=1).encode(x=x, y=y, tooltip=tell)
    alarm = pd.DataFrame({"ds": [pd.Timestamp(incident["detected_at"])], "said": ["alarm"]})
    rule = (
        alt.Chart(alarm)
        .mark_rule(color=RED, strokeWidth=1.4)
        .encode(x="ds:T", tooltip=[alt.Tooltip("ds:T", title="alarm")])
    )
    where = "" if incident["series"] == "all" else f", {incident['series']}"
    why = f": {incident['drivers'].split('; ')[0]}" if incident["drivers"] else ""
    text = (
        f"{title}{where} from {frame['ds'].min():%d %b %Y} to {frame['ds'].max():%d %b %Y}, the expected band, "
        f"{int(inside.sum())} periods of the incident marked, and the alarm on {incident['detected_at']:%d %b %Y}."
    )
    return picture(f"{title}{where}{why}", text, alt.layer(band, middle, line, off, rule), 170)
