"""The documentation is true: references equal the code, links lead somewhere, and every command in it runs."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
import typer
from deskcast.pipelines.commands.cli import app
from deskcast.pipelines.project.config import key_of
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
#: These make, change or serve a whole desk: tests of their own run them.
OWN_TESTS = ("init", "run", "demo", "serve", "train")
#: What needs more than the demo has: options beside the name, a day that has begun, an alarm.
INCOMPLETE = {"deskcast cases", "deskcast today", "deskcast alarms --test"}
#: A command about a column that the page has just added to the user's own source.
INCOMPLETE |= {"deskcast history --kpi cases_resolved --by close_code"}


@pytest.fixture(scope="module")
def generate():
    sys.path.insert(0, str(DOCS))
    try:
        import generate as module
    finally:
        sys.path.remove(str(DOCS))
    return module


@pytest.mark.parametrize("page", ["commands.md", "configuration.md", "tables.md", "codes.md"])
def test_a_reference_page_is_what_the_code_says(generate, page):
    written = (DOCS / "reference" / page).read_text(encoding="utf-8")
    assert written == generate.PAGES[page]().rstrip("\n") + "\n", "write it anew: make docs"


def test_every_key_of_the_configuration_has_a_meaning_and_no_other(generate):
    meanings = tomllib.loads((DOCS / "keys.toml").read_text(encoding="utf-8"))
    keys = {heading: {key_of(f.name) for f in fields(model)} for heading, model in generate.SECTIONS.items()}
    assert {heading: set(found) for heading, found in meanings.items()} == keys


def test_the_site_is_built_strictly_and_has_every_page(tmp_path):
    done = subprocess.run(
        [sys.executable, DOCS / "make_site.py", tmp_path / "site"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    built = tmp_path / "site" / "site"
    for page in DOCS.rglob("*.md"):
        name = page.relative_to(DOCS).with_suffix("")
        place = built / "index.html" if name == Path("index") else built / name / "index.html"
        html = place.read_text(encoding="utf-8")
        assert len(html) > 1_000, page
        assert "```" not in html, f"{page}: a code block is not closed, or its head is not understood"
    first = (built / "index.html").read_text(encoding="utf-8")
    assert not re.findall(r'(?:src|href)="https?://(?!zensical)', first), "a page asks another host"


def find_commands(page: Path) -> set[str]:
    """Return the deskcast commands of a page that stand in code, one line each."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```(?:sh)?[ \w]*\n(.*?)^ *```", text, flags=re.S | re.M)
    spans = re.findall(r"`(deskcast [a-z][^`]*)`", re.sub(r"```.*?```", "", text, flags=re.S))
    lines = [line.strip() for block in blocks for line in block.splitlines()] + spans
    return {line for line in lines if line.startswith("deskcast ")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_and_option_exists(page):
    commands = typer.main.get_command(app).commands
    for line in find_commands(page):
        name, *words = shlex.split(line)[1:]
        if name.startswith("-"):
            continue
        assert name in commands, line
        known = {
            option for parameter in commands[name].params for option in (*parameter.opts, *parameter.secondary_opts)
        } | {"--help", "-h"}
        assert {word for word in words if word.startswith("--")} <= known, line


def runnable(page: Path) -> set[str]:
    """Return the commands of a page that run on the demo as they stand."""
    found = {line for line in find_commands(page) if not re.search(r"\b(?!MS\b)[A-Z]{2,}\b|\.\.\.|[\"']?\[", line)}
    return {line for line in found if shlex.split(line)[1] not in OWN_TESTS} - INCOMPLETE


@pytest.mark.slow
def test_every_command_of_the_documentation_runs_on_the_demo(demo_home, tmp_path, monkeypatch):
    recorded = shutil.ignore_patterns("mlflow*", "mlruns", "mlartifacts")
    shutil.copytree(demo_home / "desk", tmp_path / "desk", ignore=recorded)
    monkeypatch.chdir(tmp_path / "desk")
    lines = set().union(*(runnable(page) for page in PAGES if page.name not in ("README.md", "state.md")))
    assert len(lines) > 50
    failed = {}
    for line in sorted(lines):
        done = CliRunner().invoke(app, shlex.split(line, comments=True)[1:])
        if done.exit_code or not done.output.strip():
            failed[line] = done.output[-300:] or repr(done.exception)
    assert not failed


def test_figures_of_the_readme_and_the_limits_are_those_of_the_benchmarks():
    benchmarks = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    accuracy = readme[readme.index("## How accurate") : readme.index("## Read on")]
    stated = set(re.findall(r"\d+\.\d+%?|\d+%", accuracy + (DOCS / "limits.md").read_text(encoding="utf-8")))
    assert len(stated) > 20
    assert {figure for figure in stated if not re.search(rf"(?<![\d.]){re.escape(figure)}", benchmarks)} == set()
