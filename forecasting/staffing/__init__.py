"""How many agents, and how sure that is."""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "demand": "Demand",
    "newsvendor": "cheapest_agents risk_curve",
    "required_agents": "required_agents required_chat_agents",
    "required_over_day": "required_agents_over_day",
    "risk_of_short": "agents_for_confidence risk_of_short",
    "staffing_plan": "scheduled_agents staffing_plan",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
