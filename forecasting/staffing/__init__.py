"""How many agents, and how sure that is."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Demand": "demand",
        "agents_for_confidence": "risk_of_short",
        "cheapest_agents": "newsvendor",
        "required_agents": "required_agents",
        "required_agents_over_day": "required_over_day",
        "required_chat_agents": "required_agents",
        "risk_curve": "newsvendor",
        "risk_of_short": "risk_of_short",
        "scheduled_agents": "staffing_plan",
        "staffing_plan": "staffing_plan",
    },
)
