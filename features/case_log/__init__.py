"""The canonical tables, and the log as it stood at any instant."""

from ..lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {"log": "CaseLog"})
