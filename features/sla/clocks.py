"""What moves a case's service level clock, and how far it has run at each of those moments.

A timeline holds one row for each moment of a case that can start, stop or pause a clock or change its target. A
track reads it with the eyes of one policy. All times are whole microseconds, so that sums are exact and a case's
figures do not depend on the cases around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import ibis
import numpy as np
import pandas as pd

from ..arrays import Bools, Ints
from ..calendars.business_calendar import to_index, to_micros
from ..calendars.open_intervals import MISSING_INSTANT, US_PER_S
from ..case_log.cache import compute_once
from ..case_log.events import (
    MAX_CLOCK_SKEW_S,
    add_missing_event_columns,
    find_public_since,
    is_public,
    select_event_time,
)
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..partitions.by_case import find_parts
from .policies import MetricPolicies, Policy, condition_columns, read_policies
from .presets import TURN_METRICS

#: Code of each moment; ``start`` is the creation, ``reply`` the first public message by a human agent, ``answer`` a
#: later one, ``asked`` a public message by the customer, ``noted`` an internal one by an agent, which may open a case.
#: The last three are fetched where a policy needs them.
_MOMENTS = "start paused resumed resolved closed merged reopened priority status reply answer asked noted"
MOMENT_CODES = {name: code for code, name in enumerate(_MOMENTS.split())}
_END_EVENT_KINDS = ("resolved", "closed", "merged")
#: What is written so soon after a case was created is its opening: systems save the two one after the other.
OPENING_US = 5 * US_PER_S
#: An instant that never comes, later than all others.
NEVER_US = int(np.iinfo(np.int64).max)


@dataclass(frozen=True)
class Timeline:
    """Moments of all cases, by case and time; row ``i`` holds from ``at[i]`` until ``then[i]``.

    ``case`` is the position in ``cases`` (case_id, created_at, priority and what the policies ask for; by case_id),
    ``first`` and ``last`` mark the ends of a case's rows, ``then`` of the last row is the end of the log. What is
    dated before its case counts at the creation; ``backwards`` marks where that is more than clocks may differ by, so
    that no duration is known.
    """

    cases: pd.DataFrame
    case: Ints
    at: Ints
    then: Ints
    code: Ints
    value: pd.Series[Any]
    backwards: Bools
    first: Bools
    last: Bools
    until: int

    def is_kind(self, *names: str) -> Bools:
        """Mark the rows of those moments."""
        return np.isin(self.code, [MOMENT_CODES[n] for n in names])

    @cached_property
    def statuses(self) -> pd.Series[Any]:
        """The new status of each row that changes it, in small letters: read once for all policies, as text is slow."""
        return self.value.where(self.is_kind("status")).str.casefold()

    def state(self, on: Bools, off: Bools) -> Bools:
        """Return after each row whether ``on`` was seen later than ``off`` (or the first row) in the case."""
        rows = np.arange(len(self.at))
        seen = np.maximum.accumulate(np.where(on | off | self.first, rows, 0))
        return on[seen]

    def before(self, state: Bools) -> Bools:
        """Return the state before each row; false before a case begins."""
        return np.append(False, state[:-1])[: len(state)] & ~self.first

    def pick(self, only: pd.Series[Any]) -> Timeline:
        """Return the moments of some cases: what :func:`fetch_timeline` gives for these alone."""
        wanted = self.cases["case_id"].isin(pd.Series(only, dtype="str")).to_numpy(dtype=bool)
        rows, number = wanted[self.case], np.cumsum(wanted) - 1
        case, at, then, code = (x[rows] for x in (self.case, self.at, self.then, self.code))
        cases, value = self.cases[wanted].reset_index(drop=True), self.value[rows].reset_index(drop=True)
        cases = cases.assign(case=np.arange(len(cases))).astype({"case": str(cases["case"].dtype)})
        marks = self.backwards[rows], self.first[rows], self.last[rows]
        return Timeline(cases, number[case], at, then, code, value, *marks, self.until)


@dataclass(frozen=True)
class MetricLifecycle:
    """The life of one metric along a timeline: whether its clock may run, when it stops, which policy holds.

    ``live`` holds after a row; ``stops`` mark the rows that meet the milestone, ``choice`` is the policy that holds
    (-1: none), ``cycle`` counts the openings. ``begins`` mark the rows at which a clock begins at 0, and ``clock``
    numbers these clocks over all cases: one a case, unless cycles or changes of priority start new ones.
    """

    book: MetricPolicies
    live: Bools
    stops: Bools
    choice: Ints
    cycle: Ints
    begins: Bools
    clock: Ints


@dataclass(frozen=True)
class PolicyClock:
    """One policy's clock on the rows (positions in the timeline) of the cases that it ever held for.

    ``used`` is the time that had run when the row began, ``crossed`` the instant at which the target had been used
    up by then, and ``due`` the instant at which it is used up if the clock goes on; ``NEVER_US`` where there is none.
    """

    policy: Policy
    rows: Ints
    running: Bools
    paused: Bools
    used: Ints
    spent: Ints
    crossed: Ints
    due: Ints


def find_timeline(log: CaseLog, *, as_recorded: bool = False, only: pd.Series[Any] | None = None) -> Timeline:
    """Return what :func:`fetch_timeline` does, and fetch the moments of a log once, however often it is asked for some.

    Where events are known later than they happen there are two readings, and a log that is held to its memory is never
    fetched whole: some cases are then fetched by themselves.
    """
    if (as_recorded and is_recorded_later(log)) or (only is not None and find_parts(log) > 1):
        return fetch_timeline(log, as_recorded=as_recorded, only=only)
    line = compute_once(log, "timeline", lambda: fetch_timeline(log))
    return line if only is None else line.pick(only)


def is_recorded_later(log: CaseLog) -> bool:
    """Return whether anything could be known later than it happened: else both readings are one."""
    return log.has("events", "recorded_at") or any(book.due for book in read_policies(log).values())


def fetch_timeline(log: CaseLog, *, as_recorded: bool = False, only: Any = None) -> Timeline:
    """Fetch the moments of all cases.

    Parameters
    ----------
    log
        A log with ``cases`` and ``events``.
    as_recorded
        Date an event at the instant from which it was known, rather than when it happened.
    only
        Ids of the cases that are wanted; all by default.
    """
    cases = log.table("cases")
    until = int(to_micros(log.until, "until")[0])
    named = cases.mutate(priority=cases.priority if "priority" in cases.columns else ibis.null("string"))
    asked = [c for c in condition_columns(log) if c not in ("case_id", "created_at", "priority")]
    named = named.filter(named.created_at <= log.until).select("case_id", "created_at", "priority", *asked)
    if only is not None:
        wanted = pd.DataFrame({"case_id": pd.Series(only, dtype="str").drop_duplicates()})
        named = named.semi_join(ibis.memtable(wanted, schema={"case_id": "string"}), "case_id")
    numbered = named.mutate(case=ibis.row_number().over(ibis.window(order_by="case_id")))
    base = fetch(numbered.order_by("case"))
    rows = fetch(_moments(log, numbered, as_recorded))
    created = to_micros(base["created_at"], "created_at")
    case = np.concatenate([np.arange(len(base)), rows["case"].to_numpy(dtype=np.int64)])
    at = np.concatenate([created, to_micros(rows["at"], "at")])
    code = np.concatenate([np.zeros(len(base), dtype=np.int64), rows["code"].to_numpy(dtype=np.int64)])
    seq = np.concatenate([np.full(len(base), -1), rows["seq"].to_numpy(dtype=np.int64)])
    start = code == MOMENT_CODES["start"]
    backwards = at < created[case] - round(MAX_CLOCK_SKEW_S * US_PER_S)
    at = np.maximum(at, created[case])
    order = np.lexsort((code, seq, ~start, at, case))
    case, at, code, backwards = case[order], at[order], code[order], backwards[order]
    value = pd.concat([base["priority"], rows["value"]], ignore_index=True).iloc[order].reset_index(drop=True)
    first = np.append(True, case[1:] != case[:-1])[: len(case)]
    last = np.append(case[1:] != case[:-1], True)[: len(case)]
    then = np.where(last, until, np.append(at[1:], until)[: len(at)])
    return Timeline(base, case, at, then, code, value, backwards, first, last, until)


def is_agent_reply(events: Any, when: Any, since: pd.Timestamp | None) -> Any:
    """Mark the public messages by human agents, as an Ibis expression.

    Where no event so far says who may read it, every message counts as public.
    """
    message = (events.kind == "message") & (events.actor_role == "agent").fill_null(False)
    return message & is_public(events, when, since)


def _moments(log: CaseLog, cases: Any, as_recorded: bool) -> Any:
    """Return case, at, seq, code and value (priority or status) of all events that can move a clock."""
    events = add_missing_event_columns(log)
    events = events.mutate(_seen=select_event_time(events, as_recorded))
    events = events.filter(events["_seen"] <= log.until)
    since = find_public_since(log, as_recorded)
    reply = is_agent_reply(events, events["_seen"], since)
    turns = _needs_turns(log)
    kind = reply.ifelse("reply", events.kind)
    if turns:
        public = is_public(events, events["_seen"], since)
        asked = (events.kind == "message") & (events.actor_role == "customer").fill_null(False) & public
        # what an agent writes as the opening of a case is its description
        opening = (events.kind == "message") | ((events.kind == "field") & (events["field"] == "description"))
        noted = opening.fill_null(False) & (events.actor_role == "agent").fill_null(False) & ~public
        kind = ibis.cases((reply, "reply"), (asked, "asked"), (noted, "noted"), else_=events.kind)
    plain = events.select("case_id", "seq", at="_seen", kind=kind, value=events.new)
    plain = plain.filter(plain.kind.isin([name for name in MOMENT_CODES if name != "start"]))
    place = ibis.row_number().over(ibis.window(group_by=["case_id", "kind"], order_by=["at", "seq"]))
    plain = plain.mutate(_place=place)
    later = (plain.kind == "reply") & (plain["_place"] > 0)
    plain = plain.mutate(kind=later.ifelse("answer", plain.kind)) if turns else plain.filter(~later)
    code = plain.kind.cases(*MOMENT_CODES.items(), else_=0)
    valued = plain.kind.isin(["priority", "status"]).ifelse(plain.value, None)
    plain = plain.mutate(code=code, value=valued)
    return plain.inner_join(cases.select("case_id", "case"), "case_id").select("case", "at", "seq", "code", "value")


def _needs_turns(log: CaseLog) -> bool:
    """Return whether a policy of the log follows the conversation beyond its first reply, or looks at who opened it."""
    if not log.has("sla_policies"):
        return False
    metrics = set(log.frame(log.table("sla_policies").select("metric").distinct())["metric"])
    if metrics & set(TURN_METRICS):
        return True
    books = read_policies(log) if "first_response" in metrics else {}
    return any(not book.source and book.option("starts") == "asked" for book in books.values())


def trace_metric(line: Timeline, book: MetricPolicies) -> MetricLifecycle:
    """Follow one metric along the timeline.

    The clocks of ``resolution``, ``requester_wait`` and ``agent_work`` may run while the case is open, that of
    ``closing`` until it is closed, that of ``first_response`` while it is open and has no reply. After the first reply
    ``next_response`` runs from the oldest unanswered message of the customer to the next reply, and the updates run
    from each reply to the next, all while the case is open.
    """
    metric = "closing" if book.source else book.metric
    cycles = book.option("cycles")
    live, stops, starts = _find_clock_states(line, metric)
    if metric == "first_response" and book.option("starts") == "asked":
        live, stops, starts = _find_asked_states(line)
    if cycles == "once" and metric != "first_response":
        opened = _counted_in_case(line, starts)
        live, stops, starts = live & (opened <= 1), stops & (opened - starts <= 1), starts & (opened == 1)
    again = starts if cycles != "continue" and metric != "first_response" else np.zeros_like(starts)
    begins = line.first | again
    if metric == "first_response":
        begins = begins | starts
    choice = _choices(line, book, begins, starts)
    if metric in TURN_METRICS:
        choice = np.where(live, choice, -1)
    if book.option("on_change") == "reset":
        changed = live & _changed(line, live, choice) & ~begins
        begins, starts = begins | changed, starts | changed
    clock = np.cumsum(begins) - 1
    return MetricLifecycle(book, live, stops, choice, _counted_in_case(line, starts), begins, clock)


def _find_clock_states(line: Timeline, metric: str) -> tuple[Bools, Bools, Bools]:
    """Return after which rows the clock may run, at which it stops for good, and at which a cycle starts."""
    nothing = np.zeros(len(line.at), dtype=bool)
    ends = ("closed", "merged") if metric == "closing" else _END_EVENT_KINDS
    opened = line.state(line.is_kind("start", "reopened"), line.is_kind(*ends))
    said, replied = line.is_kind("reply", "answer"), line.state(line.is_kind("reply"), nothing)
    if metric == "first_response":
        return opened & ~replied, line.is_kind("reply"), line.first
    if metric == "next_response":
        waits = line.state(line.is_kind("asked"), said | line.is_kind(*_END_EVENT_KINDS))
        live = opened & replied & waits
        was = line.before(live)
        return live, was & said, live & ~was
    if metric in TURN_METRICS:
        live = opened & line.state(said & opened, line.is_kind(*_END_EVENT_KINDS))
        return live, line.before(live) & said, said & live
    was = line.before(opened)
    return opened, was & ~opened & ~line.is_kind("merged"), opened & ~was


def _find_asked_states(line: Timeline) -> tuple[Bools, Bools, Bools]:
    """Return the states of a first response to cases of which some wait for their customer to ask.

    A case that an agent opened with an internal note waits for the first public message of its customer, and what
    agents wrote before is no reply to it.
    """
    nothing = np.zeros(len(line.at), dtype=bool)
    opening = line.at - line.at[line.first][line.case] <= OPENING_US
    asked = line.is_kind("asked")
    of_case = [
        np.bincount(line.case[m & opening], minlength=len(line.cases)) > 0 for m in (line.is_kind("noted"), asked)
    ]
    waits = (of_case[0] & ~of_case[1])[line.case]
    begun = ~waits | line.state(asked, nothing)
    said = line.is_kind("reply", "answer") & begun
    replied = line.state(said, nothing)
    opened = line.state(line.is_kind("start", "reopened"), line.is_kind(*_END_EVENT_KINDS))
    return opened & begun & ~replied, said & ~line.before(replied), begun & ~line.before(begun)


def _choices(line: Timeline, book: MetricPolicies, begins: Bools, starts: Bools) -> Ints:
    """Return the policy that holds after each row, by the priority in force and the version that counts."""
    rows = np.arange(len(line.at))
    named = line.is_kind("start", "priority")
    priority = book.code(line.value)[np.maximum.accumulate(np.where(named, rows, 0))]
    when = line.at[line.first][line.case]
    if book.option("versions") == "event":
        when = line.at[np.maximum.accumulate(np.where(named | starts, rows, 0))]
    kind, sets = book.kinds(line.cases)
    choice = book.choose(when, priority, kind[line.case], sets)
    if book.option("on_change") == "fixed":
        choice = choice[np.maximum.accumulate(np.where(begins, rows, 0))]
    return choice


def _changed(line: Timeline, live: Bools, choice: Ints) -> Bools:
    """Mark the rows whose policy is not that of the last row of the case at which the clock was live."""
    rows = np.arange(len(line.at))
    before = np.append(-1, np.maximum.accumulate(np.where(live, rows, -1))[:-1])[: len(rows)]
    known = (before >= 0) & (line.case[before] == line.case)
    return np.asarray(known & (choice[before] != choice), dtype=bool)


def _counted_in_case(line: Timeline, marks: Bools) -> Ints:
    """Count the marks of each case up to each row."""
    total = np.cumsum(marks)
    return np.asarray(total - (total - marks)[line.first][line.case], dtype=np.int64)


def run_policy_clock(line: Timeline, way: MetricLifecycle, number: int) -> PolicyClock:
    """Run the clock of one policy over the cases that it ever held for, from each row at which a clock begins.

    Where a change of priority begins none, it changes the target and keeps the time that has run (a retroactive
    start).
    """
    policy = way.book.policies[number]
    held = np.zeros(len(line.cases), dtype=bool)
    held[line.case[way.choice == number]] = True
    rows = np.flatnonzero(held[line.case])
    paused = find_paused_rows(line, policy)[rows] & way.live[rows]
    running = way.live[rows] & ~paused
    at, then, first = line.at[rows], line.then[rows], way.begins[rows]
    spent = np.zeros(len(rows), dtype=np.int64)
    spent[running] = measure_elapsed_us(policy, at[running], then[running])
    begins = np.maximum.accumulate(np.where(first, np.arange(len(rows)), 0))
    total = np.cumsum(spent) - spent
    used = total - total[begins]
    due = np.full(len(rows), NEVER_US)
    crossed = np.full(len(rows), NEVER_US)
    if policy.has_target:
        target = round(policy.target_s * US_PER_S)
        goes_on = running & (used < target)
        due[goes_on] = find_instant_after(policy, at[goes_on], target - used[goes_on])
        crossing = np.flatnonzero(goes_on & (used + spent >= target))
        origin = np.full(len(rows), -1)
        origin[begins[crossing]] = crossing
        source = origin[begins]
        over = (used >= target) & (source >= 0)
        crossed[over] = due[source[over]]
        due[over] = crossed[over]
    return PolicyClock(policy, rows, running, paused, used, spent, crossed, due)


def measure_elapsed_us(policy: Policy, start: Ints, end: Ints) -> Ints:
    """Return the microseconds of the policy's calendar between instants."""
    return np.rint(policy.calendar.seconds_between(to_index(start), to_index(end)) * US_PER_S).astype(np.int64)


def find_instant_after(policy: Policy, start: Ints, left: Ints) -> Ints:
    """Return the instant at which so many microseconds of the policy's calendar have passed."""
    return to_micros(policy.calendar.add(to_index(start), left / US_PER_S), "start")


def run_policy_clocks(line: Timeline, way: MetricLifecycle) -> dict[int, PolicyClock]:
    """Run the clock of every policy that ever holds."""
    return {int(n): run_policy_clock(line, way, int(n)) for n in np.unique(way.choice) if n >= 0}


def to_instants(micros: Ints) -> pd.DatetimeIndex:
    """Return instants, missing where they never come."""
    return to_index(np.where(micros == NEVER_US, MISSING_INSTANT, micros))


def find_paused_rows(line: Timeline, policy: Policy) -> Bools:
    """Return after which rows a policy's clock stands still."""
    if policy.is_never_paused:
        return np.zeros(len(line.at), dtype=bool)
    if policy.statuses:
        status = line.is_kind("status")
        waiting = line.statuses.isin(policy.statuses).to_numpy()
        return line.state(waiting, status & ~waiting)
    return line.state(line.is_kind("paused"), line.is_kind("resumed", "resolved", "closed", "merged", "reopened"))
