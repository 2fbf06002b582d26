"""Shifts and opening hours: which patterns lie within them, and on which days they are worked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Bools, Ints
from ...features.calendars.business_calendar import BusinessCalendar
from .shift_patterns import ShiftPattern

_DAY_MIN, _WEEK_MIN = 1440, 7 * 1440


def patterns_within_hours(patterns: Sequence[ShiftPattern], calendar: BusinessCalendar | None) -> Bools:
    """Return which patterns work only while the desk is open, on each of their days; breaks may lie outside.

    Special days do not count here: a shift that fits the usual week is not lost for the sake of one short day.

    Examples
    --------
    >>> office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["08:00-18:00"], "sat": ["09:00-13:00"]})
    >>> early = [ShiftPattern("any", days, 9 * 3600, 4 * 3600) for days in ((4, 5), (5, 6))]
    >>> patterns_within_hours([*early, ShiftPattern("any", (0,), 12 * 3600, 8 * 3600)], office).tolist()
    [True, False, False]
    """
    if calendar is None:
        return np.ones(len(patterns), dtype=bool)
    is_open = np.zeros(_WEEK_MIN, dtype=bool)
    for day, spans in enumerate(calendar.hours):
        for first, last in spans:
            is_open[(day * _DAY_MIN + np.arange(first, last)) % _WEEK_MIN] = True
    # closed minutes before each minute of two weeks, so that a shift is one difference
    closed = np.concatenate([[0], np.cumsum(~np.tile(is_open, 2))])
    return np.array([_closed_minutes(p, closed) == 0 for p in patterns], dtype=bool)


def _closed_minutes(pattern: ShiftPattern, closed: Ints) -> int:
    total = 0
    for day in pattern.days:
        begin = day * _DAY_MIN + round(pattern.start_s / 60)
        ends = [0.0, *(x for after, length in pattern.breaks for x in (after, after + length)), pattern.length_s]
        for first, last in zip(ends[::2], ends[1::2], strict=True):
            total += int(closed[begin + round(last / 60)] - closed[begin + round(first / 60)])
    return total


def days_worked(
    patterns: Sequence[ShiftPattern],
    ds: pd.DatetimeIndex,
    calendar: BusinessCalendar | None,
    day_before: bool = False,
) -> list[npt.NDArray[np.float64]]:
    """Return the midnights (seconds on the local clock) of the days in the horizon on which each pattern is worked.

    Nobody comes on a day that is closed all through the shift, such as a holiday. With ``day_before`` the day before
    the horizon counts too: its nights end within it.

    Examples
    --------
    >>> office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["08:00-18:00"]}, holidays=["2024-03-05"])
    >>> week = pd.date_range("2024-03-04", periods=168, freq="h")
    >>> [len(days) for days in days_worked([ShiftPattern("any", (0, 1, 2), 8 * 3600, 4 * 3600)], week, office)]
    [2]
    """
    first = ds[0].normalize() - pd.Timedelta(days=int(day_before))
    midnights = pd.date_range(first, ds[-1].normalize(), freq="D")
    base, weekday = midnights.as_unit("us").asi8 / 1e6, midnights.day_of_week.to_numpy()
    worked: dict[tuple[float, float], Bools] = {}
    for p in patterns:
        if (p.start_s, p.length_s) not in worked:
            worked[p.start_s, p.length_s] = _is_worked(midnights, p, calendar)
    return [base[np.isin(weekday, p.days) & worked[p.start_s, p.length_s]] for p in patterns]


def _is_worked(midnights: pd.DatetimeIndex, pattern: ShiftPattern, calendar: BusinessCalendar | None) -> Bools:
    if calendar is None:
        return np.ones(len(midnights), dtype=bool)
    summer = np.ones(len(midnights), bool)
    begin = midnights + pd.Timedelta(seconds=pattern.start_s)
    end = begin + pd.Timedelta(seconds=pattern.length_s)
    both = [
        t.tz_localize(calendar.timezone, ambiguous=summer, nonexistent="shift_forward").tz_convert("UTC")
        for t in (begin, end)
    ]
    return np.asarray(calendar.seconds_between(*both) > 0)
