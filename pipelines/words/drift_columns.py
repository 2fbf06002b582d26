"""Columns of the tables on drift: what has moved since the risk model learned."""

from __future__ import annotations

#: Table -> column -> label | format, as in :mod:`deskcast.pipelines.words.column_registry`.
DRIFT_COLUMNS = {
    "drift_checks": {
        "check": "Check | value",
        "column": "Input | words",
        "value": "Last 7 days | score",
        "usual": "Usual | score",
        "strength": "Strength | number",
        "moved": "Changed | flag",
        "detail": "New values | text",
    },
    "drift_by_morning": {
        "at": "Morning | instant",
        "strength": "Strength of the strongest check | number",
        "limit": "Limit | number",
    },
}
