"""Which code page the bytes of a text are in: the one under which its words are words of a language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

from .letter_pairs import FREQUENT_SIGNS, LETTER_PAIRS

_WESTERN = ("German", "French", "Spanish", "Portuguese", "Italian", "Dutch", "Danish", "Norwegian", "Swedish",
            "Finnish", "Catalan", "Icelandic")  # fmt: skip
_CENTRAL = ("Polish", "Czech", "Slovak", "Hungarian", "Romanian", "Slovenian", "Croatian")
_CYRILLIC = ("Russian", "Ukrainian", "Bulgarian", "Macedonian")
#: Code page -> the languages that are written in it, the likeliest of several that give one text first.
CODE_PAGES = {
    "cp1252": _WESTERN, "cp1250": _CENTRAL, "cp1251": _CYRILLIC, "cp1253": ("Greek",), "cp1254": ("Turkish",),
    "cp1257": ("Lithuanian", "Latvian"), "cp932": ("Japanese",), "gb18030": ("Chinese",),
    "cp950": ("traditional Chinese",), "cp949": ("Korean",), "euc_jp": ("Japanese",), "cp1255": ("Hebrew",),
    "cp1256": ("Arabic",), "iso8859_2": _CENTRAL, "iso8859_5": _CYRILLIC, "iso8859_7": ("Greek",),
    "koi8_u": _CYRILLIC, "cp866": _CYRILLIC, "mac_roman": _WESTERN, "cp850": _WESTERN, "cp852": _CENTRAL,
}  # fmt: skip
_WIDE = frozenset({"cp932", "gb18030", "cp950", "cp949", "euc_jp"})
#: What a word of another language than the rest costs more, as a share of its bytes: names are from everywhere.
_FOREIGN = 0.3
#: What a code page costs before it explains anything, in bytes: most files are of a Western desk, few of an old system.
_COST_OF_OTHER, _COST_OF_OLD, _SHARE_OF_OTHER = 0.3, 0.45, 0.02
_OLD = frozenset({"iso8859_2", "iso8859_5", "iso8859_7", "koi8_u", "cp866", "mac_roman", "cp850", "cp852", "euc_jp"})
#: A code page that leaves more of the bytes beyond ASCII unexplained is none that the text is in; signs are many.
_MAX_UNEXPLAINED, _MAX_UNEXPLAINED_SIGNS = 0.5, 0.65
#: A Western reading that leaves no more unexplained is not doubted.
_USUAL_UNEXPLAINED = 0.12
#: By how many bytes the best must lead where two readings differ: so many, and a share of the bytes that differ.
_MIN_LEAD, _MIN_LEAD_SHARE = 0.8, 0.12
#: One letter beyond ASCII in all stays Western, as it was read before, unless another is so many bytes better.
_MIN_LEAD_OF_ONE = 0.3
#: Windows of a large text that are looked at, the bytes of each, and the words that are judged.
_WINDOWS, _WINDOW_BYTES, _MAX_WORDS = 16, 1 << 15, 600
#: Bytes beyond ASCII for each that a code page may lack: a damaged one does not rule out the right one.
_BYTES_PER_DAMAGE = 200
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
#: After these a byte beyond ASCII begins a sign in every code page.
_BEGIN_OF_WORD = re.compile(rb"[\t\n\r ,;:\"=][\x80-\xff]")
_CONTROLS = re.compile("[\x80-\x9f]")
#: Letters and signs in a row; wide punctuation divides words.
_WORD = re.compile("(?:[A-Za-z]|[^\x00-\x7f\xa0\u3000-\u3004\u3008-\u303f\uff01-\uff20\uff3b-\uff40])+")
#: Latin letters beside those of another script, and frames of DOS: no word of any language has them.
_NO_WORD = re.compile("[A-Za-z][\u0370-\u1dff]|[\u0370-\u1dff][A-Za-z]|[\u2500-\u259f]")
_APOSTROPHE = re.compile("(?<=\\w)\u2019")
#: Signs that may touch a word and are no part of it.
_BEFORE = "«»‹›„‚“”‘–—…•·°±×÷µ\xad"
_AFTER = _BEFORE + "®™©ªº"
_UNITS = frozenset({"", "m", "cm", "mm", "dm", "km", "nm", "ft", "in", "yd"})
_ALONE = frozenset("€£¥¤¢§¶®™©¬¦¨¯´¸¿¡ªº¼½¾\ufffd")


@dataclass(frozen=True)
class CodePage:
    """A code page, and how well it explains the words of a text.

    Attributes
    ----------
    encoding, language
        Its name, and the language of most words under it.
    cost
        Bytes beyond ASCII that make no letters of a language.
    words
        The words as it reads them.
    rivals
        Code pages that explain them about as well and read them as other words.
    """

    encoding: str
    language: str
    cost: float
    words: tuple[str, ...]
    rivals: tuple[CodePage, ...] = ()

    @property
    def size(self) -> int:
        """Return the bytes beyond ASCII of its words."""
        return sum(_size(word, self.encoding) for word in self.words)


def find_code_page(sample: bytes) -> CodePage | None:
    """Return the code page that lines of a text are in, with its rivals; nothing where none explains them.

    >>> page = find_code_page("Średni;Wysoki;Pilność;Zgłoszenie".encode("cp1250"))
    >>> page.encoding, page.language, page.rivals
    ('cp1250', 'Polish', ())
    >>> find_code_page("Größe;François".encode("cp1252")).encoding
    'cp1252'
    """
    fits = sorted((f for name in CODE_PAGES if (f := _fit(sample, name)) is not None), key=_full_cost)
    western = next((f for f in fits if f.encoding == "cp1252"), None)
    best = next((f for f in fits if _explains(f)), western)
    if best is not None and western is not None and _tells_little(best, western):
        best = western
    if best is None or (best is western and best.cost <= _USUAL_UNEXPLAINED * best.size):
        return best
    return replace(best, rivals=tuple(f for f in fits if f is not best and _is_rival(f, best)))


def _tells_little(best: CodePage, western: CodePage) -> bool:
    """Return whether all that speaks for a code page is one letter, alone or in a word that may as well be Western."""
    alone = all(len(word) == 1 for word in best.words)
    close = _explains(western) and _full_cost(western) - _full_cost(best) < _MIN_LEAD_OF_ONE
    return best.size <= 1 and (alone or close)


def _explains(fit: CodePage) -> bool:
    """Return whether a code page leaves little enough unexplained to be taken at all."""
    return fit.cost <= (_MAX_UNEXPLAINED_SIGNS if fit.encoding in _WIDE else _MAX_UNEXPLAINED) * fit.size


def _full_cost(fit: CodePage) -> float:
    if fit.encoding == "cp1252":
        return fit.cost
    return fit.cost + (_COST_OF_OLD if fit.encoding in _OLD else _COST_OF_OTHER) + _SHARE_OF_OTHER * fit.size


def _is_rival(other: CodePage, best: CodePage) -> bool:
    """Return whether another code page explains the words about as well as the best, and as other words."""
    if not _explains(other):
        return False
    differ = set(best.words) - set(other.words)
    lead = _MIN_LEAD + _MIN_LEAD_SHARE * sum(_size(w, best.encoding) for w in differ)
    lead *= 0.5 if best.encoding == "cp1252" else 2 if _WIDE & {best.encoding, other.encoding} else 1
    return bool(differ) and _full_cost(other) - _full_cost(best) < lead


def sample_lines(data: bytes) -> bytes:
    """Return lines with bytes beyond ASCII, from the whole length of a text but of a bounded size.

    >>> sample_lines(b"id;team\\n1;S\\xf8r\\n2;B\\n")
    b'1;S\\xf8r\\n'
    """
    taken: list[bytes] = []
    begin = 0
    for i in range(_WINDOWS):
        begin = max(begin, len(data) * i // _WINDOWS)
        found = _NOT_ASCII.search(data, begin)
        if found is None:
            break
        first = max(data.rfind(b"\n", 0, found.start()), data.rfind(b"\r", 0, found.start())) + 1
        if found.start() - first > _WINDOW_BYTES // 4:  # one long line: begin at a word, never inside a sign
            word = _BEGIN_OF_WORD.search(data, found.start())
            first = word.end() - 1 if word else found.start()
        window = data[first : first + _WINDOW_BYTES]
        begin = first + _WINDOW_BYTES
        if begin < len(data):
            window = window[: max(map(window.rfind, (b"\n", b"\r"))) + 1] or window[: window.rfind(b" ")]
        taken += [line for line in window.splitlines(keepends=True) if not line.isascii()]
    return b"".join(dict.fromkeys(taken))


def _fit(sample: bytes, encoding: str) -> CodePage | None:
    """Return how well a code page explains a text, or nothing where the text cannot be in it."""
    text = sample.decode(encoding, errors="replace")
    damaged = text.count("\ufffd")
    beyond = len(sample) - len(sample.decode("ascii", errors="ignore"))
    if damaged > beyond // _BYTES_PER_DAMAGE or _CONTROLS.search(text):
        return None
    words = tuple(dict.fromkeys(word for line in text.splitlines() for word in _words(line)))[:_MAX_WORDS]
    sizes = [_size(word, encoding) for word in words]
    count_odd = _share_of_odd_signs if encoding in _WIDE else _share_of_odd_pairs
    own = CODE_PAGES[encoding]
    languages = (*own, *_WESTERN) if own == _CENTRAL else own
    costs = {
        language: [size * count_odd(word, language) for word, size in zip(words, sizes, strict=True)]
        for language in languages
    }
    foreign = [min(each) + _FOREIGN * size for *each, size in zip(*costs.values(), sizes, strict=True)]
    total = {language: sum(map(min, cost, foreign)) for language, cost in costs.items()}
    best = min(total, key=lambda language: total[language])
    return CodePage(encoding, best, total[best] + damaged, words)


def _words(line: str) -> Iterator[str]:
    """Give the words with letters beyond ASCII, without the signs around them."""
    for found in _WORD.finditer(_APOSTROPHE.sub(" ", line)):
        word = found.group().lstrip(_BEFORE).rstrip(_AFTER)
        if word[:1] in "¿¡" and ("?" in line or "!" in line):
            word = word[1:]
        if word.rstrip("¹²³").lower() in _UNITS or set(word) <= _ALONE or word.isascii():
            continue
        yield word


def _size(word: str, encoding: str) -> int:
    return sum(1 for c in word if not c.isascii()) * (2 if encoding in _WIDE else 1)


def _share_of_odd_pairs(word: str, language: str) -> float:
    """Return the share of a word's pairs of letters that the language has not."""
    if _NO_WORD.search(word):
        return 1.0
    known = _pairs_of(language)
    odd = seen = 0
    for a, b in pairwise(f"_{word}_"):
        if a.isascii() and b.isascii():
            continue
        if a.islower() and b.isupper():
            return 1.0
        seen += 1
        odd += a.lower()[0] + b.lower()[0] not in known
    return odd / seen


def _share_of_odd_signs(word: str, language: str) -> float:
    """Return the share of a word's signs that are not among the frequent ones of the language."""
    known = _signs_of(language)
    signs = [c for c in word if not c.isascii()]
    return sum(c not in known for c in signs) / len(signs)


@cache
def _pairs_of(language: str) -> frozenset[str]:
    text = LETTER_PAIRS[language]
    return frozenset(text[i : i + 2] for i in range(0, len(text), 2))


@cache
def _signs_of(language: str) -> frozenset[str]:
    return frozenset(FREQUENT_SIGNS[language])
