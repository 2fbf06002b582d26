"""Where a log ends: at the last time of its rows, unless a stray stamp lies years after everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

#: Times of the tables that a log can end with.
LOG_END_COLUMNS = (
    ("cases", "created_at"),
    ("events", "at"),
    ("contacts", "queued_at"),
    ("contacts", "ended_at"),
    ("surveys", "offered_at"),
    ("surveys", "responded_at"),
)
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


def find_end_of_frames(frames: Mapping[str, pd.DataFrame]) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """Return the regular end and the last time of canonical frames, or nothing where they have no times."""
    columns = [frames[t][c].dropna() for t, c in LOG_END_COLUMNS if t in frames and c in frames[t]]
    columns = [column for column in columns if len(column)]
    if not columns:
        return None
    n_times = sum(len(column) for column in columns)
    wanted = count_possible_strays(n_times) + 1
    latest = [time for column in columns for time in column.nlargest(wanted)]
    return find_regular_end(latest, n_times), max(latest)


def describe_stray_times(frames: Mapping[str, pd.DataFrame]) -> list[str]:
    """Name the times that lie so far after everything else that the log does not end with them.

    >>> days = pd.date_range("2024-03-01", periods=30, tz="UTC")
    >>> cases = pd.DataFrame({"case_id": [str(i) for i in range(30)], "created_at": days})
    >>> cases.loc[7, "created_at"] = pd.Timestamp("2062-03-01T09:00Z")
    >>> describe_stray_times({"cases": cases})
    ['1 time lies long after everything else and is left out, so the log ends on 30 Mar 2024: created_at of case 7 is \
01 Mar 2062']
    """
    ends = find_end_of_frames(frames)
    if ends is None or ends[0] == ends[1]:
        return []
    found = []
    for table, column in LOG_END_COLUMNS:
        if table in frames and column in frames[table]:
            rows = frames[table]
            late = rows[rows[column] > ends[0]]
            key = next(c for c in ("case_id", "contact_id", "survey_id", *rows.columns) if c in rows)
            noun = key.removesuffix("_id")
            found += [f"{column} of {noun} {row[key]} is {row[column]:%d %b %Y}" for row in late.to_dict("records")]
    times = f"{len(found)} time lies" if len(found) == 1 else f"{len(found)} times lie"
    verb = "is" if len(found) == 1 else "are"
    shown = "; ".join(found[:3]) + ("; and others" if len(found) > 3 else "")
    return [f"{times} long after everything else and {verb} left out, so the log ends on {ends[0]:%d %b %Y}: {shown}"]
