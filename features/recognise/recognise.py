"""Look at an export and say what it is: its shape, its columns, its times, and what may give the future away."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ..case_log.schema import TABLES, AttributeTiming
from ..errors import InputError, Listed
from ..readers.date_order import describe_both_orders
from ..readers.read import RawFile
from ..readers.text_tables import DELIMITER_NAMES, DELIMITERS, RARE_DELIMITERS
from ..readers.timestamps import detect_date_order, detect_time_format, parse_times
from ..readers.zones import guess_zone
from ..sources.servicenow_log import AUDIT_LOG_COLUMNS, LEAKAGE_COLUMNS
from ..sources.spec import SourceSpec
from ..sources.survey import SURVEY_SCALES
from ..sources.survey import SURVEY_TABLE as SURVEYS
from ..sources.table import CASE_TIMES
from ..sources.telephone import CALL_LOG_COLUMNS as CALLS
from ..sources.volumes import common_step_s
from .case_tables import MIN_ONCE, read_as_cases
from .children import Child, read_messages
from .event_logs import describe_story, describe_unused_id, find_repeated_parent, read_as_events
from .other_rows import describe_other_rows, describe_parts
from .planner_files import recognise_planner_file
from .readings import MIN_SCORE, Ask, Reading, choose_reading, describe_reading
from .roles import ColumnProfile, profile_columns
from .volume_series import ask_whether_counts, read_as_series, refuse_odd_slots

#: A month, a quarter or a week by its number.
_LONG_PERIOD = re.compile(
    r"\d{4}[-/. ]?(W|KW|CW|WK|S|Q|M)?\d{1,2}|"
    r"(W|KW|CW|WK|WEEK|WOCHE|SEMAINE|SEMANA|SETTIMANA|Q)\.? ?\d{1,2}([-/. ]+\d{2,4})?|"
    r"[^\W\d]{3,10}\.?[-/. ]+(\d{4}|\d{2})",
    re.IGNORECASE,
)
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
    files
        The files of one form that are this table together, where there are several.
    sheet
        Of a workbook or a database file with several: the sheet or table.
    sheets
        The sheets of one form that are this table together, where there are several.
    units
        Column of durations -> its unit.
    figures
        The system's own figures of a case -> their columns.
    options
        Further values for the :class:`SourceSpec`, by the name of its field.
    database
        Address of the database whose tables it is, where it is no file.
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
    files: tuple[Path, ...] = ()
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    database: str = field(default="", repr=False)
    raw: RawFile = field(default_factory=lambda: RawFile(pd.DataFrame()), repr=False, compare=False)

    def spec(self, path: str | None = None, timezone: str | None = None) -> SourceSpec:
        """Return the source that this recognition describes."""
        return SourceSpec(
            table=self.table,
            path="" if self.parts or self.files or self.database else str(self.path) if path is None else path,
            database=self.database or None,
            files=tuple(str(f) for f in self.files),
            relation=self.sheet or None if self.database else None,
            sheet=None if self.database else self.sheets or self.sheet or None,
            units=self.units,
            figures=self.figures,
            parts={name: str(file) for name, file in self.parts.items()},
            kind=self.kind,
            timezone=timezone or self.timezone or "UTC",
            columns=self.columns,
            kinds=self.kinds,
            attributes=self.attributes,
            date_format=self.date_format,
            encoding=self.raw.doubt[0][0] if self.raw.doubt else None,
            slot_s=self.slot_s,
            **self.options,
        )


def recognise_table(file: Path, raw: RawFile, ask: Ask | None = None) -> Recognised:
    """Describe what one table is; ``file`` is where it is from."""
    missing = SourceSpec("cases", "").missing
    frame = _without_blank_rows(raw.frame.head(_MAX_ROWS_EXAMINED))
    columns = profile_columns(frame, missing)
    found = _canonical(columns, file) or _audit_log(columns) or _call_log(columns) or _survey_file(columns, file)
    found = found or recognise_planner_file(columns, frame, file.name)
    if found is None:
        if not any(p.time for p in columns.values()):
            raise InputError(
                "missing column of times",
                where=file.name,
                got=Listed(columns),
                wanted="at least one column of dates or times",
                hint=_undivided(columns, raw) or _long_periods(columns),
                code="time.none",
            )
        readings = _readings(columns, frame, file.name, ask)
        best, second = choose_reading(readings, file.name, ask)
        found = {**best.found, "why": {**best.found["why"], "reading": describe_reading(best, second)}}
    return add_times(Recognised(file, raw=raw, **found), columns, ask)


def _without_blank_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave rows without any value out of what is looked at: they are no rows on which something is missing."""
    first = frame.iloc[:, 0]
    if not (first.isna() | first.astype("str").eq("")).any():
        return frame
    blank = pd.concat([frame[c].isna() | frame[c].astype("str").eq("") for c in frame.columns], axis=1).all(axis=1)
    return frame[~blank] if blank.any() and not blank.all() else frame


