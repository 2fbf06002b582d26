"""Breaks of a contract as a configuration writes them."""

from __future__ import annotations

import re

from ...features.durations import parse_duration
from ...features.errors import InputError
from ...forecasting.scheduling.breaks import BreakRule

_BREAK = re.compile(r"(?P<length>.+?)(?P<paid> paid)? from (?P<begin>.+?)(?: to (?P<end>.+))?", re.IGNORECASE)


def parse_break(text: str, where: str | None = None) -> BreakRule:
    """Return a break such as ``30min from 3h to 5h``: its length, and between which times after the begin it starts.

    >>> parse_break("15min paid from 1h to 2h30min")
    BreakRule(length_s=900.0, earliest_s=3600.0, latest_s=9000.0, paid=True)
    >>> parse_break("at noon")
    Traceback (most recent call last):
    deskcast.features.errors.InputError: column 'breaks': not a valid break; got 'at noon', expected text such as \
'30min from 3h to 5h' or '15min paid from 2h'
    """
    found = _BREAK.fullmatch(" ".join(str(text).split()))
    wanted = "text such as '30min from 3h to 5h' or '15min paid from 2h'"
    if not found:
        raise InputError(
            "not a valid break", where=where, column="breaks", got=text, wanted=wanted, code="setting.invalid"
        )
    ends = found["begin"] if found["end"] is None else found["end"]
    length, begin, end = (
        parse_duration(part, where=where, column="breaks") for part in (found["length"], found["begin"], ends)
    )
    if not 0 < length <= 86400 or end < begin:
        raise InputError(
            "not a valid break", where=where, column="breaks", got=text, wanted=wanted, code="setting.invalid"
        )
    return BreakRule(length, begin, end, found["paid"] is not None)
