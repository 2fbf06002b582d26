"""Cases as they were known at an instant: the rows that models learn from."""

from __future__ import annotations

from ..lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "daily": "snapshot_times",
        "feature_columns": "snapshots",
        "snapshots": "snapshots",
    },
)
