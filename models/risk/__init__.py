"""Breach, dissatisfaction, escalation: fitted, promoted only if better, brought up to date."""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "breach": "BreachRisk has_breached",
    "case_rows": "case_snapshots",
    "dissatisfaction": "DISSATISFACTION_LABEL DissatisfactionRisk",
    "escalation": "EscalationRisk",
    "known_outcomes": "known_outcomes",
    "survey_cohort": "prepare_snapshots",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
