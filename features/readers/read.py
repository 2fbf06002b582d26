"""A file as it stands: CSV, JSON (plain or compressed) or Parquet to a frame, with what was recognised on the way."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import InputError
from .json_files import is_json, read_json
from .line_ends import unify_line_ends

#: Delimiters that are tried, the most usual first.
DELIMITERS = (",", ";", "\t", "|")
_DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_COMPRESSION_SIGNATURES = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "zst",
}
_BYTE_ORDER_MARKS = (
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_SAMPLE_BYTES = 1 << 18


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
        The lists of a JSON file by name, as an incremental export with its side-loads has them.
    """

    frame: pd.DataFrame
    encoding: str = ""
    delimiter: str = ""
    compression: str = ""
    notes: tuple[str, ...] = ()
    lists: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def read_raw(path: str | Path, encoding: str | None = None, delimiter: str | None = None) -> RawFile:
    """Read a CSV, JSON or Parquet file as it stands, every value of a CSV or JSON file as text.

    Parameters
    ----------
    path
        The file; gzip, bz2, xz, zip and zst are unpacked, whatever the name says.
    encoding, delimiter
        Stated ones win; otherwise they are recognised.

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
    data, compression = _unpacked(content, file)
    text, found = _decoded(data, encoding, file.name)
    if not text.strip():
        raise InputError("the file is empty", where=file.name, wanted="a table with a header row")
    if delimiter is None and is_json(text):
        return _json(text, found, compression, file.name)
    text, ended = unify_line_ends(text, file.name)
    mark = _delimiter(text, delimiter, file.name)
    frame, names = _parse(text, mark, file.name)
    notes = [*names, *ended]
    if found not in ("utf-8", "utf-8-sig"):
        notes.append(f"{file.name}: the text is {found}" + ("" if encoding else ", as recognised from the bytes"))
    if mark != ",":
        notes.append(f"{file.name}: the columns are divided by a {_DELIMITER_NAMES.get(mark, repr(mark))}")
    return RawFile(frame, found, mark, compression, tuple(notes))


def _json(text: str, encoding: str, compression: str, where: str) -> RawFile:
    lists = read_json(text, where)
    chosen = max(lists, key=lambda name: len(lists[name]))
    others = [n for n in lists if n != chosen]
    notes = (f"{where}: the list {chosen!r} was read; it also has {', '.join(others)}",) if others else ()
    return RawFile(lists[chosen], encoding, "", compression, notes, lists)


def _content(file: Path) -> bytes:
    if file.is_dir():
        raise InputError("this is a folder", where=str(file), wanted="a CSV, JSON or Parquet file")
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        near = [p.name for p in sorted(file.parent.glob("*"))[:5]] if file.parent.is_dir() else []
        hint = f"in that folder: {', '.join(near)}" if near else "the folder is missing too, or empty"
        raise InputError("there is no such file", where=str(file), hint=hint) from error
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror or error}", where=str(file)) from error
    if not content:
        raise InputError("the file is empty", where=file.name, wanted="a table with a header row")
    return content


def _unpacked(content: bytes, file: Path) -> tuple[bytes, str]:
    kind = next((name for mark, name in _COMPRESSION_SIGNATURES.items() if content.startswith(mark)), "")
    try:
        if kind == "gzip":
            return gzip.decompress(content), kind
        if kind == "bz2":
            return bz2.decompress(content), kind
        if kind == "xz":
            return lzma.decompress(content), kind
        if kind == "zst":
            return _unpack_zst(content), kind
        if kind == "zip":
            return _unpack_zip(content, file.name), kind
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the {kind} file is damaged or cut short: {error}", where=file.name) from error
    return content, ""


def _unpack_zst(content: bytes) -> bytes:
    import pyarrow as pa

    with pa.input_stream(pa.py_buffer(content), compression="zstd") as stream:
        unpacked: bytes = stream.read()
    return unpacked


def _unpack_zip(content: bytes, where: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [n for n in archive.namelist() if not n.endswith("/") and not n.startswith("__MACOSX")]
        if any(n.startswith(("xl/", "word/", "content.xml")) for n in names):
            raise InputError("this is a spreadsheet, not a CSV file", where=where, hint="save the sheet as CSV UTF-8")
        if len(names) != 1:
            listed = ", ".join(names[:5]) or "nothing"
            raise InputError("the archive must hold one file", where=where, got=listed, hint="unpack it and name one")
        return _zip_member(archive, names[0], where)


def _zip_member(archive: zipfile.ZipFile, name: str, where: str) -> bytes:
    """Unpack one file of an archive; a password or a method that Python lacks is named."""
    try:
        return archive.read(name)
    except NotImplementedError as error:
        method = archive.getinfo(name).compress_type
        hint = "unpack it, or pack it as a usual ZIP"
        raise InputError(
            "the archive is packed by a method that cannot be read", where=where, got=f"method {method}", hint=hint
        ) from error
    except RuntimeError as error:  # zipfile has no error of its own for it
        raise InputError("the archive needs a password", where=where, got=name, hint="unpack it first") from error


def _parquet(file: Path) -> RawFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"the Parquet file is damaged: {error}", where=file.name) from error
    _check_names(list(table.column_names), file.name)
    whole = {
        pa.int8(): pd.Int64Dtype(), pa.int16(): pd.Int64Dtype(), pa.int32(): pd.Int64Dtype(),
        pa.int64(): pd.Int64Dtype(), pa.uint8(): pd.Int64Dtype(), pa.uint16(): pd.Int64Dtype(),
        pa.uint32(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype(),
    }  # fmt: skip
    frame: pd.DataFrame = table.to_pandas(types_mapper=whole.get, ignore_metadata=True)
    for name in frame.columns:
        if str(frame[name].dtype) in ("object", "category"):
            frame[name] = frame[name].astype("str").where(frame[name].notna())
    frame = frame.drop(columns=[c for c in frame.columns if str(c).startswith("__index_level_")])
    if frame.empty:
        raise InputError("the file has columns but no rows", where=file.name)
    return RawFile(frame)


def _decoded(data: bytes, encoding: str | None, where: str) -> tuple[str, str]:
    if encoding:
        try:
            return data.decode(encoding).lstrip("\ufeff"), encoding
        except LookupError as error:
            raise InputError("there is no such encoding", where=where, column="encoding", got=encoding) from error
        except UnicodeError as error:
            raise InputError(
                f"the text is not {encoding}: {error}", where=where, hint="leave the encoding out, it is recognised"
            ) from error
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _strict(data, name, where), name
    if b"\x00" in data[:_SAMPLE_BYTES]:
        name = _detect_utf16(data)
        if not name:
            raise InputError("this is a binary file, not a table", where=where, wanted="a CSV or Parquet file")
        return _strict(data, name, where), name
    _refuse_binary(data, where)
    for name in ("utf-8", "cp1252"):
        try:
            return data.decode(name), name
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1"), "latin-1"


def _strict(data: bytes, encoding: str, where: str) -> str:
    try:
        return data.decode(encoding).lstrip("\ufeff")
    except UnicodeError as error:
        raise InputError(f"the file begins as {encoding} but is not: {error}", where=where) from error


def _detect_utf16(data: bytes) -> str:
    """Recognise UTF-16 without a mark: in table text nearly every second byte is zero."""
    head = data[: _SAMPLE_BYTES // 2 * 2]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = max(1, len(head) // 2)
    if len(data) % 2:
        return ""
    if odd > 0.7 * half and even < 0.05 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.7 * half and odd < 0.05 * half else ""


def _refuse_binary(data: bytes, where: str) -> None:
    head = data[:_SAMPLE_BYTES]
    strange = sum(head.count(bytes([b])) for b in range(32) if b not in (9, 10, 12, 13))
    if strange > 0.005 * len(head) or head.startswith((b"%PDF", b"\x89PNG", b"\xd0\xcf\x11\xe0")):
        raise InputError("this is a binary file, not a table", where=where, wanted="a CSV or Parquet file")


def _delimiter(text: str, stated: str | None, where: str) -> str:
    found = _sniffed(text)
    if stated is None:
        return found or ","
    if len(stated) != 1:
        raise InputError("a delimiter is one character", where=where, column="delimiter", got=stated)
    first = next(csv.reader(io.StringIO(text[:_SAMPLE_BYTES]), delimiter=stated))
    if len(first) == 1 and found:
        name = _DELIMITER_NAMES[found]
        raise InputError(
            "the stated delimiter leaves a single column",
            where=where,
            column="delimiter",
            got=stated,
            hint=f"the header is divided by a {name}; leave the delimiter out, it is recognised",
        )
    return stated


def _sniffed(text: str) -> str:
    """Return the delimiter by which most of the first records agree with the header, or nothing for one column."""
    sample = text[:_SAMPLE_BYTES]
    if len(text) > _SAMPLE_BYTES:
        sample = sample[: sample.rfind("\n") + 1] or sample
    best: tuple[float, int, str] = (0.0, 1, "")
    for mark in DELIMITERS:
        try:
            rows = [r for _, r in zip(range(200), csv.reader(io.StringIO(sample), delimiter=mark), strict=False) if r]
        except csv.Error:
            continue
        width = len(rows[0]) if rows else 1
        if width > 1:
            agree = sum(len(r) == width for r in rows) / len(rows)
            best = max(best, (round(agree, 1), width, mark), key=lambda b: b[:2])
    return best[2]


def _parse(text: str, delimiter: str, where: str) -> tuple[pd.DataFrame, list[str]]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as pacsv

    lines = csv.reader(io.StringIO(text), delimiter=delimiter)
    header = next((r for r in lines if any(c.strip() for c in r)), [])
    names = [" ".join(name.split()) for name in header]
    blank = [i for i, name in enumerate(names, 1) if not name]
    names = [name or f"column {i}" for i, name in enumerate(names, 1)]
    names, twice = _number_repeated_names(names)
    if next((r for r in lines if r), None) is None:
        raise InputError("the file has a header but no rows", where=where, got=", ".join(names[:8]))
    try:
        table = pacsv.read_csv(
            pa.BufferReader(text.encode()),
            read_options=pacsv.ReadOptions(
                column_names=names, skip_rows=_header_lines(text, delimiter), block_size=1 << 24
            ),
            parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values='"' in text),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise _ragged(text, delimiter, len(names), where, error) from error
    trimmed = pa.table({n: pc.utf8_trim_whitespace(table[n]) for n in names})
    frame = trimmed.to_pandas()
    said = [f"{where}: column {i} has no name and is called 'column {i}'" for i in blank]
    said += [
        f"{where}: several columns are called {n!r}; the first keeps the name, the others get a number" for n in twice
    ]
    data = [n for n in names if re.fullmatch(r"\d[\d\s:./T-]*", n)]
    if len(data) >= max(1, len(names) // 2):
        said.append(
            f"{where}: the first line looks like data ({data[0]!r}) but is taken as the header; add a header row"
        )
    return frame.astype("str"), said


def _header_lines(text: str, delimiter: str) -> int:
    """Count the lines down to the end of the header, which blank lines may precede and quoted names may break."""
    lines = csv.reader(io.StringIO(text), delimiter=delimiter)
    next((r for r in lines if any(c.strip() for c in r)), None)
    return lines.line_num


def _number_repeated_names(names: list[str]) -> tuple[list[str], list[str]]:
    """Number the repeats of a column name, as exports with one column a label or comment have them.

    >>> _number_repeated_names(["key", "labels", "labels", "labels"])
    (['key', 'labels', 'labels 2', 'labels 3'], ['labels'])
    """
    own: list[str] = []
    for name in names:
        number, free = 2, name
        while free in own or (free != name and free in names):
            free, number = f"{name} {number}", number + 1
        own.append(free)
    return own, sorted({n for n in names if names.count(n) > 1})


def _check_names(names: list[str], where: str) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise InputError(
            "the column name stands more than once in the header",
            where=where,
            column=twice[0],
            got=", ".join(twice),
            hint="give each column its own name",
        )


def _ragged(text: str, delimiter: str, width: int, where: str, error: Any) -> InputError:
    """Find the first record of another width, and say on which line of the file it stands."""
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    for number, record in enumerate(r for r in reader if r):
        if number and len(record) != width:
            return InputError(
                f"line {reader.line_num:,} has {len(record)} values and the header has {width}",
                where=where,
                row=number,
                got=delimiter.join(record)[:80],
                hint="quote values that hold the delimiter, or mend the line",
            )
    return InputError(f"the rows cannot be told apart: {error}", where=where, hint="look for an open quotation mark")
