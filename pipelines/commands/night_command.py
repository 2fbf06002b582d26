"""``deskcast run``: a night as a command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .exit_codes import end_run
from .options import DEFAULT_CONFIG, AllOption, AsOfOption, ConfigOption, JsonOption


def run(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    show_all: AllOption = False,
    night: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Run as of TIME, later than all runs so far: for tests."),
    ] = None,
    record: Annotated[bool, typer.Option(help="Record the run in MLflow.")] = True,
    wait: Annotated[
        str, typer.Option(metavar="DURATION", help="Wait this long for another run to end, such as '30min'.")
    ] = "",
    log: Annotated[str, typer.Option(metavar="FORM", help="json: one line of JSON a stage, on stderr.")] = "",
    summary: Annotated[Path | None, typer.Option(help="File for how the run ended, as JSON.")] = None,
) -> None:
    """Run every stage; write tables, report and MLflow run; send the alarms."""
    from .nights import run_night

    asked = {"as_of": as_of, "night": night, "as_json": as_json, "show_all": show_all, "record_runs": record}
    end_run(run_night(config, **asked, wait=wait, log=log, summary=summary))  # type: ignore[arg-type]
