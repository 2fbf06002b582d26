"""What each table of a log holds, told by one look at it: rows, columns with values, first and last instants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from .cache import compute_once
from .fetch import fetch
from .log import CaseLog


@dataclass(frozen=True)
class TableContents:
    """What a table holds.

    Attributes
    ----------
    rows
        Number of its rows.
    known
        Number of the values that are there, by column.
    first, last
        First and last instant of each column of instants that has any.
    """

    rows: int
    known: dict[str, int]
    first: dict[str, pd.Timestamp] = field(default_factory=dict)
    last: dict[str, pd.Timestamp] = field(default_factory=dict)


def inspect_table(log: CaseLog, table: str) -> TableContents:
    """Look over a table of a log, once for each log.

    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-02T09:00Z"],
    ...                       "channel": [None, "web"]})
    >>> found = inspect_table(CaseLog.from_frames(cases=cases), "cases")
    >>> found.rows, found.known["channel"], str(found.first["created_at"])
    (2, 1, '2024-03-01 09:00:00+00:00')
    """
    found: TableContents = compute_once(log, ("contents", table), lambda: _look(log.table(table)))
    return found


def _look(rows: Any) -> TableContents:
    names = dict(enumerate(rows.columns))
    times = [n for n, name in names.items() if rows[name].type().is_timestamp()]
    asked = {f"n{n}": rows[name].count() for n, name in names.items()}
    asked |= {f"first{n}": rows[names[n]].min() for n in times} | {f"last{n}": rows[names[n]].max() for n in times}
    seen = fetch(rows.agg(rows=rows.count(), **asked)).iloc[0]
    ends = [{names[n]: _as_utc(seen[f"{end}{n}"]) for n in times if seen[f"n{n}"]} for end in ("first", "last")]
    return TableContents(int(seen["rows"]), {name: int(seen[f"n{n}"]) for n, name in names.items()}, *ends)


def _as_utc(time: Any) -> pd.Timestamp:
    stamp = pd.Timestamp(time)
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
