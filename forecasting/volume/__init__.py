"""The recommended forecast: methods chosen, combined and given intervals on past origins."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "backtest": "backtest",
        "coverage": "losses",
        "forecast": "forecast",
        "leaderboard": "backtest",
        "wape": "losses",
        "wql": "losses",
    },
)
