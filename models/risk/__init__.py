"""Breach, dissatisfaction, escalation: fitted, promoted only if better, brought up to date."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "BreachRisk": "breach",
        "DissatisfactionRisk": "dissatisfaction",
        "EscalationRisk": "escalation",
        "NAME": "dissatisfaction",
        "already_breached": "breach",
        "case_rows": "case_rows",
        "known_outcomes": "known_outcomes",
        "prepared": "survey_cohort",
    },
)
