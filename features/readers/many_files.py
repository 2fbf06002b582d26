"""Several files of one form as one table: a folder, a pattern such as ``exports/*.csv``, or a list of names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from ..errors import InputError, Listed, list_names
from .read import RawFile, read_raw

#: Endings of files that may be tables.
TABLE_SUFFIXES = (
    ".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".gz", ".bz2", ".xz", ".zip", ".zst", ".xlsx",
    ".xls", ".xlsb", ".xlsm", ".ods", ".htm", ".html", ".xml", ".sqlite", ".sqlite3", ".db", ".duckdb",
)  # fmt: skip
_PATTERN = re.compile(r"[*?\[]")
#: Key of ``frame.attrs`` under which the files of a frame stand, each with its number of rows.
FILES = "files"


def is_pattern(path: str | Path) -> bool:
    """Return whether a path stands for several files by ``*``, ``?`` or ``[``.

    >>> is_pattern("exports/*.csv"), is_pattern("cases.csv")
    (True, False)
    """
    return bool(_PATTERN.search(str(path)))


def expand_path(path: Path) -> list[Path]:
    """Return the files that a path, a folder or a pattern means, in the order of their names.

    Raises
    ------
    InputError
        If a pattern fits no file, or a folder has no file that may be a table.
    """
    if path.is_dir():
        return list_table_files(path)
    if not is_pattern(path) or path.exists():
        return [path]
    first = next(i for i, part in enumerate(path.parts) if is_pattern(part))
    root = Path(*path.parts[:first]) if first else Path()
    found = sorted(p for p in root.glob("/".join(path.parts[first:])) if p.is_file() and not p.name.startswith("."))
    if not found:
        there = ", ".join(p.name for p in sorted(root.glob("*"))[:5]) if root.is_dir() else "no such folder"
        raise InputError(
            "missing files: none fits the pattern",
            where=str(path),
            hint=f"in {root or '.'}: {there}",
            code="file.missing",
        )
    return found


def list_table_files(folder: Path) -> list[Path]:
    """Return the files of a folder that may be tables; of a folder of Parquet parts also those in folders below.

    Raises
    ------
    InputError
        If the folder has none.
    """
    files = [p for p in sorted(folder.iterdir()) if p.is_file() and _may_be_table(p)]
    files = files or sorted(p for p in folder.rglob("*.parquet") if not p.name.startswith(("_", ".")))
    if not files:
        raise InputError("the folder has no CSV, JSON, Excel or Parquet file", where=str(folder), code="folder.missing")
    return files


def _may_be_table(file: Path) -> bool:
    return file.suffix.lower() in TABLE_SUFFIXES and not file.name.startswith((".", "~$", "_"))


def read_files(
    files: Sequence[Path],
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    sheet: str | Sequence[str] | None = None,
) -> RawFile:
    """Read files of one form to one frame; ``frame.attrs["files"]`` says which rows are of which file.

    Raises
    ------
    InputError
        If a file cannot be read, or has no column of the first one.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "1.csv").write_text("id,opened\\n1,2024-03-01\\n")
    >>> _ = (folder / "2.csv").write_text("id,opened\\n2,2024-04-01\\n")
    >>> raw = read_files(sorted(folder.iterdir()))
    >>> raw.frame["id"].tolist(), raw.frame.attrs["files"]
    (['1', '2'], (('1.csv', 1), ('2.csv', 1)))
    """
    raws = {f: read_raw(f, encoding, delimiter, header, sheet) for f in files}
    settled = settle_encodings(raws, delimiter, header, sheet)
    return join_files(files, [settled[f] for f in files])


def settle_encodings(
    raws: Mapping[Path, RawFile],
    delimiter: str | None = None,
    header: bool | None = None,
    sheet: str | Sequence[str] | None = None,
) -> dict[Path, RawFile]:
    """Read files whose encoding is in doubt as those beside them whose encoding is clear; ``doubt`` begins with it."""
    clear = {raw.encoding for raw in raws.values() if raw.encoding and not raw.doubt}
    out = dict(raws)
    for file, raw in raws.items():
        fits = [e for e, _ in raw.doubt if e in clear]
        if len(fits) == 1:
            out[file] = read_with(file, raw, fits[0], delimiter, header, sheet)
    return out


def read_with(
    file: Path,
    raw: RawFile,
    encoding: str,
    delimiter: str | None = None,
    header: bool | None = None,
    sheet: str | Sequence[str] | None = None,
) -> RawFile:
    """Read a file whose encoding was in doubt in the one that was decided on; its ``doubt`` begins with that one."""
    words = dict(raw.doubt)
    doubt = ((encoding, words.pop(encoding)), *words.items())
    return replace(read_raw(file, encoding, delimiter, header, sheet), doubt=doubt)


def join_files(files: Sequence[Path], raws: Sequence[RawFile]) -> RawFile:
    """Put files that were read together."""
    if len(raws) == 1:
        return raws[0]
    first = list(raws[0].frame.columns)
    notes = list(dict.fromkeys(n for r in raws for n in r.notes))
    for file, raw in zip(files, raws, strict=True):
        own = list(raw.frame.columns)
        if not set(own) & set(first):
            raise InputError(
                "the files have no column in common", where=file.name, got=Listed(own),
                wanted=list_names(first), hint=f"take it out of the files that go with {files[0].name}",
                code="column.unknown",
            )  # fmt: skip
        other = [c for c in {*own, *first} if (c in own) != (c in first)]
        if other:
            notes.append(
                f"{file.name}: its columns differ from those of {files[0].name} in {', '.join(sorted(other)[:6])}"
            )
    frame = pd.concat([r.frame for r in raws], ignore_index=True)
    frame.attrs[FILES] = tuple((f.name, len(r.frame)) for f, r in zip(files, raws, strict=True))
    names = [f.name for f in files]
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    notes.append(f"{len(files)} files of one form are one table: {shown}")
    same = len({r.encoding for r in raws}) == 1  # one that is stated holds for all of them
    doubt = next((r.doubt for r in raws if r.doubt), ()) if same else ()
    return replace(raws[0], frame=frame, notes=tuple(notes), lists={}, doubt=doubt)


def shorten_to_pattern(files: Sequence[Path]) -> str | None:
    """Return a pattern that fits just these files of one folder, or nothing where there is none.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("t_01.csv", "t_02.csv", "notes.txt"):
    ...     _ = (folder / name).write_text("x")
    >>> Path(shorten_to_pattern([folder / "t_01.csv", folder / "t_02.csv"])).name
    't_0*.csv'
    """
    folders = {f.parent for f in files}
    if len(folders) != 1 or len(files) < 2:
        return None
    folder, names = folders.pop(), [f.name for f in files]
    head, tail = _shared(names), _shared([n[::-1] for n in names])[::-1]
    tail = tail[max(0, len(head) + len(tail) - min(map(len, names))) :]
    for begin in dict.fromkeys((head, re.sub(r"\d+$", "", head), "")):
        pattern = folder / f"{begin}*{tail}"
        if not _PATTERN.search(begin + tail) and set(folder.glob(pattern.name)) == set(files):
            return str(pattern)
    return None


def _shared(names: Sequence[str]) -> str:
    return next((names[0][:i] for i in range(len(min(names, key=len)), 0, -1) if len({n[:i] for n in names}) == 1), "")
