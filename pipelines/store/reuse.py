"""What a night leaves for the next one to reuse: arrays in files beside the state, which may be deleted at any time."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from ...features.reuse import Arrays, reuse_from
from ..project.project import Project

#: What no run used in so many nights is removed, and the least used first where all is larger than this.
KEEP_NIGHTS, MAX_BYTES = 10, 256_000_000
#: Days after which a night computes everything, and holds it against what it would have reused.
COMPARE_DAYS = 7
_PACKAGE = Path(__file__).resolve().parents[2]
_LIBRARIES = ("numpy", "scipy", "pandas")
_NAMES = "names of all arrays"


class NightStore:
    """Arrays in one folder, a file a slot, of one version of the code.

    Parameters
    ----------
    folder
        Folder of all versions; others than this one's are removed at the end of a night.
    night
        Instant of the night: by it a comparison is due.
    code
        Digest of all that computes: the package, its libraries, Python, the processor.

    Examples
    --------
    >>> import tempfile
    >>> place, night = Path(tempfile.mkdtemp()) / "reuse", pd.Timestamp("2024-03-01T05:00Z")
    >>> store = NightStore(place, night)
    >>> store.write("evidence-1", {"a": np.arange(3)})
    >>> store.close()
    >>> NightStore(place, night + pd.Timedelta(days=1)).read("evidence-1")["a"].tolist()
    [0, 1, 2]
    """

    def __init__(self, folder: Path, night: pd.Timestamp, code: str = "") -> None:
        self.code = code or digest_code()
        self.root, self.folder, self.night = folder, folder / self.code, night
        self.differences: list[str] = []
        self.lost = ""
        last, self.used, compared = self._read_book()
        self.number = last + 1
        self.compares = not pd.Timedelta(0) <= night - compared < pd.Timedelta(days=COMPARE_DAYS)
        self.compared = night if self.compares else compared

    def read(self, slot: str) -> Arrays | None:
        """Return what stands in a slot; a file that is broken counts as none, in whichever way it is."""
        try:
            with np.load(self._file(slot), allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in arrays.files}
            names = found.pop(_NAMES).tolist()
        except (OSError, ValueError, zipfile.BadZipFile, EOFError, KeyError, RuntimeError):
            return None
        if names != sorted(found):  # its table of contents may have lost one
            return None
        self.used[slot] = self.number
        return found

    def write(self, slot: str, arrays: Arrays) -> None:
        """Put arrays into a slot; where the disk takes no more, this night leaves nothing further."""
        if self.lost:
            return
        aside = self.folder / f".{slot}.{os.getpid()}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with aside.open("wb") as file:
                np.savez(file, allow_pickle=False, **arrays, **{_NAMES: np.array(sorted(arrays))})
            aside.replace(self._file(slot))
        except OSError as error:
            self.lost = error.strerror or str(error)
            with suppress(OSError):
                aside.unlink(missing_ok=True)
            return
        self.used[slot] = self.number

    def report_difference(self, slot: str) -> None:
        """Remember a slot whose reuse would have changed a result."""
        self.differences.append(slot)

    def close(self) -> None:
        """End the night: remove what nobody needs, and all of it where a comparison found a difference."""
        try:
            if self.differences:
                shutil.rmtree(self.root)
                return
            if not self.folder.is_dir():
                return
            self._remove_unused()
            book = {"night": self.number, "used": self.used, "compared": self.compared.isoformat()}
            aside = self.folder / f".book.{os.getpid()}"
            aside.write_text(json.dumps(book), encoding="utf-8")
            aside.replace(self.folder / "book.json")
        except OSError as error:
            self.lost = self.lost or error.strerror or str(error)

    def _file(self, slot: str) -> Path:
        return self.folder / f"{slot}.npz"

    def _read_book(self) -> tuple[int, dict[str, int], pd.Timestamp]:
        """Return the number of the last night, that of each slot's last use, and the instant of the last comparison."""
        try:
            book = json.loads((self.folder / "book.json").read_text(encoding="utf-8"))
            used = {str(slot): int(number) for slot, number in book["used"].items()}
            compared = pd.Timestamp(book["compared"])
            _ = self.night - compared  # both have a time zone
            return int(book["night"]), used, compared
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return 0, {}, self.night

    def _remove_unused(self) -> None:
        for other in self.root.iterdir():
            if other.is_dir() and other != self.folder:
                shutil.rmtree(other)
        files = {path: path.stat().st_size for path in self.folder.iterdir() if path.name != "book.json"}
        size, kept = 0, {}
        for path in sorted(files, key=lambda p: (-self.used.get(p.stem, 0), p.name)):
            last = self.used.get(path.stem, 0)
            size += files[path]
            if path.suffix == ".npz" and last > self.number - KEEP_NIGHTS and size <= MAX_BYTES:
                kept[path.stem] = last
            else:  # what a killed run left beside its slots has no name here either
                path.unlink(missing_ok=True)
        self.used = kept


@contextmanager
def reuse_last_night(project: Project) -> Iterator[NightStore | None]:
    """Let a night reuse what the last one left; a look back computes everything, and leaves nothing."""
    if project.is_look_back:
        yield None
        return
    store = NightStore(find_reuse_folder(project.config.state_place.folder), project.as_of)
    with reuse_from(store):
        yield store
    store.close()


def find_reuse_folder(state: Path) -> Path:
    """Return the folder of what nights reuse, beside the state.

    >>> find_reuse_folder(Path("results-state")).as_posix()
    'results-state/reuse'
    """
    return state / "reuse"


def describe_reuse(store: NightStore | None) -> tuple[str, str]:
    """Return what failed and what is worth a note: a difference that a comparison found, a disk that took no more."""
    if store is None:
        return "", ""
    kinds = ", ".join(sorted({slot.rsplit("-", 1)[0] for slot in store.differences}))
    failed = f"what was reused from earlier nights differs from what is computed now: {kinds}" if kinds else ""
    note = f"nothing was left for the next night to reuse: {store.lost}" if store.lost else ""
    return f"{failed}; it was dropped, and these results are computed anew" if failed else "", note


@cache
def digest_code() -> str:
    """Return a digest of the code of the package, of Python, and of the libraries and the processor that compute.

    On another processor numpy takes other ways, and the last bit of a logarithm may differ.
    """
    processor = [platform.machine(), str(np.show_config(mode="dicts").get("SIMD Extensions"))]
    said = [sys.version, *processor, *(f"{name} {version(name)}" for name in _LIBRARIES)]
    digest = hashlib.sha256("\n".join(said).encode())
    rooms = ("features", "forecasting", "models", "extend", "pipelines")  # not what lies beside them
    for path in sorted(path for room in rooms for path in (_PACKAGE / room).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
