"""The rest of a day that has begun, and why a day that is over met its target or not."""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "breach_causes": "explain_breaches find_productivity",
    "moves": "find_moves",
    "reforecast": "backtest_reforecast reforecast_day",
    "target_causes": "explain_target",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
