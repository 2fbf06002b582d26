"""Tables of a MySQL or MariaDB database to frames: streamed in chunks, in a read-only transaction, on UTC.

A password is never written into a message. It need not stand in the address either: ``MYSQL_PWD`` and ``~/.my.cnf``
work. Zero dates (``0000-00-00``) mean that there is none, and are missing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import numpy as np
import pandas as pd

from ..errors import InputError, NoRowsError, did_you_mean, mask_passwords
from .postgres import CONNECT_TIMEOUT_S, describe_database

#: Rows of a chunk.
_CHUNK_ROWS = 20_000
_DEFAULT_PORT = 3306
#: What may stand behind the question mark of an address.
_OPTIONS = ("unix_socket", "ssl_ca", "read_default_file")
#: A date of nothing, or one without a month or a day, which MySQL keeps where nobody forbids it.
_ZERO_DATE = re.compile(r"^(0000-..-..|....-00-..|....-..-00)")


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
        ``mysql://user@host:port/database`` or ``mariadb://...``; ``?unix_socket=/path`` names a socket.
    table, schema
        A table or view, and the database that it is in; without one that of the address counts.
    query
        A ``SELECT`` instead of a table.
    columns
        Of a table only these columns, in this order.

    Returns
    -------
    pandas.DataFrame
        Numbers and times keep their type, everything else is text. ``TIMESTAMP`` is an instant; ``DATETIME`` has no
        zone, and is read in that of the source.

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
    where = f"{describe_database(uri)} {table or 'query'}"
    with _connected(uri) as connection:
        if table is not None:
            schema, table = _check_there(connection, uri, table, schema)
            names = "*" if columns is None else ", ".join(map(_quoted, columns))
            wanted = f"SELECT {names} FROM {'.'.join(map(_quoted, filter(None, (schema, table))))}"
        else:
            wanted = str(query).strip().rstrip(";")
        with _told(uri, "query" if query else table, "the database refuses"), connection.cursor() as cursor:
            cursor.execute(wanted)
            return _fetch(cursor, where)


def list_table_names(uri: str, schema: str | None = None) -> list[str]:
    """Return the names of the tables and views of a database, by default of that in the address."""
    with _connected(uri) as connection:
        return _listed(connection, schema)


def list_column_names(uri: str, table: str, schema: str | None = None) -> list[str]:
    """Return the names of the columns of a table or view."""
    with _connected(uri) as connection:
        schema, table = _check_there(connection, uri, table, schema)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {'.'.join(map(_quoted, filter(None, (schema, table))))} LIMIT 0")
            return [str(column[0]) for column in cursor.description]


def parse_mysql_address(uri: str) -> dict[str, Any]:
    """Return what an address says, for the driver. The password ends at the last @, whatever signs it has.

    >>> parse_mysql_address("mysql://ann:p@ss/w?rd@desk.example:3307/tickets")["password"]
    'p@ss/w?rd'
    >>> {k: v for k, v in parse_mysql_address("mariadb:///tickets?unix_socket=/run/m.sock").items() if v}
    {'port': 3306, 'database': 'tickets', 'unix_socket': '/run/m.sock'}
    """
    login, _, place = uri.partition("://")[2].rpartition("@")
    user, _, password = login.partition(":")
    place, _, options = place.partition("?")
    host, _, database = place.partition("/")
    host, _, port = host.partition(":")
    if port and not (port.isdigit() and int(port) < 1 << 16):
        raise InputError(
            "the port in the address is not a number",
            column="database",
            wanted="mysql://user@host:3306/name",
            code="database.refused",
        )
    out = {
        "host": host, "port": int(port or _DEFAULT_PORT), "user": unquote(user), "password": unquote(password),
        "database": unquote(database),
    }  # fmt: skip
    for name, value in parse_qsl(options):
        if name not in _OPTIONS:
            hint = did_you_mean(name, _OPTIONS)
            raise InputError(
                "the address has an unknown setting", column="database", got=name, hint=hint, code="database.refused"
            )
        out[name] = value
    return out


@contextmanager
def _connected(uri: str) -> Iterator[Any]:
    try:
        import pymysql
    except ImportError as error:
        hint = "pip install 'deskcast[mysql]'"
        raise InputError(
            "the driver for MySQL and MariaDB is not installed",
            where=describe_database(uri),
            hint=hint,
            code="package.missing",
        ) from error
    from pymysql.constants import FIELD_TYPE
    from pymysql.converters import conversions
    from pymysql.cursors import SSCursor

    as_text = {FIELD_TYPE.DATETIME: str, FIELD_TYPE.TIMESTAMP: str, FIELD_TYPE.DATE: str, FIELD_TYPE.TIME: str}
    own = {k: v for k, v in parse_mysql_address(uri).items() if v}
    own["password"] = own.get("password") or os.environ.get("MYSQL_PWD", "")
    usual = Path("~/.my.cnf").expanduser()
    if not own["password"] and usual.exists():
        own.setdefault("read_default_file", str(usual))
    hint = "is the server running, and are name, user and password right?"
    with _told(uri, None, "no connection", hint):
        connection = pymysql.connect(
            charset="utf8mb4", connect_timeout=CONNECT_TIMEOUT_S, cursorclass=SSCursor,
            conv={**conversions, **as_text, FIELD_TYPE.DECIMAL: float, FIELD_TYPE.NEWDECIMAL: float}, **own,
        )  # fmt: skip
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET time_zone = '+00:00'")
            cursor.execute("START TRANSACTION READ ONLY")
        yield connection
    finally:
        connection.close()


@contextmanager
def _told(uri: str, column: str | None, what: str, hint: str | None = None) -> Iterator[None]:
    """Describe in one line what the server says, without the password."""
    import pymysql

    try:
        yield
    except (pymysql.MySQLError, OSError, RuntimeError) as error:
        said = str(error.args[-1] if error.args else error).splitlines()[0].rstrip(". ")
        said = _without_password(said, uri) or type(error).__name__
        raise InputError(
            f"{what}: {said}", where=describe_database(uri), column=column, hint=hint, code="database.refused"
        ) from None


def _without_password(said: str, uri: str) -> str:
    """Return what the driver said without the password, which the address here gives up to its last @."""
    login = uri.partition("://")[2].rpartition("@")[0]
    secret = login.partition(":")[2]
    for word in (secret, unquote(secret)):
        said = said.replace(word, "***") if word else said
    return mask_passwords(said)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _listed(connection: Any, schema: str | None) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = COALESCE(%s, DATABASE()) ORDER BY 1",
            (schema,),
        )
        return [str(row[0]) for row in cursor.fetchall()]


def _check_there(connection: Any, uri: str, table: str, schema: str | None) -> tuple[str | None, str]:
    """Return the schema and the name of a table that is there."""
    known = _listed(connection, schema)
    if table not in known and schema is None and "." in table:
        schema, table = table.split(".", 1)
        known = _listed(connection, schema)
    if table in known:
        return schema, table
    what = f"the schema '{schema}' has no such table" if schema else "unknown table"
    hint = did_you_mean(table, known[:200]) if known else "it has no table that this user may read"
    raise InputError(what, where=describe_database(uri), column="table", got=table, hint=hint, code="database.refused")


def _fetch(cursor: Any, where: str) -> pd.DataFrame:
    names = [str(column[0]) for column in cursor.description]
    if len(set(names)) < len(names):
        raise InputError(
            "duplicate column in the query", where=where, hint="name them apart by AS", code="database.refused"
        )
    codes = [int(column[1]) for column in cursor.description]
    parts = []
    while rows := cursor.fetchmany(_CHUNK_ROWS):
        values = zip(*rows, strict=True)
        cast = {n: _typed(list(v), c, n, where) for n, c, v in zip(names, codes, values, strict=True)}
        parts.append(pd.DataFrame(cast))
    if not parts:
        raise NoRowsError("the table has columns but no rows", where=where, code="file.empty")
    return pd.concat(parts, ignore_index=True)


def _typed(values: list[Any], code: int, name: str, where: str) -> pd.Series[Any]:
    """Return the values of a column by the type that the server gives it."""
    from pymysql.constants import FIELD_TYPE

    whole = (FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG, FIELD_TYPE.INT24, FIELD_TYPE.YEAR)
    if code in whole and all(v is None or -(1 << 63) <= v < 1 << 63 for v in values):
        return pd.Series(values, dtype="Int64")
    if code in (FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE, FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL):
        return pd.Series(values, dtype="float64")
    if code in (FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP):
        return _times(values, code == FIELD_TYPE.TIMESTAMP, name, where)
    text = [None if v is None or (code == FIELD_TYPE.DATE and _ZERO_DATE.match(v)) else _text(v) for v in values]
    return pd.Series(text, dtype="str")


def _times(values: list[Any], is_instant: bool, name: str, where: str) -> pd.Series[Any]:
    plain = ["NaT" if v is None or _ZERO_DATE.match(v) else v for v in values]
    try:
        times = pd.Series(np.array(plain, dtype="datetime64[us]"))
    except ValueError as error:
        raise InputError(f"a time cannot be read: {error}", where=where, column=name, code="database.refused") from None
    return times.dt.tz_localize("UTC") if is_instant else times


def _text(value: Any) -> str | None:
    """Return a value as text; bytes that are no text are missing."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return None
    return str(value)
