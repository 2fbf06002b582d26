"""When the desk is open, and how time is cut into periods."""

from ..lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "business_calendar": "BusinessCalendar",
    "business_time": "business_add business_seconds",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
