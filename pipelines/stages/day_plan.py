"""A day of one queue as it was planned and as it came, and the mornings of past days."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pandas as pd

from ...features.calendars.instants import parse_instant
from ...features.errors import InputError
from ...features.kpis.kpi_history import series
from ..project.project import view_as_of
from ..state.database import read_state
from ..state.issued import read_issued
from .accuracy_plans import scheduled_by_interval
from .accuracy_volumes import find_contacts
from .queue import PlannedQueue, interval_freq, queue_arrivals
from .staff import plan_queue

#: Past open days that a re-forecast learns from, and days of history that their mornings are forecast from.
MAX_PAST_DAYS, HISTORY_DAYS = 30, 182
#: Past origins that the intervals of those forecasts rest on: they are not used.
_WINDOWS = 3
#: Handle times of an interval count once so large a share of contacts would have ended that were queued at its end.
ENDED_SHARE = 0.95


@dataclass(frozen=True)
class DayPlan:
    """What was planned for a day.

    Attributes
    ----------
    rows
        ``ds, calls, aht_s, agents`` (required by the plan) of each interval, and ``scheduled`` (agents of the shifts,
        on contacts) and ``on_break`` where shifts are known.
    source
        ``issued`` by a run, or ``morning``: computed from what was known when the day began.
    """

    rows: pd.DataFrame
    source: str


def read_day_plan(queue: PlannedQueue, day: pd.Timestamp) -> DayPlan:
    """Return the plan of a day: the last one that was issued before it, else that of its morning.

    Raises
    ------
    InputError
        If the queue cannot be planned on that morning.
    """
    project = queue.project
    begin, end = day, day + pd.Timedelta(days=1)
    until = parse_instant(begin, project.log.timezone)
    with read_state(project.config.state_place) as state:
        staffing, plans = (read_issued(state, kind, until) for kind in ("staffing", "plan"))
    mine = staffing[(staffing["scope"] == queue.name) & (staffing["ds"] >= begin) & (staffing["ds"] < end)]
    if mine.empty:
        morning = replace(queue, project=view_as_of(project, begin.strftime("%Y-%m-%d %H:%M")))
        plan, _ = plan_queue(morning)
        rows = plan[(plan["ds"] >= begin) & (plan["ds"] < end)]
        return DayPlan(rows[["ds", "calls", "aht_s", "agents"]].reset_index(drop=True), "morning")
    last = mine[mine["as_of"] == mine["as_of"].max()].sort_values("ds")
    rows = last[["ds", "calls", "aht_s", "agents"]].reset_index(drop=True)
    bodies = plans[(plans["scope"] == queue.name) & (plans["as_of"] == last["as_of"].iloc[0])]
    if len(bodies):
        shifts = pd.DataFrame(json.loads(str(bodies["body"].iloc[-1])))
        with_breaks = shifts.assign(breaks="")
        there, all_there = (
            scheduled_by_interval(s, rows["ds"], queue.spec.interval_s, queue.calendar) for s in (shifts, with_breaks)
        )
        rows = rows.assign(scheduled=there, on_break=all_there - there)
    return DayPlan(rows, "issued")


def find_past_mornings(queue: PlannedQueue, day: pd.Timestamp) -> pd.DataFrame:
    """Return ``ds, forecast, y`` of past open days, each with the forecast of its own morning.

    What a run issued before a day opened is taken as it was; other days are forecast from the days before them.
    """
    project = queue.project
    arrivals, context = _read_arrivals(queue)
    arrivals = arrivals[arrivals["ds"] < day]
    by_day = arrivals.groupby(arrivals["ds"].dt.normalize())["y"].sum()
    days = list(by_day.index[by_day > 0][-MAX_PAST_DAYS:])
    with read_state(project.config.state_place) as state:
        issued = read_issued(state, "staffing", pd.Timestamp(project.as_of))  # those of deferred work have other steps
    known = _find_issued_mornings(issued[issued["scope"] == queue.name], arrivals, project.log.timezone)
    one_day = replace(queue, spec=replace(queue.spec, horizon_days=1))
    parts = []
    for date in days:
        if date in known:
            parts.append(known[date])
            continue
        past = arrivals[(arrivals["ds"] < date) & (arrivals["ds"] >= date - pd.Timedelta(days=HISTORY_DAYS))]
        try:
            ahead = one_day.forecast(past, windows=_WINDOWS, **context)
        except InputError:
            continue  # too little was known that early
        ahead = ahead[(ahead["ds"] >= date) & (ahead["ds"] < date + pd.Timedelta(days=1))]
        parts.append(ahead[["ds", "deskcast"]].rename(columns={"deskcast": "forecast"}))
    if not parts:
        return pd.DataFrame(
            {"ds": arrivals["ds"].head(0), "forecast": pd.Series(dtype=float), "y": pd.Series(dtype=float)}
        )
    rows = pd.concat(parts, ignore_index=True)
    found: pd.DataFrame = rows[rows["forecast"] > 0].merge(arrivals[["ds", "y"]], on="ds")
    return found.sort_values("ds", ignore_index=True)


def _read_arrivals(queue: PlannedQueue) -> tuple[pd.DataFrame, dict[str, None]]:
    """Return what arrives in a queue by interval, and what its forecast is told: cases come at all hours."""
    if queue.spec.kind != "cases":
        return queue_arrivals(queue.project.log, queue.where, interval_freq(queue.spec.interval_s)), {}
    found = series(queue.arrivals("cases_opened"), "cases_opened")
    return found.groupby("ds", as_index=False)["y"].sum().assign(unique_id=queue.name), {"calendar": None}


def _find_issued_mornings(
    issued: pd.DataFrame, arrivals: pd.DataFrame, timezone: str
) -> dict[pd.Timestamp, pd.DataFrame]:
    """Return ``ds, forecast`` by day as issued on that day before anything arrived: a later run has seen its morning.

    >>> ds = pd.to_datetime(["2024-03-04T08:00", "2024-03-04T09:00"])
    >>> issued = pd.DataFrame({"ds": ds[[0, 1, 1]], "calls": [9.0, 8.0, 5.0],
    ...     "as_of": pd.to_datetime(["2024-03-04T06:00Z", "2024-03-04T06:00Z", "2024-03-04T09:00Z"])})
    >>> found = _find_issued_mornings(issued, pd.DataFrame({"ds": ds, "y": [7.0, 7.0]}), "UTC")
    >>> [rows["forecast"].tolist() for rows in found.values()]
    [[9.0, 8.0]]
    """
    some = arrivals[arrivals["y"] > 0]
    opened = some.groupby(some["ds"].dt.normalize())["ds"].min()
    day, at = issued["ds"].dt.normalize(), issued["as_of"].dt.tz_convert(timezone).dt.tz_localize(None)
    early = issued[(day == at.dt.normalize()) & (at <= day.map(opened))]
    last = early.sort_values("as_of", kind="stable").drop_duplicates("ds", keep="last")
    rows = last[["ds", "calls"]].rename(columns={"calls": "forecast"})
    return {pd.Timestamp(str(one)): part for one, part in rows.groupby(rows["ds"].dt.normalize())}


def read_handle_times(queue: PlannedQueue, since: pd.Timestamp) -> pd.DataFrame:
    """Return ``ds``, ``n`` (handled contacts) and ``handle_s`` (their handle time) of intervals whose contacts ended.

    Of an interval that is just over, only the short contacts have: it counts once it is as old as most contacts last.
    """
    log = queue.project.log
    columns = ["ds", "n", "handle_s"]
    if queue.spec.aht_s is not None or not log.has("contacts", "answered_at", "ended_at", *queue.where):
        return pd.DataFrame({"ds": pd.Series(dtype="datetime64[us]"), "n": [], "handle_s": []})[columns]
    rows = log.table("contacts")
    rows = rows.filter(rows.answered_at.notnull() & rows.ended_at.notnull())
    rows = rows.filter(rows.queued_at >= parse_instant(since, log.timezone))
    for column, value in queue.where.items():
        rows = rows.filter(rows[column] == value)
    frame = log.frame(rows)
    seconds = (frame["ended_at"] - frame["answered_at"]).dt.total_seconds()
    if "wrap_s" in frame and frame["wrap_s"].notna().any():
        seconds = seconds + frame["wrap_s"].fillna(frame["wrap_s"].mean())
    step = pd.Timedelta(seconds=queue.spec.interval_s)
    ds = frame["queued_at"].dt.tz_convert(log.timezone).dt.tz_localize(None).dt.floor(step)
    out = pd.DataFrame({"ds": ds, "n": 1.0, "handle_s": seconds}).groupby("ds", as_index=False).sum()
    end = pd.Timestamp(log.until).tz_convert(log.timezone).tz_localize(None)
    lasted = seconds + (frame["answered_at"] - frame["queued_at"]).dt.total_seconds()
    last = end - pd.Timedelta(seconds=float(lasted.quantile(ENDED_SHARE))) if len(lasted) else end
    return out.loc[out["ds"] + step <= last, columns]


def find_day_contacts(queue: PlannedQueue, day: pd.Timestamp) -> pd.DataFrame:
    """Return ``ds, y, in_time, decided`` of the intervals of a day that are over."""
    found = find_contacts(queue, day)
    return found[found["ds"] < day + pd.Timedelta(days=1)].reset_index(drop=True)
