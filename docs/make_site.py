"""Build the site of the documentation strictly: a broken link or an unknown page ends with an error.

Run ``python docs/make_site.py [FOLDER]`` from the root of the repository; pages of the root, such as DECISIONS.md, are
put beside the others.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
#: Page of the root -> its name in the site.
PAGES = {"DECISIONS.md": "decisions.md", "CHANGELOG.md": "changelog.md"}
LEFT_OUT = shutil.ignore_patterns("*.py", "*.toml", "*.csv")


def build_site(folder: Path) -> Path:
    """Build the site in a folder and return the place of its first page."""
    source = folder / "docs"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS, source, ignore=LEFT_OUT)
    for page in source.rglob("*.md"):
        _untag(page)
        _rewrite(page, r"\]\(((?:\.\./)*)\.\./(%s)", lambda link: f"]({link[1]}{PAGES[link[2]]}")
    for page, name in PAGES.items():
        shutil.copy(ROOT / page, source / name)
        _rewrite(source / name, r"\]\((docs/)?(%s)?", lambda link: f"]({PAGES.get(link[2], '')}")
    shutil.copy(DOCS / "zensical.toml", folder)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file", "zensical.toml"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "site" / "index.html"


def _untag(page: Path) -> None:
    """Take the second word from the head of a code block: it tells tests what to run."""
    text = page.read_text(encoding="utf-8")
    page.write_text(re.sub(r"^( *```\w+) \w+$", r"\1", text, flags=re.MULTILINE), encoding="utf-8")


def _rewrite(page: Path, pattern: str, link: Callable[[re.Match[str]], str]) -> None:
    """Let the links of a page point to where the pages of the root stand in the site."""
    text = page.read_text(encoding="utf-8")
    page.write_text(re.sub(pattern % "|".join(map(re.escape, PAGES)), link, text), encoding="utf-8")


if __name__ == "__main__":
    print(build_site(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "site").resolve()))
