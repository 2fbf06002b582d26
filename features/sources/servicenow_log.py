"""The audit log of ServiceNow incidents, one row per update, to cases and events.

Column names follow ServiceNow's incident and task tables; states and the SLA flag are read row by row at the time of
the row (``sys_updated_at``), so that nothing is known before it was written. The columns that carry the final value
on every row (``resolved_at``, ``closed_at``, ``closed_code``, ``resolved_by``) are not read at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..case_log.schema import ON_HOLD_FIELD, AttributeTiming
from ..errors import InputError, did_you_mean
from .columns import ImportReport, cast_columns, choose_columns, read_column
from .figures import THEIR_PREFIX, read_figure
from .rows import cut_events, is_in_span, number_events
from .spec import LoadedSource, SourceSpec
from .status import WAITING_CLASSES, classify_state

#: Canonical or adapter name -> names in the export, the first that is there counts.
AUDIT_LOG_COLUMNS: dict[str, tuple[str, ...]] = {
    "case_id": ("number", "task_effective_number", "sys_id"),
    "created_at": ("opened_at", "sys_created_at", "sys_created_on"),
    "updated_at": ("sys_updated_at", "sys_updated_on"),
    "state": ("incident_state", "state"),
    "channel": ("contact_type",),
    "product": ("category",),
    "region": ("location",),
    "case_type": ("sys_class_name", "type"),
    "priority": ("priority",),
    "customer_id": ("caller_id",),
    "team": ("assignment_group",),
    "agent": ("assigned_to",),
    "actor_id": ("sys_updated_by",),
    "made_sla": ("made_sla",),
    "updates": ("sys_mod_count",),
}
#: Columns that the export has on every row as they stood then: safe on the first row.
CREATION_COLUMNS = (
    "subcategory",
    "u_symptom",
    "cmdb_ci",
    "impact",
    "urgency",
    "knowledge",
    "notify",
    "u_priority_confirmation",
)
#: Columns that carry the end of the case on every row: reading them would be looking ahead.
LEAKAGE_COLUMNS = ("resolved_at", "closed_at", "closed_code", "close_code", "resolved_by", "closed_by", "close_notes")
AUDIT_STATE_CLASSES = ("open", "paused", "on_hold", "resolved", "closed")
_SEGMENTS = ("channel", "product", "region", "case_type", "priority", "customer_id", "team")

#: The system's own figures of an incident -> their columns, as the last update has them.
_OWN_FIGURES = {"reopens": "reopen_count", "transfers": "reassignment_count"}


def read_servicenow(spec: SourceSpec, frame: pd.DataFrame) -> LoadedSource:
    """Read an audit log of incidents: cases from each incident's first row, events from what changed between rows.

    ``spec.columns`` may name other columns of the export, such as ``product = "subcategory"``; ``spec.kinds`` may
    give a state one of ``open``, ``paused``, ``resolved``, ``closed``. A change of ``made_sla`` becomes an event of
    kind ``field``.

    Raises
    ------
    InputError
        If a column is missing, or no row can be used.
    """
    where = Path(spec.path).name
    kinds = {n: "id" if n in ("case_id", "customer_id", "actor_id", "agent") else "text" for n in AUDIT_LOG_COLUMNS}
    kinds |= {"created_at": "instant", "updated_at": "instant", "updates": "number", "made_sla": "flag"}
    there = [str(c) for c in frame.columns]
    usual = {n: next((s for s in names if s in there), "") for n, names in AUDIT_LOG_COLUMNS.items()}
    full = _with_columns(spec, {n: s for n, s in usual.items() if s})
    needed = ("case_id", "created_at", "updated_at", "state")
    found = choose_columns(full, frame, kinds, needed)
    ledger = ImportReport("events", where, len(frame))
    rows = cast_columns(full, frame, found, kinds, ("case_id", "created_at", "updated_at"), ledger)
    ledger.check_rows_left()
    attributes: dict[str, AttributeTiming] = dict(spec.attributes) or {
        c: "creation" for c in CREATION_COLUMNS if c in there
    }
    attributes = {c: k for c, k in attributes.items() if c not in found.values()}
    for name in attributes:
        rows[name] = read_column(spec, frame, name)
    free = {f: c for f, c in _OWN_FIGURES.items() if c in there and c not in (*found.values(), *attributes)}
    figures = [THEIR_PREFIX + figure for figure in free]
    for figure, column in free.items():
        rows[THEIR_PREFIX + figure] = read_figure(read_column(spec, frame, column), figure, column)
    ledger.note_duplicates(frame)
    rows = _ordered(rows[ledger.accepted], ledger)
    rows = rows[is_in_span(spec, rows["created_at"], ledger, "updates of incidents")].reset_index(drop=True)
    first = rows.drop_duplicates("case_id")
    kept = [n for n in (*_SEGMENTS, *attributes) if n in first.columns]
    cases = first[["case_id", "created_at", *kept]].reset_index(drop=True)
    events = cut_events(spec, _events(rows, _classes(rows["state"], spec, where)), ledger)
    last = rows.drop_duplicates("case_id", keep="last").set_index("case_id")
    for name in figures:
        cases[name] = cases["case_id"].map(last[name])
        attributes[name] = "outcome"
    tables = {"cases": cases, "events": events}
    return LoadedSource(tables, ledger.rejected(), tuple(ledger.notes), attributes, until=ledger.until)


def is_incident_table(spec: SourceSpec, frame: pd.DataFrame) -> bool:
    """Return whether an export is the table of incidents, one row each, rather than the log of their updates."""
    number = spec.columns.get("case_id") or next((c for c in AUDIT_LOG_COLUMNS["case_id"] if c in frame), "")
    return number in frame and not bool(frame[number].duplicated().any())


def _with_columns(spec: SourceSpec, usual: Mapping[str, str]) -> SourceSpec:
    from dataclasses import replace

    for name in spec.columns:
        if name not in AUDIT_LOG_COLUMNS:
            hint = did_you_mean(name, tuple(AUDIT_LOG_COLUMNS))
            raise InputError(
                "the adapter 'servicenow' has no such column",
                where=spec.path,
                column=name,
                hint=hint,
                code="column.unknown",
            )
    return replace(spec, columns={**usual, **spec.columns})


def _ordered(rows: pd.DataFrame, ledger: ImportReport) -> pd.DataFrame:
    """Order the updates of each incident; one opening time a case, and no update before it."""
    if "updates" not in rows:
        rows = rows.assign(updates=0.0)
    rows = rows.assign(_row=np.arange(len(rows)))
    rows = rows.sort_values(["case_id", "updated_at", "updates", "_row"], kind="stable", ignore_index=True)
    rows["created_at"] = rows.groupby("case_id", sort=False)["created_at"].transform("first")
    early = rows["updated_at"] < rows["created_at"]
    if early.any():
        ledger.add_note(
            f"{int(early.sum()):,} updates are dated before the opening of their incident; taken as of its opening"
        )
        rows["updated_at"] = rows["updated_at"].where(~early, rows["created_at"])
    # a state that is no state ("-100") leaves the incident where it was
    rows["state"] = rows["state"].mask(
        rows["state"].astype("str").str.fullmatch(r"-?\d{2,}").fillna(False).astype(bool)
    )
    rows["state"] = rows.groupby("case_id", sort=False)["state"].ffill().astype("str")
    return rows


def _classes(states: pd.Series[Any], spec: SourceSpec, where: str) -> pd.Series[Any]:
    """Return for each row whether its state is open, paused, resolved or closed."""
    for state, kind in spec.kinds.items():
        if kind not in AUDIT_STATE_CLASSES:
            hint = did_you_mean(kind, AUDIT_STATE_CLASSES)
            raise InputError(
                "unknown meaning of a state",
                where=f"kinds of {where}",
                column=state,
                got=kind,
                hint=hint,
                code="value.unknown",
            )
    return states.map(
        {s: spec.kinds.get(str(s), classify_audit_state(str(s))) for s in states.dropna().unique()}
    ).fillna("open")


def classify_audit_state(state: str) -> str:
    """Return what a ServiceNow state means for the clock.

    >>> [classify_audit_state(s) for s in ("New", "Awaiting Vendor", "On Hold", "Resolved", "Closed", "Canceled", "6")]
    ['open', 'on_hold', 'on_hold', 'resolved', 'closed', 'closed', 'resolved']
    """
    text = state.strip().lower()
    if text in ("6", "resolved"):
        return "resolved"
    if text in ("7", "8", "closed", "canceled", "cancelled", "closed complete", "closed incomplete", "closed skipped"):
        return "closed"
    found = "on_hold" if text == "3" else classify_state(text)
    return found if found in WAITING_CLASSES else "open"


def _events(rows: pd.DataFrame, classes: pd.Series[Any]) -> pd.DataFrame:
    """Compare each update with the one before it; within one update the order of the parts below holds."""
    same = (rows["case_id"] == rows["case_id"].shift()).to_numpy()
    now = classes.reset_index(drop=True)
    before = now.shift().where(same, "open")
    base = rows[["case_id"]].assign(at=rows["updated_at"], _row=np.arange(len(rows)))
    for column in ("actor_id", "team"):
        if column in rows:
            base[column] = rows[column]
    ended = ("resolved", "closed")
    created = base[~same].assign(at=rows.loc[~same, "created_at"], kind="created", _row=-1)
    parts = [created.drop(columns=[c for c in ("actor_id",) if c in base])]
    parts.append(_changes(base, rows["state"], same, "status", "state"))
    waits, waited = now.isin(WAITING_CLASSES), before.isin(WAITING_CLASSES)
    parts.append(base[~waits & waited].assign(kind="resumed"))
    for column, kind in (("priority", "priority"), ("team", "assigned"), ("agent", "assigned")):
        if column in rows:
            quiet = column == "priority"  # the first priority is the case's own, no change
            parts.append(_changes(base, rows[column], same, kind, column, quiet=quiet))
    if "made_sla" in rows:
        flag = rows["made_sla"].map({True: "true", False: "false"}).astype("str").where(rows["made_sla"].notna())
        flags = _changes(base, flag, same, "field", "made_sla")
        parts.append(flags[(flags["new"] == "false") | flags["old"].notna()])
    holds = pd.Series(ON_HOLD_FIELD, index=base.index, dtype="str").where(now.to_numpy() == "on_hold")
    parts.append(base.assign(kind="paused", field=holds)[(waits & (now != before)).to_numpy()])
    parts.append(base[before.isin(ended) & ~now.isin(ended)].assign(kind="reopened"))
    parts.append(base[(now == "resolved") & (before != "resolved")].assign(kind="resolved"))
    parts.append(base[(now == "closed") & (before != "closed")].assign(kind="closed"))
    events = pd.concat([p.assign(_part=i) for i, p in enumerate(parts)], ignore_index=True)
    events = events.sort_values(["_row", "_part"], kind="stable")
    return number_events(events.drop(columns=["_row", "_part"]))


def _changes(
    base: pd.DataFrame, values: pd.Series[Any], same: Any, kind: str, name: str, *, quiet: bool = False
) -> pd.DataFrame:
    old = values.shift().where(same)
    differs = (values.fillna("") != old.fillna("")) & (values.notna() | old.notna())
    if quiet:
        differs &= same
    return base[differs].assign(kind=kind, field=name, old=old[differs], new=values[differs])
