"""check, history, forecast, staff, train, risk, watch: a project in, tables and findings out."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "watch_stage": "watch",
        "watched_history": "watch",
    },
)
