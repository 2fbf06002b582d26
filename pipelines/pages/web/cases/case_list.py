"""Open cases of all kinds as one list: within their SLA, past saving, breached, and awaiting closure."""

from __future__ import annotations

from collections.abc import Mapping

from ..frame.listing import ListSpec, quote_name
from ..frame.snapshot import Snapshot

#: Table -> what its cases have in common.
SITUATIONS = {
    "risk": "Within SLA",
    "open_cases": "Within SLA",
    "past_saving": "Too little time left",
    "breached_cases": "Breached",
    "awaiting_closure": "Awaiting closure",
}
#: Column -> its type; a table without it has no values there.
COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("case_id", "metric"), "VARCHAR"),
    "probability": "DOUBLE",
    "risk_level": "VARCHAR",
    "due_at": "TIMESTAMPTZ",
    **dict.fromkeys(("left_wall_s", "left_business_s", "overdue_s", "age_s"), "DOUBLE"),
    **dict.fromkeys(("owner", "team", "priority", "action", "reason_1", "reason_2", "reason_3"), "VARCHAR"),
    "work_first": "BOOLEAN",
    "rank": "BIGINT",
    "expected_benefit": "DOUBLE",
    **dict.fromkeys(("median_finish", "finish_80", "first_flagged_at", "as_of"), "TIMESTAMPTZ"),
    "paused": "BOOLEAN",
    "caution": "VARCHAR",
}
#: Columns of the list, in their order.
SHOWN = (
    *("case_id", "probability", "due_at", "left_wall_s", "action", "reason_1", "priority", "team", "owner"),
    *("situation", "overdue_s"),
)
#: Columns of an export, and of the API.
EXPORTED = ("situation", *COLUMNS)
_FACETS = ("situation", "risk_level", "work_first", "priority", "team", "owner", "metric")
_SEARCH = ("case_id", "owner", "team", "priority", "action", "reason_1")


def list_spec(results: Snapshot) -> ListSpec:
    """Return the list of all open cases of some results; each case by each of its SLAs."""
    sorts = (*SHOWN, "risk_level", "work_first", "rank", "expected_benefit")
    return ListSpec(cases_source(results), sorts, _FACETS, ("search_text",), "rank", "case_id")


def cases_source(results: Snapshot) -> str:
    """Return the table of the cases of every situation, which is made once of each results."""
    parts = []
    for table, situation in SITUATIONS.items():
        if not results.has(table):
            continue
        there = results.columns(table)
        names = [
            f"{quote_name(c)}::{kind} AS {quote_name(c)}" if c in there else f"NULL::{kind} AS {quote_name(c)}"
            for c, kind in COLUMNS.items()
        ]
        parts.append(f"SELECT '{situation}' AS situation, {', '.join(names)} FROM {{{table}}}")
    text = f"lower(concat_ws(chr(10), {', '.join(_SEARCH)}))"
    results.derive("all_cases", f"SELECT *, {text} AS search_text FROM ({' UNION ALL '.join(parts)})")
    return "{all_cases}"
