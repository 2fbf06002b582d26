"""Results, memory and record: whole or absent."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "AlertState": "incidents",
    },
)
