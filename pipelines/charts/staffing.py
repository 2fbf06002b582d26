"""Pictures of staffing: agents by weekday and hour, required against scheduled agents, and backlogs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..words.facts import ROUNDING
from .axes import seconds, time_axis, value_axis
from .marks import Area, Line, Mark
from .palette import BLUE, GREY, RED
from .svg import MAX_LINE_POINTS, Chart, downsample, draw_chart, draw_heatmap

#: Queues that get a picture each, those with the most work first.
MAX_QUEUES_PLOTTED = 3
#: Days in a picture.
MAX_DAYS_PLOTTED = 7


def plot_staffing(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the agents to schedule of the largest queues by day and hour."""
    staffing = tables["staffing"]
    if "load" not in staffing.columns:
        return []
    found = [plot_agents(name, staffing[staffing["queue"] == name]) for name in _largest(staffing, "load")]
    return [chart for chart in found if chart is not None]


def plot_agents(queue: str, plan: pd.DataFrame) -> Chart | None:
    """Draw the agents to schedule of one queue by day and hour of the first week: the most of each hour.

    Parameters
    ----------
    queue
        Its name.
    plan
        ``ds`` and ``agents_to_schedule``.

    Examples
    --------
    >>> ds = pd.date_range("2024-03-04 08:00", periods=4, freq="30min")
    >>> chart = plot_agents("phone", pd.DataFrame({"ds": ds, "agents_to_schedule": [1, 2, 4, 3]}))
    >>> chart.title, chart.alt
    ('Agents to schedule, phone', 'Agents to schedule by day and hour, phone: at most 4, on Mon 4 Mar at 09:00.')
    """
    first = plan["ds"].min().normalize()
    rows = plan[(plan["ds"] < first + pd.Timedelta(days=MAX_DAYS_PLOTTED)) & (plan["agents_to_schedule"] > 0)]
    if rows.empty:
        return None
    whole = np.ceil(rows["agents_to_schedule"].astype(float) - ROUNDING)  # nobody can be scheduled in part
    hours, days = rows["ds"].dt.strftime("%H:00"), rows["ds"].dt.normalize()
    cells = whole.groupby([hours, days]).max().unstack().sort_index(axis="columns")
    names = [f"{day:%a} {day.day}" for day in cells.columns]
    top = rows.iloc[int(rows["agents_to_schedule"].to_numpy(dtype=float).argmax())]
    at = f"{top['ds']:%a} {top['ds'].day} {top['ds']:%b} at {top['ds']:%H:%M}"
    text = f"Agents to schedule by day and hour, {queue}: at most {whole.max():,.0f}, on {at}."
    return draw_heatmap(
        f"Agents to schedule, {queue}",
        text,
        cells.set_axis(names, axis="columns"),
        f"Agents, most of each hour, from {first:%a} {first.day} {first:%b}",
    )


