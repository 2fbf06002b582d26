"""Adapters: a file that was read, to canonical tables. They rename and cast, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..case_log.schema import EVENT_KINDS, TABLES, AttributeTiming
from ..errors import InputError
from .columns import ImportReport, cast_columns, choose_columns, read_column
from .event_log import read_event_log
from .rows import cut_events, is_in_span, number_events, read_column_text
from .spec import LoadedSource, SourceSpec

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
        return _volumes(spec, frame)
    return _canonical(spec, frame)


def _cases(spec: SourceSpec, frame: pd.DataFrame) -> LoadedSource:
    kinds = {c.name: str(c.kind) for c in TABLES["cases"].columns} | dict.fromkeys(CASE_TIMES, "instant")
    found = choose_columns(spec, frame, kinds, ("created_at",))
    ledger = ImportReport("cases", Path(spec.path).name, len(frame))
    needed = tuple(n for n in ("case_id", "created_at") if n in found)
    cast = cast_columns(spec, frame, found, kinds, needed, ledger)
    if "case_id" not in found:
        width = len(str(len(frame)))
        cast.insert(0, "case_id", pd.Series([f"{i:0{width}d}" for i in range(1, len(frame) + 1)], dtype="str"))
        ledger.add_note("there is no column of case ids: each row is a case, numbered as in the file")
    else:
        twice = cast["case_id"].where(ledger.accepted).duplicated().to_numpy() & ledger.accepted
        ledger.reject(twice, found["case_id"], cast["case_id"], "the case id came before; the first row was kept")
    for name in (n for n in CASE_TIMES if n in found):
        early = (cast[name] < cast["created_at"]).to_numpy(dtype=bool)
        word = {"closed_at": "closed", "resolved_at": "resolved"}.get(name, "answered")
        if (early & ledger.accepted).any():
            row = int(np.flatnonzero(early & ledger.accepted)[0])
            shown = read_column_text(spec, frame, found[name]).iloc[row]
            ledger.add_note(
                f"{int((early & ledger.accepted).sum()):,} cases are {word} before they were opened, such as row "
                f"{row + 1:,} ({found[name]}: {shown!r}): their openings count, and how long they took is not known"
            )
    ledger.check_rows_left()
    cast = cast[ledger.accepted & is_in_span(spec, cast["created_at"].where(ledger.accepted), ledger, "cases")]
    attributes = _attributes(spec, frame, found)
    for name in attributes:
        cast[name] = read_column(spec, frame, name).loc[cast.index]
    tables = {"cases": _sorted(cast.drop(columns=[n for n in CASE_TIMES if n in cast]), ["case_id"])}
    times = [n for n in CASE_TIMES if n in found]
    if times:
        tables["events"] = cut_events(spec, _case_events(cast, times), ledger)
    return LoadedSource(
        tables, ledger.rejected(), tuple(ledger.notes), attributes, ("events",) if times else (), ledger.until
    )


def _attributes(spec: SourceSpec, frame: pd.DataFrame, found: Mapping[str, str]) -> dict[str, AttributeTiming]:
    """Return the columns to keep beyond the canonical ones; without a map all, carefully as outcomes."""
    names = TABLES["cases"].names
    for name in spec.attributes:
        if name in names or name in CASE_TIMES:
            hint = f"map it: columns = {{ {name} = '{name}' }}"
            raise InputError(
                "an attribute cannot have the name of a canonical column",
                where=Path(spec.path).name,
                column=name,
                hint=hint,
            )
    kept = dict(spec.attributes)
    if not spec.columns:
        kept |= {str(c): "outcome" for c in frame.columns if str(c) not in (*found, *kept)}
    return kept


def _case_events(cases: pd.DataFrame, times: list[str]) -> pd.DataFrame:
    """Make the events that the times of a case table tell of."""
    parts = [_events_at(cases, "created_at", "created")]
    parts += [_events_at(cases, name, kind) for name, kind in CASE_TIMES.items() if name in times]
    return number_events(pd.concat(parts, ignore_index=True))


def _events_at(cases: pd.DataFrame, column: str, kind: str) -> pd.DataFrame:
    there = cases[cases[column].notna()]
    part = pd.DataFrame({"case_id": there["case_id"], "at": there[column], "kind": kind})
    if kind == "message":
        part["actor_role"], part["public"] = "agent", True
    return part


def _volumes(spec: SourceSpec, frame: pd.DataFrame) -> LoadedSource:
    kinds = {c.name: str(c.kind) for c in TABLES["volumes"].columns}
    found = choose_columns(spec, frame, kinds, ("ds", "y"))
    ledger = ImportReport("volumes", Path(spec.path).name, len(frame))
    cast = cast_columns(spec, frame, found, kinds, tuple(n for n in ("ds", "y", "unique_id") if n in found), ledger)
    if "unique_id" not in cast:
        cast["unique_id"] = "all"
    cast["unique_id"] = cast["unique_id"].astype("str")
    ledger.reject((cast["y"] < 0).to_numpy(dtype=bool), found["y"], cast["y"], "a count cannot be below 0")
    cast["ds"] = _resolve_repeated_hour(cast, spec, ledger)
    twice = cast[["unique_id", "ds"]].duplicated().to_numpy() & ledger.accepted
    ledger.reject(
        twice, found["ds"], read_column_text(spec, frame, found["ds"]), "the slot came before; the first was kept"
    )
    ledger.check_rows_left()
    cast = cast[ledger.accepted & is_in_span(spec, cast["ds"].where(ledger.accepted), ledger, "slots")]
    if "slot_s" not in found:
        cast["slot_s"] = spec.slot_s or infer_time_step_s(cast, ledger)
    out = _sorted(cast[["unique_id", "ds", "slot_s", "y"]], ["unique_id", "ds"])
    return LoadedSource({"volumes": out}, ledger.rejected(), tuple(ledger.notes), until=ledger.until)


def _resolve_repeated_hour(volumes: pd.DataFrame, spec: SourceSpec, ledger: ImportReport) -> pd.Series[Any]:
    """Read the second of two equal local slots as the second pass of the hour that the clock has twice."""
    ds = volumes["ds"]
    twice = volumes[["unique_id", "ds"]].duplicated().to_numpy() & ledger.accepted
    if spec.timezone == "UTC" or not twice.any():
        return ds
    later = ds + pd.Timedelta("1h")
    local, after = (i.dt.tz_convert(spec.timezone).dt.tz_localize(None) for i in (ds, later))
    second = twice & (local == after).to_numpy(dtype=bool)
    if second.any():
        ledger.add_note(f"{int(second.sum()):,} slots are the second pass of an hour that {spec.timezone} has twice")
    return ds.mask(second, later)


def infer_time_step_s(volumes: pd.DataFrame, ledger: ImportReport) -> float:
    """Return the commonest distance between neighbouring slots, in seconds."""
    ordered = volumes.sort_values(["unique_id", "ds"])
    steps = ordered.groupby("unique_id", sort=False)["ds"].diff().dt.total_seconds().dropna()
    if steps.empty:
        raise InputError(
            "one slot alone does not tell its length", where=ledger.where, hint="set slot, such as '30min'"
        )
    step = float(steps.mode().iloc[0])
    ledger.add_note(f"a slot is {step:,.0f} s long, the commonest distance ({(steps == step).mean():.0%} of them)")
    return step


def _canonical(spec: SourceSpec, frame: pd.DataFrame) -> LoadedSource:
    table = TABLES[spec.table]
    kinds = {c.name: str(c.kind) for c in table.columns}
    found = choose_columns(spec, frame, kinds, table.required)
    ledger = ImportReport(spec.table, Path(spec.path).name, len(frame))
    cast = cast_columns(spec, frame, found, kinds, table.required, ledger)
    if spec.table == "events":
        strange = ~cast["kind"].isin(EVENT_KINDS).to_numpy()
        ledger.reject(strange, found["kind"], cast["kind"], f"unknown kind of event; known: {', '.join(EVENT_KINDS)}")
    key = [k for k in table.key if k in cast.columns]
    if len(key) == len(table.key):
        twice = cast[key].duplicated().to_numpy() & ledger.accepted
        ledger.reject(twice, found[key[0]], cast[key[0]].astype("str"), "the key came before; the first row was kept")
    ledger.check_rows_left()
    inside = ledger.accepted
    if table.instant:
        inside = inside & is_in_span(spec, cast[table.instant].where(ledger.accepted), ledger)
    out = _sorted(cast[inside], key)
    if spec.table == "events" and "seq" not in out:
        out = number_events(out)
    return LoadedSource({spec.table: out}, ledger.rejected(), tuple(ledger.notes), until=ledger.until)


def _sorted(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    if all(frame[c].is_monotonic_increasing for c in by[:1]) and len(by) == 1:
        return frame.reset_index(drop=True)
    return frame.sort_values(by, kind="stable", ignore_index=True) if by else frame.reset_index(drop=True)
