"""How each KPI of contacts, surveys, self-service, working time, money and repairs is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis
import numpy as np
import pandas as pd

from ..calendars.instants import seconds_between
from .aggregate import count, duration, mean, ratio_of, share, share_of
from .catalogue import ENTRIES
from .cells import Source
from .overlap import overlap
from .queries import Counted, Timed, frames
from .view import Desk

_HORIZONS = {kpi.name: kpi.horizon_s for kpi in ENTRIES}


def abandonment_rate(desk: Desk) -> Counted:
    """Count contacts given up in the queue."""
    rows = desk.contacts.rows
    return share(desk.contacts, "queued_at", rows.outcome == "abandoned", rows.outcome.notnull())


def service_level(desk: Desk, limit: float | None = None) -> Counted:
    """Count contacts answered in time among those offered; one that still waits within the limit is undecided."""
    rows, limit = desk.contacts.rows, desk.limits.answer_s if limit is None else limit
    waited = seconds_between(rows.queued_at, rows.answered_at)
    hit, backwards = (waited <= limit).fill_null(False), (waited < 0).fill_null(False)
    over = rows.outcome.notnull() if "outcome" in rows.columns else ibis.literal(False)
    decided = rows.answered_at.notnull() | over | (rows.queued_at <= desk.before_end(seconds=limit))
    return share(desk.contacts, "queued_at", hit, decided & ~backwards)


def answer_time(desk: Desk) -> Timed:
    """Measure the wait; who hung up would have waited longer."""
    rows = desk.contacts.rows
    ended = [rows.ended_at] if "ended_at" in rows.columns else []
    stop = ibis.coalesce(rows.answered_at, *ended, ibis.literal(desk.log.until))
    waited = seconds_between(rows.queued_at, stop)
    horizon = _HORIZONS["answer_time"]
    return duration(desk.contacts, "queued_at", waited, rows.answered_at.notnull(), horizon=horizon)


def hold_time(desk: Desk) -> Timed:
    """Measure the time on hold of contacts that were answered: who hung up in the queue was never on hold."""
    rows, horizon = desk.contacts.rows, _HORIZONS["hold_time"]
    handled = rows.answered_at.notnull() if "answered_at" in rows.columns else None
    return duration(desk.contacts, "queued_at", rows.hold_s, of=handled, horizon=horizon)


def handle_time(desk: Desk) -> Timed:
    """Measure the work of a contact from its answer (the talk holds the hold) to the end of its wrap-up."""
    rows = desk.contacts.rows
    over = rows.ended_at.notnull()
    spent = seconds_between(rows.answered_at, ibis.coalesce(rows.ended_at, ibis.literal(desk.log.until)))
    if "wrap_s" in rows.columns and bool(rows.wrap_s.notnull().any().execute()):
        spent = over.ifelse(spent + rows.wrap_s, spent)
    horizon = _HORIZONS["handle_time"]
    return duration(desk.contacts, "queued_at", spent, over, of=rows.answered_at.notnull(), horizon=horizon)


def answers(desk: Desk, kind: str) -> Any:
    """Tell which surveys of a kind were answered with a score."""
    rows = desk.surveys.rows
    return (rows.kind == kind) & rows.score.notnull()


def csat(desk: Desk) -> pd.DataFrame:
    """Count the contented, with the mean score beside it."""
    rows, answered = desk.surveys.rows, answers(desk, "csat")
    happy, score = (
        share(desk.surveys, "responded_at", rows.score >= 4, answered),
        mean(desk.surveys, "responded_at", rows.score, answered),
    )
    table, average = frames([happy, score])
    return table.assign(mean=average["value"])


def nps(desk: Desk) -> Counted:
    """Take detractors from promoters, in points."""
    rows = desk.surveys.rows
    points = (rows.score >= 9).ifelse(100, 0) - (rows.score <= 6).ifelse(100, 0)
    return mean(desk.surveys, "responded_at", points, answers(desk, "nps"))


def mean_score(desk: Desk, kind: str) -> Counted:
    """Average the scores of a kind of survey."""
    return mean(desk.surveys, "responded_at", desk.surveys.rows.score, answers(desk, kind))


def survey_response_rate(desk: Desk) -> Counted:
    """Count who answered among those who were asked, once they had time to."""
    rows, days = desk.surveys.rows, desk.limits.survey_days
    soon = seconds_between(rows.offered_at, rows.responded_at) <= days * 86400
    ripe = rows.offered_at <= desk.before_end(days=days)
    return share(desk.surveys, "offered_at", soon, ripe & (rows.kind != "agent_satisfaction"))


def problem_solved_rate(desk: Desk) -> Counted:
    """Count customers who say that it was solved."""
    rows = desk.surveys.rows
    return share(desk.surveys, "responded_at", rows.problem_solved, rows.problem_solved.notnull())


def views_per_case(desk: Desk) -> pd.DataFrame:
    """Put views beside cases."""
    views, opened = desk.article_views, desk.opened
    aligned = Source(opened.rows, views.by, views.first, views.clock)
    amount, n = frames([count(views, "viewed_at"), count(aligned, "created_at")])
    return ratio_of(views, amount["value"].to_numpy(), n["value"].to_numpy())


def article_read_time(desk: Desk) -> Timed:
    """Measure the reading of articles."""
    source, horizon = desk.article_views, _HORIZONS["article_read_time"]
    return duration(source, "viewed_at", source.rows.read_s, horizon=horizon)


def article_left_within(desk: Desk, limit: float) -> Counted:
    """Count views that were left soon."""
    rows = desk.article_views.rows
    return share(desk.article_views, "viewed_at", rows.read_s <= limit, (rows.read_s >= 0).fill_null(False))


def deflection_rate(desk: Desk) -> Counted:
    """Count sessions after which no case came, once it had time to."""
    rows, hours = desk.sessions.rows, desk.limits.deflection_hours
    asked = (seconds_between(rows.begun_at, rows.asked_at) <= hours * 3600).fill_null(False)
    return share(desk.sessions, "begun_at", ~asked, rows.begun_at <= desk.before_end(seconds=hours * 3600))


def per_task(desk: Desk, column: str) -> Counted:
    """Average a column over the completed tasks."""
    rows = desk.tasks.rows
    return mean(desk.tasks, "started_at", rows[column], rows.completed)


def task_completion_rate(desk: Desk) -> Counted:
    """Count tasks that were completed."""
    rows = desk.tasks.rows
    return share(desk.tasks, "started_at", rows.completed, rows.completed.notnull())


def agent_share(desk: Desk, hit: Callable[[Any], Any], of: Callable[[Any], Any]) -> pd.DataFrame:
    """Put one part of the agents' time beside another; seconds are no independent trials, so no interval."""
    source = desk.agent_time
    part = overlap(source, source.rows, hit(source.rows) & of(source.rows))
    whole = overlap(source, source.rows, of(source.rows))
    return share_of(source, part, whole).assign(lo=np.nan, hi=np.nan)


