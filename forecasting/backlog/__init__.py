"""Work that can wait until it is due."""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "clearing": "clear_backlog phone_idle",
    "outlook": "backlog_outlook",
    "plan": "backlog_plan",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
