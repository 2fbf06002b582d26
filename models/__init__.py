"""Which case, which metric, and why: risks of open cases, shifts of KPIs and their drivers."""

from __future__ import annotations

from ..features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "BreachRisk": "risk.breach",
        "DissatisfactionRisk": "risk.dissatisfaction",
        "EscalationRisk": "risk.escalation",
        "anomaly_scores": "anomaly.scores",
        "candidate_causes": "drivers.causes",
        "change_points": "anomaly.change_points",
        "detect_shifts": "shifts.detect",
        "explain_change": "drivers.attribution",
        "explain_combinations": "drivers.combinations",
        "gaming_guard": "shifts.gaming",
        "goal_outlook": "goals",
        "build_alerts": "shifts.ledger",
        "update_alerts": "shifts.ledger",
    },
    {"incident_frame": "build_alerts", "update_incidents": "update_alerts"},
)
