"""Business clocks: weekly opening hours, holidays and zones, and the seconds that count between two instants.

An instant is open when the clock on the wall of the calendar's zone then stands within the hours of a day that
is no holiday. So an hour that daylight saving skips is never counted, and an hour that it repeats counts twice.
Hours belong to the day on which they begin: a night shift that began before a holiday runs to its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..arrays import Bools, Floats
from ..errors import InputError
from .open_intervals import (
    MINUTES_PER_DAY,
    MISSING_INSTANT,
    US_PER_S,
    Micros,
    OpenIntervals,
    build_open_intervals,
    parse_zone,
)
from .opening_hours import (
    SpecialHours,
    check_opening_hours,
    format_opening_hours,
    parse_holidays,
    parse_opening_hours,
)

#: How far :meth:`BusinessCalendar.add` looks for enough opening hours.
MAX_SEARCH_YEARS = 200


@dataclass(frozen=True)
class BusinessCalendar:
    """Count only the time in which a desk is open.

    Make one with :meth:`from_hours` or :meth:`always`. A calendar is a value: equal ones count alike.

    Attributes
    ----------
    timezone
        IANA zone of the hours.
    hours
        For each weekday from Monday the opening intervals in minutes after midnight; an end above 1440 lies on
        the next day.
    countries
        Countries of the ``holidays`` package whose public holidays are closed, such as ``PT`` or ``PT-20``.
    closed
        Further closed dates.
    special
        Dates with hours of their own, which go before those of the week and before any holiday.
    """

    timezone: str
    hours: tuple[tuple[tuple[int, int], ...], ...]
    countries: tuple[str, ...] = ()
    closed: frozenset[date] = frozenset()
    special: SpecialHours = ()

    def __post_init__(self) -> None:
        """Refuse a zone that does not exist, and hours that are never open, run backwards or overlap."""
        parse_zone(self.timezone)
        check_opening_hours(self.hours)

    @classmethod
    def from_hours(
        cls, timezone: str, open: Mapping[str, Sequence[str]], holidays: str | Sequence[str] = ""
    ) -> BusinessCalendar:
        """Make a calendar from weekly hours.

        Parameters
        ----------
        timezone
            IANA zone such as ``Europe/Lisbon``.
        open
            Days -> hours: ``{"mon-fri": ["09:00-13:00", "14:00-18:00"], "sat": ["22:00-06:00"]}``. Days may be
            one, a range or a list (``mon,wed``). An end before its start lies on the next day; ``00:00-24:00``
            is a whole day; hours that overlap count once. Of several keys that name a day the narrowest holds.
        holidays
            A country (``PT``), a country with its part (``PT-20``), dates (``2026-12-24``), dates with hours of their
            own (``2026-12-24 09:00-13:00``), or a list of those.

        Raises
        ------
        InputError
            If the zone, a day, an hour, a country or a date cannot be read, or the calendar is never open.

        Examples
        --------
        >>> office = BusinessCalendar.from_hours("Europe/Lisbon", {"mon-fri": ["09:00-18:00"]}, holidays="PT")
        >>> friday, monday = pd.Timestamp("2024-03-01T17:00Z"), pd.Timestamp("2024-03-04T10:00Z")
        >>> office.seconds_between([friday], [monday]) / 3600
        array([2.])
        """
        parse_zone(timezone)
        countries, closed, special = parse_holidays(holidays)
        return cls(timezone, parse_opening_hours(open), countries, closed, special)

    @classmethod
    def always(cls, timezone: str = "UTC") -> BusinessCalendar:
        """Make a calendar that is always open, so that business time is calendar time.

        >>> day = pd.Timestamp("2024-03-31T00:00Z")
        >>> float(BusinessCalendar.always().seconds_between([day], [day + pd.Timedelta("1D")])[0])
        86400.0
        """
        parse_zone(timezone)
        return cls(timezone, (((0, MINUTES_PER_DAY),),) * 7)

    def __str__(self) -> str:
        """Return the calendar as its owner would write it."""
        off = [*self.countries, *([f"{len(self.closed)} dates"] if self.closed else [])]
        said = f"{format_opening_hours(self.hours)} ({self.timezone})"
        said += f", closed on holidays: {', '.join(off)}" if off else ""
        return said + (f", with hours of their own on {len(self.special)} dates" if self.special else "")

    def seconds_between(self, start: Any, end: Any) -> Floats:
        """Return the open seconds from ``start`` to ``end``.

        Parameters
        ----------
        start, end
            Instants with a zone: n each, or one that serves for all.

        Returns
        -------
        n seconds; negative where ``end`` is before ``start``, NaN where either is missing.

        Raises
        ------
        InputError
            If the instants have no zone or cannot be read, or the lengths differ.

        Examples
        --------
        >>> night = BusinessCalendar.from_hours("UTC", {"mon-sun": ["22:00-06:00"]})
        >>> times = pd.to_datetime(["2024-03-01T20:00Z", "2024-03-02T00:00Z"])
        >>> night.seconds_between(times, pd.Timestamp("2024-03-02T12:00Z")) / 3600
        array([8., 6.])
        """
        a, b = _aligned(to_micros(start, "start"), to_micros(end, "end"))
        gone = (a == MISSING_INSTANT) | (b == MISSING_INSTANT)
        openings = self._open_intervals_around(a[~gone], b[~gone])
        out = np.full(len(a), np.nan)
        out[~gone] = (openings.count(b[~gone]) - openings.count(a[~gone])) / US_PER_S
        return out

    def add(self, start: Any, seconds: Any) -> pd.DatetimeIndex:
        """Return the instant at which so many open seconds have passed since ``start``.

        The earliest such instant is given: eight hours from an opening at 09:00 end at 17:00, not at the next
        opening. Going back (``seconds`` below 0) gives the latest, and 0 gives ``start`` itself.

        Parameters
        ----------
        start
            Instants with a zone: n, or one that serves for all.
        seconds
            Open seconds: n, or one number.

        Returns
        -------
        n instants in UTC; ``NaT`` where either is missing.

        Raises
        ------
        InputError
            If the calendar is not open for so long within 200 years.

        Examples
        --------
        >>> office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})
        >>> office.add(pd.Timestamp("2024-03-01T16:00Z"), [3600, 7200]).strftime("%a %H:%M").tolist()
        ['Fri 17:00', 'Mon 10:00']
        """
        a, wanted = _aligned(to_micros(start, "start"), np.atleast_1d(np.asarray(seconds, dtype=float)))
        if np.isinf(wanted).any():
            raise InputError(
                "a number of seconds must be finite", column="seconds", got=float("inf"), code="value.range"
            )
        good = (a != MISSING_INSTANT) & ~np.isnan(wanted)
        out = np.full(len(a), MISSING_INSTANT, dtype=np.int64)
        if good.any():
            out[good] = self._add(a[good], np.rint(wanted[good] * US_PER_S).astype(np.int64))
        return to_index(out)

    def is_open(self, at: Any) -> Bools:
        """Return for each instant whether the calendar is open then; a missing instant is not.

        >>> office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})
        >>> office.is_open(pd.to_datetime(["2024-03-01T09:00Z", "2024-03-01T17:00Z"])).tolist()
        [True, False]
        """
        t = to_micros(at, "at")
        good = t != MISSING_INSTANT
        out = np.zeros(len(t), dtype=bool)
        out[good] = self._open_intervals_around(t[good]).inside(t[good])
        return out

    def next_open(self, at: Any) -> pd.DatetimeIndex:
        """Return from which instant on time passes again: the instant itself where the calendar is open then.

        Parameters
        ----------
        at
            Instants with a zone.

        Returns
        -------
        n instants in UTC; ``NaT`` where one is missing, or where the calendar never opens again within 200 years.

        Examples
        --------
        >>> office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})
        >>> times = pd.to_datetime(["2024-03-01T10:00Z", "2024-03-01T17:00Z"])
        >>> office.next_open(times).strftime("%a %H:%M").tolist()
        ['Fri 10:00', 'Mon 09:00']
        """
        t = to_micros(at, "at")
        out, open_end = t.copy(), np.flatnonzero(t != MISSING_INSTANT)
        reach = 1
        while len(open_end):
            found = self._open_intervals_around(t[open_end], after=reach).next_open(t[open_end])
            out[open_end] = found
            open_end = open_end[found == MISSING_INSTANT]
            if reach >= MAX_SEARCH_YEARS:
                break
            reach *= 4
        return to_index(out)

    def open_share(self, starts: Any, slot_s: Any) -> Floats:
        """Return the share of each slot in which the calendar is open.

        Parameters
        ----------
        starts
            Instants at which the slots begin, with a zone.
        slot_s
            Length of the slots in seconds: one number, or one for each.

        Examples
        --------
        >>> office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:30-17:00"]})
        >>> office.open_share(pd.to_datetime(["2024-03-01T09:00Z", "2024-03-01T10:00Z"]), 3600)
        array([0.5, 1. ])
        """
        a, lengths = _aligned(to_micros(starts, "starts"), np.atleast_1d(np.asarray(slot_s, dtype=float)))
        if not (lengths > 0).all():
            raise InputError(
                "the length of an interval must be above 0",
                column="slot_s",
                got=float(lengths.min()),
                code="calendar.unreadable",
            )
        ends = np.where(a == MISSING_INSTANT, MISSING_INSTANT, a + np.rint(lengths * US_PER_S).astype(np.int64))
        return np.asarray(self.seconds_between(to_index(a), to_index(ends)) / lengths, dtype=np.float64)

    def _open_intervals_around(self, *instants: Micros, before: int = 1, after: int = 1) -> OpenIntervals:
        """Return the openings over whole years around the instants, so that near calls share one cache entry."""
        present = [i for i in instants if len(i)]
        low = min((int(i.min()) for i in present), default=0)
        high = max((int(i.max()) for i in present), default=0)
        return _cached_open_intervals(self, max(_year(low) - before, 1), min(_year(high) + after, 9998))

    def _add(self, a: Micros, wanted: Micros) -> Micros:
        reach = 1
        back = bool((wanted < 0).any())
        while True:
            openings = self._open_intervals_around(a, before=reach if back else 1, after=reach)
            goal = openings.count(a) + wanted
            if goal.min() >= 0 and goal.max() <= openings.total:
                return openings.reach(a, wanted, goal)
            if reach >= MAX_SEARCH_YEARS:
                raise InputError(
                    f"the calendar is not open for that long within {MAX_SEARCH_YEARS} years",
                    column="seconds",
                    got=float(np.abs(wanted).max()) / US_PER_S,
                    hint=str(self),
                    code="calendar.unreadable",
                )
            reach *= 4


def to_micros(values: Any, name: str) -> Micros:
    """Return instants with a zone as microseconds since 1970 UTC; a missing one is the smallest integer.

    >>> to_micros([pd.Timestamp("1970-01-01T00:00:01Z")], "at")
    array([1000000])
    """
    listed = isinstance(values, (pd.Index, pd.Series, np.ndarray)) or (
        isinstance(values, Iterable) and not isinstance(values, str)
    )
    try:
        index = pd.DatetimeIndex((values.array if isinstance(values, pd.Series) else values) if listed else [values])
    except (ValueError, TypeError) as error:
        raise InputError(
            "not valid instants", column=name, got=_first(values), wanted="instants in UTC", code="time.unreadable"
        ) from error
    if index.tz is None:
        if index.isna().all():
            return np.full(len(index), MISSING_INSTANT, dtype=np.int64)
        raise InputError(
            "the times have no zone", column=name, got=str(index[0]), hint="localise them first", code="time.zone"
        )
    return np.asarray(index.tz_convert("UTC").as_unit("us").asi8, dtype=np.int64)


def to_index(micros: Micros) -> pd.DatetimeIndex:
    """Return microseconds since 1970 UTC as instants.

    >>> to_index(np.array([1_000_000]))
    DatetimeIndex(['1970-01-01 00:00:01+00:00'], dtype='datetime64[us, UTC]', freq=None)
    """
    return pd.DatetimeIndex(micros.view("M8[us]")).tz_localize("UTC")


def _first(values: Any) -> object:
    return next(iter(values), None) if isinstance(values, Sequence) and not isinstance(values, str) else values


def _aligned(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    if len(a) == len(b):
        return a, b
    if len(a) != 1 and len(b) != 1:
        raise InputError(
            "lengths must be equal",
            got=(len(a), len(b)),
            wanted="equal lengths, or one value for all",
            code="value.length",
        )
    x, y = np.broadcast_arrays(a, b)
    return x, y


def _year(micros: int) -> int:
    return int(np.datetime64(micros, "us").astype("M8[Y]").astype(int)) + 1970


@lru_cache(maxsize=64)
def _cached_open_intervals(calendar: BusinessCalendar, first: int, last: int) -> OpenIntervals:
    days = (calendar.countries, calendar.closed, calendar.special)
    return build_open_intervals(calendar.timezone, calendar.hours, *days, first, last)
