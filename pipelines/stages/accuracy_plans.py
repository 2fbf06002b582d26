"""Issued plans of deferred work and issued shift schedules against what has come since."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.calendars.business_calendar import BusinessCalendar
from ...features.calendars.opening_hours import parse_opening_hours
from ...features.errors import InputError
from ...features.kpis.kpi_history import kpi_history, series
from ...forecasting.scheduling.opening import days_worked
from ...forecasting.scheduling.shift_patterns import ShiftPattern, coverage_matrix
from ...forecasting.staffing.target import QueueTarget
from ..project.project import Project
from .accuracy_volumes import find_contacts
from .planned_load import staffed_calls_by
from .queue import PlannedQueue, interval_freq, only_segment

_DAY_S = 86400.0


def casework_table(project: Project, issued: pd.DataFrame, outcomes: pd.DataFrame | None) -> pd.DataFrame:
    """Return how plans of deferred work compare with the cases that came, the backlog and the breaches.

    Parameters
    ----------
    project
        Its log tells what came.
    issued
        What :func:`~deskcast.pipelines.state.issued.read_issued` returns of ``casework``.
    outcomes
        ``case_id, label, due_at`` of the resolution SLA; ``None`` where there is none.

    Returns
    -------
    One row a queue and day ahead: ``queue``, ``lead``, ``n`` (intervals), ``arrived_forecast`` and ``arrived`` (cases),
    ``wape`` of these, ``agent_hours`` (planned) and ``agent_hours_required`` (work of the cases that came, by the
    handle time and occupancy of now), ``bias`` of these, ``backlog`` and ``backlog_actual`` (open cases, mean over the
    intervals), ``breaches`` (planned) and ``breaches_actual`` (due in these intervals; missing without outcomes).
    """
    parts = []
    for name, rows in issued.groupby("scope", sort=True):
        spec = project.config.staffing.get(str(name))
        if spec is None or spec.kind != "cases":
            continue  # the queue is no longer configured: what was issued of it stays undecided
        try:
            queue = PlannedQueue(project, str(name), spec)
            parts.append(_casework_rows(queue, rows, cases_by_interval(queue, rows["ds"].min(), outcomes)))
        except InputError:
            continue
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def cases_by_interval(queue: PlannedQueue, first: pd.Timestamp, outcomes: pd.DataFrame | None) -> pd.DataFrame:
    """Return cases that came, cases open at the end and breaches due, by interval from a first one that is over."""
    log, step = queue.project.log, pd.Timedelta(seconds=queue.spec.interval_s)
    history = kpi_history(log, ["cases_opened", "backlog"], tuple(queue.where), interval_freq(queue.spec.interval_s))
    history = only_segment(history, queue.where)
    found: pd.DataFrame = series(history, "cases_opened").groupby("ds")[["y"]].sum().reset_index()
    open_cases = series(history, "backlog").groupby("ds")["y"].sum()
    end = pd.Timestamp(log.until).tz_convert(log.timezone).tz_localize(None)
    found = found[(found["ds"] >= first) & (found["ds"] + step <= end)]
    found = found.assign(open=found["ds"].map(open_cases), late=np.nan)
    if outcomes is not None and "due_at" in outcomes:
        cases = only_segment(log.frame(log.table("cases").select("case_id", *queue.where)), queue.where)
        due = outcomes[outcomes["case_id"].isin(cases["case_id"]) & outcomes["label"].astype("boolean").fillna(False)]
        local = due["due_at"].dt.tz_convert(log.timezone).dt.tz_localize(None).dt.floor(step)
        found["late"] = found["ds"].map(local.value_counts()).fillna(0.0)
    return found


def _casework_rows(queue: PlannedQueue, rows: pd.DataFrame, came: pd.DataFrame) -> pd.DataFrame:
    both = rows.assign(lead=find_days_ahead(rows)).merge(came, on="ds")
    both["error"] = (both["arrived"] - both["y"]).abs()
    total = both.groupby("lead").agg(
        n=("ds", "size"),
        arrived_forecast=("arrived", "sum"),
        arrived=("y", "sum"),
        error=("error", "sum"),
        agents=("agents", "sum"),
        backlog=("backlog", "mean"),
        backlog_actual=("open", "mean"),
        breaches=("breaches", "sum"),
        breaches_actual=("late", lambda late: late.sum(min_count=1)),
    )
    hours = total.pop("agents") * queue.hours
    required = total["arrived"] * queue.handle_time[0] / 3600 / (queue.spec.max_occupancy or 1.0)
    total.insert(3, "wape", total.pop("error") / total["arrived"].where(total["arrived"] > 0))
    total.insert(4, "agent_hours", hours)
    total.insert(5, "agent_hours_required", required)
    total.insert(6, "bias", (hours - required) / required.where(required > 0))
    out: pd.DataFrame = total.reset_index()
    out.insert(0, "queue", queue.name)
    return out


def find_days_ahead(rows: pd.DataFrame) -> pd.Series:
    """Return how many days ahead of its issue each interval is, 1 for the first day.

    >>> ds = pd.to_datetime(["2024-03-04 22:00", "2024-03-05 08:00"])
    >>> find_days_ahead(pd.DataFrame({"issue_id": 1, "ds": ds})).tolist()
    [1, 2]
    """
    begins = rows.groupby("issue_id")["ds"].transform("min").dt.normalize()
    return pd.Series((rows["ds"].dt.normalize() - begins).dt.days + 1, index=rows.index)


def scheduled_by_interval(
    schedule: pd.DataFrame, ds: pd.Series, interval_s: float, calendar: BusinessCalendar | None = None
) -> Floats:
    """Return the agents of a shift schedule that are on contacts in each interval.

    Parameters
    ----------
    schedule
        ``kind``, ``agents``, ``days``, ``start``, ``end`` and ``breaks``, one row a shift.
    ds, interval_s
        Intervals that were planned, on the desk's own clock, rising, and their length.
    calendar
        Opening hours: no shift is worked on a day that is closed.

    Examples
    --------
    >>> shift = pd.DataFrame({"kind": "early", "agents": [2], "days": ["mon-fri"], "start": ["08:00"], "end": ["10:00"],
    ...                       "breaks": ["08:30-09:00"]})
    >>> ds = pd.Series(pd.date_range("2024-03-04 07:00", periods=4, freq="h"))
    >>> scheduled_by_interval(shift, ds, 3600).tolist()
    [0.0, 1.0, 2.0, 0.0]
    """
    patterns = [_read_shift(shift) for shift in schedule.to_dict("records")]
    at = pd.DatetimeIndex(ds)
    matrix = coverage_matrix(patterns, at, interval_s, days_worked(patterns, at, calendar, day_before=True))
    # the night before counts: its shifts end within the first interval's day
    return np.asarray(matrix @ schedule["agents"].to_numpy(dtype=float), dtype=float)


def _read_shift(shift: Mapping[Hashable, Any]) -> ShiftPattern:
    """Return the pattern of a shift as a schedule writes it."""
    hours = parse_opening_hours({str(shift["days"]): ["00:00-24:00"]})
    days = tuple(day for day, open_then in enumerate(hours) if open_then)
    begin, end = (_seconds(shift[name]) for name in ("start", "end"))
    breaks = []
    for text in str(shift["breaks"] or "").split(", ") if shift["breaks"] else ():
        first, last = (_seconds(part) for part in text.split("-"))
        breaks.append(((first - begin) % _DAY_S, (last - first) % _DAY_S))
    return ShiftPattern(str(shift["kind"]), days, begin, (end - begin) % _DAY_S or _DAY_S, tuple(breaks))


def _seconds(text: object) -> float:
    hours, minutes = str(text).split(":")
    return 3600.0 * int(hours) + 60.0 * int(minutes)


def schedule_table(project: Project, plans: pd.DataFrame, staffing: pd.DataFrame) -> pd.DataFrame:
    """Return how shift schedules compare with what the contacts that came would have required.

    Parameters
    ----------
    project
        Its log tells what came; targets are those of its queues.
    plans, staffing
        What :func:`~deskcast.pipelines.state.issued.read_issued` returns of ``plan`` and ``staffing``: a schedule is of
        the intervals that were planned on the same night.

    Returns
    -------
    One row a queue and day ahead: ``queue``, ``lead``, ``n`` (intervals), ``agent_hours`` (scheduled, on contacts),
    ``agent_hours_required`` (by the contacts that came), ``bias`` of these, ``understaffed_share`` and
    ``overstaffed_share`` (of intervals), ``service_level`` (expected of the scheduled agents, with the contacts that
    were forecast) and ``service_level_actual`` (observed).
    """
    parts = []
    for name, bodies in plans.groupby("scope", sort=True):
        spec = project.config.staffing.get(str(name))
        if spec is None or spec.kind == "cases":
            continue
        try:
            queue = PlannedQueue(project, str(name), spec)
            rows = _scheduled_rows(queue, bodies, staffing[staffing["scope"] == name])
            parts.append(_schedule_rows(queue, rows.merge(find_contacts(queue, rows["ds"].min()), on="ds")))
        except InputError:
            continue
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _scheduled_rows(queue: PlannedQueue, bodies: pd.DataFrame, staffing: pd.DataFrame) -> pd.DataFrame:
    """Return the planned intervals of a queue with the agents scheduled in each."""
    parts = [staffing.head(0).assign(lead=0, scheduled=0.0)]
    for row in bodies.itertuples():
        mine = staffing[staffing["as_of"] == row.as_of].sort_values("ds")
        if mine.empty:
            continue
        shifts = pd.DataFrame(json.loads(str(row.body)))
        there = scheduled_by_interval(shifts, mine["ds"], queue.spec.interval_s, queue.calendar)
        parts.append(mine.assign(lead=find_days_ahead(mine), scheduled=there))
    return pd.concat(parts, ignore_index=True)


def _schedule_rows(queue: PlannedQueue, both: pd.DataFrame) -> pd.DataFrame:
    if both.empty:
        return pd.DataFrame()
    came, planned = (staffed_calls_by(queue, both, "as_of", name).to_numpy() for name in ("y", "calls"))
    required = queue.target.require(came, both["aht_s"].to_numpy())["agents"].to_numpy()
    expected = _expect_service_level(queue.target, both.assign(calls=planned))
    sums = pd.DataFrame(
        {
            "lead": both["lead"],
            "n": 1,
            "agent_hours": both["scheduled"] * queue.hours,
            "agent_hours_required": required * queue.hours,
            "understaffed_share": both["scheduled"] < required,
            "overstaffed_share": both["scheduled"] > required,
            "service_level": expected * both["calls"],
            "calls": both["calls"],
            "in_time": both["in_time"],
            "decided": both["decided"],
        }
    )
    out = sums.groupby("lead", as_index=False).sum()
    needed, decided, calls = out["agent_hours_required"], out.pop("decided"), out.pop("calls")
    out.insert(4, "bias", (out["agent_hours"] - needed) / needed.where(needed > 0))
    for name in ("understaffed_share", "overstaffed_share"):
        out[name] = out[name] / out["n"]
    out["service_level"] = out["service_level"] / calls.where(calls > 0)
    out["service_level_actual"] = out.pop("in_time") / decided.where(decided > 0)
    out.insert(0, "queue", queue.name)
    return out


def _expect_service_level(target: QueueTarget, rows: pd.DataFrame) -> Floats:
    """Return the service level of the scheduled agents with the contacts that were forecast; 0 without agents."""
    level = np.zeros(len(rows))
    there = (rows["scheduled"] >= 1).to_numpy()
    some = rows[there]
    if len(some):
        level[there] = target.perform(some["calls"], some["aht_s"], some["scheduled"])["service_level"].to_numpy()
    return level
