"""Cases as they were known at an instant: the rows that models learn from."""

from ..lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "snapshot_times": "daily",
    "snapshots": "feature_columns snapshots",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
