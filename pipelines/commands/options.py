"""Options that most commands share, and the log that they open."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..project.project import Project

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The configuration.", show_default=True)]
OutOption = Annotated[Path | None, typer.Option("--out", help="Write the table to FILE.csv or FILE.parquet.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", help="Look at the log as it stood then, such as '2024-03-01 08:00'.")
]


def open_for(config: Path, as_of: str | None = None, out: Path | None = None) -> Project:
    """Read the log, once it is sure that the answer can be written."""
    from ..project.project import open_project, view_as_of
    from ..store.results import check_table_path
    from .terminal import show_spinner

    if out is not None:
        check_table_path(out)
    with show_spinner("reading the log"):
        project = open_project(config)
        if as_of is None:
            return project
        then = view_as_of(project, as_of)
    for note in then.notes[len(project.notes) :]:
        sys.stderr.write(f"deskcast: {note}\n")
    return then
