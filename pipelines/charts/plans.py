"""Pictures of plans: who works when and what that covers, and how a backlog fares with its people."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .vega import BLUE, GREY, LINE_POINTS, ORANGE, RED, SKY, Picture, compact, picture, slot_name, thin, top

#: Patterns in the picture of shifts, those with the most people first.
TOP_PATTERNS = 24
#: Days in the picture of coverage.
TOP_DAYS = 7


def schedule_pictures(coverage: pd.DataFrame, table: pd.DataFrame) -> list[Picture]:
    """Draw a schedule: people needed and scheduled, and the shifts that are worked.

    Parameters
    ----------
    coverage, table
        Those of the :class:`Schedule` that :func:`shift_schedule` returns; the first week of the coverage is drawn.

    Examples
    --------
    >>> from deskcast.forecasting.scheduling.schedule import shift_schedule
    >>> from deskcast.forecasting.scheduling.shift_patterns import shift_patterns
    >>> day = pd.DataFrame({"ds": pd.date_range("2024-03-04 08:00", periods=8, freq="h"), "need": 2.0})
    >>> found = shift_schedule(day, shift_patterns(lengths_s=[4 * 3600], first_start_s=28800))
    >>> [p.title for p in schedule_pictures(found.coverage, found.table)]
    ['People needed and scheduled', 'Shifts to work']
    """
    found = [_covered(coverage)] if len(coverage) else []
    return [*found, _shifts(table)] if len(table) else found


def backlog_pictures(plan: pd.DataFrame) -> list[Picture]:
    """Draw a backlog plan or outlook: people by slot, and the cases that wait, with those that are late.

    Parameters
    ----------
    plan
        What :func:`backlog_plan` or :func:`backlog_outlook` returns; the latter has bounds and a risk, which are drawn.
    """
    if plan.empty:
        return []
    found = [_people(plan), _waiting(plan)]
    return [*found, _risk(plan)] if "breach_risk" in plan.columns else found


def _covered(coverage: pd.DataFrame) -> Picture:
    import altair as alt

    first = coverage[coverage["ds"] < coverage["ds"].min() + pd.Timedelta(days=TOP_DAYS)]
    how = {"need": "max", "scheduled": "min", "shortfall": "max"}
    frame, merged = thin(first, LINE_POINTS, how)
    names = {"need": "needed", "scheduled": "scheduled"}
    long = compact(frame[["ds", *names]].rename(columns=names).melt("ds", var_name="line", value_name="people"))
    scale = alt.Scale(domain=["needed", "scheduled"], range=[GREY, BLUE])
    lines = (
        alt.Chart(long)
        .mark_line(interpolate="step-after", strokeWidth=1.6)
        .encode(
            x=alt.X("ds:T", title=None),
            y=alt.Y("people:Q", title="people", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color("line:N", title=None, scale=scale, legend=top(alt)),
            tooltip=[_when(alt), "line", "people"],
        )
    )
    layers: list[Any] = [lines]
    short = frame[frame["shortfall"] > 0]
    if len(short):
        marks = alt.Chart(compact(short)).mark_rule(color=RED, strokeWidth=2, opacity=0.6)
        tell = [_when(alt), alt.Tooltip("shortfall:Q", title="missing")]
        layers.insert(0, marks.encode(x="ds:T", y="scheduled:Q", y2="need:Q", tooltip=tell))
    missing = first["shortfall"] > 0
    said = "every interval is covered"
    if missing.any():
        worst = first["shortfall"].max()
        said = f"it falls short in {int(missing.sum()):,} of {len(first):,} intervals, by {worst:,.1f} at most"
    note = f", {merged} slots a point" if merged > 1 else ""
    text = f"People needed and scheduled: at most {first['need'].max():,.1f} are needed; {said}."
    title = f"People needed and scheduled{' · red: missing' if missing.any() else ''}{note}"
    return picture(title, text, alt.layer(*layers), 220)


def _shifts(table: pd.DataFrame) -> Picture:
    import altair as alt

    rows = table.nlargest(TOP_PATTERNS, "people", keep="first").sort_values(["start", "end", "days"])
    begin, end = _hours(rows["start"]), _hours(rows["end"])
    end = np.where(end <= begin, end + 24, end)
    words = rows["kind"] + " " + rows["days"] + " " + rows["start"] + "-" + rows["end"]
    frame = pd.DataFrame(
        {
            "shift": words + np.where(rows["breaks"] == "", "", " (" + rows["breaks"] + ")"),
            "from": begin,
            "to": end,
            "people": rows["people"].astype(float),
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
    text = f"Shifts to work, {shown} patterns; {int(rows['people'].sum()):,} of {int(table['people'].sum()):,} people."
    title = "Shifts to work" + (f", {shown}" if len(table) > len(rows) else "")
    return picture(title, text, alt.layer(bars, numbers), 22 * len(rows) + 40)


def _people(plan: pd.DataFrame) -> Picture:
    import altair as alt

    frame, _ = thin(plan, LINE_POINTS, {"agents": "max"})
    chart = (
        alt.Chart(compact(frame))
        .mark_area(interpolate="step-after", color=BLUE, opacity=0.5, line={"color": BLUE})
        .encode(
            x=alt.X("ds:T", title=None),
            y=alt.Y("agents:Q", title="people", axis=alt.Axis(tickMinStep=1)),
            tooltip=[_when(alt), "agents"],
        )
    )
    most = plan.iloc[int(plan["agents"].to_numpy().argmax())]
    peak = f"at most {most['agents']:,.1f}, at {most['ds']:%a %d %b %H:%M}"
    text = f"People on case work by {slot_name(plan['ds'])}: {peak}."
    return picture("People on case work", text, chart, 160)


def _waiting(plan: pd.DataFrame) -> Picture:
    import altair as alt

    bounds = {c: h for c, h in (("backlog_lo", "min"), ("backlog_hi", "max")) if c in plan.columns}
    frame, _ = thin(plan, LINE_POINTS, {"backlog": "mean", "late_open": "max", **bounds})
    frame = compact(frame)
    x, layers = alt.X("ds:T", title=None), []
    if bounds:
        band = alt.Chart(frame).mark_area(color=BLUE, opacity=0.2)
        layers.append(band.encode(x=x, y=alt.Y("backlog_lo:Q", title="cases"), y2="backlog_hi:Q"))
    names = {"backlog": "waiting", "late_open": "late"}
    long = frame[["ds", *names]].rename(columns=names).melt("ds", var_name="line", value_name="cases")
    scale = alt.Scale(domain=["waiting", "late"], range=[BLUE, RED])
    lines = alt.Chart(long).mark_line(strokeWidth=1.7)
    layers.append(
        lines.encode(
            x=x,
            y=alt.Y("cases:Q", title="cases"),
            color=alt.Color("line:N", title=None, scale=scale, legend=top(alt)),
            tooltip=[_when(alt), "line", alt.Tooltip("cases:Q", format=",.0f")],
        )
    )
    oldest = plan["age_s"].max() / 3600
    age = f", the oldest {oldest:,.0f} hours old" if np.isfinite(oldest) else ""
    text = (
        f"Cases that wait: {plan['backlog'].max():,.0f} at most{age}; {plan['backlog'].iloc[-1]:,.0f} at the end; "
        f"{plan['late'].sum():,.0f} break their promise."
    )
    return picture("Cases that wait", text, alt.layer(*layers), 220)


def _risk(plan: pd.DataFrame) -> Picture:
    import altair as alt

    frame, _ = thin(plan, LINE_POINTS, {"breach_risk": "max", "breach_by": "max"})
    names = {"breach_risk": "a promise breaks in the slot", "breach_by": "one has broken by then"}
    long = compact(frame.rename(columns=names).melt("ds", var_name="line", value_name="probability"))
    scale = alt.Scale(domain=list(names.values()), range=[ORANGE, RED])
    chart = (
        alt.Chart(long)
        .mark_line(interpolate="step-after", strokeWidth=1.6)
        .encode(
            x=alt.X("ds:T", title=None),
            y=alt.Y("probability:Q", axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("line:N", title=None, scale=scale, legend=top(alt, 2)),
            tooltip=[_when(alt), "line", alt.Tooltip("probability:Q", format=".0%")],
        )
    )
    text = f"Probability that a promise breaks: {plan['breach_by'].iloc[-1]:.0%} by the end of the plan."
    return picture("How likely promises break", text, chart, 180)


def _when(alt: Any) -> Any:
    return alt.Tooltip("ds:T", title="from", format="%a %d %b %H:%M")


def _hours(times: pd.Series[Any]) -> Any:
    parts = times.str.split(":", expand=True).astype(float)
    return (parts[0] + parts[1] / 60).to_numpy()