def _undivided(columns: Mapping[str, ColumnProfile], raw: RawFile) -> str | None:
    """Describe which delimiters were tried, where a text has come out as one column."""
    if len(columns) > 1 or not raw.delimiter:
        return None
    tried = ", ".join(DELIMITER_NAMES.get(m, repr(m)) for m in (*DELIMITERS, *RARE_DELIMITERS))
    return f"no delimiter divides it into columns; tried {tried}; set delimiter if there is another"


def _long_periods(columns: Mapping[str, ColumnProfile]) -> str | None:
    """Describe which column names months or weeks, where one does."""
    named = next((n for n, p in columns.items() if p.values and all(map(_LONG_PERIOD.fullmatch, p.values))), None)
    if named is None:
        return None
    return f"'{named}' names months or weeks: export by day or interval, or write the first day of each week as a date"


def _readings(
    columns: Mapping[str, ColumnProfile], frame: pd.DataFrame, where: str, ask: Ask | None = None
) -> list[Reading]:
    """Return the candidate readings of a file that no system's own names give away."""
    series = read_as_series(columns, frame)
    if series is not None:
        ask_whether_counts(series["columns"]["y"], frame, series, where, ask)
        return [Reading("volume series", 1.0, series, (series["why"]["table"],))]
    events = read_as_events(columns, frame)
    try:
        cases = read_as_cases(columns, frame, where, ask)
    except InputError:
        if events is None or events.score < MIN_SCORE:
            raise
        return [events]
    if not cases.against:
        cases = _with_doubts(cases, columns, frame)
    return [r for r in (events, cases) if r is not None]


def _with_doubts(cases: Reading, columns: Mapping[str, ColumnProfile], frame: pd.DataFrame) -> Reading:
    """Return the reading as cases with what else its rows may be, where the file says so."""
    mapped = cases.found["columns"]
    case = mapped.get("case_id", "")
    story = () if case else describe_story(columns, frame) or describe_unused_id(columns)
    if story:
        named = replace(cases, found={**cases.found, "columns": {"case_id": story[0][0], **mapped}})
        instead = ((f"a case is a value of '{story[0][0]}'", named),)
        return replace(cases, against=tuple(said for _, said in story), instead=instead)
    parent = find_repeated_parent(columns, case)
    if parent:
        said = f"'{parent}' repeats, so the rows are parts of cases and no cases"
        return replace(cases, against=(said,), instead=_as_messages(columns, parent))
    said = describe_other_rows(columns, mapped)
    if not said and case and columns[case].unique < MIN_ONCE:
        said = describe_parts(columns, frame, case, mapped)
    return replace(cases, against=(said,)) if said else cases


def _as_messages(columns: Mapping[str, ColumnProfile], parent: str) -> tuple[tuple[str, Reading], ...]:
    """Return the reading of rows as messages of the cases that a column names, as an answer to a question."""
    found = read_messages(columns, Child(parent, parent))
    if found is None:
        return ()
    return ((f"each row is a message of the case '{parent}'", Reading("table of messages", 1.0, found)),)


def _canonical(columns: Mapping[str, ColumnProfile], file: Path) -> dict[str, Any] | None:
    """Recognise a table that has the canonical names already; of two tables of the same columns the file names one."""
    fits: list[tuple[int, bool, str]] = []
    for name, table in TABLES.items():
        known = {*table.names, *(CASE_TIMES if name == "cases" else ())}
        shared = len(known & set(columns))
        if set(table.required) <= set(columns) and shared >= 0.7 * len(columns):
            fits.append((shared, file.name.split(".")[0] == name, name))
    if not fits:
        return None
    name = max(fits, key=lambda fit: fit[:2])[2]
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


def add_times(seen: Recognised, columns: Mapping[str, ColumnProfile], ask: Ask | None = None) -> Recognised:
    """Add the format, the zone and the slot of the times."""
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
        texts = _unmarked(next(h for h, t in zip(heads.values(), formats, strict=False) if t.ambiguous)).dropna()
        shown = describe_both_orders(texts.astype("str").drop_duplicates().head(200).tolist(), "day")
        why["date_format"] = f"no value tells day and month apart: this is a guess, look at it: {shown}"
        if ask is not None and single and "%d" in single and "%m" in single:
            first = ask(f"{seen.path.name}: no value tells day and month apart: {shown}?", ["day first", "month first"])
            why["date_format"] = "as you said: no value tells day and month apart"
            single = single if first == 0 else single.replace("%d", "%~").replace("%m", "%d").replace("%~", "%m")
    elif single:
        why["date_format"] = "recognised from the whole column"
    if single and (" + " in "".join(seen.columns.values()) or any(t.offset for t in formats)):
        single = None  # a written format has no place for a second column or an offset
    zone = ""
    offsets = [c for c in used if (t := columns[c].time) is not None and t.offset]
    if offsets:
        zone, why["timezone"] = guess_zone(raw[offsets[0]].head(_MAX_ROWS_EXAMINED))
    slot = seen.slot_s
    if slot is None and seen.table == "volumes" and seen.columns.get("ds") in raw.columns:
        slot, why["slot"] = _infer_time_step(seen)
    if slot is not None and seen.table == "volumes":
        refuse_odd_slots(raw, seen.columns, slot, seen.path.name)
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
