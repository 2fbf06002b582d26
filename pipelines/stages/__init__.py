"""check, history, forecast, staff, train, risk, drift, watch, accuracy: a project in, tables and findings out."""

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {"watch": "watch_stage watched_history"})
