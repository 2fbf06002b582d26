"""Tables of a PostgreSQL database to frames: streamed as CSV, read by Arrow in chunks, in a read-only transaction.

A password is never written into a message. It need not stand in the address either: PostgreSQL's own ``PGPASSWORD``,
``PGSERVICE`` and ``~/.pgpass`` work.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd

from ..errors import InputError, NoRowsError, did_you_mean, say_without_password

#: Seconds to wait for a server that does not answer.
CONNECT_TIMEOUT_S = 10
#: Bytes of a chunk.
_CHUNK_BYTES = 1 << 22
_SCHEMES = ("postgresql://", "postgres://")
#: Type numbers of PostgreSQL's catalogue: whole numbers, fractions, instants, times without a zone.
_INTEGER_OIDS, _FLOAT_OIDS, _INSTANT_OIDS, _NAIVE_TIME_OIDS, _FLAG_OIDS = (
    (20, 21, 23),
    (700, 701, 1700),
    (1184,),
    (1114,),
    (16,),
)
_DATE_OIDS = (1082,)
#: Text of a fixed width, whose blanks at the end are no part of the value.
_PADDED_OIDS = (1042,)


def read_relation(
    uri: str,
    table: str | None = None,
    schema: str | None = None,
    query: str | None = None,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Read a table, a view or the answer to a query.

    Parameters
    ----------
    uri
        ``postgresql://user@host:port/database``.
    table, schema
        A table or view, and the schema that it is in; without one the server's search path counts.
    query
        A ``SELECT`` instead of a table.
    columns
        Of a table only these columns, in this order.

    Returns
    -------
    pandas.DataFrame
        Numbers, flags and times keep their type, everything else is text; nulls are missing, and so are times of
        ``infinity``, which mean that something has not happened.

    Raises
    ------
    InputError
        If the driver is missing, the server cannot be reached, the table is unknown, or the query fails.
    """
    if (table is None) == (query is None):
        raise InputError(
            "either a table or a query must be given",
            where=describe_database(uri),
            column="table",
            code="database.refused",
        )
    if table is not None and schema is None and "." in table:
        schema, table = table.split(".", 1)
    with _connected(uri) as connection:
        from psycopg import Error, sql

        if table is not None:
            _check_there(connection, uri, table, schema)
            names = sql.SQL(", ").join(map(sql.Identifier, columns)) if columns is not None else sql.SQL("*")
            wanted: Any = sql.SQL("SELECT {} FROM {}").format(names, sql.Identifier(*filter(None, (schema, table))))
        else:
            wanted = sql.SQL(str(query).strip().rstrip(";"))
        try:
            return _streamed(connection, wanted, f"{describe_database(uri)} {table or 'query'}")
        except Error as error:
            raise InputError(
                f"the database refuses: {_first_line(error, uri)}",
                where=describe_database(uri),
                column="query" if query else table,
                hint=f"known tables: {', '.join(_names(uri, schema)[:12])}" if query else None,
                code="database.refused",
            ) from None


def list_table_names(uri: str, schema: str | None = None) -> list[str]:
    """Return the names of the tables and views of a schema, or of the search path."""
    with _connected(uri) as connection:
        return list_relations(connection, schema)


def list_column_names(uri: str, table: str, schema: str | None = None) -> list[str]:
    """Return the names of the columns of a table or view."""
    if schema is None and "." in table:
        schema, table = table.split(".", 1)
    with _connected(uri) as connection:
        from psycopg import sql

        _check_there(connection, uri, table, schema)
        relation = sql.Identifier(*filter(None, (schema, table)))
        head = connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(relation))
        return [str(column.name) for column in head.description]


def describe_database(uri: str) -> str:
    """Describe the database of an address, without its password.

    >>> describe_database("postgresql://ann:secret@desk.example:5432/tickets")
    'database tickets at desk.example'
    """
    rest = uri.split("://", 1)[-1].rsplit("@", 1)[-1]
    host, _, name = rest.partition("/")
    socket = re.search(r"host=([^&/]+)", name)  # the folder of a socket is this machine
    host = host or (socket.group(1) if socket else "")
    return f"database {name.split('?')[0] or 'by default'} at {host.split(':')[0] or 'this machine'}"


@contextmanager
def _connected(uri: str) -> Iterator[Any]:
    if not uri.startswith(_SCHEMES):
        kind = uri.split(":", 1)[0][:20]
        wanted = "postgresql://user@host/database, mysql://user@host/database, sqlite:///FILE or duckdb:///FILE"
        hint = "export its tables as CSV or Parquet, and name these files"
        raise InputError(
            "unknown kind of database",
            column="database",
            got=kind,
            wanted=wanted,
            hint=hint,
            code="database.unreachable",
        )
    try:
        import psycopg
    except ImportError as error:
        hint = "pip install 'deskcast[postgres]'"
        raise InputError(
            "the driver for PostgreSQL is not installed",
            where=describe_database(uri),
            hint=hint,
            code="package.missing",
        ) from error
    try:
        connection = psycopg.connect(uri, connect_timeout=CONNECT_TIMEOUT_S, autocommit=False)
    except psycopg.Error as error:
        hint = "is the server running, and are name, user and password right?"
        raise InputError(
            f"no connection: {_first_line(error, uri)}",
            where=describe_database(uri),
            hint=hint,
            code="database.unreachable",
        ) from None
    with connection:
        connection.execute("SET TRANSACTION READ ONLY")
        connection.execute("SET LOCAL TimeZone = 'UTC'")
        connection.execute("SET LOCAL DateStyle = 'ISO'")
        yield connection


