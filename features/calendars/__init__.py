"""When the desk is open, and how time is cut into periods."""

from __future__ import annotations

from ..lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "BusinessCalendar": "business_calendar",
        "business_add": "business_time",
        "business_seconds": "business_time",
    },
)
