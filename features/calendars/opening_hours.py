"""Opening hours and holidays as people write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

from ..errors import InputError, did_you_mean

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HOURS = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*[-–]\s*(\d{1,2})(?::(\d{2}))?")
_MINUTES_PER_DAY = 1440

DayIntervals = tuple[tuple[int, int], ...]


def parse_opening_hours(text: Mapping[str, Sequence[str]]) -> tuple[DayIntervals, ...]:
    """Return for each weekday from Monday the opening intervals in minutes after midnight.

    Raises
    ------
    InputError
        If a day or an interval cannot be read, or no day is ever open.

    Examples
    --------
    >>> parse_opening_hours({"mon-fri": ["09:00-17:30"], "sat": ["22:00-06:00"]})[4:]
    (((540, 1050),), ((1320, 1800),), ())
    """
    week: list[list[tuple[int, int]]] = [[] for _ in WEEKDAYS]
    for days, intervals in text.items():
        listed = [intervals] if isinstance(intervals, str) else intervals
        parsed = [_interval(i, days) for i in listed]
        for day in _days(days):
            week[day] += parsed
    if not any(week):
        hint = 'such as { mon-fri = ["09:00-17:00"] }'
        raise InputError("the calendar is never open", column="open", wanted="at least one day with hours", hint=hint)
    return tuple(tuple(_merged(day)) for day in week)


def check_opening_hours(week: Sequence[DayIntervals]) -> None:
    """Refuse weekly hours that are never open, run backwards, begin on another day or overlap.

    Raises
    ------
    InputError
        Names the day and the interval.

    Examples
    --------
    >>> check_opening_hours(parse_opening_hours({"mon-fri": ["09:00-17:30"]}))
    >>> check_opening_hours((((1050, 540),), *[()] * 6))
    Traceback (most recent call last):
    deskcast.features.errors.InputError: column 'hours.mon': ... run backwards ...; got (1050, 540)...
    """
    if len(week) != len(WEEKDAYS) or not any(week):
        problem = "the calendar is never open" if len(week) == len(WEEKDAYS) else "a week has seven days"
        raise InputError(problem, column="hours", got=len(week), wanted="hours for at least one of seven days")
    for name, day in zip(WEEKDAYS, week, strict=True):
        reached = 0
        for start, end in day:
            wanted = "minutes after midnight, in order, the end at most on the next day"
            if not 0 <= start < end <= 2 * _MINUTES_PER_DAY or start >= _MINUTES_PER_DAY:
                problem = "these hours run backwards or over more than a night"
                raise InputError(problem, column=f"hours.{name}", got=(start, end), wanted=wanted)
            if start < reached:
                raise InputError("these hours overlap", column=f"hours.{name}", got=(start, end), wanted=wanted)
            reached = end


def format_opening_hours(week: Sequence[DayIntervals]) -> str:
    """Say weekly hours in words.

    >>> format_opening_hours(parse_opening_hours({"mon-fri": ["09:00-17:30"], "sat": ["22:00-06:00"]}))
    'mon-fri 09:00-17:30; sat 22:00-06:00'
    """
    said: list[str] = []
    first = 0
    for day in range(1, len(week) + 1):
        if day < len(week) and week[day] == week[first]:
            continue
        if week[first]:
            name = WEEKDAYS[first] if day - first == 1 else f"{WEEKDAYS[first]}-{WEEKDAYS[day - 1]}"
            said.append(f"{name} {', '.join(f'{_clock(a)}-{_clock(b)}' for a, b in week[first])}")
        first = day
    return "; ".join(said)


def parse_holidays(text: str | Sequence[str]) -> tuple[tuple[str, ...], frozenset[date]]:
    """Split holidays into countries and dates, and check both.

    Raises
    ------
    InputError
        If a country or its part is not known to the ``holidays`` package, or a date does not exist.

    Examples
    --------
    >>> parse_holidays(["pt-20", "2026-12-24"])
    (('PT-20',), frozenset({datetime.date(2026, 12, 24)}))
    """
    items = text.split(",") if isinstance(text, str) else [str(t) for t in text]
    named = [item.strip() for item in items if item.strip()]
    dates = frozenset(_date(item) for item in named if item[0].isdigit())
    countries = tuple(dict.fromkeys(item.upper() for item in named if not item[0].isdigit()))
    for country in countries:
        find_public_holidays(country, 2024, 2024)
    return countries, dates


def find_public_holidays(country: str, first: int, last: int) -> frozenset[date]:
    """Return the public holidays of a country, or of a part of it, from one year to another (both included).

    >>> date(2024, 4, 25) in find_public_holidays("PT", 2024, 2024)
    True
    """
    from holidays import country_holidays, list_supported_countries

    code, _, part = country.partition("-")
    try:
        return frozenset(country_holidays(code, subdiv=part or None, years=range(first, last + 1)))
    except (NotImplementedError, KeyError) as error:
        known = list_supported_countries()
        if code in known:
            hint = did_you_mean(part, sorted(known[code])) if known[code] else "it has no parts"
            raise InputError("this country has no such part", column="holidays", got=country, hint=hint) from error
        hint = "a code such as 'PT' or 'US', or dates such as '2026-12-24'"
        raise InputError("there are no holidays of this country", column="holidays", got=country, hint=hint) from error


def _days(text: str) -> list[int]:
    found: list[int] = []
    for part in text.lower().split(","):
        ends = [_day(name, text) for name in re.split(r"[-–]", part.strip())]
        if len(ends) > 2:
            raise InputError("these days cannot be read", column="open", got=text, wanted="'mon-fri', 'sat', 'mon,wed'")
        length = (ends[-1] - ends[0]) % 7 + 1
        found += [(ends[0] + i) % 7 for i in range(length)]
    return sorted(set(found))


def _day(name: str, text: str) -> int:
    short = name.strip()
    if len(short) >= 3:
        for number, full in enumerate(_WEEKDAY_NAMES):
            if full.startswith(short):
                return number
    raise InputError("unknown day", column="open", got=text, wanted=f"one of {', '.join(WEEKDAYS)}, a range or a list")


def _interval(text: object, days: str) -> tuple[int, int]:
    match = _HOURS.fullmatch(str(text).strip())
    wanted = "hours such as '09:00-17:30', or '22:00-06:00' over midnight"
    if match is None:
        raise InputError("these hours cannot be read", column=f"open.{days}", got=text, wanted=wanted)
    numbers = [int(g or 0) for g in match.groups()]
    start, end = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
    if numbers[1] > 59 or numbers[3] > 59 or start >= _MINUTES_PER_DAY or end > _MINUTES_PER_DAY:
        raise InputError("there is no such time of day", column=f"open.{days}", got=text, wanted=wanted)
    if start == end:
        hint = "write '00:00-24:00' for a whole day"
        raise InputError("these hours begin where they end", column=f"open.{days}", got=text, hint=hint)
    return (start, end) if end > start else (start, end + _MINUTES_PER_DAY)


def _merged(intervals: list[tuple[int, int]]) -> DayIntervals:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _clock(minutes: int) -> str:
    hours = minutes // 60 - (24 if minutes > _MINUTES_PER_DAY else 0)
    return f"{hours:02d}:{minutes % 60:02d}"


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise InputError(
            "this is not a date", column="holidays", got=text, wanted="a date such as '2026-12-24'"
        ) from error
