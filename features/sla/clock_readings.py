"""The clocks of every promise, read at given cases and instants with what was known then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..arrays import Floats, Ints
from ..calendars.business_calendar import BusinessCalendar, to_index, to_micros
from ..calendars.open_intervals import US_PER_S
from ..case_log.asof import find_last_as_of
from ..case_log.log import CaseLog
from .breach_times import find_breach_times
from .clocks import (
    NEVER_US,
    MetricLifecycle,
    PolicyClock,
    Timeline,
    find_instant_after,
    find_timeline,
    measure_elapsed_us,
    run_policy_clocks,
    to_instants,
    trace_metric,
)
from .due_times import find_due_times, read_due_clock
from .policies import MetricPolicies, Policy
from .source_flags import find_source_decisions, is_breached_at_source

#: What one clock shows, beside when it is due and whether the promise is broken.
_READING_COLUMNS = ("left_s", "target_used", "paused", "paused_s", "pauses", "left_business_s", "desk_open")


def read_clocks(log: CaseLog, books: dict[str, MetricPolicies], metric: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Read the clock of one metric in full, and of every other how far it is used.

    Parameters
    ----------
    log
        A log with ``cases``, ``events`` and the policies of ``books``.
    metric
        The one in question.
    rows
        Columns ``case_id`` and ``at``, n rows.

    Returns
    -------
    DataFrame
        n rows: ``live`` (the clock may run), ``due_at`` and the columns of the metric; for another metric ``m``
        ``used_m``, ``left_m_s`` and ``breached_m``.
    """
    line = find_timeline(log, as_recorded=True, only=rows["case_id"])
    case = pd.Index(line.cases["case_id"]).get_indexer(pd.Index(rows["case_id"])).astype(np.int64)
    at = to_micros(rows["at"], "at")
    here = find_last_as_of(line.case, line.at, case, at)
    out: dict[str, Any] = {}
    for name, book in books.items():
        way = trace_metric(line, book)
        shown = _read_metric_clock(log, line, way, at, here)
        named = way.choice[here] >= 0
        if book.due:
            told = read_due_clock(line, way, find_due_times(log, name, line), at, here)
            broken, named = told.pop("broken"), told["due"] < NEVER_US
            shown |= told
        elif book.source:
            broken = is_breached_at_source(log, name, rows["case_id"], to_index(at), as_recorded=True)
        else:
            broken = shown.pop("broken_at") <= at
        held = pd.array(named, dtype="boolean")
        breached = pd.Series(broken, dtype="boolean").where(held | broken)
        if name != metric:
            out |= {f"used_{name}": shown["target_used"], f"left_{name}_s": shown["left_s"]}
            out[f"breached_{name}"] = breached.astype("float64")
            continue
        due = shown.pop("due")
        live = way.live[here]
        if book.source:
            decided = find_source_decisions(log, name, as_recorded=True).reindex(rows["case_id"])
            live = live & ~(decided.notna() & (to_micros(decided, "at") <= at)).to_numpy()
        out |= {"live": live, "due_at": to_instants(due), "already_breached": breached}
        out["left_wall_s"] = np.where(due == NEVER_US, np.nan, (np.where(due == NEVER_US, 0, due) - at) / US_PER_S)
        out |= {n: shown[n] for n in _READING_COLUMNS}
    return pd.DataFrame(out, index=rows.index)


def _read_metric_clock(log: CaseLog, line: Timeline, way: MetricLifecycle, at: Ints, here: Ints) -> dict[str, Any]:
    """Read the clock of one metric, for each row by the policy that holds then.

    Where that one is kept but an earlier one was broken, it is the one that was broken, as in the milestones.
    """
    tracks = run_policy_clocks(line, way)
    broken, breaker = find_breach_times(line, way, tracks)
    clock = way.clock[here]
    n = len(here)
    out: dict[str, Any] = {name: np.full(n, np.nan) for name in _READING_COLUMNS}
    out["due"] = np.full(n, NEVER_US)
    usual = next(iter(log.calendars.values())) if len(log.calendars) == 1 else None
    chosen = way.choice[here].copy()
    for number, run in tracks.items():
        mine = np.flatnonzero((chosen == number) & (broken[clock] <= at))
        kept = mine[_read(run, line, here[mine], at[mine]).get("left_s", np.zeros(len(mine))) >= 0]
        chosen[kept] = np.where(breaker[clock[kept]] >= 0, breaker[clock[kept]], number)
    for number, run in tracks.items():
        mine = np.flatnonzero(chosen == number)
        read = _read(run, line, here[mine], at[mine]) | _pauses(run, line, here[mine], at[mine])
        business = run.policy.calendar if _is_business(run.policy) else None
        if business is not None:
            read["left_business_s"] = read["left_s"]
        desk = business or usual
        if desk is not None:
            read["desk_open"] = desk.is_open(to_index(at[mine])).astype(float)
        for name, values in read.items():
            out[name][mine] = values
    out["broken_at"] = broken[clock]
    return out


def _is_business(policy: Policy) -> bool:
    return policy.has_target and policy.calendar != BusinessCalendar.always()


def _read(run: PolicyClock, line: Timeline, here: Ints, at: Ints) -> dict[str, Any]:
    """Return time left, share used, due time and whether paused on one policy's clock."""
    i = np.searchsorted(run.rows, here)
    paused = run.paused[i].astype(float)
    if not run.policy.has_target:
        return {"paused": paused}
    used = run.used[i].copy()
    runs = np.flatnonzero(run.running[i])
    used[runs] += measure_elapsed_us(run.policy, line.at[here[runs]], at[runs])
    target = round(run.policy.target_s * US_PER_S)
    due = run.due[i].copy()
    waits = np.flatnonzero((due == NEVER_US) & (used < target))
    due[waits] = find_instant_after(run.policy, at[waits], target - used[waits])
    return {"left_s": (target - used) / US_PER_S, "target_used": used / target, "due": due, "paused": paused}


def _pauses(run: PolicyClock, line: Timeline, here: Ints, at: Ints) -> dict[str, Floats]:
    """Return for how long (calendar time) and how often the clock was paused so far."""
    i = np.searchsorted(run.rows, here)
    first = line.first[run.rows]
    begins = np.maximum.accumulate(np.where(first, np.arange(len(first)), 0)) if len(first) else run.rows
    spans = np.where(run.paused, line.then[run.rows] - line.at[run.rows], 0)
    before = np.cumsum(spans) - spans
    starts = np.cumsum(run.paused & (first | ~np.append(False, run.paused[:-1])[: len(first)]))
    was = starts[begins[i]] - run.paused[begins[i]]
    so_far = before[i] - before[begins[i]] + np.where(run.paused[i], at - line.at[here], 0)
    return {"paused_s": so_far / US_PER_S, "pauses": (starts[i] - was).astype(float)}
