"""Canonical tables where they already lie: in PostgreSQL, in Spark, or in Parquet files larger than memory."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ibis
import pandas as pd

from ..errors import InputError, did_you_mean, say_without_password
from ..readers.postgres import list_relations
from .fetch import fetch
from .log_end import LOG_END_COLUMNS, count_possible_strays, find_end_of_slots, find_regular_end
from .schema import EVENT_KINDS, TABLES, Column, Table

#: Engines on which the derivations run, and the extra that brings each.
ENGINES: Mapping[str, str] = {"duckdb": "", "postgres": "postgres", "pyspark": "spark"}

_TYPES = {
    "id": "string",
    "text": "string",
    "instant": "timestamp('UTC', 6)",
    "seconds": "float64",
    "number": "float64",
    "count": "int64",
    "flag": "boolean",
}


def connect(connection: Any) -> Any:
    """Return an Ibis connection whose clock is UTC.

    Parameters
    ----------
    connection
        An address such as ``postgresql://user@host/database``, a ``SparkSession``, or an Ibis connection to DuckDB,
        PostgreSQL or Spark. Its session is set to UTC.

    Raises
    ------
    InputError
        If the engine is another one, cannot be reached, or its extra is not installed.

    Examples
    --------
    >>> connect("mysql://localhost/desk")
    Traceback (most recent call last):
    deskcast.features.errors.InputError: unknown engine; got 'mysql://localhost/desk', ...
    """
    bound = connection
    if isinstance(connection, str):
        bound = _postgres(connection)
    elif type(connection).__module__.startswith("pyspark."):
        bound = _spark(connection)
    engine = getattr(bound, "name", None)
    if engine not in ENGINES or not hasattr(bound, "raw_sql"):
        _unknown(connection)
    if engine == "pyspark":
        bound.raw_sql("SET spark.sql.session.timeZone=UTC")
    else:
        cursor = bound.raw_sql("SET TIME ZONE 'UTC'" if engine == "postgres" else "SET TimeZone = 'UTC'")
        if engine == "postgres":
            cursor.close()
    return bound


def _unknown(got: object) -> None:
    wanted = "postgresql://..., a SparkSession, or an Ibis connection to DuckDB, PostgreSQL or Spark"
    raise InputError("unknown engine", got=got, wanted=wanted, code="value.unknown")


def _postgres(address: str) -> Any:
    if not address.startswith(("postgresql://", "postgres://")):
        _unknown(address)
    try:
        import psycopg
    except ImportError as error:
        raise _missing_extra_error("PostgreSQL", "postgres") from error
    try:
        bound: Any = ibis.connect("postgres://" + address.split("://", 1)[1])
    except psycopg.OperationalError as error:  # the address may hold a password: name the server's answer alone
        raise InputError(
            "the PostgreSQL server cannot be reached",
            hint=say_without_password(" ".join(str(error).split()), address),
            code="database.unreachable",
        ) from None
    # a number in a query is exact there, and would come as Decimal where float is told
    bound.con.adapters.register_loader("numeric", psycopg.types.numeric.FloatLoader)
    return bound


def _spark(session: Any) -> Any:
    try:
        return ibis.pyspark.connect(session)
    except ImportError as error:
        raise _missing_extra_error("Spark", "spark") from error


def _missing_extra_error(engine: str, extra: str) -> InputError:
    return InputError(
        f"{engine} needs an extra that is not installed",
        hint=f"pip install 'deskcast[{extra}]'",
        code="package.missing",
    )


def bind_tables(connection: Any, names: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Bind canonical tables in a database, each column in its canonical type, without copying a row.

    Parameters
    ----------
    connection
        From :func:`connect`.
    names
        Name of the table in the database (``schema.table`` too) for each canonical table, or an Ibis table of the
        connection; by default those whose names are the canonical ones.

    Returns
    -------
    dict
        Ibis tables by canonical name.
    """
    if names is None:
        there = set(_tables_in(connection, ""))
        names = {name: name for name in TABLES if name in there}
        if not names:
            raise InputError(
                "the database has no canonical table",
                hint="name them: tables={'cases': 'my_cases'}",
                code="table.unknown",
            )
    bound = {}
    for name, where in names.items():
        if name not in TABLES:
            raise InputError(
                f"unknown canonical table '{name}'", hint=did_you_mean(name, tuple(TABLES)), code="table.unknown"
            )
        rows = find_table(connection, where) if isinstance(where, str) else where
        bound[name] = conform_expr(name, rows)
        if connection.name == "postgres":
            bound[name] = _binary_order(connection, bound[name])
    return bound


