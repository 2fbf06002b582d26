"""Look at an export and say what it is: its shape, its columns, its times, and what may give the future away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ..case_log.schema import TABLES, AttributeTiming
from ..errors import InputError
from ..readers.read import RawFile
from ..readers.timestamps import detect_date_order, detect_time_format, parse_times
from ..readers.zones import guess_zone
from ..sources.servicenow_log import AUDIT_LOG_COLUMNS, LEAKAGE_COLUMNS
from ..sources.spec import SourceSpec
from ..sources.survey import SURVEY_SCALES
from ..sources.survey import SURVEY_TABLE as SURVEYS
from ..sources.table import CASE_TIMES
from ..sources.telephone import CALL_LOG_COLUMNS as CALLS
from ..sources.volumes import common_step_s
from .planner_files import recognise_planner_file
from .roles import (
    ColumnProfile,
    ColumnRoles,
    find_best_column,
    guess_attributes,
    guess_segment_columns,
    guess_series_columns,
    is_constant_within,
    profile_columns,
)
from .vocabulary import classify_activity, score_role_match

#: Rows that are looked at; an event log needs whole cases, so these are the first and no sample.
_MAX_ROWS_EXAMINED = 500_000


@dataclass(frozen=True)
class Recognised:
    """What a file seems to be.

    Attributes
    ----------
    path
        The file.
    shape
        ``export of`` a system, ``call log``, ``survey file``,
        ``audit log``, ``event log``, ``case table``, ``arrivals``, ``volume series`` or ``canonical table``.
    table, kind, columns, kinds, attributes, date_format, timezone, slot_s
        Values for a :class:`SourceSpec`; an empty zone could not be recognised.
    segments
        Canonical segment column -> number of its values.
    leakage
        Columns of the file that seem to be known only at the end of a case.
    why
        Name of a guess -> what it was based on, in plain words.
    notes
        Further remarks.
    parts
        For a system that exports several files: name of the table -> its file.
    options
        Further values for the :class:`SourceSpec`, by the name of its field.
    raw
        The file as it was read; of several the one with the cases.
    """

    path: Path
    shape: str
    table: str
    kind: str = "table"
    columns: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, AttributeTiming] = field(default_factory=dict)
    date_format: str | None = None
    timezone: str = ""
    slot_s: float | None = None
    segments: Mapping[str, int] = field(default_factory=dict)
    leakage: tuple[str, ...] = ()
    why: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    parts: Mapping[str, Path] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    raw: RawFile = field(default_factory=lambda: RawFile(pd.DataFrame()), repr=False, compare=False)

    def spec(self, path: str | None = None, timezone: str | None = None) -> SourceSpec:
        """Return the source that this recognition describes."""
        return SourceSpec(
            table=self.table,
            path="" if self.parts else str(self.path) if path is None else path,
            parts={name: str(file) for name, file in self.parts.items()},
            kind=self.kind,
            timezone=timezone or self.timezone or "UTC",
            columns=self.columns,
            kinds=self.kinds,
            attributes=self.attributes,
            date_format=self.date_format,
            slot_s=self.slot_s,
            **self.options,
        )


def _recognised(file: Path, raw: RawFile) -> Recognised:
    missing = SourceSpec("cases", "").missing
    columns = profile_columns(raw.frame.head(_MAX_ROWS_EXAMINED), missing)
    found = _canonical(columns) or _audit_log(columns) or _call_log(columns) or _survey_file(columns, file)
    found = found or recognise_planner_file(columns, raw.frame.head(_MAX_ROWS_EXAMINED), file.name)
    if found is None:
        if not any(p.time for p in columns.values()):
            raise InputError(
                "no column of times was found",
                where=file.name,
                got=", ".join(list(columns)[:10]),
                wanted="at least one column of dates or times",
            )
        frame = raw.frame.head(_MAX_ROWS_EXAMINED)
        found = _volume_series(columns, frame) or _event_log(columns, frame) or _case_table(columns)
    return _with_times(Recognised(file, raw=raw, **found), columns)


def _canonical(columns: Mapping[str, ColumnProfile]) -> dict[str, Any] | None:
    """Recognise a table that has the canonical names already."""
    fits: list[tuple[int, str]] = []
    for name, table in TABLES.items():
        known = {*table.names, *(CASE_TIMES if name == "cases" else ())}
        shared = len(known & set(columns))
        if set(table.required) <= set(columns) and shared >= 0.7 * len(columns):
            fits.append((shared, name))
    if not fits:
        return None
    name = max(fits)[1]
    segments = {c: columns[c].distinct for c in TABLES["cases"].names[2:] if c in columns and name == "cases"}
    why = {"table": f"its columns have the names of the canonical table '{name}'"}
    return {"shape": "canonical table", "table": name, "segments": segments, "why": why}


def _audit_log(columns: Mapping[str, ColumnProfile]) -> dict[str, Any] | None:
    """Recognise ServiceNow's audit log by the names of its columns and by incidents that come more than once."""
    found = {n: next((s for s in names if s in columns), "") for n, names in AUDIT_LOG_COLUMNS.items()}
    if not all(found[n] for n in ("case_id", "created_at", "updated_at", "state")):
        return None
    if columns[found["case_id"]].unique > 0.8:
        return None
    roles = ("channel", "product", "region", "priority", "team", "case_type")
    segments = {r: columns[found[r]].distinct for r in roles if found[r]}
    why = {
        "kind": f"it has '{found['case_id']}', '{found['updated_at']}' and '{found['state']}', and one row per update",
        "leakage": "these carry the final value on every row; they are not read",
    }
    leakage = tuple(c for c in LEAKAGE_COLUMNS if c in columns)
    return {
        "shape": "audit log", "table": "cases", "kind": "servicenow", "segments": segments, "leakage": leakage,
        "why": why, "kinds": {},
    }  # fmt: skip


