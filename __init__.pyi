"""The public names of deskcast, for editors and type checkers: those of _HOMES in __init__.py."""

from .features import (
    BusinessCalendar as BusinessCalendar,
    CaseLog as CaseLog,
    InputError as InputError,
    breach_labels as breach_labels,
    case_history as case_history,
    kpi_history as kpi_history,
    series as series,
    snapshots as snapshots,
)
from .forecasting import (
    backtest as backtest,
    forecast as forecast,
    leaderboard as leaderboard,
    queue_performance as queue_performance,
    required_agents as required_agents,
    scheduled_agents as scheduled_agents,
)
from .models import (
    BreachRisk as BreachRisk,
    DissatisfactionRisk as DissatisfactionRisk,
    EscalationRisk as EscalationRisk,
    anomaly_scores as anomaly_scores,
    detect_shifts as detect_shifts,
    explain_change as explain_change,
)
from .pipelines import open_log as open_log

__version__: str
