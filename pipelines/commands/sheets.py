"""Print the plan or the review of a week: a page of A4 for each queue, as PDF or HTML."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from ...features.errors import InputError
from ..pages.pdf import find_browser, print_pdf
from ..pages.report import asset, template
from ..pages.sheets import Sheet, split_sheets
from ..project.project import Project
from ..stage import Stage
from ..store.atomic_replace import replace_file
from .run import report_title
from .terminal import format_state_line, print_line


def check_print_file(path: Path | None) -> str:
    """Return the browser that a PDF needs, before any work is done; empty for HTML and where nothing is printed.

    Raises
    ------
    InputError
        If the file is neither a PDF nor HTML, or there is no browser.
    """
    if path is None or path.suffix.lower() in (".html", ".htm"):
        return ""
    if path.suffix.lower() != ".pdf":
        wanted = ".pdf or .html"
        raise InputError(
            "what is printed must be a PDF or HTML", where=str(path), got=path.suffix, wanted=wanted, code="file.kind"
        )
    return find_browser(option="--print")


def print_sheets(
    build: Callable[[Stage], list[Sheet]],
    stage: Stage,
    path: Path | None,
    browser: str,
    project: Project,
    *,
    is_quiet: bool = False,
) -> None:
    """Write the sheets of a stage to a file, and say how many pages they are; without a file nothing is done.

    ``is_quiet`` leaves the line out: beside JSON it would make the answer one that no program reads.

    Raises
    ------
    InputError
        If the stage has nothing to print, or the file cannot be written.
    """
    if path is None:
        return
    sheets = build(stage)
    if not sheets:
        raise InputError("nothing to print", where="--print", got=stage.skipped or "no queue", code="stage.failed")
    page = render_sheets(sheets, project)
    if not browser:
        with replace_file(path) as aside:
            aside.write_text(page, encoding="utf-8")
    else:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "sheets.html"
            source.write_text(page, encoding="utf-8")
            print_pdf(source, path, browser)
    if not is_quiet:
        print_line(f"Printed in {path}: {split_sheets(sheets)}.")


def render_sheets(sheets: list[Sheet], project: Project) -> str:
    """Return sheets as one HTML file that asks nothing of any network."""
    from ..words.instants import Instants

    instants = format_state_line(Instants.now(project.data_until, project.as_of), project.config.timezone)
    title = report_title(project.config)
    page: str = template("sheet.html").render(sheets=sheets, title=title, instants=instants, style=asset("sheet.css"))
    return page
