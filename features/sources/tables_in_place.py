"""Parquet files and database tables that already are canonical: read where they lie, no row brought into memory.

A table is taken so only where reading it into memory would change and refuse nothing of it: the types are right, no
required value is missing, no key comes twice, no word is unknown, no time stands for none. All others are read
as ever, so that the same rows are refused with the same reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ibis
import pandas as pd

from ..case_log.backends import conform_expr, find_table, read_parquet_files
from ..case_log.fetch import fetch
from ..case_log.schema import ACTOR_ROLES, EVENT_KINDS, TABLES, AttributeTiming, Table
from ..readers.many_files import expand_path
from .due_columns import CASE_DUES
from .rows import parse_source_span
from .spec import SourceSpec
from .subtasks import find_subtasks
from .table import CASE_TIMES, SATISFACTION
from .versions import UPDATED

#: Tables that grow with the cases; the others are small, or more than renamed and cast.
TABLES_IN_PLACE = (
    *("cases", "events", "contacts", "surveys", "article_views", "searches", "tasks", "agent_time", "schedules"),
    *("repairs",),
)
#: Columns of a table of cases that make rows of other tables.
_MADE_OF_CASES = (*CASE_TIMES, UPDATED, SATISFACTION, *CASE_DUES)
#: Settings of a source that change more than names.
_PLAIN = SourceSpec("cases")
_PLAIN_FIELDS = ("date_format", "ignore_offset", "units", "figures", "kinds", "parts", "sheet", "header")
_VALID_SPAN = ("1971-01-01", "2200-01-01")


@dataclass(frozen=True)
class TableInPlace:
    """A canonical table that is read where it lies.

    Attributes
    ----------
    rows
        An Ibis table with the canonical columns and those of the attributes.
    attributes
        Columns of ``cases`` beyond the canonical ones -> when each becomes known.
    until
        The instant at which ``SourceSpec.until`` ends the log.
    notes
        What was left out.
    """

    rows: Any
    attributes: Mapping[str, AttributeTiming] = field(default_factory=dict)
    until: pd.Timestamp | None = None
    notes: tuple[str, ...] = ()


def read_in_place(connection: Any, spec: SourceSpec, folder: Path, address: str | None = None) -> TableInPlace | None:
    """Return the table of a source where it lies; ``None`` where it has to be read into memory to be understood.

    Parameters
    ----------
    connection
        An Ibis connection to DuckDB, Spark or PostgreSQL.
    spec
        The source: Parquet files, on DuckDB and Spark; or a table of the database of the connection.
    folder
        Folder against which a relative path is resolved.
    address
        That of the connection, where it is a database.

    Examples
    --------
    >>> import tempfile
    >>> from ..case_log.engine_lock import connect_duckdb
    >>> folder = Path(tempfile.mkdtemp())
    >>> at = pd.to_datetime(["2024-03-01T09:00Z", "2024-03-02T09:00Z"])
    >>> pd.DataFrame({"case_id": ["1", "2"], "created_at": at}).to_parquet(folder / "cases.parquet")
    >>> found = read_in_place(connect_duckdb(), SourceSpec("cases", "cases.parquet"), folder)
    >>> found.rows.count().execute()
    2
    """
    if spec.kind != "table" or spec.table not in TABLES_IN_PLACE:
        return None
    if any(getattr(spec, name) != getattr(_PLAIN, name) for name in _PLAIN_FIELDS):
        return None
    raw = _find_relation(connection, spec, address) if spec.database else _find_parquet(connection, spec, folder)
    found = None if raw is None else _choose_columns(spec, raw.schema().to_pyarrow())
    if raw is None or found is None:
        return None
    names, attributes = found
    rows = conform_expr(spec.table, raw.select(**{name: raw[column] for name, column in names.items()}))
    whole = rows
    since, until = parse_source_span(spec)
    instant = TABLES[spec.table].instant
    if instant and (since is not None or until is not None):
        if since is not None:
            rows = rows.filter(rows[instant] >= ibis.literal(since.to_pydatetime(), "timestamp('UTC', 6)"))
        if until is not None:
            rows = rows.filter(rows[instant] < ibis.literal(until.to_pydatetime(), "timestamp('UTC', 6)"))
    told = _inspect(TABLES[spec.table], whole, spec)
    if told is None:
        return None
    if spec.table == "cases" and "case_type" in rows.columns:
        kinds = fetch(whole.select("case_type").distinct())["case_type"]
        if find_subtasks(kinds).any():
            return None
    if not instant or (since is None and until is None):
        return TableInPlace(rows, attributes)
    left_out = told["n"] - int(fetch(rows.agg(n=rows.count()))["n"].iloc[0])
    ends = until if until is not None and until <= told["last"] + pd.Timedelta(days=1) else None
    if not left_out:
        return TableInPlace(rows, attributes, ends)
    span = " and ".join(f"{k} {v}" for k, v in (("since", spec.since), ("until", spec.until)) if v)
    what = "cases" if spec.table == "cases" else "rows"
    note = f"{left_out:,} {what} lie outside the span that was asked for ({span}) and are left out"
    return TableInPlace(rows, attributes, ends, (f"{Path(spec.path).name}: {note}",))


def _find_relation(connection: Any, spec: SourceSpec, address: str | None) -> Any:
    """Return the table of a source that lies in the database of the connection."""
    if spec.database != address or not spec.relation or spec.query:
        return None
    return find_table(connection, spec.relation, spec.schema)


def _find_parquet(connection: Any, spec: SourceSpec, folder: Path) -> Any:
    """Return the Parquet files of a source as one table, where all are of one form."""
    import pyarrow as pa
    from pyarrow import parquet

    files = [file for path in spec.list_paths() for file in expand_path(folder / path)]
    if connection.name == "postgres" or not files or not all(_is_parquet(file) for file in files):
        return None
    try:
        schemas = [parquet.read_schema(file) for file in files]
    except (pa.ArrowException, OSError):
        return None
    kinds = dict(zip(schemas[0].names, schemas[0].types, strict=True))
    if any(dict(zip(s.names, s.types, strict=True)) != kinds for s in schemas[1:]):
        return None
    return read_parquet_files(connection, files)


def _is_parquet(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(4) == b"PAR1"
    except OSError:
        return False  # whoever reads it says what is wrong


def _choose_columns(spec: SourceSpec, schema: Any) -> tuple[dict[str, str], dict[str, AttributeTiming]] | None:
    """Return canonical name -> column, with the attributes; ``None`` where a type or a column differs."""
    table = TABLES[spec.table]
    kinds = dict(zip(schema.names, schema.types, strict=True))
    there = [name for name in kinds if not name.startswith("__index_level_")]
    names = dict(spec.columns) if spec.columns else {n: n for n in table.names if n in there}
    made = [n for n in _MADE_OF_CASES if n in (names if spec.columns else there)] if spec.table == "cases" else []
    needed = (*table.required, *(("seq",) if spec.table == "events" else ()))
    if made or not set(names) <= set(table.names) or not set(names.values()) <= set(there):
        return None
    if not set(needed) <= set(names) or (spec.table == "events" and "activity" in (names if spec.columns else there)):
        return None
    counts_as_id = bool(spec.database)  # a database numbers its rows; the number is the name then
    if any(not _fits(str(table.column(n).kind), kinds[c], counts_as_id) for n, c in names.items()):  # type: ignore[union-attr]
        return None
    attributes: dict[str, AttributeTiming] = {}
    if spec.table == "cases":
        attributes = dict(spec.attributes)
        if not spec.columns:
            attributes |= {c: "outcome" for c in there if c not in (*names, *attributes)}
    elif spec.attributes:
        return None
    if set(attributes) & set(table.names) or not set(attributes) <= set(there):
        return None
    if any(not _is_plain(kinds[c]) for c in attributes):
        return None
    return names | {c: c for c in attributes}, attributes


def _fits(kind: str, found: Any, counts_as_id: bool) -> bool:
    """Return whether a type of Arrow is that of a kind of column."""
    import pyarrow as pa

    if kind == "instant":
        return bool(pa.types.is_timestamp(found) and found.tz is not None)
    if kind in ("id", "text"):
        return _is_text(found) or (kind == "id" and counts_as_id and bool(pa.types.is_integer(found)))
    if kind == "flag":
        return bool(pa.types.is_boolean(found))
    if kind == "count":
        return bool(pa.types.is_integer(found))
    return bool(pa.types.is_floating(found) or pa.types.is_integer(found))


def _is_text(found: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(found) or pa.types.is_large_string(found) or pa.types.is_string_view(found))


def _is_plain(found: Any) -> bool:
    import pyarrow as pa

    return _is_text(found) or bool(pa.types.is_boolean(found) or pa.types.is_integer(found) or found == pa.float64())


def _inspect(table: Table, rows: Any, spec: SourceSpec) -> dict[str, Any] | None:
    """Return the number of rows and their last instant; ``None`` where a value would be refused or changed."""
    columns = [c for c in table.columns if c.name in rows.columns]
    bad: dict[str, Any] = {}
    first, end = (ibis.literal(pd.Timestamp(t, tz="UTC").to_pydatetime(), "timestamp('UTC', 6)") for t in _VALID_SPAN)
    for number, column in enumerate(columns):
        value = rows[column.name]
        if column.required or (table.name, column.name) == ("events", "seq"):
            bad[f"missing_{number}"] = value.isnull().sum()
        if column.kind == "instant":
            bad[f"far_{number}"] = ((value < first) | (value >= end)).sum()
    for number, name in enumerate(n for n in rows.columns if rows[n].type().is_string()):
        bad[f"mark_{number}"] = rows[name].isin(list(spec.missing)).sum()
    if table.name == "events":
        bad["kind"] = rows.kind.notin(EVENT_KINDS).sum()
        if "actor_role" in rows.columns:
            bad["role"] = rows.actor_role.notin(ACTOR_ROLES).sum()
    if {"start", "end"} <= set(rows.columns):
        bad["backward"] = (rows["end"] < rows["start"]).sum()
    asked = {"n": rows.count(), **bad}
    if table.instant:  # 'infinity', which PostgreSQL holds and Python does not, is among those that are far
        asked["last"] = rows[table.instant].max(where=rows[table.instant] < end)
    told = fetch(rows.agg(**asked)).iloc[0]
    if not int(told["n"]) or any(not pd.isna(told[name]) and int(told[name]) for name in bad):
        return None
    key = [k for k in table.key if k in rows.columns]
    if len(key) == len(table.key) and comes_twice(rows, key, int(told["n"])):
        return None
    return {"n": int(told["n"]), "last": pd.Timestamp(told["last"]) if table.instant else None}


def comes_twice(rows: Any, key: list[str], n: int) -> bool:
    """Return whether a key comes twice: as many different hashes as rows say no, and else the keys are counted."""
    keys = rows.select(*key)
    text = keys[key[0]].cast("string")
    for name in key[1:]:
        text = text.concat(ibis.literal(" "), keys[name].cast("string"))
    if int(fetch(keys.agg(n=text.hash().nunique()))["n"].iloc[0]) == n:
        return False
    return int(fetch(keys.distinct().agg(n=lambda t: t.count()))["n"].iloc[0]) != n
