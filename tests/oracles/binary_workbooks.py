"""The least that an XLS and an XLSB file can be: one sheet of texts and numbers, written byte by byte.

XLS is a stream of BIFF8 records in a compound file (MS-XLS, MS-CFB); XLSB is a ZIP of records (MS-XLSB).
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence

Rows = Sequence[Sequence[str | float]]
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_SECTOR = 512


def write_xls(rows: Rows, name: str = "Report") -> bytes:
    """Return a workbook of Excel 97 with one sheet."""
    sheet = _record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 6))
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if isinstance(value, str):
                text = value.encode("utf-16-le")
                sheet += _record(0x204, struct.pack("<HHHHB", r, c, 0, len(value), 1) + text)
            else:
                sheet += _record(0x203, struct.pack("<HHHd", r, c, 0, value))
    sheet += _record(0x0A, b"")
    title = name.encode("utf-16-le")
    head = _record(0x809, struct.pack("<HHHHII", 0x600, 0x05, 0, 0, 0, 6)) + _record(0x42, struct.pack("<H", 1200))
    place = len(head) + 4 + 8 + len(title) + 4
    head += _record(0x85, struct.pack("<IBBBB", place, 0, 0, len(name), 1) + title) + _record(0x0A, b"")
    return _compound_file("Workbook", head + sheet)


def _record(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def _compound_file(name: str, stream: bytes) -> bytes:
    stream = stream.ljust(8 * _SECTOR, b"\0")  # a shorter stream would lie in small sectors
    stream = stream.ljust(-(-len(stream) // _SECTOR) * _SECTOR, b"\0")
    count = len(stream) // _SECTOR
    fat = [_FAT, _END, *range(3, 2 + count), _END]
    if len(fat) > _SECTOR // 4:
        raise ValueError("the file is too large for one sector of its table")
    fat += [_FREE] * (_SECTOR // 4 - len(fat))
    head = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(16)
    head += struct.pack("<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, _END, 0, _END, 0)
    head += struct.pack("<109I", 0, *[_FREE] * 108)
    entries = (
        _entry("Root Entry", 5, 1, _END, 0) + _entry(name, 2, _FREE, 2, len(stream)) + 2 * _entry("", 0, _FREE, 0, 0)
    )
    return head + struct.pack(f"<{len(fat)}I", *fat) + entries + stream


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    title = (name + "\0").encode("utf-16-le") if name else b""
    body = title.ljust(64, b"\0") + struct.pack("<HBBIII", len(title), kind, 1, _FREE, _FREE, child)
    return body + bytes(16 + 4 + 8 + 8) + struct.pack("<IQ", start, size)


def write_xlsb(rows: Rows, name: str = "Report") -> bytes:
    """Return a binary workbook of Excel 2007 with one sheet."""
    width = max(map(len, rows))
    sheet = _part(0x81, b"") + _part(0x94, struct.pack("<4I", 0, len(rows) - 1, 0, width - 1)) + _part(0x91, b"")
    for r, row in enumerate(rows):
        sheet += _part(0x00, struct.pack("<I", r) + bytes(13))
        for c, value in enumerate(row):
            place = struct.pack("<II", c, 0)
            sheet += (
                _part(0x06, place + _wide(value))
                if isinstance(value, str)
                else _part(0x05, place + struct.pack("<d", value))
            )
    sheet += _part(0x92, b"") + _part(0x82, b"")
    book = _part(0x83, b"") + _part(0x8F, b"") + _part(0x9C, struct.pack("<II", 0, 1) + _wide("rId1") + _wide(name))
    book += _part(0x90, b"") + _part(0x84, b"")
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
    relations = (
        '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{kind}" Target="worksheets/sheet1.bin"/></Relationships>'
    )
    types = '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", types)
        archive.writestr("xl/_rels/workbook.bin.rels", relations)
        archive.writestr("xl/workbook.bin", book)
        archive.writestr("xl/worksheets/sheet1.bin", sheet)
    return out.getvalue()


def _part(kind: int, body: bytes) -> bytes:
    return _sevens(kind) + _sevens(len(body)) + body


def _sevens(number: int) -> bytes:
    """Write a number in groups of seven bits, the lowest first."""
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")
