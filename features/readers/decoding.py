"""Bytes to text: the encoding by its mark or by what the bytes can be."""

from __future__ import annotations

from ..errors import InputError

_BYTE_ORDER_MARKS = (
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_OTHER_FILES = (
    (b"%PDF", "a PDF"), (b"\x89PNG", "a picture"), (b"\xff\xd8\xff", "a picture"), (b"GIF8", "a picture"),
    (b"II*\x00", "a picture"), (b"MM\x00*", "a picture"), (b"{\\rtf", "a text of a word processor"),
    (b"7z\xbc\xaf", "a 7z archive"), (b"Rar!", "a RAR archive"), (b"MZ", "a program"), (b"\x7fELF", "a program"),
)  # fmt: skip
_SAMPLE_BYTES = 1 << 18
_UNMARKED = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


def decode_text(data: bytes, encoding: str | None, where: str) -> tuple[str, str]:
    """Return the text of a file and its encoding; a stated one wins.

    Raises
    ------
    InputError
        If the bytes are no text, or not of the stated encoding.

    Examples
    --------
    >>> decode_text("id;Größe\\n".encode("utf-16-le"), None, "t.csv")
    ('id;Größe\\n', 'utf-16-le')
    """
    if encoding:
        try:
            return data.decode(encoding).lstrip("\ufeff"), encoding
        except LookupError as error:
            raise InputError(
                "unknown encoding", where=where, column="encoding", got=encoding, code="text.encoding"
            ) from error
        except UnicodeError as error:
            raise InputError(
                f"the text is not {encoding}: {error}",
                where=where,
                hint="leave the encoding out, it is recognised",
                code="text.encoding",
            ) from error
    _refuse_known_files(data, where)
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _strict(data, name, where), name
    if b"\x00" in data[:_SAMPLE_BYTES]:
        name = _detect_wide(data)
        if not name:
            raise InputError(
                "not a table but a binary file", where=where, got="bytes of 0 that no encoding explains",
                wanted="a CSV, JSON, Excel or Parquet file",
                hint=f"tried {', '.join(_UNMARKED)}; set encoding if it is text",
                code="file.kind",
            )  # fmt: skip
        return _strict(data[: len(data) // _size(name) * _size(name)], name, where), name
    _refuse_binary(data, where)
    for name in ("utf-8", "cp1252"):
        try:
            return data.decode(name), name
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1"), "latin-1"


def _refuse_known_files(data: bytes, where: str) -> None:
    """Refuse what is plainly something else, by name."""
    for mark, name in _OTHER_FILES:
        if data.startswith(mark):
            raise InputError(
                f"not a table but a binary file: {name}",
                where=where,
                wanted="a CSV, JSON, Excel or Parquet file",
                code="file.kind",
            )


def _strict(data: bytes, encoding: str, where: str) -> str:
    try:
        return data.decode(encoding).lstrip("\ufeff")
    except UnicodeError as error:
        raise InputError(
            f"the file begins as {encoding} but is not: {error}", where=where, code="text.encoding"
        ) from error


def _size(encoding: str) -> int:
    return 4 if "32" in encoding else 2


def _detect_wide(data: bytes) -> str:
    """Recognise UTF-16 or UTF-32 without a mark: decoded, nearly all is printable, and it has lines of usual signs."""
    head = data[:_SAMPLE_BYTES]
    best = (0.0, "")
    for name in _UNMARKED:
        try:
            text = head[: len(head) // _size(name) * _size(name)].decode(name)
        except UnicodeDecodeError as error:
            if error.start < len(head) - 4:  # a pair that the sample cuts is no mistake
                continue
            text = head[: error.start].decode(name)
        good = sum(c.isprintable() or c in "\r\n\t" for c in text)
        plain = sum(c in ',;|\t\r\n "' or (c.isascii() and c.isalnum()) for c in text)
        if text and good >= 0.99 * len(text) and plain >= 0.1 * len(text):
            best = max(best, (plain / len(text), name))
    return best[1]


def _refuse_binary(data: bytes, where: str) -> None:
    head = data[:_SAMPLE_BYTES]
    # 28 to 31 are the separators of old machines: some exports divide by them
    strange = sum(head.count(bytes([b])) for b in range(28) if b not in (1, 9, 10, 12, 13))
    if strange > 0.005 * len(head):
        raise InputError(
            "not a table but a binary file",
            where=where,
            wanted="a CSV, JSON, Excel or Parquet file",
            code="file.kind",
        )
