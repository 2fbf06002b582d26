"""Bytes to text: the encoding by its mark, by what the text declares, or by what the bytes can be."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from ..errors import InputError
from .code_pages import CodePage, find_code_page, sample_lines

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
_CONTROLS = re.compile(rb"[\x80-\x9f]")
_UNMARKED = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


#: A text is UTF-8 although some bytes are not, where so many of its signs beyond ASCII are for each such byte.
_SIGNS_PER_ODD_BYTE = 20
_DECLARED = re.compile(
    rb"""(?:<\?xml[^>]*\sencoding|<meta[^>]*\scharset|<meta[^>]*charset)\s*=\s*["']?([\w.:-]+)""", re.I
)
_SHIFTS_OF_JAPANESE = (b"\x1b$B", b"\x1b$@")
_SHOWN_WORDS = 3


@dataclass(frozen=True)
class Decoded:
    """The text of a file.

    Attributes
    ----------
    text, encoding
        What it says, and how it was encoded.
    notes
        How that is known, where no mark says so, and which bytes do not fit.
    doubt
        Where other encodings fit about as well: each, the chosen one first, with some words as it reads them.
    """

    text: str
    encoding: str
    notes: tuple[str, ...] = ()
    doubt: tuple[tuple[str, str], ...] = ()


def decode_text(data: bytes, encoding: str | None, where: str) -> Decoded:
    """Return the text of a file and its encoding; a stated one wins.

    Raises
    ------
    InputError
        If the bytes are no text, or not of the stated encoding.

    Examples
    --------
    >>> decode_text("id;Größe\\n".encode("utf-16-le"), None, "t.csv").text
    'id;Größe\\n'
    >>> decode_text("Zgłoszenie;Średni;Pilność\\n".encode("cp1250"), None, "t.csv").encoding
    'cp1250'
    """
    if encoding:
        return _stated(data, encoding, where)
    _refuse_known_files(data, where)
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _marked(data, name, where)
    if b"\x00" in data[:_SAMPLE_BYTES]:
        name = _detect_wide(data)
        if not name:
            raise InputError(
                "not a table but a binary file", where=where, got="bytes of 0 that no encoding explains",
                wanted="a CSV, JSON, Excel or Parquet file",
                hint=f"tried {', '.join(_UNMARKED)}; set encoding if it is text",
                code="file.kind",
            )  # fmt: skip
        return _marked(data[: len(data) // _size(name) * _size(name)], name, where)
    if any(shift in data[:_SAMPLE_BYTES] for shift in _SHIFTS_OF_JAPANESE):
        return _recognised(data, "iso2022_jp", "the text is iso2022_jp, by its shifts to Japanese", where)
    if _is_mainframe(data):
        text = data.decode("cp037").replace("\x85", "\n")  # its own sign for the next line
        return Decoded(text, "cp037", (f"{where}: the text is cp037 (EBCDIC), as recognised from the bytes",))
    _refuse_binary(data, where)
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        return _declared(data, where) or _without_mark(data, where)


def _stated(data: bytes, encoding: str, where: str) -> Decoded:
    """Return the text in the encoding that its owner states."""
    try:
        text = data.decode(encoding).lstrip("\ufeff")
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
    said = () if encoding in ("utf-8", "utf-8-sig") else (f"{where}: the text is {encoding}",)
    return Decoded(text, encoding, said)


def _declared(data: bytes, where: str) -> Decoded | None:
    """Return the text in the encoding that a page or an XML file declares, where it is that."""
    found = _DECLARED.search(data[:2048]) if data.lstrip()[:1] == b"<" else None
    if found is None:
        return None
    name = found[1].decode("ascii").lower()
    try:
        return Decoded(data.decode(name), name, (f"{where}: the text is {name}, as it declares",))
    except (LookupError, UnicodeError):
        return None


def _without_mark(data: bytes, where: str) -> Decoded:
    """Return a text that is not UTF-8 in the encoding under which its words are words of a language."""
    sample = sample_lines(data)
    signs = sample.decode("utf-8", errors="replace")
    odd = signs.count("\ufffd")
    if sum(not c.isascii() for c in signs) - odd >= _SIGNS_PER_ODD_BYTE * odd:
        odd = data.decode("utf-8", errors="replace").count("\ufffd")
        notes = _describe_odd(odd, "UTF-8, and read as cp1252", where)
        return Decoded(data.decode("utf-8", errors=_AS_CP1252), "utf-8", notes)
    page = find_code_page(sample)
    if page is None:
        said = f"{where}: the text is latin-1, as recognised from the bytes"
        return Decoded(data.decode("latin-1"), "latin-1", (said,))
    name = page.encoding
    if name == "cp1252" and b"\xa4" in sample and not _CONTROLS.search(sample):
        name = "iso8859_15"  # the sign of currencies is nobody's; there it is the euro
    said = "as recognised from the bytes" if page.encoding == "cp1252" else f"by its words, which are {page.language}"
    out = _recognised(data, name, f"the text is {name}, {said}", where)
    if not page.rivals:
        return out
    doubt = _doubt(page)
    fits = "; ".join(f"{encoding} reads {words}" for encoding, words in doubt)
    note = f"{where}: this is a guess, look at it and set encoding: {fits}"
    return Decoded(out.text, name, (*out.notes, note), doubt)


def _recognised(data: bytes, name: str, said: str, where: str) -> Decoded:
    """Return the text in a recognised encoding; bytes that it has not are counted."""
    text = data.decode(name, errors="replace")
    more = _describe_odd(text.count("\ufffd"), name, where)
    return Decoded(text, name, (f"{where}: {said}", *more))


def _describe_odd(places: int, name: str, where: str) -> tuple[str, ...]:
    """Describe how many places of a text do not fit its encoding."""
    several = f"{places} places of the text are" if places > 1 else "1 place of the text is"
    return (f"{where}: {several} not {name}",) if places else ()


def _doubt(page: CodePage) -> tuple[tuple[str, str], ...]:
    """Return the encodings that fit about equally well, each with words that they read differently."""
    options = (page, *page.rivals[:3])
    differ = [i for i, word in enumerate(page.words) if any(o.words[i : i + 1] != (word,) for o in options[1:])]
    return tuple(
        (o.encoding, ", ".join(o.words[i] for i in differ[:_SHOWN_WORDS] if i < len(o.words))) for o in options
    )


def _decode_as_cp1252(error: UnicodeError) -> tuple[str, int]:
    """Read bytes that are no UTF-8 as those of the usual Western code page."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", errors="replace"), error.end


_AS_CP1252 = "deskcast.cp1252"
codecs.register_error(_AS_CP1252, _decode_as_cp1252)


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


def _marked(data: bytes, encoding: str, where: str) -> Decoded:
    """Return a text whose first bytes, or zeros, say its encoding."""
    said = () if encoding == "utf-8-sig" else (f"{where}: the text is {encoding}, as recognised from the bytes",)
    try:
        return Decoded(data.decode(encoding).lstrip("\ufeff"), encoding, said)
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


def _is_mainframe(data: bytes) -> bool:
    """Return whether a text is EBCDIC, as mainframes write it: most bytes lie beyond ASCII and are plain signs there.

    >>> _is_mainframe("id,opened\\n1,2024-03-01 09:00".encode("cp037")), _is_mainframe("Номер".encode("cp1251"))
    (True, False)
    """
    head = data[:_SAMPLE_BYTES]
    if sum(b >= 0x80 for b in head) < 0.5 * len(head):
        return False
    plain = sum(c.isascii() and (c.isalnum() or c in ' ,;|\t\n-:./"') for c in head.decode("cp037"))
    return plain >= 0.9 * len(head)


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
