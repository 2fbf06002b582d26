"""Whole or absent: write a folder aside and let it take the place of the last one in one step.

The two folders change names by one system call (``renameat2`` on Linux, ``renamex_np`` on macOS), so a reader finds
the old folder or the new one and never a mixture. Where the system or the file system has neither, two renames do
it; a process killed between them leaves the old folder under a second name, which reading falls back to and the
next writer puts back. A writer that is killed is cleaned up after by a small process that waits for its end.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from ...features.errors import BusyError, InputError
from . import watchdog
from .locks import close_handle, register_handle, release_lock, same_folder, try_lock
from .sweeper import swept

#: The file that marks a folder as results of deskcast, and lists which files are.
MARKER_FILE = "findings.json"
RESULTS_FORMAT = "deskcast results 1"
#: Files that systems leave behind by themselves; they do not make a folder somebody's.
_SYSTEM_FILES = {".DS_Store", "Thumbs.db", "desktop.ini", ".gitkeep", ".gitignore"}
_PART = re.compile(r"\..+\.(\d+)\.part")
_DISK_FULL_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LOST_ERRORS = _DISK_FULL_ERRORS | {errno.EIO}
RETRY_TIMEOUT_S = 2.0


@contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """Write a results folder so that it is whole or absent.

    Parameters
    ----------
    folder
        Where the results will stand. It may be new, empty, or hold results of an earlier run; files in it that are
        not deskcast's are taken over into the new folder.

    Yields
    ------
    An empty folder on the same file system to write into. When the block ends it takes the place of ``folder`` in
    one step; when the block raises, or the process is killed, the last results stand as they were and nothing of
    the new ones remains.

    Raises
    ------
    InputError
        If the folder cannot be written, is a file or a mount point, holds files of somebody else, another process
        is writing there, or the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "results"
    >>> with replace_folder(place) as staging:
    ...     _ = (staging / "note.txt").write_text("whole")
    >>> (place / "note.txt").read_text()
    'whole'
    """
    target = check_results_folder(folder)
    staging, previous = _aside(target)
    parents = _make_parents(target.parent)
    guard, alive = _start_watchdog(staging, target, previous)
    done = False
    try:
        with _held(staging, target, previous):
            yield staging
            _commit(staging, target, previous)
            done = True
    except OSError as error:
        if error.errno in _DISK_FULL_ERRORS:
            raise InputError(
                "the disk is full", where=str(folder), hint="the last results are untouched", code="file.unreadable"
            ) from error
        raise
    finally:
        close_handle(alive)
        guard.wait()
        if not done:
            for parent in parents:
                with suppress(OSError):
                    parent.rmdir()


def check_results_folder(folder: Path) -> Path:
    """Say whether results can be written to this folder, before any work is done; return its real place."""
    target = Path(folder).resolve()
    where = str(folder)
    if target.exists() and not target.is_dir():
        raise InputError("not a folder but a file", where=where, code="file.kind")
    if target.is_dir():
        if target.is_mount():
            raise InputError(
                "this folder is a mount point", where=where, hint="name a folder inside it", code="file.exists"
            )
        owned = listed_files(target)
        if owned is None and (strange := sorted(p.name for p in target.iterdir() if p.name not in _SYSTEM_FILES)):
            raise InputError(
                "this folder holds files that are not results of deskcast, so it is not replaced",
                where=where,
                got=strange[0],
                hint="name a new or empty folder",
                code="file.exists",
            )
    existing = next(p for p in target.parents if p.exists())
    if not existing.is_dir():
        raise InputError("not a folder but a file", where=str(existing), code="file.kind")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(
            "nothing can be written to this folder",
            where=str(existing),
            hint="choose another folder",
            code="file.unreadable",
        )
    return target


def find_current_folder(folder: Path) -> Path:
    """Return the folder that holds the last whole results: the folder itself, or its name between two renames."""
    target = Path(folder).resolve()
    previous = _aside(target)[1]
    return previous if not target.exists() and previous.is_dir() else target


def find_staging_folder(folder: Path) -> Path:
    """Return the folder that a run fills before it becomes the results; it is there while one is at work."""
    return _aside(Path(folder).resolve())[0]


def listed_files(folder: Path) -> list[str] | None:
    """Return the files that deskcast wrote to a folder, or None where it is not a folder of results."""
    try:
        marker = json.loads((folder / MARKER_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    good = isinstance(marker, dict) and marker.get("format") == RESULTS_FORMAT
    return list(marker.get("files", [])) if good else None


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Write one file aside; it takes the place of ``path`` in one step when the block ends well.

    Raises
    ------
    InputError
        If the folder is missing, nothing can be written there, or the disk is full.
    """
    target = Path(path).resolve()
    if target.is_dir():
        raise InputError("not a file but a folder", where=str(path), code="file.kind")
    if not target.parent.is_dir():
        raise InputError("missing folder", where=str(target.parent), hint="make it first", code="folder.missing")
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    _sweep_parts(target)
    with swept(aside):
        try:
            aside.touch()
            yield aside
            _sync(aside)
            aside.replace(target)
        except OSError as error:
            full = error.errno in _DISK_FULL_ERRORS
            problem = "the disk is full" if full else f"the file cannot be written: {error.strerror}"
            raise InputError(problem, where=str(path), hint="choose another place", code="file.unreadable") from error
        finally:
            aside.unlink(missing_ok=True)


