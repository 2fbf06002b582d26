"""Options that most commands share, and the log that they open."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from ..project.project import Project
    from ..words.instants import Instants

#: The configuration of the folder that a command is called in; written here too, as reading one brings libraries.
DEFAULT_CONFIG = Path("deskcast.toml")
ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="Configuration file.", show_default=True)]
OutOption = Annotated[Path | None, typer.Option("--out", help="Write the main table to FILE.csv or FILE.parquet.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", help="Use only what was recorded by then, such as '2024-03-01 08:00'.")
]
PrintOption = Annotated[
    Path | None,
    typer.Option(
        "--print", metavar="FILE", help="Print it on A4, a page a queue: FILE.pdf (needs a browser) or FILE.html."
    ),
]
AllOption = Annotated[bool, typer.Option("--all", help="Print all findings, rows and tables.")]


T = TypeVar("T")


def one_option(command: str, old: str, given: T | None, value: T | None) -> T | None:
    """Return the value of an option that may be given under its old name too, with a note.

    Raises
    ------
    typer.BadParameter
        If both names are given.
    """
    if given is None:
        return value
    from ...features.renamed import new_name

    new = new_name("option", command, old)
    if value is not None:
        raise typer.BadParameter(f"{old} and {new} are the same: give one", param_hint=old)
    return given


def print_warnings_plainly() -> None:
    """Write notes on old names and plug-ins as lines of their own to stderr; other warnings stay as Python does."""
    usual = warnings.showwarning

    def show(message: Any, category: type[Warning], *place: Any) -> None:
        if category.__name__ in ("RenamedWarning", "PluginWarning"):
            sys.stderr.write(f"deskcast: warning: {message}\n")
        else:
            usual(message, category, *place)

    warnings.showwarning = show  # type: ignore[assignment]


def find_user() -> str:
    """Return who is at work here, as the system names them."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"


def instants_of(project: Project) -> Instants:
    """Return of which instants a result of this project is that is computed now."""
    from ..words.instants import Instants

    return Instants.now(project.data_until, project.as_of)


def answer_of(project: Project, show_all: bool) -> dict[str, Any]:
    """Return what the answer of a command says of its project: its clock, its instants, and how much to print."""
    return {"zone": project.config.timezone, "instants": instants_of(project), "show_all": show_all}


def open_for(config: Path, as_of: str | None = None, out: Path | None = None) -> Project:
    """Read the log, once it is sure that the answer can be written."""
    from ..project.project import open_project, view_as_of
    from ..store.table_files import check_table_path
    from .terminal import show_spinner

    if out is not None:
        check_table_path(out)
    with show_spinner("reading the log"):
        project = open_project(config)
        if as_of is None:
            return project
        then = view_as_of(project, as_of)
    for note in then.notes[len(project.notes) :]:
        sys.stderr.write(f"deskcast: warning: {note}\n")
    return then
