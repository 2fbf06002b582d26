"""How each KPI is counted. To add one: a function here, a line in FORMULAS, an entry in the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import ibis
import numpy as np
import pandas as pd

from .aggregate import Source, count, duration, mean, ratio_of, share, share_of
from .cases import seconds_between
from .catalogue import CATALOGUE
from .desk import Desk
from .flow import flow_counts
from .time_shares import overlap

Formula = Callable[[Desk], pd.DataFrame]


def cases_opened(desk: Desk) -> pd.DataFrame:
    """Count cases, or sum the counts of a log that keeps no single cases."""
    if desk.log.has("cases"):
        return count(desk.opened, "created_at")
    return count(desk.volumes, "ds", "y")


def cases_resolved(desk: Desk) -> pd.DataFrame:
    """Count final resolutions."""
    return count(desk.cases, "resolved_at")


def backlog(desk: Desk) -> pd.DataFrame:
    """Count what is open at the end of each period."""
    left = flow_counts(desk.transitions)["backlog"]
    return desk.transitions.frame(value=left, n=left, numerator=left)


def resolution_rate(desk: Desk) -> pd.DataFrame:
    """Put resolutions beside all that could have been resolved in the period."""
    counts, source = flow_counts(desk.transitions), desk.transitions
    resolved = count(Source(desk.cases.rows, source.by, source.first, source.clock), "resolved_at")
    after = counts["backlog"].reshape(len(source.segments), -1)
    before = np.concatenate([np.zeros((len(after), 1)), after[:, :-1]], axis=1).ravel()
    return share_of(source, resolved["value"].to_numpy(), before + counts["opened"] + counts["reopened"])


def _case_duration(desk: Desk, name: str, seconds: str, pause: bool = False) -> pd.DataFrame:
    rows = desk.cases.rows
    spent = ibis.coalesce(rows[seconds], rows.age_s) - (rows.pending_s if pause else 0)
    return duration(desk.cases, "created_at", spent, rows[seconds].notnull(), horizon=CATALOGUE[name].horizon_s)


def first_resolution_time(desk: Desk) -> pd.DataFrame:
    """Measure creation to the first resolution."""
    rows = desk.cases.rows
    done = rows.first_resolved_at.notnull()
    spent = ibis.coalesce(seconds_between(rows.created_at, rows.first_resolved_at), rows.age_s)
    return duration(desk.cases, "created_at", spent, done, horizon=CATALOGUE["first_resolution_time"].horizon_s)


def responded_within(desk: Desk) -> pd.DataFrame:
    """Look at each case when the limit has passed: a case that ended before without a response does not count."""
    rows, limit = desk.cases.rows, desk.limits.response_s
    hit = (rows.first_response_s <= limit).fill_null(False)
    gone = rows.ended_at.notnull() & (rows.age_s <= limit)
    return share(desk.cases, "created_at", hit, (rows.created_at <= desk.before_end(seconds=limit)) & (hit | ~gone))


def resolved_within(desk: Desk) -> pd.DataFrame:
    """Look at each case when the limit has passed: a case that was merged before does not count."""
    rows, limit = desk.cases.rows, desk.limits.resolution_s
    merged = rows.merged_at.notnull() & (rows.age_s <= limit)
    return share(
        desk.cases,
        "created_at",
        rows.resolution_s <= limit,
        (rows.created_at <= desk.before_end(seconds=limit)) & ~merged,
    )


def sla_attainment(desk: Desk, metric: str | None = None) -> pd.DataFrame:
    """Count milestones met among those decided, of one metric or of all."""
    rows = desk.milestones.rows
    return share(desk.milestones, "decided_at", rows.status == "met", None if metric is None else rows.metric == metric)


def abandonment_rate(desk: Desk) -> pd.DataFrame:
    """Count contacts given up in the queue."""
    rows = desk.contacts.rows
    return share(desk.contacts, "queued_at", rows.outcome == "abandoned", rows.outcome.notnull())


def service_level(desk: Desk) -> pd.DataFrame:
    """Count contacts answered in time among those offered; one that still waits within the limit is undecided."""
    rows, limit = desk.contacts.rows, desk.limits.answer_s
    hit = (seconds_between(rows.queued_at, rows.answered_at) <= limit).fill_null(False)
    over = rows.outcome.notnull() if "outcome" in rows.columns else ibis.literal(False)
    decided = rows.answered_at.notnull() | over | (rows.queued_at <= desk.before_end(seconds=limit))
    return share(desk.contacts, "queued_at", hit, decided)


def answer_time(desk: Desk) -> pd.DataFrame:
    """Measure the wait; who hung up would have waited longer."""
    rows = desk.contacts.rows
    ended = [rows.ended_at] if "ended_at" in rows.columns else []
    stop = ibis.coalesce(rows.answered_at, *ended, ibis.literal(desk.log.until))
    waited = seconds_between(rows.queued_at, stop)
    horizon = CATALOGUE["answer_time"].horizon_s
    return duration(desk.contacts, "queued_at", waited, rows.answered_at.notnull(), horizon=horizon)


def hold_time(desk: Desk) -> pd.DataFrame:
    """Measure the time on hold."""
    horizon = CATALOGUE["hold_time"].horizon_s
    return duration(desk.contacts, "queued_at", desk.contacts.rows.hold_s, horizon=horizon)


def handle_time(desk: Desk) -> pd.DataFrame:
    """Measure the work of a contact from its answer (the talk holds the hold) to the end of its wrap-up."""
    rows = desk.contacts.rows
    over = rows.ended_at.notnull()
    spent = seconds_between(rows.answered_at, ibis.coalesce(rows.ended_at, ibis.literal(desk.log.until)))
    if "wrap_s" in rows.columns and bool(rows.wrap_s.notnull().any().execute()):
        spent = over.ifelse(spent + rows.wrap_s, spent)
    horizon = CATALOGUE["handle_time"].horizon_s
    return duration(desk.contacts, "queued_at", spent, over, of=rows.answered_at.notnull(), horizon=horizon)


def reopen_rate(desk: Desk) -> pd.DataFrame:
    """Count re-openings soon after the first resolution, once that time has passed."""
    rows, limit = desk.cases.rows, desk.limits.repeat_days * 86400
    again = seconds_between(rows.first_resolved_at, rows.first_reopened_at)
    ripe = rows.first_resolved_at <= desk.before_end(days=desk.limits.repeat_days)
    return share(desk.cases, "first_resolved_at", (again >= 0) & (again <= limit), ripe)


def repeat_contact_rate(desk: Desk) -> pd.DataFrame:
    """Count cases after which the customer came again soon."""
    rows = desk.cases.rows
    soon = seconds_between(rows.created_at, rows.next_case_at) <= desk.limits.repeat_days * 86400
    ripe = rows.created_at <= desk.before_end(days=desk.limits.repeat_days)
    return share(desk.cases, "created_at", soon, ripe & rows.customer_id.notnull())


def first_contact_resolution(desk: Desk) -> pd.DataFrame:
    """Count resolutions by one contact that held."""
    days = desk.limits.repeat_days
    rows = desk.cases.rows
    touches = rows.agent_messages.fill_null(0)
    source = desk.cases
    if desk.log.has("contacts", "case_id", "answered_at"):
        calls = desk.log.table("contacts")
        calls = calls.filter(calls.case_id.notnull() & calls.answered_at.notnull())
        calls = calls.group_by("case_id").agg(_calls=calls.count()).rename(_of="case_id")
        rows = rows.left_join(calls, rows.case_id == calls["_of"]).drop("_of")
        touches = rows.agent_messages.fill_null(0) + rows["_calls"].fill_null(0)
        source = Source(rows, source.by, source.first, source.clock)
    until = rows.first_resolved_at + ibis.interval(seconds=int(days * 86400))
    held = ~(rows.first_reopened_at <= until).fill_null(False) & ~(rows.next_same_at <= until).fill_null(False)
    ripe = (rows.first_resolved_at <= desk.before_end(days=days)) & rows.customer_id.notnull()
    return share(source, "first_resolved_at", held & (touches <= 1), ripe)


def contacts_to_resolution(desk: Desk) -> pd.DataFrame:
    """Count the calls and chats of each case until it was resolved."""
    rows, calls = desk.cases.rows, desk.log.table("contacts").select(_of="case_id", _queued="queued_at")
    joined = rows.select("case_id", "resolved_at").inner_join(calls, rows.case_id == calls["_of"])
    joined = joined.filter(joined["_queued"] <= joined.resolved_at)
    linked = joined.group_by("_of").agg(_calls=joined.count())
    rows = rows.left_join(linked, rows.case_id == linked["_of"]).drop("_of")
    source = Source(rows, desk.by, desk.cases.first, desk.clock)
    return mean(source, "resolved_at", rows["_calls"].fill_null(0))


def _of_resolved(desk: Desk, hit: Callable[[Any], Any]) -> pd.DataFrame:
    return share(desk.cases, "resolved_at", hit(desk.cases.rows))


def _per_resolved(desk: Desk, amount: Callable[[Any], Any]) -> pd.DataFrame:
    return mean(desk.cases, "resolved_at", amount(desk.cases.rows))


def _answers(desk: Desk, kind: str) -> Any:
    rows = desk.surveys.rows
    return (rows.kind == kind) & rows.score.notnull()


def csat(desk: Desk) -> pd.DataFrame:
    """Count the contented, with the mean score beside it."""
    rows, answered = desk.surveys.rows, _answers(desk, "csat")
    table = share(desk.surveys, "responded_at", rows.score >= 4, answered)
    return table.assign(mean=mean(desk.surveys, "responded_at", rows.score, answered)["value"])


def nps(desk: Desk) -> pd.DataFrame:
    """Take detractors from promoters, in points."""
    rows = desk.surveys.rows
    points = ibis.cases((rows.score >= 9, 100.0), (rows.score <= 6, -100.0), else_=0.0)
    return mean(desk.surveys, "responded_at", points, _answers(desk, "nps"))


def _mean_score(desk: Desk, kind: str) -> pd.DataFrame:
    return mean(desk.surveys, "responded_at", desk.surveys.rows.score, _answers(desk, kind))


def survey_response_rate(desk: Desk) -> pd.DataFrame:
    """Count who answered among those who were asked, once they had time to."""
    rows, days = desk.surveys.rows, desk.limits.survey_days
    soon = seconds_between(rows.offered_at, rows.responded_at) <= days * 86400
    ripe = rows.offered_at <= desk.before_end(days=days)
    return share(desk.surveys, "offered_at", soon, ripe & (rows.kind != "agent_satisfaction"))


def problem_solved_rate(desk: Desk) -> pd.DataFrame:
    """Count customers who say that it was solved."""
    rows = desk.surveys.rows
    return share(desk.surveys, "responded_at", rows.problem_solved, rows.problem_solved.notnull())


def views_per_case(desk: Desk) -> pd.DataFrame:
    """Put views beside cases."""
    views, opened = desk.article_views, desk.opened
    aligned = Source(opened.rows, views.by, views.first, views.clock)
    amount, n = count(views, "viewed_at"), count(aligned, "created_at")
    return ratio_of(views, amount["value"].to_numpy(), n["value"].to_numpy())


def article_read_time(desk: Desk) -> pd.DataFrame:
    """Measure the reading of articles."""
    source, horizon = desk.article_views, CATALOGUE["article_read_time"].horizon_s
    return duration(source, "viewed_at", source.rows.read_s, horizon=horizon)


def _per_task(desk: Desk, column: str) -> pd.DataFrame:
    rows = desk.tasks.rows
    return mean(desk.tasks, "started_at", rows[column], rows.completed)


def task_completion_rate(desk: Desk) -> pd.DataFrame:
    """Count tasks that were completed."""
    rows = desk.tasks.rows
    return share(desk.tasks, "started_at", rows.completed, rows.completed.notnull())


def _agent_share(desk: Desk, hit: Callable[[Any], Any], of: Callable[[Any], Any]) -> pd.DataFrame:
    source = desk.agent_time
    part = overlap(source, source.rows, hit(source.rows) & of(source.rows))
    whole = overlap(source, source.rows, of(source.rows))
    return share_of(source, part, whole).assign(lo=np.nan, hi=np.nan)  # seconds are no independent trials


def _handling(rows: Any) -> Any:
    return rows.state == "handling"


def _ready(rows: Any) -> Any:
    return rows.state.isin(("handling", "available"))


def cases_per_agent_hour(desk: Desk) -> pd.DataFrame:
    """Put resolved cases beside paid hours."""
    source = desk.agent_time
    hours = overlap(source, source.rows, source.rows.paid) / 3600
    resolved = count(Source(desk.cases.rows, source.by, source.first, source.clock), "resolved_at")
    return ratio_of(source, resolved["value"].to_numpy(), hours)


def cost_per_case(desk: Desk) -> pd.DataFrame:
    """Put money, spread evenly over its span, beside resolved cases."""
    source = desk.costs
    money = overlap(source, source.rows, None, amount="amount")
    resolved = count(Source(desk.cases.rows, source.by, source.first, source.clock), "resolved_at")
    return ratio_of(source, money, resolved["value"].to_numpy())


def first_time_fix_rate(desk: Desk) -> pd.DataFrame:
    """Count repairs that took one visit."""
    rows = desk.repairs.rows
    return share(desk.repairs, "repaired_at", rows.fixed_first_visit, rows.fixed_first_visit.notnull())


def mttr(desk: Desk) -> pd.DataFrame:
    """Measure failure to repair."""
    rows = desk.repairs.rows
    spent = seconds_between(rows.failed_at, ibis.coalesce(rows.repaired_at, ibis.literal(desk.log.until)))
    return duration(desk.repairs, "failed_at", spent, rows.repaired_at.notnull(), horizon=CATALOGUE["mttr"].horizon_s)


#: KPI -> how it is counted, and the table whose segments it needs.
FORMULAS: Mapping[str, tuple[Formula, str]] = {
    "cases_opened": (cases_opened, "cases"),
    "cases_resolved": (cases_resolved, "cases"),
    "backlog": (backlog, "cases"),
    "resolution_rate": (resolution_rate, "cases"),
    "contacts_offered": (lambda desk: count(desk.contacts, "queued_at"), "contacts"),
    "abandonment_rate": (abandonment_rate, "contacts"),
    "first_response_time": (
        partial(_case_duration, name="first_response_time", seconds="first_response_s"),
        "cases",
    ),
    "resolution_time": (partial(_case_duration, name="resolution_time", seconds="resolution_s"), "cases"),
    "first_resolution_time": (first_resolution_time, "cases"),
    "active_resolution_time": (
        partial(_case_duration, name="active_resolution_time", seconds="resolution_s", pause=True),
        "cases",
    ),
    "responded_within_24h": (responded_within, "cases"),
    "resolved_within_2d": (resolved_within, "cases"),
    "sla_attainment": (sla_attainment, "cases"),
    "answer_time": (answer_time, "contacts"),
    "service_level": (service_level, "contacts"),
    "hold_time": (hold_time, "contacts"),
    "first_contact_resolution": (first_contact_resolution, "cases"),
    "contacts_to_resolution": (contacts_to_resolution, "cases"),
    "interactions_per_case": (
        partial(_per_resolved, amount=lambda rows: rows.customer_messages + rows.agent_messages),
        "cases",
    ),
    "agents_per_case": (partial(_per_resolved, amount=lambda rows: rows.agents), "cases"),
    "transfer_rate": (partial(_of_resolved, hit=lambda rows: rows.transfers > 0), "cases"),
    "escalation_rate": (partial(_of_resolved, hit=lambda rows: rows.escalations > 0), "cases"),
    "reopen_rate": (reopen_rate, "cases"),
    "repeat_contact_rate": (repeat_contact_rate, "cases"),
    "csat": (csat, "surveys"),
    "survey_response_rate": (survey_response_rate, "surveys"),
    "nps": (nps, "surveys"),
    "ces": (partial(_mean_score, kind="ces"), "surveys"),
    "agent_satisfaction": (partial(_mean_score, kind="agent_satisfaction"), "surveys"),
    "problem_solved_rate": (problem_solved_rate, "surveys"),
    "article_views": (lambda desk: count(desk.article_views, "viewed_at"), "article_views"),
    "views_per_case": (views_per_case, ""),
    "article_read_time": (article_read_time, "article_views"),
    "screens_per_task": (partial(_per_task, column="screens"), ""),
    "clicks_per_task": (partial(_per_task, column="clicks"), ""),
    "task_completion_rate": (task_completion_rate, ""),
    "automation_rate": (partial(_of_resolved, hit=lambda rows: rows.agents == 0), "cases"),
    "handle_time": (handle_time, "contacts"),
    "cases_per_agent_hour": (cases_per_agent_hour, ""),
    "occupancy": (partial(_agent_share, hit=_handling, of=_ready), "agent_time"),
    "utilisation": (partial(_agent_share, hit=_handling, of=lambda rows: rows.paid), "agent_time"),
    "availability": (partial(_agent_share, hit=_ready, of=lambda rows: rows.paid), "agent_time"),
    "cost_per_case": (cost_per_case, ""),
    "first_time_fix_rate": (first_time_fix_rate, "repairs"),
    "mttr": (mttr, "repairs"),
}
