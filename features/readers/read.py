"""A file as it stands: CSV, JSON, a workbook, Parquet or a database file to a frame, with what was recognised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from ..errors import InputError, Listed, NoRowsError, did_you_mean
from .arrow_frames import frame_from_arrow
from .database_files import find_database_kind, read_database_file
from .decoding import decode_text
from .headerless import read_headerless
from .json_files import is_json, read_json
from .line_ends import unify_line_ends
from .markup_tables import is_markup, read_markup
from .text_tables import parse_text
from .unpacking import is_workbook, unpack
from .workbooks import read_workbook


@dataclass(frozen=True)
class RawFile:
    """A file as it stands.

    Attributes
    ----------
    frame
        Columns of trimmed text from CSV and JSON; from Parquet each column keeps its type. Of several lists in one
        JSON file it is the longest.
    encoding, delimiter, compression
        What was found or stated; empty where it does not apply.
    notes
        What a reader should know, such as an encoding that is not UTF-8.
    lists
        The lists of a JSON file by name, as an incremental export with its side-loads has them; the sheets of a
        workbook, and the tables of a database file. ``list_notes`` is what a reader should know of each.
    container
        What holds them: ``JSON``, ``workbook``, ``table of markup``, ``sqlite`` or ``duckdb``.
    doubt
        Where the words fit several encodings about equally: each, the one that was taken first, with some words as it
        reads them.
    """

    frame: pd.DataFrame
    encoding: str = ""
    delimiter: str = ""
    compression: str = ""
    notes: tuple[str, ...] = ()
    lists: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    list_notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    container: str = ""
    doubt: tuple[tuple[str, str], ...] = ()


def read_raw(
    path: str | Path,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    sheet: str | Sequence[str] | None = None,
) -> RawFile:
    """Read a file as it stands, every value of a text, a workbook or JSON as text.

    Parameters
    ----------
    path
        The file; gzip, bz2, xz, zip and zst are unpacked, whatever the name says.
    encoding, delimiter
        Stated ones win; otherwise they are recognised.
    header
        Whether the first full row names the columns; recognised where it is not given.
    sheet
        Of a workbook or a database file the sheet or table, or several of one form; without it the one that looks most
        like a log of cases.

    Raises
    ------
    InputError
        If the file is missing, a folder, empty, only a header, no table, or has ragged rows.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> file = Path(tempfile.mkdtemp()) / "cases.csv"
    >>> _ = file.write_bytes("id;opened\\n1;2024-03-01 09:00\\n".encode("utf-16"))
    >>> raw = read_raw(file)
    >>> raw.encoding, raw.delimiter, raw.frame.to_dict("records")
    ('utf-16', ';', [{'id': '1', 'opened': '2024-03-01 09:00'}])
    """
    file = Path(path)
    content = _content(file)
    if content[:4] == b"PAR1":
        return _parquet(file)
    if kind := find_database_kind(content[:16]):
        one = sheet if sheet is None or isinstance(sheet, str) else sheet[0] if len(sheet) == 1 else None
        tables = read_database_file(file, kind, one)
        return _one_of(tables, {}, sheet, file.name, RawFile(pd.DataFrame(), container=kind))
    data, compression = unpack(content, file.name) if not is_workbook(content) else (content, "")
    if is_workbook(data):
        sheets, said = read_workbook(data, file.name, header)
        return _one_of(sheets, said, sheet, file.name, RawFile(pd.DataFrame(), container="workbook"))
    decoded = decode_text(data, encoding, file.name)
    text, found = decoded.text, decoded.encoding
    if not text.strip():
        raise InputError("the file is empty", where=file.name, wanted="a table with a header row", code="file.empty")
    plain = RawFile(pd.DataFrame(), found, "", compression, decoded.notes, doubt=decoded.doubt)
    if delimiter is None and is_json(text):
        lists = read_json(text, file.name)
        return _one_of(lists, {}, sheet, file.name, replace(plain, container="JSON"))
    if delimiter is None and is_markup(text):
        sheets, said = read_markup(text, file.name, header)
        return _one_of(sheets, said, sheet, file.name, replace(plain, container="table of markup"))
    known = read_headerless(text) if delimiter is None and not header else None
    if known is not None:
        note = f"{file.name}: there is no header; it is read as a {known[1]}"
        mark = "|" if "queue" in known[1] else ","
        return replace(plain, frame=known[0], delimiter=mark, notes=(note, *decoded.notes))
    text, ended = unify_line_ends(text, file.name)
    frame, mark, notes = parse_text(text, delimiter, file.name, header)
    return replace(plain, frame=frame, delimiter=mark, notes=(*notes, *ended, *decoded.notes))


def _one_of(
    lists: Mapping[str, pd.DataFrame],
    said: Mapping[str, Sequence[str]],
    sheet: str | Sequence[str] | None,
    where: str,
    raw: RawFile,
) -> RawFile:
    """Return the list, sheet or table that is asked for, or the longest; and say what else there is."""
    asked = [sheet] if isinstance(sheet, str) else list(sheet or ())
    for name in (n for n in asked if n not in lists):
        hint = did_you_mean(name, tuple(lists))
        raise InputError(
            "unknown sheet or table",
            where=where,
            column="sheet",
            got=name,
            hint=hint,
            code="table.unknown",
        )
    chosen = asked or [max(lists, key=lambda name: len(lists[name]))]
    others = [n for n in lists if n not in chosen]
    word = {"JSON": "list", "workbook": "sheet", "table of markup": "table"}.get(raw.container, "table")
    notes = [*raw.notes, *(n for name in chosen for n in said.get(name, ()))]
    if others:
        read = f"the {word} {chosen[0]!r} was" if len(chosen) == 1 else f"the {word}s {', '.join(chosen)} were"
        notes.append(f"{where}: {read} read; it also has {', '.join(others)}")
    if len(chosen) > 1:
        notes.append(f"{where}: {len(chosen)} {word}s of one form are one table: {', '.join(chosen)}")
    return replace(
        raw, frame=join_sheets({n: lists[n] for n in chosen}), notes=tuple(notes), lists=lists,
        list_notes={n: tuple(v) for n, v in said.items()},
    )  # fmt: skip


#: Column that says of which sheet a row is, where several are one table.
SHEET_COLUMN = "sheet"


def join_sheets(sheets: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Put sheets of one form together; a further column says of which sheet a row is.

    >>> join_sheets({"May": pd.DataFrame({"id": ["1"]}), "June": pd.DataFrame({"id": ["2"]})}).to_dict("list")
    {'id': ['1', '2'], 'sheet': ['May', 'June']}
    """
    if len(sheets) == 1:
        return next(iter(sheets.values()))
    parts = [f if SHEET_COLUMN in f else f.assign(**{SHEET_COLUMN: name}) for name, f in sheets.items()]
    return pd.concat(parts, ignore_index=True)


