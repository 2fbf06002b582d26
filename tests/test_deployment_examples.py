"""The examples of docs/deployment.md: each is linted, and each command in them is one that the command line takes."""

import ast
import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import typer
from deskcast.pipelines.commands.cli import app
from deskcast.pipelines.project.config import parse_config

DOCS = Path(__file__).resolve().parent.parent / "docs"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", flags=re.S | re.M)


def blocks(kind, page="deployment.md"):
    text = (DOCS / page).read_text(encoding="utf-8")
    return [body for found, body in FENCE.findall(text) if found == kind]


def check_command(words):
    """Let the command line read a command without running it."""
    name, *rest = words
    command = typer.main.get_command(app).commands[name]
    command.make_context(name, list(rest))


def test_lines_of_cron_have_five_fields_of_time_and_a_command_that_exists():
    lines = blocks("cron")[0].splitlines()
    timed = [line for line in lines if not re.match(r"[A-Z]+=", line)]
    assert len(timed) == 2
    ranges = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    for line in timed:
        *fields, command = line.split(None, 5)
        for field, (low, high) in zip(fields, ranges, strict=True):
            assert re.fullmatch(r"\*|\d+(-\d+)?", field)
            assert all(low <= int(number) <= high for number in re.findall(r"\d+", field))
        assert "%" not in command  # cron would end the line there
        check_command(shlex.split(re.search(r"deskcast (.*?) >>", command)[1]))


def test_units_of_systemd_are_read_by_systemd_itself(tmp_path):
    units = dict(zip(("deskcast.service", "deskcast.timer"), blocks("ini"), strict=True))
    for name, body in units.items():
        parser = configparser.ConfigParser(strict=True, interpolation=None)
        parser.optionxform = str
        parser.read_string(body)
        assert "Unit" in parser
        (tmp_path / name).write_text(body)
    service = configparser.ConfigParser(interpolation=None)
    service.read_string(units["deskcast.service"])
    check_command(shlex.split(service["Service"]["ExecStart"])[1:])
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    # the program and the user are of another machine
    text = units["deskcast.service"].replace("/srv/desk/.venv/bin/deskcast", "/bin/true").replace("User=desk\n", "")
    (tmp_path / "deskcast.service").write_text(text.replace("/srv/desk", "/"))
    files = [str(tmp_path / name) for name in units]
    command = ["systemd-analyze", "verify", "--man=no", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "deskcast." in line]
    assert ours == []


def test_the_dockerfile_is_in_order_and_its_command_exists():
    lines = [line for line in blocks("dockerfile")[0].splitlines() if line]
    words = [line.split(None, 1)[0] for line in lines]
    assert words[0] == "FROM"
    assert set(words) <= {"FROM", "RUN", "COPY", "USER", "WORKDIR", "ENTRYPOINT", "CMD"}
    assert words.index("USER") < words.index("ENTRYPOINT")  # it does not run as root
    forms = {line.split(None, 1)[0]: line.split(None, 1)[1] for line in lines}
    assert json.loads(forms["ENTRYPOINT"]) == ["deskcast"]
    check_command(json.loads(forms["CMD"]))
    copied = forms["COPY"].split()[0]
    assert (DOCS.parent / copied).is_file()


def test_the_dag_of_airflow_is_made_with_one_task_whose_command_exists(monkeypatch):
    (body,) = blocks("python")
    ast.parse(body)
    linted = [sys.executable, "-m", "ruff", "check", "--select", "E,F,I,B", "--isolated", "--line-length", "120", "-"]
    done = subprocess.run(linted, input=body, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    made = []

    class Taken:
        def __init__(self, *args, **options):
            made.append((args, options))

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    # Airflow itself is no dependency: what it is given is looked at
    for name in ("airflow", "airflow.sdk", "airflow.providers", "airflow.providers.standard"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    for name in ("airflow.providers.standard.operators", "airflow.providers.standard.operators.bash"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules["airflow.sdk"].DAG = Taken
    sys.modules["airflow.providers.standard.operators.bash"].BashOperator = Taken
    exec(compile(body, "dag", "exec"), {})
    (dag, task) = made
    assert dag[1]["max_active_runs"] == 1
    check_command(shlex.split(task[1]["bash_command"].split("deskcast ", 1)[1]))


@pytest.mark.parametrize("page", ["deployment.md", "howto/nightly.md"])
def test_configurations_of_the_page_are_read(page, tmp_path):
    text = (DOCS / page).read_text(encoding="utf-8")
    bodies = [body for kind, body in FENCE.findall(text) if kind == "toml"]
    assert bodies
    for body in bodies:
        parse_config({"source": {"cases": {"path": "cases.csv"}}, **tomllib.loads(body)}, folder=tmp_path)
