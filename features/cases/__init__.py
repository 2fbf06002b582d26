"""One row a case: what happened to it."""

from __future__ import annotations

from ..lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "case_business_times": "business_times",
        "case_history": "history",
        "write_case_history": "facts",
    },
)
