"""DuckDB within a given memory: what does not fit goes to a temporary folder, which goes with the engine."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import InputError
from .engine_lock import connect_duckdb

#: Begin of the name of a folder; a mark of the machine and the number of the process that it belongs to follow.
_PREFIX = "deskcast-engine-"
#: Name of the mark on a connection whose logs are worked on in parts, and where those are worked on.
_MARK = "_deskcast_parts"


def connect_bounded(memory: str | None = None, temp: str | Path | None = None, backend: str = "loop") -> Any:
    """Return a database whose tables lie in a file of a temporary folder, within a given memory.

    Parameters
    ----------
    memory
        Such as ``"2GB"``; what DuckDB takes by itself where it is missing.
    temp
        Folder in which the temporary folder is made, that of the system by default. It is removed with the connection;
        what a killed process left there is removed by the next.
    backend
        Where parts of the cases are worked on; see :func:`deskcast.features.partitions.by_case`.

    Raises
    ------
    InputError
        If the folder cannot be written.

    Examples
    --------
    >>> base = connect_bounded("200MB")
    >>> base.raw_sql("SELECT current_setting('memory_limit')").fetchone()
    ('190.7 MiB',)
    """
    folder = _make_folder(Path(temp or tempfile.gettempdir()))
    connection = connect_duckdb(folder / "log.duckdb")
    weakref.finalize(connection, shutil.rmtree, folder, ignore_errors=True)
    settings = {"memory_limit": memory, "temp_directory": folder / "spill"}
    for name, value in settings.items():
        if value is not None:
            quoted = str(value).replace("'", "''")
            connection.raw_sql(f"SET {name} = '{quoted}'")
    connection.raw_sql("SET preserve_insertion_order = false")  # results are sorted by key anyway
    return mark_parts(connection, backend)


def mark_parts(connection: Any, backend: str) -> Any:
    """Mark a connection as one whose logs are worked on in parts, and return it."""
    setattr(connection, _MARK, backend)
    return connection


def find_folder(connection: Any) -> Path:
    """Return the temporary folder of a connection."""
    found = connection.raw_sql("SELECT current_setting('temp_directory')").fetchone()
    return Path(found[0]).parent


def find_backend(connection: Any) -> str | None:
    """Return where the parts of a log on this connection are worked on; ``None`` where it is not cut into parts."""
    return getattr(connection, _MARK, None)


def _make_folder(home: Path) -> Path:
    try:
        home.mkdir(parents=True, exist_ok=True)
        for left in _find_left(home):
            shutil.rmtree(left, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{_mark_machine()}-{os.getpid()}-", dir=home))
    except OSError as error:
        raise InputError(
            f"the temporary folder cannot be written: {error.strerror}",
            where=str(home),
            hint="name another one: [engine] temp",
            code="file.unreadable",
        ) from error


def _find_left(home: Path) -> Iterator[Path]:
    """Yield the folders of processes of this machine that are gone; another one's are not known to be."""
    own = f"{_PREFIX}{_mark_machine()}-"
    for folder in home.glob(f"{own}*"):
        number = folder.name.removeprefix(own).split("-")[0]
        if number.isdigit() and int(number) != os.getpid() and not _is_alive(int(number)):
            yield folder


def _mark_machine() -> str:
    """Return a short mark of this machine, or of the container, which has processes and numbers of its own."""
    space = ""
    with suppress(OSError):
        space = str(Path("/proc/self/ns/pid").readlink())
    return hashlib.sha256(f"{platform.node()} {space}".encode()).hexdigest()[:8]


def _is_alive(number: int) -> bool:
    if os.name != "posix":
        return True  # to ask there is to end it
    with suppress(PermissionError):
        try:
            os.kill(number, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True
