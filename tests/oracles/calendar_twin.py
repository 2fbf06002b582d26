"""The slow obvious twin of the business calendar: look at the clock on the wall, minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def open_at(
    instant: datetime,
    zone: str,
    hours: dict[str, list[str]],
    closed: frozenset[date] = frozenset(),
    special: dict[date, list[str]] | None = None,
) -> bool:
    """Tell whether the wall clock then stands within the hours of that day, or of a night shift from the day before.

    ``hours`` are single days (``mon``) with intervals such as ``09:00-18:00``; ``special`` dates have their own.
    """
    wall = instant.astimezone(ZoneInfo(zone))
    minute = wall.hour * 60 + wall.minute
    today, yesterday = wall.date(), wall.date() - timedelta(days=1)
    for day, shift in ((today, 0), (yesterday, 1440)):
        if day in closed:
            continue
        for text in (special or {}).get(day, hours.get(DAYS[day.weekday()], [])):
            start, end = (int(t[:2]) * 60 + int(t[3:]) for t in text.split("-"))
            end += 1440 if end <= start else 0
            if start <= minute + shift < end:
                return True
    return False


def open_seconds(start: datetime, end: datetime, zone: str, hours: dict[str, list[str]], closed=frozenset()) -> float:
    """Count the open minutes between two whole minutes."""
    if end < start:
        return -open_seconds(end, start, zone, hours, closed)
    at, minutes = start.astimezone(UTC), 0
    while at < end:
        minutes += open_at(at, zone, hours, closed)
        at += timedelta(minutes=1)
    return minutes * 60.0
