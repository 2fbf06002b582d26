"""Which case, which KPI, and why."""

from ..features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "anomaly.change_points": "change_points",
    "anomaly.scores": "anomaly_scores",
    "comparison.compare": "compare_units",
    "drivers.attribution": "explain_change rank_drivers",
    "drivers.causes": "candidate_causes",
    "drivers.combinations": "explain_combinations",
    "drivers.mix_rate": "format_change",
    "goals": "goal_outlook goal_outlooks",
    "risk.breach": "BreachRisk",
    "risk.dissatisfaction": "DissatisfactionRisk",
    "risk.escalation": "EscalationRisk",
    "shifts.detect": "detect_shifts",
    "shifts.gaming": "gaming_guard",
    "shifts.ledger": "build_alerts update_alerts",
}
__getattr__, __dir__ = lazy_names(
    __name__, HOMES, {"incident_frame": "build_alerts", "update_incidents": "update_alerts"}
)
