"""What came of a case, and from when that was known."""

from __future__ import annotations

from ..lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "breach_labels": "breach",
        "find_case_ends": "breach",
        "dissatisfaction_labels": "satisfaction",
        "escalation_labels": "events",
        "reopen_labels": "events",
    },
)
