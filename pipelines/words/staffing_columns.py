"""Columns of what a staffing plan was made of; see :mod:`.column_registry`."""

from __future__ import annotations

STAFFING_COLUMNS = {
    "staffing_settings": {
        "queue_kind": "Kind of work | text",
        "interval_s": "Length of an interval | duration",
        "service_level": "Service level target | share",
        "within_s": "Answered within | duration",
        "patience_s": "Patience | duration",
        "max_occupancy": "Highest occupancy | share",
        "shrinkage": "Shrinkage | share",
        "confidence": "Confidence | share",
        "concurrency": "Chats at a time | number",
        "slowdown": "Slowdown of each more chat | share",
        "aht_spread": "Days differ in handle time by | share",
        "target_over": "Target met over | text",
        "aht_with_volume": "Handle time moves with volume by | number",
    },
    "staffing_forecast": {"ds": "Interval start | instant"},
}
