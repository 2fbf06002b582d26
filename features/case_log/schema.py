"""The canonical tables: their columns, and the instant from which each value is known.

Every other module takes the names from here. A table is declared once; conforming, hiding the future and
reporting what is missing all read the same declaration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ColumnKind = Literal["id", "text", "instant", "seconds", "number", "count", "flag"]
AttributeTiming = Literal["creation", "event", "outcome"]
ATTRIBUTE_TIMINGS = ("creation", "event", "outcome")

#: Kinds of event, in the order in which a case usually meets them.
EVENT_KINDS = (
    "created",
    "message",
    "status",
    "assigned",
    "priority",
    "escalated",
    "paused",
    "resumed",
    "resolved",
    "reopened",
    "closed",
    "merged",
    "field",
)
#: What reveals a value of a case that is known when the case is resolved or closed.
SETTLEMENT = "settlement"
ACTOR_ROLES = ("agent", "customer", "system", "bot")


@dataclass(frozen=True)
class Column:
    """One column: its kind, whether a row is worthless without it, and what reveals it.

    ``known_by`` names the instant column of the same row at which the value comes to be known; ``None`` means
    with the row itself, :data:`SETTLEMENT` with the end of the case. ``after`` names a column of seconds that pass
    between that instant and the knowledge.
    """

    name: str
    kind: ColumnKind
    required: bool = False
    known_by: str | None = None
    after: str | None = None


@dataclass(frozen=True)
class Table:
    """One canonical table: a name, columns, the key, and the instant at which a row comes to be known.

    ``after`` names a column of seconds to add to that instant: a count of a slot is known when the slot is over.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    instant: str | None
    after: str | None = None
    meaning: str = field(default="", compare=False)

    def column(self, name: str) -> Column | None:
        """Return the column of that name, or ``None``."""
        return next((c for c in self.columns if c.name == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns."""
        return tuple(c.name for c in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns without which a row is refused."""
        return tuple(c.name for c in self.columns if c.required)


def _c(name: str, kind: ColumnKind, required: bool = False, by: str | None = None) -> Column:
    return Column(name, kind, required, by)


#: What a call or chat has, whoever began it.
_CONTACT = (
    _c("contact_id", "id", True),
    _c("case_id", "id", by="ended_at"),
    _c("channel", "text"),
    _c("queued_at", "instant", True),
    _c("answered_at", "instant", by="answered_at"),
    _c("ended_at", "instant", by="ended_at"),
)

_ALL = (
    Table(
        "cases",
        (
            _c("case_id", "id", True),
            _c("created_at", "instant", True),
            _c("channel", "text"),
            _c("product", "text"),
            _c("region", "text"),
            _c("case_type", "text"),
            _c("priority", "text"),
            _c("customer_id", "id"),
            _c("team", "text"),
            _c("amount", "number", by=SETTLEMENT),
        ),
        key=("case_id",),
        instant="created_at",
        meaning="a case as it was created",
    ),
    Table(
        "events",
        (
            _c("case_id", "id", True),
            _c("seq", "count"),
            _c("at", "instant", True),
            _c("recorded_at", "instant"),
            _c("kind", "text", True),
            _c("field", "text"),
            _c("old", "text"),
            _c("new", "text"),
            _c("actor_id", "id"),
            _c("actor_role", "text"),
            _c("public", "flag"),
            _c("team", "text"),
        ),
        key=("case_id", "seq"),
        instant="at",
        meaning="something that happened to a case",
    ),
    Table(
        "contacts",
        (
            *_CONTACT,
            _c("hold_s", "seconds", by="ended_at"),
            _c("wrap_s", "seconds", by="ended_at"),
            _c("outcome", "text", by="ended_at"),
            _c("agent_id", "id", by="answered_at"),
            _c("team", "text"),
            _c("article_id", "id"),
        ),
        key=("contact_id",),
        instant="queued_at",
        meaning="a call or chat",
    ),
    Table(
        "outbound_contacts",
        (
            *_CONTACT,
            _c("agent_id", "id"),
            _c("team", "text"),
        ),
        key=("contact_id",),
        instant="queued_at",
        meaning="a call or chat that the desk began",
    ),
    Table(
        "surveys",
        (
            _c("survey_id", "id", True),
            _c("kind", "text", True),
            _c("case_id", "id"),
            _c("agent_id", "id"),
            _c("offered_at", "instant", True),
            _c("responded_at", "instant", by="responded_at"),
            _c("score", "number", by="responded_at"),
            _c("problem_solved", "flag", by="responded_at"),
        ),
        key=("survey_id",),
        instant="offered_at",
        meaning="one survey offered",
    ),
    Table(
        "article_views",
        (
            _c("session_id", "id", True),
            _c("article_id", "id", True),
            _c("viewed_at", "instant", True),
            Column("read_s", "seconds", known_by="viewed_at", after="read_s"),
            _c("case_id", "id"),
        ),
        key=("session_id", "article_id", "viewed_at"),
        instant="viewed_at",
        meaning="one view of a help article",
    ),
    Table(
        "searches",
        (
            _c("session_id", "id", True),
            _c("searched_at", "instant", True),
            _c("found", "flag"),
        ),
        key=("session_id", "searched_at"),
        instant="searched_at",
        meaning="one search of the help centre",
    ),
    Table(
        "tasks",
        (
            _c("task_id", "id", True),
            _c("started_at", "instant", True),
            _c("finished_at", "instant", by="finished_at"),
            _c("completed", "flag", by="finished_at"),
            _c("screens", "count", by="finished_at"),
            _c("clicks", "count", by="finished_at"),
        ),
        key=("task_id",),
        instant="started_at",
        meaning="one self-service task by a customer",
    ),
    Table(
        "agent_time",
        (
            _c("agent_id", "id", True),
            _c("team", "text"),
            _c("start", "instant", True),
            _c("end", "instant", by="end"),
            _c("state", "text", True),
            _c("paid", "flag"),
        ),
        key=("agent_id", "start"),
        instant="start",
        meaning="a stretch of an agent's time",
    ),
    Table(
        "schedules",
        (
            _c("agent_id", "id", True),
            _c("start", "instant", True),
            _c("end", "instant", True),
            _c("activity", "text", True),
            _c("paid", "flag"),
        ),
        key=("agent_id", "start"),
        instant=None,
        meaning="a stretch of a person's planned time",
    ),
    Table(
        "costs",
        (
            _c("start", "instant", True),
            _c("end", "instant", True),
            _c("category", "text"),
            _c("amount", "number", True),
            _c("currency", "text"),
        ),
        key=("start", "end", "category"),
        instant="end",
        meaning="money in a period",
    ),
    Table(
        "denominators",
        (
            _c("start", "instant", True),
            _c("end", "instant", True),
            _c("customers", "number"),
            _c("units", "number"),
        ),
        key=("start",),
        instant="end",
        meaning="how many customers there were in a month, and how many units were sold in it",
    ),
    Table(
        "repairs",
        (
            _c("asset_id", "id", True),
            _c("failed_at", "instant", True),
            _c("repaired_at", "instant", by="repaired_at"),
            _c("visits", "count", by="repaired_at"),
            _c("fixed_first_visit", "flag", by="repaired_at"),
            _c("case_id", "id"),
        ),
        key=("asset_id", "failed_at"),
        instant="failed_at",
        meaning="one failure of an asset",
    ),
    Table(
        "sla_policies",
        (
            _c("policy", "text", True),
            _c("metric", "text", True),
            _c("priority", "text"),
            _c("target_s", "seconds"),
            _c("clock", "text", True),
            _c("calendar", "text"),
            _c("pause_on", "text"),
            _c("valid_from", "instant"),
            _c("when", "text"),
            _c("preset", "text"),
            _c("match", "text"),
            _c("on_change", "text"),
            _c("cycles", "text"),
            _c("versions", "text"),
            _c("starts", "text"),
        ),
        key=("policy", "metric", "priority", "valid_from"),
        instant=None,
        meaning="versioned target",
    ),
    Table(
        "due_times",
        (
            _c("case_id", "id", True),
            _c("metric", "text", True),
            _c("due_at", "instant"),
            _c("set_at", "instant"),
        ),
        key=("case_id", "metric", "set_at"),
        instant="set_at",
        meaning="when a case is due by the system's own word, and from when that was so",
    ),
    Table(
        "volumes",
        (
            _c("unique_id", "text"),
            _c("ds", "instant", True),
            _c("slot_s", "seconds", True),
            _c("y", "number", True),
            _c("answered", "number"),
            _c("abandoned", "number"),
            _c("short_abandons", "number"),
            _c("transferred_out", "number"),
            _c("handle_s", "seconds"),
            _c("talk_s", "seconds"),
            _c("hold_s", "seconds"),
            _c("wrap_s", "seconds"),
            _c("wait_s", "seconds"),
            _c("answered_in_target", "number"),
            _c("target_s", "seconds"),
        ),
        key=("unique_id", "ds"),
        instant="ds",
        after="slot_s",
        meaning="a count of arrivals in one interval and the totals beside it, for sources that keep no single cases",
    ),
)

#: The canonical tables by name, in the order of the catalogue.
TABLES: dict[str, Table] = {t.name: t for t in _ALL}


#: What is derived from events, with its type; missing for all cases where the log cannot know it.
DERIVED_COLUMNS: Mapping[str, str] = {
    "current_priority": "string",
    "current_team": "string",
    "status": "string",
    "first_response_at": "timestamp('UTC', 6)",
    "first_response_s": "float64",
    "first_resolved_at": "timestamp('UTC', 6)",
    "resolved_at": "timestamp('UTC', 6)",
    "first_reopened_at": "timestamp('UTC', 6)",
    "closed_at": "timestamp('UTC', 6)",
    "merged_at": "timestamp('UTC', 6)",
    "ended_at": "timestamp('UTC', 6)",
    "is_open": "boolean",
    "resolution_s": "float64",
    "age_s": "float64",
    "pending_s": "float64",
    "on_hold_s": "float64",
    "reopens": "int64",
    "transfers": "int64",
    "escalations": "int64",
    "priority_changes": "int64",
    "customer_messages": "int64",
    "agent_messages": "int64",
    "agents": "int64",
}


#: ``field`` of a pause in which the case waits for others than its customer; any other waits for the customer.
ON_HOLD_FIELD = "on_hold"
#: Value of an event that says that the system has decided: as its flag stands then.
DECIDED_VALUE = "decided"
#: ``field`` of an event that sets a due time -> the metric that is due; without a value there is none from then on.
DUE_FIELDS: Mapping[str, str] = {f"{m}.due": m for m in ("first_response", "next_response", "resolution")}
