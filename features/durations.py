"""Durations as people write them: a number with a unit."""

from __future__ import annotations

import re

from .errors import InputError

_SECONDS = {"s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 604800}
#: No clock of a desk runs longer, and no date that a longer one leads to could be told.
MAX_DURATION_YEARS = 100
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)")


def parse_duration(text: object, *, where: str | None = None, column: str | None = None) -> float:
    """Return the seconds of a duration such as ``20s``, ``3min``, ``1h30min`` or ``2d``.

    >>> parse_duration("20s"), parse_duration("1h30min"), parse_duration("2 d")
    (20.0, 5400.0, 172800.0)
    >>> parse_duration(20)
    Traceback (most recent call last):
    deskcast.features.errors.InputError: a duration needs a unit; got 20, expected text such as '20s', '3min', '6h' or '2d'
    """  # noqa: E501 - the message is one line by design
    wanted = "text such as '20s', '3min', '6h' or '2d'"
    if not isinstance(text, str):
        raise InputError(
            "a duration needs a unit", where=where, column=column, got=text, wanted=wanted, code="duration.unreadable"
        )
    parts = _PART.findall(text.strip().lower())
    if not parts or _PART.sub("", text.strip().lower()).strip() or any(u not in _SECONDS for _, u in parts):
        raise InputError(
            "not a valid duration", where=where, column=column, got=text, wanted=wanted, code="duration.unreadable"
        )
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if seconds > MAX_DURATION_YEARS * 366 * 86400:
        most = f"at most {MAX_DURATION_YEARS} years"
        raise InputError(
            "duration is too long",
            where=where,
            column=column,
            got=text[:40],
            wanted=most,
            code="duration.unreadable",
        )
    return float(seconds)


def format_duration(seconds: float) -> str:
    """Format a duration in its two largest units.

    >>> format_duration(42), format_duration(5400), format_duration(93600), format_duration(-60)
    ('42 s', '1 h 30 min', '1 d 2 h', '-1 min')
    """
    if seconds <= -0.5:
        return "-" + format_duration(-seconds)
    units = [("d", 86400), ("h", 3600), ("min", 60), ("s", 1)]
    rest = round(abs(seconds))
    words: list[str] = []
    for name, size in units:
        if rest >= size and len(words) < 2:
            words.append(f"{rest // size} {name}")
            rest %= size
        elif words:
            break
    return " ".join(words) or "0 s"
