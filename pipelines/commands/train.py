"""The command ``train``: a model is trained and judged, and the decision recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...features.errors import mask_passwords
from ..project.project import Project
from ..stages.retraining import Training, train_models
from ..state.database import check_state
from ..store.run_summary import list_settings
from ..store.tracking import check_store, record_run
from .options import answer_of, instants_of
from .retraining import draw_calibration, keep_training, say_decisions
from .terminal import output_stage, print_line, show_progress, show_spinner

#: Tables that are shown below the comparison of models, where there are such.
SHOWN_TABLES = (
    *("calibration", "breach_backtest", "precision_at_capacity", "recall_by_share", "warning_time"),
    *("by_prefix", "by_team", "by_channel", "drift"),
)


def run_train(
    open_project: Callable[[], Project], out: Path | None, as_json: bool, *, evaluate: bool, show_all: bool = False
) -> None:
    """Train the breach model, show how it did, and record the decision in MLflow."""
    project = open_project()
    spec = project.config
    check_store(spec.tracking_uri, spec.folder)
    if not project.is_look_back:
        check_state(spec.state_place)
    training = _trained(project, evaluate=evaluate)
    stage = training.stage
    there = [name for name in SHOWN_TABLES if name in stage.tables]
    first = "breach_backtest" if evaluate else ""
    output_stage(
        stage, "evaluation", out, as_json, *there, **answer_of(project, show_all), reserve=1 + evaluate, first=first
    )
    if evaluate:
        from .run import replace_stage

        replace_stage(project, stage)
    with show_spinner("recording"):
        ids = record_run(
            [stage],
            uri=spec.tracking_uri,
            experiment=spec.experiment,
            folder=spec.folder,
            fingerprint=project.fingerprint,
            instants=instants_of(project),
            settings=list_settings(spec),
        )
        made = keep_training(project, training, ids[1])
    if not as_json:
        for line in say_decisions(project, training, made):
            print_line(line)
        if evaluate:
            print_line(f"Tables and report are in {project.results_folder}.")
        print_line(f"Recorded in the MLflow experiment '{spec.experiment}' ({mask_passwords(spec.tracking_uri)}).")


def _trained(project: Project, *, evaluate: bool) -> Training:
    if evaluate:
        with show_progress("training at cut-offs") as progress:
            return train_models(project, evaluate=True, progress=progress, draw=draw_calibration)
    with show_spinner("training"):
        return train_models(project, draw=draw_calibration)
