"""How a conversation of Chatwoot went on: by the audits of the paid edition, else by the reporting events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..readers.json_files import parse_json_object
from .columns import ImportReport
from .export import ExportRows
from .lookups import Labels
from .pieces import Piece, build_piece, look_up_by_case

#: Column of a conversation -> kind of event and the canonical name of the field.
FIELDS: Mapping[str, tuple[str, str]] = {
    "status": ("status", "state"),
    "priority": ("priority", "priority"),
    "team_id": ("assigned", "team"),
    "assignee_id": ("assigned", "agent"),
}

#: Reporting event -> status that it gives.
_STATUS_EVENTS: Mapping[str, str] = {
    "conversation_resolved": "resolved", "conversation_opened": "open", "conversation_bot_handoff": "open",
}  # fmt: skip


def read_audits(
    taken: ExportRows,
    numbers: pd.Series[Any],
    teams: Labels,
    statuses: Mapping[str, str],
    priorities: Mapping[str, str],
) -> Piece:
    """Return the changes of conversations.

    An audit of a creation holds the first values, one of an update for each column the value before and after.

    Parameters
    ----------
    numbers
        Id of a conversation -> its case.
    statuses, priorities
        Number -> name.
    """
    rows = taken.rows
    of_ours = (rows["type"] == "Conversation") & rows["action"].isin(["create", "update"])
    places: list[int] = []
    found: list[tuple[str | None, ...]] = []
    for place in rows.index[of_ours & taken.ledger.accepted]:
        for column, value in parse_json_object(rows.at[place, "changes"]).items():
            if column in FIELDS:
                old, new = value if isinstance(value, list) and len(value) == 2 else (None, value)
                places.append(int(place))
                found.append((column, *(None if v is None else str(v) for v in (old, new))))
    where = pd.Index(places)
    told = pd.DataFrame(found, columns=["column", "old", "new"], dtype="str")
    names = {"status": statuses, "priority": priorities, "team_id": teams.labels}
    for side in ("old", "new"):
        text = told[side]
        for column, known in names.items():
            text = text.mask(told["column"] == column, text.map(dict(known)).fillna(text))
        told[side] = text
    ledger = ImportReport("audits", taken.ledger.where, len(told))
    ledger.numbers = where.to_numpy(dtype=int)
    ids = rows["record_id"].reindex(where).reset_index(drop=True)
    kind, field = (told["column"].map({k: v[i] for k, v in FIELDS.items()}) for i in (0, 1))
    table = {
        "case_id": look_up_by_case(ids, numbers).fillna("id " + ids), "at": rows["at"].reindex(where).array,
        "kind": kind.where(told["new"].notna() | told["old"].notna()),
        "field": field, "old": told["old"], "new": told["new"], "actor_id": rows["actor_id"].reindex(where).array,
        "order": pd.to_numeric(rows["event_id"].reindex(where), errors="coerce").array,
        "team": told["new"].where(field == "team"),
    }  # fmt: skip
    table["actor_role"] = pd.Series(table["actor_id"]).notna().map({True: "agent", False: "system"})
    return Piece(pd.DataFrame(table, index=told.index), ledger)


def read_reporting_events(
    taken: ExportRows, cases: ExportRows, messages: pd.DataFrame | None, notes: list[str]
) -> list[Piece]:
    """Return when conversations were resolved and opened, as changes of their status.

    One event stands for each resolving, and in newer versions one for each opening. Where a conversation is resolved
    again and nothing says that it was opened between, it was by the customer's next message: that is what Chatwoot does
    with one. A resolving counts once, even where an installation writes it for each who took part. A status of today
    that no event explains is known as of the last change of the conversation.
    """
    rows = taken.rows
    at = rows["at"].fillna(rows["saved_at"])
    new = rows["name"].map(_STATUS_EVENTS)
    line = pd.DataFrame({"case_id": rows["case_id"], "at": at, "new": new, "place": range(len(rows))}, index=rows.index)
    line = line[line["case_id"].notna() & new.notna() & taken.ledger.accepted].sort_values(
        ["case_id", "at", "place"], kind="stable"
    )
    line = line[~line.duplicated(["case_id", "at", "new"])]
    again = _opened_by_message(line, messages)
    if len(again):
        notes.append(
            f"chatwoot: {len(again):,} times nothing says when a resolved conversation was opened again; the "
            "customer's next message did it"
        )
    whole = pd.concat([line, again]).sort_values(["case_id", "at", "place"], kind="stable")
    first = whole.drop_duplicates("case_id").index
    # what is opened before anything was resolved was with a bot until then
    old = whole["new"].map({"resolved": "open", "open": "pending"}).where(whole.index.isin(first))
    own = whole.index.isin(line.index)
    kind = pd.Series("status", index=line.index).reindex(rows.index)
    told = build_piece(
        taken, case_id=rows["case_id"], at=at, kind=kind, field="state", old=old[own].reindex(rows.index), new=new,
        actor_id=rows["actor_id"], order=pd.to_numeric(rows["event_id"], errors="coerce"),
    )  # fmt: skip
    more = pd.concat([whole[~own].assign(old=old[~own]), _unexplained(cases, whole)], ignore_index=True)
    ledger = ImportReport("reporting_events", taken.ledger.where, len(more))
    further = more[["case_id", "at", "old", "new"]].assign(kind="status", field="state", order=-1.0)
    return [told, Piece(further, ledger)]


def _opened_by_message(line: pd.DataFrame, messages: pd.DataFrame | None) -> pd.DataFrame:
    """Return the first message of the customer after each resolving that no opening follows, as an opening."""
    empty = line.iloc[:0]
    if messages is None or line.empty:
        return empty
    following = line.groupby("case_id")[["at", "new"]].shift(-1)
    ends = line.assign(until=following["at"])[(line["new"] == "resolved") & (following["new"] != "open")]
    said = messages[(messages["actor_role"] == "customer") & messages["kind"].eq("message")][["case_id", "at"]]
    both = ends.merge(said.rename(columns={"at": "said"}), on="case_id")
    inside = both[(both["said"] > both["at"]) & (both["until"].isna() | (both["said"] < both["until"]))]
    found = inside.sort_values("said", kind="stable").drop_duplicates("place")
    opened = found.assign(at=found["said"], new="open", place=-1)[["case_id", "at", "new", "place"]]
    return opened.set_axis([-1 - i for i in range(len(opened))]) if len(opened) else empty


def _unexplained(cases: ExportRows, told: pd.DataFrame) -> pd.DataFrame:
    """Return today's status where the events end in another one, as of the last change of the conversation."""
    rows = cases.accepted_rows().dropna(subset=["case_id"])
    last = look_up_by_case(rows["case_id"], told.drop_duplicates("case_id", keep="last").set_index("case_id")["new"])
    before = last.fillna("open")
    began_so = last.isna() & (rows["state"] == "pending")
    lost = (rows["state"] != before) & (rows["state"] != "resolved") & ~began_so
    now = rows[lost]
    at = now[["updated_at", "last_activity_at", "created_at"]].max(axis=1)
    old = before[lost].where(last[lost].isna())
    return pd.DataFrame({"case_id": now["case_id"], "at": at, "old": old, "new": now["state"]})
