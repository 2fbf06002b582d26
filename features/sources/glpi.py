"""GLPI: tickets with their log, followups, solutions, satisfaction and due times, from its database.

Names and meanings follow the schema and the code of glpi-project/glpi (install/mysql/glpi-10.0.20-empty.sql,
src/CommonITILObject.php, src/CommonITILActor.php, src/Ticket.php, src/Log.php). A ticket shows today's values; its log
takes them back. Columns of type TIMESTAMP are instants when they are read from the server; in dumped tables, and before
GLPI 9.5, times are those of the clock that the source names. Problems and changes are other tables and no cases.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from .assemble import assemble
from .export import ExportRows, ExportTable
from .glpi_history import read_due_times, read_log
from .lookups import Labels, Lookup, read_system_tables
from .pieces import ExportPieces, Piece, build_first_teams, look_up_by_case
from .spec import LoadedSource, SourceSpec

STATUSES: Mapping[str, str] = {
    "1": "new", "2": "processing (assigned)", "3": "processing (planned)", "4": "pending", "5": "solved", "6": "closed",
    "7": "accepted", "8": "observed", "9": "evaluation", "10": "approval",
}  # fmt: skip
#: Status -> what it means; one that GLPI waits for itself, such as an approval, waits for others.
STATUS_CLASSES: Mapping[str, str] = {
    "new": "open", "processing (assigned)": "open", "processing (planned)": "open", "pending": "paused",
    "solved": "resolved", "closed": "closed", "accepted": "open", "observed": "open", "evaluation": "open",
    "approval": "on_hold",
}  # fmt: skip
PRIORITIES: Mapping[str, str] = {
    "1": "1 very low", "2": "2 low", "3": "3 medium", "4": "4 high", "5": "5 very high", "6": "6 major",
}  # fmt: skip
TYPES: Mapping[str, str] = {"1": "incident", "2": "request"}
_WHOLE_NAME = ("completename", "name")
LOOKUPS = {
    "categories": Lookup("categories", ("glpi_itilcategories",), label=_WHOLE_NAME),
    "teams": Lookup("teams", ("glpi_groups",), label=_WHOLE_NAME),
    "entities": Lookup("entities", ("glpi_entities",), label=_WHOLE_NAME, defaults={"0": "Root entity"}),
    "channels": Lookup(
        "channels", ("glpi_requesttypes",),
        defaults={"1": "Helpdesk", "2": "E-Mail", "3": "Phone", "4": "Direct", "5": "Written", "6": "Other"},
    ),
}  # fmt: skip
_OF_TICKET, _OF_ITEM = ("tickets_id",), ("items_id", "tickets_id")
EXPORT_TABLES = (
    ExportTable(
        "tickets", ("glpi_tickets",),
        {
            "case_id": ("id",), "created_at": ("date",), "updated_at": ("date_mod",), "resolved_at": ("solvedate",),
            "closed_at": ("closedate",), "status": ("status",), "priority_id": ("priority",), "type_id": ("type",),
            "channel_id": ("requesttypes_id",), "product_id": ("itilcategories_id",), "entity_id": ("entities_id",),
            "first_due": ("time_to_own",), "due": ("time_to_resolve",), "action_time_s": ("actiontime",),
            "deleted": ("is_deleted",),
        },
        ("case_id", "created_at", "status"), ("priority_id", "updated_at"),
        {
            "created_at": "instant", "updated_at": "instant", "resolved_at": "instant", "closed_at": "instant",
            "first_due": "instant", "due": "instant", "action_time_s": "number", "deleted": "flag",
        },
        named_only=True,
    ),
    ExportTable(
        "ticket_users", ("glpi_tickets_users",),
        {"ticket_id": _OF_TICKET, "user_id": ("users_id",), "type": ("type",), "row_id": ("id",)},
        ("ticket_id", "user_id", "type"), named_only=True,
    ),
    ExportTable(
        "ticket_groups", ("glpi_groups_tickets",),
        {"ticket_id": _OF_TICKET, "group_id": ("groups_id",), "type": ("type",), "row_id": ("id",)},
        ("ticket_id", "group_id", "type"), named_only=True,
    ),
    ExportTable(
        "logs", ("glpi_logs",),
        {
            "item_id": ("items_id",), "item_type": ("itemtype",), "link": ("itemtype_link",),
            "action": ("linked_action",), "actor": ("user_name",), "at": ("date_mod",), "option": ("id_search_option",),
            "old": ("old_value",), "new": ("new_value",), "old_id": ("old_id",), "new_id": ("new_id",),
            "event_id": ("id",),
        },
        ("item_id", "item_type", "at", "option"), ("old", "new", "action"), {"at": "instant"}, named_only=True,
    ),
    ExportTable(
        "followups", ("glpi_itilfollowups", "glpi_ticketfollowups"),
        {
            "item_id": _OF_ITEM, "item_type": ("itemtype",), "at": ("date", "date_creation"), "user_id": ("users_id",),
            "private": ("is_private",), "event_id": ("id",),
        },
        ("item_id", "at"), ("user_id", "private"), {"at": "instant", "private": "flag"}, named_only=True,
    ),
    ExportTable(
        "solutions", ("glpi_itilsolutions",),
        {
            "item_id": _OF_ITEM, "item_type": ("itemtype",), "at": ("date_creation",), "user_id": ("users_id",),
            "event_id": ("id",),
        },
        ("item_id", "at"), ("user_id",), {"at": "instant"}, named_only=True,
    ),
    ExportTable(
        "satisfaction", ("glpi_ticketsatisfactions",),
        {
            "survey_id": ("id",), "case_id": _OF_TICKET, "offered_at": ("date_begin",),
            "responded_at": ("date_answered",), "score": ("satisfaction_scaled_to_5", "satisfaction"),
        },
        ("survey_id", "case_id", "offered_at"), (),
        {"offered_at": "instant", "responded_at": "instant", "score": "number"}, named_only=True,
    ),
    *(lookup.table for lookup in LOOKUPS.values()),
)  # fmt: skip
REQUESTER, ASSIGNED = "1", "2"
_NOBODY = "0"


def load(spec: SourceSpec, folder: Path) -> LoadedSource:
    """Read the tables of GLPI: at least the tickets.

    Raises
    ------
    InputError
        If there are no tickets, a table lacks a column, or nothing can be used.
    """
    _, notes, labels, taken = read_system_tables(EXPORT_TABLES, LOOKUPS, "tickets", spec, folder)
    labels = {name: _without_markup(one) for name, one in labels.items()}
    for name in ("logs", "followups", "solutions"):
        if name in taken:
            taken[name] = _of_tickets(taken[name])
    people, groups = (_actors(taken.get(n), c) for n, c in (("ticket_users", "user_id"), ("ticket_groups", "group_id")))
    tickets = _tickets(taken["tickets"], labels, people, groups, notes)
    pieces = ExportPieces("glpi", tickets, state_meanings=STATUS_CLASSES, history="logs" in taken, notes=notes)
    pieces.attributes = {"action_time_s": "outcome"} if tickets.rows["action_time_s"].gt(0).any() else {}
    log = None
    if "logs" in taken:
        names = {"status": STATUSES, "priority": PRIORITIES, "case_type": TYPES}
        log = read_log(taken["logs"], tickets, labels, names, people, groups)
        pieces.events += [*log.pieces, build_first_teams(tickets, log.changes)]
    for name in ("followups", "solutions"):
        if name in taken:
            pieces.events.append(_messages(taken[name], name, people))
    pieces.surveys = _surveys(taken["satisfaction"]) if "satisfaction" in taken else None
    pieces.due_times = read_due_times(tickets, log, spec, notes)
    pieces.also = [t.ledger for t in taken.values()]
    return assemble(spec, pieces)


def _without_markup(labels: Labels) -> Labels:
    """Return labels as people read them: GLPI keeps ``A &#62; B`` for a name within another."""
    return replace(labels, labels={key: html.unescape(name) for key, name in labels.labels.items()})


