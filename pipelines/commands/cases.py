"""From a number to its cases, units of work compared fairly, and where articles and waiting cost most."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import DEFAULT_CONFIG, AllOption, AsOfOption, ConfigOption, JsonOption, OutOption, answer_of, open_for
from .terminal import output_stage


def cases(
    kpi: Annotated[str, typer.Option(help="KPI whose number is looked into, such as sla_attainment.")],
    period: Annotated[str, typer.Option(help="Period: 2026-02, 2026-02-14, 2026-W07, 2026-Q1 or 2026-H1.")],
    by: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=VALUE", help="Segment, such as region=Ireland. Repeatable.")
    ] = None,
    state: Annotated[
        str | None, typer.Option(help="Only rows that are: met or breached, yes or no, ended or open.")
    ] = None,
    freq: Annotated[str | None, typer.Option(help="Length of the period, where --period is a date in it.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    out: OutOption = None,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    show_all: AllOption = False,
) -> None:
    """List the cases behind a number of the KPI history, with all their KPIs."""
    from ..stages.cases_behind import cases_behind_stage, read_segment
    from .terminal import show_spinner

    segment = read_segment(by or [])
    project = open_for(config, as_of, out)
    with show_spinner("looking for the cases"):
        stage = cases_behind_stage(project, kpi, period, segment, state, freq)
    output_stage(stage, "cases_behind", out, as_json, **answer_of(project, show_all))


def compare(
    by: Annotated[
        str | None, typer.Option(help="What is compared: team, agent, or a column of the cases such as site.")
    ] = None,
    changes: Annotated[
        bool, typer.Option("--changes", help=r"Show what each \[\[change]] and each hand-over did, instead.")
    ] = False,
    kpi: Annotated[list[str] | None, typer.Option(help="Share to compare by. Repeatable.")] = None,
    days: Annotated[int, typer.Option(help="Days before the end of the log that count.", min=1)] = 365,
    config: ConfigOption = DEFAULT_CONFIG,
    out: OutOption = None,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    show_all: AllOption = False,
) -> None:
    """Compare teams, sites or agents with the mix of their cases taken out."""
    from ...features.errors import InputError
    from ..stages.changes import changes_stage
    from ..stages.compare import compare_stage
    from .terminal import show_spinner

    if (by is None) != changes:
        problem = "one of --by and --changes is needed"
        raise InputError(problem, where="--by", got=by, hint="--by team, or --changes", code="command.invalid")
    project = open_for(config, as_of, out)
    with show_spinner("comparing"):
        stage = changes_stage(project) if by is None else compare_stage(project, by, kpi or (), days)
    main, *also = [name for name in ("comparison", "change_effects", "handovers") if name in stage.tables]
    output_stage(stage, main, out, as_json, *also, **answer_of(project, show_all))


_Days = Annotated[int, typer.Option(help="Days before the end of the log that count.", min=1)]


def articles(
    days: _Days = 365,
    config: ConfigOption = DEFAULT_CONFIG,
    out: OutOption = None,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    show_all: AllOption = False,
) -> None:
    """Show help articles one by one, those that cost most first."""
    from ..stages.articles import articles_stage
    from .terminal import show_spinner

    project = open_for(config, as_of, out)
    with show_spinner("measuring the articles"):
        stage = articles_stage(project, days)
    output_stage(stage, "articles", out, as_json, **answer_of(project, show_all))


def waiting(
    days: _Days = 365,
    config: ConfigOption = DEFAULT_CONFIG,
    out: OutOption = None,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    show_all: AllOption = False,
) -> None:
    """Show where open cases spend their time, and which team waits for which."""
    from ..stages.waiting import waiting_stage
    from .terminal import show_spinner

    project = open_for(config, as_of, out)
    with show_spinner("following the cases"):
        stage = waiting_stage(project, days)
    also = [name for name in ("waiting_between",) if name in stage.tables]
    output_stage(stage, "waiting_times", out, as_json, *also, **answer_of(project, show_all))
