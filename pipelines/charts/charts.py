"""Pictures of result tables: each function takes tables and gives Vega-Lite pictures of under 5,000 points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..stage import Stage
from .forecast import plot_errors_by_lead, plot_errors_by_slot, plot_interval_coverage, plot_leaderboard, plot_volume
from .kpis import plot_alerts, plot_kpis
from .plans import plot_backlog, plot_schedule
from .risk import plot_backtest_calibration, plot_breaches_found, plot_weekly_rates
from .vega import (
    BLUE,
    GREEN,
    GREY,
    MAX_LINE_POINTS,
    MAX_POINTS,
    ORANGE,
    RED,
    SKY,
    Chart,
    build_chart,
    downsample,
    gradient_legend,
    round_floats,
    top_legend,
)

MAX_SERIES_PLOTTED, MAX_QUEUES_PLOTTED, MAX_CASES_PLOTTED = 4, 3, 15


def plot_stage(stage: Stage, stages: Sequence[Stage] = ()) -> dict[str, list[Chart]]:
    """Return the pictures of a stage by the table that belongs beside them; tables that are missing or empty give none.

    Parameters
    ----------
    stage
        The stage to be shown.
    stages
        All stages of the run: marks of shifts are drawn into the pictures of the history.
    """
    have = {name: frame for other in (*stages, stage) for name, frame in other.tables.items() if len(frame)}
    drawn: dict[str, list[Chart]] = {}
    for table, needs, draw in _STAGE_CHARTS.get(stage.name, ()):
        if table in stage.tables and all(name in have for name in needs):
            drawn[table] = draw(have)
    return {table: found for table, found in drawn.items() if found}


def plot_staffing(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the largest queues: people by day and interval, and agents needed against the upper line."""
    staffing = tables["staffing"]
    found = []
    for queue in _largest(staffing, "queue", "load", MAX_QUEUES_PLOTTED):
        rows = staffing[staffing["queue"] == queue].sort_values("ds")
        found += [_agents_heatmap(queue, rows), _agents_line(queue, rows)]
    return found


def _agents_heatmap(queue: str, rows: pd.DataFrame) -> Chart:
    import altair as alt

    days = rows["ds"].dt.normalize()
    rows = rows[(days < days.min() + pd.Timedelta(days=14)) & (rows["agents_to_schedule"] > 0)]
    frame = pd.DataFrame(
        {
            "day": rows["ds"].dt.strftime("%a %d %b"),
            "time": rows["ds"].dt.strftime("%H:%M"),
            "people": rows["agents_to_schedule"].astype(float),
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
            color=alt.Color(
                "people:Q",
                title="agents to schedule",
                scale=alt.Scale(scheme="viridis"),
                legend=gradient_legend(alt, frame["people"]),
            ),
            tooltip=["day", "time", "people", "agents", alt.Tooltip("calls", format=",.1f")],
        )
    )
    peak = frame.nlargest(1, "people").to_dict("records")
    most = "".join(f" The most are {p['people']:,.1f} on {p['day']} at {p['time']}." for p in peak)
    return build_chart(
        f"Agents to schedule · {queue}", f"Agents to schedule by day and interval, {queue}.{most}", chart, 200
    )


