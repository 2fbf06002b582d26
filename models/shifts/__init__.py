"""What changed and when: evidence, false alarms, incidents, and their ledger."""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "detect": "detect_shifts",
    "gaming": "gaming_guard",
    "ledger": "build_alerts update_alerts",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
