"""Which function counts each KPI. To add one: a function, a line here, an entry in the definitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from . import article_kpis as article
from . import case_kpis as case
from . import contact_kpis as rest
from . import denominator_kpis as beside
from . import people_kpis as people
from . import volume_kpis as report
from . import waiting_kpis as waiting
from .aggregate import aggregate_count
from .catalogue import find_kpi, parse_kpi_limit_s
from .queries import HistoryOrQuery
from .view import LogView

KpiFormula = Callable[[LogView], HistoryOrQuery]


def contacts_or_counts(single: KpiFormula, counted: KpiFormula) -> KpiFormula:
    """Return a formula that counts single contacts, or sums an interval report where a log has nothing else."""

    def formula(desk: LogView, **limits: float) -> HistoryOrQuery:
        return (counted if report.has_only_volumes(desk) else single)(desk, **limits)

    return formula


_SERVICE_LEVEL = contacts_or_counts(rest.service_level, report.service_level)
#: KPI -> how it is counted, and the table whose segments it needs.
KPI_FORMULAS: dict[str, tuple[KpiFormula, str]] = {
    "cases_opened": (case.cases_opened, "cases"),
    "cases_resolved": (case.cases_resolved, "cases"),
    "backlog": (case.backlog, "cases"),
    "backlog_age": (case.backlog_age, "cases"),
    **{f"backlog_over_{days}d": (partial(case.backlog_over, limit=days * 86400.0), "cases") for days in (1, 2, 7, 30)},
    "resolution_rate": (case.resolution_rate, "cases"),
    "contacts_offered": (
        contacts_or_counts(lambda desk: aggregate_count(desk.contacts, "queued_at"), report.offered),
        "contacts",
    ),
    "abandonment_rate": (contacts_or_counts(rest.abandonment_rate, report.abandonment_rate), "contacts"),
    "outbound_share": (waiting.outbound_share, "outbound_contacts"),
    "first_response_time": (
        partial(case.case_duration, name="first_response_time", seconds="first_response_s"),
        "cases",
    ),
    "response_time": (case.response_time, "cases"),
    "resolution_time": (partial(case.case_duration, name="resolution_time", seconds="resolution_s"), "cases"),
    "first_resolution_time": (case.first_resolution_time, "cases"),
    "active_resolution_time": (
        partial(case.case_duration, name="active_resolution_time", seconds="resolution_s", pause=True),
        "cases",
    ),
    "first_response_time_business": (
        partial(case.business_duration, name="first_response_time_business", seconds="first_response_business_s"),
        "cases",
    ),
    "resolution_time_business": (
        partial(case.business_duration, name="resolution_time_business", seconds="resolution_business_s"),
        "cases",
    ),
    "responded_within_24h": (partial(case.responded_within, limit=24 * 3600.0), "cases"),
    "resolved_within_2d": (partial(case.resolved_within, limit=2 * 86400.0), "cases"),
    "sla_attainment": (case.sla_attainment, "cases"),
    "answer_time": (contacts_or_counts(rest.answer_time, partial(report.mean_time, column="wait_s")), "contacts"),
    "service_level": (_SERVICE_LEVEL, "contacts"),
    "hold_time": (contacts_or_counts(rest.hold_time, partial(report.mean_time, column="hold_s")), "contacts"),
    "team_time": (partial(waiting.stay_time, kind="team"), "team_stays"),
    "status_time": (partial(waiting.stay_time, kind="status"), "status_stays"),
    "pending_time_per_case": (partial(case.mean_per_resolved, amount=lambda rows: rows.pending_s), "cases"),
    "on_hold_time_per_case": (partial(case.mean_per_resolved, amount=lambda rows: rows.on_hold_s), "cases"),
    "first_contact_resolution": (case.first_contact_resolution, "cases"),
    "contacts_to_resolution": (case.contacts_to_resolution, "cases"),
    "interactions_per_case": (
        partial(case.mean_per_resolved, amount=lambda rows: rows.customer_messages + rows.agent_messages),
        "cases",
    ),
    "customer_messages_per_case": (
        partial(case.mean_per_resolved, amount=lambda rows: rows.customer_messages),
        "cases",
    ),
    "agent_messages_per_case": (partial(case.mean_per_resolved, amount=lambda rows: rows.agent_messages), "cases"),
    "agents_per_case": (partial(case.mean_per_resolved, amount=lambda rows: rows.agents), "cases"),
    "transfer_rate": (partial(case.share_of_resolved, column="transfers", hit=lambda k: k > 0), "cases"),
    "ping_pong_rate": (waiting.ping_pong_rate, "cases"),
    "duplicate_rate": (waiting.duplicate_rate, "cases"),
    "proactive_rate": (waiting.proactive_rate, "cases"),
    "escalation_rate": (partial(case.share_of_resolved, column="escalations", hit=lambda k: k > 0), "cases"),
    "reopen_rate": (case.reopen_rate, "cases"),
    "repeat_contact_rate": (case.repeat_contact_rate, "cases"),
    "csat": (rest.csat, "surveys"),
    "survey_response_rate": (rest.survey_response_rate, "surveys"),
    "nps": (rest.nps, "surveys"),
    "ces": (partial(rest.mean_score, kind="ces"), "surveys"),
    "agent_satisfaction": (partial(rest.mean_score, kind="agent_satisfaction"), "surveys"),
    "problem_solved_rate": (rest.problem_solved_rate, "surveys"),
    "article_views": (lambda desk: aggregate_count(desk.article_views, "viewed_at"), "article_views"),
    "views_per_case": (rest.views_per_case, ""),
    "article_read_time": (rest.article_read_time, "article_views"),
    "article_left_within_10s": (partial(rest.article_left_within, limit=10.0), "article_views"),
    "deflection_rate": (rest.deflection_rate, "sessions"),
    "article_contacts": (article.article_contacts, "contacts"),
    "failed_search_rate": (article.failed_search_rate, "searches"),
    "screens_per_task": (partial(rest.mean_per_task, column="screens"), ""),
    "clicks_per_task": (partial(rest.mean_per_task, column="clicks"), ""),
    "task_completion_rate": (rest.task_completion_rate, ""),
    "automation_rate": (partial(case.share_of_resolved, column="agents", hit=lambda k: k == 0), "cases"),
    "handle_time": (contacts_or_counts(rest.handle_time, partial(report.mean_time, column="handle_s")), "contacts"),
    "requests_per_agent": (people.requests_per_agent, "cases"),
    "contact_effort_per_case": (people.contact_effort_per_case, "cases"),
    "cases_per_agent_hour": (rest.cases_per_agent_hour, "agent_time"),
    "effort_per_case": (rest.effort_per_case, "agent_time"),
    "occupancy": (partial(rest.agent_time_share, hit=rest.is_handling, of=rest.is_handling_or_available), "agent_time"),
    "utilisation": (partial(rest.agent_time_share, hit=rest.is_handling, of=lambda rows: rows.paid), "agent_time"),
    "availability": (
        partial(rest.agent_time_share, hit=rest.is_handling_or_available, of=lambda rows: rows.paid),
        "agent_time",
    ),
    "cost": (rest.cost, "costs"),
    "cases_per_customer": (partial(beside.cases_per, what="customers"), "denominators"),
    "cases_per_unit": (partial(beside.cases_per, what="units"), "denominators"),
    "cost_per_case": (rest.cost_per_case, "costs"),
    "cost_per_success": (rest.cost_per_success, "costs"),
    "value_settled": (case.value_settled, "cases"),
    "first_time_fix_rate": (rest.first_time_fix_rate, "repairs"),
    "mttr": (rest.mttr, "repairs"),
    "mtbf": (rest.mtbf, "repairs"),
}

_LIMIT_FORMULAS: Mapping[str, Callable[..., HistoryOrQuery]] = {
    "responded_within_24h": case.responded_within,
    "resolved_within_2d": case.resolved_within,
    "backlog_over_30d": case.backlog_over,
    "service_level": _SERVICE_LEVEL,
    "article_left_within_10s": rest.article_left_within,
    "reopen_rate": case.reopen_rate,
    "repeat_contact_rate": case.repeat_contact_rate,
    "first_contact_resolution": case.first_contact_resolution,
}


def find_formula(name: str) -> tuple[KpiFormula, str] | None:
    """Return how a KPI is counted and whose segments it needs; its name may state a limit of its own.

    >>> find_formula("resolved_within_5d")[0].keywords
    {'limit': 432000.0}
    """
    if name in KPI_FORMULAS:
        return KPI_FORMULAS[name]
    entry, limit = find_kpi(name), parse_kpi_limit_s(name)
    if entry is None or limit is None or entry.name not in _LIMIT_FORMULAS:
        return None
    return partial(_LIMIT_FORMULAS[entry.name], limit=limit), KPI_FORMULAS[entry.name][1]
