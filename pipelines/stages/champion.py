"""The models in use, brought up to today: what ``risk`` and ``run`` take instead of training, where there are any."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import pandas as pd
from sqlalchemy import Connection

from ...features.case_log.log import CaseLog
from ...features.labels.breach import find_case_ends
from ...models.risk.breach import BreachRisk
from ...models.risk.estimator import RiskEstimator
from ...models.risk.model_updates import MAX_WINDOW_DAYS
from ..project.project import Project
from ..project.specs import Config
from ..registry.champions import find_champions, load_model
from ..registry.decisions import Decision
from ..registry.night_models import NightModels, find_night_models, forget_night_models, keep_night_models
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
    """Return the breach model in use as it has to be read today; where none is in use, one that runs have trained.

    That of an earlier night holds for ``[risk] train_every``; then, and before there is one, it is trained now.

    Raises
    ------
    InputError
        If the model in use is gone, was altered, or needs a column that has vanished.
    """
    found = load_champion(project)
    if found is None:
        kept = load_night_models(project)
        return train.train_stage(project) if kept is None else (_describe_kept(project, kept), kept)
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
    return _read_today(project, risk, metric, _load_outcomes(config, decisions), decision.as_of), decision


def load_night_models(project: Project) -> TrainedModel | None:
    """Return the models that an earlier night has trained, brought up to today; ``None`` where none of them holds."""
    metric = risk_metric(project)
    found = find_night_models(project) if metric is not None and project.log.has("events") else None
    if found is None or metric is None or found.breach.metric_ != metric:
        return None
    return _read_today(project, found.breach, metric, found.outcomes, found.trained_until)


def keep_trained(
    state: Connection, project: Project, trained: TrainedModel | None, stages: Sequence[Stage] = ()
) -> str:
    """Keep the models of a night that has trained; where one that was kept has drifted, the next night trains.

    Returns
    -------
    Why they could not be kept; empty where they are, or there are none.
    """
    if trained is None or project.config.plugins.modules:  # their code may be another by the next night
        return ""
    if trained.trained_until is None:
        models = NightModels(trained.risk, project.log.until, trained.fitted)
        return keep_night_models(state, project, models)
    if any(stage.name == "drift" and stage.params.get("retrain") for stage in stages):
        forget_night_models(state)
    return ""


def _describe_kept(project: Project, kept: TrainedModel) -> Stage:
    """Return the stage of a model that an earlier night has trained, which says so."""
    stage, until = describe_training(project, project.log, kept), kept.trained_until
    since = "" if until is None else format_date(until.tz_convert(project.log.timezone))
    text = f"The breach model was trained on {since} by an earlier run and brought up to date."
    said = Finding(text, audience="analyst", names=[since])
    return replace(stage, findings=(*stage.findings, said), params={**stage.params, "trained_until": str(until)})


def _read_today(
    project: Project,
    risk: BreachRisk,
    metric: str,
    outcomes: Mapping[str, RiskEstimator],
    trained_until: pd.Timestamp,
) -> TrainedModel:
    """Return a model as it has to be read at the end of the log, with today's open cases."""
    log, spec = project.log, project.config.risk
    instants = training_instants(log, spec)
    if _all_there(log, outcomes, spec.escalated_to):  # else one of them has to learn from all that the log tells
        instants = instants[instants > log.until - pd.Timedelta(days=LOOK_BACK_DAYS)]
    frame, today = look_at_cases(log, instants, metric)
    labels, ends = metric_labels(log, metric), find_case_ends(log, metric)
    now = bring_up_to_date(risk, frame, labels, log.until, ends)
    return TrainedModel(now, metric, frame, today, labels, ends, outcomes, trained_until)


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
