"""The closed days of a calendar as its owner can read them back, and what parts of a country have of their own."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from .business_calendar import BusinessCalendar
from .opening_hours import format_intervals

#: Parts of a country that are named before the rest is only counted.
MAX_PARTS_SHOWN = 3
SPECIAL_DAY_COLUMNS = ("date", "name", "hours")


def list_special_days(calendar: BusinessCalendar, first: date, last: date) -> pd.DataFrame:
    """List the days of a span on which a calendar does not have the hours of their weekday.

    Parameters
    ----------
    calendar
        Whose days.
    first, last
        Both included.

    Returns
    -------
    DataFrame
        ``date``, ``name`` (of the holiday, or ``closed`` or ``special hours``) and ``hours`` (empty where the day is
        closed), by date. Days of the week that are closed anyway are left out.

    Examples
    --------
    >>> office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]}, ["PT", "2024-12-24 09:00-13:00"])
    >>> list_special_days(office, date(2024, 12, 9), date(2024, 12, 31)).to_numpy().tolist()
    [[datetime.date(2024, 12, 24), 'special hours', '09:00-13:00'], [datetime.date(2024, 12, 25), 'Christmas Day', '']]
    """
    names = dict.fromkeys(calendar.closed, "closed")
    for country in calendar.countries:
        names |= name_public_holidays(country, first.year, last.year)
    own = dict(calendar.special)
    found = []
    for day in sorted({*names, *own}):
        if first <= day <= last and (day in own or calendar.hours[day.weekday()]):
            hours = format_intervals(own[day]) if day in own else ""
            found.append((day, "special hours" if day in own else names[day], hours))
    return pd.DataFrame(found, columns=list(SPECIAL_DAY_COLUMNS))


def name_public_holidays(country: str, first: int, last: int) -> dict[date, str]:
    """Return the public holidays of a country or a part of it in some years, with their English names.

    >>> name_public_holidays("GB-ENG", 2024, 2024)[date(2024, 4, 1)]
    'Easter Monday'
    """
    from holidays import country_holidays

    code, _, part = country.partition("-")
    found = country_holidays(code, subdiv=part or None, years=range(first, last + 1), language="en_US")
    return {day: str(name) for day, name in found.items()}


def describe_country_parts(calendar: BusinessCalendar, first: date, last: date) -> list[str]:
    """Report for each country that is named as a whole which of its regions have more holidays in a span.

    Only days on which the calendar would be open count.

    Examples
    --------
    >>> office = BusinessCalendar.from_hours("Europe/London", {"mon-fri": ["09:00-17:00"]}, "GB")
    >>> describe_country_parts(office, date(2024, 4, 1), date(2024, 4, 30))
    ["'GB' has the national holidays only. Regions have more, such as Easter Monday (1 Apr 2024 in ENG, NIR and WLS). \
Name one, such as 'GB-ENG'"]
    """
    from holidays import list_supported_countries

    said = []
    for country in calendar.countries:
        parts = () if "-" in country else list_supported_countries().get(country, ())
        closed = set(calendar.closed).union(
            *(name_public_holidays(c, first.year, last.year) for c in calendar.countries)
        )
        more: dict[tuple[date, str], list[str]] = {}
        for part in parts:
            for day, name in name_public_holidays(f"{country}-{part}", first.year, last.year).items():
                if first <= day <= last and day not in closed and calendar.hours[day.weekday()]:
                    more.setdefault((day, name), []).append(part)
        if more:
            said.append(_describe_parts(country, more))
    return said


def _describe_parts(country: str, more: dict[tuple[date, str], list[str]]) -> str:
    """Name the day that most regions have as an example, and those regions."""
    day, name = max(more, key=lambda key: (len(more[key]), -key[0].toordinal()))
    having = more[day, name]
    others = len(having) - MAX_PARTS_SHOWN
    shown = f"{', '.join(having[:MAX_PARTS_SHOWN])} and {others} more" if others > 0 else _join(having)
    return (
        f"'{country}' has the national holidays only. Regions have more, such as {name} ({day.day} {day:%b %Y} in "
        f"{shown}). Name one, such as '{country}-{having[0]}'"
    )


def _join(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def describe_calendar(name: str, calendar: BusinessCalendar, first: date, last: date) -> str:
    """Describe when a calendar is open, and on which days of a span it is not as usual.

    >>> office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]}, "PT")
    >>> describe_calendar("office", office, date(2024, 12, 20), date(2024, 12, 31))
    "'office' is open mon-fri 09:00-17:00 (UTC), but closed on 25 Dec 2024 (Christmas Day)"
    """
    days = list_special_days(calendar, first, last)
    shown = [
        f"{day.day} {day:%b %Y} ({hours or name})"
        for day, name, hours in zip(days["date"], days["name"].astype("str"), days["hours"].astype("str"), strict=True)
    ]
    parts = [
        f"{word} {', '.join(text for text, hours in zip(shown, days['hours'], strict=True) if bool(hours) == has)}"
        for word, has in (("closed on", False), ("with other hours on", True))
        if (days["hours"].astype(bool) == has).any()
    ]
    usual = str(BusinessCalendar(calendar.timezone, calendar.hours))
    return f"'{name}' is open {usual}" + (f", but {', '.join(parts)}" if parts else "")


def find_span_days(start: pd.Timestamp, end: pd.Timestamp, timezone: str, days_ahead: int = 0) -> tuple[date, date]:
    """Return the first and the last day of a span on a local clock, with some days after it.

    >>> find_span_days(pd.Timestamp("2024-03-01T23:30Z"), pd.Timestamp("2024-03-05T10:00Z"), "Europe/Madrid", 7)
    (datetime.date(2024, 3, 2), datetime.date(2024, 3, 12))
    """
    first, last = (t.tz_convert(timezone).date() for t in (start, end))
    return first, last + timedelta(days=days_ahead)
