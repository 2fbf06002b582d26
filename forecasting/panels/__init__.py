"""Many series at once: that add up, that are young, that are very many."""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "chunks": "forecast_chunks forecast_panel",
    "cold_start": "forecast_cold_start",
    "hierarchy": "backtest_hierarchy forecast_hierarchy",
    "reconcile": "hierarchy least_squares reconcile reconcile_values",
    "temporal": "forecast_over_time",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
