"""A period as people write it: 2026-02, 2026-02-14, 2026-W07, 2026-Q1, 2026-H1."""

from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd

from ..calendars.periods import floor_to_period, parse_period_frequency
from ..errors import InputError

_WANTED = "2026-02, 2026-02-14, 2026-W07, 2026-Q1 or 2026-H1"
_FORMS: tuple[tuple[re.Pattern[str], str, Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"(\d{4})-(\d{2})"), "MS", lambda m: f"{m[1]}-{m[2]}-01"),
    (re.compile(r"(\d{4})-(\d{2})-(\d{2})"), "D", lambda m: m[0]),
    (re.compile(r"(\d{4})-Q([1-4])"), "QS", lambda m: f"{m[1]}-{3 * int(m[2]) - 2:02d}-01"),
    (re.compile(r"(\d{4})-H([12])"), "6MS", lambda m: f"{m[1]}-{6 * int(m[2]) - 5:02d}-01"),
)
_WEEK = re.compile(r"(\d{4})-W(\d{2})")


def parse_period(text: str, freq: str | None = None) -> tuple[pd.Timestamp, str]:
    """Read a period: its start on the desk's clock, and how long it is.

    Parameters
    ----------
    text
        A month ``2026-02``, a day, a week ``2026-W07``, a quarter ``2026-Q1`` or a half-year ``2026-H1``; with ``freq``
        any date or time in the period.
    freq
        Length of the period, where the text does not say it: see
        :func:`deskcast.features.calendars.periods.parse_period_frequency`.

    Raises
    ------
    InputError
        If it is no period.

    Examples
    --------
    >>> parse_period("2026-02")
    (Timestamp('2026-02-01 00:00:00'), 'MS')
    >>> parse_period("2026-W07"), parse_period("2026-02-14", "W")
    ((Timestamp('2026-02-09 00:00:00'), 'W'), (Timestamp('2026-02-09 00:00:00'), 'W'))
    """
    told = str(text).strip()
    start, length = _read(told)
    if start is None or (freq is None and not length):
        raise InputError("not a valid period", column="period", got=text, wanted=_WANTED, code="time.unreadable")
    name = length if freq is None else parse_period_frequency(freq).name
    return floor_to_period(start, name), name


def _read(told: str) -> tuple[pd.Timestamp | None, str]:
    if week := _WEEK.fullmatch(told):
        try:
            return pd.Timestamp.fromisocalendar(int(week[1]), int(week[2]), 1), "W"
        except ValueError:
            return None, ""
    for form, freq, write in _FORMS:
        if found := form.fullmatch(told):
            start = pd.to_datetime(write(found), errors="coerce", format="%Y-%m-%d")
            return (None if pd.isna(start) else start), freq
    start = pd.to_datetime(told, errors="coerce", format="ISO8601")
    return (None, "") if pd.isna(start) or start.tzinfo is not None else (start, "")
