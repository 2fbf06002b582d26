"""The address of a database says what reads it: PostgreSQL, or MySQL and MariaDB; files are read as files."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import pandas as pd

from ..errors import InputError
from .database_files import FILE_KINDS

#: What an address may look like, for a message.
DATABASE_ADDRESSES = "postgresql://user@host/database, mysql://user@host/database, sqlite:///FILE or duckdb:///FILE"
_POSTGRES, _MYSQL = ("postgresql", "postgres"), ("mysql", "mariadb")


def is_database_address(text: str) -> bool:
    """Return whether a text is the address of a server or a database file, and no path.

    >>> is_database_address("postgresql://desk/tickets"), is_database_address("exports/tickets.csv")
    (True, False)
    """
    kind, mark, _ = text.partition("://")
    return bool(mark) and kind in (*_POSTGRES, *_MYSQL, *FILE_KINDS)


def find_database_file(uri: str) -> str:
    """Return the path in the address of a database file, or nothing.

    >>> find_database_file("sqlite:///exports/desk.db"), find_database_file("mysql://desk/tickets")
    ('exports/desk.db', '')
    """
    kind, _, rest = uri.partition(":///")
    return rest if kind in FILE_KINDS else ""


def remove_password(uri: str) -> str:
    """Return an address without its password.

    >>> remove_password("mysql://ann:p@ss/w0rd@desk.example/tickets"), remove_password("postgresql://ann@desk/t?password=x")
    ('mysql://ann@desk.example/tickets', 'postgresql://ann@desk/t')
    """
    scheme, _, rest = uri.partition("://")
    login, at, place = rest.rpartition("@")
    place, mark, options = place.partition("?")
    kept = "&".join(o for o in options.split("&") if not o.startswith("password="))
    return f"{scheme}://{login.split(':', 1)[0]}{at}{place}{mark if kept else ''}{kept}"


def read_relation(
    uri: str,
    table: str | None = None,
    schema: str | None = None,
    query: str | None = None,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Read a table, a view or the answer to a query of a server; see the module of the server.

    Raises
    ------
    InputError
        If the kind of database is unknown, its driver is missing, or the server refuses.
    """
    frame: pd.DataFrame = _reader(uri).read_relation(uri, table, schema, query, columns)
    return frame


def list_table_names(uri: str, schema: str | None = None) -> list[str]:
    """Return the names of the tables and views of a schema."""
    return list(_reader(uri).list_table_names(uri, schema))


def list_column_names(uri: str, table: str, schema: str | None = None) -> list[str]:
    """Return the names of the columns of a table or view."""
    return list(_reader(uri).list_column_names(uri, table, schema))


def _reader(uri: str) -> ModuleType:
    from . import mysql, postgres

    kind = uri.partition("://")[0]
    if kind in _MYSQL:
        return mysql
    if kind in _POSTGRES:
        return postgres
    raise InputError(
        "unknown kind of database", column="database", got=uri.split(":", 1)[0][:20],
        wanted=DATABASE_ADDRESSES, hint="export its tables as CSV or Parquet, and name these files",
        code="database.unreachable",
    )  # fmt: skip
