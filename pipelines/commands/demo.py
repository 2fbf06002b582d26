"""The simulated desk on disk, and the whole job on it, told to the person who asked."""

from __future__ import annotations

import json
from pathlib import Path

from ...features.errors import InputError, mask_passwords
from ..project.config import CONFIG_FILE
from ..project.project import Project, open_project
from .run import STAGES, RunOutcome, run
from .terminal import StageProgress, print_findings, print_instants, print_line, show_spinner

#: Headings of the findings, in the order in which a reader wants them.
HEADINGS = {
    "forecast": "What comes",
    "staff": "Whom it takes",
    "risk": "Cases at risk",
    "train": "How far to trust that",
    "watch": "What shifted",
    "accuracy": "Track record",
    "history": "The desk so far",
    "check": "What was read",
}


def make_demo(folder: Path, cases: int, seed: int) -> RunOutcome:
    """Simulate a desk into a folder and do the whole job on it.

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

    _refuse_foreign(folder)
    with show_spinner(f"simulating a desk of {cases:,} cases"):
        write_desk(simulate_desk(cases, seed), folder)
    print_line(
        f"A simulated desk with {cases:,} cases is in {folder}; what was hidden in it is in {folder / 'truth.json'}."
    )
    with show_spinner("reading the log"):
        project = open_project(folder / CONFIG_FILE)
    return run_and_print(project)


def _refuse_foreign(folder: Path) -> None:
    """Keep the hands off a folder that some other work lives in."""
    if folder.exists() and not folder.is_dir():
        raise InputError("this is a file, not a folder", where=str(folder), code="file.kind")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "truth.json").exists():
        hint = "name a new folder: deskcast demo DIR"
        raise InputError(
            "this folder holds other files, and the demo would mix with them",
            where=str(folder),
            hint=hint,
            code="file.exists",
        )


def run_and_print(project: Project, *, as_json: bool = False, record_runs: bool = True) -> RunOutcome:
    """Do the whole job with a line a stage, then print the findings and where everything is."""
    with StageProgress(total=len(STAGES) + 1 + record_runs) as lines:
        outcome = run(project, lines, record_runs=record_runs)
    if as_json:
        told = {
            s.name: {"findings": list(s.findings), "skipped": s.skipped, "failed": s.failed} for s in outcome.stages
        }
        body = {"report": str(outcome.report), **outcome.instants.record(), "stages": told}
        print_line(json.dumps(body, ensure_ascii=False, indent=2))
        return outcome
    print_instants(outcome.instants, project.config.timezone)
    stages = {s.name: s for s in outcome.stages}
    for name, heading in HEADINGS.items():
        print_line(f"\n{heading}")
        print_findings(stages[name])
    print_line(f"\nReport:  {outcome.report}\nTables:  {outcome.results}")
    if record_runs:
        print_line(f"MLflow:  {mask_passwords(project.config.tracking_uri)}, experiment '{project.config.experiment}'")
    print_line(f"Page:    deskcast serve --config {project.config.folder / CONFIG_FILE}")
    return outcome
