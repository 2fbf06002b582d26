"""The command ``goals``: goals now and in past periods, and which no longer fit."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import DEFAULT_CONFIG, AllOption, AsOfOption, ConfigOption, JsonOption, OutOption, answer_of, open_for
from .terminal import output_stage


def goals(
    review: Annotated[
        bool, typer.Option("--review", help="Show which goals no longer fit, and which KPIs serve which goal.")
    ] = False,
    periods: Annotated[int, typer.Option(help="Past periods of each goal.", min=1)] = 12,
    config: ConfigOption = DEFAULT_CONFIG,
    out: OutOption = None,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    show_all: AllOption = False,
) -> None:
    """Show goals now and in past periods, with what the goal was then."""
    from ..stages.goal_periods import goals_stage
    from .terminal import show_spinner

    project = open_for(config, as_of, out)
    with show_spinner("judging the goals"):
        stage = goals_stage(project, periods, review=review)
    main, *also = ("goal_review", "goal_kpis") if review else ("goals", "goal_periods")
    output_stage(stage, main, out, as_json, *also, **answer_of(project, show_all))
