"""Clean up behind a killed writer: waits for its end, then removes what it left half-written.

This file is run as a script by :mod:`deskcast.pipelines.store.atomic_replace` and
:mod:`deskcast.pipelines.store.sweeper`, in a session of its own and with the
standard library alone, so that it starts in milliseconds and survives what killed its parent. It ends with its parent.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

#: Word in place of a staging folder: remove single files, which are told on the way.
SWEEP_FILES = "--files"


def restore(folder: Path, previous: Path) -> None:
    """Put the last results back where a writer was caught between two renames, or drop them where it was not."""
    if not previous.is_dir():
        return
    if folder.exists():
        shutil.rmtree(previous, ignore_errors=True)
    else:
        previous.rename(folder)


def sweep(staging: Path, folder: Path, previous: Path) -> None:
    """Remove what a killed writer left, but only while nobody else writes: the lock on the staging folder tells."""
    if not staging.exists() and not previous.exists():
        return
    try:
        import fcntl

        staging.mkdir(exist_ok=True)
        lock = os.open(staging, os.O_RDONLY)
    except (ImportError, OSError):
        return  # the next writer sweeps at its start
    try:
        # The dying writer closes its end of the pipe a moment before its lock.
        for _ in range(200):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.01)
        else:
            return  # another writer has taken over
        if os.path.samestat(os.fstat(lock), staging.stat()):
            restore(folder, previous)
            shutil.rmtree(staging, ignore_errors=True)
    except OSError:
        return  # the next writer sweeps at its start
    finally:
        os.close(lock)


def sweep_files(told: bytes) -> None:
    """Remove the files and folders that were announced (``+path``) and not taken back (``-path``)."""
    left: dict[bytes, None] = {}
    for word in told.split(b"\0")[:-1]:  # behind the last end there may be half a word
        if word[:1] == b"+":
            left[word[1:]] = None
        else:
            left.pop(word[1:], None)
    for name in left:
        path = Path(os.fsdecode(name))
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink(missing_ok=True)


if __name__ == "__main__":
    told = sys.stdin.buffer.read()
    if sys.argv[1] == SWEEP_FILES:
        sweep_files(told)
    else:
        sweep(*(Path(argument) for argument in sys.argv[1:4]))
