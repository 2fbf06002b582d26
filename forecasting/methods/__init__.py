"""One forecasting method a file. A new one: a function of a scene here, a line in registry.py."""

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {"calendar_effects": "build_day_design"})
