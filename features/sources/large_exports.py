"""CSV files that are too large to be read at once: read in pieces, each written as canonical Parquet.

Each piece is read as a small file of the same form is. What can only be told of the whole file is checked at the end;
where a piece tells otherwise than the others (the order of day and month, the zone of a time, the marks of a number, a
case that comes again in another piece), the file is read at once, as small ones are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ibis
import pandas as pd

from ..case_log.backends import conform_expr
from ..case_log.fetch import fetch
from ..case_log.schema import TABLES, AttributeTiming
from ..errors import InputError
from ..readers.decoding import decode_text
from ..readers.line_ends import unify_line_ends
from ..readers.many_files import expand_path
from ..readers.text_tables import parse_text
from ..readers.timestamps import detect_time_format
from .contacts import is_contact_record
from .due_columns import CASE_DUES
from .spec import LoadedSource, SourceSpec
from .table import CASE_TIMES, SATISFACTION, read_mapped_table
from .tables_in_place import TABLES_IN_PLACE, TableInPlace, comes_twice
from .versions import UPDATED

#: Larger CSV files are read in pieces of so many bytes.
LARGE_BYTES = 256_000_000
PIECE_BYTES = 32_000_000
#: Encodings in which a byte of a line end is one, wherever it stands.
_BYTEWISE = ("utf-8", "utf-8-sig", "ascii", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "latin-1", "iso-8859-1")
#: Columns of cases that are read in the light of all their rows: satisfied is less where others are very satisfied.
_OF_ALL_ROWS = {UPDATED, SATISFACTION, *CASE_DUES}
#: Ways of writing times that every value tells by itself.
_PLAIN_STYLES = ("iso", "stated")


@dataclass
class ExportInPieces:
    """What the pieces of a file gave.

    Attributes
    ----------
    folders
        Canonical table -> folder of its Parquet files, in the order of the pieces.
    rejected, notes, attributes, derived, until
        As of :class:`~deskcast.features.sources.spec.LoadedSource`.
    """

    folders: dict[str, Path] = field(default_factory=dict)
    rejected: list[pd.DataFrame] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    attributes: dict[str, AttributeTiming] = field(default_factory=dict)
    derived: tuple[str, ...] = ()
    until: pd.Timestamp | None = None


def read_in_pieces(
    spec: SourceSpec, folder: Path, into: Path, *, large: int = LARGE_BYTES, size: int = PIECE_BYTES
) -> ExportInPieces | None:
    """Read a large CSV file piece by piece; ``None`` where it is small, or has to be read at once.

    Parameters
    ----------
    spec
        The source.
    folder
        Folder against which a relative path is resolved.
    into
        Where the Parquet files are written.
    large, size
        From how many bytes on a file is read in pieces, and how large those are.

    Examples
    --------
    >>> import tempfile
    >>> home = Path(tempfile.mkdtemp())
    >>> lines = [f"{i},2024-03-{1 + i % 28:02d} 09:00\\n" for i in range(100)]
    >>> _ = (home / "t.csv").write_text("key,opened\\n" + "".join(lines))
    >>> spec = SourceSpec("cases", "t.csv", columns={"case_id": "key", "created_at": "opened"})
    >>> found = read_in_pieces(spec, home, home / "pieces", large=0, size=500)
    >>> len(list(found.folders["cases"].iterdir())), len(pd.read_parquet(found.folders["cases"]))
    (5, 100)
    """
    file = _find_file(spec, folder, large)
    names = spec.columns
    if file is None or not {*TABLES[spec.table].required} <= set(names) or set(names) & _OF_ALL_ROWS or spec.figures:
        return None
    if (spec.table == "events" and "activity" in names) or (spec.table == "contacts" and is_contact_record(names)):
        return None
    try:
        return _read(spec, file, into, size)
    except InputError:  # whoever reads it at once says what is wrong with it as a whole
        return None


def _find_file(spec: SourceSpec, folder: Path, large: int) -> Path | None:
    """Return the one large text file of a source."""
    if spec.kind != "table" or spec.table not in TABLES_IN_PLACE or spec.database or spec.parts or spec.sheet:
        return None
    files = [file for path in spec.list_paths() for file in expand_path(folder / path)]
    if len(files) != 1 or not files[0].is_file() or files[0].stat().st_size <= large:
        return None
    with files[0].open("rb") as stream:
        begin = stream.read(4096)
    is_text = b"\0" not in begin and begin[:4] != b"PAR1" and begin.lstrip()[:1] not in (b"{", b"[", b"<")
    return files[0] if is_text and begin[:2] not in (b"\x1f\x8b", b"PK", b"BZ") else None


def cut_lines(file: Path, size: int) -> Iterator[bytes]:
    """Yield a file in pieces that end with a line; a line end within quotes is none.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "t.csv"
    >>> _ = file.write_bytes(b'a,b\\n1,"x\\ny"\\n2,z\\n')
    >>> list(cut_lines(file, 8))
    [b'a,b\\n', b'1,"x\\ny"\\n2,z\\n']
    """
    with file.open("rb") as stream:
        rest = b""
        while block := stream.read(size):
            rest += block
            end = _last_line_end(rest)
            if end:
                yield rest[:end]
                rest = rest[end:]
        if rest:
            yield rest


def _last_line_end(text: bytes) -> int:
    """Return the place after the last line end before which all quotes are closed; 0 where there is none."""
    end, odd = len(text), text.count(b'"') % 2 == 1
    while (place := text.rfind(b"\n", 0, end)) >= 0:
        odd ^= text.count(b'"', place, end) % 2 == 1
        if not odd:
            return place + 1
        end = place
    return 0


def _read(spec: SourceSpec, file: Path, into: Path, size: int) -> ExportInPieces | None:
    found, rows, mark, head, dates = ExportInPieces(), 0, spec.delimiter, b"", None
    page = spec.encoding
    for number, piece in enumerate(cut_lines(file, size)):
        decoded = decode_text(head + piece, spec.encoding, file.name)
        if decoded.doubt or decoded.encoding.lower() not in _BYTEWISE:
            return None
        if not (head + piece).isascii():
            if (
                page not in (None, decoded.encoding) and not spec.encoding
            ):  # what the whole file is takes more than a piece to tell
                return None
            page = decoded.encoding
            found.notes += [note for note in decoded.notes if note not in found.notes]
        text, ended = unify_line_ends(decoded.text, file.name)
        frame, mark, said = parse_text(text, mark, file.name, spec.header if number == 0 else True)
        if number == 0:
            head, found.notes = _header(piece), [*found.notes, *said, *ended]
            if len(said) > (mark != ","):  # lines above the header, or no header
                return None
        told = _read_styles(spec, frame)
        if told is None or (dates is not None and told != dates) or _has_marked_numbers(spec, frame):
            return None
        dates = told
        part = read_mapped_table(spec if spec.path else replace(spec, path=file.name), frame)
        if not _is_like_the_others(found, part, number):
            return None
        _keep(found, part, number, rows, into)
        rows += len(frame)
    return found


def _header(piece: bytes) -> bytes:
    """Return the first line of a file."""
    return piece[: piece.index(b"\n") + 1] if b"\n" in piece else piece


def _read_styles(spec: SourceSpec, frame: pd.DataFrame) -> Mapping[str, str] | None:
    """Return how each column of times is written; ``None`` where no value tells by itself."""
    kinds = {c.name: c.kind for c in TABLES[spec.table].columns} | dict.fromkeys(CASE_TIMES, "instant")
    styles = {}
    for name, column in spec.columns.items():
        if kinds.get(name) != "instant" or spec.date_format is not None:
            continue
        if column not in frame.columns:
            return None
        values = frame.loc[~frame[column].isin(list(spec.missing)), column].dropna()
        known = detect_time_format(values) if len(values) else None
        if known is not None and known.style not in _PLAIN_STYLES:
            return None
        styles[name] = "iso"
    return styles


def _has_marked_numbers(spec: SourceSpec, frame: pd.DataFrame) -> bool:
    """Return whether a number is written with marks, of which all values of its column tell what they mean."""
    for column in TABLES[spec.table].columns:
        source = spec.columns.get(column.name)
        if column.kind not in ("number", "seconds", "count") or source is None or source not in frame.columns:
            continue
        values = frame.loc[~frame[source].isin(list(spec.missing)), source].dropna()
        odd = values[pd.to_numeric(values, errors="coerce").isna()].astype("str")
        if len(odd) and (column.kind == "count" or bool(odd.str.contains(r"\d", regex=True).any())):
            return True
    return False


def _is_like_the_others(found: ExportInPieces, part: LoadedSource, number: int) -> bool:
    """Return whether a piece was read as those before it: the same tables, and ends known to the day or not."""
    if any("no time of day" in note for note in part.notes) or "due_times" in part.tables:
        return False
    return number == 0 or (set(part.tables) == set(found.folders) and part.attributes == found.attributes)


def _keep(found: ExportInPieces, part: LoadedSource, number: int, rows: int, into: Path) -> None:
    """Write the tables of a piece, and remember what was refused and said."""
    for name, table in part.tables.items():
        place = found.folders.setdefault(name, into / name)
        place.mkdir(parents=True, exist_ok=True)
        if name == "events":
            table = table.assign(_piece=number)
        table.to_parquet(place / f"{number:06d}.parquet", index=False)
    found.rejected.append(part.rejected.assign(row=part.rejected["row"] + rows))
    found.notes += [note for note in part.notes if note not in found.notes]
    found.attributes, found.derived = dict(part.attributes), part.derived
    if part.until is not None:
        found.until = part.until


def bind_pieces(connection: Any, spec: SourceSpec, found: ExportInPieces) -> dict[str, TableInPlace] | None:
    """Return the tables of pieces; ``None`` where a key comes again in another piece.

    Events without a number of their own are numbered anew over all pieces, as those of one file are.
    """
    tables = {}
    for name, folder in found.folders.items():
        rows = connection.read_parquet(str(folder / "*.parquet"))
        if name == "events":
            if name == spec.table and "seq" not in spec.columns:
                order = ibis.window(group_by="case_id", order_by=["at", "_piece", "seq"])
                rows = rows.mutate(seq=ibis.row_number().over(order))
                rows = connection.create_table("events_in_order", rows.drop("_piece"))
            else:
                rows = rows.drop("_piece")
        rows = conform_expr(name, rows)
        key = list(TABLES[name].key)
        if set(key) <= set(rows.columns) and comes_twice(rows, key, int(fetch(rows.agg(n=rows.count()))["n"].iloc[0])):
            return None
        own = found.attributes if name == "cases" else {}
        tables[name] = TableInPlace(rows, own, found.until, tuple(found.notes) if name == spec.table else ())
    return tables
