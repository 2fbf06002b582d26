"""How each KPI of contacts, surveys, self-service, working time, money and repairs is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis
import numpy as np
import pandas as pd

from ..arrays import Floats
from ..calendars.instants import seconds_between
from ..case_log.contents import inspect_table
from ..case_log.fetch import fetch
from .aggregate import (
    aggregate_count,
    aggregate_duration,
    aggregate_mean,
    aggregate_share,
    compute_ratio,
    compute_share,
)
from .catalogue import KPI_ENTRIES
from .cells import SegmentedRows
from .overlap import sum_overlap, sum_stretches
from .queries import CombinedQuery, DurationQuery, SumQuery, run_queries
from .view import LogView

_HORIZONS_S = {kpi.name: kpi.horizon_s for kpi in KPI_ENTRIES}


def abandonment_rate(desk: LogView) -> SumQuery:
    """Count contacts given up in the queue."""
    rows = desk.contacts.rows
    return aggregate_share(desk.contacts, "queued_at", rows.outcome == "abandoned", rows.outcome.notnull())


def service_level(desk: LogView, limit: float | None = None) -> SumQuery:
    """Count contacts answered in time among those offered; one that still waits within the limit is undecided."""
    rows, limit = desk.contacts.rows, desk.limits.answer_s if limit is None else limit
    waited = seconds_between(rows.queued_at, rows.answered_at)
    hit, backwards = (waited <= limit).fill_null(False), (waited < 0).fill_null(False)
    over = rows.outcome.notnull() if "outcome" in rows.columns else ibis.literal(False)
    decided = rows.answered_at.notnull() | over | (rows.queued_at <= desk.last_mature_instant(seconds=limit))
    return aggregate_share(desk.contacts, "queued_at", hit, decided & ~backwards)


def answer_time(desk: LogView) -> DurationQuery:
    """Measure the wait; who hung up would have waited longer."""
    rows = desk.contacts.rows
    ended = [rows.ended_at] if "ended_at" in rows.columns else []
    stop = ibis.coalesce(rows.answered_at, *ended, ibis.literal(desk.log.until))
    waited = seconds_between(rows.queued_at, stop)
    horizon = _HORIZONS_S["answer_time"]
    return aggregate_duration(desk.contacts, "queued_at", waited, rows.answered_at.notnull(), horizon=horizon)


def hold_time(desk: LogView) -> DurationQuery:
    """Measure the time on hold of contacts that were answered: who hung up in the queue was never on hold."""
    rows, horizon = desk.contacts.rows, _HORIZONS_S["hold_time"]
    handled = rows.answered_at.notnull() if "answered_at" in rows.columns else None
    return aggregate_duration(desk.contacts, "queued_at", rows.hold_s, of=handled, horizon=horizon)


def handle_time(desk: LogView) -> DurationQuery:
    """Measure the work of a contact from its answer (the talk holds the hold) to the end of its wrap-up."""
    rows = desk.contacts.rows
    over = rows.ended_at.notnull()
    spent = seconds_between(rows.answered_at, ibis.coalesce(rows.ended_at, ibis.literal(desk.log.until)))
    if "wrap_s" in rows.columns and inspect_table(desk.log, "contacts").known["wrap_s"]:
        spent = over.ifelse(spent + rows.wrap_s, spent)
    horizon = _HORIZONS_S["handle_time"]
    return aggregate_duration(desk.contacts, "queued_at", spent, over, of=rows.answered_at.notnull(), horizon=horizon)


def is_answered(desk: LogView, kind: str) -> Any:
    """Return which surveys of a kind were answered with a score."""
    rows = desk.surveys.rows
    return (rows.kind == kind) & rows.score.notnull()


def csat(desk: LogView) -> CombinedQuery:
    """Count the contented, with the mean score beside it."""
    rows, answered = desk.surveys.rows, is_answered(desk, "csat")
    happy, score = (
        aggregate_share(desk.surveys, "responded_at", rows.score >= 4, answered),
        aggregate_mean(desk.surveys, "responded_at", rows.score, answered),
    )
    return CombinedQuery(desk.surveys, (happy, score), lambda _, table, average: table.assign(mean=average["value"]))


def nps(desk: LogView) -> SumQuery:
    """Take detractors from promoters, in points."""
    rows = desk.surveys.rows
    points = (rows.score >= 9).ifelse(100, 0) - (rows.score <= 6).ifelse(100, 0)
    return aggregate_mean(desk.surveys, "responded_at", points, is_answered(desk, "nps"))


def mean_score(desk: LogView, kind: str) -> SumQuery:
    """Average the scores of a kind of survey."""
    return aggregate_mean(desk.surveys, "responded_at", desk.surveys.rows.score, is_answered(desk, kind))


def survey_response_rate(desk: LogView) -> SumQuery:
    """Count who answered among those who were asked, once they had time to."""
    rows, days = desk.surveys.rows, desk.limits.survey_days
    soon = seconds_between(rows.offered_at, rows.responded_at) <= days * 86400
    ripe = rows.offered_at <= desk.last_mature_instant(days=days)
    return aggregate_share(desk.surveys, "offered_at", soon, ripe & (rows.kind != "agent_satisfaction"))


def problem_solved_rate(desk: LogView) -> SumQuery:
    """Count customers who say that it was solved."""
    rows = desk.surveys.rows
    return aggregate_share(desk.surveys, "responded_at", rows.problem_solved, rows.problem_solved.notnull())


def views_per_case(desk: LogView) -> pd.DataFrame:
    """Put views beside cases."""
    views, opened = desk.article_views, desk.opened
    aligned = SegmentedRows(opened.rows, views.by, views.first, views.clock)
    amount, n = run_queries([aggregate_count(views, "viewed_at"), aggregate_count(aligned, "created_at")])
    return compute_ratio(views, amount["value"].to_numpy(), n["value"].to_numpy())


def article_read_time(desk: LogView) -> DurationQuery:
    """Measure the reading of articles."""
    source, horizon = desk.article_views, _HORIZONS_S["article_read_time"]
    return aggregate_duration(source, "viewed_at", source.rows.read_s, horizon=horizon)


def article_left_within(desk: LogView, limit: float) -> SumQuery:
    """Count views that were left soon."""
    rows = desk.article_views.rows
    return aggregate_share(desk.article_views, "viewed_at", rows.read_s <= limit, (rows.read_s >= 0).fill_null(False))


def deflection_rate(desk: LogView) -> SumQuery:
    """Count sessions after which no case came, once it had time to."""
    rows, hours = desk.sessions.rows, desk.limits.deflection_hours
    asked = (seconds_between(rows.begun_at, rows.asked_at) <= hours * 3600).fill_null(False)
    return aggregate_share(
        desk.sessions, "begun_at", ~asked, rows.begun_at <= desk.last_mature_instant(seconds=hours * 3600)
    )


def mean_per_task(desk: LogView, column: str) -> SumQuery:
    """Average a column over the completed tasks."""
    rows = desk.tasks.rows
    return aggregate_mean(desk.tasks, "started_at", rows[column], rows.completed)


def task_completion_rate(desk: LogView) -> SumQuery:
    """Count tasks that were completed."""
    rows = desk.tasks.rows
    return aggregate_share(desk.tasks, "started_at", rows.completed, rows.completed.notnull())


def agent_time_share(desk: LogView, hit: Callable[[Any], Any], of: Callable[[Any], Any]) -> pd.DataFrame:
    """Put one part of the agents' time beside another; seconds are no independent trials, so no interval."""
    source, rows = desk.agent_time, _fetch_agent_time(desk)
    part = sum_stretches(source, _where(rows, hit(rows) & of(rows)))
    whole = sum_stretches(source, _where(rows, of(rows)))
    return compute_share(source, part, whole).assign(lo=np.nan, hi=np.nan)


