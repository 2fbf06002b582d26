"""A lock on a folder that vanishes with the process that holds it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from ...features.errors import BusyError, InputError

#: Handles of this process alone; a forked child lets go of them, so that it cannot outlive its parent with them.
_PRIVATE_HANDLES: set[int] = set()


def try_lock(folder: Path) -> int | None:
    """Take the lock of a folder, or return None where another process has it.

    The lock is an advisory one on the folder itself, so nothing has to be cleaned up behind a killed process.
    Where the system cannot lock a folder (Windows, NFS) an empty file of that name plus ``.lock`` stands in.

    Returns
    -------
    A token for :func:`release_lock`, or None.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp())
    >>> token = try_lock(place)
    >>> try_lock(place) is None
    True
    >>> release_lock(token, place)
    """
    for path, flags in _candidates(folder):
        try:
            token = os.open(path, flags, 0o666)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            continue  # a folder cannot be opened on Windows
        held = _exclusive(token)
        if held and same_folder(token, path):
            register_handle(token)
            return token
        os.close(token)
        if held is not None:
            return None
    raise InputError(
        "the folder cannot be locked on this file system",
        where=str(folder),
        hint="choose a local folder",
        code="file.unreadable",
    )


def release_lock(token: int, folder: Path) -> None:
    """Give a lock back."""
    beside = _file(folder)
    if beside.exists() and same_folder(token, beside):
        beside.unlink(missing_ok=True)
    close_handle(token)


def register_handle(handle: int) -> None:
    """Keep an open handle for this process alone: forked children close it."""
    _close_handles_at_fork()
    _PRIVATE_HANDLES.add(handle)


def close_handle(handle: int) -> None:
    """Close a handle that was kept."""
    _PRIVATE_HANDLES.discard(handle)
    os.close(handle)


@contextmanager
def locked(folder: Path, patience_s: float = 60.0) -> Iterator[None]:
    """Hold the lock of a folder for a block, waiting for whoever has it."""
    end = time.monotonic() + patience_s
    while (token := try_lock(folder)) is None:
        if time.monotonic() > end:
            raise BusyError(
                "another process is holding this folder",
                where=str(folder),
                hint="try again later",
                code="file.unreadable",
            )
        time.sleep(0.05)
    try:
        yield
    finally:
        release_lock(token, folder)


def _candidates(folder: Path) -> list[tuple[Path, int]]:
    return [(folder, os.O_RDONLY), (_file(folder), os.O_RDWR | os.O_CREAT)]


def _file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def same_folder(token: int, path: Path) -> bool:
    """Tell whether the path still leads to what was locked: it may have been removed or exchanged meanwhile."""
    try:
        return os.path.samestat(os.fstat(token), path.stat())
    except OSError:
        return False


if sys.platform == "win32":

    def _exclusive(token: int) -> bool | None:
        import msvcrt

        try:
            msvcrt.locking(token, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def _exclusive(token: int) -> bool | None:
        """Return True where the lock was taken, False where another has it, None where it cannot be had here."""
        import fcntl

        try:
            fcntl.flock(token, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return None
        return True


@cache
def _close_handles_at_fork() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_close_inherited_handles)


def _close_inherited_handles() -> None:
    while _PRIVATE_HANDLES:
        os.close(_PRIVATE_HANDLES.pop())