def _check_there(connection: Any, uri: str, table: str, schema: str | None) -> None:
    known = list_relations(connection, schema)
    if table in known:
        return
    what = f"the schema '{schema}' has no such table" if schema else "unknown table"
    hint = did_you_mean(table, known[:200]) if known else "it has no table that this user may read"
    raise InputError(what, where=describe_database(uri), column="table", got=table, hint=hint, code="database.refused")


def list_relations(connection: Any, schema: str | None) -> list[str]:
    """Return the tables and views of a schema, or those that need none named: materialised and temporary ones too."""
    found = connection.execute(
        "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') "
        "AND n.nspname <> ALL (ARRAY['pg_catalog', 'pg_toast', 'information_schema']) "
        "AND CASE WHEN %(schema)s::text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid) "
        "ELSE n.nspname = %(schema)s::text END ORDER BY 1",
        {"schema": schema},
    )
    return [str(row[0]) for row in found.fetchall()]


def _names(uri: str, schema: str | None) -> list[str]:
    try:
        return list_table_names(uri, schema) or ["none"]
    except InputError:
        return ["not to be had"]


def _streamed(connection: Any, wanted: Any, where: str) -> pd.DataFrame:
    import pyarrow as pa
    from psycopg import sql

    head = connection.execute(sql.SQL("SELECT * FROM ({}) AS wanted LIMIT 0").format(wanted))
    types = {column.name: _arrow_type(column.type_code) for column in head.description}
    if len(types) < len(head.description):
        raise InputError(
            "duplicate column in the query", where=where, hint="name them apart by AS", code="column.doubled"
        )
    chosen = sql.SQL(", ").join(_as_said(column.name, column.type_code) for column in head.description)
    copy = sql.SQL("COPY (SELECT {} FROM ({}) AS wanted) TO STDOUT (FORMAT csv, HEADER false)").format(chosen, wanted)
    with connection.cursor() as cursor, cursor.copy(copy) as stream:
        try:
            return _frame(_table(_chunks(stream), types, where))
        except pa.ArrowInvalid as error:
            raise InputError(f"a value cannot be read: {error}", where=where, code="database.refused") from None


def _table(chunks: Iterator[bytes], types: dict[str, Any], where: str) -> Any:
    import pyarrow as pa
    import pyarrow.csv as pacsv

    first = next(chunks, b"")
    if not first:
        raise NoRowsError("the table has columns but no rows", where=where, code="file.empty")
    reader = pacsv.open_csv(
        _Stream(first, chunks),
        read_options=pacsv.ReadOptions(column_names=list(types), block_size=_CHUNK_BYTES),
        # an empty line is a null where there is a single column
        parse_options=pacsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pacsv.ConvertOptions(
            column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""],
            true_values=["t"], false_values=["f"],
        ),
    )  # fmt: skip
    return pa.Table.from_batches(list(reader), schema=reader.schema)


def _as_said(name: str, code: int) -> Any:
    from psycopg import sql

    column = sql.Identifier(name)
    if code in (*_INSTANT_OIDS, *_NAIVE_TIME_OIDS, *_DATE_OIDS):
        return sql.SQL("CASE WHEN isfinite({0}) THEN {0} END").format(column)
    return sql.SQL("{}::text").format(column) if code in _PADDED_OIDS else column


def _chunks(stream: Any) -> Iterator[bytes]:
    """Join the rows of a stream to chunks of some megabytes."""
    parts, size = [], 0
    for row in stream:
        parts.append(bytes(row))
        size += len(row)
        if size >= _CHUNK_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


class _Stream(io.RawIOBase):
    """Give chunks to a reader that asks for bytes."""

    def __init__(self, first: bytes, rest: Iterator[bytes]) -> None:
        self._left, self._rest = first, rest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._left:
            self._left = next(self._rest, b"")
        size = len(self._left) if size is None or size < 0 else size
        given, self._left = self._left[:size], self._left[size:]
        return given


def _arrow_type(code: int) -> Any:
    import pyarrow as pa

    if code in _INTEGER_OIDS:
        return pa.int64()
    if code in _FLOAT_OIDS:
        return pa.float64()
    if code in _INSTANT_OIDS:
        return pa.timestamp("us", "UTC")
    if code in _NAIVE_TIME_OIDS:
        return pa.timestamp("us")
    return pa.bool_() if code in _FLAG_OIDS else pa.string()


def _frame(table: Any) -> pd.DataFrame:
    import pyarrow as pa

    whole = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    frame: pd.DataFrame = table.to_pandas(types_mapper=whole.get)
    for name in frame.columns:
        if str(frame[name].dtype) in ("object", "category"):
            frame[name] = frame[name].astype("str").where(frame[name].notna())
    return frame


def _first_line(error: BaseException, uri: str) -> str:
    """Return what a server said, on one line and without the password."""
    said = " ".join(line.strip() for line in str(error).splitlines()[:2]).rstrip(". ")
    return say_without_password(said, uri) or type(error).__name__
