"""Dynamics 365 Customer Service: incidents with their resolutions, e-mails and SLA KPI instances.

Names and codes follow the Dataverse reference (learn.microsoft.com, tables "incident", "incidentresolution",
"slakpiinstance", "email"). A reference is ``_customerid_value`` in the Web API and ``customerid`` in an export. An
incident shows today's values and no closing: each closing made a resolution. All times are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from .assemble import assemble
from .export import ExportRows, ExportTable
from .lookups import read_system_tables
from .pieces import ExportPieces, Piece, build_due_times, build_piece, build_sla_flag_events, look_up_by_case
from .promises import add_stated_due_times, build_promise_due_times
from .spec import LoadedSource, SourceSpec

_SHOWN = "@OData.Community.Display.V1.FormattedValue"


def _named(**names: str) -> dict[str, tuple[str, ...]]:
    """Let each field have its name in an export, and that of a reference in the Web API."""
    return {role: (name, f"_{name}_value") for role, name in names.items()}


EXPORT_TABLES = (
    ExportTable(
        "incidents", ("incident", "cases"),
        {
            **_named(key="incidentid", customer_id="customerid", parent_id="parentcaseid", master_id="masterid"),
            "case_id": ("ticketnumber", "incidentid"), "created_at": ("createdon",), "updated_at": ("modifiedon",),
            "state_code": ("statecode",),
            "priority_code": ("prioritycode",), "priority": (f"prioritycode{_SHOWN}", "prioritycodename"),
            "origin_code": ("caseorigincode",), "channel": (f"caseorigincode{_SHOWN}", "caseorigincodename"),
            "case_type": (f"casetypecode{_SHOWN}", "casetypecodename", "casetypecode"),
            "team": (f"_owningteam_value{_SHOWN}", "owningteamname", "_owningteam_value", "owningteam"),
            "product": ("_productid_value", "productid"), "merged": ("merged",),
            "response_due": ("responseby",), "due": ("resolveby",),
        },
        ("key", "created_at", "state_code"), ("priority_code", "origin_code"),
        {
            "key": "id", "created_at": "instant", "updated_at": "instant", "merged": "flag", "due": "instant",
            "response_due": "instant",
        },
    ),
    ExportTable(
        "resolutions", ("incidentresolution", "incidentresolutions"),
        {**_named(key="incidentid"), "at": ("actualend", "createdon"), "event_id": ("activityid",)},
        ("key", "at"), ("event_id",), {"key": "id", "at": "instant"},
    ),
    ExportTable(
        "kpis", ("slakpiinstance", "slakpiinstances"),
        {
            **_named(key="regarding"), "name": ("name", f"_msdyn_slakpiid_value{_SHOWN}"), "at": ("createdon",),
            "due": ("failuretime", "computedfailuretime"), "done": ("succeededon",), "ended": ("terminalstatetime",),
            "status": ("status",),
        },
        ("key", "name", "status"), ("due",),
        {"key": "id", "at": "instant", "due": "instant", "done": "instant", "ended": "instant"},
    ),
    ExportTable(
        "emails", ("email",),
        {
            **_named(key="regardingobjectid"), "at": ("senton", "actualend", "createdon"),
            "outgoing": ("directioncode",), "event_id": ("activityid",), "state_code": ("statecode",),
        },
        ("key", "at"), ("outgoing",), {"key": "id", "at": "instant", "outgoing": "flag"},
    ),
)  # fmt: skip
STATES: Mapping[str, str] = {"0": "active", "1": "resolved", "2": "cancelled"}
STATE_CLASSES: Mapping[str, str] = {"active": "open", "resolved": "resolved", "cancelled": "closed"}
PRIORITIES: Mapping[str, str] = {"1": "1 high", "2": "2 normal", "3": "3 low"}
ORIGINS: Mapping[str, str] = {"1": "phone", "2": "email", "3": "web"}
_BREACHED, _CANCELLED, _OPEN_MAIL = "1", "5", "0"


def load(spec: SourceSpec, folder: Path) -> LoadedSource:
    """Read the tables of Dynamics 365: at least the incidents.

    Raises
    ------
    InputError
        If there are no incidents, or nothing can be used.
    """
    _, notes, _, taken = read_system_tables(EXPORT_TABLES, {}, "incidents", spec, folder)
    incidents = _incidents(taken["incidents"], taken.get("resolutions"), notes)
    numbers = incidents.by_key()["case_id"]
    pieces = ExportPieces("dynamics", incidents, state_meanings=STATE_CLASSES, notes=notes)
    if "emails" in taken:
        pieces.events.append(_emails(taken["emails"], numbers))
    if "kpis" in taken:
        flags, pieces.due_times = _kpis(taken["kpis"], numbers, notes)
        pieces.events += flags
    rows = incidents.accepted_rows()
    for role, metric in (("response_due", "first_response"), ("due", "resolution")):
        stated = build_due_times(rows["case_id"], metric, rows[role])
        pieces.due_times = add_stated_due_times(pieces.due_times, stated)
    pieces.also = [t.ledger for t in taken.values()]
    return assemble(spec, pieces)


def _incidents(taken: ExportRows, resolutions: ExportRows | None, notes: list[str]) -> ExportRows:
    """Return the incidents with their last closing; those below another one are parts of it."""
    rows, ledger = taken.rows, taken.ledger
    merged = rows["merged"].fillna(False).astype(bool) | rows["master_id"].notna()
    child = rows["parent_id"].notna() & ~merged
    ledger.reject(child.to_numpy(dtype=bool), "parentcaseid", rows["parent_id"],
                  "a case below another one, no case of its own", code="row.other")  # fmt: skip
    over = rows["state_code"].isin(["1", "2"])
    ends = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us, UTC]")
    if resolutions is not None:
        closed = resolutions.accepted_rows().groupby("key")["at"]
        ends = look_up_by_case(rows["key"], closed.max()).where(over).astype("datetime64[us, UTC]")
        if again := int((closed.count() > 1).sum()):
            notes.append(
                f"dynamics: {again:,} cases were closed more than once; nothing says when they were opened again, and "
                "the last closing counts"
            )
        lost = over & ends.isna() & rows["updated_at"].notna()  # cancelled and merged cases have no resolution
        ends = ends.fillna(rows["updated_at"].where(lost & (merged | (rows["state_code"] == "2"))))
    new: dict[str, pd.Series[Any]] = {
        "state": rows["state_code"].map(dict(STATES)).fillna(rows["state_code"]), "merged": merged & over,
        "resolved_at": ends, "case_id": rows["case_id"].fillna(rows["key"]),
        "priority": rows["priority"].fillna(rows["priority_code"].map(dict(PRIORITIES))).fillna(rows["priority_code"]),
        "channel": rows["channel"].fillna(rows["origin_code"].map(dict(ORIGINS))).fillna(rows["origin_code"]),
    }  # fmt: skip
    return ExportRows(rows.assign(**new), ledger, taken.raw)


def _place(taken: ExportRows, numbers: pd.Series[Any]) -> pd.Series[Any]:
    """Return the case that rows are about; what is about something else, such as a lead, is of none."""
    return look_up_by_case(taken.rows["key"], numbers)


def _emails(taken: ExportRows, numbers: pd.Series[Any]) -> Piece:
    rows = taken.rows
    ids = _place(taken, numbers)
    draft = (rows["state_code"] == _OPEN_MAIL) & rows["outgoing"].fillna(False).astype(bool)
    taken.ledger.reject(draft.to_numpy(dtype=bool), "statecode", rows["event_id"], "a draft that was never sent",
                        code="row.other")  # fmt: skip
    role = rows["outgoing"].map({True: "agent", False: "customer"}).astype("str").where(rows["outgoing"].notna())
    kind = pd.Series("message", index=rows.index).where(ids.notna())
    return build_piece(
        taken, case_id=ids, at=rows["at"], kind=kind, public=True, actor_role=role, event_id=rows["event_id"]
    )


def _kpis(taken: ExportRows, numbers: pd.Series[Any], notes: list[str]) -> tuple[list[Piece], pd.DataFrame]:
    """Return the system's own flags and the due times of its KPI instances; cancelled ones promise nothing."""
    rows, ids = taken.rows, _place(taken, numbers)
    gone = rows["status"].isin([_CANCELLED])
    if gone.any():
        taken.ledger.add_note(f"{int(gone.sum()):,} promises were cancelled and do not count")
    broken = rows["due"].where((rows["status"] == _BREACHED) & ~gone)
    flags = build_sla_flag_events(taken, ids, rows["name"], rows["at"].where(~gone & ids.notna()), broken, rows["done"])
    kept = ~gone.to_numpy() & taken.ledger.accepted
    ended = rows["done"].fillna(rows["ended"])
    dues = build_promise_due_times(ids[kept], rows["name"][kept], rows["due"][kept], ended[kept], "dynamics", notes)
    return flags, dues
