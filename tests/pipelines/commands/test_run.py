"""The main job from a newcomer's seat: the commands of a day on a simulated desk."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

BIN = Path(sys.executable).parent


def deskcast(*words, cwd, **more):
    return subprocess.run(
        [BIN / "deskcast", *map(str, words)], cwd=cwd, capture_output=True, text=True, check=False, **more
    )


@pytest.fixture(scope="module")
def home(demo_home, tmp_path_factory):
    """A folder in which a small demo has been run."""
    return shutil.copytree(demo_home, tmp_path_factory.mktemp("main_job") / "home")


@pytest.fixture(scope="module")
def few(home):
    """The same desk with a handful of KPIs: a command's answer has the same shape, and comes sooner."""
    folder = home / "few"
    shutil.copytree(home / "desk", folder, ignore=shutil.ignore_patterns("mlflow*", "mlruns", "mlartifacts"))
    kpis = '[history]\nkpis = ["cases_opened", "backlog", "sla_attainment", "service_level", "handle_time"]'
    config = (folder / "deskcast.toml").read_text()
    assert "[history]" in config
    (folder / "deskcast.toml").write_text(config.replace("[history]", kpis))
    return folder


def test_demo_tells_the_findings_and_where_the_report_is(home):
    said = (home / "said.txt").read_text()
    for words in ("breached the resolution SLA", "Week of Mon", "schedule up to", "Last 4 weeks"):
        assert words in said
    assert len(said.splitlines()) <= 24
    assert max(map(len, said.replace("/", " ").splitlines())) <= 240  # paths have their own length
    assert "report.html" in said
    assert "Skipped" not in said


def test_demo_leaves_every_table_of_the_job(home):
    names = {p.stem for p in (home / "desk" / "results").glob("*.parquet")}
    wanted = {"history", "forecast", "actuals", "leaderboard", "staffing", "evaluation", "calibration"}
    assert (
        wanted | {"risk", "breached_cases", "detections", "drivers", "checks", "availability", "rejected_rows"} <= names
    )
    ahead = pd.read_parquet(home / "desk" / "results" / "forecast.parquet")
    assert (ahead["deskcast-lo-80"] <= ahead["deskcast-hi-80"]).all()
    assert (ahead["deskcast"] >= 0).all()
    risk = pd.read_parquet(home / "desk" / "results" / "risk.parquet")
    assert risk["probability"].between(0, 1).all()
    assert risk["probability"].is_monotonic_decreasing


def test_every_stage_leaves_an_mlflow_run(home):
    import mlflow

    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{home / 'desk' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("deskcast-demo")
    runs = client.search_runs([experiment.experiment_id])
    stages = {r.data.tags.get("deskcast.stage"): r for r in runs}
    assert {"check", "history", "forecast", "staff", "train", "risk", "watch"} <= set(stages)
    assert all(r.info.status == "FINISHED" for r in runs)
    assert 0 < stages["forecast"].data.metrics["wape"] < 1
    assert client.list_artifacts(stages["forecast"].info.run_id)


#: The commands that take the longest.
LONG = [pytest.param(name, marks=pytest.mark.slow) for name in ("history", "staff", "train", "risk", "watch")]


@pytest.mark.parametrize("command", ["check", "forecast", *LONG])
def test_each_command_answers_in_json_and_writes_its_table(few, command, tmp_path):
    out = tmp_path / "table.parquet"
    done = deskcast(command, "--json", "--out", out, cwd=few)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["stage"] == command
    assert answer["findings"]
    assert len(pd.read_parquet(out))


@pytest.mark.slow
def test_commands_answer_in_words(home, tmp_path):
    done = deskcast("forecast", "--backtest", "--horizon", "7", cwd=home / "desk")
    assert done.returncode == 0, done.stderr
    assert "Backtest results by model" in done.stdout
    assert "Last week repeated" in done.stdout
    done = deskcast("history", "--list", "--all", cwd=home / "desk")
    assert "First response time" in done.stdout
    assert "MTBF" in done.stdout  # the last of the list too
    done = deskcast("report", "--out", tmp_path / "again.html", cwd=home / "desk")
    assert 20_000 < (tmp_path / "again.html").stat().st_size < 300_000, done.stderr


@pytest.mark.slow
def test_risk_looks_back_without_peeking(home):
    """The list as of an instant is the same when everything later is cut from the files."""
    desk, cut = home / "desk", home / "cut"
    until = pd.Timestamp("2025-11-12T13:00Z")  # the day after the outage, when the desk has work in hand
    then = deskcast("risk", "--json", "--as-of", until.isoformat(), cwd=desk)
    shutil.copytree(desk / "data", cut / "data")
    shutil.copy(desk / "deskcast.toml", cut)
    for name, column in (("cases", "created_at"), ("events", "at")):
        frame = pd.read_parquet(cut / "data" / f"{name}.parquet")
        frame[frame[column] <= until].to_parquet(cut / "data" / f"{name}.parquet")
    now = deskcast("risk", "--json", "--as-of", until.isoformat(), cwd=cut)
    assert then.returncode == now.returncode == 0, then.stderr + now.stderr
    first, second = (pd.DataFrame(json.loads(x.stdout)["tables"]["risk"]) for x in (then, now))
    assert len(first) >= 3
    pd.testing.assert_frame_equal(first, second)


def test_demo_keeps_its_hands_off_a_foreign_folder(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    done = deskcast("demo", "mine", "--cases", "300", cwd=tmp_path)
    assert done.returncode == 2
    assert "has other files" in done.stderr
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check"], "missing configuration file"),
        (["init", "nowhere.csv"], "nowhere.csv"),
        (["run", "--config", "."], "missing configuration file"),
        (["forecast", "--horizon", "0"], "deskcast: option '--horizon': not a valid value"),
        (["fly"], "deskcast: unknown command; got 'fly' (see 'deskcast --help')"),
        (["forcast"], "deskcast: unknown command; got 'forcast' (did you mean 'forecast'?)"),
        (["check", "--jsn"], "deskcast: option '--jsn': unknown option (did you mean '--json'?)"),
    ],
)
def test_what_the_user_can_mend_ends_with_two(tmp_path, words, message):
    done = deskcast(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_results_that_cannot_be_written(home, tmp_path):
    config = (home / "desk" / "deskcast.toml").read_text().replace('path = "results"', 'path = "blocked/results"')
    shutil.copytree(home / "desk" / "data", tmp_path / "data")
    (tmp_path / "deskcast.toml").write_text(config)
    (tmp_path / "blocked").write_text("a file stands where the folder should be")
    before = sorted(p.name for p in tmp_path.iterdir())
    done = deskcast("run", cwd=tmp_path)
    assert done.returncode == 2
    assert "blocked" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == before
