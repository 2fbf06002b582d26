"""Freshdesk and Freshservice: tickets, conversations and satisfaction ratings as their API gives them.

Names and codes follow the API (developers.freshdesk.com, "Tickets", "Conversations", "Satisfaction Ratings") and the
streams of singer-io/tap-freshdesk. There is no history of changes: a ticket shows today's values. All times are UTC
with their mark. Due times (``fr_due_by``, ``nr_due_by``, ``due_by``) are those of today, moved on by every status that
stops the clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from .assemble import assemble
from .export import ExportRows, ExportTable
from .lookups import Labels, Lookup, read_system_tables
from .nested_lists import explode_list
from .pieces import ExportPieces, Piece, build_due_times, build_piece
from .spec import LoadedSource, SourceSpec

#: Codes of a ticket; a status from 6 on is one of the desk's own.
STATUSES: Mapping[str, str] = {"2": "open", "3": "pending", "4": "resolved", "5": "closed"}
PRIORITIES: Mapping[str, str] = {"1": "1 low", "2": "2 medium", "3": "3 high", "4": "4 urgent"}
SOURCES: Mapping[str, str] = {
    "1": "email", "2": "portal", "3": "phone", "4": "forum", "5": "twitter", "6": "facebook", "7": "chat",
    "8": "mobihelp", "9": "feedback widget", "10": "outbound email", "11": "ecommerce",
}  # fmt: skip
_OUTBOUND = "10"
#: Due time -> metric.
DUES: Mapping[str, str] = {"fr_due": "first_response", "nr_due": "next_response", "due": "resolution"}
LOOKUPS = {"groups": Lookup("groups", ("group", "agent_groups")), "products": Lookup("products", ("product",))}
_CONVERSATION = {
    "at": ("created_at",), "incoming": ("incoming",), "private": ("private",), "actor_id": ("user_id",),
    "event_id": ("id",),
}  # fmt: skip
_FLAGS = {"at": "instant", "incoming": "flag", "private": "flag"}
EXPORT_TABLES = (
    ExportTable(
        "tickets", ("ticket",),
        {
            "case_id": ("id", "ticket_id"), "created_at": ("created_at",), "updated_at": ("updated_at",),
            "status": ("status",), "priority_code": ("priority",), "source": ("source",), "case_type": ("type",),
            "group_id": ("group_id",), "product_id": ("product_id",), "customer_id": ("requester_id",),
            "fr_due": ("fr_due_by",), "nr_due": ("nr_due_by",), "due": ("due_by",), "spam": ("spam",),
            "deleted": ("deleted",), "first_response_at": ("stats.first_responded_at",),
            "resolved_at": ("stats.resolved_at",), "closed_at": ("stats.closed_at",),
            "conversations": ("conversations",),
        },
        ("case_id", "created_at", "status"), ("due", "fr_due"),
        {
            **dict.fromkeys(("created_at", "updated_at", "first_response_at", "resolved_at", "closed_at"), "instant"),
            **dict.fromkeys(DUES, "instant"), "spam": "flag", "deleted": "flag",
        },
    ),
    ExportTable(
        "conversations", ("conversation",), {**_CONVERSATION, "case_id": ("ticket_id",)},
        ("case_id", "at"), ("incoming", "private"), _FLAGS,
    ),
    ExportTable(
        "ratings", ("satisfaction_ratings", "satisfaction_rating"),
        {
            "survey_id": ("id",), "case_id": ("ticket_id",), "at": ("created_at",), "agent_id": ("agent_id",),
            "score": ("ratings.default_question", "rating"),
        },
        ("survey_id", "case_id", "at", "score"), (), {"at": "instant", "score": "number"},
    ),
    *(lookup.table for lookup in LOOKUPS.values()),
)  # fmt: skip
_INNER = ExportTable("conversations", (), _CONVERSATION, ("at",), (), _FLAGS)
#: The rating of the API, in seven steps -> points of five. Older surveys count 1 to 3 the other way round: unknown.
RATING_SCORES = {103.0: 5.0, 102.0: 5.0, 101.0: 4.0, 100.0: 3.0, -101.0: 2.0, -102.0: 1.0, -103.0: 1.0}


def load(spec: SourceSpec, folder: Path) -> LoadedSource:
    """Read an export of Freshdesk: at least the tickets.

    Raises
    ------
    InputError
        If there are no tickets, or nothing can be used.
    """
    _, notes, labels, taken = read_system_tables(EXPORT_TABLES, LOOKUPS, "tickets", spec, folder)
    tickets = _tickets(taken["tickets"], labels)
    pieces = ExportPieces("freshdesk", tickets, notes=notes)
    inner = explode_list(tickets, "conversations", _INNER, spec, ("case_id",))
    said = [one for one in (inner, taken.get("conversations")) if one is not None]
    pieces.events += [_messages(one) for one in said] or _first_replies(tickets)
    pieces.surveys = _ratings(taken["ratings"]) if "ratings" in taken else None
    rows = tickets.accepted_rows()
    dues = [build_due_times(rows["case_id"], metric, rows[role]) for role, metric in DUES.items()]
    pieces.due_times = pd.concat(dues, ignore_index=True)
    pieces.also = [t.ledger for t in taken.values()]
    return assemble(spec, pieces)


def _tickets(taken: ExportRows, labels: Mapping[str, Labels]) -> ExportRows:
    rows, ledger = taken.rows, taken.ledger
    spam = rows["spam"].fillna(False).to_numpy(dtype=bool)
    ledger.reject(spam, "spam", rows["case_id"], "it is marked as spam", code="row.other")
    outbound = (rows["source"] == _OUTBOUND).to_numpy(dtype=bool)
    ledger.reject(outbound, "source", rows["source"], "an agent wrote first: no demand", code="row.other")
    new = {
        "state": rows["status"].map(dict(STATUSES)).fillna(rows["status"]),
        "priority": rows["priority_code"].map(dict(PRIORITIES)).fillna(rows["priority_code"]),
        "channel": rows["source"].map(dict(SOURCES)).fillna(rows["source"]),
        "team": labels["groups"].label(rows["group_id"]), "product": labels["products"].label(rows["product_id"]),
    }  # fmt: skip
    return ExportRows(rows.assign(**new), ledger, taken.raw)


def _messages(taken: ExportRows) -> Piece:
    """Read conversations: what came in is the customer's, the rest an agent's; a private one is a note."""
    rows = taken.rows
    role = rows["incoming"].map({True: "customer", False: "agent"}).astype("str")
    return build_piece(
        taken,
        case_id=rows["case_id"],
        at=rows["at"],
        kind="message",
        public=~rows["private"].fillna(False).astype(bool),
        actor_role=role.where(rows["incoming"].notna()),
        actor_id=rows["actor_id"],
        event_id=rows["event_id"],
    )


def _first_replies(tickets: ExportRows) -> list[Piece]:
    """Read the first reply as a ticket states it, where its conversations are not exported."""
    rows = tickets.rows
    kind = pd.Series("message", index=rows.index).where(rows["first_response_at"].notna())
    if kind.isna().all():
        return []
    tickets.ledger.add_note("the first reply is the one that the ticket states: there are no conversations")
    at = rows["first_response_at"]
    return [build_piece(tickets, case_id=rows["case_id"], at=at, kind=kind, public=True, actor_role="agent")]


def _ratings(taken: ExportRows) -> Piece:
    """Read the answers; surveys that nobody answered are not exported."""
    rows, ledger = taken.rows, taken.ledger
    points: pd.Series[Any] = rows["score"].map(RATING_SCORES)
    ledger.reject(points.isna().to_numpy(), "score", rows["score"].astype("str"), "an answer that nobody knows",
                  code="value.unknown")  # fmt: skip
    ledger.add_note("only surveys that were answered are there: the response rate is not known")
    table = {
        "survey_id": rows["survey_id"], "case_id": rows["case_id"], "kind": "csat", "agent_id": rows["agent_id"],
        "offered_at": rows["at"], "responded_at": rows["at"], "score": points,
    }  # fmt: skip
    return Piece(pd.DataFrame(table), ledger)
