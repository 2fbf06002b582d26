"""What comes, and whom it takes: volumes with intervals, and the agents that they need."""

from __future__ import annotations

from ..features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "agents_for_confidence": "risk_of_short",
        "allocate_skills": "skills",
        "backlog_outlook": "outlook",
        "backlog_plan": "backlog",
        "backtest": "evaluation",
        "call_intervals": "call_log",
        "chat_performance": "chat",
        "cheapest_agents": "newsvendor",
        "check_plan": "plan_check",
        "clear_backlog": "clearing",
        "Demand": "demand",
        "erlang_b": "erlang",
        "erlang_c": "erlang",
        "estimate_patience": "call_log",
        "forecast": "volume",
        "inflow_paths": "inflow",
        "leaderboard": "evaluation",
        "offered_load": "offered_load",
        "path_matrix": "path_totals",
        "Patience": "patience",
        "phone_idle": "clearing",
        "queue_over_day": "transient",
        "queue_performance": "erlang",
        "required_agents": "need",
        "required_agents_over_day": "day_requirement",
        "required_chat_agents": "need",
        "risk_curve": "newsvendor",
        "risk_of_short": "risk_of_short",
        "sample_paths": "paths",
        "scheduled_agents": "staffing",
        "shift_patterns": "shift_patterns",
        "shift_schedule": "scheduling",
        "simulate_skills": "skill_runs",
        "skill_bounds": "skills",
        "skill_plan": "skills",
        "staffing_plan": "staffing",
        "total_over": "path_totals",
    },
)
