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
#: Dates with hours of their own, in order.
SpecialHours = tuple[tuple[date, DayIntervals], ...]
#: What may follow a date that was read as an instant.
_MIDNIGHT = re.compile(r"T?00:00(:00(\.0+)?)?(Z|\+00:00)?")


def parse_opening_hours(text: Mapping[str, Sequence[str]]) -> tuple[DayIntervals, ...]:
    """Return for each weekday from Monday the opening intervals in minutes after midnight.

    Where several keys name a day, the one that names the fewest days holds: ``tue`` goes before ``mon-fri``.

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
    parsed = {
        days: [_interval(i, f"open.{days}") for i in (listed if isinstance(listed, (list, tuple)) else [listed])]
        for days, listed in text.items()
    }
    for day, keys in enumerate(_find_keys_of_days(text)):
        for key in keys[0] if keys else ():
            week[day] += parsed[key]
    if not any(week):
        hint = 'such as { mon-fri = ["09:00-17:00"] }'
        raise InputError(
            "missing opening hours: the calendar is never open",
            column="open",
            wanted="at least one day with hours",
            hint=hint,
            code="calendar.unreadable",
        )
    return tuple(tuple(_merged(day)) for day in week)


def find_overridden_hours(text: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the days on which hours go before those of a wider key.

    >>> find_overridden_hours({"mon-fri": ["08:00-18:00"], "tue": ["10:00-11:00"]})
    ["on tue the hours of 'tue' hold, not those of 'mon-fri'"]
    """
    said = []
    for name, keys in zip(WEEKDAYS, _find_keys_of_days(text), strict=True):
        if len(keys) > 1:
            wider = [key for part in keys[1:] for key in part]
            holds, others = (" and ".join(f"'{key}'" for key in part) for part in (keys[0], wider))
            said.append(f"on {name} the hours of {holds} hold, not those of {others}")
    return said


def _find_keys_of_days(text: Mapping[str, Sequence[str]]) -> list[list[list[str]]]:
    """Return for each weekday the keys that name it, those with the fewest days first, equally wide ones together."""
    width = {key: len(_days(key)) for key in text}
    named = [[key for key in text if day in _days(key)] for day in range(len(WEEKDAYS))]
    return [[[k for k in keys if width[k] == w] for w in sorted({width[k] for k in keys})] for keys in named]


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
        problem = (
            "missing opening hours: the calendar is never open"
            if len(week) == len(WEEKDAYS)
            else "a week has seven days"
        )
        raise InputError(
            problem,
            column="hours",
            got=len(week),
            wanted="hours for at least one of seven days",
            code="calendar.unreadable",
        )
    for name, day in zip(WEEKDAYS, week, strict=True):
        reached = 0
        for start, end in day:
            wanted = "minutes after midnight, in order, the end at most on the next day"
            if not 0 <= start < end <= 2 * _MINUTES_PER_DAY or start >= _MINUTES_PER_DAY:
                problem = "these hours run backwards or over more than a night"
                raise InputError(
                    problem, column=f"hours.{name}", got=(start, end), wanted=wanted, code="calendar.unreadable"
                )
            if start < reached:
                raise InputError(
                    "these hours overlap", column=f"hours.{name}", got=(start, end), wanted=wanted, code="time.order"
                )
            reached = end


