"""ServiceNow's tables side by side: incident, sys_audit and task_sla to the canonical tables.

Names and meanings follow the ServiceNow documentation ("Incident management: incident table", "Task SLA table" with
its stages and timings, "History and audit: sys_audit" at www.servicenow.com/docs). Values may be plain, or objects of
``value`` and ``display_value`` as the Table API gives them. An incident shows today's values; sys_audit takes them
back. The flat log with one row an update is read by the module ``servicenow``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from ..case_log.schema import AttributeTiming
from .assemble import assemble
from .columns import read_column
from .export import ExportRows, ExportTable
from .figures import THEIR_PREFIX, read_figure
from .lookups import read_system_tables
from .pieces import ExportPieces, Piece, build_piece, build_sla_flag_events
from .promises import add_stated_due_times, build_promise_due_times, read_stated_due_times
from .spec import LoadedSource, SourceSpec


def _fields(**names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Let each field also be an object with a value and what is displayed for it."""
    return {
        role: tuple(n + end for n in own for end in ("", ".value", ".display_value")) for role, own in names.items()
    }


EXPORT_TABLES = (
    ExportTable(
        "incidents", ("incident", "result", "task"),
        _fields(
            case_id=("number",), sys_id=("sys_id",), created_at=("opened_at", "sys_created_on"),
            updated_at=("sys_updated_on",), state=("state", "incident_state"), resolved_at=("resolved_at",),
            closed_at=("closed_at",), channel=("contact_type",), product=("category",), region=("location",),
            case_type=("sys_class_name",), priority=("priority",), customer_id=("caller_id",),
            team=("assignment_group",), due=("sla_due", "due_date"),
        ),
        ("case_id", "created_at"), ("state", "priority"),
        {
            "sys_id": "id", "created_at": "instant", "updated_at": "instant", "resolved_at": "instant",
            "closed_at": "instant",
        },
    ),
    ExportTable(
        "audit", ("sys_audit",),
        _fields(
            record=("documentkey",), at=("sys_created_on",), field=("fieldname",), old=("oldvalue",), new=("newvalue",),
            actor_id=("user", "sys_created_by"), event_id=("sys_id",),
        ),
        ("record", "at", "field"), ("new",), {"record": "id", "at": "instant"},
    ),
    ExportTable(
        "slas", ("task_sla",),
        _fields(
            task=("task", "task.number"), name=("sla", "sla.name"), at=("start_time",), due=("planned_end_time",),
            stop=("end_time",), broken=("has_breached",), stage=("stage",),
        ),
        ("task", "name"), ("broken",),
        {"task": "id", "at": "instant", "due": "instant", "stop": "instant", "broken": "flag"},
    ),
)  # fmt: skip

#: Field of the audit -> kind of event and the canonical name of the field.
FIELDS = {
    "state": ("status", "state"),
    "incident_state": ("status", "state"),
    "priority": ("priority", "priority"),
    "assignment_group": ("assigned", "team"),
    "assigned_to": ("assigned", "agent"),
    "category": ("field", "product"),
    "location": ("field", "region"),
    "contact_type": ("field", "channel"),
    "escalation": ("escalated", None),
}
#: Classes of the common table of tasks that are no incidents.
OTHER_TASKS = (
    "change_request", "change_task", "problem", "problem_task", "sc_request", "sc_req_item", "sc_task", "kb_submission",
    "task", "std_change_proposal", "sn_si_incident", "dmn_demand", "planned_task", "rm_story", "pm_project",
    "change request", "requested item", "catalog task", "request",
)  # fmt: skip
#: The system's own figures -> their columns: to the resolution where there is one, else to the closing; in seconds.
OWN_FIGURES = {
    "resolution_s": ("calendar_stc", "calendar_duration"),
    "resolution_business_s": ("business_stc", "business_duration"),
    "reopens": ("reopen_count",),
    "transfers": ("reassignment_count",),
    "sla_met": ("made_sla",),
}
#: How a promise that was cancelled is called, as a value and on the screens.
_CANCELLED = r"cancel|storn|abgebroch|annul|anul"
#: The states of an incident as numbers, as the audit keeps them.
STATE_NUMBER_CLASSES = {"1": "open", "2": "open", "3": "on_hold", "6": "resolved", "7": "closed", "8": "closed"}


