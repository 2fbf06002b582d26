"""Whose work each KPI credits, where a history is split by agent."""

from __future__ import annotations

from ..cases.credits import Credit
from .catalogue import find_kpi

_BY_CREDIT: dict[Credit, tuple[str, ...]] = {
    "owner": (
        *("cases_resolved", "resolution_time", "active_resolution_time", "resolution_time_business"),
        *("resolved_within_2d", "sla_attainment", "contacts_to_resolution", "interactions_per_case"),
        *("customer_messages_per_case", "transfer_rate", "escalation_rate", "value_settled", "csat", "nps", "ces"),
        *("problem_solved_rate", "survey_response_rate", "cases_per_agent_hour", "effort_per_case"),
    ),
    "first": ("first_resolution_time", "first_contact_resolution", "reopen_rate"),
    "responder": ("first_response_time", "first_response_time_business", "responded_within_24h"),
    "touch": ("agents_per_case", "requests_per_agent", "contact_effort_per_case"),
    "writer": ("agent_messages_per_case",),
}
#: Rows that name their agent themselves: turns, contacts, stretches of time, and agents' own surveys.
_OWN = ("response_time", "handle_time", "hold_time", "occupancy", "utilisation", "availability")
_CREDITS: dict[str, Credit] = {kpi: credit for credit, kpis in _BY_CREDIT.items() for kpi in kpis}
_CREDITS |= dict.fromkeys(_OWN, "touch")


def find_credit(kpi: str) -> Credit | None:
    """Return whom a KPI credits by agent: not the final owner of a case, but who did the work; ``None`` for no one.

    What nobody has done yet (new and open cases, calls in the queue), what machines did, and money have no agent.

    >>> [find_credit(kpi) for kpi in ("response_time", "resolution_time", "sla_attainment_first_response", "backlog")]
    ['touch', 'owner', 'responder', None]
    """
    if kpi.startswith("sla_attainment_") and kpi.endswith("response"):
        return "responder"
    entry = find_kpi(kpi)
    return None if entry is None else _CREDITS.get(entry.name)
