"""Salesforce Service Cloud: Case, CaseHistory, CaseComment, EmailMessage, CaseMilestone and User.

Names and meanings follow the Object Reference for the Salesforce Platform (developer.salesforce.com, standard objects
"Case", "CaseHistory", "CaseComment", "EmailMessage", "CaseMilestone", "User"). Data Loader, the API, and copies that
write ``created_date`` for ``CreatedDate`` are read alike. A Case shows today's values; CaseHistory takes them back.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from .assemble import assemble
from .export import ExportRows, ExportTable
from .lookups import read_system_tables
from .pieces import ExportPieces, Piece, build_piece, build_sla_flag_events
from .promises import build_promise_due_times
from .spec import LoadedSource, SourceSpec

EXPORT_TABLES = (
    ExportTable(
        "cases", ("Case", "case_export"),
        {
            "case_id": ("Id", "CaseId"), "created_at": ("CreatedDate",), "closed_at": ("ClosedDate",),
            "updated_at": ("LastModifiedDate", "SystemModstamp"), "state": ("Status",), "closed": ("IsClosed",),
            "channel": ("Origin",), "product": ("Product.Name", "Product__c", "ProductId"), "region": ("Region__c",),
            "case_type": ("Type", "RecordType.Name"), "priority": ("Priority",), "owner": ("OwnerId",),
            "customer_id": ("ContactId", "AccountId"), "deleted": ("IsDeleted",), "master": ("MasterRecordId",),
        },
        ("case_id", "created_at"), ("state", "priority", "channel"),
        {"created_at": "instant", "closed_at": "instant", "updated_at": "instant", "closed": "flag", "deleted": "flag"},
    ),
    ExportTable(
        "history", ("CaseHistory",),
        {
            "case_id": ("CaseId",), "at": ("CreatedDate",), "field": ("Field",), "old": ("OldValue",),
            "new": ("NewValue",), "actor_id": ("CreatedById",), "event_id": ("Id",),
        },
        ("case_id", "at", "field"), ("new",), {"at": "instant"},
    ),
    ExportTable(
        "comments", ("CaseComment",),
        {
            "case_id": ("ParentId",), "at": ("CreatedDate",), "public": ("IsPublished",), "actor_id": ("CreatedById",),
            "event_id": ("Id",), "deleted": ("IsDeleted",),
        },
        ("case_id", "at"), ("public",), {"at": "instant", "public": "flag", "deleted": "flag"},
    ),
    ExportTable(
        "emails", ("EmailMessage",),
        {
            "case_id": ("ParentId",), "at": ("MessageDate", "CreatedDate"), "incoming": ("Incoming",),
            "status": ("Status",), "actor_id": ("CreatedById",), "event_id": ("Id",), "deleted": ("IsDeleted",),
        },
        ("case_id", "at"), ("incoming",), {"at": "instant", "incoming": "flag", "deleted": "flag"},
    ),
    ExportTable(
        "milestones", ("CaseMilestone",),
        {
            "case_id": ("CaseId",), "at": ("StartDate",), "target": ("TargetDate",), "done": ("CompletionDate",),
            "violated": ("IsViolated",), "name": ("MilestoneType.Name", "MilestoneTypeName", "MilestoneTypeId"),
            "deleted": ("IsDeleted",),
        },
        ("case_id", "name"), ("target", "violated"),
        {"at": "instant", "target": "instant", "done": "instant", "violated": "flag", "deleted": "flag"},
    ),
    ExportTable("users", ("User",), {"user_id": ("Id",), "type": ("UserType",)}, ("user_id",), ("type",)),
)  # fmt: skip

#: Field of CaseHistory -> kind of event and the canonical name of the field.
FIELDS = {
    "status": ("status", "state"),
    "priority": ("priority", "priority"),
    "owner": ("assigned", "owner"),
    "ownerassignment": ("assigned", "owner"),
    "owneraccepted": ("assigned", "owner"),
    "ownerescalated": ("assigned", "owner"),
    "isescalated": ("escalated", None),
    "origin": ("field", "channel"),
    "type": ("field", "case_type"),
    "product": ("field", "product"),
}
#: Kinds of user that belong to the company itself; every other kind is a customer or a guest.
STAFF_USER_TYPES = ("standard", "automatedprocess", "cloudintegrationuser")
_ID = r"[0-9a-zA-Z]{15}(?:[0-9a-zA-Z]{3})?"
_DRAFT = ("5", "Draft")


def load(spec: SourceSpec, folder: Path) -> LoadedSource:
    """Read an export of Salesforce: at least Case, and whatever else there is.

    Raises
    ------
    InputError
        If there is no table of cases, or nothing can be used.
    """
    _, notes, _, taken = read_system_tables(EXPORT_TABLES, {}, "cases", spec, folder)
    notes += _one_length(taken)
    cases = _cases(taken["cases"], "history" in taken)
    pieces = ExportPieces(
        "salesforce", cases, state_meanings=_closed_states(cases.rows), history="history" in taken, notes=notes
    )
    staff = _staff(taken.get("users"))
    if "history" in taken:
        pieces.events += _history(taken["history"])
    if "comments" in taken:
        pieces.events.append(_comments(taken["comments"], staff))
    if "emails" in taken:
        pieces.events.append(_emails(taken["emails"]))
    if "milestones" in taken:
        pieces.events += _milestones(taken["milestones"])
        pieces.due_times = _due_times(taken["milestones"], notes)
    pieces.also = [t.ledger for t in taken.values()]
    return assemble(spec, pieces)


def _one_length(taken: dict[str, ExportRows]) -> list[str]:
    """Cut ids to 15 characters where some tables write 15 and others 18: the last three only repeat the others."""
    ids = [(t, c) for t in taken.values() for c in ("case_id",) if c in t.rows]
    lengths = {n for t, c in ids for n in t.rows[c].dropna().str.len().unique() if n in (15, 18)}
    if len(lengths) < 2:
        return []
    for t, c in ids:
        t.rows[c] = t.rows[c].str.slice(0, 15)
    return ["salesforce: case ids are written with 15 and with 18 characters; the first 15 were taken"]


def _cases(taken: ExportRows, history: bool) -> ExportRows:
    rows = taken.rows
    merged = rows["master"].notna()
    gone = rows["deleted"].fillna(False).astype(bool) & ~merged
    closed = rows["closed"].fillna(rows["closed_at"].notna()).astype(bool) | merged
    ends = rows["closed_at"].fillna(rows["updated_at"].where(merged))
    team = rows["owner"].where(_is_queue(rows["owner"]) & history)
    out = rows.assign(merged=merged, deleted=gone, closed=closed, closed_at=ends, team=team)
    return ExportRows(out, taken.ledger, taken.raw)


def _closed_states(cases: pd.DataFrame) -> dict[str, str]:
    """Learn from the cases which of this organisation's states are closed ones."""
    there = cases[cases["state"].notna() & cases["closed"] & ~cases["merged"] & cases["closed_at"].notna()]
    return {str(s): "closed" for s in there["state"].unique()}


