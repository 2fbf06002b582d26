"""Models into the registry, decisions into the state, and the name ``champion`` to what was decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from ..charts.risk import plot_calibration
from ..project.project import Project
from ..project.specs import Config
from ..registry.champions import publish_decisions
from ..registry.decisions import (
    KEPT,
    PROMOTED,
    ROLLED_BACK,
    SHADOWED,
    decide,
    mark_forecast,
    mark_targets,
    read_decisions,
)
from ..registry.register import VOLUME, RegisteredModel, model_name, register_models
from ..registry.retention import drop_expired_models
from ..stage import Stage
from ..stages.retraining import Training, find_last_training, is_due, train_models
from ..stages.volume_challenger import VolumeTraining
from ..stages.volume_champion import read_settings
from ..state.database import change_state, read_state
from ..store.tracking import record_run
from ..words.instants import Instants
from .options import find_user


def draw_calibration(tables: Mapping[str, pd.DataFrame]) -> str:
    """Draw a calibration table as SVG; an empty text where there is nothing to draw."""
    found = plot_calibration(tables)
    return found[0].svg if found else ""


def keep_training(project: Project, training: Training, run_id: str) -> list[RegisteredModel]:
    """Register what was trained and write down what was decided; only then does the registry say so too.

    Killed before the decisions, the models are versions that nobody uses; killed after them, the next command that
    writes decisions, or ``deskcast models``, sets the names in the registry.

    Parameters
    ----------
    project
        Of which it was trained.
    training
        From :func:`~deskcast.pipelines.stages.retraining.train_models`.
    run_id
        The MLflow run of the stage.
    """
    if not training.models or training.trained_until is None:
        return []
    config, until = project.config, training.trained_until
    made = register_models(config, run_id, training.models, fingerprint=project.fingerprint, as_of=until)
    with change_state(config.state_place) as state:
        keep_volume(state, project, training.volume, made[-1])
        for new, model in zip(training.models, made, strict=True):
            if new is training.volume.new:
                continue
            is_used, reason = training.reasons[new.kind]
            verdict = training.verdicts.get(new.kind)
            figures = {} if verdict is None else verdict.figures()
            decide(
                state, model, PROMOTED if is_used else KEPT, reason, by=find_user(), as_of=until,
                data_until=project.log.until.isoformat(), sla=mark_targets(config), figures=figures,
            )  # fmt: skip
        for before, verdict in training.again.values():
            decide(
                state, before.registered, ROLLED_BACK, str(verdict.reason), by=find_user(), as_of=before.as_of,
                data_until=project.log.until.isoformat(), sla=mark_targets(config), figures=verdict.figures(),
            )  # fmt: skip
        decisions = read_decisions(state, config.experiment)
    publish_decisions(config, decisions)
    drop_expired(config)
    return made


def keep_volume(state: Connection, project: Project, training: VolumeTraining, made: RegisteredModel) -> None:
    """Write down what was decided on the version on trial and on the new one, where there are such.

    Parameters
    ----------
    state
        From :func:`~deskcast.pipelines.state.database.change_state`.
    project
        Of which it was trained.
    training
        From :func:`~deskcast.pipelines.stages.volume_challenger.train_volume`.
    made
        The new version, where one was registered.
    """
    until = project.log.until
    rest: dict[str, Any] = {
        "by": find_user(),
        "data_until": until.isoformat(),
        "forecast": mark_forecast(project.config),
    }
    trial, verdict = training.judged, training.verdict
    if trial is not None and verdict is not None:
        decision = PROMOTED if verdict.is_promoted else KEPT
        told: dict[str, Any] = {"settings": trial.body.get("settings"), "figures": verdict.figures()}
        decide(state, trial.registered, decision, str(verdict.reason), as_of=trial.as_of, **rest, **told)
    if training.new is not None:
        told = {"settings": read_settings(training.new.model.spec)}
        told |= (
            {"until": (until + pd.Timedelta(days=training.until)).isoformat()} if training.decision == SHADOWED else {}
        )
        decide(state, made, training.decision, training.reason, as_of=until, **rest, **told)


def drop_expired(config: Config) -> None:
    """Remove runs and versions of models that are older than ``[tracking] keep``, where it is set."""
    if config.tracking_keep_s is not None:
        with read_state(config.state_place) as state:
            decisions = read_decisions(state, config.experiment)
        drop_expired_models(config, decisions, pd.Timestamp.now("UTC"))


def retrain_if_due(project: Project, stages: Sequence[Stage], instants: Instants) -> Stage | None:
    """Make challengers where ``[model] retrain`` says so; ``None`` where none is due.

    Raises
    ------
    InputError
        If the tracking store or the state cannot be written, or a model in use was altered.
    """
    config = project.config
    if config.model.retrain is None or project.is_look_back:
        return None
    with read_state(config.state_place) as state:
        last = find_last_training(read_decisions(state, config.experiment))
    drifted = any(stage.name == "drift" and bool(stage.params.get("retrain")) for stage in stages)
    if not is_due(config.model.retrain, last, project.log.until, has_drifted=drifted):
        return None
    training = train_models(project, draw=draw_calibration)
    ids = record_run(
        [training.stage],
        uri=config.tracking_uri,
        experiment=config.experiment,
        folder=config.folder,
        fingerprint=project.fingerprint,
        instants=instants,
    )
    keep_training(project, training, ids[1])
    return training.stage


def say_decisions(project: Project, training: Training, made: Sequence[RegisteredModel]) -> list[str]:
    """Write one line a model: its version, and whether and why it is used."""
    lines = []
    for new, model in zip(training.models, made, strict=True):
        is_used, reason = training.reasons[new.kind]
        name = model_name(project.config.experiment, new.kind)
        lines.append(f"{name} version {model.version}: {'in use' if is_used else 'not in use'}. {reason}")
    verdict = training.volume.verdict
    if verdict is not None:
        lines.append(f"{model_name(project.config.experiment, VOLUME)}: {verdict.reason}")
    return lines
