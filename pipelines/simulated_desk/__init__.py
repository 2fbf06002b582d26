"""A made-up desk with a known truth, for the demo and the tests."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "simulate_desk": "desk",
        "write_desk": "desk",
    },
)
