"""Drift: whether open cases, risks and outcomes still are as they were when the breach model learned."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...models.drift.detect import MIN_PAST_DAYS, Drift, detect_drift, needs_retraining
from ...models.drift.windows import RECENT_DAYS, REFERENCE_DAYS, find_lags
from ..project.project import Project
from ..stage import Stage
from ..words.drift import drift_findings
from ..words.facts import Finding
from ..words.figures import figure, figures_table
from .train import TrainedModel

FIGURES = "drift_figures"
#: Mornings of past open cases that are needed.
MIN_DAYS = RECENT_DAYS + REFERENCE_DAYS + MIN_PAST_DAYS
#: Before that a log that has just begun lacks the cases that were open already.
_WARM_UP = pd.Timedelta(days=14)


def find_drift(project: Project, trained: TrainedModel, trained_at: pd.Timestamp | None = None) -> Drift:
    """Compare the open cases of the last week with those before, by the snapshots that the model learned from.

    Parameters
    ----------
    project
        Opened, perhaps as of an earlier instant.
    trained
        The model with its snapshots, open cases and outcomes: nothing else has to be kept.
    trained_at
        When the model learned, if that was not today.

    Returns
    -------
    Drift
        ``needs_retraining(drift)`` says why the model should be trained again, or ``None``.
    """
    rows, until = _mornings(project, trained)
    risk = trained.risk.risk(rows) if len(rows) and trained.risk.used_ != "unknown" else None
    return detect_drift(
        rows,
        until,
        probability=None if risk is None else np.asarray(risk),
        outcomes=trained.labels,
        timezone=project.log.timezone,
        trained_at=trained_at,
    )


def _mornings(project: Project, trained: TrainedModel) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Return the open cases of today and of past mornings at the same time of the day."""
    log, until = project.log, project.log.until
    created = log.frame(log.table("cases").select("created_at"))["created_at"].min()
    past = trained.frame[(trained.frame["at"] >= created + _WARM_UP) & (trained.frame["at"] < until)]
    rows = pd.concat([past, trained.today], ignore_index=True)
    return rows[find_lags(rows["at"], until, log.timezone) >= 0].reset_index(drop=True), until


def drift_stage(project: Project, trained: TrainedModel | None) -> Stage:
    """Say whether the breach model should be trained again, or that nothing has moved.

    Parameters
    ----------
    project
        Opened, perhaps as of an earlier instant.
    trained
        What the stage ``train`` learned, or the model in use: then the weeks before end when that was trained.

    Returns
    -------
    Stage
        Tables ``drift_checks`` (one row a check, those that moved first), ``drift_by_morning`` (largest strength of
        each past morning, and the limit) and ``drift_figures``; parameter ``retrain`` is the reason to train again, or
        empty. Where the log has too few mornings, what it lacks is told instead.
    """
    if trained is None:
        return Stage("drift", skipped="No model yet: see the stage 'train'.")
    found = find_drift(project, trained, trained.trained_until)
    if not found.judged:
        rows, until = _mornings(project, trained)
        days = int(find_lags(rows["at"], until, project.log.timezone).max()) + 1 if len(rows) else 0
        need = figure(FIGURES, "days needed", "drift", MIN_DAYS)
        have = figure(FIGURES, "days", "drift", days)
        text = f"No check for model drift yet: it needs open cases of {need:past day}, this log has {have}."
        few = [Finding(text, need, have, audience="analyst")]
        return Stage("drift", figures_table(FIGURES, few), tuple(few), {"retrain": ""})
    tables = {"drift_checks": found.checks, "drift_by_morning": found.mornings}
    findings = drift_findings(tables, FIGURES)
    newest = found.mornings.iloc[0]
    metrics = {"strength": float(newest["strength"]), "limit": float(newest["limit"]), "moved": float(len(found.moved))}
    reason = needs_retraining(found, trained.trained_until) or ""
    return Stage("drift", tables | figures_table(FIGURES, findings), tuple(findings), {"retrain": reason}, metrics)