def handling(rows: Any) -> Any:
    """Tell when an agent works on a contact or case."""
    return rows.state == "handling"


def ready(rows: Any) -> Any:
    """Tell when an agent works or waits for work."""
    return rows.state.isin(("handling", "available"))


def cases_per_agent_hour(desk: Desk) -> pd.DataFrame:
    """Put resolved cases beside paid hours."""
    source = desk.agent_time
    hours = overlap(source, source.rows, source.rows.paid) / 3600
    resolved = count(Source(desk.cases.rows, source.by, source.first, source.clock), "resolved_at").frame()
    return ratio_of(source, resolved["value"].to_numpy(), hours)


def effort_per_case(desk: Desk) -> pd.DataFrame:
    """Put the time of handling beside resolved cases."""
    source = desk.agent_time
    spent = overlap(source, source.rows, handling(source.rows))
    resolved = count(Source(desk.cases.rows, source.by, source.first, source.clock), "resolved_at").frame()
    return ratio_of(source, spent, resolved["value"].to_numpy())


def cost_per_case(desk: Desk) -> pd.DataFrame:
    """Put money, spread evenly over its span, beside resolved cases."""
    source = desk.costs
    money = overlap(source, source.rows, None, amount="amount")
    resolved = count(Source(desk.cases.rows, source.by, source.first, source.clock), "resolved_at").frame()
    return ratio_of(source, money, resolved["value"].to_numpy())


def cost_per_success(desk: Desk) -> pd.DataFrame:
    """Put money beside first resolutions that held; a period counts once all in it had time to come back."""
    source, days = desk.costs, desk.limits.repeat_days
    rows = desk.cases.rows
    held = seconds_between(rows.first_resolved_at, rows.first_reopened_at) > days * 86400
    kept = rows.filter(held.fill_null(True) & (rows.first_resolved_at <= desk.before_end(days=days)))
    done = count(Source(kept, source.by, source.first, source.clock), "first_resolved_at").frame()["value"].to_numpy()
    ripe = (source.periods["ends_at"] <= desk.log.until - pd.Timedelta(days=days)).to_numpy()
    return ratio_of(source, overlap(source, source.rows, None, amount="amount"), np.where(ripe, done, 0.0))


def first_time_fix_rate(desk: Desk) -> Counted:
    """Count repairs that took one visit."""
    rows = desk.repairs.rows
    return share(desk.repairs, "repaired_at", rows.fixed_first_visit, rows.fixed_first_visit.notnull())


def mttr(desk: Desk) -> Timed:
    """Measure failure to repair."""
    rows = desk.repairs.rows
    spent = seconds_between(rows.failed_at, ibis.coalesce(rows.repaired_at, ibis.literal(desk.log.until)))
    return duration(desk.repairs, "failed_at", spent, rows.repaired_at.notnull(), horizon=_HORIZONS["mttr"])


def mtbf(desk: Desk) -> Timed:
    """Measure the running time from a repair to the next failure of the asset."""
    order = ibis.window(group_by="asset_id", order_by="failed_at")
    rows = desk.repairs.rows
    rows = rows.mutate(_next=rows.failed_at.lead().over(order))
    source = Source(rows, desk.by, desk.repairs.first, desk.clock)
    ran = seconds_between(rows.repaired_at, ibis.coalesce(rows["_next"], ibis.literal(desk.log.until)))
    horizon = _HORIZONS["mtbf"]
    return duration(source, "repaired_at", ran, rows["_next"].notnull(), of=rows.repaired_at.notnull(), horizon=horizon)
