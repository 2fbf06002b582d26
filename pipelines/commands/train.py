"""The command ``train``: a model is trained and judged, and the decision recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...features.errors import mask_passwords
from ..project.project import Project
from ..stage import Stage
from ..stages.train import train_stage
from ..store.tracking import check_store, record_run
from .options import answer_of, instants_of
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
    stage = _trained(project, evaluate=evaluate)
    there = [name for name in SHOWN_TABLES if name in stage.tables]
    first = "breach_backtest" if evaluate else ""
    output_stage(
        stage, "evaluation", out, as_json, *there, **answer_of(project, show_all), reserve=1 + evaluate, first=first
    )
    if evaluate:
        from .run import replace_stage

        replace_stage(project, stage)
    with show_spinner("recording"):
        record_run(
            [stage],
            uri=spec.tracking_uri,
            experiment=spec.experiment,
            folder=spec.folder,
            fingerprint=project.fingerprint,
            instants=instants_of(project),
        )
    if not as_json:
        if evaluate:
            print_line(f"Tables and report are in {project.results_folder}.")
        print_line(f"Recorded in the MLflow experiment '{spec.experiment}' ({mask_passwords(spec.tracking_uri)}).")


def _trained(project: Project, *, evaluate: bool) -> Stage:
    if evaluate:
        with show_progress("training at cut-offs") as progress:
            return train_stage(project, evaluate=True, progress=progress)[0]
    with show_spinner("training"):
        return train_stage(project)[0]
