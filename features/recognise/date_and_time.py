"""A date and a time of day that stand apart: which clock belongs to which date."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .roles import ColumnProfile
from .vocabulary import COLUMN_NAME_PATTERNS, is_duration_name, normalise_column_name, score_role_match

_PLAIN = re.compile(r"\b(date|time|datetime|at|on|day|clock|hour|timestamp|dt|of)\b")


def pair_with_clock(columns: Mapping[str, ColumnProfile], date: str, role: str) -> str:
    """Return the column with the time of day for a column of dates, or nothing.

    The two have the same name but for the words date and time (``Open Date``, ``Open Time``). A bare ``Time`` goes
    with the opening, or with the date right before it. How long something took is no time of day.
    """
    clocks = [n for n, p in columns.items() if p.clock and n != date and p.missing < 0.95]
    same = [n for n in clocks if _stem(n) == _stem(date)]
    if same:
        return same[0]
    clocks = [n for n in clocks if not is_duration_name(n)]
    known = role in COLUMN_NAME_PATTERNS
    meant = [n for n in clocks if known and score_role_match(n, role) >= 0.8 and _stem(n)]
    if meant:
        return meant[0]
    names = list(columns)
    plain = [n for n in clocks if not _stem(n)]
    beside = [n for n in plain if names.index(n) == names.index(date) + 1]
    if beside:
        return beside[0]
    return plain[0] if plain and role == "created_at" and not _is_beside_another(columns, plain[0], date) else ""


def _stem(name: str) -> str:
    plain = re.sub(r" \d$", "", name)  # the second of two columns of one name, which is of the second date
    return " ".join(_PLAIN.sub(" ", normalise_column_name(plain)).split())


def _is_beside_another(columns: Mapping[str, ColumnProfile], clock: str, date: str) -> bool:
    names = list(columns)
    before = names[names.index(clock) - 1] if names.index(clock) else ""
    return before != date and before in columns and columns[before].dates