def _fetch_agent_time(desk: LogView) -> pd.DataFrame:
    """Fetch the stretches of agents' time, once for all KPIs that put one part of them beside another."""
    source = desk.agent_time
    told = [name for name in ("state", "paid") if name in source.rows.columns and name not in source.by]
    return source.keep("stretches", lambda: fetch(source.rows.select(*source.by, "start", "end", *told)))


def _where(rows: pd.DataFrame, wanted: Any) -> pd.DataFrame:
    """Return the rows of which a condition is known to hold."""
    found: pd.DataFrame = rows[wanted.fillna(False).astype(bool)]
    return found


def is_handling(rows: Any) -> Any:
    """Return when an agent works on a contact or case."""
    return rows.state == "handling"


def is_handling_or_available(rows: Any) -> Any:
    """Return when an agent works or waits for work."""
    return rows.state.isin(["handling", "available"])


def cases_per_agent_hour(desk: LogView) -> pd.DataFrame:
    """Put resolved cases beside paid hours."""
    source = desk.agent_time
    rows = _fetch_agent_time(desk)
    hours = sum_stretches(source, _where(rows, rows.paid)) / 3600
    resolved = aggregate_count(desk.cases_of_agents, "resolved_at").frame()
    return compute_ratio(source, resolved["value"].to_numpy(), hours)


