"""An event log with case, time and activity, to cases and events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..case_log.schema import EVENT_KINDS, ON_HOLD_FIELD, TABLES
from ..errors import InputError, did_you_mean
from .columns import ImportReport, cast_columns, choose_columns, read_column
from .rows import cut_events, is_in_span, number_events
from .spec import LoadedSource, SourceSpec
from .status import ENDED_CLASSES, classify_state

#: Words for messages in a ``kinds`` map: who wrote, and whether the customer sees it.
MESSAGES: dict[str, tuple[str, bool]] = {
    "reply": ("agent", True),
    "customer_message": ("customer", True),
    "note": ("agent", False),
}
#: Kinds of event that can be work on an open case; a message or a change of priority is none by itself.
_WORK_KINDS = ("field", "status", "assigned", "escalated", "paused", "resumed")
_SEGMENTS = ("channel", "product", "region", "case_type", "priority", "customer_id", "team")


def read_event_log(spec: SourceSpec, frame: pd.DataFrame) -> LoadedSource:
    """Read an event log: the activities become kinds of event, and the first row of a case makes the case.

    An activity that ``spec.kinds`` does not name becomes kind ``field`` with the activity as its new value. Where
    activities pause a case but none resumes it, the next activity of another name does. Where none re-opens it, work
    after an end does: an activity whose words mean an open state, or that mostly comes before the end of its case.
    Segments and attributes of a case are those of its first row.

    Raises
    ------
    InputError
        If a column is missing, or ``kinds`` names an activity that is not in the file or a kind that does not exist.
    """
    where = Path(spec.path).name
    kinds = {c.name: str(c.kind) for c in TABLES["events"].columns}
    kinds |= {c.name: str(c.kind) for c in TABLES["cases"].columns if c.name in _SEGMENTS} | {"activity": "text"}
    needed = ("case_id", "at", "activity")
    found = choose_columns(spec, frame, kinds, needed)
    ledger = ImportReport("events", where, len(frame))
    rows = cast_columns(spec, frame, found, kinds, needed, ledger)
    ledger.check_rows_left()
    _check_kinds(spec, rows["activity"], ledger)
    for name in spec.attributes:
        rows[name] = read_column(spec, frame, name)
    ledger.note_duplicates(frame)
    rows = rows[ledger.accepted]
    order = ["case_id", "at", *(["seq"] if "seq" in rows else [])]
    rows = rows.sort_values(order, kind="stable", ignore_index=True)
    start = rows.groupby("case_id", sort=False)["at"].transform("min")
    rows = rows[is_in_span(spec, start, ledger, "events of cases")].reset_index(drop=True)
    cases = _first_rows(rows, spec)
    events = cut_events(spec, _events(rows, spec, ledger), ledger)
    tables = {"cases": cases, "events": events}
    return LoadedSource(tables, ledger.rejected(), tuple(ledger.notes), dict(spec.attributes), ("cases",), ledger.until)


def _check_kinds(spec: SourceSpec, activities: pd.Series[Any], ledger: ImportReport) -> None:
    """Refuse kinds that do not exist and activities that look misspelt; a rare activity may just not have come yet."""
    from difflib import get_close_matches

    known = (*EVENT_KINDS, *MESSAGES, ON_HOLD_FIELD)
    there = [str(a) for a in activities.dropna().unique()]
    unmapped = [a for a in there if a not in spec.kinds]
    absent = []
    for activity, kind in spec.kinds.items():
        if kind not in known:
            raise InputError(
                "unknown kind of event", where=f"kinds of {ledger.where}", column=activity, got=kind,
                hint=did_you_mean(kind, known),
                code="value.unknown",
            )  # fmt: skip
        if activity in there:
            continue
        if get_close_matches(activity, unmapped, n=1) or len(spec.kinds) == 1:
            raise InputError(
                "unknown activity", where=f"kinds of {ledger.where}", column=activity,
                hint=did_you_mean(activity, unmapped[:30] or there[:30]),
                code="column.unknown",
            )  # fmt: skip
        absent.append(repr(activity))
    if absent:
        ledger.add_note(f"of the activities in 'kinds', the file does not have {', '.join(absent)}")


def _first_rows(rows: pd.DataFrame, spec: SourceSpec) -> pd.DataFrame:
    first = rows.drop_duplicates("case_id")
    kept = [n for n in _SEGMENTS if n in first.columns] + list(spec.attributes)
    cases = first[["case_id", "at", *kept]].rename(columns={"at": "created_at"})
    return cases.sort_values("case_id", kind="stable", ignore_index=True)


def _events(rows: pd.DataFrame, spec: SourceSpec, ledger: ImportReport) -> pd.DataFrame:
    kind = rows["activity"].map(dict(spec.kinds)).astype("str").where(rows["activity"].isin(list(spec.kinds)))
    kind = kind.fillna("field").mask(lambda k: k == "created", "field")
    role = kind.map({k: v[0] for k, v in MESSAGES.items()})
    public = kind.map({k: v[1] for k, v in MESSAGES.items()})
    out = rows[
        [c for c in ("case_id", "at", "recorded_at", "actor_id", "actor_role", "team", "old") if c in rows]
    ].copy()
    out["kind"] = kind.where(~kind.isin(list(MESSAGES)), "message")
    hold = kind == ON_HOLD_FIELD
    out["kind"] = out["kind"].mask(hold, "paused")
    out["field"] = pd.Series("activity", index=out.index).mask(hold, ON_HOLD_FIELD)
    out["new"] = rows["activity"]
    # an assignment goes to a team, or to the one who took it; without either its target is not known
    target = rows["team"] if "team" in rows else rows.get("actor_id")
    assigned = out["kind"] == "assigned"
    out["new"] = out["new"].mask(assigned) if target is None else out["new"].mask(assigned, target)
    if role.notna().any():
        out["actor_role"] = role if "actor_role" not in out else role.fillna(out["actor_role"])
        out["public"] = public.astype("boolean")
    out["_order"] = np.arange(len(out)) * 2 + 1
    first = rows.drop_duplicates("case_id")[["case_id", "at"]]
    parts = [first.assign(kind="created", _order=-1), out]
    if "resumed" not in spec.kinds.values() and (out["kind"] == "paused").any():
        parts.append(_resumptions(out, ledger))
    if "reopened" not in spec.kinds.values():
        parts.append(_reopenings(out, rows["activity"], spec, ledger))
    events = pd.concat(parts, ignore_index=True).sort_values(
        ["case_id", "at", "_order"], kind="stable", ignore_index=True
    )
    return number_events(events.drop(columns="_order"))


def _resumptions(events: pd.DataFrame, ledger: ImportReport) -> pd.DataFrame:
    """End each pause at the next activity of another name, where the log has no word for resuming."""
    same = events["case_id"] == events["case_id"].shift()
    after = same & (events["kind"].shift() == "paused") & (events["kind"] != "paused")
    ends = events.loc[after, ["case_id", "at", "_order"]]
    ledger.add_note("no activity means 'resumed': a pause ends at the next activity of another name")
    return ends.assign(kind="resumed", _order=ends["_order"] - 1)


def _reopenings(events: pd.DataFrame, activity: pd.Series[Any], spec: SourceSpec, ledger: ImportReport) -> pd.DataFrame:
    """Re-open a case where work goes on after its end, where the log has no word for that."""
    case, at = events["case_id"], events["at"]
    ends = events["kind"].isin(("resolved", "closed"))
    last_end = at.where(ends).groupby(case, sort=False).ffill()
    merged = (events["kind"] == "merged").groupby(case, sort=False).cummax()
    work = activity.isin(_find_work_activities(events, activity, last_end, spec))
    goes_on = work & ~merged & (last_end.isna() | (at > last_end))  # at the instant of an end the order says nothing
    marks = events.assign(_goes_on=goes_on)[ends | goes_on]
    same = marks["case_id"] == marks["case_id"].shift()
    back = marks[marks["_goes_on"] & same & ~marks["_goes_on"].shift(fill_value=True)]
    if len(back):
        names = ", ".join(map(repr, activity.loc[back.index].drop_duplicates().iloc[:4]))
        ledger.add_note(
            f"no activity means 'reopened': {len(back):,} times work went on after an end ({names}), which counts as a "
            "re-opening; an activity that is no work can be called 'field' in 'kinds'"
        )
    return back[["case_id", "at", "_order"]].assign(kind="reopened", _order=back["_order"] - 1)


def _find_work_activities(
    events: pd.DataFrame, activity: pd.Series[Any], last_end: pd.Series[Any], spec: SourceSpec
) -> list[str]:
    """Name the activities that are work on an open case: by their words, or since most of them come before an end."""
    kinds = dict(spec.kinds)
    able = events["kind"].isin(_WORK_KINDS) & (activity.map(kinds) != "field")
    before = last_end.isna()[able].groupby(activity[able]).mean()
    meaning = {name: classify_state(str(name)) for name in before.index}
    return [
        str(name)
        for name, share in before.items()
        if meaning[name] in ("open", "paused", "on_hold") or (meaning[name] not in ENDED_CLASSES and share > 0.5)
    ]
