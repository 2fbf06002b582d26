"""The commands of a planner's day and week: ``staff``, ``today``, ``review`` and ``adjust``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .options import (
    DEFAULT_CONFIG,
    AllOption,
    AsOfOption,
    ConfigOption,
    JsonOption,
    OutOption,
    PrintOption,
    answer_of,
    find_user,
    open_for,
)

if TYPE_CHECKING:
    from ..stage import Stage


def staff(
    config: ConfigOption = DEFAULT_CONFIG,
    out: OutOption = None,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    show_all: AllOption = False,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Simulate the plan and compare it with the formulas.")
    ] = False,
    clear_by: Annotated[
        str | None, typer.Option(help="Agents to clear today's backlog by then, such as '2024-03-08 17:00'.")
    ] = None,
    measured: Annotated[
        bool, typer.Option("--measured", help="Show shrinkage, adherence and chats at once as they were.")
    ] = False,
    choices: Annotated[
        bool, typer.Option("--choices", help="Show what it costs to be surer of the target, and the risk that is left.")
    ] = False,
    print_to: PrintOption = None,
) -> None:
    """Plan required agents, backlog and shift schedules."""
    from ..pages.sheets import build_plan_sheets
    from ..stages.staff import staff_stage
    from .sheets import check_print_file, print_sheets
    from .terminal import output_stage, print_line, show_spinner

    browser = check_print_file(print_to)
    project = open_for(config, as_of, out)
    with show_spinner("planning"):
        stage = staff_stage(project, simulate=simulate, clear_by=clear_by, choices=choices)
    names = (
        "casework",
        "schedule",
        "skill_groups",
        "skill_service",
        "staffing_choices",
        "simulated",
        "clearing",
        "shrinkage",
        "team_time",
        "concurrency",
    )
    also = [name for name in names if name in stage.tables]
    asked = {"clearing": clear_by, "simulated": simulate, "shrinkage": measured, "staffing_choices": choices}
    first = next((name for name, wanted in asked.items() if wanted), "")
    main = "shrinkage" if measured and "shrinkage" in stage.tables else "staffing"
    also = [name for name in ("staffing", *also) if name != main]
    lines = 3 * len(project.config.staffing) if "shrinkage" in stage.tables and measured else int(measured)
    output_stage(stage, main, out, as_json, *also, **answer_of(project, show_all), first=first, reserve=lines)
    print_sheets(build_plan_sheets, stage, print_to, browser, project, is_quiet=as_json)
    if measured and not as_json:
        _print_proposals(stage)
        if not {"shrinkage", "team_time", "concurrency"} & set(stage.tables):
            print_line(
                "Nothing is measured: that needs the time of agents (agent_time), or chats that name their agent."
            )


def _print_proposals(stage: Stage) -> None:
    """Print the measured shrinkage of each queue as lines of the configuration."""
    from ...forecasting.staffing.measured_shrinkage import propose_shrinkage
    from .terminal import print_line

    for name, table in stage.tables["shrinkage"].groupby("queue", sort=False) if "shrinkage" in stage.tables else ():
        print_line(f"[staffing.{name}]")
        print_line(propose_shrinkage(table))


def today(
    config: ConfigOption = DEFAULT_CONFIG,
    out: OutOption = None,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    show_all: AllOption = False,
) -> None:
    """Compare today so far with the plan, forecast the rest of the day anew, and show which moves help."""
    from ..stages.today import today_stage
    from .terminal import output_stage, show_spinner

    project = open_for(config, as_of, out)
    with show_spinner("forecasting the rest of the day"):
        stage = today_stage(project)
    main = "today" if "today" in stage.tables else "today_work"
    also = [n for n in ("today_moves", "today_work", "today_accuracy") if n in stage.tables and n != main]
    output_stage(stage, main, out, as_json, *also, **answer_of(project, show_all))


def review(
    config: ConfigOption = DEFAULT_CONFIG,
    out: OutOption = None,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    show_all: AllOption = False,
    week: Annotated[
        str | None, typer.Option(metavar="DATE", help="A day of the week to review. Default: the last whole week.")
    ] = None,
    print_to: PrintOption = None,
) -> None:
    """Compare the plan of a week with what came, and show why the target was missed or met."""
    import pandas as pd

    from ..pages.sheets import build_review_sheets
    from ..project.checks import local_day
    from ..stages.review import review_stage
    from .sheets import check_print_file, print_sheets
    from .terminal import output_stage, show_spinner

    browser = check_print_file(print_to)
    project = open_for(config, as_of, out)
    day = None if week is None else pd.Timestamp(local_day(week, project.log.timezone, "--week", ""))
    with show_spinner("reviewing the week"):
        stage = review_stage(project, day)
    main = "review" if "review" in stage.tables else "review_work"
    names = (
        *("review_causes", "review_work_causes", "review_work", "review_adjustments"),
        *("review_volume", "review_accuracy"),
    )
    also = [name for name in names if name in stage.tables and name != main]
    first = "review_causes" if main == "review" else "review_work_causes"
    output_stage(stage, main, out, as_json, *also, **answer_of(project, show_all), first=first)
    print_sheets(build_review_sheets, stage, print_to, browser, project, is_quiet=as_json)


def adjust(
    config: ConfigOption = DEFAULT_CONFIG,
    event: Annotated[
        list[str] | None,
        typer.Option(help="'mailing 2026-03-09..2026-03-13 +30% phone', or '... 09:00-11:00 =120'. Repeatable."),
    ] = None,
    close: Annotated[list[str] | None, typer.Option(help="A closure, '2026-03-10 SERIES'. Repeatable.")] = None,
    growth: Annotated[list[str] | None, typer.Option(help="Growth a year, '5% SERIES'. Repeatable.")] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; needed with every change.")] = "",
    by: Annotated[str, typer.Option(metavar="NAME", help="Who adjusts. Default: who is logged in.")] = "",
    withdraw: Annotated[str | None, typer.Option(metavar="NAME", help="Take an adjustment back.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Adjust the forecasts from now on, or list the adjustments in force."""
    from ..project.config import load_config
    from ..state.adjustments import add_adjustment, withdraw_adjustment
    from ..state.database import change_state
    from .adjustments import check_adjusted_series, list_adjustments, read_named_changes
    from .terminal import output_stage

    spec, writer = load_config(config), by.strip() or find_user()
    changes = read_named_changes(event or (), close or (), growth or ())
    check_adjusted_series(config, changes)
    if changes or withdraw is not None:
        with change_state(spec.state_place) as state:
            for change in changes:
                add_adjustment(state, change, reason=reason, by=writer)
            if withdraw is not None:
                withdraw_adjustment(state, withdraw, reason=reason, by=writer)
    output_stage(list_adjustments(spec.state_place), "adjustments", None, as_json, zone=spec.timezone)
