"""How a ticket of osTicket went on: the events of its thread, when it was due, and whether osTicket calls it overdue.

Each event has the department of the ticket after it. ``annulled`` marks a closing that was followed by another event of
its kind, for osTicket's own statistics: it happened all the same. Closing a ticket late empties its due time, and
closing it in time keeps it: so of the late ones only the event ``overdue`` tells, which comes when the system looked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..calendars.due_instants import drop_empty_instants, drop_empty_marks
from ..readers.json_files import parse_json_object
from ..readers.timestamps import parse_times
from .columns import ImportReport
from .export import ExportRows
from .lookups import Labels
from .pieces import Piece, build_due_times, build_piece, build_sla_flag_events, look_up_by_case
from .spec import SourceSpec

#: Key of what was edited -> canonical name of the field, and the look-up of its ids.
EDITED: Mapping[str, tuple[str, str]] = {
    "topic_id": ("product", "topics"), "source": ("channel", ""), "user_id": ("customer_id", ""),
}  # fmt: skip
_NONE = "0"


@dataclass(frozen=True)
class ThreadLog:
    """What the events tell: pieces of events, changes of the team, edited due times, and when tickets fell overdue."""

    pieces: list[Piece]
    changes: pd.DataFrame
    dues: pd.DataFrame
    overdue: pd.Series[Any]


def read_thread_events(taken: ExportRows, labels: Mapping[str, Labels]) -> ThreadLog:
    """Read the events of tickets, each with its ``case_id``."""
    rows = taken.rows
    name = labels["event_names"].label(rows["event_kind_id"], rows["event_kind"]).str.lower()
    name = name.where(rows["case_id"].notna())
    order = pd.to_numeric(rows["event_id"], errors="coerce")
    who = rows["actor_id"].mask(rows["actor_id"].isin([_NONE, ""]))
    role = rows["actor_type"].map({"S": "agent", "U": "customer"}).fillna("agent").where(who.notna(), "system")
    line = pd.DataFrame(
        {"case_id": rows["case_id"], "at": rows["at"], "order": order, "name": name, "team_id": rows["team_id"],
         "actor_id": who, "actor_role": role}
    )  # fmt: skip
    line = line[taken.ledger.accepted & name.notna().to_numpy()]
    line = line.sort_values(["case_id", "at", "order"], kind="stable")
    line["data"] = rows["data"].reindex(line.index).map(parse_json_object)
    moves = _find_moves(line, labels["teams"])
    edits, dues = _find_edits(line, labels)
    told = pd.concat([_find_states(line, labels["statuses"]), _find_agents(line), moves, edits])
    told = told.join(line[["case_id", "at", "order", "actor_id", "actor_role"]])
    ledger = ImportReport("thread_events", taken.ledger.where, len(told))
    ledger.numbers = told.index.to_numpy() if taken.ledger.numbers is None else taken.ledger.numbers[told.index]
    late = line[line["name"] == "overdue"].drop_duplicates("case_id").set_index("case_id")["at"]
    changes = moves.join(line[["case_id", "at"]])
    known = build_piece(taken, case_id=rows["case_id"], at=rows["at"], kind=None)  # for the account of its rows
    return ThreadLog([known, Piece(told.reset_index(drop=True), ledger, derived=True)], changes, dues, late)


def _find_states(line: pd.DataFrame, statuses: Labels) -> pd.DataFrame:
    """Return the changes of status. A re-opening does not say to which one: to the first that is open."""
    first = {state: next((statuses.labels[k] for k, g in statuses.groups.items() if g == state), state)
             for state in ("open", "closed")}  # fmt: skip
    kept = line[line["name"].isin(["closed", "reopened", "edited"])]
    ids = kept["data"].map(lambda data: as_id(data.get("status")))
    kept = kept[(kept["name"] != "edited") | (ids != "")]
    ids = ids[kept.index]
    new = statuses.label(ids.mask(ids == "")).fillna(
        kept["name"].map({"closed": first["closed"], "reopened": first["open"]})
    )
    return pd.DataFrame({"kind": "status", "field": "state", "old": None, "new": new}, index=kept.index)


def _find_agents(line: pd.DataFrame) -> pd.DataFrame:
    """Return who was assigned: the one who is named, or who claimed the ticket; by a release nobody is."""
    kept = line[line["name"].isin(["assigned", "released"])]
    named = kept["data"].map(lambda data: as_id(data.get("staff")))
    claimed = kept["data"].map(lambda data: bool(data.get("claim"))).astype(bool)
    new = named.mask((named == "") & claimed, kept["actor_id"]).mask(lambda s: s == "")
    kept = kept[new.notna() | (kept["name"] == "released")]
    new = new[kept.index].where(kept["name"] == "assigned")
    return pd.DataFrame({"kind": "assigned", "field": "agent", "old": None, "new": new}, index=kept.index)


def _find_moves(line: pd.DataFrame, teams: Labels) -> pd.DataFrame:
    """Return the changes of department: where an event has another one than the event before it."""
    there = line[line["team_id"].notna() & (line["team_id"] != _NONE)]
    same = there["case_id"] == there["case_id"].shift()
    moved = there[same & (there["team_id"] != there["team_id"].shift())]
    old, new = (teams.label(there["team_id"].shift(n)[moved.index]) for n in (1, 0))
    return pd.DataFrame({"kind": "assigned", "field": "team", "old": old, "new": new, "team": new}, index=moved.index)


def _find_edits(line: pd.DataFrame, labels: Mapping[str, Labels]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the changes of what describes a ticket, and those of the due time that somebody set."""
    found: list[tuple[Any, ...]] = []
    dues: list[tuple[Any, ...]] = []
    kept = line[line["name"] == "edited"]
    for place, case, at, data in kept[["case_id", "at", "data"]].itertuples():
        for key, (field, lookup) in EDITED.items():
            if isinstance(data.get(key), list) and len(data[key]) == 2:
                old, new = (_label(v, labels[lookup] if lookup else None) for v in data[key])
                found.append((place, "field", field, old, new))
        fields = data.get("fields")
        for key, change in fields.items() if isinstance(fields, dict) else ():
            is_priority = labels["fields"].groups.get(str(key)) == "priority"
            if is_priority and isinstance(change, list) and len(change) == 2:
                old, new = (_label(v, labels["priorities"]) for v in change)
                found.append((place, "priority", "priority", old, new))
        if isinstance(data.get("duedate"), list) and len(data["duedate"]) == 2:
            dues.append((case, at, *(v if isinstance(v, str) else None for v in data["duedate"])))
    edits = pd.DataFrame(found, columns=["place", "kind", "field", "old", "new"], dtype="str")
    edits = edits.set_index(edits["place"].astype("int64")).drop(columns="place").rename_axis(None)
    return edits[edits["old"].fillna("") != edits["new"].fillna("")], pd.DataFrame(
        dues, columns=["case_id", "at", "old", "new"]
    )


