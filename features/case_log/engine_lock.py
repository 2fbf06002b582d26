"""One call of an engine at a time, so that a log can be asked from many threads.

A connection of DuckDB refuses a second call while one runs. A cursor for each thread would see neither the temporary
tables nor the frames that the derivations keep beside the log, since those belong to one connection. A query uses all
cores by itself, so that queries that wait for each other lose little.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache, wraps
from pathlib import Path
from threading import Lock, RLock
from typing import Any

import duckdb
import ibis

from ..errors import EngineError, InputError

#: What talks to the connection, of all that an Ibis connection can do.
GUARDED_CALLS = (
    "_cached_table", "create_table", "create_view", "drop_table", "drop_view", "execute", "get_schema", "list_tables",
    "raw_sql", "read_parquet", "sql", "table", "to_pandas_batches", "to_parquet", "to_pyarrow", "to_pyarrow_batches",
)  # fmt: skip
_LOCK_NAME = "_deskcast_lock"
_MARKING = Lock()


def serialise_calls(connection: Any) -> Any:
    """Let an Ibis connection take one call at a time, whichever thread it comes from, and return it.

    Parameters
    ----------
    connection
        An Ibis connection. It is changed once, and stays the same object.

    Examples
    --------
    >>> import ibis
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> base = serialise_calls(ibis.duckdb.connect())
    >>> rows = base.create_table("rows", ibis.memtable({"a": [1, 2, 3]}))
    >>> with ThreadPoolExecutor(4) as threads:
    ...     sorted(threads.map(lambda _: int(rows.a.sum().execute()), range(4)))
    [6, 6, 6, 6]
    """
    with _MARKING:
        if not hasattr(type(connection), _LOCK_NAME):
            setattr(connection, _LOCK_NAME, RLock())
            connection.__class__ = _one_at_a_time(type(connection))  # type: ignore[arg-type]
    return connection


@cache
def _one_at_a_time(kind: type) -> type:
    """Return a kind of connection whose calls wait for each other."""
    guarded = {name: _locked(getattr(kind, name)) for name in GUARDED_CALLS if hasattr(kind, name)}
    return type(kind.__name__, (kind,), {**guarded, "__module__": kind.__module__, _LOCK_NAME: None})


def _locked(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def wait_and_call(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            with getattr(self, _LOCK_NAME):
                return call(self, *args, **kwargs)
        except duckdb.Error as error:
            raise explain_engine_error(error) or error from error
        except Exception:
            if call.__name__ == "drop_table" and _is_closed(self):
                return None  # what was kept for a session went with it
            raise

    return wait_and_call


def _is_closed(connection: Any) -> bool:
    return getattr(getattr(connection, "con", None), "closed", False) is True


def explain_engine_error(error: duckdb.Error) -> EngineError | None:
    """Return what a user can do about an error of the engine; ``None`` where it is no want of room.

    >>> print(explain_engine_error(duckdb.OutOfMemoryException("failed to offload data block of size 256.0 KiB")))
    the memory of the engine and its temporary folder are full (set [engine] memory higher, or temp to a larger folder)
    """
    if not isinstance(error, duckdb.OutOfMemoryException) and "No space left on device" not in str(error):
        return None
    hint = "set [engine] memory higher, or temp to a larger folder"
    return EngineError(
        InputError("the memory of the engine and its temporary folder are full", hint=hint, code="memory.full")
    )


def connect_duckdb(file: Path | None = None) -> Any:
    """Return a database of its own, in memory or in a file, whose clock is UTC."""
    connection = serialise_calls(ibis.duckdb.connect() if file is None else ibis.duckdb.connect(file))
    # It is drawn on stdout, into the answer. A notebook without widgets can draw none, and refuses the setting.
    with suppress(duckdb.InvalidInputException):
        connection.raw_sql("SET enable_progress_bar = false")
    connection.raw_sql("SET TimeZone = 'UTC'")
    if file is None:  # what does not fit into memory would go to a folder beside the user's files
        spill = str(Path(tempfile.gettempdir()) / f"deskcast-spill-{os.getpid()}").replace("'", "''")
        connection.raw_sql(f"SET temp_directory = '{spill}'")
    connection.raw_sql("SET autoinstall_known_extensions = false")  # DuckDB would fetch what it lacks from the network
    return connection