def load(spec: SourceSpec, folder: Path) -> LoadedSource:
    """Read the tables of ServiceNow: at least the incidents.

    Raises
    ------
    InputError
        If there are no incidents, or nothing can be used.
    """
    _, notes, _, taken = read_system_tables(EXPORT_TABLES, {}, "incidents", spec, folder)
    incidents = taken["incidents"]
    # a list view writes "3 - Moderate" where the audit writes "3"
    priority = incidents.rows["priority"].str.replace(r"^(\d+) - .*$", r"\1", regex=True)
    incidents.rows = incidents.rows.assign(priority=priority)
    _leave_other_tasks_out(incidents)
    pieces = ExportPieces(
        "servicenow", incidents, state_meanings=STATE_NUMBER_CLASSES, history="audit" in taken, notes=notes
    )
    pieces.attributes |= _keep_own_figures(spec, incidents)
    pieces.also = [t.ledger for t in taken.values()]
    if "audit" in taken:
        pieces.events.append(_audit(taken["audit"], incidents))
    if "slas" in taken:
        pieces.events += _slas(taken["slas"], incidents)
        pieces.due_times = _due_times(taken["slas"], incidents, notes)
    stated = read_stated_due_times(spec, EXPORT_TABLES[0], incidents, "due")
    pieces.due_times = add_stated_due_times(pieces.due_times, stated)
    return assemble(spec, pieces)


def _keep_own_figures(spec: SourceSpec, incidents: ExportRows) -> dict[str, AttributeTiming]:
    """Keep the system's own figures of each incident, as outcomes, and return their names."""
    there = [str(c) for c in incidents.raw.columns]
    found = {f: next((n for n in names if n in there), "") for f, names in OWN_FIGURES.items()}
    told = {
        THEIR_PREFIX + figure: read_figure(read_column(spec, incidents.raw, column), figure, column)
        for figure, column in found.items()
        if column
    }
    incidents.rows = incidents.rows.assign(**told)
    return dict.fromkeys(told, "outcome")


def _leave_other_tasks_out(incidents: ExportRows) -> None:
    """Keep the incidents of a table of all tasks; changes, problems and requested items are other work."""
    kind = incidents.rows["case_type"].fillna("").str.lower()
    mixed = kind.isin(OTHER_TASKS)
    if not (mixed.any() and kind.eq("incident").any()):
        return
    told = incidents.rows["case_type"][mixed].value_counts()
    shown = ", ".join(f"{n:,} {name}" for name, n in told.items())
    incidents.ledger.add_note(f"of the tasks only those of class 'incident' are cases; left out: {shown}")
    incidents.ledger.reject(
        mixed.to_numpy(dtype=bool),
        "sys_class_name",
        incidents.rows["case_type"],
        "a task of another class, no incident",
        code="row.other",
    )


def _number(keys: pd.Series[Any], incidents: ExportRows) -> pd.Series[Any]:
    """Return the number of the incident that a key means, which may be its number or its sys_id."""
    rows = incidents.rows.dropna(subset=["sys_id"]).drop_duplicates("sys_id")
    known = rows.set_index("sys_id")["case_id"]
    return known.reindex(keys).set_axis(keys.index).fillna(keys)


def _audit(taken: ExportRows, incidents: ExportRows) -> Piece:
    rows = taken.rows
    kind = rows["field"].map({k: v[0] for k, v in FIELDS.items()})
    field = rows["field"].map({k: v[1] for k, v in FIELDS.items()})
    raised = kind.eq("escalated") & rows["new"].isin(["1", "2", "3"])
    kind = kind.where(~kind.eq("escalated") | raised)
    if (rows["field"] == "state").any():  # both columns say the same where an instance has both
        kind = kind.mask(rows["field"] == "incident_state")
    return build_piece(
        taken, case_id=_number(rows["record"], incidents), at=rows["at"], kind=kind, field=field,
        old=rows["old"].where(~raised), new=rows["new"].where(~raised), actor_id=rows["actor_id"],
        team=rows["new"].where(field == "team"), event_id=rows["event_id"],
    )  # fmt: skip


def _slas(taken: ExportRows, incidents: ExportRows) -> list[Piece]:
    """Read when each promise began and when it broke; one that was cancelled, or has no breach time, says nothing."""
    rows, ledger = taken.rows, taken.ledger
    gone = _is_cancelled(rows)
    if gone.any():
        ledger.add_note(f"{int(gone.sum()):,} promises were cancelled and do not count")
    broke = rows["broken"].fillna(False).astype(bool) & ~gone
    late = rows["due"].fillna(rows["stop"])
    lost = broke & late.isna()
    ledger.reject(
        lost.to_numpy(), "planned_end_time", rows["name"], "it was broken, but nothing says when", code="time.missing"
    )
    return build_sla_flag_events(
        taken, _number(rows["task"], incidents), rows["name"], rows["at"].where(~gone), late.where(broke)
    )


def _is_cancelled(rows: pd.DataFrame) -> pd.Series[Any]:
    return rows["stage"].fillna("").str.strip().str.lower().str.match(_CANCELLED)


def _due_times(taken: ExportRows, incidents: ExportRows, notes: list[str]) -> pd.DataFrame:
    """Return when promises were due; what was cancelled promises nothing.

    The time of the first breach (``original_breach_time``) is not read: it was in force until the first pause, and
    nothing says when that was.
    """
    rows = taken.accepted_rows()
    rows = rows[~_is_cancelled(rows)]
    ids = _number(rows["task"], incidents)
    return build_promise_due_times(ids, rows["name"], rows["due"], rows["stop"], "servicenow", notes)