def plot_shift_coverage(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw how shifts cover the queue that requires the most agents."""
    coverage = tables["coverage"]
    return [plot_schedule(coverage[coverage["queue"] == name], name) for name in _largest(coverage, "required")[:1]]


def plot_schedule(coverage: pd.DataFrame, queue: str = "") -> Chart:
    """Draw required and scheduled agents by interval, and where a schedule is understaffed.

    Parameters
    ----------
    coverage
        That of the :class:`Schedule` that :func:`shift_schedule` returns; its first week is drawn.
    queue
        Its name, for the title.

    Examples
    --------
    >>> from deskcast.forecasting.scheduling.schedule import shift_schedule
    >>> from deskcast.forecasting.scheduling.shift_patterns import shift_patterns
    >>> day = pd.DataFrame({"ds": pd.date_range("2024-03-04 08:00", periods=8, freq="h"), "required": 2.0})
    >>> found = shift_schedule(day, shift_patterns(lengths_s=[4 * 3600], first_start_s=28800))
    >>> plot_schedule(found.coverage, "phone").title
    'Required and scheduled agents, phone'
    """
    first = coverage[coverage["ds"] < coverage["ds"].min() + pd.Timedelta(days=MAX_DAYS_PLOTTED)]
    frame, merged = downsample(first, MAX_LINE_POINTS, {"required": "max", "scheduled": "min", "understaffed": "max"})
    at, required, scheduled = (
        seconds(frame["ds"]),
        frame["required"].to_numpy(float),
        frame["scheduled"].to_numpy(float),
    )
    marks: list[Mark] = [
        Line(at, required, GREY, "Required", step=True, width=1.4),
        Line(at, scheduled, BLUE, "Scheduled", step=True),
    ]
    missing = first["understaffed"] > 0
    said = "no interval is understaffed"
    if missing.any():
        short = np.where(frame["understaffed"].to_numpy(float) > 0, required, np.nan)
        marks.append(Line(at, short, RED, "Understaffed", step=True, width=2.4))
        worst = first["understaffed"].max()
        said = f"{int(missing.sum()):,} of {len(first):,} intervals are understaffed, by {worst:,.1f} agents at most"
    text = f"Required and scheduled agents: at most {first['required'].max():,.1f} are required; {said}."
    note = f", by {merged} intervals" if merged > 1 else ""
    y = value_axis(np.concatenate([required, scheduled]), "Agents", whole=True)
    return draw_chart(
        f"Required and scheduled agents{', ' + queue if queue else ''}{note}", text, time_axis(first["ds"]), y, marks
    )


def plot_casework(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw agents and backlog of the queue of deferred work that requires the most agents."""
    plan = tables["casework"]
    queue = _largest(plan, "agents")[0]
    return plot_backlog(plan[plan["queue"] == queue], queue)


def plot_backlog(plan: pd.DataFrame, queue: str = "") -> list[Chart]:
    """Draw a backlog plan or outlook: agents by day and hour, and the open cases with those that are overdue.

    Parameters
    ----------
    plan
        What :func:`backlog_plan` or :func:`backlog_outlook` returns; the latter has a likely range.
    queue
        Its name, for the titles.
    """
    if plan.empty:
        return []
    agents = plot_agents(queue or "deferred work", plan) if "agents_to_schedule" in plan.columns else None
    return [_backlog(plan, queue), *([agents] if agents else [])]


def _backlog(plan: pd.DataFrame, queue: str) -> Chart:
    bounds = {c: h for c, h in (("backlog_lo", "min"), ("backlog_hi", "max")) if c in plan.columns}
    frame, _ = downsample(plan, MAX_LINE_POINTS, {"backlog": "mean", "overdue_open": "max", **bounds})
    at, open_cases, late = seconds(frame["ds"]), frame["backlog"].to_numpy(float), frame["overdue_open"].to_numpy(float)
    marks: list[Mark] = [Line(at, open_cases, BLUE, "Open cases"), Line(at, late, RED, "Overdue, open")]
    values = [open_cases, late]
    if bounds:
        low, high = (frame[c].to_numpy(float) for c in bounds)
        marks.insert(0, Area(at, low, high, BLUE, "Likely range"))
        values.append(high)
    oldest = plan["age_s"].max() / 3600
    age = f", the oldest {oldest:,.0f} hours old" if np.isfinite(oldest) else ""
    text = (
        f"Open cases: {plan['backlog'].max():,.0f} at most{age}; {plan['backlog'].iloc[-1]:,.0f} at the end; "
        f"{plan['breaches'].sum():,.0f} breach their SLA."
    )
    y = value_axis(np.concatenate(values), "Cases")
    return draw_chart(f"Backlog, cases{', ' + queue if queue else ''}", text, time_axis(frame["ds"]), y, marks)


def _largest(frame: pd.DataFrame, value: str) -> list[str]:
    return [str(k) for k in frame.groupby("queue")[value].sum().nlargest(MAX_QUEUES_PLOTTED).index]
