"""Names that were changed: old names are still taken, with a note, until a release."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

import pandas as pd

from .errors import InputError

#: The version that takes old names no more.
OLD_NAMES_UNTIL = "0.3"


class Renamed(NamedTuple):
    """One name: what it names, where it stands, and what it was and is called."""

    kind: str
    where: str
    old: str
    new: str


class RenamedWarning(FutureWarning):
    """An old name was used."""


_ALERT_COLUMNS = {"incident_id": "alert_id", "dated_at": "changed_at", "cost": "impact"}
_DISSATISFACTION_COLUMNS = {
    "p_dissatisfied_if_asked": "dissatisfaction_risk",
    "p_dissatisfied_if_answers": "dissatisfaction_risk_if_answered",
    "p_answers": "response_probability",
}
_BACKLOG_COLUMNS = {
    "late": "breaches",
    "late_share": "breach_share",
    "late_open": "overdue_open",
    "breach_by": "breach_risk_to_date",
    "why": "reason",
}
_ALARM_RATE = {"alarms_per_week": "false_alerts_per_week"}

#: Kind -> where it stands -> old name -> new name.
_NAMES: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "table": {
        "results": {
            "incidents": "kpi_alerts",
            "shifts": "detections",
            "bands": "expected_ranges",
            "pairs": "counter_metrics",
            "refused": "rejected_rows",
            "broken": "breached_cases",
            "waiting": "awaiting_closure",
            "just_closed": "recently_closed",
            "upset_evaluation": "outcome_evaluation",
            "reliability": "calibration",
            "rolling": "breach_backtest",
            "rolling_reliability": "breach_backtest_calibration",
            "at_budget": "precision_at_capacity",
            "workload": "recall_by_share",
            "lead_time": "warning_time",
            "forecast_by_slot": "forecast_by_time",
        }
    },
    "column": {
        "kpi_alerts": _ALERT_COLUMNS | {"cost_unit": "impact_unit", "also": "other_kpis"},
        "detections": _ALERT_COLUMNS,
        "expected_ranges": {"incident_id": "alert_id"},
        "staffing": {
            "people": "agents_to_schedule",
            "people_sure": "agents_to_schedule_sure",
            "short_risk": "miss_probability",
        },
        "casework": {"people": "agents_to_schedule", "late_expected": "expected_breaches"} | _BACKLOG_COLUMNS,
        "clearing": {"late": "breaches"},
        "schedule": {"people": "scheduled_agents"},
        "skill_plan": {"people": "agents"},
        "coverage": {"need": "required", "shortfall": "understaffed", "surplus": "overstaffed", "why": "reason"},
        "breached_cases": {"late_s": "overdue_s"},
        "counter_metrics": {
            "gain": "improved_kpi",
            "loss": "worsened_kpi",
            "gain_before": "improved_before",
            "gain_after": "improved_after",
            "loss_before": "worsened_before",
            "loss_after": "worsened_after",
            "words": "summary",
        },
        "goals": {"way": "better", "words": "summary"},
        "candidate_causes": {"words": "summary"},
        "availability": {"lacks": "missing_data"},
        "checks": {"question": "check", "answer": "result"},
        "risk": {
            "band": "risk_level",
            "picked": "work_first",
            "benefit": "expected_benefit",
            "p_dissatisfied_if_asked": "dissatisfaction_risk",
            "p_escalated": "escalation_risk",
        },
        "dissatisfaction": _DISSATISFACTION_COLUMNS | {"band": "risk_level"},
        "recently_closed": _DISSATISFACTION_COLUMNS | {"band": "risk_level"},
        "escalation": {"p_escalated": "escalation_risk"},
        "drift": {"said": "predicted"},
        "recall_by_share": {"saved": "not_reviewed", "looked_at": "reviewed"},
        "warning_times": {"lead_s": "warning_s"},
        "warning_time": {
            "median_lead_s": "median_warning_s",
            "bad_cases": "breached",
            "at_least_a_day": "warned_a_day_ahead",
        },
    },
    "value": {
        "kpi_alerts.kind": {"shift": "level_shift"},
        "kpi_alerts.state": {"withdrawn": "cancelled", "open": "continuing", "resolved": "back to normal"},
        "kpi_alerts.news": {"withdrawn": "cancelled"},
        "detections.kind": {"shift": "level_shift"},
        "casework.reason": {"broken before the first slot": "already breached"},
        "checks.check": {
            "What was read?": "Files read",
            "How many rows are there?": "Rows loaded",
            "What span do they cover?": "Period covered",
            "What was recognised or decided?": "Detected settings",
            "How many rows were refused, and why?": "Rejected rows",
            "How many rows came more than once?": "Duplicates",
            "Does anything look odd?": "Data-quality warnings",
            "Which KPIs can be had?": "Available KPIs",
            "What do the other KPIs need?": "Data missing for other KPIs",
        },
        "goals.better": {"1.0": "higher", "-1.0": "lower"},
        "reasons.group": {"handovers": "transfers", "promises": "other_slas"},
        "simulated.period": {"slot": "interval"},
    },
    "attribute": {
        "forecast": {"refused": "rejected"},
        "explain_change": {"words": "summary"},
    },
    "metric": {
        "check": {"refused": "rejected_rows"},
        "risk": {"broken": "breached", "waiting": "awaiting_closure", "picked": "work_first"},
        "watch": {"incidents": "kpi_alerts", "alarms": "detections", "news": "alerts_with_news"},
    },
    "key": {
        "watch": _ALARM_RATE,
        "risk": {"budget": "cases_per_day"},
        "action": {"prevents": "success_rate"},
        "when": {"band": "risk_level"},
        "shifts": {"max_people": "max_agents"},
        "alerts.json": {"incidents": "alerts", "alarms": "detections"},
    },
    "argument": {
        "detect_shifts": _ALARM_RATE,
        "detect_watched_shifts": _ALARM_RATE,
        "gaming_guard": _ALARM_RATE,
        "guard_watched": _ALARM_RATE,
        "shift_schedule": {"max_people": "max_agents"},
        "recall_at_workload": {"saved": "not_reviewed"},
        "risk_stage": {"budget": "cases_per_day"},
        "acknowledge_alert": {"incident_id": "alert_id"},
        "mute_alert": {"incident_id": "alert_id"},
    },
    "option": {"deskcast risk": {"--budget": "--cases-per-day"}},
    "output": {
        "deskcast check": {"refused.csv": "rejected_rows.csv"},
        "results-state": {"incidents.json": "alerts.json"},
    },
}

#: All names of tables, columns, values, keys, arguments, options and files that users meet, as rows.
RENAMED: tuple[Renamed, ...] = tuple(
    Renamed(kind, where, old, new)
    for kind, places in _NAMES.items()
    for where, names in places.items()
    for old, new in names.items()
)

P = ParamSpec("P")
T = TypeVar("T")


def new_names(kind: str, where: str) -> Mapping[str, str]:
    """Return old name -> new name of one place, without a note.

    >>> new_names("key", "risk"), new_names("key", "forecast")
    ({'budget': 'cases_per_day'}, {})
    """
    return _NAMES[kind].get(where, {})


def warn_renamed(old: str, new: str, where: str) -> None:
    """Note that an old name was used; Python shows each note once."""
    text = f"{where}: '{old}' is now '{new}' (the old name works until {OLD_NAMES_UNTIL})"
    warnings.warn(text, RenamedWarning, stacklevel=3)


def new_name(kind: str, where: str, name: str, place: str = "") -> str:
    """Return the new name of what may be an old one, with a note; an unknown name comes back as it is.

    >>> new_name("table", "results", "risk")
    'risk'
    """
    new = new_names(kind, where).get(name, name)
    if new != name:
        warn_renamed(name, new, place or where)
    return new


def new_keys(body: Mapping[str, Any], section: str, place: str) -> dict[str, Any]:
    """Return a section of a configuration with its old keys renamed.

    Raises
    ------
    InputError
        If an old key stands beside the new one.

    Examples
    --------
    >>> new_keys({"cases_per_day": 20}, "risk", "deskcast.toml [risk]")
    {'cases_per_day': 20}
    """
    return {_only(str(k), new_name("key", section, str(k), place), body, place): v for k, v in body.items()}


def new_columns(frame: pd.DataFrame, table: str, *, note: bool = True) -> pd.DataFrame:
    """Return a table with its old columns and values renamed.

    Parameters
    ----------
    frame, table
        The table and its (new) name.
    note
        False where another note is given.

    Raises
    ------
    InputError
        If an old column stands beside the new one.

    Examples
    --------
    >>> new_columns(pd.DataFrame({"late_s": [60.0]}), "breached_cases", note=False).columns.tolist()
    ['overdue_s']
    """
    names = {old: new for old, new in new_names("column", table).items() if old in frame.columns}
    for old, new in names.items():
        _only(old, new, frame.columns, f"table '{table}'")
    if names and note:
        warn_renamed("', '".join(names), "', '".join(names.values()), f"table '{table}'")
    out = frame.rename(columns=names)
    for column in out.columns:
        values = new_names("value", f"{table}.{column}")
        if values and out[column].astype("str").isin(list(values)).any():
            mapped = [values.get(str(v), v) for v in out[column]]
            out = out.assign(**{str(column): pd.Series(mapped, index=out.index, dtype="str")})
    return out


def with_old_attributes(attrs: dict[str, Any], where: str) -> dict[Any, Any]:
    """Return the notes of a frame (its ``attrs``) with each renamed one under its old key too.

    >>> with_old_attributes({"notes": [], "rejected": []}, "forecast")
    {'notes': [], 'rejected': [], 'refused': []}
    """
    return attrs | {old: attrs[new] for old, new in new_names("attribute", where).items() if new in attrs}


def renamed_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function take its old keyword arguments too, with a note.

    >>> @renamed_arguments
    ... def risk_stage(cases_per_day):
    ...     return cases_per_day
    >>> risk_stage(cases_per_day=3)
    3
    """
    name = function.__name__
    names = new_names("argument", name)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        for old in [k for k in kwargs if k in names]:
            new = _only(old, names[old], kwargs, f"{name}()")
            warn_renamed(old, new, f"{name}()")
            kwargs[new] = kwargs.pop(old)
        return function(*args, **kwargs)

    return call


def _only(old: str, new: str, there: Any, place: str) -> str:
    """Return the new name, unless both stand there."""
    if old != new and new in there:
        hint = f"drop '{old}', the old name of '{new}'"
        raise InputError(f"'{old}' and '{new}' are the same", where=place, column=old, hint=hint)
    return new