def _sweep_parts(target: Path) -> None:
    """Remove what killed processes left of this file, where nobody swept behind them."""
    for part in target.parent.glob(f".{escape(target.name)}.*.part"):
        if _is_dead_part(part):
            part.unlink(missing_ok=True)


def _is_dead_part(path: Path) -> bool:
    """Tell whether a file is one that a process wrote aside and left when it was killed."""
    found = _PART.fullmatch(path.name)
    return found is not None and not _alive(int(found[1]))


def _alive(process: int) -> bool:
    if sys.platform == "win32":
        return True  # asking by a signal would end the process there
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _aside(target: Path) -> tuple[Path, Path]:
    return target.with_name(f".{target.name}.deskcast-new"), target.with_name(f".{target.name}.deskcast-old")


def _make_parents(parent: Path) -> list[Path]:
    """Make the folders above the target; return those that were made, the deepest first."""
    missing = [p for p in (parent, *parent.parents) if not p.exists()]
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the folder cannot be made: {error.strerror}", where=str(parent), code="file.unreadable"
        ) from error
    return missing


def _start_watchdog(staging: Path, target: Path, previous: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start the process that cleans up behind us, and return it with the handle that tells it that we live."""
    command = [sys.executable, "-I", "-S", str(watchdog.__file__), str(staging), str(target), str(previous)]
    reading, alive = os.pipe()
    try:
        guard = subprocess.Popen(
            command,
            stdin=reading,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # what ends a whole group of processes does not end it too
            cwd=target.parent,
        )
    except BaseException:
        os.close(alive)
        raise
    finally:
        os.close(reading)
    register_handle(alive)
    return guard, alive


@contextmanager
def _held(staging: Path, target: Path, previous: Path) -> Iterator[None]:
    """Hold an empty staging folder under its lock; what is left of it, or of the last results, is removed."""
    token, old = _claim(staging, target)
    try:
        watchdog.restore(target, previous)
        _empty(staging)
        yield
    finally:
        # Once it was renamed the name is free, and the next writer's folder may stand there.
        if not _is_folder(token) or any(same_folder(t, staging) for t in (token, old) if t is not None):
            shutil.rmtree(staging, ignore_errors=True)
        if old is not None:
            release_lock(old, target)
        release_lock(token, staging)


def _claim(staging: Path, target: Path) -> tuple[int, int | None]:
    """Take the lock of the staging folder and that of the last results, which get its name in the exchange.

    A writer that has just renamed its folder holds it until it is done: the next one waits for that.
    """
    end = time.monotonic() + RETRY_TIMEOUT_S
    while True:
        try:
            staging.mkdir(exist_ok=True)
        except OSError as error:
            if isinstance(error, FileExistsError) and (staging.is_dir() or not os.path.lexists(staging)):
                continue  # another writer removed it after it was found
            place = str(staging.parent)
            raise InputError(
                f"nothing can be written to this folder: {error.strerror}", where=place, code="file.unreadable"
            ) from error
        token = try_lock(staging)
        if token is not None:
            old = try_lock(target) if target.is_dir() and _is_folder(token) else None
            if old is not None or not target.is_dir() or not _is_folder(token):
                return token, old
            shutil.rmtree(staging, ignore_errors=True)
            release_lock(token, staging)
        if time.monotonic() > end:
            raise BusyError(
                "another run is writing here", where=str(target), hint="wait for it to end", code="value.range"
            )
        time.sleep(0.02)


def _is_folder(token: int) -> bool:
    return stat.S_ISDIR(os.fstat(token).st_mode)


def _empty(folder: Path) -> None:
    for item in folder.iterdir():
        if item.is_dir() and not item.is_symlink():
            shutil.rmtree(item)
        else:
            item.unlink()


def _commit(staging: Path, target: Path, previous: Path) -> None:
    _mark(staging)
    if target.is_dir():
        _take_over(target, staging)
    for item in staging.rglob("*"):
        _sync(item)
    _sync(staging)
    if not target.exists():
        staging.rename(target)
    elif not exchange(staging, target):
        target.rename(previous)
        staging.rename(target)
        shutil.rmtree(previous, ignore_errors=True)
    with suppress(OSError):  # the new results stand by now
        _sync(target.parent)


def _mark(staging: Path) -> None:
    """Write down which files are ours, so that the next run knows what it may replace."""
    marker = staging / MARKER_FILE
    content = json.loads(marker.read_text(encoding="utf-8")) if marker.exists() else {}
    files = {str(p.relative_to(staging).as_posix()) for p in staging.rglob("*") if p.is_file()}
    content |= {"format": RESULTS_FORMAT, "files": sorted(files | {MARKER_FILE})}
    marker.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def _take_over(target: Path, staging: Path) -> None:
    """Bring files that somebody else put among the last results over into the new ones."""
    ours = set(listed_files(target) or ())
    for item in target.rglob("*"):
        name = item.relative_to(target)
        copy = staging / name
        if item.is_dir() or name.as_posix() in ours or copy.exists() or _is_dead_part(item):
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(item, copy, follow_symlinks=False)
        except OSError:
            shutil.copy2(item, copy, follow_symlinks=False)


def _sync(path: Path) -> None:
    """Ask for the bytes to be on the disk before the names change; a system that cannot is left alone.

    A disk that says only now that it is full or broken is heard: the last results must not make room for those bytes.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno in _LOST_ERRORS:
            raise


def exchange(one: Path, other: Path) -> bool:
    """Let two paths change places in one step; False where the system or the file system cannot."""
    call = _exchange_call()
    return call is not None and call(os.fsencode(one), os.fsencode(other)) == 0


def _exchange_call() -> Callable[[bytes, bytes], int] | None:
    """Return the system's call: RENAME_EXCHANGE is 2 on Linux, RENAME_SWAP is 2 on macOS."""
    if sys.platform == "win32":
        return None
    libc = ctypes.CDLL(None)
    if sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        return lambda a, b: int(libc.renamex_np(a, b, ctypes.c_uint(2)))
    here = ctypes.c_int(-100)  # AT_FDCWD: the paths are absolute
    if hasattr(libc, "renameat2"):
        return lambda a, b: int(libc.renameat2(here, a, here, b, ctypes.c_uint(2)))
    return None
