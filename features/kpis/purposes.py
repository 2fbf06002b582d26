"""What KPIs are for: those that serve a goal of retention, scale or cost, and how surely each does."""

from __future__ import annotations

from .catalogue import find_kpi

#: Purpose -> its KPIs, those that are closest to it first. To keep customers counts what they say and whether their
#: problem was solved; to grow without as many people what one person gets done and what needs none; to spend less the
#: money and the time.
PURPOSES: dict[str, tuple[str, ...]] = {
    "retention": (
        *("csat", "nps", "ces", "problem_solved_rate", "first_contact_resolution", "reopen_rate"),
        *(
            "repeat_contact_rate",
            "sla_attainment",
            "resolution_time",
            "resolved_within_2d",
            "first_time_fix_rate",
            "escalation_rate",
        ),
    ),
    "scale": (
        *("cases_per_agent_hour", "requests_per_agent", "automation_rate", "deflection_rate", "occupancy"),
        *("task_completion_rate", "views_per_case", "backlog", "resolution_rate", "utilisation"),
    ),
    "cost": (
        *("cost_per_case", "cost_per_success", "handle_time", "effort_per_case", "contact_effort_per_case"),
        *("contacts_to_resolution", "agents_per_case", "transfer_rate", "active_resolution_time", "mttr"),
    ),
}


def find_purposes(kpi: str) -> tuple[str, ...]:
    """Return which goals a KPI serves: of a KPI with a limit of its own, those of its kind.

    >>> find_purposes("csat"), find_purposes("sla_attainment_resolution"), find_purposes("contacts_offered")
    (('retention',), ('retention',), ())
    """
    entry = find_kpi(kpi)
    names = {kpi, entry.name if entry else kpi}
    return tuple(purpose for purpose, kpis in PURPOSES.items() if names & set(kpis))
