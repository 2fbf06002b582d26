"""The public names of this package, for editors and type checkers: those of HOMES in __init__.py."""

from .calendars.business_calendar import BusinessCalendar as BusinessCalendar
from .calendars.business_time import business_add as business_add
from .calendars.business_time import business_seconds as business_seconds
from .case_log.log import CaseLog as CaseLog
from .cases.business_times import case_business_times as case_business_times
from .cases.facts import write_case_history as write_case_history
from .cases.history import case_history as case_history
from .errors import InputError as InputError
from .kpis.availability import availability as availability
from .kpis.case_flow import compute_case_flow as compute_case_flow
from .kpis.cases_behind import find_cases_behind as find_cases_behind
from .kpis.kpi_history import kpi_history as kpi_history
from .kpis.kpi_history import series as series
from .labels.breach import breach_labels as breach_labels
from .labels.events import escalation_labels as escalation_labels
from .labels.events import reopen_labels as reopen_labels
from .labels.satisfaction import dissatisfaction_labels as dissatisfaction_labels
from .sla.milestones import milestones as milestones
from .snapshots.snapshots import feature_columns as feature_columns
from .snapshots.snapshots import snapshots as snapshots
