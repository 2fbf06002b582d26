"""Kaplan-Meier and intervals, for all rooms."""

from __future__ import annotations

from ..lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "kaplan_meier": "kaplan_meier",
    },
)
