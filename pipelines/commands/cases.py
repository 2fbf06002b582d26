"""The command ``cases``: from a number to its cases."""

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
