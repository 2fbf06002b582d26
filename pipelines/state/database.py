"""The database of the state: opened, locked for one writer at a time, and brought to the schema of this version."""

from __future__ import annotations

import errno
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from ...features.errors import BusyError, InputError, mask_passwords, say_without_password
from ..project.state_place import StatePlace, place_of
from .migrations import bring_up_to_date, find_version
from .old_files import list_old_files, read_in_old_files, set_old_files_aside
from .owner import check_owner

#: A writer waits so long for another one to end.
LOCK_TIMEOUT_S = 60.0
#: Number of the lock of writers in a PostgreSQL database, the same for every deskcast.
_WRITER_LOCK = 0x6465736B
_BUSY_WORDS = ("database is locked", "lock timeout", "LockNotAvailable")
_FULL_WORDS = ("database or disk is full", "disk I/O error", "No space left")
_WRITING: ContextVar[tuple[str, Connection] | None] = ContextVar("writing", default=None)


@contextmanager
def change_state(where: StatePlace | Path) -> Iterator[Connection]:
    """Hold the state for a change: all that is written in the block is there in the end, or nothing of it.

    One writer at a time; a block inside another one of the same state joins it.

    Parameters
    ----------
    where
        The results folder, or where its state is.

    Raises
    ------
    BusyError
        If another process holds the state for longer than ``LOCK_TIMEOUT_S``.
    InputError
        If the state cannot be opened or written, belongs to another desk, or is of a newer version of deskcast.

    Examples
    --------
    >>> import tempfile
    >>> from .records import add_record, read_records
    >>> place = Path(tempfile.mkdtemp()) / "results"
    >>> with change_state(place) as state:
    ...     add_record(state, "notes", by="ann", kind="alert", subject="csat", text="known")
    >>> with read_state(place) as state:
    ...     read_records(state, "notes")["text"].tolist()
    ['known']
    """
    place = place_of(where)
    name = state_name(place)
    outer = _WRITING.get()
    if outer is not None and outer[0] == name:
        yield outer[1]
        return
    with _plain_errors(place):
        _prepare(place)
        with _engine(place, writing=True).begin() as connection:
            check_owner(connection, place, claim=True)
            token = _WRITING.set((name, connection))
            try:
                yield connection
            finally:
                _WRITING.reset(token)


@contextmanager
def read_state(where: StatePlace | Path) -> Iterator[Connection | None]:
    """Open the state to read it as it is at one instant; ``None`` where nothing is remembered yet.

    Raises
    ------
    InputError
        If the state cannot be read.
    """
    place = place_of(where)
    outer = _WRITING.get()
    if outer is not None and outer[0] == state_name(place):
        yield outer[1]
        return
    if not place.database and not place.file.exists() and not list_old_files(place.folder):
        yield None
        return
    with _plain_errors(place):
        _prepare(place)
        with _engine(place, writing=False).begin() as connection:
            check_owner(connection, place)
            yield connection


@contextmanager
def open_unchanged(where: StatePlace | Path) -> Iterator[Connection]:
    """Open a database as it is: nothing is made, migrated or read in.

    Raises
    ------
    InputError
        If it cannot be opened.
    """
    place = place_of(where)
    with _plain_errors(place), _engine(place, writing=False).begin() as connection:
        yield connection


def check_state(where: StatePlace | Path) -> None:
    """Say whether the state can be written, before any work is done.

    Raises
    ------
    InputError
        If it cannot.
    """
    with change_state(where) as connection:
        connection.execute(text("UPDATE schema_version SET version = version"))


def _prepare(place: StatePlace) -> None:
    """Make the database or bring it up to date, and read in what an earlier version kept in files."""
    if not place.database:
        try:
            place.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(place, error) from error
    old = list_old_files(place.folder)
    reader = _engine(place, writing=False)
    with reader.begin() as connection:
        done = find_version(connection) is not None and not bring_up_to_date(connection, only_ask=True)
        if done and old:
            check_owner(connection, place)  # before files of this desk are read into it
    if done and not old:
        return
    writer = _engine(place, writing=True)
    while True:
        with writer.begin() as connection:
            if not bring_up_to_date(connection):
                read_in_old_files(connection, old)
                break
    set_old_files_aside(old)


def _engine(place: StatePlace, *, writing: bool) -> Engine:
    """Return an engine that opens a connection for each block and keeps none."""
    url = _url(place)
    try:
        engine = create_engine(url, poolclass=NullPool)
    except (ImportError, NoSuchModuleError) as error:
        hint = "pip install 'deskcast[postgres]'"
        raise InputError(
            "the state cannot be opened: its driver is not installed", where=state_name(place), hint=hint,
            code="state.unavailable",
        ) from error  # fmt: skip
    if url.get_backend_name() == "sqlite":
        _use_sqlite(engine, writing)
    elif writing:
        event.listen(engine, "begin", _lock_postgres)
    return engine


def _url(place: StatePlace) -> URL:
    if not place.database:
        return URL.create("sqlite", database=str(place.file))
    try:
        return make_url(place.database).set(drivername="postgresql+psycopg")
    except (SQLAlchemyError, ValueError) as error:
        raise InputError(
            "the address of the state cannot be read", where="[state]", column="database", code="state.unavailable"
        ) from error


def _use_sqlite(engine: Engine, writing: bool) -> None:
    """Write ahead, so that readers wait for nobody, and begin each transaction as what it is."""

    def connect(database: Any, _: Any) -> None:
        database.isolation_level = None  # the transactions are begun below
        database.execute(f"PRAGMA busy_timeout = {int(LOCK_TIMEOUT_S * 1000)}")
        database.execute("PRAGMA foreign_keys = ON")
        if writing:
            _write_ahead(database)

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", begin)


def _write_ahead(database: Any) -> None:
    """Let a SQLite file be written ahead; of two that do so first at once, one waits here and not inside SQLite."""
    end = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.02)


def _lock_postgres(connection: Connection) -> None:
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{int(LOCK_TIMEOUT_S * 1000)}ms'")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})")


def state_name(place: StatePlace) -> str:
    """Say where the state is, without a password."""
    return mask_passwords(place.database) if place.database else str(place.file)


def _unwritable(place: StatePlace, error: OSError) -> InputError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    problem = "the disk is full" if full else f"nothing can be saved here: {error.strerror}"
    return InputError(
        problem, where=str(place.folder), hint="make room for a folder of this name", code="state.unavailable"
    )


@contextmanager
def _plain_errors(place: StatePlace) -> Iterator[None]:
    """Say what a driver says in one line, and which of it is another process at work."""
    try:
        yield
    except DBAPIError as error:
        said = say_without_password((str(error.orig).strip() or type(error).__name__).splitlines()[0], place.database)
        if any(words in f"{said} {type(error.orig).__name__}" for words in _BUSY_WORDS):
            raise BusyError(
                "another process is writing the state", where=state_name(place), hint="wait for it to end",
                code="state.unavailable",
            ) from None  # fmt: skip
        full = any(words in said for words in _FULL_WORDS)
        problem = "the disk is full: nothing was changed" if full else f"the state cannot be used: {said}"
        hint = "make room and run again" if full else "deskcast doctor says more"
        raise InputError(problem, where=state_name(place), hint=hint, code="state.unavailable") from None
