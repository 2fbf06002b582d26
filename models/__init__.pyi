"""The public names of this package, for editors and type checkers: those of HOMES in __init__.py."""

from .anomaly.change_points import change_points as change_points
from .anomaly.scores import anomaly_scores as anomaly_scores
from .comparison.compare import compare_units as compare_units
from .drivers.attribution import explain_change as explain_change
from .drivers.attribution import rank_drivers as rank_drivers
from .drivers.causes import candidate_causes as candidate_causes
from .drivers.combinations import explain_combinations as explain_combinations
from .drivers.mix_rate import format_change as format_change
from .goals import goal_outlook as goal_outlook
from .goals import goal_outlooks as goal_outlooks
from .risk.breach import BreachRisk as BreachRisk
from .risk.dissatisfaction import DissatisfactionRisk as DissatisfactionRisk
from .risk.escalation import EscalationRisk as EscalationRisk
from .shifts.detect import detect_shifts as detect_shifts
from .shifts.gaming import gaming_guard as gaming_guard
from .shifts.ledger import build_alerts as build_alerts
from .shifts.ledger import update_alerts as update_alerts
