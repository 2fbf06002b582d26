"""Breach, dissatisfaction, escalation: fitted, promoted only if better, brought up to date."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "BreachRisk": "breach",
        "DissatisfactionRisk": "dissatisfaction",
        "EscalationRisk": "escalation",
        "DISSATISFACTION_LABEL": "dissatisfaction",
        "has_breached": "breach",
        "case_snapshots": "case_rows",
        "known_outcomes": "known_outcomes",
        "prepare_snapshots": "survey_cohort",
    },
)
