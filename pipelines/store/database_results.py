"""Results in PostgreSQL: the last ones as tables of a schema, those of earlier runs as they were, by instant.

One transaction puts a run in place of the last one, so that a reader finds the old tables or the new ones. What is
kept of each run are its very files: reading gives what the folder gave, to the byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from ...features.errors import InputError, mask_passwords, say_without_password
from ..project.night_specs import ResultsSpec
from .atomic_replace import MARKER_FILE, find_current_folder
from .results import Results, read_results
from .sweeper import scratch_folder

#: Tables of a schema that hold the runs; all others in it are result tables.
RUNS, FILES = "_runs", "_files"
#: Number of the lock of writers, the same for every deskcast.
_WRITER_LOCK = 0x6465736C
_LOCK_TIMEOUT_S = 60
_TYPES = (("float", "double precision"), ("int", "bigint"), ("uint", "bigint"), ("bool", "boolean"))
#: A statement with names that may hold a percent sign, which is no parameter.
_PLAIN = {"no_parameters": True}
_SETUP = """
CREATE SCHEMA IF NOT EXISTS {s};
CREATE TABLE IF NOT EXISTS {s}._runs (
  as_of timestamptz PRIMARY KEY, data_until timestamptz, made_at timestamptz NOT NULL, version text NOT NULL,
  fingerprint text NOT NULL, is_current boolean NOT NULL);
CREATE TABLE IF NOT EXISTS {s}._files (
  as_of timestamptz NOT NULL REFERENCES {s}._runs ON DELETE CASCADE, name text NOT NULL, body bytea NOT NULL,
  PRIMARY KEY (as_of, name));
