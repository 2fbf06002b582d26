"""A long frame in, a matrix of slots out: open, missing, outage, special day."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "make_grid": "grid",
        "mark_special_days": "special_days",
    },
)