def _of_tickets(taken: ExportRows) -> ExportRows:
    """Let what is about computers, problems and changes, in the same tables, be of no ticket."""
    kind = taken.rows["item_type"]
    ids = taken.rows["item_id"].mask(kind.notna() & (kind != "Ticket"))
    return ExportRows(taken.rows.assign(item_id=ids), taken.ledger, taken.raw)


def _actors(taken: ExportRows | None, column: str) -> pd.DataFrame:
    """Return who has to do with a ticket: ``case_id``, ``id`` and ``type``, in the order in which they were added."""
    if taken is None:
        return pd.DataFrame({"case_id": [], "id": [], "type": []}, dtype="str")
    rows = taken.accepted_rows()
    order = pd.to_numeric(rows["row_id"], errors="coerce").argsort(kind="stable")
    rows = rows.iloc[order].rename(columns={"ticket_id": "case_id", column: "id"})
    return rows.loc[rows["id"] != _NOBODY, ["case_id", "id", "type"]].reset_index(drop=True)


def _first(actors: pd.DataFrame, kind: str) -> pd.Series[Any]:
    return actors[actors["type"] == kind].drop_duplicates("case_id").set_index("case_id")["id"]


def _tickets(
    taken: ExportRows, labels: Mapping[str, Labels], people: pd.DataFrame, groups: pd.DataFrame, notes: list[str]
) -> ExportRows:
    rows = taken.rows
    group_id = look_up_by_case(rows["case_id"], _first(groups, ASSIGNED))
    new = {
        "state": rows["status"].map(dict(STATUSES)).fillna(rows["status"]),
        "priority": rows["priority_id"].map(dict(PRIORITIES)).fillna(rows["priority_id"]),
        "case_type": rows["type_id"].map(dict(TYPES)).fillna(rows["type_id"]),
        "customer_id": look_up_by_case(rows["case_id"], _first(people, REQUESTER)),
    }
    named = {
        "team": ("teams", group_id),
        "product": ("categories", rows["product_id"].mask(rows["product_id"] == _NOBODY)),
        "region": ("entities", rows["entity_id"]),
        "channel": ("channels", rows["channel_id"].mask(rows["channel_id"] == _NOBODY)),
    }
    for column, (lookup, ids) in named.items():
        new[column] = labels[lookup].label(ids)
        labels[lookup].note_unknown(ids, "glpi", notes)
    if new["region"].nunique() < 2:  # one entity tells nothing
        new["region"] = pd.Series(None, index=rows.index, dtype="str")
    return ExportRows(rows.assign(**new), taken.ledger, taken.raw)


