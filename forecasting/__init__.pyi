"""The public names of this package, for editors and type checkers: those of HOMES in __init__.py."""

from .backlog.clearing import clear_backlog as clear_backlog, phone_idle as phone_idle
from .backlog.outlook import backlog_outlook as backlog_outlook
from .backlog.plan import backlog_plan as backlog_plan
from .panels.chunks import forecast_chunks as forecast_chunks, forecast_panel as forecast_panel
from .panels.cold_start import forecast_cold_start as forecast_cold_start
from .panels.hierarchy import backtest_hierarchy as backtest_hierarchy, forecast_hierarchy as forecast_hierarchy
from .panels.reconcile import hierarchy as hierarchy, reconcile as reconcile
from .panels.temporal import forecast_over_time as forecast_over_time
from .queueing.call_log import call_intervals as call_intervals, estimate_patience as estimate_patience
from .queueing.call_log_fit import expected_calls as expected_calls, predict_interval_performance as predict_interval_performance
from .queueing.chat import chat_performance as chat_performance
from .queueing.erlang import erlang_b as erlang_b, erlang_c as erlang_c, queue_performance as queue_performance
from .queueing.offered_load import offered_load as offered_load
from .queueing.patience import Patience as Patience
from .queueing.transient import queue_over_day as queue_over_day
from .scenarios.inflow import inflow_paths as inflow_paths
from .scenarios.path_totals import path_matrix as path_matrix, total_over as total_over
from .scenarios.sample_paths import sample_paths as sample_paths
from .scenarios.what_if import Change as Change, what_if as what_if
from .scheduling.schedule import shift_schedule as shift_schedule
from .scheduling.shift_patterns import shift_patterns as shift_patterns
from .scheduling.skills import allocate_skills as allocate_skills, skill_bounds as skill_bounds, skill_plan as skill_plan
from .simulation.check_plan import check_plan as check_plan
from .simulation.skills import simulate_skills as simulate_skills
from .staffing.demand import Demand as Demand
from .staffing.newsvendor import cheapest_agents as cheapest_agents, risk_curve as risk_curve
from .staffing.required_agents import required_agents as required_agents, required_chat_agents as required_chat_agents
from .staffing.required_over_day import required_agents_over_day as required_agents_over_day
from .staffing.risk_of_short import agents_for_confidence as agents_for_confidence, risk_of_short as risk_of_short
from .staffing.staffing_plan import scheduled_agents as scheduled_agents, staffing_plan as staffing_plan
from .volume.backtest import backtest as backtest, leaderboard as leaderboard
from .volume.forecast import forecast as forecast
