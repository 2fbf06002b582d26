"""The clock on which a desk finishes cases: opening hours where they are known, else what its own past shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.calendars.business_calendar import BusinessCalendar

#: Hours of a week, from Monday 00:00 UTC.
WEEK_HOURS = 168
#: A Monday, as hours since 1970.
_FIRST_MONDAY_H = 96.0
#: Share of all finishes that is spread evenly over the week, so that no hour is ever impossible.
_EVEN_SHARE = 0.05


@dataclass(frozen=True)
class WorkClock:
    """Hours in which cases get done: those of a calendar, or hours of the week weighted by what was finished in them.

    ``profile`` has one weight for each hour of the week (UTC), 1 on average; it is not used where there is a calendar.

    Examples
    --------
    >>> from deskcast.features.calendars.business_calendar import BusinessCalendar
    >>> office = WorkClock(BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]}))
    >>> friday = pd.DatetimeIndex(["2024-03-01T16:00Z"])
    >>> office.elapsed(friday, friday + pd.Timedelta("3D")).tolist()
    [8.0]
    """

    calendar: BusinessCalendar | None = None
    profile: tuple[float, ...] = (1.0,) * WEEK_HOURS

    def elapsed(self, start: pd.DatetimeIndex, end: pd.DatetimeIndex) -> Floats:
        """Return the working hours between instants, n each; missing where either is."""
        if self.calendar is not None:
            return np.asarray(self.calendar.seconds_between(start, end) / 3600.0, dtype=np.float64)
        return self.between(hours_since_1970(start), hours_since_1970(end))

    def between(self, start_h: Floats, end_h: Floats) -> Floats:
        """Return the working hours between hours since 1970, of shapes that broadcast, by the profile of the week."""
        return np.asarray(self._reading(end_h) - self._reading(start_h), dtype=np.float64)

    def wall_hours(self, start: pd.DatetimeIndex, hours: Floats) -> Floats:
        """Return how many hours on the wall pass until so many working hours have, shape of ``hours`` (n, k)."""
        if self.calendar is not None:
            flat = self.calendar.add(start.repeat(hours.shape[1]), hours.ravel() * 3600.0)
            return (hours_since_1970(flat) - np.repeat(hours_since_1970(start), hours.shape[1])).reshape(hours.shape)
        begun = hours_since_1970(start)
        total, weeks = self._cumulated(), self._reading(begun)[:, None] + hours
        full = np.floor(weeks / WEEK_HOURS)
        inside = np.interp(weeks - full * WEEK_HOURS, total, np.arange(WEEK_HOURS + 1.0))
        return np.asarray(full * WEEK_HOURS + inside + _FIRST_MONDAY_H - begun[:, None], dtype=np.float64)

    def _reading(self, hours: Floats) -> Floats:
        since = hours - _FIRST_MONDAY_H
        full = np.floor(since / WEEK_HOURS)
        return np.asarray(
            full * WEEK_HOURS + np.interp(since - full * WEEK_HOURS, np.arange(WEEK_HOURS + 1.0), self._cumulated())
        )

    def _cumulated(self) -> Floats:
        return np.concatenate([[0.0], np.cumsum(self.profile)])


def learn_clock(ended_at: pd.Series, calendar: BusinessCalendar | None = None) -> WorkClock:
    """Return the clock of a desk from the instants at which it finished cases, or from its calendar.

    Parameters
    ----------
    ended_at
        Instants; the more, the finer. Below 500 the clock is that on the wall.
    calendar
        Opening hours of the promise, if it has any.

    Examples
    --------
    >>> import pandas as pd
    >>> office = pd.Series(pd.date_range("2024-01-01T09:30Z", periods=600, freq="D", unit="us"))
    >>> night, morning = (pd.DatetimeIndex([f"2024-03-01T{h}:00Z"]) for h in ("00", "09"))
    >>> clock = learn_clock(office)
    >>> clock.elapsed(night, morning).round(2).tolist(), clock.elapsed(morning, morning + pd.Timedelta("1h")).tolist()
    ([0.45], [22.9...])
    """
    if calendar is not None or len(ended_at) < 500:
        return WorkClock(calendar)
    hours = pd.DatetimeIndex(ended_at.array)
    n = np.bincount(hours.day_of_week * 24 + hours.hour, minlength=WEEK_HOURS).astype(float)
    profile = (1 - _EVEN_SHARE) * n / n.sum() * WEEK_HOURS + _EVEN_SHARE
    return WorkClock(None, tuple(map(float, profile)))


def hours_since_1970(instants: pd.DatetimeIndex) -> Floats:
    """Return instants as hours since 1970, UTC; missing where they are."""
    micros = np.asarray(instants.as_unit("us").asi8, dtype=np.float64)
    return np.where(np.asarray(instants.isna()), np.nan, micros / 3.6e9)
