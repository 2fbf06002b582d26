"""The list of the morning: ranked, with reasons, within a budget."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "rank_cases": "ranking",
    },
)
