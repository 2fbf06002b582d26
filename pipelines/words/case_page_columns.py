"""Columns of the tables behind the page of one case; see :mod:`.column_registry`."""

from __future__ import annotations

CASE_PAGE_COLUMNS = {
    "case_clocks": {"target_used": "SLA time used | share"},
    "case_events": {
        "seq": "Place | count",
        "at": "At | instant",
        "kind": "Event | words",
        "field": "Field | words",
        "old": "Before | text",
        "new": "After | text",
        "actor_role": "By | words",
    },
    "past_cases": {
        "created_at": "Created | instant",
        "resolved_at": "Resolved | instant",
        "resolution_s": "Time to resolution | duration",
        "breached": "SLA breached | flag",
    },
}
