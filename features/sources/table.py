"""Adapters: a file that was read, to canonical tables. They rename and cast, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..case_log.conform import find_backward_spans
from ..case_log.schema import EVENT_KINDS, TABLES, AttributeTiming
from ..errors import InputError
from ..readers.many_files import FILES
from .columns import ImportReport, cast_columns, choose_columns, read_column
from .contacts import is_contact_record, read_contacts
from .due_columns import CASE_DUES, build_due_times, read_due_columns
from .event_log import read_event_log
from .figures import read_figures
from .rows import cut_events, is_in_span, number_events, read_column_text
from .satisfaction import build_surveys, score_answers
from .spec import LoadedSource, SourceSpec
from .subtasks import SUBTASK_REASON, find_subtasks
from .versions import UPDATED, find_changes, mark_older_rows, reject_repeated_cases
from .volumes import read_volumes

#: Column of answers in a case table, which become surveys.
SATISFACTION = "csat"
#: Times of a case table that become events.
CASE_TIMES = {"first_response_at": "message", "resolved_at": "resolved", "closed_at": "closed"}


def read_mapped_table(spec: SourceSpec, frame: pd.DataFrame) -> LoadedSource:
    """Read a table with a column map: cases, an event log, a volume series, or any other canonical table.

    Parameters
    ----------
    spec
        ``spec.table`` says which canonical table it is; ``spec.columns`` which column is which.
    frame
        The file as it stands.

    Raises
    ------
    InputError
        If a column is unknown or missing, or no row can be used.
    """
    if spec.table == "cases":
        return _cases(spec, frame)
    names = spec.columns or frame.columns
    if spec.table == "events" and "activity" in names and "kind" not in names:
        return read_event_log(spec, frame)
    if spec.table == "volumes":
        return read_volumes(spec, frame)
    if spec.table == "contacts" and is_contact_record(names):
        return read_contacts(spec, frame)
    return _canonical(spec, frame)


def _cases(spec: SourceSpec, frame: pd.DataFrame) -> LoadedSource:
    kinds = {c.name: str(c.kind) for c in TABLES["cases"].columns}
    kinds |= dict.fromkeys((*CASE_TIMES, UPDATED, *CASE_DUES), "instant") | {SATISFACTION: "text"}
    found = choose_columns(spec, frame, kinds, ("created_at",))
    due_columns = {name: found.pop(name) for name in CASE_DUES if name in found}
    ledger = ImportReport("cases", Path(spec.path).name, len(frame))
    needed = tuple(n for n in ("case_id", "created_at") if n in found)
    cast = cast_columns(spec, frame, found, kinds, needed, ledger)
    changes = pd.DataFrame()
    older = np.zeros(len(frame), dtype=bool)
    if "case_id" not in found:
        width = len(str(len(frame)))
        cast.insert(0, "case_id", pd.Series([f"{i:0{width}d}" for i in range(1, len(frame) + 1)], dtype="str"))
        ledger.add_note("there is no column of case ids: each row is a case, numbered as in the file")
    else:
        files = frame.attrs.get(FILES, ())
        older = mark_older_rows(cast, ledger.accepted, files)
        first, changes = find_changes(cast[ledger.accepted], older[ledger.accepted])
        reject_repeated_cases(ledger, cast, older, found["case_id"], files)
        cast = _as_first_known(cast, first)
    if "case_type" in found:
        ledger.reject(
            find_subtasks(cast["case_type"]), found["case_type"], cast["case_type"], SUBTASK_REASON, code="row.other"
        )
    every = cast[[n for n in ("case_id", "created_at", UPDATED) if n in cast]]
    for name in (n for n in CASE_TIMES if n in found):
        cast[name] = _with_ends_of_a_day(cast, name, found[name], spec.timezone, ledger)
        early = (cast[name] < cast["created_at"]).to_numpy(dtype=bool)
        word = {"closed_at": "closed", "resolved_at": "resolved"}.get(name, "answered")
        if (early & ledger.accepted).any():
            row = int(np.flatnonzero(early & ledger.accepted)[0])
            shown = read_column_text(spec, frame, found[name]).iloc[row]
            count = int((early & ledger.accepted).sum())
            what = "1 case is" if count == 1 else f"{count:,} cases are"
            ledger.add_note(
                f"{what} {word} before the opening, such as row {row + 1:,} ({found[name]}: {shown!r}): openings "
                "count, and how long it took is not known"
            )
    ledger.check_rows_left()
    cast = cast[ledger.accepted & is_in_span(spec, cast["created_at"].where(ledger.accepted), ledger, "cases")]
    attributes = _attributes(spec, frame, found | due_columns)
    attributes = {c: known for c, known in attributes.items() if c not in due_columns.values()}
    for name in attributes:
        cast[name] = read_column(spec, frame, name).loc[cast.index]
    figures, known = read_figures(spec, frame, ledger)
    cast, attributes = cast.join(figures), attributes | known
    extra = [n for n in (*CASE_TIMES, UPDATED, SATISFACTION) if n in cast]
    tables = {"cases": _sorted(cast.drop(columns=extra), ["case_id"])}
    times = [n for n in CASE_TIMES if n in found]
    if SATISFACTION in found:
        tables["surveys"] = _surveys(spec, cast, found[SATISFACTION], ledger)
    if times or len(changes):
        tables["events"] = cut_events(spec, _case_events(cast, times, changes), ledger)
    if due_columns:
        dues = read_due_columns(spec, frame, due_columns, found["created_at"], ledger)
        at_once = [CASE_DUES[n] for n, c in due_columns.items() if spec.attributes.get(c) == "creation"]
        tables["due_times"] = build_due_times(dues, every, cast.index, older, at_once)
    derived = tuple(n for n in ("events", "surveys") if n in tables)
    return LoadedSource(tables, ledger.rejected(), tuple(ledger.notes), attributes, derived, ledger.until)


def _attributes(spec: SourceSpec, frame: pd.DataFrame, found: Mapping[str, str]) -> dict[str, AttributeTiming]:
    """Return the columns to keep beyond the canonical ones; without a map all, carefully as outcomes."""
    names = TABLES["cases"].names
    for name in spec.attributes:
        if name in names or name in (*CASE_TIMES, UPDATED, SATISFACTION):
            hint = f"map it: columns = {{ {name} = '{name}' }}"
            raise InputError(
                "an attribute cannot have the name of a canonical column",
                where=Path(spec.path).name,
                column=name,
                hint=hint,
                code="column.doubled",
            )
    kept = dict(spec.attributes)
    if not spec.columns:
        kept |= {str(c): "outcome" for c in frame.columns if str(c) not in (*found, *kept)}
    return kept


def _with_ends_of_a_day(
    cast: pd.DataFrame, name: str, column: str, timezone: str, ledger: ImportReport
) -> pd.Series[Any]:
    """Return ends that are known to the day only, none before its opening: one of the same day ends at its opening.

    A column of dates beside openings with a time of day would else have the cases that took least closed before they
    were opened.
    """
    ends, begins = cast[name], cast["created_at"]
    there = ends.notna() & begins.notna()
    if not there.any():
        return ends
    local = ends[there].dt.tz_convert(timezone)
    opened = begins[there].dt.tz_convert(timezone)
    if bool((local != local.dt.normalize()).any()) or bool((opened == opened.dt.normalize()).all()):
        return ends
    same = (local == opened.dt.normalize()) & (local < opened)
    ledger.add_note(
        f"'{column}' has no time of day, so ends are as of midnight; {int(same.sum()):,} cases that ended on the day "
        "of their opening end at it"
    )
    return ends.mask(same.reindex(ends.index, fill_value=False), begins)


def _surveys(spec: SourceSpec, cast: pd.DataFrame, column: str, ledger: ImportReport) -> pd.DataFrame:
    """Return the answers that a table of cases has; known from the end of their case on, or from its last change."""
    points, asked, unknown = score_answers(cast[SATISFACTION], spec.kinds)
    ends = [n for n in ("resolved_at", "closed_at", UPDATED) if n in cast]
    at = cast[ends].max(axis=1) if ends else pd.Series(pd.NaT, index=cast.index, dtype="datetime64[us, UTC]")
    rows = build_surveys(cast, points, asked & ~unknown, at)
    answered = int(rows["score"].notna().sum())
    ledger.add_note(
        f"'{column}' has {answered:,} answers on satisfaction, of {len(rows):,} asked; the file does not say when they "
        "came: each is known from the end of its case, or its last change"
    )
    lost = int((asked & ~unknown & at.isna()).sum())
    if lost:
        ledger.add_note(f"'{column}': {lost:,} answers are of cases without an end, and left out")
    if unknown.any():
        shown = cast.loc[unknown, SATISFACTION].iloc[0]
        ledger.add_note(
            f"'{column}': {int(unknown.sum()):,} answers such as {shown!r} are left out; say in kinds how many points "
            f"of five they mean, as in {{ {shown!r} = '4' }}"
        )
    return rows


def _as_first_known(cast: pd.DataFrame, first: pd.DataFrame) -> pd.DataFrame:
    """Show a case as it was when it was first exported; what changed later is told by its events."""
    if first.empty:
        return cast
    known = first.set_index("case_id")
    out = cast.copy()
    for name in known.columns:
        value = known[name].reindex(cast["case_id"]).set_axis(cast.index)
        out[name] = value.where(value.notna(), cast[name])
    return out


def _case_events(cases: pd.DataFrame, times: list[str], changes: pd.DataFrame) -> pd.DataFrame:
    """Make the events that the times of a case table tell of, and those that its earlier rows do."""
    parts = [_events_at(cases, "created_at", "created")]
    parts += [_events_at(cases, name, kind) for name, kind in CASE_TIMES.items() if name in times]
    if len(changes):
        parts.append(changes[changes["case_id"].isin(cases["case_id"])])
    out = pd.concat(parts, ignore_index=True)
    if "first_response_at" in times and "actor_role" not in out:  # replies are recorded, and none has come yet
        out["actor_role"] = pd.Series(pd.NA, index=out.index, dtype="str")
    return number_events(out)


def _events_at(cases: pd.DataFrame, column: str, kind: str) -> pd.DataFrame:
    there = cases[cases[column].notna()]
    part = pd.DataFrame({"case_id": there["case_id"], "at": there[column], "kind": kind})
    if kind == "message":
        part["actor_role"], part["public"] = "agent", True
    return part


def _canonical(spec: SourceSpec, frame: pd.DataFrame) -> LoadedSource:
    table = TABLES[spec.table]
    kinds = {c.name: str(c.kind) for c in table.columns}
    found = choose_columns(spec, frame, kinds, table.required)
    ledger = ImportReport(spec.table, Path(spec.path).name, len(frame))
    cast = cast_columns(spec, frame, found, kinds, table.required, ledger)
    if spec.table == "events":
        strange = ~cast["kind"].isin(EVENT_KINDS).to_numpy()
        ledger.reject(
            strange,
            found["kind"],
            cast["kind"],
            f"unknown kind of event; known: {', '.join(EVENT_KINDS)}",
            code="value.unknown",
        )
    key = [k for k in table.key if k in cast.columns]
    if len(key) == len(table.key):
        twice = cast[key].duplicated().to_numpy() & ledger.accepted
        ledger.reject(
            twice,
            found[key[0]],
            cast[key[0]].astype("str"),
            "duplicate key; the first row is kept",
            code="row.doubled",
        )
    if {"start", "end"} <= set(found):
        _check_spans(cast, found["end"], ledger)
    ledger.check_rows_left()
    inside = ledger.accepted
    if table.instant:
        inside = inside & is_in_span(spec, cast[table.instant].where(ledger.accepted), ledger)
    out = _sorted(cast[inside], key)
    if spec.table == "events" and "seq" not in out:
        out = number_events(out)
    return LoadedSource({spec.table: out}, ledger.rejected(), tuple(ledger.notes), until=ledger.until)


def _check_spans(cast: pd.DataFrame, column: str, ledger: ImportReport) -> None:
    """Reject what ends before it starts, and note money that has no span to be spread over."""
    backward = find_backward_spans(cast).to_numpy(dtype=bool)
    ledger.reject_times(backward, column, cast["end"], "it ends before it starts", code="time.order")
    at_once = ((cast["end"] == cast["start"]).to_numpy(dtype=bool) & ledger.accepted).sum()
    if ledger.table == "costs" and at_once:
        rows, them = (
            ("1 row ends at its start", "it counts")
            if at_once == 1
            else (f"{at_once:,} rows end at their start", "each counts")
        )
        ledger.add_note(f"{rows}: {them} as a whole in the period of that time")


def _sorted(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    if all(frame[c].is_monotonic_increasing for c in by[:1]) and len(by) == 1:
        return frame.reset_index(drop=True)
    return frame.sort_values(by, kind="stable", ignore_index=True) if by else frame.reset_index(drop=True)
