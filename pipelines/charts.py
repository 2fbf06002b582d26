"""Pictures of result tables: each function takes tables and gives Vega-Lite pictures of under 5,000 points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .pictures import (
    BLUE,
    GREEN,
    GREY,
    LINE_POINTS,
    MAX_POINTS,
    ORANGE,
    RED,
    SKY,
    Picture,
    compact,
    gradient,
    picture,
    slot_name,
    thin,
    top,
)
from .stage import Stage
from .words import plural, say_list

TOP_SERIES, TOP_QUEUES, TOP_KPIS, TOP_CASES = 4, 3, 9, 15
_BANDS = ("deskcast-lo-80", "deskcast-hi-80", "deskcast-lo-95", "deskcast-hi-95")


def pictures(stage: Stage, stages: Sequence[Stage] = ()) -> dict[str, list[Picture]]:
    """Return the pictures of a stage by the table that belongs beside them; tables that are missing or empty give none.

    Parameters
    ----------
    stage
        The stage to be shown.
    stages
        All stages of the run: marks of shifts are drawn into the pictures of the history.
    """
    have = {name: frame for other in (*stages, stage) for name, frame in other.tables.items() if len(frame)}
    drawn: dict[str, list[Picture]] = {}
    for table, needs, draw in _DRAWN.get(stage.name, ()):
        if table in stage.tables and all(name in have for name in needs):
            drawn[table] = draw(have)
    return {table: found for table, found in drawn.items() if found}


def volume(tables: Mapping[str, pd.DataFrame]) -> list[Picture]:
    """Draw the volume of the largest series: what came, what is expected, and the bands of 80 and 95 %."""
    actuals, ahead = tables["actuals"], tables["forecast"]
    largest = _largest(ahead, "unique_id", "deskcast")
    return [_volume(name, actuals[actuals["unique_id"] == name], ahead[ahead["unique_id"] == name]) for name in largest]


def _volume(name: str, past: pd.DataFrame, ahead: pd.DataFrame) -> Picture:
    import altair as alt

    slot, ahead = slot_name(ahead["ds"]), ahead.sort_values("ds")
    past = past.sort_values("ds").tail(max(4 * len(ahead), 60))
    bands = {c: "min" if "-lo-" in c else "max" for c in _BANDS if c in ahead.columns}
    named = {"y": "came", "deskcast": "expected", "seasonal_naive": "seasonal naive"}
    models = {c: "mean" for c in named if c in ahead.columns}
    seen, _ = thin(past, LINE_POINTS, {"y": "mean"})
    comes, merged = thin(ahead, LINE_POINTS, models | bands)
    parts = [
        f[["ds", c]].rename(columns={c: "value"}).assign(line=named[c]) for f in (seen, comes) for c in f if c in named
    ]
    lines = compact(pd.concat(parts, ignore_index=True))
    band = compact(comes[["ds", *bands]].rename(columns={c: c[9:].replace("-", "_") for c in bands}))
    x, layers = alt.X("ds:T", title=None), []
    for level, shade in (("95", 0.15), ("80", 0.3)):
        if f"lo_{level}" in band.columns:
            area = alt.Chart(band).mark_area(opacity=shade, color=BLUE)
            layers.append(area.encode(x=x, y=alt.Y(f"lo_{level}:Q", title=f"cases per {slot}"), y2=f"hi_{level}:Q"))
    order = ["came", "expected", "seasonal naive"]
    colour = alt.Color("line:N", title=None, scale=alt.Scale(domain=order, range=[GREY, BLUE, ORANGE]), legend=top(alt))
    dash = alt.StrokeDash(
        "line:N", title=None, legend=top(alt), scale=alt.Scale(domain=order, range=[[1, 0], [1, 0], [4, 3]])
    )
    tell = [alt.Tooltip("ds:T", title="from", format="%a %d %b %Y %H:%M"), "line", alt.Tooltip("value", format=",.1f")]
    y = alt.Y("value:Q", title=f"cases per {slot}", scale=alt.Scale(zero=True))
    chart = alt.Chart(lines).mark_line(strokeWidth=1.7)
    layers.append(chart.encode(x=x, y=y, color=colour, strokeDash=dash, tooltip=tell))
    text = (
        f"Volume of {name}: expected {ahead['deskcast'].sum():,.0f} cases from {ahead['ds'].min():%d %b %Y} to "
        f"{ahead['ds'].max():%d %b %Y}, after {past['y'].sum():,.0f} in the {len(past):,} slots before."
    )
    shown, note = "" if name == "all" else f" · {name}", f", {merged} slots a point" if merged > 1 else ""
    return picture(f"Cases per {slot}{shown}, with bands of 80 and 95 %{note}", text, alt.layer(*layers), 240)


def people(tables: Mapping[str, pd.DataFrame]) -> list[Picture]:
    """Draw the largest queues: people by day and interval, and agents needed against the upper line."""
    staffing = tables["staffing"]
    found = []
    for queue in _largest(staffing, "queue", "load", TOP_QUEUES):
        rows = staffing[staffing["queue"] == queue].sort_values("ds")
        found += [_people_map(queue, rows), _agents_line(queue, rows)]
    return found


def _people_map(queue: str, rows: pd.DataFrame) -> Picture:
    import altair as alt

    days = rows["ds"].dt.normalize()
    rows = rows[(days < days.min() + pd.Timedelta(days=14)) & (rows["people"] > 0)]
    frame = pd.DataFrame(
        {
            "day": rows["ds"].dt.strftime("%a %d %b"),
            "time": rows["ds"].dt.strftime("%H:%M"),
            "people": rows["people"].astype(float),
            "agents": rows["agents"].astype(float),
            "calls": rows["calls"],
        }
    ).head(MAX_POINTS)
    chart = (
        alt.Chart(frame)
        .mark_rect()
        .encode(
            x=alt.X("time:O", title=None, axis=alt.Axis(labelOverlap=True, labelAngle=0)),
            y=alt.Y("day:O", title=None, sort=list(dict.fromkeys(frame["day"]))),
            color=alt.Color("people:Q", title="people", scale=alt.Scale(scheme="viridis"), legend=gradient(alt)),
            tooltip=["day", "time", "people", "agents", alt.Tooltip("calls", format=",.1f")],
        )
    )
    peak = frame.nlargest(1, "people").to_dict("records")
    most = "".join(f" The most are {p['people']:.0f} on {p['day']} at {p['time']}." for p in peak)
    return picture(f"People to schedule · {queue}", f"People by day and interval for {queue}.{most}", chart, 200)


def _agents_line(queue: str, rows: pd.DataFrame) -> Picture:
    import altair as alt

    frame, _ = thin(_with_closed(rows), LINE_POINTS, {"agents": "max", "agents_hi": "max"})
    names = {"agents": "needed", "agents_hi": "enough if it gets busier (80 %)"}
    long = frame.rename(columns=names).melt("ds", var_name="line", value_name="value")
    colour = alt.Color(
        "line:N",
        title=None,
        legend=top(alt),
        scale=alt.Scale(domain=list(names.values()), range=[BLUE, ORANGE]),
    )
    chart = (
        alt.Chart(long)
        .mark_line(interpolate="step-after")
        .encode(
            x=alt.X("ds:T", title=None),
            y=alt.Y("value:Q", title="agents"),
            color=colour,
            tooltip=[alt.Tooltip("ds:T", format="%a %d %b %H:%M"), "line", "value"],
        )
    )
    most = rows[["agents", "agents_hi"]].max()
    text = f"Agents needed on {queue}: at most {most['agents']:.0f}, upper line at most {most['agents_hi']:.0f}."
    return picture(f"Agents needed at once · {queue}", text, chart, 180)


def _with_closed(rows: pd.DataFrame) -> pd.DataFrame:
    """Put the closed intervals back in as missing, so that a line breaks over the night."""
    steps = rows["ds"].diff().dropna()
    if steps.empty:
        return rows
    slots = pd.date_range(rows["ds"].iloc[0], rows["ds"].iloc[-1], freq=steps.mode().iloc[0], name="ds")
    columns = rows.set_index("ds")[["agents", "agents_hi"]].astype("float64")
    return columns.reindex(slots).reset_index()


def reliability(tables: Mapping[str, pd.DataFrame]) -> list[Picture]:
    """Draw what was observed against what was predicted; a calibrated model lies on the diagonal."""
    import altair as alt

    frame = tables["reliability"].head(MAX_POINTS)
    axis = alt.Axis(format=".0%")
    base = alt.Chart(compact(frame)).encode(
        x=alt.X("predicted:Q", title="predicted probability", axis=axis, scale=alt.Scale(domain=[0, 1])),
        color=alt.Color("model:N", title=None, scale=alt.Scale(range=[BLUE, ORANGE, GREEN, RED]), legend=top(alt)),
    )
    y = alt.Scale(domain=[0, 1], clamp=True)
    bars = base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("lo:Q", scale=y, title="observed share"), y2="hi:Q")
    dots = base.mark_circle(size=70, opacity=1).encode(
        y=alt.Y("observed:Q", axis=axis), tooltip=["model", "predicted", "observed", "n"]
    )
    line = alt.Chart(pd.DataFrame({"a": [0.0, 1.0]})).mark_line(color=GREY, strokeDash=[4, 3]).encode(x="a:Q", y="a:Q")
    gap = float(np.average((frame["predicted"] - frame["observed"]).abs(), weights=frame["n"].clip(lower=1)))
    text = f"Predicted against observed share of breaches; the mean distance from the diagonal is {gap:.1%}."
    return [picture("Do the probabilities hold? Bars: 95 % intervals", text, alt.layer(line, bars, dots), 280)]


def cases_at_risk(tables: Mapping[str, pd.DataFrame]) -> list[Picture]:
    """Draw the probabilities of the cases at the top of the list."""
    import altair as alt

    risk = tables["risk"]
    frame = (risk.sort_values("rank") if "rank" in risk.columns else risk).head(TOP_CASES)
    frame = frame[[c for c in ("case_id", "probability", "band", "team", "reason_1") if c in frame.columns]]
    colour: Any = alt.value(BLUE)
    if "band" in frame.columns:
        bands = [b for b in _BAND_COLOURS if b in set(frame["band"])]
        scale = alt.Scale(domain=bands, range=[_BAND_COLOURS[b] for b in bands])
        colour = alt.Color("band:N", title=None, scale=scale, legend=top(alt))
    chart = (
        alt.Chart(compact(frame))
        .mark_bar()
        .encode(
            x=alt.X("probability:Q", title="probability of a breach", axis=alt.Axis(format=".0%")).scale(domain=[0, 1]),
            y=alt.Y("case_id:N", title=None, sort=frame["case_id"].tolist(), axis=alt.Axis(labelLimit=140)),
            color=colour,
            tooltip=list(frame.columns),
        )
    )
    text = (
        f"The {len(frame)} open cases most likely to break their promise, from {frame['probability'].max():.0%} down."
    )
    return [picture("Open cases most at risk", text, chart, 24 * len(frame) + 20)]


def kpis(tables: Mapping[str, pd.DataFrame]) -> list[Picture]:
    """Draw each KPI over time, the shifted ones first, with a mark where a shift or spike began."""
    history = tables["history"]
    history = history.assign(series=series_names(history))
    shifts = tables.get("shifts", pd.DataFrame({"kpi": [], "series": []}))
    chosen = sorted(history["kpi"].unique(), key=lambda k: (k not in set(shifts["kpi"]), _place(k)))
    found = []
    for kpi in chosen[:TOP_KPIS]:
        rows, moved = history[history["kpi"] == kpi], shifts[shifts["kpi"] == kpi]
        if rows["value"].notna().any():
            found.append(_kpi(kpi, rows, moved, _shown_series(rows, moved)))
    return found


def series_names(history: pd.DataFrame) -> pd.Series[Any]:
    """Name the series of each row by its segments, joined by a slash; ``all`` where there are none.

    >>> series_names(pd.DataFrame({"kpi": "csat", "channel": ["chat", None], "value": 1.0})).tolist()
    ['chat', 'all']
    """
    names = pd.Series("", history.index, dtype="str")
    for column in (c for c in history.columns if c not in _MEASURES):
        part = history[column].astype("str").where(history[column].notna(), "")
        names = names.where(part == "", names.where(names == "", names + "/") + part)
    return names.where(names != "", "all")


def _shown_series(rows: pd.DataFrame, moved: pd.DataFrame) -> list[str]:
    """Choose what fits into one picture: the total, what moved last, and without a total the largest."""
    sizes = rows.groupby("series")["value"].mean().dropna()
    total = [n for n in ("all",) if n in sizes]
    moved = moved[moved["series"].isin(sizes.index)].sort_values("started_at") if len(moved) else moved
    latest = list(dict.fromkeys(reversed(moved["series"].astype(str).tolist())))
    largest = [] if total else sizes.nlargest(TOP_SERIES).index.astype(str).tolist()
    return list(dict.fromkeys([*total, *latest, *largest]))[:TOP_SERIES]


def _kpi(kpi: str, rows: pd.DataFrame, moved: pd.DataFrame, shown: list[str]) -> Picture:
    import altair as alt

    title, axis, unit, factor = _kpi_words(kpi, rows["value"])
    parts = []
    for name in shown:
        own = rows[rows["series"] == name].sort_values("ds")
        part, _ = thin(own, LINE_POINTS // len(shown), {"value": "mean", "lo": "mean", "hi": "mean"})
        parts.append(part.assign(series=name))
    frame = pd.concat(parts, ignore_index=True)
    frame[["value", "lo", "hi"]] = frame[["value", "lo", "hi"]].astype("float64") * factor
    colour: Any = alt.value(BLUE)
    if len(shown) > 1:
        scale = alt.Scale(domain=shown, range=[BLUE, ORANGE, GREEN, SKY])
        colour = alt.Color("series:N", title=None, scale=scale, legend=top(alt))
    x, y = alt.X("ds:T", title=None), alt.Y("value:Q", title=unit, axis=axis, scale=alt.Scale(zero=unit == "count"))
    tell = [alt.Tooltip("ds:T", format="%d %b %Y"), "series", alt.Tooltip("value", format=axis.format)]
    layers = [alt.Chart(compact(frame)).mark_line(strokeWidth=1.6).encode(x=x, y=y, color=colour, tooltip=tell)]
    if len(shown) == 1 and frame["lo"].notna().any():
        band = alt.Chart(compact(frame)).mark_area(opacity=0.18, color=BLUE)
        layers.insert(0, band.encode(x=x, y=alt.Y("lo:Q", title=unit), y2="hi:Q"))
    marked = moved[moved["series"].isin(shown)]
    layers += _marks(marked, factor)
    text = f"{title} from {frame['ds'].min():%d %b %Y} to {frame['ds'].max():%d %b %Y}"
    more = f", series {say_list(shown)}" if len(shown) > 1 else ""
    count = f"; {plural(len(marked), 'shift')} or spikes marked" if len(marked) else ""
    return picture(f"{title}, {unit}", f"{text}{more}{count}.", alt.layer(*layers), 170)


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
    chart = alt.Chart(compact(marks[columns])).mark_point(filled=True, size=90, color=RED, opacity=0.9)
    return [chart.encode(x="started_at:T", y="after:Q", shape=shape, tooltip=columns)]


def drivers(tables: Mapping[str, pd.DataFrame]) -> list[Picture]:
    """Draw which values moved the shifted KPIs the most."""
    import altair as alt

    frame = tables["drivers"].dropna(subset=["contribution"])
    frame = frame.loc[frame["contribution"].abs().nlargest(12).index]
    if frame.empty:
        return []
    words = frame["column"].astype("str") + " " + frame["value"].astype("str") + " · " + frame["kpi"].astype("str")
    frame = pd.DataFrame({"what": words, "contribution": frame["contribution"]})
    chart = (
        alt.Chart(compact(frame))
        .mark_bar()
        .encode(
            x=alt.X("contribution:Q", title="part of the change"),
            y=alt.Y("what:N", title=None, sort="-x", axis=alt.Axis(labelLimit=260)),
            color=alt.condition("datum.contribution < 0", alt.value(SKY), alt.value(RED)),
            tooltip=["what", "contribution"],
        )
    )
    text = f"What drove the shifts; the largest part is {frame['what'].iloc[0]}."
    return [picture("What drove the change", text, chart, 24 * len(frame) + 20)]


_BAND_COLOURS = {"very high": RED, "high": ORANGE, "medium": SKY, "low": GREY}
_MEASURES = ("kpi", "ds", "value", "n", "numerator", "lo", "hi", "median", "p90", "mean")
_FIRST = (
    "cases_opened",
    "cases_resolved",
    "backlog",
    "sla_attainment",
    "first_response_time",
    "resolution_time",
    "csat",
)
_Draw = Callable[[Mapping[str, pd.DataFrame]], list[Picture]]
#: Stage -> table that stands beside the pictures, tables that they need, and what draws them.
_DRAWN: dict[str, tuple[tuple[str, tuple[str, ...], _Draw], ...]] = {
    "history": (("history", ("history",), kpis),),
    "forecast": (("forecast", ("actuals", "forecast"), volume),),
    "staff": (("staffing", ("staffing",), people),),
    "train": (("reliability", ("reliability",), reliability),),
    "risk": (("risk", ("risk",), cases_at_risk),),
    "watch": (("drivers", ("drivers",), drivers),),
}


def _largest(frame: pd.DataFrame, key: str, value: str, count: int = TOP_SERIES) -> list[str]:
    return [str(k) for k in frame.groupby(key)[value].sum().nlargest(count).index]


def _place(kpi: str) -> tuple[int, str]:
    return (_FIRST.index(kpi), "") if kpi in _FIRST else (len(_FIRST), kpi)


def kpi_title(kpi: str) -> str:
    """Return the name of a KPI as a heading.

    >>> kpi_title("sla_attainment"), kpi_title("first_response_time")
    ('SLA attainment', 'First response time')
    """
    short = {"sla", "csat", "nps", "ces", "mttr", "mtbf"}
    words = " ".join(w.upper() if w in short else w for w in kpi.split("_"))
    return words[:1].upper() + words[1:]


def _kpi_words(kpi: str, values: pd.Series[Any]) -> tuple[str, Any, str, float]:
    """Return title, axis, unit in words, and the factor that brings the values into it."""
    import altair as alt

    from ..features.catalogue import CATALOGUE

    known = CATALOGUE.get(kpi)
    title = kpi_title(kpi)
    unit = known.unit if known else ""
    if unit == "share":
        return title, alt.Axis(format=".0%"), "share", 1.0
    if unit == "s":
        typical = float(values.median())
        name, size = next(
            (n, s) for n, s in (("days", 86400), ("hours", 3600), ("minutes", 60)) if typical > 2 * s or s == 60
        )
        return title, alt.Axis(format=",.1f"), name, 1 / size
    return title, alt.Axis(format=",.0f" if unit == "count" else ",.3~g"), unit or "value", 1.0
