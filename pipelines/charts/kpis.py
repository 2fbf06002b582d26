"""Pictures of the KPI history: each KPI over time, with marks where a shift or spike began."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...features.kpis.catalogue import find_kpi_unit
from ...models.series.kpi_kinds import infer_kpi_kind
from ..words.words import format_count, format_list
from .vega import BLUE, GREEN, GREY, ORANGE, RED, Chart, build_chart, round_floats, top_legend

MAX_SERIES_PLOTTED, MAX_KPIS_PLOTTED = 3, 9
#: More periods than this cannot be told apart in a small picture; the table has the others.
MAX_PERIODS_PLOTTED = 180
#: A share or a duration of fewer cases is not drawn: one answer more would move it by a tenth.
MIN_CASES_PLOTTED = 10
#: So many days are drawn by week, as weekdays and weekends hide the rest.
MIN_DAYS_BY_WEEK = 56
_MEASURES = ("kpi", "ds", "value", "n", "numerator", "lo", "hi", "median", "p90", "mean", "cut")
_KPI_ORDER = (
    "cases_opened",
    "cases_resolved",
    "backlog",
    "sla_attainment",
    "first_response_time",
    "resolution_time",
    "csat",
)


def plot_kpis(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw each KPI over time, the shifted ones first, with a mark where a shift or spike began."""
    history = tables["history"]
    shifts = tables.get("detections", pd.DataFrame({"kpi": [], "series": []}))
    full, short = label_series(history), label_series(history, columns=False)
    known = dict(zip(short, full, strict=True))
    shifts = shifts.assign(series=[known.get(name, name) for name in shifts["series"]])
    history = history.assign(series=full)
    chosen = sorted(history["kpi"].unique(), key=lambda k: (k not in set(shifts["kpi"]), _place(k)))
    found = []
    for kpi in chosen[:MAX_KPIS_PLOTTED]:
        rows, moved = by_week(history[history["kpi"] == kpi], kpi), shifts[shifts["kpi"] == kpi]
        since = rows["ds"].drop_duplicates().nlargest(MAX_PERIODS_PLOTTED).min()
        rows = rows[rows["ds"] >= since]
        moved = moved[moved["started_at"] >= since] if len(moved) else moved
        if rows["value"].notna().any():
            found.append(_kpi(kpi, rows, moved, _shown_series(rows, moved)))
    return found


def by_week(rows: pd.DataFrame, kpi: str) -> pd.DataFrame:
    """Sum up the days of a KPI by whole weeks, for people; few days, and longer periods, stay as they are.

    Counts are summed up, a stock is that of the last day, shares and durations are weighted by their cases. A period
    that is cut is left out, and a share or duration of fewer than :data:`MIN_CASES_PLOTTED` cases is not drawn.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=70)
    >>> rows = pd.DataFrame({"ds": days, "value": 0.5, "n": 4.0, "numerator": 2.0, "cut": False, "series": "all"})
    >>> weeks = by_week(rows, "csat")
    >>> len(weeks), weeks["value"].unique().tolist(), weeks["n"].unique().tolist()
    (10, [0.5], [28.0])
    """
    whole = rows[~rows["cut"].astype(bool)] if "cut" in rows else rows
    unit, few = find_kpi_unit(kpi), MIN_CASES_PLOTTED
    days = pd.Series(whole["ds"].unique()).sort_values()
    if len(days) < MIN_DAYS_BY_WEEK or days.diff().min() != pd.Timedelta(days=1):
        thin = whole["n"] < few if unit in ("share", "s") and "n" in whole else pd.Series(False, index=whole.index)
        return whole.assign(value=whole["value"].mask(thin))
    week = whole["ds"] - pd.to_timedelta(whole["ds"].dt.day_of_week, unit="D")
    ends = (days.min(), days.max() - pd.Timedelta(days=6))
    whole = whole[(week >= ends[0]) & (week <= ends[1])].sort_values("ds")
    groups: Any = whole.assign(ds=week, top=whole["value"] * whole["n"]).groupby(["series", "ds"], sort=True)
    kind = infer_kpi_kind(kpi, rows)
    if kind in ("count", "stock"):
        found: pd.DataFrame = (
            groups["value"].last() if kind == "stock" else groups["value"].sum(min_count=1)
        ).reset_index()
        return found.assign(n=np.nan, lo=np.nan, hi=np.nan)
    sums: pd.DataFrame = groups[["top", "n"]].sum().reset_index()
    value = (sums["top"] / sums["n"].where(sums["n"] > 0)).mask(sums["n"] < few)
    return sums.assign(value=value, lo=np.nan, hi=np.nan)


