"""A day of one queue as it was planned and as it came, and the mornings of past days."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ...features.errors import InputError
from ...forecasting.staffing.adherence import AWAY_ACTIVITIES, OFF_ACTIVITIES
from ..project.project import view_as_of
from ..state.database import read_state
from ..state.issued import read_issued
from .accuracy_plans import scheduled_by_interval
from .accuracy_volumes import find_contacts
from .measured import find_agents
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
    until = begin.tz_localize(project.log.timezone)
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


def read_present(queue: PlannedQueue, ds: pd.Series) -> pd.DataFrame | None:
    """Return agents on contacts, and on a break, by the planned time of each person; ``None`` where none is given."""
    log = queue.project.log
    if not log.has("schedules"):
        return None
    rows = log.table("schedules")
    step = pd.Timedelta(seconds=queue.spec.interval_s)
    first, last = (pd.Timestamp(t).tz_localize(log.timezone) for t in (ds.min(), ds.max() + step))
    plan = log.frame(rows.filter((rows.end > first) & (rows.start < last)))
    agents = find_agents(queue)
    plan = plan if agents is None else plan[plan["agent_id"].isin(agents)]
    if plan.empty:
        return None
    begin, end = (plan[c].dt.tz_convert(log.timezone).dt.tz_localize(None) for c in ("start", "end"))
    activity = plan["activity"].astype("str").str.strip().str.lower()
    pause, away = activity.isin(OFF_ACTIVITIES), activity.isin(AWAY_ACTIVITIES)
    out = pd.DataFrame({"ds": ds.to_numpy()})
    for name, mask in (("scheduled", ~pause & ~away), ("on_break", activity.eq("break"))):
        share = [
            float(((np.minimum(end[mask], t + step) - np.maximum(begin[mask], t)) / step).clip(lower=0).sum())
            for t in ds
        ]
        out[name] = share
    return out


def find_past_mornings(queue: PlannedQueue, day: pd.Timestamp) -> pd.DataFrame:
    """Return ``ds, forecast, y`` of past open days, each with the forecast of its own morning.

    What a run issued for its first day is taken as it was; other days are forecast from the days before them.
    """
    project = queue.project
    arrivals = queue_arrivals(project.log, queue.where, interval_freq(queue.spec.interval_s))
    arrivals = arrivals[arrivals["ds"] < day]
    by_day = arrivals.groupby(arrivals["ds"].dt.normalize())["y"].sum()
    days = list(by_day.index[by_day > 0][-MAX_PAST_DAYS:])
    with read_state(project.config.state_place) as state:
        issued = read_issued(state, "staffing", pd.Timestamp(project.as_of))
    issued = issued[issued["scope"] == queue.name]
    first = (
        issued["ds"].dt.normalize()
        == issued["as_of"].dt.tz_convert(project.log.timezone).dt.tz_localize(None).dt.normalize()
    )
    known = dict(iter(issued[first].groupby(issued.loc[first, "ds"].dt.normalize())))
    one_day = replace(queue, spec=replace(queue.spec, horizon_days=1))
    parts = []
    for date in days:
        if date in known:
            parts.append(
                known[date].drop_duplicates("ds", keep="last")[["ds", "calls"]].rename(columns={"calls": "forecast"})
            )
            continue
        past = arrivals[(arrivals["ds"] < date) & (arrivals["ds"] >= date - pd.Timedelta(days=HISTORY_DAYS))]
        try:
            ahead = one_day.forecast(past, windows=_WINDOWS)
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
    rows = rows.filter(rows.queued_at >= since.tz_localize(log.timezone))
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
