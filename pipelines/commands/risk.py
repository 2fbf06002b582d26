"""The command ``risk``: the work list, printed, and saved unless it looks back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ...features.durations import parse_duration
from ...features.errors import InputError
from ..project.project import Project
from ..stages.champion import use_or_train
from ..stages.risk import risk_stage
from ..state.issued import is_issued_case
from .feedback import write_feedback
from .options import answer_of, instants_of
from .run import remember_stages
from .terminal import output_stage, show_spinner

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ..project.specs import Config

#: Tables that are shown below the list, where there are such.
SHOWN_TABLES = (
    *("past_saving", "dropped_cases", "breached_cases", "awaiting_closure", "dissatisfaction", "recently_closed"),
    *("escalation", "outcome_evaluation"),
)


def save_feedback(config: Path, case_id: str, verdict: str, note: str, as_json: bool) -> None:
    """Write down what somebody says of the action that was suggested for a case.

    Raises
    ------
    InputError
        If the case was on no list, or the verdict is not one of those that can be given.
    """

    def check(_: Config, state: Connection) -> None:
        if not is_issued_case(state, case_id):
            raise InputError(
                "this case was on no list that was issued",
                where="--feedback",
                got=case_id,
                hint="deskcast accuracy --issued risk shows those that were",
                code="state.invalid",
            )

    said = f"Case {case_id}: '{verdict}' is noted; deskcast accuracy compares it with the outcome."
    write_feedback(config, "action", case_id, verdict, note, check, said, as_json=as_json)


def run_risk(
    open_project: Callable[[], Project],
    out: Path | None,
    as_json: bool,
    cases_per_day: int | None,
    capacity: str | None,
    *,
    show_all: bool = False,
) -> None:
    """Rank the open cases, save which were selected, and print the list."""
    room = None if capacity is None else parse_duration(capacity, where="--capacity")
    if room == 0:
        raise typer.BadParameter("capacity must be above 0", param_hint="--capacity")
    project = open_project()
    with show_spinner("learning from the cases before"):
        trained, model = use_or_train(project)
        stage = risk_stage(project, model, cases_per_day=cases_per_day, capacity_s=room) if model else trained
    # Before anything is printed: who reads the output may stop early.
    if "risk" in stage.tables and not project.is_look_back:
        remember_stages(project, [stage], instants_of(project))
    there = [name for name in SHOWN_TABLES if name in stage.tables]
    main = "risk" if stage.skipped or "risk" in stage.tables else "open_cases"
    output_stage(stage, main, out, as_json, *there, **answer_of(project, show_all))
