"""Kaplan-Meier and intervals, for all rooms."""

from ..lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {"kaplan_meier": "kaplan_meier"})
