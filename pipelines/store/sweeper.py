"""What must not outlive this process: files written aside and scratch folders, removed whatever ends the process.

One small process for all of them is started at the first, reads from a pipe what is there and what is gone again,
and removes what is left when the pipe closes: at our end, however that comes (see :mod:`.watchdog`).
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree

from . import watchdog
from .locks import close_handle, register_handle

_TIMEOUT_S = 10.0
_START = threading.Lock()


class _Guard:
    """The process that waits for our end; a forked child has none and starts its own."""

    def __init__(self) -> None:
        command = [sys.executable, "-I", "-S", str(watchdog.__file__), watchdog.SWEEP_FILES]
        reading, self.alive = os.pipe()
        try:
            self.process = subprocess.Popen(
                command,
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # what ends a whole group of processes does not end it too
                cwd="/" if os.name == "posix" else None,
            )
        except BaseException:
            os.close(self.alive)
            raise
        finally:
            os.close(reading)
        register_handle(self.alive)
        self.owner = os.getpid()

    def tell(self, sign: bytes, path: Path) -> None:
        os.write(self.alive, sign + os.fsencode(path) + b"\0")

    def end(self) -> None:
        if self.owner == os.getpid():
            close_handle(self.alive)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_TIMEOUT_S)


_guards: list[_Guard] = []


@contextmanager
def swept(path: Path) -> Iterator[Path]:
    """Let a file or folder go with this process, if it is still there when the process ends.

    Parameters
    ----------
    path
        What the block makes, and removes or renames itself where all goes well.
    """
    whole = Path(path).absolute()
    _tell(b"+", whole)
    try:
        yield path
    finally:
        _tell(b"-", whole)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give an empty folder for files of a moment, gone with the block or with the process.

    >>> with scratch_folder() as folder:
    ...     _ = (folder / "part").write_text("x")
    >>> folder.exists()
    False
    """
    with swept(Path(tempfile.gettempdir()) / f"deskcast-{uuid.uuid4().hex}") as folder:
        try:
            folder.mkdir(mode=0o700)
            yield folder
        finally:
            rmtree(folder, ignore_errors=True)


@contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Let temporary files of libraries lie in a folder while the block lasts: they go with it, whatever ends us.

    >>> with scratch_folder() as folder, temporary_files_in(folder):
    ...     Path(tempfile.mkdtemp()).parent == folder
    True
    """
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def _tell(sign: bytes, path: Path) -> None:
    """Tell the guard; without one, as where no process can be started, the next writer sweeps."""
    with suppress(OSError):
        _guard().tell(sign, path)


def _guard() -> _Guard:
    with _START:
        if not _guards or _guards[-1].owner != os.getpid():
            _guards[:] = [_Guard()]
            atexit.register(_guards[-1].end)
        return _guards[-1]
