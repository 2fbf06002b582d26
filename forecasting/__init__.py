"""What comes, and whom it takes: volumes with intervals, and the agents that they need."""

from __future__ import annotations

from ..features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "backtest": "evaluation",
        "erlang_b": "erlang",
        "forecast": "volume",
        "leaderboard": "evaluation",
        "queue_performance": "erlang",
        "required_agents": "staffing",
        "scheduled_agents": "staffing",
        "staffing_plan": "staffing",
    },
)