def _content(file: Path) -> bytes:
    if file.is_dir():
        raise InputError(
            "this is a folder", where=str(file), wanted="a CSV, JSON, Excel or Parquet file", code="file.kind"
        )
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        near = [p.name for p in sorted(file.parent.glob("*"))[:5]] if file.parent.is_dir() else []
        hint = f"in that folder: {', '.join(near)}" if near else "the folder is missing too, or empty"
        raise InputError("missing file", where=str(file), hint=hint, code="file.missing") from error
    except OSError as error:
        raise InputError(
            f"the file cannot be read: {error.strerror or error}", where=str(file), code="file.unreadable"
        ) from error
    if not content:
        raise InputError("the file is empty", where=file.name, wanted="a table with a header row", code="file.empty")
    return content


def _parquet(file: Path) -> RawFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"the Parquet file is damaged: {error}", where=file.name, code="file.damaged") from error
    _check_names(list(table.column_names), file.name)
    frame = frame_from_arrow(table)
    if frame.empty:
        raise NoRowsError("the file has columns but no rows", where=file.name, code="file.empty")
    return RawFile(frame)


def _check_names(names: list[str], where: str) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise InputError(
            "duplicate column name in the header",
            where=where,
            column=twice[0],
            got=Listed(twice),
            hint="give each column its own name",
            code="column.doubled",
        )
