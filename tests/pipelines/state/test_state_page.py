"""Every command and the Python of docs/state.md is run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from deskcast.pipelines.project.config import load_config
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk

PAGE = (Path(__file__).parents[3] / "docs" / "state.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, flags=re.S)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A small desk on which few KPIs are kept and nothing but the phone is staffed, so that a run is short."""
    folder = tmp_path_factory.mktemp("state_page")
    write_desk(simulate_desk(600, 9), folder)
    few = '[history]\nkpis = ["cases_opened", "backlog", "sla_attainment"]'
    head, rest = (folder / "deskcast.toml").read_text().replace("[history]", few).split("[staffing.chat]")
    (folder / "deskcast.toml").write_text(head + rest[rest.index("# When the list") :])
    return folder


@pytest.mark.slow
def test_commands_and_python_of_the_page(desk):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    said = []
    for line in [line for kind, body in BLOCKS if kind == "sh" for line in body.strip().splitlines()]:
        if "C0001234" in line:  # a case that was on a list of this desk
            line = line.replace("C0001234", pd.read_csv(desk / "issued-risks.csv")["case_id"].iloc[0])
        done = subprocess.run(
            line, shell=True, cwd=desk, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        said.append(done.stdout)
    assert "Volume: issued forecasts for the next day were off by" in said[2]
    assert len(pd.read_csv(desk / "track-record.csv")) > 3
    listed = pd.read_csv(desk / "issued-risks.csv")
    assert len(listed) > 0
    assert listed["probability"].between(0, 1).all()
    code = next(body for kind, body in BLOCKS if kind == "python")
    done = subprocess.run([sys.executable, "-c", code], cwd=desk, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "2026-02-08 23:00:00" in done.stdout


def test_the_configuration_of_the_page_is_read(tmp_path):
    toml = next(body for kind, body in BLOCKS if kind == "toml")
    (tmp_path / "deskcast.toml").write_text('[source.cases]\npath = "cases.csv"\n' + toml)
    place = load_config(tmp_path / "deskcast.toml").state_place
    assert (place.database, place.keep_days) == ("postgresql://deskcast@db.example/desk", 400)


def test_the_page_names_every_table_of_the_state():
    from deskcast.pipelines.state.schema import METADATA

    assert [
        name for name in METADATA.tables if name not in ("schema_version", "marks") and f"`{name}`" not in PAGE
    ] == []
