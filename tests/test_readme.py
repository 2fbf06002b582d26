"""Every command in the README is run, and its Python too: what a newcomer copies works."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
YOUR_DATA = (ROOT / "docs" / "howto" / "your-data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+) ?(\w*)\n(.*?)```", README + YOUR_DATA, flags=re.S)

#: The public file that stands behind each name in the README.
REAL = {
    "servicenow": ("servicenow_incidents/incident_event_log_opened_before_2016-05.csv.gz", "incident_event_log.csv.gz"),
    "helpdesk": ("helpdesk_italy/helpdesk.csv.gz", "helpdesk.csv.gz"),
    "council": ("nyc_council_cases/council_cases.csv.gz", "council_cases.csv.gz"),
    "calls": ("bank_calls_5min/bank_calls.csv.gz", "bank_calls.csv.gz"),
}


def block(tag: str) -> list[str]:
    return next(body for kind, name, body in BLOCKS if kind == "sh" and name == tag).strip().splitlines()


def run(line: str, cwd: Path) -> subprocess.CompletedProcess:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        line, shell=True, cwd=cwd, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def demo(demo_home, tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    recorded = shutil.ignore_patterns("mlflow*", "mlruns", "mlartifacts")
    shutil.copytree(demo_home / "desk", folder / "deskcast-demo", ignore=recorded)
    return folder


def test_the_readme_has_the_blocks_that_are_run():
    names = {name for kind, name, _ in BLOCKS if kind == "sh"}
    assert names == {"", "demo", *REAL}
    assert block("") == ["make demo", "make test"]


def test_the_readme_can_be_read_in_one_go():
    assert len(README.splitlines()) <= 150
    assert not set(re.findall(r"\]\(((?!http)[^)#]+)", README)) - {
        str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.suffix in (".md", ".csv", ".png")
    }


def test_make_knows_the_two_commands():
    for target in block(""):
        done = run(f"make --dry-run {target.removeprefix('make ')}", ROOT)
        assert done.returncode == 0, done.stderr
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_commands_on_the_demo(demo):
    lines = block("demo")
    assert lines[0] == "cd deskcast-demo"
    for line in lines[1:]:
        done = run(line, demo / "deskcast-demo")
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert done.stdout.strip()
    for name in ("staffing.csv", "risk.csv", "report.html"):
        assert (demo / "deskcast-demo" / name).stat().st_size > 100


@pytest.mark.slow
def test_the_python_of_the_readme(demo):
    code = next(body for kind, _, body in BLOCKS if kind == "python")
    done = subprocess.run([sys.executable, "-c", code], cwd=demo, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("tag", REAL)
def test_commands_on_a_real_export(tag, shared_data, tmp_path):
    source, name = REAL[tag]
    shutil.copy(shared_data(source), tmp_path / name)
    if tag == "council":  # ten years take long: three of them hold the same forms
        rows = pd.read_csv(tmp_path / name, dtype="str")
        rows[rows["opendate"].str.contains("2020|2021|2022")].to_csv(tmp_path / name, index=False)
    for line in block(tag):
        done = run(line, tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    results = {p.stem for p in (tmp_path / "results").glob("*.parquet")}
    assert {"history", "forecast", "leaderboard", "checks", "availability"} <= results
    assert (tmp_path / "results" / "report.html").stat().st_size > 20_000
