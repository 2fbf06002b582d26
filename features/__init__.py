"""What was known, and when: canonical tables, clocks, histories, snapshots and labels."""

from .lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "calendars.business_calendar": "BusinessCalendar",
    "calendars.business_time": "business_add business_seconds",
    "case_log.log": "CaseLog",
    "cases.business_times": "case_business_times",
    "cases.facts": "write_case_history",
    "cases.history": "case_history",
    "errors": "InputError",
    "kpis.availability": "availability",
    "kpis.case_flow": "compute_case_flow",
    "kpis.cases_behind": "find_cases_behind",
    "kpis.kpi_history": "kpi_history series",
    "labels.breach": "breach_labels",
    "labels.events": "escalation_labels reopen_labels",
    "labels.satisfaction": "dissatisfaction_labels",
    "sla.milestones": "milestones",
    "snapshots.snapshots": "feature_columns snapshots",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