def label_series(history: pd.DataFrame, columns: bool = True) -> pd.Series[Any]:
    """Name the series of each row by its segments, with or without their columns; ``all`` where there are none.

    >>> frame = pd.DataFrame({"kpi": "csat", "channel": ["chat", None], "region": ["N", None], "value": 1.0})
    >>> label_series(frame).tolist(), label_series(frame, columns=False).tolist()
    (['channel chat · region N', 'all'], ['chat/N', 'all'])
    """
    names = pd.Series("", history.index, dtype="str")
    for column in (c for c in history.columns if c not in _MEASURES):
        value = history[column].astype("str").where(history[column].notna(), "")
        part = (f"{column} " + value).where(value != "", "") if columns else value
        joint = " · " if columns else "/"
        names = names.where(part == "", names.where(names == "", names + joint) + part)
    return names.where(names != "", "all")


def _shown_series(rows: pd.DataFrame, moved: pd.DataFrame) -> list[str]:
    """Choose what fits into one picture: the total, what moved last, and without a total the largest."""
    sizes = rows.groupby("series")["value"].mean().dropna()
    total = [n for n in ("all",) if n in sizes]
    moved = moved[moved["series"].isin(sizes.index)].sort_values("started_at") if len(moved) else moved
    latest = list(dict.fromkeys(reversed(moved["series"].astype(str).tolist())))
    largest = [] if total else sizes.nlargest(MAX_SERIES_PLOTTED).index.astype(str).tolist()
    return list(dict.fromkeys([*total, *latest, *largest]))[:MAX_SERIES_PLOTTED]


def _kpi(kpi: str, rows: pd.DataFrame, moved: pd.DataFrame, shown: list[str]) -> Chart:
    import altair as alt

    title, axis, unit, factor = format_kpi_axis(kpi, rows["value"])
    parts = []
    for name in shown:
        own = rows[rows["series"] == name].sort_values("ds")
        parts.append(own[["ds", "value", "lo", "hi"]].assign(series=name))
    frame = pd.concat(parts, ignore_index=True)
    frame[["value", "lo", "hi"]] = frame[["value", "lo", "hi"]].astype("float64") * factor
    colour: Any = alt.value(BLUE)
    if len(shown) > 1:
        scale = alt.Scale(domain=shown, range=[BLUE, ORANGE, GREEN])
        colour = alt.Color("series:N", title=None, scale=scale, legend=top_legend(alt, columns=2))
    x, y = alt.X("ds:T", title=None), alt.Y("value:Q", title=unit, axis=axis, scale=alt.Scale(zero=unit == "count"))
    tell = [alt.Tooltip("ds:T", format="%d %b %Y"), "series", alt.Tooltip("value", format=axis.format)]
    layers = [alt.Chart(round_floats(frame)).mark_line(strokeWidth=1.6).encode(x=x, y=y, color=colour, tooltip=tell)]
    if len(shown) == 1 and frame["lo"].notna().any():
        band = alt.Chart(round_floats(frame)).mark_area(opacity=0.18, color=BLUE)
        layers.insert(0, band.encode(x=x, y=alt.Y("lo:Q", title=unit), y2="hi:Q"))
    marked = moved[moved["series"].isin(shown)]
    times = frame["ds"].drop_duplicates().sort_values()
    weekly = len(times) > 1 and times.diff().median() == pd.Timedelta(days=7)
    # a mark stands at the level after the shift, which is one of days
    layers += _marks(marked, factor * (7 if weekly and infer_kpi_kind(kpi, rows) == "count" else 1))
    text = f"{title}{' by week' if weekly else ''} from {times.min():%d %b %Y} to {times.max():%d %b %Y}"
    more = f", series {format_list(shown)}" if len(shown) > 1 else ""
    count = f"; {format_count(len(marked), 'shift')} or spikes marked" if len(marked) else ""
    return build_chart(
        f"{title}, {unit}{' by week' if weekly else ''}", f"{text}{more}{count}.", alt.layer(*layers), 170
    )


