"""Zammad: tickets with their histories, articles, accounted time and escalation times, from its database.

Names and meanings follow the schema and the code of zammad/zammad (db/migrate/20120101000010_create_ticket.rb and
20120101000050_create_history.rb, db/seeds, app/models/ticket.rb and concerns/has_history.rb, lib/escalation.rb).
All times are UTC. A ticket shows today's values; ``histories`` take them back. A merge moves the articles to the ticket
that remains, and Zammad empties an escalation time as soon as it is met or the ticket waits, so that only the history
has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import InputError
from .assemble import assemble
from .export import ExportRows, ExportTable
from .lookups import Labels, Lookup, read_system_tables
from .pieces import ExportPieces, Piece, build_first_teams, build_piece, look_up_by_case, read_openings_by_agents
from .spec import LoadedSource, SourceSpec
from .stated_settings import propose_settings
from .status import classify_state
from .zammad_due_times import DUE_FIELDS, read_due_times, read_own_sla
from .zammad_settings import CALENDARS, SLAS, read_settings

_STATE_TYPES = ("new", "open", "pending reminder", "pending action", "closed", "merged", "removed")
_STATES = ("new", "open", "pending reminder", "closed", "merged", "removed", "pending close")
#: Type of a state -> what it means; states themselves are added and renamed by the users.
STATE_TYPE_CLASSES: Mapping[str, str] = {
    "new": "open", "open": "open", "pending reminder": "paused", "pending action": "paused", "closed": "resolved",
    "merged": "merged", "removed": "deleted",
}  # fmt: skip
_ARTICLE_TYPES: Mapping[str, str] = {
    "1": "email", "2": "sms", "3": "chat", "4": "fax", "5": "phone", "6": "twitter status",
    "7": "twitter direct-message", "8": "facebook feed post", "9": "facebook feed comment", "10": "note", "11": "web",
    "12": "telegram personal-message",
}  # fmt: skip
#: The system's own user, who owns what nobody owns.
NOBODY = "1"

LOOKUPS = {
    "states": Lookup(
        "states", ("ticket_states",), group=("state_type_id", "state_type"),
        defaults={str(i + 1): name for i, name in enumerate(_STATES)},
        default_groups={"1": "1", "2": "2", "3": "3", "4": "5", "5": "6", "6": "7", "7": "4"},
    ),
    "state_types": Lookup(
        "state_types", ("ticket_state_types",), defaults={str(i + 1): name for i, name in enumerate(_STATE_TYPES)}
    ),
    "priorities": Lookup(
        "priorities", ("ticket_priorities",), defaults={"1": "1 low", "2": "2 normal", "3": "3 high"}
    ),
    "teams": Lookup("teams", ("groups",), defaults={"1": "Users"}),
    "senders": Lookup(
        "senders", ("ticket_article_senders",), defaults={"1": "Agent", "2": "Customer", "3": "System"}
    ),
    "article_types": Lookup(
        "article_types", ("ticket_article_types",), group=("communication",), defaults=_ARTICLE_TYPES,
        default_groups={i: "false" if name == "note" else "true" for i, name in _ARTICLE_TYPES.items()},
    ),
    "history_types": Lookup("history_types", ()),
    "history_objects": Lookup("history_objects", ()),
    "history_attributes": Lookup("history_attributes", ()),
}  # fmt: skip
_CREATED = {"at": "instant"}
EXPORT_TABLES = (
    ExportTable(
        "tickets", ("ticket",),
        {
            "case_id": ("number", "id"), "key": ("id",), "created_at": ("created_at",), "updated_at": ("updated_at",),
            "state_id": ("state_id",), "state": ("state",), "priority_id": ("priority_id",), "priority": ("priority",),
            "team_id": ("group_id",), "team": ("group",), "customer_id": ("customer_id",), "case_type": ("type",),
            "channel_id": ("create_article_type_id",), "channel": ("create_article_type",),
            "resolved_at": ("last_close_at", "close_at"), "close_at": ("close_at",),
            "first_response_at": ("first_response_at",),
            "first_response_due": ("first_response_escalation_at",), "update_due": ("update_escalation_at",),
            "close_due": ("close_escalation_at",), "first_response_margin": ("first_response_diff_in_min",),
            "close_margin": ("close_diff_in_min",), "time_units": ("time_unit",),
        },
        ("case_id", "key", "created_at"), ("state_id", "team_id", "priority_id", "customer_id"),
        {
            "key": "id", "created_at": "instant", "updated_at": "instant", "resolved_at": "instant",
            "close_at": "instant", "first_response_at": "instant", "first_response_due": "instant",
            "update_due": "instant", "close_due": "instant", "first_response_margin": "number",
            "close_margin": "number", "time_units": "number",
        },
        named_only=True,
    ),
    ExportTable(
        "histories", ("history",),
        {
            "record_id": ("o_id",), "object_id": ("history_object_id",), "type_id": ("history_type_id",),
            "attribute_id": ("history_attribute_id",), "old": ("value_from",), "new": ("value_to",),
            "old_id": ("id_from",), "new_id": ("id_to",), "actor_id": ("created_by_id",), "at": ("created_at",),
            "event_id": ("id",),
        },
        ("record_id", "object_id", "type_id", "at"), ("attribute_id", "old_id", "new_id"), _CREATED, named_only=True,
    ),
    ExportTable(
        "articles", ("ticket_articles", "ticket_article"),
        {
            "ticket_id": ("ticket_id",), "at": ("created_at",), "sender_id": ("sender_id",), "type_id": ("type_id",),
            "internal": ("internal",), "actor_id": ("created_by_id",), "origin_id": ("origin_by_id",),
            "event_id": ("id",),
        },
        ("ticket_id", "at", "sender_id", "type_id"), ("internal",), {**_CREATED, "internal": "flag"}, named_only=True,
    ),
    ExportTable(
        "time_accountings", ("ticket_time_accountings",),
        {"ticket_id": ("ticket_id",), "units": ("time_unit",)},
        ("ticket_id", "units"), (), {"units": "number"}, named_only=True,
    ),
    CALENDARS, SLAS, *(lookup.table for lookup in LOOKUPS.values()),
)  # fmt: skip

#: Attribute of the history -> kind of event, the canonical name of the field, and the look-up of its ids.
FIELDS: Mapping[str, tuple[str, str, str]] = {
    "state": ("status", "state", "states"),
    "priority": ("priority", "priority", "priorities"),
    "group": ("assigned", "team", "teams"),
    "owner": ("assigned", "agent", ""),
    "customer": ("field", "customer_id", ""),
    "type": ("field", "case_type", ""),
}
_ROLES = {"Agent": "agent", "Customer": "customer", "System": "system"}


def load(spec: SourceSpec, folder: Path) -> LoadedSource:
    """Read the tables of Zammad: at least the tickets.

    Raises
    ------
    InputError
        If there are no tickets, a table lacks a column, or nothing can be used.
    """
    found, notes, labels, taken = read_system_tables(EXPORT_TABLES, LOOKUPS, "tickets", spec, folder, utc=True)
    tickets = _tickets(taken["tickets"], labels, taken.get("time_accountings"), notes)
    numbers = tickets.by_key()["case_id"]
    pieces = ExportPieces(
        "zammad", tickets, state_meanings=_meanings(labels), history="histories" in taken, notes=notes
    )
    pieces.attributes = {"time_units": "outcome"} if tickets.rows["time_units"].notna().any() else {}
    changes = pd.DataFrame(columns=["case_id", "at", "name", "old", "new", "field"])
    if "histories" in taken:
        change, changes = _histories(taken["histories"], found, labels, tickets, spec)
        pieces.events.append(change)
        pieces.events.append(build_first_teams(tickets, changes))
    if "articles" in taken:
        pieces.events.append(_articles(taken["articles"], labels, tickets, numbers))
    pieces.due_times = read_due_times(tickets, changes, notes)
    pieces.events += read_own_sla(tickets, pieces.due_times)
    pieces.stated = propose_settings("zammad", *read_settings(taken, labels), notes)
    pieces.also = [t.ledger for t in taken.values()]
    return assemble(spec, pieces)


def _tickets(
    taken: ExportRows, labels: Mapping[str, Labels], accounted: ExportRows | None, notes: list[str]
) -> ExportRows:
    rows = taken.rows
    new = {}
    for column, lookup in (("state", "states"), ("priority", "priorities"), ("team", "teams"),
                           ("channel", "article_types")):  # fmt: skip
        new[column] = labels[lookup].label(rows[f"{column}_id"], rows[column])
        labels[lookup].note_unknown(rows[f"{column}_id"], "zammad", notes)
    if accounted is not None:
        spent = accounted.accepted_rows().groupby("ticket_id")["units"].sum()
        new["time_units"] = look_up_by_case(rows["key"], spent).fillna(rows["time_units"])
    if rows["time_units"].notna().any() or accounted is not None:
        notes.append("zammad: 'time_units' is the accounted time in the unit that the desk has set, mostly minutes")
    return ExportRows(rows.assign(**new), taken.ledger, taken.raw)


def _meanings(labels: Mapping[str, Labels]) -> dict[str, str]:
    """Return what each state means, by its type; a state that the desk calls spam or deleted is that."""
    states, types = labels["states"], labels["state_types"]
    meanings = {}
    for key, name in states.labels.items():
        kind = states.groups.get(key, "")
        meaning = STATE_TYPE_CLASSES.get(types.labels.get(kind, kind)) or STATE_TYPE_CLASSES.get(
            _STATE_TYPES[int(kind) - 1] if kind.isdigit() and 0 < int(kind) <= len(_STATE_TYPES) else "", ""
        )
        word = classify_state(name)
        meanings[name] = word if word == "deleted" or not meaning else meaning
    return {name: meaning for name, meaning in meanings.items() if meaning}


def _histories(
    taken: ExportRows, found: Mapping[str, Any], labels: Mapping[str, Labels], tickets: ExportRows, spec: SourceSpec
) -> tuple[Piece, pd.DataFrame]:
    """Return the changes of tickets as events, and all of them by case for what else is read from them.

    Who changes a ticket is an agent, unless it is the system's own user or the customer of the ticket.
    """
    for table in ("history_types", "history_objects", "history_attributes"):
        if table not in found:  # their ids are given in the order of first use: no two installations agree
            hint = "it says what was changed; dump it with the others, or name its file in parts"
            raise InputError(
                f"the histories cannot be read without the table {table}",
                where=spec.place,
                hint=hint,
                code="value.unreadable",
            )
    rows = taken.rows
    own = labels["history_objects"].label(rows["object_id"]) == "Ticket"
    own &= labels["history_types"].label(rows["type_id"]) == "updated"
    name = labels["history_attributes"].label(rows["attribute_id"]).where(own)
    kind = name.map({k: v[0] for k, v in FIELDS.items()})
    field = name.map({k: v[1] for k, v in FIELDS.items()})
    sides = {side: rows[side].mask(name.isin(["owner", "customer"]), rows[f"{side}_id"]) for side in ("old", "new")}
    for side in sides:
        for attribute, (_, _, lookup) in FIELDS.items():
            if lookup:  # an id keeps its meaning where the label was changed later
                said = labels[lookup].label(rows[f"{side}_id"], rows[side])
                sides[side] = sides[side].mask(name == attribute, said)
        sides[side] = sides[side].mask((name == "owner") & (sides[side] == NOBODY))
    known = tickets.by_key()
    case_id = look_up_by_case(rows["record_id"], known["case_id"]).where(own)
    lost = own & case_id.isna() & kind.notna()
    # refused by name where the cases are checked; a bare id might be the number of another ticket
    case_id = case_id.mask(lost, "id " + rows["record_id"])
    order = pd.to_numeric(rows["event_id"], errors="coerce")
    asked = rows["actor_id"] == look_up_by_case(rows["record_id"], known["customer_id"])
    role = pd.Series("agent", index=rows.index).mask(asked, "customer").mask(rows["actor_id"] == NOBODY, "system")
    columns = {"case_id": case_id, "at": rows["at"], "old": sides["old"], "new": sides["new"], "field": field}
    change = build_piece(
        taken, kind=kind, order=order, actor_id=rows["actor_id"], actor_role=role.where(rows["actor_id"].notna()),
        team=sides["new"].where(field == "team"), event_id=rows["event_id"].where(kind.notna()), **columns,
    )  # fmt: skip
    kept = taken.ledger.accepted & own.to_numpy(dtype=bool)
    changes = pd.DataFrame({**columns, "name": name, "order": order})[kept].sort_values(["at", "order"], kind="stable")
    return change, changes[changes["field"].notna() | changes["name"].isin(list(DUE_FIELDS))]


def _articles(taken: ExportRows, labels: Mapping[str, Labels], tickets: ExportRows, numbers: pd.Series[Any]) -> Piece:
    """Read the articles: who wrote them by the kind of their sender, and who may read them.

    A note that an agent leaves open is no reply, as it is sent to nobody: so does Zammad, whose first response is the
    first article of an agent whose type is a communication. The mark that a merge leaves in a ticket is such a note.
    """
    rows, ledger = taken.rows, taken.ledger
    said = labels["senders"].label(rows["sender_id"])
    role = said.map(_ROLES).fillna(rows["sender_id"].map(LOOKUPS["senders"].defaults).map(_ROLES))
    talks = rows["type_id"].map(labels["article_types"].groups).fillna("true").str.lower().isin(["true", "t", "1"])
    public = ~rows["internal"].fillna(False).astype(bool) & (talks | (role != "agent"))
    customer = rows["origin_id"].fillna(rows["actor_id"])
    case_id = look_up_by_case(rows["ticket_id"], numbers).fillna("id " + rows["ticket_id"])
    created = tickets.accepted_rows().drop_duplicates("case_id").set_index("case_id")["created_at"]
    older = rows["at"] < look_up_by_case(case_id, created) - pd.Timedelta("60s")
    ledger.reject(
        older.to_numpy(dtype=bool), "created_at", rows["at"],
        "it came with a merged ticket, and is older than the ticket that it went to", code="row.other"
    )  # fmt: skip
    messages = pd.DataFrame(
        {
            "case_id": case_id, "at": rows["at"], "kind": "message", "public": public, "actor_role": role,
            "actor_id": rows["actor_id"].mask(role == "customer", customer),
            "order": pd.to_numeric(rows["event_id"], errors="coerce"), "event_id": "article " + rows["event_id"],
        },
        index=rows.index,
    )  # fmt: skip
    return Piece(read_openings_by_agents(messages, created), ledger)