def _call_log(columns: Mapping[str, ColumnProfile]) -> dict[str, Any] | None:
    """Recognise the call-by-call log of a telephone switch by the names of its columns."""
    if not {c for r, c in CALLS.items() if r not in ("line", "team", "agent_id")} <= set(columns):
        return None
    why = {"kind": "one row a call, with the clock times of the voice response unit, the queue and the service"}
    return {"shape": "call log", "table": "contacts", "kind": "telephone", "why": why}


def _survey_file(columns: Mapping[str, ColumnProfile], file: Path) -> dict[str, Any] | None:
    """Recognise surveys: scores of a known kind, whose they are, and when they were given."""
    found = SURVEYS.found(pd.DataFrame(columns=list(columns)))
    wide = [k for k in SURVEY_SCALES if k in found and columns[found[k]].number]
    said = "kind" in found and {v.lower().replace(" ", "_") for v in columns[found["kind"]].values} <= set(
        SURVEY_SCALES
    )
    scored = (
        "score" in found
        and columns[found["score"]].number
        and (said or sum(k in file.name.lower() for k in SURVEY_SCALES) == 1)
    )
    times = [found[r] for r in ("offered_at", "responded_at") if r in found and columns[found[r]].time is not None]
    if len(columns) > 12 or not times or not (wide or scored) or not {"case_id", "agent_id", "survey_id"} & set(found):
        return None
    what = ", ".join(wide) if wide else "a column of scores"
    return {"shape": "survey file", "table": "surveys", "kind": "survey", "why": {"kind": f"it has {what}, and a time"}}


def _volume_series(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame) -> dict[str, Any] | None:
    roles = guess_series_columns(columns, frame)
    if roles is None:
        return None
    why = {"table": f"each '{roles['ds']}' comes once" + (" per series" if "unique_id" in roles else "")}
    why["y"] = f"'{roles['y']}' is the column of numbers"
    segments = {"unique_id": columns[roles["unique_id"]].distinct} if "unique_id" in roles else {}
    return {"shape": "volume series", "table": "volumes", "columns": roles, "segments": segments, "why": why}