def effort_per_case(desk: LogView) -> pd.DataFrame:
    """Put the time of handling beside resolved cases."""
    source = desk.agent_time
    rows = _fetch_agent_time(desk)
    spent = sum_stretches(source, _where(rows, is_handling(rows)))
    resolved = aggregate_count(desk.cases_of_agents, "resolved_at").frame()
    return compute_ratio(source, spent, resolved["value"].to_numpy())


def cost_per_case(desk: LogView) -> pd.DataFrame:
    """Put money, spread evenly over its span, beside resolved cases."""
    source = desk.costs
    money = _sum_costs(source)
    return compute_ratio(source, money, resolutions_beside_costs(desk).frame()["value"].to_numpy())


def resolutions_beside_costs(desk: LogView) -> SumQuery:
    """Count final resolutions in the periods of the costs, all of them for each category."""
    source = desk.costs
    return aggregate_count(SegmentedRows(desk.cases_of_costs, source.by, source.first, source.clock), "resolved_at")


def cost(desk: LogView) -> pd.DataFrame:
    """Sum money, spread evenly over its span."""
    money = _sum_costs(desk.costs)
    known = np.nan_to_num(money)
    return desk.costs.frame(value=money, n=known, numerator=known)


def cost_per_success(desk: LogView) -> pd.DataFrame:
    """Put money beside first resolutions that held; a period counts once all in it had time to come back."""
    return compute_ratio(desk.costs, _sum_costs(desk.costs), kept_resolutions(desk).frame()["value"].to_numpy())


def kept_resolutions(desk: LogView) -> SumQuery:
    """Count first resolutions that held, in the periods of the costs in which all had time to come back."""
    source, days, rows = desk.costs, desk.limits.repeat_days, desk.cases_of_costs
    ends = source.periods["ends_at"]
    ripe = ends[ends <= desk.log.until - pd.Timedelta(days=days)]
    held = seconds_between(rows.first_resolved_at, rows.first_reopened_at) > days * 86400
    known = rows.first_resolved_at < ibis.literal(ripe.max()) if len(ripe) else ibis.literal(False)
    kept = rows.filter(held.fill_null(True) & known)
    return aggregate_count(SegmentedRows(kept, source.by, source.first, source.clock), "first_resolved_at")


def _sum_costs(source: SegmentedRows) -> Floats:
    """Spread money evenly over its spans; a period that no cost touches is not booked yet, which is not free."""

    def spread() -> Floats:
        spent = sum_overlap(source, source.rows, None, amount="amount", instants=True)
        return np.where(sum_overlap(source, source.rows, None, instants=True) > 0, spent, np.nan)

    return source.keep("money", spread)


def first_time_fix_rate(desk: LogView) -> SumQuery:
    """Count repairs that took one visit."""
    rows = desk.repairs.rows
    return aggregate_share(desk.repairs, "repaired_at", rows.fixed_first_visit, rows.fixed_first_visit.notnull())


def mttr(desk: LogView) -> DurationQuery:
    """Measure failure to repair."""
    rows = desk.repairs.rows
    spent = seconds_between(rows.failed_at, ibis.coalesce(rows.repaired_at, ibis.literal(desk.log.until)))
    return aggregate_duration(desk.repairs, "failed_at", spent, rows.repaired_at.notnull(), horizon=_HORIZONS_S["mttr"])


def mtbf(desk: LogView) -> DurationQuery:
    """Measure the running time from a repair to the next failure of the asset."""
    order = ibis.window(group_by="asset_id", order_by="failed_at")
    rows = desk.repairs.rows
    rows = rows.mutate(_next=rows.failed_at.lead().over(order))
    source = SegmentedRows(rows, desk.by, desk.repairs.first, desk.clock)
    ran = seconds_between(rows.repaired_at, ibis.coalesce(rows["_next"], ibis.literal(desk.log.until)))
    horizon = _HORIZONS_S["mtbf"]
    return aggregate_duration(
        source, "repaired_at", ran, rows["_next"].notnull(), of=rows.repaired_at.notnull(), horizon=horizon
    )
