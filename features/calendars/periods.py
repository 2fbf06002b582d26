"""Periods on the desk's own clock: local time in a query, slots of any length, and their bounds in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import ibis
import numpy as np
import pandas as pd

from ..errors import InputError, did_you_mean
from .instants import apply_utc_offsets

#: Names of the longer frequencies; every ``<n>min`` that divides a day is one too.
FREQUENCIES = ("5min", "15min", "30min", "h", "D", "W", "MS", "QS", "6MS")
_FREQUENCY_ALIASES = {
    "hour": "h",
    "hourly": "h",
    "H": "h",
    "d": "D",
    "day": "D",
    "daily": "D",
    "week": "W",
    "weekly": "W",
    "W-MON": "W",
    "M": "MS",
    "ME": "MS",
    "month": "MS",
    "Q": "QS",
    "quarter": "QS",
    "6M": "6MS",
    "2QS": "6MS",
}
_MINUTES = re.compile(r"(\d+)\s*min")


@dataclass(frozen=True)
class PeriodFrequency:
    """A length of period: its name, its minutes where it is a fixed part of a day, else its unit."""

    name: str
    minutes: int | None = None

    @property
    def pandas_name(self) -> str:
        """The name that pandas knows for the starts of these periods."""
        return {"W": "W-MON", "QS": "QS-JAN"}.get(self.name, self.name)


def parse_period_frequency(name: str) -> PeriodFrequency:
    """Read the name of a frequency.

    Parameters
    ----------
    name
        ``<n>min`` (n divides 1,440), ``h``, ``D``, ``W`` (weeks begin on Monday), ``MS``, ``QS`` or ``6MS``
        (half-years).

    Raises
    ------
    InputError
        If it is none of these.

    Examples
    --------
    >>> parse_period_frequency("15min")
    PeriodFrequency(name='15min', minutes=15)
    >>> parse_period_frequency("ME")
    Traceback (most recent call last):
    deskcast.features.errors.InputError: column 'freq': not a valid frequency; got 'ME' (did you mean 'MS'?)
    """
    text = name.strip() if isinstance(name, str) else ""
    match = _MINUTES.fullmatch(text)
    if match:
        minutes = int(match.group(1))
        if minutes == 0 or 1440 % minutes:
            raise InputError(
                "minutes must divide a day",
                column="freq",
                got=name,
                hint="5min, 10min, 15min, 20min, 30min and 60min do",
                code="frequency.invalid",
            )
        return PeriodFrequency("h" if minutes == 60 else "D" if minutes == 1440 else f"{minutes}min", minutes)
    if text in ("h", "D", "W", "MS", "QS", "6MS"):
        return PeriodFrequency(text, {"h": 60, "D": 1440}.get(text))
    hint = (
        f"did you mean '{_FREQUENCY_ALIASES[text]}'?" if text in _FREQUENCY_ALIASES else did_you_mean(text, FREQUENCIES)
    )
    raise InputError("not a valid frequency", column="freq", got=name, hint=hint, code="frequency.invalid")


def parse_zone(name: str) -> ZoneInfo:
    """Return the zone of that IANA name.

    >>> parse_zone("Europe/Lissabon")
    Traceback (most recent call last):
    deskcast.features.errors.InputError: column 'timezone': unknown time zone; got 'Europe/Lissabon' (...)
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError, TypeError) as error:
        hint = "IANA names such as Europe/Lisbon, America/New_York or UTC"
        raise InputError("unknown time zone", column="timezone", got=name, hint=hint, code="time.zone") from error


@lru_cache(maxsize=64)
def zone_offsets(timezone: str, start: pd.Timestamp, end: pd.Timestamp) -> tuple[tuple[pd.Timestamp, int], ...]:
    """List the instants from which each offset of a zone holds, between two instants.

    Returns
    -------
    tuple of (instant, seconds)
        The first instant is ``start``; the offset is to be added to UTC. Two changes within one day of UTC are not
        told apart.

    Examples
    --------
    >>> span = pd.Timestamp("2024-01-01T00:00Z"), pd.Timestamp("2024-12-31T00:00Z")
    >>> [(str(at), seconds) for at, seconds in zone_offsets("Europe/Lisbon", *span)][1:]
    [('2024-03-31 01:00:00+00:00', 3600), ('2024-10-27 01:00:00+00:00', 0)]
    """
    place = parse_zone(timezone)

    def offset(epoch: int) -> int:
        there = pd.Timestamp(epoch, unit="s", tz="UTC").tz_convert(place).utcoffset()
        return int(there.total_seconds()) if there is not None else 0

    first, last = int(start.timestamp()), int(end.timestamp()) + 1
    days = pd.to_datetime([*range(first, last, 86400), last], unit="s", utc=True)
    local = pd.Series(days.tz_convert(place).tz_localize(None) - days.tz_localize(None))
    seconds = local.dt.total_seconds().astype("int64").to_list()
    found = [(start, seconds[0])]
    for i in range(1, len(seconds)):
        if seconds[i] == seconds[i - 1]:
            continue
        low, high = int(days[i - 1].timestamp()), int(days[i].timestamp())
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == seconds[i - 1] else (low, middle)
        found.append((pd.Timestamp(high, unit="s", tz="UTC"), seconds[i]))
    return tuple(found)


