"""deskcast: from the case log of a service desk to staffing, cases at risk and KPI shifts.

The names that most people need are here and are imported when they are first used::

    from deskcast import CaseLog, open_log, kpi_history, forecast, required_agents, BreachRisk
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "BreachRisk": "models",
    "DissatisfactionRisk": "models",
    "EscalationRisk": "models",
    "BusinessCalendar": "features",
    "CaseLog": "features",
    "InputError": "features",
    "anomaly_scores": "models",
    "backtest": "forecasting",
    "breach_labels": "features",
    "case_history": "features",
    "detect_shifts": "models",
    "explain_change": "models",
    "forecast": "forecasting",
    "kpi_history": "features",
    "leaderboard": "forecasting",
    "open_log": "pipelines",
    "queue_performance": "forecasting",
    "required_agents": "forecasting",
    "scheduled_agents": "forecasting",
    "series": "features",
    "snapshots": "features",
    "train_breach_risk": "pipelines",
}

__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'deskcast' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
