"""SQLite and DuckDB files to frames, a table each, opened read-only."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import InputError, did_you_mean

FILE_KINDS = ("sqlite", "duckdb")
_SQLITE_MARK, _DUCKDB_MARK = b"SQLite format 3\x00", b"DUCK"


def find_database_kind(head: bytes) -> str:
    """Return ``sqlite`` or ``duckdb`` by the first bytes of a file, or nothing.

    >>> find_database_kind(b"SQLite format 3" + bytes(9)), find_database_kind(b"id,opened")
    ('sqlite', '')
    """
    if head.startswith(_SQLITE_MARK):
        return "sqlite"
    return "duckdb" if head[8:12] == _DUCKDB_MARK else ""


def read_database_file(file: Path, kind: str, table: str | None = None) -> dict[str, pd.DataFrame]:
    """Return the tables and views of a database file that have rows, or the one that is asked for.

    Raises
    ------
    InputError
        If the file cannot be opened, or has no such table.
    """
    try:
        return _sqlite(file, table) if kind == "sqlite" else _duckdb(file, table)
    except (sqlite3.Error, OSError) as error:
        raise InputError(f"the database file cannot be read: {error}", where=file.name, code="file.damaged") from error


def _chosen(names: list[str], table: str | None, where: str) -> list[str]:
    if table is None:
        return names
    if table not in names:
        raise InputError(
            "unknown table",
            where=where,
            column="sheet",
            got=table,
            hint=did_you_mean(table, names),
            code="table.unknown",
        )
    return [table]


def _sqlite(file: Path, table: str | None) -> dict[str, pd.DataFrame]:
    connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)
    try:
        found = connection.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name"
        )
        names = [str(row[0]) for row in found.fetchall()]
        frames = {}
        for name in _chosen(names, table, file.name):
            quoted = name.replace('"', '""')
            cursor = connection.execute(f'SELECT * FROM "{quoted}"')
            columns = [str(c[0]) for c in cursor.description]
            rows = cursor.fetchall()
            if rows:
                data = {c: [_text(r[i]) for r in rows] for i, c in enumerate(columns)}
                frames[name] = pd.DataFrame(data, dtype="str")
    finally:
        connection.close()
    return _with_rows(frames, file)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, bytes):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _duckdb(file: Path, table: str | None) -> dict[str, pd.DataFrame]:
    import duckdb

    from .arrow_frames import frame_from_arrow

    try:
        connection = duckdb.connect(str(file), read_only=True)
    except duckdb.Error as error:
        raise InputError(
            f"the DuckDB file cannot be opened: {str(error).splitlines()[0]}", where=file.name, code="file.damaged"
        ) from error
    with connection:
        names = [
            str(r[0])
            for r in connection.execute("SELECT table_name FROM information_schema.tables ORDER BY 1").fetchall()
        ]
        frames = {}
        for name in _chosen(names, table, file.name):
            quoted = name.replace('"', '""')
            frame = frame_from_arrow(connection.sql(f'SELECT * FROM "{quoted}"').to_arrow_table())
            if len(frame):
                frames[name] = frame
    return _with_rows(frames, file)


def _with_rows(frames: dict[str, pd.DataFrame], file: Path) -> dict[str, pd.DataFrame]:
    if not frames:
        raise InputError("no table of the database file has rows", where=file.name, code="file.empty")
    return frames
