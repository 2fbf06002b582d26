"""Business time inside the engine: the open seconds between two columns of instants, and instants that lie so far on.

The open time up to an instant is piecewise linear. A small table says for each UTC day how much of it had passed before
and at which instants of the day the calendar opens and closes; joined by the number of the day it makes whole-number
arithmetic of everything, so any engine gives what
:class:`~deskcast.features.calendars.business_calendar.BusinessCalendar` gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd

from ..arrays import Ints
from ..errors import InputError
from .business_calendar import BusinessCalendar, to_index, to_micros
from .instants import parse_instant
from .open_intervals import US_PER_S, OpenIntervals

_DAY_US = 86400 * US_PER_S
#: At most so many openings share a row of the table by open time.
_MAX_INTERVALS_PER_ROW = 4

TimeSpan = tuple[Any, Any]


@dataclass(frozen=True)
class OpenIntervalTable:
    """Openings cut into rows of equal length, by the clock or by the open time that has passed.

    Row ``i`` covers ``[i, i + 1) * width`` after ``low``; ``frame`` has ``_row``, ``_before`` (open time before the
    row), and for each of ``slots`` openings of the row its start, its end and the open time before it, in
    microseconds after ``low``. A slot that is not used is empty: it starts and ends at the same instant.
    """

    low: int
    width: int
    slots: int
    frame: pd.DataFrame


def business_seconds(
    table: Any, start: str, end: str, calendar: BusinessCalendar, span: TimeSpan | None = None, name: str = "business_s"
) -> Any:
    """Add the open seconds between two columns of an Ibis table, computed by its engine.

    Parameters
    ----------
    table
        Ibis table on any engine.
    start, end
        Columns of instants (UTC).
    calendar
        Whose seconds count.
    span
        First and last instant that may occur; looked up in the table by default, which runs it once. Instants
        outside give a missing value.
    name
        Name of the new column.

    Returns
    -------
    Ibis table
        The table with one more column, seconds as a float: negative where the end is before the start, missing where
        either is missing. The values are those of ``calendar.seconds_between``, to the microsecond.

    Examples
    --------
    >>> office = BusinessCalendar.from_hours("Europe/Lisbon", {"mon-fri": ["09:00-18:00"]}, holidays="PT")
    >>> times = {"opened": [pd.Timestamp("2024-03-01T17:00Z")], "done": [pd.Timestamp("2024-03-04T10:00Z")]}
    >>> table = ibis.memtable(pd.DataFrame(times))
    >>> business_seconds(table, "opened", "done", office).business_s.execute().tolist()
    [7200.0]
    """
    low, high = _span(table, (start, end), span)
    days = _by_clock(calendar, low, high)
    rows = _with_open_time(_with_open_time(table, start, days, "_a"), end, days, "_b")
    seconds = (rows["_b"] - rows["_a"]).cast("float64") / US_PER_S
    return rows.mutate(**{name: seconds}).select(*[c for c in table.columns if c != name], name)


def business_add(
    table: Any, start: str, seconds: str, calendar: BusinessCalendar, span: TimeSpan | None = None, name: str = "due_at"
) -> Any:
    """Add the instant that lies so many open seconds after a column of an Ibis table, computed by its engine.

    Parameters
    ----------
    table
        Ibis table on any engine.
    start, seconds
        Columns of instants (UTC), and of open seconds; below 0 goes back.
    calendar
        Whose seconds count.
    span
        First and last instant that ``start`` and the result may have; found by default, which runs the table once.
        What lies outside is missing.
    name
        Name of the new column.

    Returns
    -------
    Ibis table
        The table with one more column of instants, those of ``calendar.add``.

    Examples
    --------
    >>> office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})
    >>> table = ibis.memtable(pd.DataFrame({"opened": [pd.Timestamp("2024-03-01T16:00Z")], "target_s": [7200.0]}))
    >>> business_add(table, "opened", "target_s", office).due_at.execute()[0]
    Timestamp('2024-03-04 10:00:00+0000', tz='UTC')
    """
    low, high = _reach(table, start, seconds, calendar) if span is None else _span(table, (start,), span)
    days = _by_clock(calendar, low, high)
    rows = _with_open_time(table, start, days, "_a")
    wanted = (rows[seconds].cast("float64") * US_PER_S).round().cast("int64")
    rows = rows.mutate(_wanted=wanted, _goal=rows["_a"] + wanted)
    parts = _by_open_time(calendar, low, high)
    # going forward an end belongs to the opening before it, going back a start to the opening after it
    ahead = rows["_wanted"] > 0
    place = ahead.ifelse(rows["_goal"] - 1, rows["_goal"])
    inside = (place >= 0) & (place < parts.width * len(parts.frame))
    rows = rows.mutate(_row=inside.ifelse(place // parts.width, None).cast("int64"))
    rows = _joined(rows, parts)
    goal = rows["_goal"]
    branches = []
    for k in range(parts.slots):
        first, passed = rows[f"_before{k}"], rows[f"_before{k}"] + rows[f"_end{k}"] - rows[f"_start{k}"]
        used = rows[f"_end{k}"] > rows[f"_start{k}"]
        fits = (ahead & (first < goal) & (goal <= passed)) | (~ahead & (first <= goal) & (goal < passed))
        branches.append((used & fits, rows[f"_start{k}"] + goal - first))
    reached = ibis.cases(*branches, else_=ibis.null("int64"))
    micros = (rows["_wanted"] == 0).ifelse(_micros(rows[start], days.low), reached)
    return rows.mutate(**{name: _instant(micros, days.low)}).select(*[c for c in table.columns if c != name], name)


def _with_open_time(table: Any, column: str, days: OpenIntervalTable, name: str) -> Any:
    """Add the open microseconds from the start of the table of days to a column of instants."""
    at = _micros(table[column], days.low)
    inside = (at >= 0) & (at < days.width * len(days.frame))
    rows = table.mutate(_at=at, _row=inside.ifelse(at // days.width, None).cast("int64"))
    rows = _joined(rows, days)
    total = rows["_before"]
    for k in range(days.slots):
        total = total + _clipped(rows["_at"], rows[f"_start{k}"], rows[f"_end{k}"])
    return rows.mutate(**{name: total}).drop("_at", "_row", *[c for c in days.frame.columns if c != "_row"])


def _clipped(at: Any, start: Any, end: Any) -> Any:
    """Return how much of an opening lies before an instant."""
    return ibis.cases((at <= start, ibis.literal(0, "int64")), (at >= end, end - start), else_=at - start)


def _joined(rows: Any, days: OpenIntervalTable) -> Any:
    """Join the small table by the number of its row, and keep the rows without one."""
    small = ibis.memtable(days.frame.rename(columns={"_row": "_of"}))
    return rows.left_join(small, rows["_row"] == small["_of"]).drop("_of")


def _micros(instant: Any, low: int) -> Any:
    """Return the microseconds of an Ibis instant after another, as a whole number."""
    return instant.cast("timestamp('UTC', 6)").delta(_stamp(low), unit="microsecond").cast("int64")


def _instant(micros: Any, low: int) -> Any:
    return ibis.literal(_stamp(low)) + micros.as_interval("us")


def _stamp(micros: int) -> pd.Timestamp:
    return pd.Timestamp(to_index(np.array([micros], dtype=np.int64))[0])


def _span(table: Any, columns: tuple[str, ...], span: TimeSpan | None) -> tuple[int, int]:
    """Return the first and the last instant in microseconds; an hour each where there is none."""
    if span is not None:
        low, high = (int(to_micros(parse_instant(t), "span")[0]) for t in span)
        if high < low:
            raise InputError(
                "the span ends before it begins",
                column="span",
                got=str(span[1]),
                wanted=str(span[0]),
                code="time.order",
            )
        return low, high
    ends = {f"{how}{i}": getattr(table[c], how)() for i, c in enumerate(columns) for how in ("min", "max")}
    found = table.aggregate(**ends).to_pyarrow().to_pylist()[0].values()
    listed = to_micros(pd.DatetimeIndex(pd.to_datetime([t for t in found if t is not None], utc=True)), "span")
    return (int(listed.min()), int(listed.max())) if len(listed) else (0, 0)


def _reach(table: Any, start: str, seconds: str, calendar: BusinessCalendar) -> tuple[int, int]:
    """Return a span that holds all starts and all results."""
    low, high = _span(table, (start,), None)
    wanted = table[seconds].cast("float64")
    found = table.aggregate(low=wanted.min(), high=wanted.max()).to_pyarrow().to_pylist()[0]
    back, ahead = min(found["low"] or 0.0, 0.0), max(found["high"] or 0.0, 0.0)
    ends = calendar.add(to_index(np.array([low, high], dtype=np.int64)), [back, ahead])
    first, last = to_micros(ends, "start")
    return min(low, int(first)), max(high, int(last))


def _find_open_intervals(calendar: BusinessCalendar, low: int, high: int) -> tuple[int, int, OpenIntervals]:
    """Return whole UTC days around a span, and the openings within them in microseconds after the first."""
    first, last = low // _DAY_US * _DAY_US, (high // _DAY_US + 1) * _DAY_US
    whole = calendar._open_intervals_around(np.array([first, last], dtype=np.int64))
    starts, ends = np.maximum(whole.starts, first) - first, np.minimum(whole.ends, last) - first
    some = ends > starts
    starts, ends = starts[some], ends[some]
    return first, last, OpenIntervals(starts, ends, np.cumsum(ends - starts) - (ends - starts))


def _by_clock(calendar: BusinessCalendar, low: int, high: int) -> OpenIntervalTable:
    """Cut the openings at midnight UTC: one row a day."""
    first, last, openings = _find_open_intervals(calendar, low, high)
    days = (last - first) // _DAY_US
    starts, ends, day = _cut(openings.starts, openings.ends, _DAY_US)
    before = openings.count(np.arange(days, dtype=np.int64) * _DAY_US)
    return _rows(first, _DAY_US, int(days), day, starts, ends, openings.count(starts), before)


def _by_open_time(calendar: BusinessCalendar, low: int, high: int) -> OpenIntervalTable:
    """Cut the openings into rows of equal open time, short enough that few openings share a row."""
    first, _, openings = _find_open_intervals(calendar, low, high)
    total = max(openings.total, 1)
    width = max(total // max(len(openings.starts), 1), US_PER_S)
    while True:
        begins, _, row = _cut(openings.before, openings.before + openings.ends - openings.starts, width)
        if not len(row) or np.bincount(row).max() <= _MAX_INTERVALS_PER_ROW or width <= US_PER_S:
            break
        width = max(width // 2, US_PER_S)
    passed = begins  # open time at which each piece begins
    owner = np.maximum(np.searchsorted(openings.before, passed, side="right") - 1, 0)
    starts = openings.starts[owner] + passed - openings.before[owner] if len(row) else passed
    lengths = np.minimum(np.append(passed[1:], total), (row + 1) * width) - passed
    rows = int(-(-total // width))
    return _rows(first, width, rows, row, starts, starts + lengths, passed, np.zeros(rows, dtype=np.int64))


def _cut(starts: Ints, ends: Ints, width: int) -> tuple[Ints, Ints, Ints]:
    """Cut intervals at the multiples of a width; return the pieces and the row of each."""
    first, last = starts // width, np.maximum(ends - 1, starts) // width
    copies = last - first + 1
    which = np.repeat(np.arange(len(starts)), copies)
    row = first[which] + np.arange(len(which)) - np.repeat(np.cumsum(copies) - copies, copies)
    return np.maximum(starts[which], row * width), np.minimum(ends[which], (row + 1) * width), row


def _rows(
    low: int, width: int, rows: int, row: Ints, starts: Ints, ends: Ints, passed: Ints, before: Ints
) -> OpenIntervalTable:
    """Lay the pieces of each row side by side."""
    place = np.arange(len(row)) - np.searchsorted(row, row, side="left")
    slots = int(place.max()) + 1 if len(row) else 1
    columns: dict[str, Ints] = {"_row": np.arange(rows, dtype=np.int64), "_before": before}
    for k in range(slots):
        mine = place == k
        for name, values in (("start", starts), ("end", ends), ("before", passed)):
            column = np.zeros(rows, dtype=np.int64)
            column[row[mine]] = values[mine]
            columns[f"_{name}{k}"] = column
    return OpenIntervalTable(low, width, slots, pd.DataFrame(columns))