def _history(taken: ExportRows) -> list[Piece]:
    rows, ledger = taken.rows, taken.ledger
    key = rows["field"].fillna("").str.lower().str.replace(r"(__c|id)$", "", regex=True)
    kind, name = key.map({k: v[0] for k, v in FIELDS.items()}), key.map({k: v[1] for k, v in FIELDS.items()})
    ledger.reject(*_find_duplicate_events(taken), code="row.doubled")
    escalated = (kind == "escalated") & rows["new"].astype("str").str.lower().isin(["true", "1"])
    kind = kind.where((kind != "escalated") | escalated)
    # a change of owner is written twice, by name and by id; the id tells queues (00G) from people (005)
    owner = kind == "assigned"
    by_id = owner & rows["new"].fillna("").str.fullmatch(_ID)
    pair = rows["case_id"].astype("str") + " " + rows["at"].astype("str")
    kind = kind.mask(owner & ~by_id & pair.isin(pair[by_id]))
    kind = kind.mask((kind == "assigned") & (pair + kind.astype("str")).duplicated())
    queue = rows["new"].where(by_id & _is_queue(rows["new"]))
    before = rows["old"].where(_is_queue(rows["old"]))
    field = name.mask(kind == "assigned", "agent").mask((kind == "assigned") & (queue.notna() | before.notna()), "team")
    old = rows["old"].mask((field == "team"), before)
    common: dict[str, Any] = {"case_id": rows["case_id"], "at": rows["at"], "actor_id": rows["actor_id"]}
    text = {"old": old.where(kind != "escalated"), "new": rows["new"].where(kind != "escalated")}
    main = build_piece(taken, kind=kind, field=field, team=queue, event_id=rows["event_id"], **text, **common)
    raised = build_piece(taken, kind=pd.Series("escalated", index=rows.index).where(key == "ownerescalated"), **common)
    other = int((~key.isin(list(FIELDS)) & ~key.isin(["created", "closed"])).sum())
    if other:
        ledger.add_note(f"{other:,} changes of other fields were not read")
    return [main, raised]


