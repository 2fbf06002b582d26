"""osTicket: tickets with the events and entries of their threads, due times and flags, from its database.

Names and meanings follow the schema and the code of osTicket/osTicket (setup/inc/streams/core/install-mysql.sql,
include/class.ticket.php, include/class.thread.php, include/i18n/en_US). Tables bear the prefix of the installation,
mostly ``ost_``. Times are those of the database server's clock, which the source names. A ticket shows today's values;
the events of its thread take them back. Tasks have threads of their own and are no cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ..errors import InputError
from ..readers.json_files import parse_json_object
from .assemble import assemble
from .export import ExportRows, ExportTable
from .lookups import Labels, Lookup, read_system_tables
from .osticket_history import read_due_times, read_own_sla, read_thread_events
from .pieces import ExportPieces, Piece, build_first_teams, look_up_by_case, read_openings_by_agents
from .spec import LoadedSource, SourceSpec
from .status import classify_state

LOOKUPS = {
    "statuses": Lookup(
        "statuses", ("ticket_status",), group=("state",), prefixed=True,
        defaults={"1": "Open", "2": "Resolved", "3": "Closed", "4": "Archived", "5": "Deleted"},
        default_groups={"1": "open", "2": "closed", "3": "closed", "4": "archived", "5": "deleted"},
    ),
    "priorities": Lookup(
        "priorities", ("ticket_priority",), key=("priority_id",), label=("priority_desc", "priority"), prefixed=True,
        defaults={"1": "Low", "2": "Normal", "3": "High", "4": "Emergency"},
    ),
    "teams": Lookup(
        "teams", ("department",), key=("id", "dept_id"), label=("name", "dept_name"), prefixed=True
    ),
    "topics": Lookup("topics", ("help_topic",), key=("topic_id",), label=("topic",), prefixed=True),
    "event_names": Lookup(
        "event_names", ("event",), prefixed=True,
        defaults={"1": "created", "2": "closed", "3": "reopened", "4": "assigned", "5": "released", "6": "transferred",
                  "7": "referred", "8": "overdue", "9": "edited", "10": "viewed", "11": "error", "12": "collab",
                  "13": "resent", "14": "deleted", "15": "merged", "16": "unlinked", "17": "linked"},
    ),
    "fields": Lookup("fields", ("form_field",), label=("name",), group=("type",), prefixed=True),
}  # fmt: skip
EXPORT_TABLES = (
    ExportTable(
        "tickets", ("ticket",),
        {
            "key": ("ticket_id",), "case_id": ("number", "ticket_id"), "created_at": ("created",),
            "updated_at": ("lastupdate", "updated"), "closed_at": ("closed",), "status_id": ("status_id",),
            "team_id": ("dept_id",), "topic_id": ("topic_id",), "customer_id": ("user_id",), "channel": ("source",),
            "sla_id": ("sla_id",), "parent_id": ("ticket_pid",), "flags": ("flags",), "set_due": ("duedate",),
            "sla_due": ("est_duedate",),
        },
        ("key", "case_id", "created_at"), ("status_id", "team_id", "customer_id"),
        {
            "key": "id", "created_at": "instant", "updated_at": "instant", "closed_at": "instant", "flags": "number",
            "set_due": "instant", "sla_due": "instant",
        },
        named_only=True, prefixed=True,
    ),
    ExportTable(
        "threads", ("thread",),
        {"key": ("id",), "object_id": ("object_id",), "object_type": ("object_type",), "extra": ("extra",)},
        ("key", "object_id", "object_type"), (), {"key": "id"}, named_only=True, prefixed=True,
    ),
    ExportTable(
        "thread_events", ("thread_event",),
        {
            "thread_id": ("thread_id",), "event_kind_id": ("event_id",), "event_kind": ("state",), "data": ("data",),
            "team_id": ("dept_id",), "actor_id": ("uid",), "actor_type": ("uid_type",), "at": ("timestamp",),
            "event_id": ("id",),
        },
        ("thread_id", "at"), ("team_id", "data"), {"at": "instant"}, named_only=True, prefixed=True,
    ),
    ExportTable(
        "thread_entries", ("thread_entry",),
        {
            "thread_id": ("thread_id",), "type": ("type",), "staff_id": ("staff_id",), "user_id": ("user_id",),
            "flags": ("flags",), "at": ("created",), "event_id": ("id",),
        },
        ("thread_id", "type", "at"), ("staff_id",), {"at": "instant", "flags": "number"},
        named_only=True, prefixed=True,
    ),
    ExportTable(
        "ticket_data", ("ticket__cdata",), {"ticket_id": ("ticket_id",), "priority_id": ("priority",)},
        ("ticket_id",), ("priority_id",), named_only=True, prefixed=True,
    ),
    *(lookup.table for lookup in LOOKUPS.values()),
)  # fmt: skip
_LINKED, _HIDDEN, _BY_SYSTEM = 0x8, 0x4, 0x80
_NONE = "0"


def load(spec: SourceSpec, folder: Path) -> LoadedSource:
    """Read the tables of osTicket: at least the tickets.

    Raises
    ------
    InputError
        If there are no tickets, a table lacks a column, or nothing can be used.
    """
    _, notes, labels, taken = read_system_tables(EXPORT_TABLES, LOOKUPS, "tickets", spec, folder)
    tickets = _tickets(taken["tickets"], taken.get("ticket_data"), labels, notes)
    _place_in_cases(taken, tickets, spec)
    pieces = ExportPieces(
        "osticket", tickets, state_meanings=_meanings(labels), history="thread_events" in taken, notes=notes
    )
    log = None
    if "thread_events" in taken:
        log = read_thread_events(taken["thread_events"], labels)
        pieces.events += [*log.pieces, build_first_teams(tickets, log.changes)]
    if "thread_entries" in taken:
        pieces.events.append(_messages(taken["thread_entries"], tickets))
    pieces.due_times = read_due_times(tickets, log, spec, notes)
    pieces.events += read_own_sla(tickets, log)
    pieces.also = [t.ledger for t in taken.values()]
    return assemble(spec, pieces)


def _tickets(taken: ExportRows, data: ExportRows | None, labels: Mapping[str, Labels], notes: list[str]) -> ExportRows:
    rows = taken.rows
    priority = pd.Series(None, index=rows.index, dtype="str")
    if data is not None:
        own = data.accepted_rows().drop_duplicates("ticket_id", keep="last").set_index("ticket_id")["priority_id"]
        priority = look_up_by_case(rows["key"], own)
    ids = {"state": ("statuses", rows["status_id"]), "team": ("teams", rows["team_id"]),
           "product": ("topics", rows["topic_id"]), "priority": ("priorities", priority)}  # fmt: skip
    new = {}
    for column, (lookup, values) in ids.items():
        there = values.mask(values == _NONE)
        new[column] = labels[lookup].label(there)
        labels[lookup].note_unknown(there.where(there.fillna("").str.fullmatch(r"\d+")), "osticket", notes)
    # a ticket that was put into another one has that as its parent; one that is only linked goes on by itself
    flags = rows["flags"].fillna(0).astype("int64")
    child = rows["parent_id"].notna() & (rows["parent_id"] != _NONE)
    new["merged"] = child & ((flags & _LINKED) == 0)
    new["customer_id"] = rows["customer_id"].mask(rows["customer_id"] == _NONE)
    return ExportRows(rows.assign(**new), taken.ledger, taken.raw)


def _meanings(labels: Mapping[str, Labels]) -> dict[str, str]:
    """Describe what each status means: by the state that osTicket gives it, and its name within that."""
    known = {}
    for key, name in labels["statuses"].labels.items():
        state, words = str(labels["statuses"].groups.get(key, "")).lower(), classify_state(name)
        if state == "open":
            known[name] = words if words in ("paused", "on_hold") else "open"
        elif state in ("closed", "archived"):
            known[name] = words if words in ("resolved", "merged") else "closed"
        elif state == "deleted":
            known[name] = "deleted"
    return known


def _place_in_cases(taken: Mapping[str, ExportRows], tickets: ExportRows, spec: SourceSpec) -> None:
    """Return the case of each event and entry; those of tasks are of none.

    The thread of a ticket that was merged (C) is that of its parent, and says which ticket it was.
    """
    parts = [taken[name] for name in ("thread_events", "thread_entries") if name in taken]
    if parts and "threads" not in taken:
        hint = "it says of which ticket they are; dump it with the others, or name its file in parts"
        raise InputError(
            "the events and entries cannot be read without the table thread", where=spec.place, hint=hint,
            code="source.incomplete",
        )  # fmt: skip
    if not parts:
        return
    rows = taken["threads"].accepted_rows().drop_duplicates("key", keep="last")
    was = rows["extra"].map(lambda text: str(parse_json_object(text).get("ticket_id") or "")).mask(lambda s: s == "")
    ids = rows["object_id"].mask(rows["object_type"] == "C", was.fillna(rows["object_id"]))
    known = tickets.by_key()["case_id"]
    numbers = look_up_by_case(ids, known).fillna("id " + ids).where(rows["object_type"].isin(["T", "C"]))
    by_thread = numbers.set_axis(rows["key"])
    for one in parts:
        place = look_up_by_case(one.rows["thread_id"], by_thread)
        lost = one.rows["thread_id"].notna() & ~one.rows["thread_id"].isin(by_thread.index)
        one.ledger.reject(lost.to_numpy(dtype=bool), "thread_id", one.rows["thread_id"],
                          "its thread is not in the export", code="row.orphan")  # fmt: skip
        one.rows = one.rows.assign(case_id=place)


def _messages(taken: ExportRows, tickets: ExportRows) -> Piece:
    """Read what was said: messages of customers (M), replies (R) and internal notes (N) of agents.

    An entry that was edited is kept hidden beside the one that replaced it.
    """
    rows, ledger = taken.rows, taken.ledger
    flags = rows["flags"].fillna(0).astype("int64")
    hidden = ((flags & _HIDDEN) > 0) & rows["case_id"].notna()
    ledger.reject(hidden.to_numpy(dtype=bool), "flags", rows["type"], "an entry that was edited; the new one counts",
                  code="row.other")  # fmt: skip
    role = rows["type"].map({"M": "customer", "R": "agent", "N": "agent"})
    nobody = rows["staff_id"].isna() | (rows["staff_id"] == _NONE)
    role = role.mask(((flags & _BY_SYSTEM) > 0) | (nobody & (rows["type"] != "M")), "system")
    actor = rows["staff_id"].mask(rows["type"] == "M", rows["user_id"])
    messages = pd.DataFrame(
        {
            "case_id": rows["case_id"], "at": rows["at"], "public": rows["type"] != "N", "actor_role": role,
            "kind": pd.Series("message", index=rows.index).where(rows["case_id"].notna() & role.notna()),
            "actor_id": actor.mask(actor == _NONE), "order": pd.to_numeric(rows["event_id"], errors="coerce"),
            "event_id": "entry " + rows["event_id"].astype("str"),
        },
        index=rows.index,
    )  # fmt: skip
    created = tickets.accepted_rows().drop_duplicates("case_id").set_index("case_id")["created_at"]
    return Piece(read_openings_by_agents(messages, created), ledger)
