"""What comes, and whom it takes: volumes with intervals, and the agents that they need."""

from __future__ import annotations

from ..features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Demand": "demand",
        "Patience": "patience",
        "agents_for_confidence": "risk_of_short",
        "backtest": "evaluation",
        "chat_performance": "chat",
        "cheapest_agents": "newsvendor",
        "erlang_b": "erlang",
        "erlang_c": "erlang",
        "forecast": "volume",
        "leaderboard": "evaluation",
        "queue_performance": "erlang",
        "required_agents": "need",
        "required_chat_agents": "need",
        "risk_curve": "newsvendor",
        "risk_of_short": "risk_of_short",
        "scheduled_agents": "staffing",
        "staffing_plan": "staffing",
    },
)