def _is_queue(owner: pd.Series[Any]) -> pd.Series[Any]:
    return owner.fillna("").str.startswith("00G")


def _find_duplicate_events(taken: ExportRows) -> tuple[Any, str, Any, str]:
    ids = taken.rows["event_id"]
    twice = (ids.where(taken.ledger.accepted).duplicated() & ids.notna()).to_numpy()
    return twice, "event_id", ids, "duplicate event; the first is kept"


def _comments(taken: ExportRows, staff: dict[str, bool]) -> Piece:
    rows = taken.rows
    taken.ledger.reject(
        rows["deleted"].fillna(False).to_numpy(dtype=bool),
        "deleted",
        rows["event_id"],
        "it was deleted",
        code="row.deleted",
    )
    role = (
        rows["actor_id"].map({k: "agent" if v else "customer" for k, v in staff.items()}).astype("str").fillna("agent")
    )
    if not staff:
        taken.ledger.add_note("without a table of users, every comment counts as written by an agent")
    public = rows["public"].fillna(False)
    return build_piece(
        taken, case_id=rows["case_id"], at=rows["at"], kind="message", public=public, actor_role=role,
        actor_id=rows["actor_id"], event_id=rows["event_id"],
    )  # fmt: skip


def _emails(taken: ExportRows) -> Piece:
    rows = taken.rows
    taken.ledger.reject(
        rows["deleted"].fillna(False).to_numpy(dtype=bool),
        "deleted",
        rows["event_id"],
        "it was deleted",
        code="row.deleted",
    )
    draft = rows["status"].isin(_DRAFT).to_numpy()
    taken.ledger.reject(draft, "status", rows["status"], "a draft that was never sent", code="row.other")
    role = rows["incoming"].map({True: "customer", False: "agent"}).astype("str").where(rows["incoming"].notna())
    return build_piece(
        taken, case_id=rows["case_id"], at=rows["at"], kind="message", public=True, actor_role=role,
        actor_id=rows["actor_id"], event_id=rows["event_id"],
    )  # fmt: skip


def _staff(users: ExportRows | None) -> dict[str, bool]:
    if users is None:
        return {}
    kept = users.accepted_rows()
    own = kept["type"].fillna("Standard").str.lower().isin(STAFF_USER_TYPES)
    return dict(zip(kept["user_id"], own, strict=True))


def _milestones(taken: ExportRows) -> list[Piece]:
    rows = taken.rows
    taken.ledger.reject(
        rows["deleted"].fillna(False).to_numpy(dtype=bool),
        "deleted",
        rows["name"],
        "it was deleted",
        code="row.deleted",
    )
    broken = rows["target"].where(rows["violated"].fillna(False).astype(bool))
    return build_sla_flag_events(taken, rows["case_id"], rows["name"], rows["at"], broken, rows["done"])


def _due_times(taken: ExportRows, notes: list[str]) -> pd.DataFrame:
    """Return when milestones were due: as the row says at the export, so known when they were completed."""
    rows = taken.accepted_rows()
    return build_promise_due_times(rows["case_id"], rows["name"], rows["target"], rows["done"], "salesforce", notes)