def _label(value: Any, labels: Labels | None) -> str | None:
    """Return what a value of an edit is called: by its id where it has one, else by its words."""
    number = as_id(value)
    if labels is not None and number in labels.labels:
        return labels.labels[number]
    if isinstance(value, list):
        value = next((v for v in value if isinstance(v, str) and not v.isdigit()), value[0] if value else None)
    return None if value in (None, "", _NONE, 0) or isinstance(value, (dict, list)) else str(value)


def read_due_times(tickets: ExportRows, log: ThreadLog | None, spec: SourceSpec, notes: list[str]) -> pd.DataFrame:
    """Return when tickets were due: set by hand, else by the SLA, else when osTicket found it overdue.

    A time that somebody set is known since the event; nothing says since when that of an SLA stood.
    """
    rows = tickets.accepted_rows().drop_duplicates("case_id", keep="last")
    today = rows["set_due"].fillna(rows["sla_due"])
    parts = []
    if log is not None:
        late = look_up_by_case(rows["case_id"], log.overdue)
        lost = today.isna() & late.notna()
        if lost.any():
            notes.append(
                f"osticket: {int(lost.sum()):,} tickets that were closed late have lost their due time; they count as "
                "due when the system found them overdue"
            )
        parts.append(build_due_times(rows["case_id"], "resolution", late.where(lost), late))
        told = {s: _parse(log.dues[s].astype("str").where(log.dues[s].notna()), spec, notes) for s in ("old", "new")}
        at = pd.to_datetime(log.dues["at"], utc=True).dt.as_unit("us")
        parts.append(build_due_times(log.dues["case_id"], "resolution", told["new"], at, with_emptied=True))
        today = today.mask(rows["case_id"].isin(log.dues["case_id"]) & rows["set_due"].notna())
    parts.append(build_due_times(rows["case_id"], "resolution", today))
    every: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return every


def read_own_sla(tickets: ExportRows, log: ThreadLog | None) -> list[Piece]:
    """Return osTicket's own judgement as a flag named ``resolution``: kept from the creation, broken when overdue."""
    if log is None:
        return []
    rows = tickets.rows
    late = look_up_by_case(rows["case_id"], log.overdue)
    aimed = rows["sla_id"].notna() & (rows["sla_id"] != _NONE) | rows["set_due"].notna() | late.notna()
    name = pd.Series("resolution", index=rows.index)
    return build_sla_flag_events(
        tickets, rows["case_id"], name, rows["created_at"].where(aimed), late, rows["closed_at"].where(aimed)
    )


def _parse(values: pd.Series[Any], spec: SourceSpec, notes: list[str]) -> pd.Series[Any]:
    """Read times in the data of events, which are text on the clock of the database."""
    read = parse_times(drop_empty_marks(values.mask(values.fillna("").str.strip() == "")), spec.timezone)
    if lost := int(read.bad.sum()):
        notes.append(f"osticket: {lost:,} due times of events cannot be read, and count as taken away")
    due: pd.Series[Any] = drop_empty_instants(read.instants).dt.as_unit("us")
    return due


def as_id(value: Any) -> str:
    """Return the id in a value of an event: a number, a text, or a list that begins with it; else nothing.

    >>> as_id([3, "Closed"]), as_id("4"), as_id({"7": "Ann"}), as_id(None)
    ('3', '4', '7', '')
    """
    if isinstance(value, dict):
        value = next(iter(value), "")
    if isinstance(value, list):
        value = value[0] if value else ""
    return str(value) if isinstance(value, (int, str)) and str(value).isdigit() else ""
