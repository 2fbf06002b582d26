"""A file as it stands: CSV, JSON (plain or compressed) or Parquet to a frame, with what was recognised on the way."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..errors import InputError
from .decoding import decode_text
from .json_files import is_json, read_json
from .text_tables import parse_text

_COMPRESSION_SIGNATURES = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "zst",
}


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


def read_raw(
    path: str | Path, encoding: str | None = None, delimiter: str | None = None, header: bool | None = None
) -> RawFile:
    """Read a CSV, JSON or Parquet file as it stands, every value of a CSV or JSON file as text.

    Parameters
    ----------
    path
        The file; gzip, bz2, xz, zip and zst are unpacked, whatever the name says.
    encoding, delimiter
        Stated ones win; otherwise they are recognised.
    header
        Whether the first full row names the columns; recognised where it is not given.

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
    text, found = decode_text(data, encoding, file.name)
    if not text.strip():
        raise InputError("the file is empty", where=file.name, wanted="a table with a header row")
    if delimiter is None and is_json(text):
        return _json(text, found, compression, file.name)
    frame, mark, notes = parse_text(text, delimiter, file.name, header)
    if found not in ("utf-8", "utf-8-sig"):
        notes.append(f"{file.name}: the text is {found}" + ("" if encoding else ", as recognised from the bytes"))
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
    except (RuntimeError, NotImplementedError) as error:  # a password, or a method that is not known here
        raise InputError(
            f"the {kind} file cannot be unpacked: {error}",
            where=file.name,
            hint="unpack it by hand, and name the file in it",
        ) from error
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
        return archive.read(names[0])


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
