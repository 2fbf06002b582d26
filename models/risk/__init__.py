"""Breach, dissatisfaction, escalation: fitted, promoted only if better, brought up to date."""
