"""The open intervals of a calendar on the UTC axis, and the open time up to any instant.

``count`` is F(t), the open microseconds from the start of the span to t: piecewise linear, read by binary
search. Time between two instants is F(b) - F(a), and adding time is the inverse of F.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import numpy.typing as npt

from ..errors import InputError, did_you_mean
from .opening_hours import DayIntervals, SpecialHours, find_public_holidays

US_PER_S = 1_000_000
MINUTES_PER_DAY = 1440
#: The integer that stands for a missing instant.
MISSING_INSTANT = int(np.iinfo(np.int64).min)
_MINUTE_US = 60 * US_PER_S
_DAY_US = MINUTES_PER_DAY * _MINUTE_US
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Micros = npt.NDArray[np.int64]


@dataclass(frozen=True)
class OpenIntervals:
    """Disjoint open intervals in order, in microseconds since 1970 UTC, and the open time before each."""

    starts: Micros
    ends: Micros
    before: Micros

    @property
    def total(self) -> int:
        """Open time of the whole span."""
        return int(self.before[-1] + self.ends[-1] - self.starts[-1]) if len(self.starts) else 0

    def count(self, t: Micros) -> Micros:
        """Return F(t), the open time before each instant."""
        if not len(self.starts):
            return np.zeros(len(t), dtype=np.int64)
        i = np.maximum(np.searchsorted(self.starts, t, side="right") - 1, 0)
        return self.before[i] + np.clip(t, self.starts[i], self.ends[i]) - self.starts[i]

    def inside(self, t: Micros) -> npt.NDArray[np.bool_]:
        """Return which instants are open; an end is not."""
        if not len(self.starts):
            return np.zeros(len(t), dtype=bool)
        i = np.searchsorted(self.starts, t, side="right") - 1
        return (i >= 0) & (t < self.ends[np.maximum(i, 0)])

    def next_open(self, t: Micros) -> Micros:
        """Return the first open instant at or after each; missing where none follows."""
        if not len(self.starts):
            return np.full(len(t), MISSING_INSTANT)
        i = np.searchsorted(self.ends, t, side="right")
        there = i < len(self.ends)
        return np.where(there, np.maximum(t, self.starts[np.minimum(i, len(self.ends) - 1)]), MISSING_INSTANT)

    def reach(self, a: Micros, wanted: Micros, goal: Micros) -> Micros:
        """Return where F reaches ``goal``: first after ``a`` going forward, last before it going back."""
        if not len(self.starts):
            return a
        through = self.before + self.ends - self.starts
        last = len(self.starts) - 1
        first_at = np.minimum(np.searchsorted(through, goal, side="left"), last)
        last_at = np.maximum(np.searchsorted(self.before, goal, side="right") - 1, 0)
        i = np.where(wanted > 0, first_at, last_at)
        return np.where(wanted == 0, a, self.starts[i] + goal - self.before[i])


def build_open_intervals(
    timezone: str,
    week: tuple[DayIntervals, ...],
    countries: tuple[str, ...],
    closed: frozenset[date],
    special: SpecialHours,
    first: int,
    last: int,
) -> OpenIntervals:
    """Build the open intervals from the first day of one year to the last day of another.

    The wall clock is cut where the zone changes its offset; within each piece local time is UTC plus a constant,
    so intervals are shifted as a whole and nothing has to be guessed about skipped and repeated hours.
    """
    low, high = _micros_of(first), _micros_of(last + 1)
    starts, ends = _local(week, countries, closed, special, first, last)
    pieces = [_piece(starts, ends, *segment) for segment in _offsets(ZoneInfo(timezone), low, high)]
    starts, ends = _merge(np.concatenate([p[0] for p in pieces]), np.concatenate([p[1] for p in pieces]))
    lengths = ends - starts
    return OpenIntervals(starts, ends, np.cumsum(lengths) - lengths)


def parse_zone(name: Any) -> ZoneInfo:
    """Return the IANA zone of that name, or say that there is none.

    >>> parse_zone("Europe/Lisbon").key
    'Europe/Lisbon'
    """
    try:
        return ZoneInfo(str(name))
    except (ValueError, OSError, KeyError) as error:
        near = did_you_mean(str(name), sorted(available_timezones())) or ""
        hint = near if near.startswith("did") else "a name of the IANA list such as 'Europe/Lisbon'"
        raise InputError("unknown time zone", column="timezone", got=name, hint=hint, code="time.zone") from error


def _local(
    week: tuple[DayIntervals, ...],
    countries: tuple[str, ...],
    closed: frozenset[date],
    special: SpecialHours,
    first: int,
    last: int,
) -> tuple[Micros, Micros]:
    """Return the open intervals on the local clock, with a margin of two days for zones and night shifts."""
    days = np.arange(_micros_of(first) // _DAY_US - 2, _micros_of(last + 1) // _DAY_US + 2, dtype=np.int64)
    off = set(closed).union(*(find_public_holidays(c, max(first - 1, 1), last + 1) for c in countries))
    holidays = np.array([_day_number(d) for d in (*off, *(d for d, _ in special))], dtype=np.int64)
    own = [(np.intersect1d(days, [_day_number(d)]), a, b) for d, listed in special for a, b in listed]
    days = days[~np.isin(days, holidays)]
    weekday = (days + 3) % 7  # 1970-01-01 was a Thursday
    pairs = [*own, *((days[weekday == day], a, b) for day, listed in enumerate(week) for a, b in listed)]
    starts = np.concatenate([d * _DAY_US + a * _MINUTE_US for d, a, _ in pairs])
    ends = np.concatenate([d * _DAY_US + b * _MINUTE_US for d, _, b in pairs])
    return _merge(starts, ends)


def _day_number(day: date) -> int:
    return day.toordinal() - date(1970, 1, 1).toordinal()


def _offsets(zone: ZoneInfo, low: int, high: int) -> list[tuple[int, int, int]]:
    """Return (from, to, offset) of each stretch of UTC in which the zone keeps one offset, in microseconds."""
    days = [*range(low, high, _DAY_US), high]
    found = [_offset(zone, t) for t in days]
    cuts = [low]
    for i in range(1, len(days)):
        if found[i] != found[i - 1]:
            cuts.append(_change(zone, days[i - 1], days[i]))
    cuts.append(high)
    return [(a, b, _offset(zone, a)) for a, b in pairwise(cuts) if b > a]


def _change(zone: ZoneInfo, low: int, high: int) -> int:
    """Find by halving the second at which the offset at ``low`` is no longer in force."""
    before = _offset(zone, low)
    while high - low > US_PER_S:
        middle = (low + high) // 2 // US_PER_S * US_PER_S
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    return high


def _offset(zone: ZoneInfo, t: int) -> int:
    offset = (_EPOCH + timedelta(microseconds=t)).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // timedelta(microseconds=1)


def _piece(starts: Micros, ends: Micros, low: int, high: int, offset: int) -> tuple[Micros, Micros]:
    """Shift to UTC the local intervals that touch one stretch of constant offset, cut to the stretch."""
    a = int(np.searchsorted(ends, low + offset, side="right"))
    b = int(np.searchsorted(starts, high + offset, side="left"))
    return np.maximum(starts[a:b] - offset, low), np.minimum(ends[a:b] - offset, high)


def _merge(starts: Micros, ends: Micros) -> tuple[Micros, Micros]:
    """Join intervals that overlap or touch."""
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum.accumulate(ends[order]) if len(ends) else ends
    fresh = np.ones(len(starts), dtype=bool)
    fresh[1:] = starts[1:] > ends[:-1]
    return starts[fresh], ends[np.append(fresh[1:], True)] if len(ends) else ends


def _micros_of(year: int) -> int:
    return (datetime(year, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
