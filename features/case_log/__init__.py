"""The canonical tables, and the log as it stood at any instant."""

from __future__ import annotations

from ..lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "CaseLog": "log",
    },
)