def _marks(shifts: pd.DataFrame, factor: float) -> list[Any]:
    """Mark where shifts began: a triangle up or down at the level after it."""
    import altair as alt

    if shifts.empty:
        return []
    marks = shifts.sort_values("started_at").tail(40)
    marks = marks.assign(after=marks["after"] * factor, before=marks["before"] * factor)
    shape = alt.Shape(
        "direction:N",
        legend=None,
        scale=alt.Scale(domain=["up", "down"], range=["triangle-up", "triangle-down"]),
    )
    columns = ["started_at", "series", "kind", "direction", "before", "after"]
    chart = alt.Chart(round_floats(marks[columns])).mark_point(filled=True, size=90, color=RED, opacity=0.9)
    return [chart.encode(x="started_at:T", y="after:Q", shape=shape, tooltip=columns)]


def _place(kpi: str) -> tuple[int, str]:
    return (_KPI_ORDER.index(kpi), "") if kpi in _KPI_ORDER else (len(_KPI_ORDER), kpi)


def format_kpi_title(kpi: str) -> str:
    """Return the name of a KPI as a heading.

    >>> format_kpi_title("sla_attainment"), format_kpi_title("first_response_time")
    ('SLA attainment', 'First response time')
    """
    short = {"sla", "csat", "nps", "ces", "mttr", "mtbf"}
    words = " ".join(w.upper() if w in short else w for w in kpi.split("_"))
    return words[:1].upper() + words[1:]


def format_kpi_axis(kpi: str, values: pd.Series[Any]) -> tuple[str, Any, str, float]:
    """Return title, axis, unit in words, and the factor that brings the values into it."""
    import altair as alt

    title, unit = format_kpi_title(kpi), find_kpi_unit(kpi)
    if unit == "share":
        return title, alt.Axis(format=".0%"), "share", 1.0
    if unit == "s":
        typical = float(values.median())
        name, size = next(
            (n, s) for n, s in (("days", 86400), ("hours", 3600), ("minutes", 60)) if typical > 2 * s or s == 60
        )
        return title, alt.Axis(format=",.1~f"), name, 1 / size
    return title, alt.Axis(format=",.0f" if unit == "count" else ",.3~g"), unit or "value", 1.0


def plot_alerts(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the series of the incidents that are told first, each over the band in which 95 of 100 values were expected.

    Parameters
    ----------
    tables
        ``expected_ranges`` and ``kpi_alerts`` of the stage that watches.
    """
    bands, incidents = tables["expected_ranges"], tables["kpi_alerts"]
    found = []
    for name in bands["alert_id"].drop_duplicates():
        rows = incidents[incidents["alert_id"] == name]
        own = bands[bands["alert_id"] == name].sort_values("ds")
        if len(rows) and own["value"].notna().any():
            found.append(_alert_chart(own, rows.iloc[0]))
    return found


def _alert_chart(rows: pd.DataFrame, incident: pd.Series[Any]) -> Chart:
    import altair as alt

    title, axis, unit, factor = format_kpi_axis(str(incident["kpi"]), rows["value"])
    frame = rows[["ds", "value", "expected", "lower", "upper"]].copy()
    frame[["value", "expected", "lower", "upper"]] *= factor
    top = 1.3 * max(float(frame["value"].max()), float(frame["expected"].max()))
    frame["upper"] = frame["upper"].clip(upper=top)  # a band may be much wider than all that happens
    begin = pd.Timestamp(incident["changed_at"] if incident["kind"] == "level_shift" else incident["started_at"])
    inside = (frame["ds"] >= begin) & (frame["ds"] <= incident["last_at"])
    scale = alt.Scale(zero=unit == "count", nice=True)
    x = alt.X("ds:T", title=None, axis=alt.Axis(format="%d %b", tickCount=8))
    y = alt.Y("value:Q", title=unit, axis=axis, scale=scale)
    tell = [
        alt.Tooltip("ds:T", format="%a %d %b %Y"),
        *(alt.Tooltip(c, format=axis.format) for c in ("value", "expected")),
    ]
    base = alt.Chart(round_floats(frame)).encode(x=x)
    band = base.mark_area(opacity=0.22, color=GREY).encode(
        y=alt.Y("lower:Q", title=unit, axis=axis, scale=scale), y2="upper:Q"
    )
    middle = base.mark_line(strokeWidth=1.2, color=GREY, strokeDash=[4, 3]).encode(y="expected:Q")
    line = base.mark_line(strokeWidth=1.6, color=BLUE).encode(y=y, tooltip=tell)
    off = (
        alt.Chart(round_floats(frame[inside]))
        .mark_circle(size=34, color=ORANGE, opacity=1)
        .encode(x=x, y=y, tooltip=tell)
    )
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
    return build_chart(f"{title}{where}{why}", text, alt.layer(band, middle, line, off, rule), 170)
