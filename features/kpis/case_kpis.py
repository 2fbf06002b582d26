"""How each KPI of cases is counted, from their creation to the customer who comes again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis
import numpy as np
import pandas as pd

from ..calendars.instants import seconds_between
from ..cases.facts import measure_elapsed_s
from .aggregate import aggregate_count, aggregate_duration, aggregate_mean, aggregate_share, compute_share
from .backlog_age import compute_backlog_age, compute_backlog_share_over
from .case_flow import count_flow
from .catalogue import KPI_ENTRIES
from .cells import SegmentedRows
from .queries import CombinedQuery, DurationQuery, SumQuery
from .view import LogView

#: Duration of the case history -> the instant at which it ends.
_DURATION_ENDS = {"first_response_s": "first_response_at", "resolution_s": "resolved_at"}
_HORIZONS_S = {kpi.name: kpi.horizon_s for kpi in KPI_ENTRIES}


def cases_opened(desk: LogView) -> SumQuery:
    """Count cases, or sum the counts of a log that keeps no single cases."""
    if desk.log.has("cases"):
        return aggregate_count(desk.opened, "created_at")
    return aggregate_count(desk.volumes, "ds", "y")


def cases_resolved(desk: LogView) -> SumQuery:
    """Count final resolutions."""
    return aggregate_count(desk.cases, "resolved_at")


def backlog(desk: LogView) -> CombinedQuery:
    """Count what is open at the end of each period."""

    def finish(source: SegmentedRows) -> pd.DataFrame:
        left = count_flow(source)["backlog"]
        return source.frame(value=left, n=left, numerator=left)

    return CombinedQuery(desk.transitions, (), finish)


def resolution_rate(desk: LogView) -> CombinedQuery:
    """Put resolutions beside all that could have been resolved in the period."""

    def finish(source: SegmentedRows, resolved: pd.DataFrame) -> pd.DataFrame:
        counts = count_flow(source)
        after = counts["backlog"].reshape(len(source.segments), -1)
        before = np.concatenate([np.zeros((len(after), 1)), after[:, :-1]], axis=1).ravel()
        return compute_share(source, resolved["value"].to_numpy(), before + counts["opened"] + counts["reopened"])

    return CombinedQuery(desk.transitions, (aggregate_count(desk.cases, "resolved_at"),), finish)


def backlog_over(desk: LogView, limit: float) -> CombinedQuery:
    """Look for cases that are open for longer than a limit at the end of each period."""
    return CombinedQuery(
        desk.transitions, (), lambda source: compute_backlog_share_over(source, desk.open_spans, limit)
    )


def backlog_age(desk: LogView) -> CombinedQuery:
    """Look at the open cases at the end of each period."""
    return CombinedQuery(desk.transitions, (), lambda source: compute_backlog_age(source, desk.open_spans))


def response_time(desk: LogView) -> DurationQuery:
    """Measure every turn of a customer; an unanswered one is censored at the end of its case."""
    rows = desk.turns.rows
    stop = ibis.coalesce(rows.replied_at, rows.ended_at, ibis.literal(desk.log.until))
    waiting = rows.replied_at.notnull() | rows.ended_at.isnull() | (rows.ended_at > rows.asked_at)
    spent, horizon = seconds_between(rows.asked_at, stop), _HORIZONS_S["response_time"]
    return aggregate_duration(desk.turns, "asked_at", spent, rows.replied_at.notnull(), of=waiting, horizon=horizon)


def case_duration(desk: LogView, name: str, seconds: str, pause: bool = False) -> DurationQuery:
    """Measure a duration of each case, without its pauses if so wished; without an end its age is censored."""
    rows = desk.cases.rows
    spent = ibis.coalesce(rows[seconds], rows.age_s) - (rows.pending_s if pause else 0)
    return aggregate_duration(
        desk.cases, "created_at", spent, rows[seconds].notnull(), of=~_is_backwards(rows, seconds),
        horizon=_HORIZONS_S[name],
    )  # fmt: skip


def _is_backwards(rows: Any, seconds: str) -> Any:
    """Return which durations end before they begin: how long they took is not known, and no age stands for it."""
    return rows[_DURATION_ENDS[seconds]].notnull() & rows[seconds].isnull()


def first_resolution_time(desk: LogView) -> DurationQuery:
    """Measure creation to the first resolution."""
    rows = desk.cases.rows
    done = rows.first_resolved_at.notnull()
    spent = done.ifelse(measure_elapsed_s(rows.created_at, rows.first_resolved_at), rows.age_s)
    return aggregate_duration(desk.cases, "created_at", spent, done, horizon=_HORIZONS_S["first_resolution_time"])


def business_duration(desk: LogView, name: str, seconds: str) -> DurationQuery:
    """Measure a duration of each case in opening hours; without an end its age in them is censored."""
    rows = desk.in_business_time.rows
    spent = ibis.coalesce(rows[seconds], rows.age_business_s)
    known = ~_is_backwards(rows, seconds.replace("_business", ""))
    return aggregate_duration(
        desk.in_business_time, "created_at", spent, rows[seconds].notnull(), of=known, horizon=_HORIZONS_S[name]
    )


def responded_within(desk: LogView, limit: float) -> SumQuery:
    """Look at each case when the limit has passed: a case that ended before without a response does not count."""
    rows = desk.cases.rows
    hit = (rows.first_response_s <= limit).fill_null(False)
    gone = rows.ended_at.notnull() & (rows.age_s.isnull() | (rows.age_s <= limit))
    ripe = (rows.created_at <= desk.last_mature_instant(seconds=limit)) & ~_is_backwards(rows, "first_response_s")
    return aggregate_share(desk.cases, "created_at", hit, ripe & (hit | ~gone))


def resolved_within(desk: LogView, limit: float) -> SumQuery:
    """Look at each case when the limit has passed: a case that was merged before does not count."""
    rows = desk.cases.rows
    merged = rows.merged_at.notnull() & (rows.age_s.isnull() | (rows.age_s <= limit))
    ripe = (rows.created_at <= desk.last_mature_instant(seconds=limit)) & ~_is_backwards(rows, "resolution_s")
    return aggregate_share(desk.cases, "created_at", rows.resolution_s <= limit, ripe & ~merged)


def sla_attainment(desk: LogView, metric: str | None = None) -> SumQuery:
    """Count milestones met among those decided, of one metric or of all."""
    rows = desk.milestones.rows
    return aggregate_share(
        desk.milestones, "decided_at", rows.status == "met", None if metric is None else rows.metric == metric
    )


def _window_s(desk: LogView, limit: float | None) -> float:
    """Return within how many seconds what comes back counts: as the name of the KPI says, else as is configured."""
    return desk.limits.repeat_days * 86400 if limit is None else limit


def reopen_rate(desk: LogView, limit: float | None = None) -> SumQuery:
    """Count re-openings soon after the first resolution, once that time has passed."""
    rows, limit = desk.cases.rows, _window_s(desk, limit)
    again = seconds_between(rows.first_resolved_at, rows.first_reopened_at)
    ripe = rows.first_resolved_at <= desk.last_mature_instant(seconds=limit)
    return aggregate_share(desk.cases, "first_resolved_at", (again >= 0) & (again <= limit), ripe)


def repeat_contact_rate(desk: LogView, limit: float | None = None) -> SumQuery:
    """Count cases after which the customer came again soon."""
    rows, limit = desk.cases_with_next.rows, _window_s(desk, limit)
    soon = seconds_between(rows.created_at, rows.next_case_at) <= limit
    ripe = rows.created_at <= desk.last_mature_instant(seconds=limit)
    return aggregate_share(desk.cases_with_next, "created_at", soon, ripe & rows.customer_id.notnull())


def first_contact_resolution(desk: LogView, limit: float | None = None) -> SumQuery:
    """Count resolutions by one contact that held; where neither messages nor calls are recorded nothing is known."""
    limit = _window_s(desk, limit)
    rows = desk.cases_with_next.rows
    touches = rows.agent_messages
    source = desk.cases_with_next
    if desk.log.has("contacts", "case_id", "answered_at"):
        calls = desk.log.table("contacts")
        calls = calls.filter(calls.case_id.notnull() & calls.answered_at.notnull())
        calls = calls.group_by("case_id").agg(_calls=calls.count()).rename(_of="case_id")
        rows = rows.left_join(calls, rows.case_id == calls["_of"]).drop("_of")
        touches = rows.agent_messages.fill_null(0) + rows["_calls"].fill_null(0)
        source = source.over(rows)
    until = rows.first_resolved_at + ibis.interval(seconds=int(limit))
    held = ~(rows.first_reopened_at <= until).fill_null(False) & ~(rows.next_same_at <= until).fill_null(False)
    ripe = (
        (rows.first_resolved_at <= desk.last_mature_instant(seconds=limit))
        & rows.customer_id.notnull()
        & touches.notnull()
    )
    return aggregate_share(source, "first_resolved_at", held & (touches <= 1), ripe)


def contacts_to_resolution(desk: LogView) -> SumQuery:
    """Count the calls and chats of each case until it was resolved."""
    rows, calls = desk.cases.rows, desk.log.table("contacts").select(_of="case_id", _queued="queued_at")
    joined = rows.select("case_id", "resolved_at").inner_join(calls, rows.case_id == calls["_of"])
    joined = joined.filter(joined["_queued"] <= joined.resolved_at)
    linked = joined.group_by("_of").agg(_calls=joined.count())
    rows = rows.left_join(linked, rows.case_id == linked["_of"]).drop("_of")
    source = desk.cases.over(rows)
    return aggregate_mean(source, "resolved_at", rows["_calls"].fill_null(0))


def share_of_resolved(desk: LogView, column: str, hit: Callable[[Any], Any]) -> SumQuery:
    """Count the resolved cases whose column meets a condition, among those where it is known."""
    found = desk.cases.rows[column]
    return aggregate_share(desk.cases, "resolved_at", hit(found), found.notnull())


def mean_per_resolved(desk: LogView, amount: Callable[[Any], Any]) -> SumQuery:
    """Average an amount over the resolved cases."""
    return aggregate_mean(desk.cases, "resolved_at", amount(desk.cases.rows))


def value_settled(desk: LogView) -> SumQuery:
    """Sum the amounts of the resolved cases."""
    rows, amount = desk.cases.rows, desk.cases.rows.amount

    def finish(source: SegmentedRows, n: Any, total: Any) -> pd.DataFrame:
        with np.errstate(divide="ignore", invalid="ignore"):
            return source.frame(value=total, n=n, numerator=total, mean=np.where(n > 0, total / n, np.nan))

    sums = {"n": amount.count(), "s": amount.sum()}
    return SumQuery(desk.cases, rows, "resolved_at", sums, finish, amount.notnull(), amount.fill_null(0.0))
