"""Pictures of plans: who works when and what that covers, and how a backlog fares with its people."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .vega import (
    BLUE,
    GREY,
    MAX_LINE_POINTS,
    ORANGE,
    RED,
    SKY,
    Chart,
    build_chart,
    downsample,
    format_slot_length,
    round_floats,
    top_legend,
)

#: Patterns in the picture of shifts, those with the most people first.
MAX_PATTERNS_PLOTTED = 24
#: Days in the picture of coverage.
MAX_DAYS_PLOTTED = 7


def plot_schedule(coverage: pd.DataFrame, table: pd.DataFrame) -> list[Chart]:
    """Draw a schedule: people needed and scheduled, and the shifts that are worked.

    Parameters
    ----------
    coverage, table
        Those of the :class:`Schedule` that :func:`shift_schedule` returns; the first week of the coverage is drawn.

    Examples
    --------
    >>> from deskcast.forecasting.scheduling.schedule import shift_schedule
    >>> from deskcast.forecasting.scheduling.shift_patterns import shift_patterns
    >>> day = pd.DataFrame({"ds": pd.date_range("2024-03-04 08:00", periods=8, freq="h"), "required": 2.0})
    >>> found = shift_schedule(day, shift_patterns(lengths_s=[4 * 3600], first_start_s=28800))
    >>> [p.title for p in plot_schedule(found.coverage, found.table)]
    ['People needed and scheduled', 'Shifts to work']
    """
    found = [_covered(coverage)] if len(coverage) else []
    return [*found, _shifts(table)] if len(table) else found


def plot_backlog(plan: pd.DataFrame) -> list[Chart]:
    """Draw a backlog plan or outlook: people by slot, and the cases that wait, with those that are late.

    Parameters
    ----------
    plan
        What :func:`backlog_plan` or :func:`backlog_outlook` returns; the latter has bounds and a risk, which are drawn.
    """
    if plan.empty:
        return []
    found = [_agents_chart(plan), _backlog_chart(plan)]
    return [*found, _risk(plan)] if "breach_risk" in plan.columns else found


def _covered(coverage: pd.DataFrame) -> Chart:
    import altair as alt

    first = coverage[coverage["ds"] < coverage["ds"].min() + pd.Timedelta(days=MAX_DAYS_PLOTTED)]
    how = {"required": "max", "scheduled": "min", "understaffed": "max"}
    frame, merged = downsample(first, MAX_LINE_POINTS, how)
    names = {"required": "needed", "scheduled": "scheduled"}
    long = round_floats(frame[["ds", *names]].rename(columns=names).melt("ds", var_name="line", value_name="people"))
    scale = alt.Scale(domain=["needed", "scheduled"], range=[GREY, BLUE])
    lines = (
        alt.Chart(long)
        .mark_line(interpolate="step-after", strokeWidth=1.6)
        .encode(
            x=alt.X("ds:T", title=None),
            y=alt.Y("people:Q", title="people", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color("line:N", title=None, scale=scale, legend=top_legend(alt)),
            tooltip=[_when(alt), "line", "people"],
        )
    )
    layers: list[Any] = [lines]
    short = frame[frame["understaffed"] > 0]
    if len(short):
        marks = alt.Chart(round_floats(short)).mark_rule(color=RED, strokeWidth=2, opacity=0.6)
        tell = [_when(alt), alt.Tooltip("understaffed:Q", title="missing")]
        layers.insert(0, marks.encode(x="ds:T", y="scheduled:Q", y2="required:Q", tooltip=tell))
    missing = first["understaffed"] > 0
    said = "every interval is covered"
    if missing.any():
        worst = first["understaffed"].max()
        said = f"it falls short in {int(missing.sum()):,} of {len(first):,} intervals, by {worst:,.1f} at most"
    note = f", {merged} slots a point" if merged > 1 else ""
    text = f"People needed and scheduled: at most {first['required'].max():,.1f} are needed; {said}."
    title = f"People needed and scheduled{' · red: missing' if missing.any() else ''}{note}"
    return build_chart(title, text, alt.layer(*layers), 220)


def _shifts(table: pd.DataFrame) -> Chart:
    import altair as alt

    rows = table.nlargest(MAX_PATTERNS_PLOTTED, "scheduled_agents", keep="first").sort_values(["start", "end", "days"])
    begin, end = _hours(rows["start"]), _hours(rows["end"])
    end = np.where(end <= begin, end + 24, end)
    words = rows["kind"] + " " + rows["days"] + " " + rows["start"] + "-" + rows["end"]
    frame = pd.DataFrame(
        {
            "shift": words + np.where(rows["breaks"] == "", "", " (" + rows["breaks"] + ")"),
            "from": begin,
            "to": end,
            "people": rows["scheduled_agents"].astype(float),
        }
    )
    y = alt.Y("shift:N", title=None, sort=list(dict.fromkeys(frame["shift"])), axis=alt.Axis(labelLimit=300))
    base = alt.Chart(frame).encode(y=y, tooltip=["shift", "people"])
    clock = alt.Axis(values=list(range(0, 49, 2)), format="d")
    bars = base.mark_bar(color=SKY).encode(
        x=alt.X("from:Q", title="hour of the day", axis=clock, scale=alt.Scale(zero=False)), x2="to:Q"
    )
    numbers = base.mark_text(align="left", dx=4).encode(x="from:Q", text=alt.Text("people:Q", format="d"))
    shown = f"the {len(rows)} with most people of {len(table):,}" if len(table) > len(rows) else f"all {len(rows)}"
    mine, all_ = (int(part["scheduled_agents"].sum()) for part in (rows, table))
    text = f"Shifts to work, {shown} patterns; {mine:,} of {all_:,} people."
    title = "Shifts to work" + (f", {shown}" if len(table) > len(rows) else "")
    return build_chart(title, text, alt.layer(bars, numbers), 22 * len(rows) + 40)


def _agents_chart(plan: pd.DataFrame) -> Chart:
    import altair as alt

    frame, _ = downsample(plan, MAX_LINE_POINTS, {"agents": "max"})
    chart = (
        alt.Chart(round_floats(frame))
        .mark_area(interpolate="step-after", color=BLUE, opacity=0.5, line={"color": BLUE})
        .encode(
            x=alt.X("ds:T", title=None),
            y=alt.Y("agents:Q", title="agents on cases", axis=alt.Axis(tickMinStep=1)),
            tooltip=[_when(alt), "agents"],
        )
    )
    most = plan.iloc[int(plan["agents"].to_numpy().argmax())]
    peak = f"at most {most['agents']:,.1f}, at {most['ds']:%a %d %b %H:%M}"
    text = f"Agents on case work, before shrinkage, by {format_slot_length(plan['ds'])}: {peak}."
    return build_chart("Agents on case work (required)", text, chart, 160)


def _backlog_chart(plan: pd.DataFrame) -> Chart:
    import altair as alt

    bounds = {c: h for c, h in (("backlog_lo", "min"), ("backlog_hi", "max")) if c in plan.columns}
    frame, _ = downsample(plan, MAX_LINE_POINTS, {"backlog": "mean", "overdue_open": "max", **bounds})
    frame = round_floats(frame)
    x, layers = alt.X("ds:T", title=None), []
    if bounds:
        band = alt.Chart(frame).mark_area(color=BLUE, opacity=0.2)
        layers.append(band.encode(x=x, y=alt.Y("backlog_lo:Q", title="cases"), y2="backlog_hi:Q"))
    names = {"backlog": "waiting", "overdue_open": "late"}
    long = frame[["ds", *names]].rename(columns=names).melt("ds", var_name="line", value_name="cases")
    scale = alt.Scale(domain=["waiting", "late"], range=[BLUE, RED])
    lines = alt.Chart(long).mark_line(strokeWidth=1.7)
    layers.append(
        lines.encode(
            x=x,
            y=alt.Y("cases:Q", title="cases"),
            color=alt.Color("line:N", title=None, scale=scale, legend=top_legend(alt)),
            tooltip=[_when(alt), "line", alt.Tooltip("cases:Q", format=",.0f")],
        )
    )
    oldest = plan["age_s"].max() / 3600
    age = f", the oldest {oldest:,.0f} hours old" if np.isfinite(oldest) else ""
    text = (
        f"Cases that wait: {plan['backlog'].max():,.0f} at most{age}; {plan['backlog'].iloc[-1]:,.0f} at the end; "
        f"{plan['breaches'].sum():,.0f} break their promise."
    )
    return build_chart("Cases that wait", text, alt.layer(*layers), 220)


def _risk(plan: pd.DataFrame) -> Chart:
    import altair as alt

    frame, _ = downsample(plan, MAX_LINE_POINTS, {"breach_risk": "max", "breach_risk_to_date": "max"})
    names = {"breach_risk": "a promise breaks in the slot", "breach_risk_to_date": "one has broken by then"}
    long = round_floats(frame.rename(columns=names).melt("ds", var_name="line", value_name="probability"))
    scale = alt.Scale(domain=list(names.values()), range=[ORANGE, RED])
    chart = (
        alt.Chart(long)
        .mark_line(interpolate="step-after", strokeWidth=1.6)
        .encode(
            x=alt.X("ds:T", title=None),
            y=alt.Y("probability:Q", axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("line:N", title=None, scale=scale, legend=top_legend(alt, 2)),
            tooltip=[_when(alt), "line", alt.Tooltip("probability:Q", format=".0%")],
        )
    )
    text = f"Probability that a promise breaks: {plan['breach_risk_to_date'].iloc[-1]:.0%} by the end of the plan."
    return build_chart("How likely promises break", text, chart, 180)


def _when(alt: Any) -> Any:
    return alt.Tooltip("ds:T", title="from", format="%a %d %b %H:%M")


def _hours(times: pd.Series[Any]) -> Any:
    parts = times.str.split(":", expand=True).astype(float)
    return (parts[0] + parts[1] / 60).to_numpy()
