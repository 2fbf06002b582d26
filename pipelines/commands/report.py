"""Write the report of the last results, and print it where it is asked for."""

from __future__ import annotations

import json
from pathlib import Path

from ...features.errors import InputError
from ..pages.pdf import find_browser, print_pdf
from ..pages.report import write_report
from ..project.config import load_config
from ..project.specs import Config
from ..store.results import Results, read_results
from .run import report_title
from .terminal import print_line


def read_last_results(config: Config) -> Results:
    """Read the last results from the database that the configuration names, or from the folder."""
    if config.results_copy.database is None:
        return read_results(config.results_folder)
    from ..store.database_results import read_database_results

    return read_database_results(config.results_copy)


def print_report(config: Path, out: Path | None, *, full: bool, pdf: bool, as_json: bool) -> None:
    """Write the report beside the results or to a file, as HTML and as PDF, and print where it is.

    Raises
    ------
    InputError
        If the file is no HTML file, there are no results, or no browser can print a PDF.
    """
    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise InputError(
            "the report must be an HTML file", where=str(out), got=out.suffix, wanted=".html", code="file.kind"
        )
    browser = find_browser() if pdf else ""
    spec = load_config(config)
    results = read_last_results(spec)
    path = out or spec.results_folder / "report.html"
    write_report(
        results.stages,
        path,
        title=report_title(spec),
        made_at=results.made_at,
        version=results.version,
        timezone=spec.timezone,
        instants=results.instants,
        full=full,
    )
    written = {"report": str(path)}
    if pdf:
        written["pdf"] = str(path.with_suffix(".pdf"))
        print_pdf(path, written["pdf"], browser)
    print_line(json.dumps(written) if as_json else f"The report is in {' and '.join(written.values())}.")
