"""Where little or nothing can be told of open cases: a clear message, or the fallback that is documented."""

import json

import numpy as np
import pandas as pd
import pytest
from deskcast.pipelines.commands.cli import app
from typer.testing import CliRunner

BASE = """
timezone = "UTC"
[source.cases]
path = "cases.csv"
[source.cases.columns]
case_id = "id"
created_at = "opened"
team = "team"
[source.events]
path = "events.csv"
[source.events.columns]
case_id = "id"
at = "time"
kind = "kind"
"""
SLA = """
[[sla]]
metric = "resolution"
target = "2d"
"""


def write(folder, cases=10, hours=30.0, promise=SLA, last_team="home"):
    """Write a desk with a case every two hours, each open for so many hours (one number, or one a case)."""
    opened = pd.Timestamp("2024-03-01T08:00Z") + pd.to_timedelta(2 * np.arange(cases), unit="h")
    team = ["home"] * (cases - 1) + [last_team]
    ids = [f"c{i:04d}" for i in range(cases)]
    pd.DataFrame({"id": ids, "opened": opened, "team": team}).to_csv(folder / "cases.csv", index=False)
    ended = opened + pd.to_timedelta(np.broadcast_to(hours, cases), unit="h")
    events = pd.DataFrame({"id": ids, "time": ended, "kind": "resolved"})
    born = pd.DataFrame({"id": ids, "time": opened, "kind": "created"})
    events = pd.concat([born, events[events["time"] <= opened.max() + pd.Timedelta(hours=1)]])
    events.to_csv(folder / "events.csv", index=False)
    (folder / "deskcast.toml").write_text(BASE + promise)


def ask(folder, monkeypatch, *words):
    monkeypatch.chdir(folder)
    return CliRunner().invoke(app, ["risk", "--json", *words])


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"cases": 30}, "only"),
        pytest.param({"cases": 300, "hours": 30.0}, "0 of", marks=pytest.mark.slow),
        ({"cases": 300, "hours": 60.0}, "breached (at least 20 breached and 20 met cases are needed)"),
    ],
)
def test_few_cases_or_one_kind_only_give_the_base_rate_by_due_time(tmp_path, monkeypatch, how, words):
    write(tmp_path, **how)
    done = ask(tmp_path, monkeypatch)
    assert done.exit_code == 0, done.output
    body = json.loads(done.stdout)
    unknown = "Not enough data yet for a breach risk" in done.stdout  # too few targets have run out: no rate, no rank
    risk = pd.DataFrame(body["tables"]["open_cases" if unknown else "risk"])
    assert len(risk) >= 5
    assert (
        risk["caution"].str.startswith("Not enough data yet").all()
    )  # what the model warns of stands in the table too
    assert risk["due_at"].is_monotonic_increasing
    if unknown:
        assert not {"rank", "probability", "work_first"} & set(risk.columns)
        assert "risk" not in body["tables"]
    else:
        assert risk["probability"].nunique() == 1
        assert risk["reason_1"].str.startswith("all cases have the average breach rate of ").all()
        assert ("chosen by the time left as all have the same risk" in done.stdout) == risk["work_first"].any()
    assert unknown == (how["cases"] == 30)
    assert not {"dissatisfaction", "escalation"} & set(body["tables"])  # no surveys, no escalations
    trained = CliRunner().invoke(app, ["train", "--json"])
    assert unknown or "Not enough data yet" in trained.stdout
    assert words in trained.stdout


def test_without_a_promise_or_an_outcome_it_says_what_is_missing(tmp_path, monkeypatch):
    write(tmp_path, cases=40, promise="")
    done = ask(tmp_path, monkeypatch)
    assert "No SLA is configured: add an [[sla]] section" in str(done.exception or done.output)
    write(tmp_path, cases=10, hours=9e3)
    done = ask(tmp_path, monkeypatch)
    assert "no case has met or breached the SLA" in str(done.exception or done.output)


def test_an_instant_after_the_end_of_the_log_reads_it_whole_and_says_so(tmp_path, monkeypatch):
    write(tmp_path, cases=40)
    then, now = ask(tmp_path, monkeypatch, "--as-of", "2031-01-01"), ask(tmp_path, monkeypatch)
    assert "the log ends at" in then.stderr
    first, second = json.loads(then.stdout), json.loads(now.stdout)
    assert first["tables"] == second["tables"]
    assert first["data_until"] == second["data_until"] == second["as_of"]
    assert first["as_of"].startswith("2031-01-01")


def test_a_team_that_was_never_seen_is_in_the_list(tmp_path, monkeypatch):
    hours = np.where(np.arange(400) % 3 == 0, 60.0, 20.0)
    write(tmp_path, cases=400, hours=hours, last_team="founded today")
    done = ask(tmp_path, monkeypatch)
    assert done.exit_code == 0, done.output
    risk = pd.DataFrame(json.loads(done.stdout)["tables"]["risk"]).set_index("team")
    assert 0 < risk.loc["founded today", "probability"] < 1


@pytest.mark.parametrize("capacity", ["0h", "eight hours"])
def test_a_capacity_that_is_none_is_refused(tmp_path, monkeypatch, capacity):
    write(tmp_path)
    done = ask(tmp_path, monkeypatch, "--capacity", capacity)
    assert done.exit_code != 0