def find_role(case_id: pd.Series[Any], user_id: pd.Series[Any], people: pd.DataFrame) -> pd.Series[Any]:
    """Return the role of each writer: a customer who asked or looks on, unless he works on the ticket; else an agent.

    Who wrote by mail and has no account (0) is a customer.
    """
    key, of = case_id.astype("str") + " " + user_id.astype("str"), people["case_id"] + " " + people["id"]
    works = set(of[people["type"] == ASSIGNED])
    outside = (key.isin(set(of)) & ~key.isin(works)) | (user_id == _NOBODY)
    return pd.Series("agent", index=key.index).mask(outside, "customer")


def _messages(taken: ExportRows, name: str, people: pd.DataFrame) -> Piece:
    """Read followups, and solutions as what they are for the customer: an answer."""
    rows = taken.rows
    role = find_role(rows["item_id"], rows["user_id"], people)
    public: Any = True
    if name == "solutions":
        role = role.mask(rows["user_id"] == _NOBODY, "system")  # of a rule, or of a duplicate
    else:
        public = ~rows["private"].fillna(False).astype(bool)
    table = {
        "case_id": rows["item_id"], "at": rows["at"], "public": public,
        "kind": pd.Series("message", index=rows.index).where(rows["item_id"].notna()), "actor_role": role,
        "actor_id": rows["user_id"].mask(rows["user_id"] == _NOBODY),
        "order": pd.to_numeric(rows["event_id"], errors="coerce"),
        "event_id": f"{name} " + rows["event_id"].astype("str"),
    }  # fmt: skip
    return Piece(pd.DataFrame(table, index=rows.index), taken.ledger)


def _surveys(taken: ExportRows) -> Piece:
    """Read the surveys that were offered. GLPI counts from 0 stars on; 0 is the worst answer, as 1 is."""
    rows = taken.rows
    answered = rows["responded_at"].notna() & rows["score"].notna()
    none = answered & (rows["score"] < 1)
    if none.any():
        taken.ledger.add_note(f"{int(none.sum()):,} answers of 0 stars count as 1, the worst of five")
    score = rows["score"].where(answered).clip(lower=1.0)
    high = (score > 5).to_numpy(dtype=bool)
    taken.ledger.reject(high, "satisfaction", rows["score"].astype("str"), "the score is outside its scale",
                        code="value.range")  # fmt: skip
    table = {
        "survey_id": rows["survey_id"], "case_id": rows["case_id"], "kind": "csat", "offered_at": rows["offered_at"],
        "responded_at": rows["responded_at"].where(answered), "score": score,
    }  # fmt: skip
    return Piece(pd.DataFrame(table, index=rows.index), taken.ledger)