def local_time(expr: Any, timezone: str, start: pd.Timestamp, end: pd.Timestamp) -> Any:
    """Turn an Ibis column of instants into the reading of a local clock.

    The offset is chosen by a CASE over the zone's own changes, because engines differ in how they know zones.

    Parameters
    ----------
    expr
        Ibis column of instants (UTC).
    timezone
        IANA zone.
    start, end
        Span within which the zone's changes are looked up; the first and last offset hold beyond it.

    Returns
    -------
    Ibis column of timestamps without a zone.

    Examples
    --------
    >>> import ibis, pandas as pd
    >>> at = pd.Timestamp("2024-07-01T08:00Z")
    >>> local_time(ibis.literal(at), "Europe/Lisbon", at, at).execute()
    Timestamp('2024-07-01 09:00:00')
    """
    offsets = zone_offsets(timezone, start, end)
    return apply_utc_offsets(expr, offsets)


def period_start(expr: Any, freq: str, timezone: str, start: pd.Timestamp, end: pd.Timestamp) -> Any:
    """Floor an Ibis column of instants to the start of its period on a local clock.

    Parameters
    ----------
    expr
        Ibis column of instants (UTC).
    freq
        See :func:`parse_period_frequency`.
    timezone, start, end
        As for :func:`local_time`.

    Examples
    --------
    >>> import ibis, pandas as pd
    >>> at = pd.Timestamp("2024-08-15T22:30Z")
    >>> [str(period_start(ibis.literal(at), f, "Europe/Lisbon", at, at).execute())[:10] for f in ("D", "W", "6MS")]
    ['2024-08-15', '2024-08-12', '2024-07-01']
    """
    how = parse_period_frequency(freq)
    local = local_time(expr, timezone, start, end)
    if how.name == "6MS":
        year = local.truncate("Y")
        return ibis.ifelse(local.month() >= 7, year + ibis.interval(months=6), year)
    unit = {"h": "h", "D": "D", "W": "W", "MS": "M", "QS": "Q"}.get(how.name)
    if unit:
        return local.truncate(unit)
    day = local.truncate("D")
    minute = (local.hour().cast("int64") * 60 + local.minute().cast("int64")) // int(how.minutes or 1)
    return day + (minute * int(how.minutes or 1)).as_interval("m")


def floor_to_period(at: pd.Timestamp, freq: str) -> pd.Timestamp:
    """Floor a local clock reading to the start of its period.

    >>> floor_to_period(pd.Timestamp("2024-08-15 22:30"), "QS")
    Timestamp('2024-07-01 00:00:00')
    """
    how = parse_period_frequency(freq)
    day = at.normalize()
    if how.minutes:
        return at.floor(f"{how.minutes}min") if how.minutes < 1440 else day
    if how.name == "W":
        return day - pd.Timedelta(days=day.weekday())
    month = {"MS": day.month, "QS": (day.month - 1) // 3 * 3 + 1, "6MS": (day.month - 1) // 6 * 6 + 1}[how.name]
    return day.replace(month=month, day=1)


def list_periods(
    start: pd.Timestamp, end: pd.Timestamp, freq: str, timezone: str, *, open_end: bool = False
) -> pd.DataFrame:
    """List the whole periods from the one that holds ``start`` to the last one that is over at ``end``.

    Parameters
    ----------
    start, end
        Instants.
    freq, timezone
        See :func:`parse_period_frequency`; the clock in which periods begin.
    open_end
        Whether the period that is not over at ``end`` is listed too; it then ends right after it.

    Returns
    -------
    DataFrame
        ``ds`` (local clock, naive), ``starts_at``, ``ends_at`` (instants) and ``seconds`` (true length: the day on
        which the clock goes back has 25 hours). A slot that the clock skips is not there. Where the clock repeats
        an hour, both passes belong to the same slots, whose ``seconds`` are then doubled.

    Examples
    --------
    >>> span = pd.Timestamp("2024-03-30T10:00Z"), pd.Timestamp("2024-04-02T10:00Z")
    >>> table = list_periods(*span, "D", "Europe/Lisbon")
    >>> [(str(d)[:10], s / 3600) for d, s in zip(table["ds"], table["seconds"])]
    [('2024-03-30', 24.0), ('2024-03-31', 23.0), ('2024-04-01', 24.0)]
    """
    how, place = parse_period_frequency(freq), parse_zone(timezone)
    first = floor_to_period(start.tz_convert(place).tz_localize(None), freq)
    last = end.tz_convert(place).tz_localize(None) + pd.Timedelta(days=1)  # a day more: the clock may go back
    step = pd.tseries.frequencies.to_offset(how.pandas_name)
    ds = pd.date_range(first, last, freq=step).as_unit("us")
    following = pd.DatetimeIndex(ds + step).as_unit("us")
    starts, ends = _instants(ds, place, latest=False), _instants(following, place, latest=False)
    seconds = (ends - starts).total_seconds().to_numpy(copy=True)
    tick = pd.Timedelta(1, "us")
    early, late = (_instants(following - tick, place, latest=later) for later in (False, True))
    repeated = np.asarray(late > early)
    if how.minutes is not None and how.minutes < 60:
        # the second pass through a repeated hour lies apart from the first: count both, end with the later
        seconds = np.where(starts >= ends, 0.0, how.minutes * 60.0 * (1 + repeated))
    ends = ends.where(~repeated, late + tick)
    table = pd.DataFrame({"ds": ds, "starts_at": starts, "ends_at": ends, "seconds": seconds})
    here = (table["starts_at"] < end) & (table["ends_at"] > end) & open_end
    whole = (table["seconds"] > 0) & ((table["ends_at"] <= end) | here)
    table["ends_at"] = table["ends_at"].mask(here, end + tick)
    return table[whole].reset_index(drop=True)


def _instants(local: pd.DatetimeIndex, place: ZoneInfo, *, latest: bool) -> pd.DatetimeIndex:
    dst = np.full(len(local), not latest)
    there = local.tz_localize(place, ambiguous=dst, nonexistent="shift_forward")
    return there.tz_convert("UTC").as_unit("us")
