"""The list of the morning: ranked, with reasons, within a budget."""

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {"ranking": "rank_cases"})
