"""Arithmetic on instants in a query, in the way that is fast in the engine that runs it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import ibis
import pandas as pd

from ..errors import InputError


@ibis.udf.scalar.builtin(name="epoch_us", signature=(("timestamp('UTC', 6)",), "int64"))  # type: ignore[untyped-decorator]
def _epoch_us(at: Any) -> Any: ...  # DuckDB's own, a hundred times faster than its difference of instants


@ibis.udf.scalar.builtin(name="make_timestamp", signature=(("int64",), "timestamp(6)"))  # type: ignore[untyped-decorator]
def _make_timestamp(micros: Any) -> Any: ...  # DuckDB's own


def find_engine(*expressions: Any) -> str:
    """Name the engine on which Ibis expressions are bound; what is bound to none runs on DuckDB.

    >>> find_engine(ibis.literal(1))
    'duckdb'
    """
    ahead, seen = [expression.op() for expression in expressions], set()
    while ahead:
        node = ahead.pop()
        source = getattr(node, "source", None)
        if source is not None:
            return str(source.name)
        fresh = [child for child in node.__children__ if child not in seen]
        seen.update(fresh)
        ahead += fresh
    return "duckdb"


def seconds_between(start: Any, stop: Any) -> Any:
    """Seconds from one Ibis column of instants to another, to the microsecond.

    >>> import ibis, pandas as pd
    >>> day = [ibis.literal(pd.Timestamp(t)) for t in ("2024-03-01T09:00Z", "2024-03-01T09:00:01.5Z")]
    >>> seconds_between(*day).execute()
    1.5
    """
    if find_engine(start, stop) == "duckdb":
        return (_epoch_us(stop) - _epoch_us(start)).cast("float64") / 1e6
    return stop.delta(start, unit="microsecond").cast("float64") / 1e6


def apply_utc_offsets(at: Any, offsets: Sequence[tuple[pd.Timestamp, int]]) -> Any:
    """Turn an Ibis column of instants into a clock without a zone, by the offsets that hold from each instant on.

    Parameters
    ----------
    at
        Instants.
    offsets
        As :func:`~deskcast.features.calendars.periods.zone_offsets` lists them, in seconds to be added to UTC.
    """
    if find_engine(at) == "duckdb":
        micros = [(until, seconds * 1_000_000) for until, seconds in offsets]
        return _make_timestamp(_epoch_us(at) + _chosen(at, micros, lambda us: ibis.literal(us, "int64")))
    clock = at.cast("timestamp")
    if all(seconds == 0 for _, seconds in offsets):
        return clock
    return clock + _chosen(at, offsets, lambda seconds: ibis.interval(seconds=seconds))


def _chosen(at: Any, offsets: Sequence[tuple[pd.Timestamp, int]], value: Any) -> Any:
    """Choose the value of the offset in force by a CASE over the instants at which it changes."""
    last = value(offsets[-1][1])
    if len({offset for _, offset in offsets}) == 1:
        return last
    branches = [(at < ibis.literal(until), value(offset)) for (_, offset), (until, _) in pairwise(offsets)]
    return ibis.cases(*branches, else_=last)


def parse_instant(t: object, timezone: str = "UTC") -> pd.Timestamp:
    """Return an instant in UTC; without a zone it is read on the clock of ``timezone``.

    >>> parse_instant("2024-07-01 09:00", "Europe/Lisbon")
    Timestamp('2024-07-01 08:00:00+0000', tz='UTC')
    """
    try:
        stamp = pd.Timestamp(t)  # type: ignore[arg-type]
    except (ValueError, TypeError) as error:
        raise InputError("not a valid instant", got=t, wanted="a date and time", code="time.unreadable") from error
    if pd.isna(stamp):
        raise InputError("not a valid instant", got=t, wanted="a date and time", code="time.unreadable")
    if stamp.tzinfo is None:  # the hour that comes twice is its first, the one that never comes is its end
        stamp = stamp.tz_localize(timezone, ambiguous=True, nonexistent="shift_forward")
    return stamp.tz_convert("UTC")
