"""Work that can wait until it is due."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "backlog_outlook": "outlook",
        "backlog_plan": "plan",
        "clear_backlog": "clearing",
        "phone_idle": "clearing",
    },
)