def find_table(connection: Any, where: str, schema: str | None = None) -> Any:
    """Return a table or view of a database, in its schema where one is named, also as ``schema.table``.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    database, _, table = where.rpartition(".") if schema is None else (schema, "", where)
    there = _tables_in(connection, database)
    if table not in there:
        raise InputError(
            "unknown table in the database",
            got=f"{database}.{table}" if database else table,
            hint=did_you_mean(table, tuple(there)) or None,
            code="table.unknown",
        )
    rows = connection.table(table, database=database) if database else connection.table(table)
    return _with_zones(connection, rows, where) if connection.name == "pyspark" else rows


def read_parquet_files(connection: Any, files: Sequence[Path]) -> Any:
    """Return Parquet files of one form as a table that lies in them, on DuckDB or Spark."""
    if connection.name != "pyspark":
        return connection.read_parquet([str(file) for file in files])
    name = f"files_{uuid.uuid4().hex}"
    connection._session.read.parquet(*map(str, files)).createOrReplaceTempView(name)
    return find_table(connection, name)


def _tables_in(connection: Any, database: str) -> list[str]:
    if connection.name == "duckdb":  # Ibis 12 asks DuckDB 2 in a way that it no longer has
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = '{}'"
        found = connection.raw_sql(query.format((database or "main").replace("'", "''"))).fetchall()
        return sorted(name for (name,) in found)
    if connection.name == "postgres":  # Ibis does not list materialised views
        with connection.con.transaction():
            return list_relations(connection.con, database or None)
    return list(connection.list_tables(database=database) if database else connection.list_tables())


def _with_zones(connection: Any, rows: Any, where: str) -> Any:
    """Mark the instants of Spark, which Ibis does not tell from bare clock readings."""
    kinds = dict(connection._session.table(where).dtypes)
    return rows.mutate(**{c: rows[c].cast(_TYPES["instant"]) for c in rows.columns if kinds[c] == "timestamp"})


def materialise(expression: Any) -> Any:
    """Compute an Ibis table once, keep it in its engine, and keep its types, which Spark would forget."""
    engine = expression.get_backend()
    if engine.name == "pyspark":  # Ibis makes frames known there before it asks, but not before it keeps
        engine._run_pre_execute_hooks(expression)
    made = expression.cache()
    return made if made.schema() == expression.schema() else made.cast(expression.schema())


def conform_expr(name: str, rows: Any) -> Any:
    """Cast the columns of an Ibis table to those of a canonical table.

    An event table without ``seq`` is ordered within one instant as a case usually goes: by the place of the kind in
    :data:`~deskcast.features.case_log.schema.EVENT_KINDS`.
    """
    table = TABLES[name]
    for column in table.required:
        if column not in rows.columns:
            near = did_you_mean(column, rows.columns)
            raise InputError("missing column", where=name, column=column, hint=near, code="column.missing")
    out = {c: rows[c] for c in rows.columns}
    for declared in table.columns:
        if declared.name in out:
            out[declared.name] = _cast(out[declared.name], declared, name)
    if name == "events" and "seq" not in out:
        places = [(kind, ibis.literal(place, "int64")) for place, kind in enumerate(EVENT_KINDS)]
        out["seq"] = rows.kind.cases(*places, else_=ibis.literal(len(places), "int64"))
    return rows.select(**out)


def _cast(values: Any, column: Column, table: str) -> Any:
    kind = values.type()
    if column.kind == "instant":
        if not kind.is_timestamp() or kind.timezone is None:
            hint = "cast it to TIMESTAMP WITH TIME ZONE; in Spark to TIMESTAMP"
            raise InputError(
                "the times have no zone", where=table, column=column.name, got=str(kind), hint=hint, code="time.zone"
            )
        return values.cast(_TYPES["instant"])
    if column.kind == "flag" and not (kind.is_boolean() or kind.is_integer()):
        raise InputError(
            "not a valid flag", where=table, column=column.name, got=str(kind), wanted="boolean", code="value.unknown"
        )
    if column.kind in ("seconds", "number", "count") and not kind.is_numeric():
        raise InputError(
            "not a valid number",
            where=table,
            column=column.name,
            got=str(kind),
            wanted="a number",
            code="value.unknown",
        )
    return values.cast(_TYPES[column.kind])


def _binary_order(connection: Any, rows: Any) -> Any:
    """Let text sort by its bytes, as in the other engines, whatever the collation of the database."""
    texts = {name for name, kind in rows.schema().items() if kind.is_string()}
    quoted = {name: '"' + name.replace('"', '""') + '"' for name in rows.columns}
    chosen = ", ".join(f'{q} COLLATE "C" AS {q}' if name in texts else q for name, q in quoted.items())
    return connection.sql(f"SELECT {chosen} FROM ({ibis.to_sql(rows, dialect='postgres')}) AS t", dialect="postgres")


def find_log_end(tables: Mapping[str, Any]) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Check that no required value is missing, and return the end of the log and the last time of its rows.

    The two differ where a few stray times lie years after everything else (:mod:`deskcast.features.case_log.log_end`).

    Parameters
    ----------
    tables
        From :func:`bind_tables`; each is read once or twice.

    Raises
    ------
    InputError
        If a required value is missing, or there is no row.
    """
    sizes = {name: _count_times(TABLES[name], rows) for name, rows in tables.items()}
    n_times = sum(count for counts in sizes.values() for count, _ in counts.values())
    wanted = count_possible_strays(n_times) + 1
    latest = [
        time
        for name, counts in sizes.items()
        for column, (count, last) in counts.items()
        if count
        for time in ([last] if wanted == 1 else _find_latest_times(tables[name], column, wanted))
    ]
    ends = [(find_regular_end(latest, n_times), max(latest))] if latest else []
    if "volumes" in tables:
        slots = fetch(tables["volumes"].select("ds", "slot_s").distinct())
        ends += [find_end_of_slots(slots.assign(ds=slots["ds"].map(_as_utc)))] if len(slots) else []
    if not ends:
        raise InputError(
            "the log has no rows", hint="bind at least cases, events, contacts or volumes", code="file.empty"
        )
    return max(end for end, _ in ends), max(last for _, last in ends)