def _agents_line(queue: str, rows: pd.DataFrame) -> Chart:
    import altair as alt

    frame, _ = downsample(_with_closed(rows), MAX_LINE_POINTS, {"agents": "max", "agents_hi": "max"})
    highest = int(rows[["agents", "agents_hi"]].max().max())
    whole = list(range(0, highest + 2, max(1, highest // 5)))
    names = {"agents": "needed", "agents_hi": "required to be 80% sure of the target"}
    long = frame.rename(columns=names).melt("ds", var_name="line", value_name="value")
    colour = alt.Color(
        "line:N",
        title=None,
        legend=top_legend(alt),
        scale=alt.Scale(domain=list(names.values()), range=[BLUE, ORANGE]),
    )
    chart = (
        alt.Chart(long)
        .mark_line(interpolate="step-after")
        .encode(
            x=alt.X("ds:T", title=None),
            y=alt.Y("value:Q", title="agents", axis=alt.Axis(format="d", values=whole)),
            strokeDash=alt.StrokeDash(
                "line:N", title=None, scale=alt.Scale(domain=list(names.values()), range=[[1, 0], [4, 2]])
            ),
            color=colour,
            tooltip=[alt.Tooltip("ds:T", format="%a %d %b %H:%M"), "line", "value"],
        )
    )
    most = rows[["agents", "agents_hi"]].max()
    text = f"Agents needed on {queue}: at most {most['agents']:.0f}, upper line at most {most['agents_hi']:.0f}."
    return build_chart(f"Agents needed at once · {queue}", text, chart, 180)


def _with_closed(rows: pd.DataFrame) -> pd.DataFrame:
    """Put the closed intervals back in as missing, so that a line breaks over the night."""
    steps = rows["ds"].diff().dropna()
    if steps.empty:
        return rows
    slots = pd.date_range(rows["ds"].iloc[0], rows["ds"].iloc[-1], freq=steps.mode().iloc[0], name="ds")
    columns = rows.set_index("ds")[["agents", "agents_hi"]].astype("float64")
    return columns.reindex(slots).reset_index()


def plot_calibration(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw what was observed against what was predicted; a calibrated model lies on the diagonal."""
    import altair as alt

    frame = tables["calibration"].head(MAX_POINTS)
    axis = alt.Axis(format=".0%")
    base = alt.Chart(round_floats(frame)).encode(
        x=alt.X("predicted:Q", title="predicted probability", axis=axis, scale=alt.Scale(domain=[0, 1])),
        color=alt.Color(
            "model:N", title=None, scale=alt.Scale(range=[BLUE, ORANGE, GREEN, RED]), legend=top_legend(alt)
        ),
    )
    y = alt.Scale(domain=[0, 1], clamp=True)
    bars = base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("lo:Q", scale=y, title="observed share"), y2="hi:Q")
    dots = base.mark_circle(size=70, opacity=1).encode(
        y=alt.Y("observed:Q", axis=axis), tooltip=["model", "predicted", "observed", "n"]
    )
    line = alt.Chart(pd.DataFrame({"a": [0.0, 1.0]})).mark_line(color=GREY, strokeDash=[4, 3]).encode(x="a:Q", y="a:Q")
    gap = float(np.average((frame["predicted"] - frame["observed"]).abs(), weights=frame["n"].clip(lower=1)))
    text = f"Predicted against observed share of breaches; the mean distance from the diagonal is {gap:.1%}."
    return [build_chart("Do the probabilities hold? Bars: 95 % intervals", text, alt.layer(line, bars, dots), 280)]


def plot_cases_at_risk(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the probabilities of the cases at the top of the list."""
    import altair as alt

    risk = tables["risk"]
    frame = (risk.sort_values("rank") if "rank" in risk.columns else risk).head(MAX_CASES_PLOTTED)
    frame = frame[[c for c in ("case_id", "probability", "risk_level", "team", "reason_1") if c in frame.columns]]
    colour: Any = alt.value(BLUE)
    if "risk_level" in frame.columns:
        bands = [b for b in _BAND_COLOURS if b in set(frame["risk_level"])]
        scale = alt.Scale(domain=bands, range=[_BAND_COLOURS[b] for b in bands])
        colour = alt.Color("risk_level:N", title=None, scale=scale, legend=top_legend(alt))
    chart = (
        alt.Chart(round_floats(frame))
        .mark_bar()
        .encode(
            x=alt.X("probability:Q", title="probability of a breach", axis=alt.Axis(format=".0%")).scale(domain=[0, 1]),
            y=alt.Y("case_id:N", title=None, sort=frame["case_id"].tolist(), axis=alt.Axis(labelLimit=140)),
            color=colour,
            tooltip=list(frame.columns),
        )
    )
    text = (
        f"The first {len(frame)} cases of the list with their probability of a breach, at most "
        f"{frame['probability'].max():.0%}."
    )
    return [build_chart("Cases to work on first, then by what can be saved", text, chart, 24 * len(frame) + 20)]


def plot_drivers(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw which values moved the shifted KPIs the most."""
    import altair as alt

    frame = tables["drivers"].dropna(subset=["contribution"])
    frame = frame.loc[frame["contribution"].abs().nlargest(12).index]
    if frame.empty:
        return []
    words = frame["column"].astype("str") + " " + frame["value"].astype("str") + " · " + frame["kpi"].astype("str")
    frame = pd.DataFrame({"what": words, "contribution": frame["contribution"]})
    chart = (
        alt.Chart(round_floats(frame))
        .mark_bar()
        .encode(
            x=alt.X("contribution:Q", title="part of the change"),
            y=alt.Y("what:N", title=None, sort="-x", axis=alt.Axis(labelLimit=260)),
            color=alt.condition("datum.contribution < 0", alt.value(SKY), alt.value(RED)),
            tooltip=["what", "contribution"],
        )
    )
    text = f"What drove the shifts; the largest part is {frame['what'].iloc[0]}."
    return [build_chart("What drove the change", text, chart, 24 * len(frame) + 20)]


_BAND_COLOURS = {"very high": RED, "high": ORANGE, "medium": SKY, "low": GREY}
_Draw = Callable[[Mapping[str, pd.DataFrame]], list[Chart]]


#: Stage -> table that stands beside the pictures, tables that they need, and what draws them.
def plot_casework(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the people and the backlog of the queue of case work that takes most people."""
    plan = tables["casework"]
    return plot_backlog(plan[plan["queue"] == _largest(plan, "queue", "agents", 1)[0]])


def plot_shift_coverage(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw how shifts cover the queue that needs most people."""
    coverage, table = tables["coverage"], tables["schedule"]
    queue = _largest(coverage, "queue", "required", 1)[0]
    return plot_schedule(coverage[coverage["queue"] == queue], table[table["queue"] == queue])


_STAGE_CHARTS: dict[str, tuple[tuple[str, tuple[str, ...], _Draw], ...]] = {
    "history": (("history", ("history",), plot_kpis),),
    "forecast": (
        ("forecast", ("actuals", "forecast"), plot_volume),
        ("leaderboard", ("leaderboard",), plot_leaderboard),
        ("forecast_by_lead", ("forecast_by_lead",), plot_errors_by_lead),
        ("forecast_by_time", ("forecast_by_time",), plot_errors_by_slot),
        ("forecast_coverage", ("forecast_coverage",), plot_interval_coverage),
    ),
    "staff": (
        ("staffing", ("staffing",), plot_staffing),
        ("casework", ("casework",), plot_casework),
        ("coverage", ("coverage", "schedule"), plot_shift_coverage),
    ),
    "train": (
        ("calibration", ("calibration",), plot_calibration),
        ("breach_backtest_calibration", ("breach_backtest_calibration",), plot_backtest_calibration),
        ("recall_by_share", ("recall_by_share",), plot_breaches_found),
        ("drift", ("drift",), plot_weekly_rates),
    ),
    "risk": (("risk", ("risk",), plot_cases_at_risk),),
    "watch": (
        ("kpi_alerts", ("kpi_alerts", "expected_ranges"), plot_alerts),
        ("drivers", ("drivers",), plot_drivers),
    ),
}


def _largest(frame: pd.DataFrame, key: str, value: str, count: int = MAX_SERIES_PLOTTED) -> list[str]:
    return [str(k) for k in frame.groupby(key)[value].sum().nlargest(count).index]
