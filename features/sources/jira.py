"""Jira Service Management: issues with their changelog, comments and SLA cycles.

Names and meanings follow the documentation of the Jira Cloud platform REST API (developer.atlassian.com, "Issues" with
``expand=changelog``, "Issue comments") and of the Jira Service Management REST API ("Request": SLA information with
``completedCycles`` and ``ongoingCycle``; the comment property ``sd.public.comment``). The CSV export of the issue
navigator has no changelog: its issues give their creation and resolution. An issue shows today's values; its changelog
takes them back.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd

from ..readers.json_files import parse_json_list
from .assemble import assemble
from .columns import ImportReport
from .export import ExportRows, ExportTable, cast_table, normalise_name, read_export_tables, require_table
from .nested_lists import explode_list
from .pieces import ExportPieces, Piece, build_piece, build_sla_flag_events
from .promises import add_stated_due_times, build_promise_due_times, read_stated_due_times
from .spec import LoadedSource, SourceSpec
from .status import classify_state
from .subtasks import SUBTASK_REASON, find_subtasks

_INSTANTS = {"created_at": "instant", "updated_at": "instant", "resolved_at": "instant"}
EXPORT_TABLES = (
    ExportTable(
        "issues", ("issue", "jira", "values"),
        {
            "case_id": ("key", "Issue key"), "created_at": ("fields.created", "Created"),
            "updated_at": ("fields.updated", "Updated"), "resolved_at": ("fields.resolutiondate", "Resolved"),
            "state": ("fields.status.name", "Status"),
            "category": ("fields.status.statusCategory.key", "Status Category"),
            "channel": ("fields.request_channel", "Custom field (Request channel type)", "Custom field (Channel)"),
            "product": ("fields.project.key", "Project key"),
            "case_type": ("fields.issuetype.name", "Issue Type"), "priority": ("fields.priority.name", "Priority"),
            "customer_id": (
                "fields.reporter.accountId", "fields.reporter.key", "fields.reporter.name", "Reporter Id", "Reporter",
            ),
            "team": ("fields.team.name", "Custom field (Team)"), "due": ("fields.duedate", "Due date"),
            "histories": ("changelog.histories",), "comments": ("fields.comment.comments",),
        },
        ("case_id", "created_at"), ("state", "product", "case_type"), _INSTANTS,
    ),
    ExportTable(
        "comments", ("comment",),
        {
            "case_id": ("issueKey", "issue_key", "issue.key"), "at": ("created", "created.iso8601"),
            "public": ("jsdPublic", "public"), "actor_id": ("author.accountId", "author.key", "author.name"),
            "account": ("author.accountType",), "properties": ("properties",), "event_id": ("id",),
        },
        ("case_id", "at"), ("actor_id",), {"at": "instant", "public": "flag"},
    ),
    ExportTable(
        "slas", ("sla",),
        {
            "case_id": ("issueKey", "issue_key", "issue.key"), "name": ("name",), "cycles": ("completedCycles",),
            "started": ("ongoingCycle.startTime.epochMillis",), "due": ("ongoingCycle.breachTime.epochMillis",),
            "breached": ("ongoingCycle.breached",),
        },
        ("case_id", "name"), ("cycles",),
    ),
)  # fmt: skip

#: Field of the changelog -> kind of event and the canonical name of the field.
FIELDS = {
    "status": ("status", "state"),
    "priority": ("priority", "priority"),
    "assignee": ("assigned", "agent"),
    "team": ("assigned", "team"),
    "issuetype": ("field", "case_type"),
    "reporter": ("field", "customer_id"),
    "project": ("field", "product"),
}
_HISTORY = ExportTable(
    "histories", (),
    {"at": ("created",), "actor_id": ("author.accountId", "author.key", "author.name"), "order": ("id",),
     "items": ("items",)},
    ("at", "items"), (), {"at": "instant"},
)  # fmt: skip
_ITEM = ExportTable(
    "items", (),
    {"field": ("field",), "from": ("from",), "old": ("fromString",), "to": ("to",), "new": ("toString",)},
    ("field",),
)  # fmt: skip
_COMMENT = ExportTable(
    "comments",
    (),
    {k: v for k, v in EXPORT_TABLES[1].columns.items() if k != "case_id"},
    ("at",),
    (),
    EXPORT_TABLES[1].kinds,
)


def load(spec: SourceSpec, folder: Path) -> LoadedSource:
    """Read an export of Jira Service Management: issues with what hangs on them.

    Raises
    ------
    InputError
        If there are no issues, or nothing can be used.
    """
    found, notes = read_export_tables(EXPORT_TABLES, spec, folder)
    require_table(found, "issues", spec)
    issues = cast_table(EXPORT_TABLES[0], spec, *found["issues"], spec.columns)
    kind = issues.rows["case_type"]
    issues.ledger.reject(find_subtasks(kind), "case_type", kind, SUBTASK_REASON, code="row.other")
    history = bool(issues.rows["histories"].notna().any())
    pieces = ExportPieces("jira", issues, state_meanings=_categories(issues.rows), history=history, notes=notes)
    asked = issues.accepted_rows().drop_duplicates("case_id", keep="last").set_index("case_id")["customer_id"]
    if history:
        changes, pieces.also = _changes(issues, spec)
        pieces.events += changes
    inner = explode_list(issues, "comments", _COMMENT, spec, ("case_id",))
    own = cast_table(EXPORT_TABLES[1], spec, *found["comments"]) if "comments" in found else None
    pieces.events += [_comments(t, asked) for t in (inner, own) if t is not None]
    promises = _sla_fields(issues)
    if "slas" in found:
        promises.append(cast_table(EXPORT_TABLES[2], spec, *found["slas"]))
    for one in promises:
        pieces.events += _sla_flags(one)
    stated = read_stated_due_times(spec, EXPORT_TABLES[0], issues, "due")
    pieces.due_times = add_stated_due_times(_due_times(promises, notes), stated)
    return assemble(spec, pieces)


def _categories(issues: pd.DataFrame) -> dict[str, str]:
    """Learn from the category of a status whether work is done; words say whether it waits or is closed for good."""
    known: dict[str, str] = {}
    for state, category in issues[["state", "category"]].dropna().drop_duplicates().itertuples(index=False):
        words, done = classify_state(state), normalise_name(category) in ("done", "complete")
        if done:
            known[state] = words if words in ("closed", "merged") else "resolved"
        else:
            known[state] = words if words in ("open", "paused", "on_hold") else "open"
    return known


def _changes(issues: ExportRows, spec: SourceSpec) -> tuple[list[Piece], list[ImportReport]]:
    """Return the changes of the changelog, and the account of the histories that they stand in."""
    histories = explode_list(issues, "histories", _HISTORY, spec, ("case_id",))
    if histories is None:
        return [], []
    items = explode_list(histories, "items", _ITEM, spec, ("case_id", "at", "actor_id", "order"))
    if items is None:
        return [], [histories.ledger]
    rows = items.rows
    name = rows["field"].str.lower()
    kind, field = name.map({k: v[0] for k, v in FIELDS.items()}), name.map({k: v[1] for k, v in FIELDS.items()})
    by_id = field.isin(["agent", "customer_id"])
    old, new = rows["old"].mask(by_id, rows["from"]), rows["new"].mask(by_id, rows["to"])
    order = pd.to_numeric(rows["order"], errors="coerce")
    once = rows["order"] + " " + name + " " + new.fillna("")
    change = build_piece(
        items, case_id=rows["case_id"], at=rows["at"], kind=kind, field=field, old=old, new=new, order=order,
        actor_id=rows["actor_id"], team=new.where(field == "team"), event_id=once.where(kind.notna()),
    )  # fmt: skip
    return [change], [histories.ledger]


def _comments(taken: ExportRows, asked: pd.Series[Any]) -> Piece:
    rows = taken.rows
    internal = rows["properties"].map(_is_internal).astype("boolean")
    public = rows["public"].fillna(~internal)
    if public.isna().any():
        taken.ledger.add_note(
            f"{int(public.isna().sum()):,} comments do not say whether they are internal; taken as public"
        )
    requester = asked.reindex(rows["case_id"]).set_axis(rows.index)
    role = pd.Series("agent", index=rows.index).mask(rows["actor_id"] == requester, "customer")
    role = role.mask(rows["account"] == "customer", "customer").mask(rows["account"] == "app", "bot")
    return build_piece(
        taken, case_id=rows["case_id"], at=rows["at"], kind="message", public=public.fillna(True), actor_role=role,
        actor_id=rows["actor_id"], event_id=rows["event_id"],
    )  # fmt: skip


def _is_internal(properties: object) -> bool | None:
    """Return whether the property of a comment says that it is internal, or nothing.

    >>> _is_internal('[{"key": "sd.public.comment", "value": {"internal": true}}]'), _is_internal(None)
    (True, None)
    """
    for item in parse_json_list(properties):
        if item.get("key") == "sd.public.comment" and isinstance(item.get("value"), dict):
            return bool(item["value"].get("internal", False))
    return None


def _sla_fields(issues: ExportRows) -> list[ExportRows]:
    """Return the SLA fields of issues, wherever they stand: a name, finished cycles and perhaps a running one."""
    raw, out = issues.raw, []
    for column in [str(c) for c in raw.columns if str(c).endswith(".completedCycles")]:
        head = column.removesuffix(".completedCycles")
        rows = pd.DataFrame({"case_id": issues.rows["case_id"], "cycles": raw[column]})
        for role, name in _ONGOING_CYCLE_COLUMNS.items():
            rows[role] = raw.get(f"{head}.{name}", pd.Series(None, index=raw.index, dtype="str"))
        rows["name"] = rows["name"].fillna(head)
        out.append(ExportRows(rows, issues.ledger, raw))
    return out


_ONGOING_CYCLE_COLUMNS = {
    "name": "name",
    "started": "ongoingCycle.startTime.epochMillis",
    "due": "ongoingCycle.breachTime.epochMillis",
    "breached": "ongoingCycle.breached",
}


def _due_times(promises: list[ExportRows], notes: list[str]) -> pd.DataFrame | None:
    """Return when the cycles of the promises were due.

    A cycle that has stopped shows its last due time, with the pauses in it: known when it stopped. That of a running
    one is today's.
    """
    found: list[tuple[Any, ...]] = []
    for taken in promises:
        kept = taken.accepted_rows()[["case_id", "name", "cycles", "due"]]
        for row in kept.itertuples(index=False):
            cycles = [(_millis(c, "breachTime"), _millis(c, "stopTime")) for c in parse_json_list(row.cycles)]
            cycles.append((_number(row.due), None))
            found += [(row.case_id, row.name, due, stop) for due, stop in cycles if due is not None]
    if not found:
        return None
    told = pd.DataFrame(found, columns=["case_id", "name", "due", "stop"])
    due, stop = (_instants(told[c].tolist(), told) for c in ("due", "stop"))
    return build_promise_due_times(told["case_id"], told["name"], due, stop, "jira", notes)


def _sla_flags(taken: ExportRows) -> list[Piece]:
    """Return when each promise of a case began, when it first broke, and when it was first kept or broken."""
    begun: list[float] = []
    broke: list[float] = []
    over: list[float] = []
    for row in taken.rows[["cycles", "started", "due", "breached"]].itertuples(index=False):
        cycles = [
            (_millis(c, "startTime"), c.get("breached"), _millis(c, "breachTime"), _millis(c, "stopTime"))
            for c in parse_json_list(row.cycles)
        ]
        cycles.append((_number(row.started), str(row.breached) == "true", _number(row.due), None))
        starts = [s for s, *_ in cycles if s is not None]
        breaks = [due if due is not None else stop for _, bad, due, stop in cycles if bad]
        known = [b for b in breaks if b is not None]
        ends = [stop for _, _, _, stop in cycles if stop is not None]
        over.append(min([*ends, *known]) if ends or known else float("nan"))
        begun.append(min(starts) if starts else float("nan"))
        broke.append(min(known) if known else float("nan"))
    rows = taken.rows
    times = [_instants(numbers, rows) for numbers in (begun, broke, over)]
    return build_sla_flag_events(taken, rows["case_id"], rows["name"], *times)


def _millis(cycle: Any, key: str) -> float | None:
    value = cycle.get(key)
    return _number(value.get("epochMillis")) if isinstance(value, dict) else None


def _number(value: object) -> float | None:
    text = "" if value is None else json.dumps(value) if not isinstance(value, str) else value
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None


def _instants(millis: list[float], rows: pd.DataFrame) -> pd.Series[Any]:
    whole = pd.Series(millis, index=rows.index, dtype="float64").round().astype("Int64")
    return pd.Series(pd.to_datetime(whole, unit="ms", utc=True)).dt.as_unit("us")