def _event_log(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame) -> dict[str, Any] | None:
    case = find_best_column(columns, "case_id", lambda p: 0 < p.unique < 0.8 and p.missing < 0.5)
    at = find_best_column(columns, "at", lambda p: p.time is not None)
    activity = find_best_column(
        columns, "activity", lambda p: 2 <= p.distinct <= 500 and p.unique < 0.2 and p.time is None
    )
    if not (case and at and activity):
        return None
    varying = not is_constant_within(frame, case, activity)
    if not varying:
        return None
    taken = {"case_id": case, "at": at, "activity": activity}
    actor = find_best_column(columns, "actor_id", lambda p: p.name not in taken.values() and p.distinct > 1)
    if actor:
        taken["actor_id"] = actor
    roles = ColumnRoles(columns, taken)
    segments = guess_segment_columns(roles)
    mapped = {**taken, **segments}
    kinds = {a: k for a in columns[activity].values if (k := classify_activity(a))}
    attributes, leakage = guess_attributes(ColumnRoles(columns, mapped), frame, case)
    mean = 1 / columns[case].unique if columns[case].unique else 0
    why = {
        "table": f"'{case}' repeats, {mean:.1f} rows a value, and '{activity}' changes within it",
        "kinds": "read from the words of the activities; the others are kept as they are",
    }
    counts = {r: columns[c].distinct for r, c in segments.items()}
    return {
        "shape": "event log", "table": "events", "columns": mapped, "kinds": kinds, "attributes": attributes,
        "segments": counts, "leakage": leakage, "why": why,
    }  # fmt: skip


def _case_table(columns: Mapping[str, ColumnProfile]) -> dict[str, Any]:
    """Recognise a table with a row per case, or bare arrivals where nothing tells of an end or an id."""
    why: dict[str, str] = {}
    taken: dict[str, str] = {}
    # the name says that it is an id; a few repeats are mistakes that are refused, more would mean rows of another kind
    case = find_best_column(
        columns, "case_id", lambda p: p.unique > (0.8 if p.rows > 50 else 0.5) and p.missing < 0.5 and not p.time
    )
    if case:
        taken["case_id"] = case
        why["case_id"] = f"nearly every value of '{case}' comes once"
    for role in ("first_response_at", "resolved_at", "closed_at"):
        name = find_best_column(columns, role, lambda p: p.time is not None and p.name not in taken.values())
        if name:
            taken[role] = name
    taken["created_at"] = _opening(columns, taken, why)
    segments = guess_segment_columns(ColumnRoles(columns, taken))
    mapped = {**{k: taken[k] for k in ("case_id", "created_at", *CASE_TIMES) if k in taken}, **segments}
    attributes, leakage = guess_attributes(ColumnRoles(columns, mapped), None, None)
    ends = [r for r in CASE_TIMES if r in taken]
    shape = "case table" if ends or case else "arrivals"
    why["table"] = f"one row a case, opened at '{taken['created_at']}'"
    if not ends:
        why["table"] += "; no column tells when a case ended, so only its opening can be counted"
        others = [n for n, p in columns.items() if p.time is not None and n not in taken["created_at"].split(" + ")]
        if others:
            why["table"] += f" (if one of {', '.join(map(repr, others[:4]))} does, name it closed_at)"
    counts = {r: columns[c].distinct for r, c in segments.items()}
    return {
        "shape": shape, "table": "cases", "columns": mapped, "attributes": attributes, "segments": counts,
        "leakage": leakage, "why": why,
    }  # fmt: skip


