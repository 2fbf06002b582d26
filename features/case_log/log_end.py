"""Where a log begins and ends: with its first and last time, unless a stray stamp lies years off everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from .fetch import fetch

#: Times of the tables that a log can end with.
LOG_END_COLUMNS = (
    ("cases", "created_at"),
    ("events", "at"),
    ("contacts", "queued_at"),
    ("contacts", "ended_at"),
    ("surveys", "offered_at"),
    ("surveys", "responded_at"),
)
#: The instant by which the rows of each table come into a period; the first three tell when the log begins.
TABLE_TIMES = {
    "cases": "created_at",
    "contacts": "queued_at",
    "volumes": "ds",
    "outbound_contacts": "queued_at",
    "surveys": "offered_at",
    "article_views": "viewed_at",
    "searches": "searched_at",
    "tasks": "started_at",
    "agent_time": "start",
    "costs": "start",
    "denominators": "start",
    "repairs": "failed_at",
}
#: A gap that no desk leaves, and what one is in a log of many times.
MIN_STRAY_GAP = pd.Timedelta(days=365)
MIN_STRAY_GAP_OF_MANY = pd.Timedelta(days=180)
MANY_TIMES, MIN_TIMES = 1000, 20
#: At most so many times are looked at one by one.
MAX_STRAY_TIMES = 200


def count_possible_strays(n_times: int) -> int:
    """Return how many of so many times may be strays at most; none of a few.

    >>> [count_possible_strays(n) for n in (10, 20, 100, 5000)]
    [0, 1, 3, 5]
    """
    return min(max(min(n_times // MIN_TIMES, 3), n_times // MANY_TIMES), MAX_STRAY_TIMES)


def find_regular_end(latest: Sequence[pd.Timestamp], n_times: int) -> pd.Timestamp:
    """Return the last time of a log that is no stray.

    A stray is one of very few times that lie a year or more after all others, such as a closing typed in 2062. Where
    there are a thousand times or more, half a year is enough.

    Parameters
    ----------
    latest
        The latest times, in any order; at least one more than :func:`count_possible_strays`, or all.
    n_times
        How many there are in all.

    Examples
    --------
    >>> days = list(pd.date_range("2024-03-01", periods=30, tz="UTC"))
    >>> find_regular_end([*days, pd.Timestamp("2062-03-01T09:00Z")], 31)
    Timestamp('2024-03-30 00:00:00+0000', tz='UTC')
    """
    ordered = sorted(latest, reverse=True)
    gap = MIN_STRAY_GAP_OF_MANY if n_times >= MANY_TIMES else MIN_STRAY_GAP
    for place in range(min(count_possible_strays(n_times), len(ordered) - 1), 0, -1):
        if ordered[place - 1] - ordered[place] >= gap:
            return ordered[place]
    return ordered[0]


def find_regular_start(earliest: Sequence[pd.Timestamp], n_times: int) -> pd.Timestamp:
    """Return the first of some times that is no stray: the mirror image of :func:`find_regular_end`.

    >>> days = list(pd.date_range("2024-03-01", periods=30, tz="UTC"))
    >>> find_regular_start([pd.Timestamp("1970-01-01T00:00Z"), *days], 31)
    Timestamp('2024-03-01 00:00:00+0000', tz='UTC')
    """
    ordered = sorted(earliest)
    gap = MIN_STRAY_GAP_OF_MANY if n_times >= MANY_TIMES else MIN_STRAY_GAP
    for place in range(min(count_possible_strays(n_times), len(ordered) - 1), 0, -1):
        if ordered[place] - ordered[place - 1] >= gap:
            return ordered[place]
    return ordered[0]


def find_first_time(times: pd.Series[Any]) -> pd.Timestamp | None:
    """Return the first time of a column that is no stray; ``None`` where it has none."""
    known = times.dropna()
    if known.empty:
        return None
    return find_regular_start(list(known.nsmallest(count_possible_strays(len(known)) + 1)), len(known))


def find_first_instant(rows: Any, column: str) -> pd.Timestamp | None:
    """Return the first instant of an Ibis table that is no stray; ``None`` where it has none.

    Its rows may be a long derivation: they are asked for once, by day, as no gap that makes a stray is within a day.

    >>> import ibis
    >>> days = [pd.Timestamp("1970-01-01T09:00Z"), *pd.date_range("2024-03-01T10:00Z", periods=30)]
    >>> find_first_instant(ibis.memtable({"at": days}), "at")
    Timestamp('2024-03-01 10:00:00+0000', tz='UTC')
    """
    known = rows.filter(rows[column].notnull()).select(_at=column)
    days = known.group_by(_day=known["_at"].truncate("D")).agg(
        n=known.count(), first=known["_at"].min(), last=known["_at"].max()
    )
    found = fetch(days.order_by("first"))
    if found.empty:
        return None
    n_times = int(found["n"].sum())
    wanted = count_possible_strays(n_times) + 1
    rows = found.head(wanted)[["n", "first", "last"]].itertuples(index=False)
    earliest = [time for n, first, last in rows for time in [first] * min(n - 1, wanted) + [last]]
    return find_regular_start(earliest[:wanted], n_times)


def find_end_of_frames(frames: Mapping[str, pd.DataFrame]) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """Return the regular end and the last time of canonical frames, or nothing where they have no times."""
    columns = [frames[t][c].dropna() for t, c in LOG_END_COLUMNS if t in frames and c in frames[t]]
    columns = [column for column in columns if len(column)]
    ends = [find_end_of_slots(frames["volumes"])] if "volumes" in frames and len(frames["volumes"]) else []
    if columns:
        n_times = sum(len(column) for column in columns)
        wanted = count_possible_strays(n_times) + 1
        latest = [time for column in columns for time in column.nlargest(wanted)]
        ends.append((find_regular_end(latest, n_times), max(latest)))
    return (max(end for end, _ in ends), max(last for _, last in ends)) if ends else None


def find_end_of_slots(volumes: pd.DataFrame) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the regular end and the last end of the slots of a log of counts; a slot of several series is one time.

    >>> days = pd.date_range("2024-03-01", periods=30, tz="UTC").append(pd.DatetimeIndex(["2062-03-01T00:00Z"]))
    >>> [f"{end:%d %b %Y}" for end in find_end_of_slots(pd.DataFrame({"ds": days, "slot_s": 86400.0}))]
    ['31 Mar 2024', '02 Mar 2062']
    """
    ends = (volumes["ds"] + pd.to_timedelta(volumes["slot_s"], unit="s")).dropna().drop_duplicates()
    return find_regular_end(list(ends.nlargest(count_possible_strays(len(ends)) + 1)), len(ends)), ends.max()


