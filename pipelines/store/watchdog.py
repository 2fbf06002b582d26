"""Clean up behind a killed writer: waits for its end, then removes what it left half-written.

This file is run as a script by :mod:`deskcast.pipelines.store.atomic_replace`, in a session of its own and with the
standard library alone, so that it starts in milliseconds and survives what killed its parent. It ends with its parent.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path


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


if __name__ == "__main__":
    while sys.stdin.buffer.read(1):
        pass
    sweep(*(Path(argument) for argument in sys.argv[1:4]))