def _count_times(table: Table, rows: Any) -> dict[str, tuple[int, pd.Timestamp]]:
    """Check the required values of a table, and return the number and the last of the times in each of its columns."""
    needed = (*table.required, *(("seq",) if table.name == "events" else ()))
    times = [column for name, column in LOG_END_COLUMNS if name == table.name and column in rows.columns]
    asked = {f"_{column}": rows[column].isnull().sum() for column in needed}
    asked |= {column: rows[column].max() for column in times} | {
        f"n_{column}": rows[column].count() for column in times
    }
    found = fetch(rows.agg(**asked)).iloc[0]
    for column in needed:
        missing = found[f"_{column}"]
        if not pd.isna(missing) and missing:
            raise InputError(
                "values are missing",
                where=table.name,
                column=column,
                got=f"{missing} empty values",
                code="value.missing",
            )
    return {c: (int(found[f"n_{c}"]), _as_utc(found[c])) for c in times if not pd.isna(found[c])}


def _find_latest_times(rows: Any, column: str, wanted: int) -> list[pd.Timestamp]:
    """Return the latest times of a column."""
    ordered = rows.filter(rows[column].notnull()).select(column).order_by(ibis.desc(column))
    return [_as_utc(time) for time in fetch(ordered.limit(wanted))[column]]


def _as_utc(time: Any) -> pd.Timestamp:
    stamp = pd.Timestamp(time)
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")


def find_parquet_files(where: str | Path | Mapping[str, str | Path]) -> dict[str, str]:
    """Find the Parquet files of canonical tables: ``<table>.parquet``, or all files in a folder ``<table>``."""
    if not isinstance(where, str | Path):
        return {name: _pattern(Path(path)) for name, path in where.items()}
    folder = Path(where)
    found = {name: folder / f"{name}.parquet" for name in TABLES if (folder / f"{name}.parquet").is_file()}
    found |= {name: folder / name for name in TABLES if (folder / name).is_dir()}
    if not found:
        raise InputError(
            "the folder holds no canonical table",
            got=str(where),
            wanted="files such as cases.parquet",
            code="folder.missing",
        )
    return {name: _pattern(path) for name, path in found.items()}


def _pattern(path: Path) -> str:
    if path.is_dir():
        if not any(path.glob("*.parquet")):
            raise InputError("the folder holds no Parquet file", got=str(path), code="folder.missing")
        return str(path / "*.parquet")
    if not path.is_file() and not any(c in path.name for c in "*?["):
        raise InputError("missing file", got=str(path), code="file.missing")
    return str(path)
