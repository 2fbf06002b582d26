"""The recommended forecast: methods chosen, combined and given intervals on past origins."""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "backtest": "backtest leaderboard",
    "forecast": "forecast",
    "losses": "coverage wape wql",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
