"""The simulated service desk on disk, and every stage run on it."""

from __future__ import annotations

import json
from pathlib import Path

from ...features.errors import InputError, mask_passwords
from ..project.config import CONFIG_FILE
from ..project.project import Project, open_project
from ..stages.stage_run import list_stages
from ..words.headlines import select_headlines
from ..words.words import format_count
from .exit_codes import find_exit_code
from .night_log import JsonProgress, summarise_run
from .run import RunOutcome, run
from .screen import wrap_finding
from .terminal import StageProgress, format_state_line, print_line, print_styled, show_spinner


def make_demo(folder: Path, cases: int, seed: int, *, show_all: bool = False) -> RunOutcome:
    """Simulate a service desk into a folder and run every stage on it.

    Parameters
    ----------
    folder
        New, empty, or made by an earlier demo.
    cases
        How many cases to simulate.
    seed
        The same seed gives the same desk.

    Raises
    ------
    InputError
        If the folder holds something else.
    """
    from ..simulated_desk.desk import simulate_desk, write_desk
    from ..store.export_memory import forget_last_export

    _refuse_foreign(folder)
    with show_spinner(f"simulating a desk of {cases:,} cases"):
        write_desk(simulate_desk(cases, seed), folder)
    print_line(f"Simulated {cases:,} cases in {folder}; the known truth is in {folder / 'truth.json'}.")
    with show_spinner("reading the log"):
        project = open_project(folder / CONFIG_FILE)
    forget_last_export(project.config.state_place)
    return run_and_print(project, show_all=show_all)


def _refuse_foreign(folder: Path) -> None:
    """Keep the hands off a folder that some other work lives in."""
    if folder.exists() and not folder.is_dir():
        raise InputError("not a folder but a file", where=str(folder), code="file.kind")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "truth.json").exists():
        hint = "name a new folder: deskcast demo DIR"
        raise InputError(
            "folder has other files, which the demo would mix with",
            where=str(folder),
            hint=hint,
            code="file.exists",
        )


def run_and_print(
    project: Project, *, as_json: bool = False, record_runs: bool = True, show_all: bool = False, log: str = ""
) -> RunOutcome:
    """Run every stage with a line each, then print the most important findings and where everything is."""
    with (
        JsonProgress()
        if log == "json"
        else StageProgress(total=len(list_stages(project.config)) + 1 + record_runs) as lines
    ):
        outcome = run(project, lines, record_runs=record_runs)
    if as_json:
        stages = {
            s.name: {"findings": list(s.findings), "skipped": s.skipped, "failed": s.failed} for s in outcome.stages
        }
        body = summarise_run(outcome, find_exit_code(outcome)) | {"stages": stages}
        print_line(json.dumps(body, ensure_ascii=False, indent=2))
        return outcome
    print_line(format_state_line(outcome.instants, project.config.timezone))
    findings = select_headlines(outcome.stages)
    if show_all:
        findings = [finding for stage in outcome.stages for finding in stage.findings]
    skipped = [f"Not available: {stage.name}. {stage.skipped}" for stage in outcome.stages if stage.skipped]
    print_styled([line for said in (*findings, *skipped) for line in wrap_finding(said)])
    rest = sum(len(stage.findings) for stage in outcome.stages) - len(findings)
    print_line(f"... {format_count(rest, 'finding')} more: --all or the report" if rest > 0 else "")
    print_line(f"Report:  {outcome.report}\nTables:  {outcome.results}")
    if record_runs:
        print_line(f"MLflow:  {mask_passwords(project.config.tracking_uri)}, experiment '{project.config.experiment}'")
    print_line(f"Page:    deskcast serve --config {project.config.folder / CONFIG_FILE}")
    return outcome
