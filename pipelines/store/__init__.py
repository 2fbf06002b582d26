"""Results, memory and record: whole or absent."""

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {"incidents": "AlertState"})
