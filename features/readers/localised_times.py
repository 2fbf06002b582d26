"""Times in the words of other languages, to English ones: names of months and days, halves of the day, clocks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import pandas as pd

#: Beginnings of the names of months, without accents, in English, German, French, Spanish, Portuguese, Italian, Dutch
#: and Polish. A word is the month whose longest beginning fits.
_MONTH_BEGINNINGS: Mapping[str, tuple[str, ...]] = {
    "Jan": ("jan", "jänn", "janv", "ene", "gen", "sty"),
    "Feb": ("feb", "fev", "fevr", "fbr", "lut"),
    "Mar": ("mar", "marz", "mrz", "maerz", "mars", "mrt", "maart"),
    "Apr": ("apr", "avr", "abr", "kwi"),
    "May": ("may", "mai", "mag", "mei", "maj"),
    "Jun": ("jun", "juin", "giu", "cze"),
    "Jul": ("jul", "juil", "lug", "lip"),
    "Aug": ("aug", "aou", "ago", "sie"),
    "Sep": ("sep", "set", "wrz"),
    "Oct": ("oct", "okt", "out", "ott", "paz"),
    "Nov": ("nov", "lis"),
    "Dec": ("dec", "dez", "dic", "gru"),
}
_MONTHS = {begin: month for month, begins in _MONTH_BEGINNINGS.items() for begin in begins}
#: Whole words that are no month though they begin like one.
_DAYS = re.compile(
    r"^(mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so|lun|mar|mer|mie|jeu|jue|ven|vie|sam|sab|dim|dom|seg|ter|qua|qui|"
    r"sex|gio|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|sonnabend|\w+day|lundi|mardi|mercredi|jeudi|"
    r"vendredi|samedi|dimanche|lunes|martes|miercoles|jueves|viernes|sabado|domingo|segunda|terca|quarta|quinta|sexta|"
    r"lunedi|martedi|mercoledi|giovedi|venerdi|sabato|domenica)(-feira)?$"
)
_FILLERS = {
    "um",
    "uhr",
    "de",
    "del",
    "den",
    "der",
    "am",
    "le",
    "el",
    "em",
    "a",
    "as",
    "alle",
    "ore",
    "at",
    "les",
    "la",
    "las",
}
_HALF = re.compile(r"(?<=\d)\s*(?:([ap])\s?\.?\s?m\b\.?|(vorm|nachm)\.?)", re.IGNORECASE)
_HOUR_SIGN = re.compile(r"\b(\d{1,2})\s?h\s?(\d{2})(?!\d)(?:\s?m(?:in)?\b)?")
_DOTTED_CLOCK = re.compile(
    r"^(\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}-\d{2}-\d{2})[ ,]+(\d{1,2})\.(\d{2})(?:\.(\d{2}))?$"
)
_COMMA_SECONDS = re.compile(r"(\d:\d{2}:\d{2}),(\d{1,6})\b")
#: A date, and the digits of a clock without a sign between them.
_BARE_CLOCK = re.compile(
    r"^(?:(\d{4})(\d{2})(\d{2})|(\d{1,4}[-/.]\d{1,2}[-/.]\d{2,4})) ([01]?\d|2[0-3])([0-5]\d)([0-5]\d)?$"
)
_WORD = re.compile(r"[^\W\d_]+(?:-feira)?\.?")
_ORDINAL = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th|er|\.|º|o|ª)(?=[\s/-]*[A-Z][a-z]{2}\b)")
_ODD_SPACES = dict.fromkeys(map(ord, "\u00a0\u202f\u2009\u200e\u200f"), " ")


def is_foreign_time(text: str) -> bool:
    """Return whether a text has words or signs that plain English times do not have."""
    return translate_time(text) != text


def translate_time(text: str) -> str:
    """Return a time in English words, or the text itself where it holds none that is known.

    >>> [translate_time(t) for t in ("1. März 2023 09:00", "01/03/2023 08:07:00 p. m.", "mié., 3 mayo 2023 9h05")]
    ['1 Mar 2023 09:00', '01/03/2023 08:07:00 PM', '3 May 2023 9:05']
    >>> translate_time("2023-03-01T09:00:00Z"), translate_time("In Bearbeitung")
    ('2023-03-01T09:00:00Z', 'In Bearbeitung')
    """
    if not any(c.isdigit() for c in text) or len(text) > 60:
        return text
    out = text.translate(_ODD_SPACES)
    if bare := _BARE_CLOCK.match(out):
        day = bare[4] or f"{bare[1]}-{bare[2]}-{bare[3]}"
        return f"{day} {bare[5]:0>2}:{bare[6]}" + (f":{bare[7]}" if bare[7] else "")
    out = _HALF.sub(lambda m: " PM" if (m[1] or "").lower() == "p" or (m[2] or "").lower() == "nachm" else " AM", out)
    out = _HOUR_SIGN.sub(r"\1:\2", out)
    out = _COMMA_SECONDS.sub(r"\1.\2", out)
    out = _DOTTED_CLOCK.sub(lambda m: f"{m[1]} {m[2]}:{m[3]}" + (f":{m[4]}" if m[4] else ""), out)
    words = [w for w in _WORD.findall(out) if w not in ("T", "Z", "AM", "PM", "UTC", "GMT")]
    if words:
        out = _WORD.sub(_plain_word, out)
        out = re.sub(r"(?<=\d)(st|nd|rd|th)\b", "", _ORDINAL.sub(r"\1", out))
        out = re.sub(
            r"\b([A-Z][a-z]{2}) (?=\d{1,2} [A-Z][a-z]{2} \d{4})", "", out
        )  # "mar" is Tuesday in half of Europe
        if re.search(r"\b[A-Z][a-z]{2}\b", out):  # a month is a word: what stands between its parts is a blank
            out = re.sub(r"(?<=[A-Za-z])[.,](?= |\d|-|/)|(?<=\d),(?= )", "", out)
    return re.sub(r"\s+", " ", out).strip(" ,.")


def translate_times(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of times in English words; the same column where nothing had to be done."""
    sample = values.dropna().head(50)
    if not sample.map(is_foreign_time).any() and not values.dropna().iloc[-50:].map(is_foreign_time).any():
        return values
    return values.map(translate_time, na_action="ignore")


def _plain_word(found: re.Match[str]) -> str:
    word = found[0]
    if word.rstrip(".") in ("T", "Z", "AM", "PM", "UTC", "GMT"):
        return word
    bare = unicodedata.normalize("NFKD", word.rstrip(".")).encode("ascii", "ignore").decode().lower()
    if bare in _FILLERS:
        return ""
    month = _month(bare)
    if month and not (_DAYS.match(bare) and bare not in _MONTHS):
        return month
    return "" if _DAYS.match(bare) else word


def _month(word: str) -> str:
    """Return the month that a word without accents means, by the longest beginning that fits."""
    if len(word) < 3 or len(word) > 12:
        return ""
    for size in (5, 4, 3):
        if word[:size] in _MONTHS:
            return _MONTHS[word[:size]]
    return ""