def format_opening_hours(week: Sequence[DayIntervals]) -> str:
    """Format weekly hours.

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
            said.append(f"{name} {format_intervals(week[first])}")
        first = day
    return "; ".join(said)


def format_intervals(intervals: DayIntervals) -> str:
    """Format the hours of one day.

    >>> format_intervals(((540, 780), (840, 1080)))
    '09:00-13:00, 14:00-18:00'
    """
    return ", ".join(f"{_clock(a)}-{_clock(b)}" for a, b in intervals)


def parse_holidays(text: str | Sequence[str]) -> tuple[tuple[str, ...], frozenset[date], SpecialHours]:
    """Split holidays into countries, dates that are closed, and dates with hours of their own, and check all.

    Raises
    ------
    InputError
        If a country or its part is not known to the ``holidays`` package, a date does not exist, or its hours cannot
        be read.

    Examples
    --------
    >>> parse_holidays(["pt-20", "2026-12-24"])
    (('PT-20',), frozenset({datetime.date(2026, 12, 24)}), ())
    >>> parse_holidays("2026-12-24 09:00-13:00, 2026-12-25")[2]
    ((datetime.date(2026, 12, 24), ((540, 780),)),)
    """
    items = text.split(",") if isinstance(text, str) else [str(t) for t in text]
    named = [item.strip() for item in items if item.strip()]
    closed: set[date] = set()
    special: dict[date, list[tuple[int, int]]] = {}
    for item in (item for item in named if item[0].isdigit()):
        day, hours = _date(item), item[10:].strip()
        if not hours or _MIDNIGHT.fullmatch(hours):
            closed.add(day)
            continue
        special.setdefault(day, []).extend(_interval(part, "holidays") for part in re.split(r"[,;]", hours))
    for day in sorted(closed & set(special)):
        problem = "this date is both closed and open"
        raise InputError(
            problem,
            column="holidays",
            got=str(day),
            hint="name it once, with or without hours",
            code="calendar.unreadable",
        )
    countries = tuple(dict.fromkeys(item.upper() for item in named if not item[0].isdigit()))
    for country in countries:
        find_public_holidays(country, 2024, 2024)
    return countries, frozenset(closed), tuple((day, tuple(_merged(special[day]))) for day in sorted(special))


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
            raise InputError(
                "unknown region of the country", column="holidays", got=country, hint=hint, code="calendar.unreadable"
            ) from error
        hint = "a code such as 'PT' or 'US', or dates such as '2026-12-24'"
        raise InputError(
            "unknown country",
            column="holidays",
            got=country,
            hint=hint,
            code="calendar.unreadable",
        ) from error


def _days(text: str) -> list[int]:
    found: list[int] = []
    for part in text.lower().split(","):
        ends = [_day(name, text) for name in re.split(r"[-–]", part.strip())]
        if len(ends) > 2:
            raise InputError(
                "not valid days",
                column="open",
                got=text,
                wanted="'mon-fri', 'sat', 'mon,wed'",
                code="calendar.unreadable",
            )
        length = (ends[-1] - ends[0]) % 7 + 1
        found += [(ends[0] + i) % 7 for i in range(length)]
    return sorted(set(found))


def _day(name: str, text: str) -> int:
    short = name.strip()
    if len(short) >= 3:
        for number, full in enumerate(_WEEKDAY_NAMES):
            if full.startswith(short):
                return number
    raise InputError(
        "unknown day",
        column="open",
        got=text,
        wanted=f"one of {', '.join(WEEKDAYS)}, a range or a list",
        code="calendar.unreadable",
    )


def _interval(text: object, column: str) -> tuple[int, int]:
    match = _HOURS.fullmatch(str(text).strip())
    wanted = "hours such as '09:00-17:30', or '22:00-06:00' over midnight"
    if match is None:
        raise InputError("not valid hours", column=column, got=text, wanted=wanted, code="calendar.unreadable")
    numbers = [int(g or 0) for g in match.groups()]
    start, end = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
    if numbers[1] > 59 or numbers[3] > 59 or start >= _MINUTES_PER_DAY or end > _MINUTES_PER_DAY:
        raise InputError("not a valid time of day", column=column, got=text, wanted=wanted, code="time.unreadable")
    if start == end:
        hint = "write '00:00-24:00' for a whole day"
        raise InputError("hours must not begin where they end", column=column, got=text, hint=hint, code="time.order")
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
            "not a valid date",
            column="holidays",
            got=text,
            wanted="a date such as '2026-12-24'",
            code="time.unreadable",
        ) from error
