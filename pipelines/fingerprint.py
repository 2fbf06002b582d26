"""A fingerprint of the data that went into a run."""

from __future__ import annotations

import hashlib
from typing import Any

from ..features.engine import CaseLog


def fingerprint(log: CaseLog) -> str:
    """Return a short text that is the same for the same rows, in whatever order they stand.

    Parameters
    ----------
    log
        The case log. Its engine sums up a hash of every row, so no row leaves it.

    Returns
    -------
    16 hexadecimal digits. A change of any value, row, column or of the log's end gives others. They hold for one
    version of the engine: compare runs with them, not archives.

    Examples
    --------
    >>> import pandas as pd
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-02T09:00Z"]})
    >>> one, same = CaseLog.from_frames(cases=cases), CaseLog.from_frames(cases=cases[::-1])
    >>> fingerprint(one) == fingerprint(same), fingerprint(one) == fingerprint(one.as_of("2024-03-01T12:00Z"))
    (True, False)
    """
    parts = [f"{log.until.isoformat()} {log.timezone}"]
    for name in sorted(log.tables):
        parts.append(f"{name} {_sums(log.tables[name])}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _sums(table: Any) -> str:
    import ibis

    columns = sorted(table.columns)
    if not columns:
        return "0"
    cells = [table[c].cast("string").fill_null("\x1e") for c in columns]
    row = ibis.literal("\x1f").join(cells).hash()
    # Two moments of the hashes: rows may come in any order, and a pair of equal rows does not cancel out.
    low, high = row & 0xFFFFFFFF, (row >> 32) & 0xFFFFFFFF
    found = table.aggregate(n=table.count(), low=low.sum(), high=high.sum()).execute().iloc[0]
    return f"{','.join(columns)} {int(found['n'])} {int(found['low'] or 0)} {int(found['high'] or 0)}"
