"""The track record: what was issued against what has come since. Only what was issued counts; nothing is recomputed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ...features.errors import InputError
from ...features.labels.breach import breach_labels
from ...features.labels.events import escalation_labels
from ...features.labels.satisfaction import dissatisfaction_labels
from ...models.evaluation.issued import calibrate_issued, count_by_list, join_outcomes, score_issued_risks
from ..project.project import Project
from ..stage import Stage
from ..state.database import read_state
from ..state.issued import SHADOW, read_issued, read_issues
from ..state.records import read_records
from ..store.incidents import read_alert_state
from ..words.accuracy import accuracy_findings
from ..words.figures import figures_table
from .accuracy_people import actions_accuracy, alerts_accuracy, goals_accuracy
from .accuracy_plans import casework_table, schedule_table
from .accuracy_volumes import forecast_tables, staffing_table
from .casework import SLA_METRIC
from .watch_advice import advice_accuracy

FIGURES = "accuracy_figures"
_RISK_KEYS = ("case_id", "label", "known_at", "due_at")


@dataclass(frozen=True)
class Issued:
    """What was issued until an instant, by kind, and what people said of it."""

    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    feedback: pd.DataFrame = field(default_factory=pd.DataFrame)
    ledger: pd.DataFrame | None = None
    verdicts: pd.DataFrame = field(default_factory=pd.DataFrame)
    nights: int = 0
    answers: pd.DataFrame = field(default_factory=pd.DataFrame)


def accuracy_stage(project: Project, labels: pd.DataFrame | None = None, history: pd.DataFrame | None = None) -> Stage:
    """Judge what was issued by what has matured since.

    Parameters
    ----------
    project
        Opened, perhaps as of an earlier instant: what was issued later is not looked at.
    labels
        Outcomes of the SLA metrics, where they are known already: ``metric, case_id, label, known_at, due_at``.
    history
        KPI history by day, where it is known already.

    Returns
    -------
    Stage
        Tables, each only where something of it has matured: ``accuracy_forecast``, ``accuracy_forecast_by_lead``,
        ``accuracy_forecast_next``, ``accuracy_staffing``, ``accuracy_schedule``, ``accuracy_casework``,
        ``accuracy_risk``, ``accuracy_risk_by_night``, ``accuracy_calibration``, ``accuracy_actions``,
        ``accuracy_goals``, ``accuracy_alerts`` and ``accuracy_advice``; and ``accuracy_figures``, what the sentences
        state beyond these.
    """
    issued = read_all_issued(project)
    frames = issued.frames
    tables: dict[str, pd.DataFrame] = {}
    if len(frames["forecast"]):
        tables |= forecast_tables(project, frames["forecast"], issued.settings)
    staffing = staffing_table(project, frames["staffing"]) if len(frames["staffing"]) else pd.DataFrame()
    plans = schedule_table(project, frames["plan"], frames["staffing"]) if len(frames["plan"]) else pd.DataFrame()
    casework = pd.DataFrame()
    if len(frames["casework"]):
        casework = casework_table(project, frames["casework"], find_outcomes(project, SLA_METRIC, labels))
    risks = risk_tables(project, frames["risk"], issued.feedback, labels) if len(frames["risk"]) else {}
    empty = pd.DataFrame({"kpi": pd.Series(dtype="str"), "ds": pd.Series(dtype="datetime64[us]"), "cut": []})
    goals = goals_accuracy(project, frames["goal"], empty if history is None else history)
    alerts = alerts_accuracy(frames["alert"], issued.ledger, issued.verdicts)
    tables |= {"accuracy_staffing": staffing, "accuracy_schedule": plans, "accuracy_casework": casework} | risks
    tables |= {"accuracy_goals": goals, "accuracy_alerts": alerts}
    tables["accuracy_advice"] = advice_accuracy(
        project.config, issued.ledger, issued.answers, list(alerts["alert_id"]) if len(alerts) else []
    )
    tables = {name: table for name, table in tables.items() if len(table)}
    findings = accuracy_findings(_without_shadow(tables), FIGURES, issued.nights)
    tables |= figures_table(FIGURES, findings)
    return Stage("accuracy", tables, tuple(findings), {"nights": issued.nights}, _metrics(tables))


def read_all_issued(project: Project) -> Issued:
    """Read what was issued until the instant that is looked at."""
    place = project.config.state_place
    with read_state(place) as state:
        issues = read_issues(state)
        issues = issues[issues["as_of"] <= project.as_of]
        kinds = ("forecast", "staffing", "casework", "plan", "risk", "goal", "alert")
        frames = {kind: read_issued(state, kind, project.as_of) for kind in kinds}
        feedback, verdicts, advice = (
            read_records(state, "feedback", kind=kind) for kind in ("action", "alert", "advice")
        )
        ledger = read_alert_state(place).ledger if state is not None else None
    newest = issues.drop_duplicates(["kind", "scope"], keep="last")
    own = newest[newest["kind"] == "forecast"]
    settings = dict(zip(own["scope"].astype(str), own["settings"], strict=True))
    return Issued(frames, settings, feedback, ledger, verdicts, int(issues["as_of"].nunique()), advice)


def risk_tables(
    project: Project, issued: pd.DataFrame, feedback: pd.DataFrame, labels: pd.DataFrame | None = None
) -> dict[str, pd.DataFrame]:
    """Return the tables on issued risks: scores, counts by night, calibration, and what actions prevented."""
    found: dict[str, list[pd.DataFrame]] = {}
    for metric, rows in issued.groupby("scope", sort=True):
        outcomes = find_outcomes(project, str(metric), labels)
        if outcomes is None:
            continue
        joined = join_outcomes(rows, outcomes, project.log.until)
        parts = {"accuracy_risk_by_night": _count_nights(rows, joined)}
        if joined["label"].notna().any():
            parts |= {"accuracy_risk": score_issued_risks(joined), "accuracy_calibration": calibrate_issued(joined)}
            parts |= {"accuracy_actions": actions_accuracy(joined, feedback)}
        for name, table in parts.items():
            if len(table):
                table.insert(0, "metric", pd.Series(str(metric), index=table.index, dtype="str"))
                found.setdefault(name, []).append(table)
    order = ("accuracy_risk", "accuracy_risk_by_night", "accuracy_calibration", "accuracy_actions")
    return {name: pd.concat(found[name], ignore_index=True) for name in order if name in found}


def _count_nights(rows: pd.DataFrame, joined: pd.DataFrame) -> pd.DataFrame:
    """Count by list what came of it, and how many of its cases do not count: their outcome was known before."""
    table = count_by_list(joined)
    listed = table["as_of"].map(rows.groupby("as_of").size())
    table.insert(2, "decided_before", listed - table["open"])
    return table


def find_outcomes(project: Project, metric: str, labels: pd.DataFrame | None = None) -> pd.DataFrame | None:
    """Return ``case_id, label, known_at`` of an SLA metric (with ``due_at``), of dissatisfaction or of escalation.

    ``None`` where this log does not tell them any more.
    """
    log, metric = project.log, metric.removesuffix(SHADOW)
    try:
        if metric == "dissatisfaction":
            found = dissatisfaction_labels(log)
        elif metric == "escalation":
            found = escalation_labels(log, to=project.config.risk.escalated_to)
        else:
            every = (
                breach_labels(log, with_decision=True)
                if labels is None or metric not in set(labels["metric"])
                else labels
            )
            found = every[every["metric"] == metric]
    except InputError:
        return None
    return found[[c for c in _RISK_KEYS if c in found]].drop_duplicates("case_id")


def _without_shadow(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the tables that sentences are made of: a version on trial is for whoever looks at the tables."""
    found = dict(tables)
    for name, table in tables.items():
        for column in {"metric", "scope"} & set(table.columns):
            found[name] = table[~table[column].astype("str").str.endswith(SHADOW)]
    return found


def _metrics(tables: dict[str, pd.DataFrame]) -> dict[str, float]:
    """Return the figures for the record: error of the first day ahead, and scores of the issued breach risk."""
    figures: dict[str, float] = {}
    if "accuracy_forecast_by_lead" in tables:
        table = tables["accuracy_forecast_by_lead"]
        first = table[
            (table["lead"] == 1) & (table["model"] == "deskcast") & ~table["scope"].str.endswith((" totals", SHADOW))
        ]
        if len(first):
            figures |= {"forecast_wape": float(first["wape"].iloc[0]), "forecast_bias": float(first["bias"].iloc[0])}
    if "accuracy_risk" in tables:
        row, names = tables["accuracy_risk"].iloc[0], ("expected_count", "observed_count", "brier", "auc", "ece")
        figures |= {f"risk_{name}": float(row[name]) for name in names}
    return figures
