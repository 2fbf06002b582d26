"""Volumes to expect, and the agents they need."""

from ..features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "backlog.clearing": "clear_backlog phone_idle",
    "backlog.outlook": "backlog_outlook",
    "backlog.plan": "backlog_plan",
    "intraday.moves": "find_moves",
    "intraday.reforecast": "reforecast_day",
    "intraday.target_causes": "explain_target",
    "panels.chunks": "forecast_chunks forecast_panel",
    "panels.cold_start": "forecast_cold_start",
    "panels.hierarchy": "backtest_hierarchy forecast_hierarchy",
    "panels.reconcile": "hierarchy reconcile",
    "panels.temporal": "forecast_over_time",
    "queueing.call_log": "call_intervals estimate_patience",
    "queueing.call_log_fit": "expected_calls predict_interval_performance",
    "queueing.chat": "chat_performance",
    "queueing.erlang": "erlang_b erlang_c queue_performance",
    "queueing.offered_load": "offered_load",
    "queueing.patience": "Patience",
    "queueing.transient": "queue_over_day",
    "scenarios.inflow": "inflow_paths",
    "scenarios.path_totals": "path_matrix total_over",
    "scenarios.sample_paths": "sample_paths",
    "scenarios.what_if": "Change what_if",
    "scheduling.schedule": "shift_schedule",
    "scheduling.shift_patterns": "shift_patterns",
    "scheduling.skills": "allocate_skills skill_bounds skill_plan",
    "simulation.check_plan": "check_plan",
    "simulation.skills": "simulate_skills",
    "staffing.demand": "Demand",
    "staffing.newsvendor": "cheapest_agents risk_curve",
    "staffing.required_agents": "required_agents required_chat_agents",
    "staffing.required_over_day": "required_agents_over_day",
    "staffing.risk_of_short": "agents_for_confidence risk_of_short",
    "staffing.staffing_plan": "scheduled_agents staffing_plan",
    "volume.backtest": "backtest leaderboard",
    "volume.forecast": "forecast",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES, {"forecast_young": "forecast_cold_start"})
