"""The models in use, brought up to today: what ``risk`` and ``run`` take instead of training, where there are any."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import pandas as pd

from ...features.case_log.log import CaseLog
from ...features.labels.breach import find_case_ends
from ...models.risk.breach import BreachRisk
from ...models.risk.estimator import RiskEstimator
from ...models.risk.model_updates import MAX_WINDOW_DAYS
from ..project.project import Project
from ..project.specs import Config
from ..registry.champions import find_champions, load_model
from ..registry.decisions import Decision
from ..registry.register import model_name
from ..stage import Stage
from ..words.facts import Finding
from ..words.words import format_date
from . import train
from .dissatisfaction import has_escalations
from .train import (
    TrainedModel,
    describe_training,
    look_at_cases,
    metric_labels,
    risk_metric,
    training_instants,
)

#: Days of mornings that are looked at again: the daily update needs eight weeks, the checks of drift some more.
LOOK_BACK_DAYS = max(MAX_WINDOW_DAYS, 90.0)
#: Models of other outcomes than a breach, by kind.
OUTCOME_KINDS = ("dissatisfaction", "escalation")


def use_or_train(project: Project) -> tuple[Stage, TrainedModel | None]:
    """Return the breach model in use as it has to be read today; where none is in use, one that is trained now.

    Raises
    ------
    InputError
        If the model in use is gone, was altered, or needs a column that has vanished.
    """
    found = load_champion(project)
    if found is None:
        return train.train_stage(project)
    trained, decision = found
    stage = describe_training(project, project.log, trained)
    since = format_date(decision.as_of.tz_convert(project.log.timezone))
    said = Finding(
        f"The breach model in use is version {decision.version}, trained on data up to {since} and brought up to date.",
        audience="analyst",
        names=[f"version {decision.version}", since],
    )
    params = {
        **stage.params,
        "model": decision.model,
        "version": decision.version,
        "trained_until": str(decision.as_of),
    }
    return replace(stage, findings=(*stage.findings, said), params=params), trained


def load_champion(project: Project) -> tuple[TrainedModel, Decision] | None:
    """Load the models in use and bring the breach model up to the end of the log.

    Parameters
    ----------
    project
        Opened, perhaps as of an earlier instant: a model that was trained or chosen on later data is not used then.

    Returns
    -------
    The model with today's open cases and the decision that put it into use; ``None`` where no model is in use.

    Raises
    ------
    InputError
        If the model in use is gone or was altered.
    """
    log, config, metric = project.log, project.config, risk_metric(project)
    if metric is None or not log.has("events"):
        return None
    decisions = find_champions(config, log.until)
    decision = decisions.get(model_name(config.experiment, f"breach-{metric}"))
    if decision is None:
        return None
    risk = load_model(config, decision.registered).risk
    outcomes = _load_outcomes(config, decisions)
    instants = training_instants(log, config.risk)
    if _all_there(log, outcomes, config.risk.escalated_to):  # else one of them has to learn from all that the log tells
        instants = instants[instants > log.until - pd.Timedelta(days=LOOK_BACK_DAYS)]
    frame, today = look_at_cases(log, instants, metric)
    labels, ends = metric_labels(log, metric), find_case_ends(log, metric)
    now = bring_up_to_date(risk, frame, labels, log.until, ends)
    return TrainedModel(now, metric, frame, today, labels, ends, outcomes, decision.as_of), decision


def bring_up_to_date(
    risk: BreachRisk, frame: pd.DataFrame, labels: pd.DataFrame, until: pd.Timestamp, ends: pd.DataFrame
) -> BreachRisk:
    """Return the risk as it has to be read at an instant; one that was fitted as of then stays as it is."""
    if frame.empty or risk.as_of_ == until:
        return risk
    return risk.follow(frame, labels, until, ends=ends)


def _load_outcomes(config: Config, decisions: Mapping[str, Decision]) -> dict[str, RiskEstimator]:
    names = {kind: model_name(config.experiment, kind) for kind in OUTCOME_KINDS}
    return {kind: load_model(config, decisions[n].registered).risk for kind, n in names.items() if n in decisions}


def _all_there(log: CaseLog, outcomes: Mapping[str, RiskEstimator], to: Collection[str]) -> bool:
    surveyed = log.has("surveys", "case_id") and "dissatisfaction" not in outcomes
    return not surveyed and ("escalation" in outcomes or not has_escalations(log, to))
