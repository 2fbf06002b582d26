"""What was known, and when: canonical tables, clocks, histories, snapshots and labels."""

from __future__ import annotations

from .lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "BusinessCalendar": "calendars.business_calendar",
        "CaseLog": "case_log.log",
        "InputError": "errors",
        "availability": "kpis.availability",
        "breach_labels": "labels.breach",
        "business_add": "calendars.business_time",
        "business_seconds": "calendars.business_time",
        "case_business_times": "cases.business_times",
        "case_history": "cases.history",
        "dissatisfaction_labels": "labels.satisfaction",
        "escalation_labels": "labels.events",
        "feature_columns": "snapshots.snapshots",
        "kpi_history": "kpis.kpi_history",
        "milestones": "sla.milestones",
        "reopen_labels": "labels.events",
        "series": "kpis.kpi_history",
        "snapshots": "snapshots.snapshots",
    },
)