"""


def copy_results(spec: ResultsSpec, folder: Path) -> None:
    """Put the results of a folder in place of those in the database, and drop what is older than it is kept.

    Parameters
    ----------
    spec
        Section ``[results]`` with a database.
    folder
        The results folder, whole.

    Raises
    ------
    InputError
        If the database cannot be reached or written; then the last results stand in it as they were.
    """
    place = find_current_folder(folder)
    marker = json.loads((place / MARKER_FILE).read_text(encoding="utf-8"))
    as_of = pd.Timestamp(marker["as_of"])
    files = {name: (place / name).read_bytes() for name in marker["files"] if (place / name).is_file()}
    with _transaction(spec, writing=True) as connection:
        for statement in _SETUP.format(s=spec.schema).split(";"):
            if statement.strip():
                connection.exec_driver_sql(statement)
        connection.exec_driver_sql(f"UPDATE {spec.schema}._runs SET is_current = false")
        connection.execute(text(f"DELETE FROM {spec.schema}._runs WHERE as_of = :at"), {"at": as_of})
        row = {name: marker.get(name) for name in ("as_of", "data_until", "made_at", "version", "fingerprint")}
        names = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO {spec.schema}._runs ({names}, is_current) VALUES ({values}, true)"), row)
        kept = text(f"INSERT INTO {spec.schema}._files VALUES (:at, :name, :body)")
        connection.execute(kept, [{"at": as_of, "name": name, "body": body} for name, body in files.items()])
        oldest = as_of - pd.Timedelta(seconds=spec.keep_s)
        old = f"DELETE FROM {spec.schema}._runs WHERE as_of < :at AND NOT is_current"
        connection.execute(text(old), {"at": oldest})
        _replace_tables(connection, spec.schema, place, list(files))


def read_database_results(spec: ResultsSpec, as_of: object = None) -> Results:
    """Read the results of the last run from the database, or those of an earlier one by its instant.

    Raises
    ------
    InputError
        If the database cannot be reached, or holds no such results.
    """
    with scratch_folder() as scratch:
        fetch_results(spec, scratch, as_of)
        return read_results(scratch)


def fetch_results(spec: ResultsSpec, folder: Path, as_of: object = None) -> None:
    """Write the files of results in the database into a folder: tables, findings and report.

    Raises
    ------
    InputError
        If the database cannot be reached, or holds no such results.
    """
    wanted = "is_current" if as_of is None else "as_of = :at"
    query = f"SELECT name, body FROM {spec.schema}._files JOIN {spec.schema}._runs USING (as_of) WHERE {wanted}"
    with _transaction(spec, writing=False) as connection:
        there = connection.execute(text("SELECT to_regclass(:name)"), {"name": f"{spec.schema}._files"}).scalar()
        given = {} if as_of is None else {"at": pd.Timestamp(str(as_of))}
        rows = connection.execute(text(query), given).all() if there else []
    if not rows:
        problem = "missing results" if as_of is None else "there are no results of this instant"
        got = None if as_of is None else str(as_of)
        hint = "run 'deskcast run' first" if as_of is None else None
        raise InputError(problem, where=_name(spec), got=got, hint=hint, code="results.missing")
    for name, body in rows:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def _replace_tables(connection: Connection, schema: str, place: Path, files: list[str]) -> None:
    """Make the tables of the schema anew: a run may have other tables and columns than the last one."""
    found = text("SELECT tablename FROM pg_tables WHERE schemaname = :schema")
    for name in connection.execute(found, {"schema": schema}).scalars():
        if name not in (RUNS, FILES):
            connection.exec_driver_sql(f"DROP TABLE {schema}.{_quoted(name)}", execution_options=_PLAIN)
    for name in sorted(files):
        if name.endswith(".parquet"):
            _copy_table(connection, schema, name.removesuffix(".parquet"), pd.read_parquet(place / name))


def _copy_table(connection: Connection, schema: str, name: str, frame: pd.DataFrame) -> None:
    columns = [f"{_quoted(str(c))} {_type_of(frame[c])}" for c in frame.columns]
    table = f"{schema}.{_quoted(name)}"
    connection.exec_driver_sql(f"CREATE TABLE {table} ({', '.join(columns)})", execution_options=_PLAIN)
    lists = [_values(frame[c]) for c in frame.columns]
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in zip(*lists, strict=True):
            copy.write_row(row)


def _type_of(values: pd.Series[Any]) -> str:
    """Return the type of a column: numbers, flags and instants as they are, anything else as text.

    >>> [_type_of(pd.Series(v)) for v in ([1.5], [True], ["a"], [pd.Timestamp("2024-03-01", tz="UTC")])]
    ['double precision', 'boolean', 'text', 'timestamptz']
    """
    kind = str(values.dtype).lower()
    if kind.startswith("datetime64"):
        return "timestamptz" if "," in kind else "timestamp"
    return next((name for start, name in _TYPES if kind.startswith(start)), "text")


def _values(values: pd.Series[Any]) -> list[Any]:
    """Return a column as the driver takes it: what is missing is NULL, and texts have no zero byte."""
    told = zip(values.astype("object").tolist(), values.isna().tolist(), strict=True)
    listed = [None if missing else value for value, missing in told]
    if _type_of(values) == "text":
        return [None if v is None else str(v).replace("\0", "") for v in listed]
    return [v.to_pydatetime(warn=False) if isinstance(v, pd.Timestamp) else v for v in listed]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _name(spec: ResultsSpec) -> str:
    return mask_passwords(str(spec.database))


@contextmanager
def _transaction(spec: ResultsSpec, *, writing: bool) -> Iterator[Connection]:
    """Open the database for one transaction, and say in one line what its driver says."""
    try:
        engine = create_engine(make_url(str(spec.database)).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    except (SQLAlchemyError, ValueError, ImportError, NoSuchModuleError) as error:
        hint = "pip install 'deskcast[postgres]'" if isinstance(error, ImportError) else None
        raise InputError(
            "the address of the results cannot be used", where="[results]", column="database", hint=hint,
            code="database.unreachable",
        ) from None  # fmt: skip
    from psycopg import Error  # there, since the engine is; the copy of a table speaks to it itself

    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_S}s'")
            if writing:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})")
            yield connection
    except (DBAPIError, Error) as error:
        told = error.orig if isinstance(error, DBAPIError) else error
        said = (str(told).strip() or type(error).__name__).splitlines()[0]
        problem = f"the results cannot be {'written' if writing else 'read'}: {said}"
        raise InputError(
            say_without_password(problem, str(spec.database)), where=_name(spec), code="database.unreachable"
        ) from None
