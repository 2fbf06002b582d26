"""Service level milestones: what was promised for a case, how much of it is used, and whether it held."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..arrays import Bools, Ints
from ..calendars.business_calendar import to_micros
from ..calendars.open_intervals import US_PER_S
from ..case_log.cache import compute_once
from ..case_log.events import find_public_since
from ..case_log.log import CaseLog
from ..partitions.by_case import by_case, find_parts
from ..partitions.shared import SharedFacts, open_part
from .breach_times import find_breach_times
from .clocks import (
    NEVER_US,
    MetricLifecycle,
    PolicyClock,
    Timeline,
    find_instant_after,
    find_timeline,
    is_recorded_later,
    measure_elapsed_us,
    run_policy_clocks,
    to_instants,
    trace_metric,
)
from .due_milestones import measure_due_milestones
from .policies import MetricPolicies, read_policies
from .source_flags import find_source_decisions, is_breached_at_source
from .spans import MilestoneSpans, find_spans

MILESTONE_COLUMNS = (
    "case_id",
    "metric",
    "policy",
    "cycle",
    "started_at",
    "paused_s",
    "target_s",
    "due_at",
    "stopped_at",
    "elapsed_s",
    "status",
    "decided_at",
)
_MILESTONE_KINDS = {
    **dict.fromkeys(["case_id", "metric", "policy", "status"], "str"),
    **dict.fromkeys(["paused_s", "target_s", "elapsed_s"], "float64"),
    "cycle": "int64",
    **dict.fromkeys(["started_at", "due_at", "stopped_at", "decided_at"], "datetime64[us, UTC]"),
}


def milestones(log: CaseLog, *, as_recorded: bool = False) -> pd.DataFrame:
    """Measure every SLA of every case at the end of the log: time used, time left, met or breached.

    =================== ============================================================ ===================================
    metric              the clock runs                                               and is met by
    =================== ============================================================ ===================================
    ``first_response``  from creation, while the case is open                        the first public agent reply
    ``next_response``   from the oldest unanswered message of the customer, after    the next public reply
                        the first reply, while the case is open
    ``resolution``      while the case is open                                       its resolution or closing
    ``closing``         until the case is closed                                     its closing
    ``requester_wait``  while it is open and not pending                             its resolution or closing
    ``agent_work``      while it is open, not pending and not on hold                its resolution or closing
    ``pausable_update`` from each public reply, while it is open and not pending     the next public reply
    ``periodic_update`` from each public reply, while it is open                     the next public reply
    =================== ============================================================ ===================================

    The clock stands still while the case is paused: in a status of the policy's ``pause_on``, or else in those of its
    preset and metric as above, or else between the events ``paused`` and ``resumed``; ``pause_on = "never"`` lets
    nothing stop it. Columns of the policies, or their ``preset``, choose the rest
    (:data:`deskcast.features.sla.presets.POLICY_OPTIONS`):

    * ``match``: the first policy for the priority in force before one for any (``priority``), the first row that fits
      (``row``), or the first policy that fits, even if it has no target for the metric (``policy``). A policy fits a
      case that has what its ``when`` asks for, such as ``channel = phone|chat; product = p1``.
    * ``on_change``: a change of priority changes the target and keeps the time that has run (``keep``, a retroactive
      start), cancels the old promise and starts a new clock (``reset``), or changes nothing until the next cycle
      (``fixed``).
    * ``cycles``: after an end and a re-opening the same clock goes on (``continue``), a new one starts (``restart``),
      or nothing follows (``once``). Turns of the conversation always start a new one.
    * ``versions``: the version valid when the case was created (``creation``), or when the clock last started or the
      priority last changed (``event``).
    * ``starts``: the first response to a case that an agent opened with an internal note is promised from its creation
      on (``creation``), or from the first public message of its customer on (``asked``).

    A promise holds from the creation of its case on. It is broken once more time than its target is used, even if the
    case is still open, and stays broken: where the desk closes at ``due_at``, what comes before it opens again is in
    time. A reply or an end that is dated more than a minute before its case says nothing: neither met nor broken, and
    what stops later on the same clock is no more than broken.

    Parameters
    ----------
    log
        A log with ``cases``, ``events`` and ``sla_policies``, and the calendars that the policies name.
    as_recorded
        Date an event at the instant from which it was known (``recorded_at``), rather than when it happened.

    Returns
    -------
    DataFrame
        One row for each case, metric and cycle for which a policy ever held, in that order:

        * ``policy``, ``target_s``: the policy that holds at the end of the cycle (the last one that did); where that
          one is kept but an earlier one was broken, the one that was broken
        * ``started_at`` of the clock (the creation, where cycles continue), ``stopped_at`` (reply, resolution or
          closing; missing where there is none)
        * ``elapsed_s``: time used; ``paused_s``: time since the start that does not count (both on the policy's clock).
          Where no policy holds any more, both stand still
        * ``due_at``: when the target is used up; it moves with pauses, and while a case is paused it is what it
          would be if it resumed now
        * ``status``: ``met``, ``breached`` (finished or not), ``running``, ``paused``, ``cancelled`` (merged, ended
          without the reply or update that was due, or no policy holds any more), or ``unknown`` (stopped, or ended
          on the way, before its case was created, so that no time is known)
        * ``decided_at``: the instant from which met or breached is known

        With ``clock = "source"`` the exporting system decides: a flag of the metric's name that is ``false`` when the
        case closes, or before when the system says ``decided``, is a breach; target and due time are missing. First
        responses are left out where the log cannot say who acts. Without policies there are no rows.

    Raises
    ------
    InputError
        If the log has no events, or a policy cannot be used.

    Notes
    -----
    The presets follow what Zendesk, Salesforce, ServiceNow and Jira document; the pages stand beside them in
    :mod:`deskcast.features.sla.presets`. An event that was recorded late counts at the time when it happened, but only
    in logs that end after it was recorded: ``log.as_of(t)`` holds what was known at ``t``.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    >>> events = pd.DataFrame({"case_id": ["1"], "at": ["2024-03-01T10:30Z"], "kind": ["resolved"]})
    >>> policies = pd.DataFrame({"policy": ["all"], "metric": ["resolution"], "target_s": [7200], "clock": "calendar"})
    >>> log = CaseLog.from_frames(cases=cases, events=events, sla_policies=policies)
    >>> milestones(log)[["case_id", "metric", "elapsed_s", "target_s", "status"]].to_dict("records")
    [{'case_id': '1', 'metric': 'resolution', 'elapsed_s': 5400.0, 'target_s': 7200.0, 'status': 'met'}]
    """
    as_recorded = as_recorded and is_recorded_later(log)
    found = compute_once(
        log,
        f"milestones {'as recorded' if as_recorded else 'as happened'}",
        lambda: _build_milestones(log, as_recorded),
    )
    return found.copy(deep=False)


def _build_milestones(log: CaseLog, as_recorded: bool) -> pd.DataFrame:
    books = read_policies(log)
    if not books:
        return _typed(pd.DataFrame({c: [] for c in MILESTONE_COLUMNS}))
    if (parts := find_parts(log)) > 1:
        return milestones_in_parts(log, as_recorded, parts)
    return _typed(_measure_milestones(log, books, as_recorded))


def milestones_in_parts(log: CaseLog, as_recorded: bool, parts: int | None = None) -> pd.DataFrame:
    """Measure the milestones of a log with policies part by part; see :func:`deskcast.features.partitions.by_case`."""
    known = {("public since", as_recorded): find_public_since(log, as_recorded)}
    make = partial(_make_milestones, as_recorded=as_recorded)
    return _ordered(by_case(log, make, _MILESTONE_KINDS, parts, known=known))


def _make_milestones(
    cases: pd.DataFrame, moments: pd.DataFrame | None, shared: SharedFacts, *, as_recorded: bool
) -> pd.DataFrame:
    log = open_part(cases, moments, shared)
    return _measure_milestones(log, read_policies(log), as_recorded)


def _measure_milestones(log: CaseLog, books: dict[str, MetricPolicies], as_recorded: bool) -> pd.DataFrame:
    line = find_timeline(log, as_recorded=as_recorded)
    if not log.has("events", "actor_role"):  # no event could ever be the reply of an agent
        books = {metric: book for metric, book in books.items() if book.source or metric != "first_response"}
    if not books:
        return pd.DataFrame({c: [] for c in MILESTONE_COLUMNS})
    parts = [_of_metric(log, line, book, as_recorded) for book in books.values()]
    return pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True)


def _of_metric(log: CaseLog, line: Timeline, book: MetricPolicies, as_recorded: bool) -> pd.DataFrame:
    if book.source:
        return _source(log, line, book, as_recorded)
    return measure_due_milestones(log, line, book, as_recorded=as_recorded) if book.due else _measured(line, book)


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    return _ordered(frame.astype(_MILESTONE_KINDS))


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[list(MILESTONE_COLUMNS)].sort_values(["case_id", "metric", "cycle"], ignore_index=True)


def _measured(line: Timeline, book: MetricPolicies) -> pd.DataFrame:
    """Milestones of a metric that is measured here."""
    way = trace_metric(line, book)
    tracks = run_policy_clocks(line, way)
    broken, breaker = find_breach_times(line, way, tracks)
    spans = find_spans(line, way)
    holds = way.choice[spans.row] >= 0
    clock = way.clock[spans.row]
    late = broken[clock]
    was_broken = np.where(spans.open_end, late <= spans.now, late < spans.now)
    policy = way.choice[spans.held].copy()
    for number, run in tracks.items():
        mine = np.flatnonzero((policy == number) & was_broken)
        kept = mine[~_is_passed(run, spans.held[mine])]
        policy[kept] = breaker[clock[kept]]
    status = np.select(
        [
            spans.unknown,
            was_broken,
            spans.stopped & holds & spans.unsure,
            spans.stopped & holds,
            spans.open_end & holds,
        ],
        ["unknown", "breached", "unknown", "met", "running"],
        "cancelled",
    )
    decided = np.select([status == "breached", status == "met"], [late, spans.now], NEVER_US)
    parts = []
    for number, run in tracks.items():
        mine = np.flatnonzero(policy == number)
        parts += [_of_policy(line, way, run, spans.pick(mine), status[mine], decided[mine])]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({c: [] for c in MILESTONE_COLUMNS})


def _is_passed(run: PolicyClock, row: Ints) -> Bools:
    """Return whether more time than the target of a policy is used at the end of some rows."""
    here = np.searchsorted(run.rows, row)
    return np.asarray(run.used[here] + run.spent[here] > round(run.policy.target_s * US_PER_S), dtype=bool)


def _of_policy(
    line: Timeline, way: MetricLifecycle, run: PolicyClock, spans: MilestoneSpans, status: Any, decided: Ints
) -> pd.DataFrame:
    """Milestones that are read on the clock of this policy."""
    row, now = spans.held, spans.now
    here = np.searchsorted(run.rows, row)
    clock = way.clock[row]
    elapsed = run.used[here] + run.spent[here]
    started = line.at[way.begins][clock]
    target = round(run.policy.target_s * US_PER_S)
    due = run.due[here].copy()
    unknown = (due == NEVER_US) & (elapsed < target)
    due[unknown] = find_instant_after(run.policy, now[unknown], target - elapsed[unknown])
    unknown = status == "unknown"
    return pd.DataFrame(
        {
            "case_id": line.cases["case_id"].to_numpy()[line.case[row]],
            "metric": run.policy.metric,
            "policy": run.policy.policy,
            "cycle": way.cycle[spans.row],
            "started_at": to_instants(started),
            "paused_s": np.where(unknown, np.nan, (measure_elapsed_us(run.policy, started, now) - elapsed) / US_PER_S),
            "target_s": run.policy.target_s,
            "due_at": to_instants(due),
            "stopped_at": to_instants(np.where(spans.stopped & ~spans.unknown, spans.ended, NEVER_US)),
            "elapsed_s": np.where(unknown, np.nan, elapsed / US_PER_S),
            "status": np.where((status == "running") & run.paused[here], "paused", status),
            "decided_at": to_instants(decided),
        }
    )


def _source(log: CaseLog, line: Timeline, book: MetricPolicies, as_recorded: bool = False) -> pd.DataFrame:
    """Milestones that the exporting system decides: when it says so, or by its flag at the first closing."""
    way = trace_metric(line, book)
    held = way.choice[line.first] >= 0
    spans = find_spans(line, way)
    spans = spans.pick(held[line.case[spans.row]] & (way.cycle[spans.row] == 1))
    case, stopped, open_end, now = line.case[spans.row], spans.stopped, spans.open_end, spans.ended
    told = find_source_decisions(log, book.metric, as_recorded=as_recorded).reindex(line.cases["case_id"].iloc[case])
    decided = np.where(told.notna(), np.maximum(to_micros(told, "at"), line.at[line.first][case]), NEVER_US)
    sooner = (decided < NEVER_US) & (decided <= now)
    now, stopped, open_end = np.where(sooner, decided, now), stopped | sooner, open_end & ~sooner
    frame = pd.DataFrame(
        {
            "case_id": line.cases["case_id"].to_numpy()[case],
            "metric": book.metric,
            "policy": [book.policies[n].policy for n in way.choice[line.first][case]],
            "cycle": 1,
            "started_at": to_instants(line.at[line.first][case]),
            "paused_s": np.nan,
            "target_s": np.nan,
            "due_at": to_instants(np.full(len(case), NEVER_US)),
            "stopped_at": to_instants(np.where(stopped, now, NEVER_US)),
            "elapsed_s": np.where(spans.unknown & ~sooner, np.nan, (now - line.at[line.first][case]) / US_PER_S),
        }
    )
    false = is_breached_at_source(log, book.metric, frame["case_id"], to_instants(now), as_recorded=as_recorded)
    frame["status"] = np.select([stopped & false, stopped, open_end], ["breached", "met", "running"], "cancelled")
    frame["decided_at"] = frame["stopped_at"]
    return frame
