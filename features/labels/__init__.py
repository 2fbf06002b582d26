"""What came of a case, and from when that was known."""

from ..lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "breach": "breach_labels find_case_ends",
    "events": "escalation_labels reopen_labels",
    "satisfaction": "dissatisfaction_labels",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
