"""One row a case: what happened to it."""

from ..lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "business_times": "case_business_times",
    "facts": "write_case_history",
    "history": "case_history",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
