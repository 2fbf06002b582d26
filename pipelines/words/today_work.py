"""Sentences on deferred work today: new cases, the backlog now, breaches by the evening, and agents short."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from .facts import Cell, Fact, Finding
from .figures import figure
from .today import FIGURES
from .words import format_queue

Tables = Mapping[str, pd.DataFrame]


def work_day_findings(day: Any, tables: Tables) -> list[Finding]:
    """Return the sentences on one queue.

    Parameters
    ----------
    day
        A :class:`~deskcast.pipelines.stages.today_work.WorkDay`.
    tables
        ``today_work``.
    """
    names = [day.queue.name, format_queue(day.queue.name)]
    said = [_so_far(day, tables)]
    if pd.notna(day.chance):
        said += [_evening(day, tables), _agents(day)]
    return [Finding(f, *f.facts, audience=f.audience, names=names) for f in said]


def _held(day: Any, tables: Tables, column: str, kind: str, rows: pd.DataFrame, take: Any = "sum") -> Fact:
    span = (rows["ds"].min(), rows["ds"].max())
    return Fact.at(
        Cell("today_work", column, {"queue": day.queue.name, "ds": span}, take), tables, kind, day.queue.name
    )


def _so_far(day: Any, tables: Tables) -> Finding:
    name, over = day.queue.name, day.rows[day.rows["y"].notna()]
    waits = figure(FIGURES, "open cases now", name, day.backlog)
    late = figure(FIGURES, "overdue cases now", name, day.overdue)
    open_now = f"{waits:open case} now, {late} of them overdue"
    if over.empty:
        return Finding(f"{format_queue(name)}: {open_now}.", waits, late)
    came, planned = (_held(day, tables, c, k, over) for c, k in (("y", "new so far"), ("planned", "plan so far")))
    end = over["ds"].max() + pd.Timedelta(seconds=day.queue.spec.interval_s)
    plan = "the issued plan has" if day.source == "issued" else "the morning's plan has"
    text = f"{format_queue(name)}: {came:new case} by {end:%H:%M}, {plan} {planned:about}; {open_now}."
    return Finding(text, came, planned, waits, late)


def _evening(day: Any, tables: Tables) -> Finding:
    name, rest = day.queue.name, day.rows[day.rows["y"].isna()]
    more = _held(day, tables, "reforecast", "new cases ahead today", rest)
    late = _held(day, tables, "breaches", "breaches by the evening", rest)
    due = figure(FIGURES, "cases due by the evening", name, day.due)
    waits, low, high = (
        _held(day, tables, c, f"{c} in the evening", rest, "last") for c in ("backlog", "backlog_lo", "backlog_hi")
    )
    chance = figure(FIGURES, "chance of no breach by the evening", name, day.chance, "probability")
    text = f"{format_queue(name)}: {more:about} more today. With the agents on, expect {late:about breach} among "
    text += f"{due:~case} due by the evening (chance of none {chance}), and {waits:about case} open, likely {low:~} to "
    return Finding(f"{text}{high:~}.", more, late, due, chance, waits, low, high)


def _agents(day: Any) -> Finding:
    """Report the intervals that lack agents, or how many could be spared."""
    name, rest = day.queue.name, day.rows[day.rows["y"].isna()]
    short = rest[rest["net"] < 0]
    said, step = format_queue(name), pd.Timedelta(seconds=day.queue.spec.interval_s)
    hours = day.queue.spec.interval_s / 3600
    if short.empty:
        spare = figure(FIGURES, "agent hours to spare", name, float(rest["net"].sum()) * hours)
        text = f"{said}: the agents of the plan are enough for the rest of the day"
        return (
            Finding(f"{text}; {spare:~agent hour} could be spared.", spare)
            if round(spare.value)
            else Finding(f"{text}.")
        )
    most = figure(FIGURES, "agents short", name, float(-short["net"].min()))
    lacking = figure(FIGURES, "agent hours short", name, max(float(-rest["net"].sum()) * hours, 0.0))
    when = f"from {short['ds'].min():%H:%M} to {short['ds'].max() + step:%H:%M}"
    text = f"{said}: understaffed by up to {most:agent} {when}"
    return Finding(f"{text}, {lacking:~agent hour} over the rest of the day.", most, lacking)
