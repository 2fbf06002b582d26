"""Compressed files by their first bytes: gzip, bz2, xz, zip, zst."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib

from ..errors import InputError

_COMPRESSION_SIGNATURES = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "zst",
}


def is_workbook(content: bytes) -> bool:
    """Return whether bytes are a workbook: a ZIP with sheets in it, or the old form of Office.

    >>> is_workbook(b"PK, nothing"), is_workbook(bytes.fromhex("d0cf11e0a1b11ae1"))
    (False, True)
    """
    if content.startswith((b"\xd0\xcf\x11\xe0", b"\x09\x08\x10\x00", b"\x09\x08\x08\x00")):
        return True
    if not content.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return False
    return any(n.startswith("xl/") for n in names) or {"content.xml", "mimetype"} <= set(names)


def unpack(content: bytes, where: str) -> tuple[bytes, str]:
    """Return the bytes of a compressed file and how it was packed, whatever its name says.

    Raises
    ------
    InputError
        If it is damaged, locked, packed by an unknown method, or an archive of several files.

    Examples
    --------
    >>> unpack(gzip.compress(b"id"), "t.csv")
    (b'id', 'gzip')
    """
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
            return _unpack_zip(content, where), kind
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"the {kind} file is damaged or cut short: {error}", where=where, code="file.damaged"
        ) from error
    return content, ""


def _unpack_zst(content: bytes) -> bytes:
    import pyarrow as pa

    with pa.input_stream(pa.py_buffer(content), compression="zstd") as stream:
        unpacked: bytes = stream.read()
    return unpacked


def _unpack_zip(content: bytes, where: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [n for n in archive.namelist() if not n.endswith("/") and not n.startswith("__MACOSX")]
        if len(names) != 1:
            listed = ", ".join(names[:5]) or "nothing"
            raise InputError(
                "the archive must hold one file",
                where=where,
                got=listed,
                hint="unpack it and name one",
                code="file.damaged",
            )
        return _zip_member(archive, names[0], where)


def _zip_member(archive: zipfile.ZipFile, name: str, where: str) -> bytes:
    """Unpack one file of an archive; a password or a method that Python lacks is named."""
    try:
        return archive.read(name)
    except NotImplementedError as error:
        method = archive.getinfo(name).compress_type
        hint = "unpack it, or pack it as a usual ZIP"
        raise InputError(
            "the archive is packed by a method that cannot be read",
            where=where,
            got=f"method {method}",
            hint=hint,
            code="file.damaged",
        ) from error
    except RuntimeError as error:  # zipfile has no error of its own for it
        raise InputError(
            "the archive needs a password", where=where, got=name, hint="unpack it first", code="file.locked"
        ) from error
