"""Durations in a column, to seconds: as a clock, in words, or as numbers of a unit that the name or the sizes tell."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

import pandas as pd

from .numbers import parse_numbers

#: Units of a column of durations, in seconds.
ELAPSED_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
#: How a column of durations is written: as a clock (1:02:03, 2:03, :45), in words (1 h 2 min), or as a number.
_CLOCK = re.compile(r"-?(?:(?:(\d+)[ .])?(\d+):)?(\d*):(\d{1,2}(?:[.,]\d+)?)")
_WORDS = re.compile(
    r"(\d+(?:[.,]\d+)?)\s*(days?|tage?|jours?|d|hours?|hrs?|std|stunden?|heures?|h|minutes?|minuten?|mins?|m|"
    r"seconds?|sekunden?|secondes?|secs?|sek|s)\b\.?[\s,]*",
    re.IGNORECASE,
)
_NAMED = (
    (r"\b(ms|msec|millis|milliseconds?|millisekunden|duration ms)\b", "ms"),
    (r"\b(s|sec|secs|seconds?|sek|sekunden?|secondes?|segundos?|segs?|secondi)\b", "s"),
    (r"\b(min|mins|minutes?|minuten?|minutos?|minuti|mm)\b", "min"),
    (r"\b(h|hrs?|hours?|std|stunden?|heures?|horas?|ore)\b", "h"),
    (r"\b(days?|tage?n?|jours?|dias?|giorni)\b", "d"),
)


@dataclass(frozen=True)
class Elapsed:
    """Seconds of a column, with what could not be read and how it was written: a unit, ``clock`` or ``words``."""

    seconds: pd.Series[Any]
    bad: pd.Series[Any]
    form: str


def unit_of_name(name: str) -> str:
    """Return the unit that the name of a column states, or nothing.

    >>> [unit_of_name(n) for n in ("AHT (sec)", "durationMs", "Resolution Time (hours)", "Talk Time")]
    ['s', 'ms', 'h', '']
    """
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", bare)
    words = re.sub(r"[^a-z0-9]+", " ", words.lower()).strip()
    words = re.sub(r"\b(after call work|acw|service level|within|in) \d+ (seconds?|secs?|s)\b", "", words)
    return next((unit for pattern, unit in _NAMED if re.search(pattern, words)), "")


def parse_elapsed(values: pd.Series[Any], unit: str = "s") -> Elapsed:
    """Read a column of durations as seconds.

    Parameters
    ----------
    values
        ``h:mm:ss``, ``m:ss`` and ``:ss`` (hours may pass 24; of three parts the first are hours), words such as ``1 h 5
        min``, or numbers of the unit. A time of day of a spreadsheet, such as 00:04:10, is a duration here.
    unit
        Of the numbers: ``ms``, ``s``, ``min``, ``h`` or ``d``.

    Examples
    --------
    >>> import pandas as pd
    >>> parse_elapsed(pd.Series(["1:02:03", "2:03", ":45", "25:00:00", "soon"])).seconds.tolist()
    [3723.0, 123.0, 45.0, 90000.0, nan]
    >>> parse_elapsed(pd.Series(["1 h 5 min", "20 s"])).seconds.tolist(), parse_elapsed(pd.Series(["1.5"]), "min").seconds.tolist()
    ([3900.0, 20.0], [90.0])
    """  # noqa: E501 - the example is one line
    if str(values.dtype).startswith("timedelta64"):
        seconds = values.dt.total_seconds()
        return Elapsed(seconds, values.notna() & seconds.isna(), "clock")
    numbers = parse_numbers(values)
    there = values.notna()
    form = unit
    out = numbers * ELAPSED_UNITS[unit]
    left = there & out.isna()
    if left.any():
        text = values[left].astype("str").str.strip()
        clock = text.map(_of_clock).astype("float64")
        words = text.where(clock.isna()).map(_of_words, na_action="ignore").astype("float64")
        if len(clock.dropna()) or len(words.dropna()):
            form = "clock" if len(clock.dropna()) >= len(words.dropna()) else "words"
        out = out.astype("float64")
        out.loc[left] = clock.fillna(words)
    return Elapsed(out, there & out.isna(), form)


def _of_clock(text: str) -> float:
    found = _CLOCK.fullmatch(re.sub(r"^\d{4}-\d\d-\d\d[T ](?=\d)", "", text))
    if found is None:
        return float("nan")
    days, hours, minutes, seconds = (float((g or "0").replace(",", ".")) for g in found.groups())
    size = 86400 * days + 3600 * hours + 60 * minutes + seconds
    return -size if text.startswith("-") else size


def _of_words(text: str) -> float:
    parts = _WORDS.findall(text)
    if not parts or _WORDS.sub("", text).strip():
        return float("nan")
    sizes = {"d": 86400.0, "t": 86400.0, "j": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
    hour = ("std", "stunde")
    return float(
        sum(
            float(n.replace(",", ".")) * (3600.0 if u.lower().startswith(hour) else sizes[u[0].lower()])
            for n, u in parts
        )
    )
