"""Which instant: a look back has a folder of its own, a night is issued once, an old log is said to be old."""

import json

import numpy as np
import pandas as pd
import pytest
from deskcast.pipelines.commands.cli import app
from deskcast.pipelines.project.project import open_project, view_as_of
from deskcast.pipelines.stages.risk import risk_stage
from deskcast.pipelines.stages.train import train_stage
from deskcast.pipelines.store.flagged_cases import read_flags, save_flags
from deskcast.pipelines.store.results import read_findings, read_result_table, read_results
from deskcast.pipelines.words.contradictions import contradictions
from typer.testing import CliRunner

CONFIG = """
timezone = "Europe/Berlin"
[source.cases]
path = "cases.csv"
[source.events]
path = "events.csv"
[[sla]]
metric = "resolution"
target = "48h"
[risk]
train_days = 25
"""


def write_desk(folder, days=60, a_day=12):
    """Write a desk whose cases take 2 to 100 hours; the last ones are open."""
    dice = np.random.default_rng(3)
    n = days * a_day
    opened = pd.Timestamp("2024-01-01T06:00Z") + pd.to_timedelta(np.sort(dice.uniform(0, days * 24, n)), unit="h")
    end = pd.Timestamp("2024-01-01T06:00Z") + pd.Timedelta(days=days)
    case = [f"c{i:04}" for i in range(n)]
    done = opened + pd.to_timedelta(dice.choice([4.0, 20.0, 70.0], n) * dice.uniform(0.5, 1.4, n), unit="h")
    pd.DataFrame({"case_id": case, "created_at": opened, "priority": dice.choice(["1", "2"], n)}).to_csv(
        folder / "cases.csv", index=False
    )
    events = pd.DataFrame({"case_id": case, "at": done, "kind": "resolved"})
    events[events["at"] <= end].to_csv(folder / "events.csv", index=False)
    (folder / "deskcast.toml").write_text(CONFIG)
    return folder


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(write_desk(tmp_path))
    return tmp_path


def deskcast(*words):
    return CliRunner().invoke(app, [*words])


@pytest.mark.slow
def test_a_look_back_goes_to_a_folder_of_its_own_and_a_night_is_issued_once(desk):
    first = deskcast("run", "--night", "2024-02-20 00:00", "--no-record")
    assert first.exit_code == 0, first.output
    assert " days old." in first.stdout.splitlines()[0]
    results = desk / "results"
    found = read_findings(results)
    assert found["as_of"] == found["data_until"] == "2024-02-19T23:00:00+00:00"
    assert pd.Timestamp(found["made_at"]) > pd.Timestamp(found["as_of"])
    assert read_result_table(results, "history").attrs["as_of"] == found["as_of"]
    flags, kept = read_flags(results, "resolution"), (results / "findings.json").read_bytes()
    assert len(flags) > 0

    back = deskcast("run", "--as-of", "2024-02-10 08:00", "--no-record", "--json")
    assert back.exit_code == 0, back.output
    assert json.loads(back.stdout)["as_of"] == "2024-02-10T07:00:00+00:00"
    assert (results / "findings.json").read_bytes() == kept
    assert read_flags(results, "resolution").equals(flags)
    aside = read_results(desk / "results-as-of" / "2024-02-10T070000Z")
    assert aside.as_of == pd.Timestamp("2024-02-10T07:00Z")
    assert aside.fingerprint != found["fingerprint"]
    assert "as of Sat 10 Feb 2024 08:00" in (desk / "results-as-of" / "2024-02-10T070000Z" / "report.html").read_text()
    assert deskcast("risk", "--as-of", "2024-02-27 08:00").exit_code == 0
    assert read_flags(results, "resolution").equals(flags)

    again = deskcast("run", "--night", "2024-02-20 00:00", "--no-record")
    assert "a later night was issued already" in str(again.exception or again.output)
    assert "options exclude each other" in str(
        deskcast("run", "--night", "2024-02-22", "--as-of", "2024-02-22").exception
    )
    later = deskcast("run", "--night", "2024-02-21 00:00", "--no-record")
    assert later.exit_code == 0, later.output
    assert read_findings(results)["as_of"] == "2024-02-20T23:00:00+00:00"
    assert read_flags(results, "resolution")["at"].nunique() == 2


def test_each_instant_has_its_own_fingerprint_and_the_same_instant_the_same(desk):
    project = open_project(desk / "deskcast.toml")
    marks = [view_as_of(project, at).fingerprint for at in ("2024-02-10", "2024-02-11", "2024-02-10 00:00")]
    assert marks[0] == marks[2] != marks[1] != project.fingerprint
    late = view_as_of(project, "2024-03-05 08:00")
    assert (late.data_until, late.as_of) == (project.data_until, pd.Timestamp("2024-03-05T07:00Z"))


@pytest.mark.slow
def test_picks_do_not_flap_over_ten_nights_and_each_drop_is_said(desk):
    whole = open_project(desk / "deskcast.toml")
    shares, before = [], pd.DataFrame()
    for night in range(10):
        then = view_as_of(whole, f"2024-02-{15 + night:02} 00:00")
        stage = risk_stage(then, train_stage(then)[1], cases_per_day=8)
        assert contradictions(stage) == []
        risk = stage.tables["risk"]
        now = set(risk.loc[risk["work_first"], "case_id"])
        assert now
        assert (risk.loc[risk["work_first"], "probability"] >= 0.1).all()
        if len(before):
            gone = stage.tables.get("dropped_cases", pd.DataFrame({"case_id": [], "reason": []}))
            assert set(before["case_id"]) - now == set(gone["case_id"])
            assert gone["reason"].ne("").all()
            could = set(before["case_id"]) - set(gone["case_id"][gone["reason"] != "other cases come first"])
            shares.append((len(could & now), len(could)))
            assert any("of the last list left it" in f for f in stage.findings) == (len(gone) > 0)
        assert save_flags(desk / "results", risk, then.data_until)
        before = risk[risk["work_first"]]
    stayed, could = np.sum(shares, axis=0)
    assert could >= 10
    assert stayed >= 0.9 * could


def test_the_list_is_of_the_morning_and_what_is_lost_stands_apart(desk):
    whole, lost = open_project(desk / "deskcast.toml"), 0
    for day in ("2024-02-20", "2024-02-21", "2024-02-22"):
        midnight = view_as_of(whole, day)
        stage = risk_stage(midnight, train_stage(midnight)[1])
        risk, morning = stage.tables["risk"], midnight.data_until + pd.Timedelta(hours=8)
        assert (risk["as_of"] == morning).all()
        left = (risk["due_at"] - morning).dt.total_seconds()
        assert np.allclose(risk["left_s"], left)
        assert (left >= 1800).all()  # the work of half an hour fits into the time left of each
        if "past_saving" in stage.tables:
            late = stage.tables["past_saving"]
            assert (late["left_s"] < 1800).all()
            assert not set(late["case_id"]) & set(risk["case_id"])
            lost += len(late)
    assert lost == 2  # due before half past eight on the last two days, and still open at midnight