def _opening(columns: Mapping[str, ColumnProfile], taken: Mapping[str, str], why: dict[str, str]) -> str:
    """Choose the column of the opening time, joining a date with a time of day where they stand apart."""

    def free(p: ColumnProfile) -> bool:
        return p.time is not None and p.name not in taken.values() and p.missing < 0.5

    opening = find_best_column(columns, "created_at", free) or next((n for n, p in columns.items() if free(p)), "")
    if not opening:
        opening = next(n for n, p in columns.items() if p.time is not None)
    if score_role_match(opening, "created_at") < 0.5:
        why["created_at"] = f"no column is named as an opening time; '{opening}' is the nearest: look whether it is one"
    if columns[opening].dates:
        clock = next((n for n, p in columns.items() if p.clock and p.missing < 0.5), None)
        if clock:
            why["created_at"] = f"'{opening}' has no time of day; '{clock}' is the first column of clock times"
            return f"{opening} + {clock}"
    return opening


def _with_times(seen: Recognised, columns: Mapping[str, ColumnProfile]) -> Recognised:
    """Add the format, the zone and the slot of the times."""
    from dataclasses import replace

    raw, why, notes = seen.raw.frame, dict(seen.why), list(seen.notes)
    used = [c for n, c in _time_columns(seen, columns).items() if columns[c].time]
    heads = {c: raw[c].head(_MAX_ROWS_EXAMINED) for c in used}
    order = detect_date_order(list(heads.values()))
    formats = [t for head in heads.values() if (t := detect_time_format(_unmarked(head), order)) is not None]
    forms = {f for t in formats for f in t.formats}
    single = (
        forms.pop() if len(forms) == 1 and all(t.style in ("numeric", "worded", "compact") for t in formats) else None
    )
    if any(t.ambiguous for t in formats) and not order:
        why["date_format"] = "no value tells day and month apart: this is a guess, look at it"
    elif single:
        why["date_format"] = "recognised from the whole column"
    if single and " + " in "".join(seen.columns.values()):
        single = None
    zone = ""
    offsets = [c for c in used if (t := columns[c].time) is not None and t.offset]
    if offsets:
        zone, why["timezone"] = guess_zone(raw[offsets[0]].head(_MAX_ROWS_EXAMINED))
    slot = seen.slot_s
    if slot is None and seen.table == "volumes" and seen.columns.get("ds") in raw.columns:
        slot, why["slot"] = _infer_time_step(seen)
    single = seen.date_format or single
    return replace(seen, date_format=single, timezone=zone, slot_s=slot, why=why, notes=tuple(notes))


def _unmarked(values: pd.Series[Any]) -> pd.Series[Any]:
    return values.mask(values.isin(list(SourceSpec("cases", "").missing))) if str(values.dtype) == "str" else values


def _time_columns(seen: Recognised, columns: Mapping[str, ColumnProfile]) -> dict[str, str]:
    mapped = dict(seen.columns)
    if seen.kind == "servicenow":
        mapped = {n: next(s for s in AUDIT_LOG_COLUMNS[n] if s in columns) for n in ("created_at", "updated_at")}
    elif seen.kind == "telephone":
        mapped = {"date": "date"}
    elif seen.kind == "survey":
        roles = SURVEYS.found(pd.DataFrame(columns=list(columns)))
        mapped = {n: roles[n] for n in ("offered_at", "responded_at") if n in roles}
    elif not mapped:
        mapped = {c: c for c in columns if c in TABLES[seen.table].names or c in CASE_TIMES}
    split = {n: p.strip() for n, c in mapped.items() for p in ([c] if c in columns else c.split(" + ")[:1])}
    return {n: c for n, c in split.items() if columns[c].time is not None}


def _infer_time_step(seen: Recognised) -> tuple[float | None, str]:
    frame = seen.raw.frame
    times = parse_times(frame[seen.columns["ds"]]).instants
    step, share = common_step_s(times)
    if step is None:
        return None, ""
    return step, f"{share:.0%} of the neighbouring slots are this far apart"
