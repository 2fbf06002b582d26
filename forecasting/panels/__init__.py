"""Many series at once: that add up, that are young, that are very many."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "backtest_hierarchy": "hierarchy",
        "forecast_chunks": "chunks",
        "forecast_hierarchy": "hierarchy",
        "forecast_over_time": "temporal",
        "forecast_panel": "chunks",
        "forecast_cold_start": "cold_start",
        "hierarchy": "reconcile",
        "least_squares": "reconcile",
        "reconcile": "reconcile",
        "reconcile_values": "reconcile",
    },
)
