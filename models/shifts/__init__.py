"""What changed and when: evidence, false alarms, incidents, and their ledger."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "detect_shifts": "detect",
        "gaming_guard": "gaming",
        "build_alerts": "ledger",
        "update_alerts": "ledger",
    },
)