def describe_stray_times(frames: Mapping[str, pd.DataFrame], *, ends: bool = True) -> list[str]:
    """Name the times that lie so far off everything else that the log does not begin or end with them.

    Parameters
    ----------
    frames
        Canonical tables.
    ends
        Whether the log ends with its last time; not where its end is given.

    Examples
    --------
    >>> days = pd.date_range("2024-03-01", periods=30, tz="UTC")
    >>> cases = pd.DataFrame({"case_id": [str(i) for i in range(30)], "created_at": days})
    >>> cases.loc[7, "created_at"] = pd.Timestamp("2062-03-01T09:00Z")
    >>> describe_stray_times({"cases": cases})
    ['1 time lies long after everything else and is left out, so the log ends on 30 Mar 2024: created_at of case 7 is \
01 Mar 2062']
    >>> cases.loc[7, "created_at"] = pd.Timestamp("1970-01-01T00:00Z")
    >>> describe_stray_times({"cases": cases})
    ['1 time lies long before everything else and is left out of the periods, so those of cases begin on 01 Mar 2024: \
created_at of case 7 is 01 Jan 1970']
    """
    there = {t: c for t, c in TABLE_TIMES.items() if t in frames and c in frames[t]}
    firsts = {table: find_first_time(frames[table][column]) for table, column in there.items()}
    found = find_end_of_frames(frames) if ends else None
    return describe_strays(frames, firsts, None if found is None or found[0] == found[1] else found[0])


def describe_strays(
    frames: Mapping[str, pd.DataFrame], firsts: Mapping[str, pd.Timestamp | None], end: pd.Timestamp | None
) -> list[str]:
    """Name the times of canonical tables, or of their outermost rows, that lie before a first or after an end.

    Parameters
    ----------
    frames
        Canonical tables.
    firsts
        The first time of each table by which its rows come into a period.
    end
        The end of the log; none where no time is after it.
    """
    messages = []
    for table, first in firsts.items():
        column = TABLE_TIMES[table]
        early = [] if first is None else _name_times(frames[table], column, frames[table][column] < first)
        if early:
            so = f"left out of the periods, so those of {table} begin on {first:%d %b %Y}"
            messages.append(_describe(early, "before", so))
    if end is None:
        return messages
    late = [
        name
        for table, column in (*LOG_END_COLUMNS, ("volumes", "ds"))
        if table in frames and column in frames[table]
        for name in _name_times(frames[table], column, frames[table][column] > end)
    ]
    return [*messages, _describe(late, "after", f"left out, so the log ends on {end:%d %b %Y}")]


def _name_times(rows: pd.DataFrame, column: str, which: pd.Series[bool]) -> list[str]:
    key = next(c for c in ("case_id", "contact_id", "survey_id", *rows.columns) if c in rows)
    noun = "series" if key == "unique_id" else key.removesuffix("_id")
    return [f"{column} of {noun} {row[key]} is {row[column]:%d %b %Y}" for row in rows[which].to_dict("records")]


def _describe(found: Sequence[str], side: str, so: str) -> str:
    times, verb = (f"{len(found)} time lies", "is") if len(found) == 1 else (f"{len(found)} times lie", "are")
    shown = "; ".join(found[:3]) + ("; and others" if len(found) > 3 else "")
    return f"{times} long {side} everything else and {verb} {so}: {shown}"
