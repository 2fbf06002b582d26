"""The public names of deskcast, for editors and type checkers: those of _HOMES in __init__.py."""

from .features import (
    BusinessCalendar as BusinessCalendar,
)
from .features import (
    CaseLog as CaseLog,
)
from .features import (
    InputError as InputError,
)
from .features import (
    breach_labels as breach_labels,
)
from .features import (
    case_history as case_history,
)
from .features import (
    kpi_history as kpi_history,
)
from .features import (
    series as series,
)
from .features import (
    snapshots as snapshots,
)
from .forecasting import (
    backtest as backtest,
)
from .forecasting import (
    forecast as forecast,
)
from .forecasting import (
    leaderboard as leaderboard,
)
from .forecasting import (
    queue_performance as queue_performance,
)
from .forecasting import (
    required_agents as required_agents,
)
from .forecasting import (
    scheduled_agents as scheduled_agents,
)
from .models import (
    BreachRisk as BreachRisk,
)
from .models import (
    DissatisfactionRisk as DissatisfactionRisk,
)
from .models import (
    EscalationRisk as EscalationRisk,
)
from .models import (
    anomaly_scores as anomaly_scores,
)
from .models import (
    detect_shifts as detect_shifts,
)
from .models import (
    explain_change as explain_change,
)
from .pipelines import open_log as open_log
from .pipelines import train_breach_risk as train_breach_risk

__version__: str
