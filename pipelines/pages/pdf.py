"""The report on paper: a browser of this machine prints the page, without a window and without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ...features.errors import InputError
from ..store.atomic_replace import replace_file

#: Browsers that print without a window, by the names of their programs.
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
MAX_PRINT_S = 120


def find_browser(which: Callable[[str], str | None] = shutil.which, option: str = "--pdf") -> str:
    """Return the program of a browser that can print; ``option`` is what asks for it.

    Raises
    ------
    InputError
        If there is none.

    Examples
    --------
    >>> find_browser({"google-chrome": "/usr/bin/google-chrome"}.get)
    '/usr/bin/google-chrome'
    """
    for name in BROWSERS:
        found = which(name)
        if found:
            return found
    raise InputError(
        "a PDF needs a browser, and none was found",
        where=option,
        wanted="Chromium, Chrome or Edge",
        hint="install one, such as 'apt-get install chromium', or open the HTML report and print it",
        code="package.missing",
    )


def print_pdf(page: str | Path, path: str | Path, browser: str | None = None) -> None:
    """Print an HTML file as PDF on A4, whole or not at all.

    Parameters
    ----------
    page, path
        The HTML file, and the PDF to be written.
    browser
        Program that prints; see :func:`find_browser`.

    Raises
    ------
    InputError
        If there is no browser, it prints nothing, or the file cannot be written.
    """
    program = browser or find_browser()
    with replace_file(Path(path)) as aside, tempfile.TemporaryDirectory() as profile:
        printed = Path(profile) / "report.pdf"
        _run(_command(program, Path(page).resolve(), printed, profile))
        if not printed.is_file():
            raise InputError("the browser printed nothing", where=program, got=str(page), code="file.unreadable")
        shutil.copyfile(printed, aside)


def _command(program: str, page: Path, printed: Path, profile: str) -> list[str]:
    flags = ["--headless", "--disable-gpu", "--no-first-run", "--no-pdf-header-footer"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--no-sandbox")  # root has no sandbox; the page is ours and runs no script
    return [program, *flags, f"--user-data-dir={profile}", f"--print-to-pdf={printed}", page.as_uri()]


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=MAX_PRINT_S)
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip().splitlines()
        raise InputError(
            "the browser did not print the report", where=command[0], hint=said[-1] if said else str(error),
            code="file.unreadable",
        ) from error  # fmt: skip
