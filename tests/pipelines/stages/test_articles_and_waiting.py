"""Articles one by one and waiting between teams on the simulated desk, against what is true of it."""

from dataclasses import replace

import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.kpis.kpi_history import kpi_history
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.stages.articles import articles_stage
from deskcast.pipelines.stages.waiting import waiting_stage
from deskcast.pipelines.stages.work_tables import add_work_tables
from deskcast.pipelines.words.columns import table_title


@pytest.fixture(scope="module")
def desk():
    return simulate_desk(6000, seed=3)


@pytest.fixture(scope="module")
def project(desk, tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    write_desk(desk, folder)
    return open_project(folder / "deskcast.toml")


def test_the_weak_article_alone_is_called_weak_and_comes_first(desk, project):
    stage, truth = articles_stage(project, days=600), desk.truth["weak_article"]
    table = stage.tables["articles"].set_index("article_id")
    weak = table.loc[truth["article_id"]]
    assert table.index[0] == truth["article_id"]
    assert list(table.index[table["verdict"] == "lower than expected"]) == [truth["article_id"]]
    assert weak["sessions"] <= truth["sessions"] < weak["sessions"] + 5  # the last day is undecided
    assert weak["lo"] < 1 - truth["sessions_with_a_case"] / truth["sessions"] < weak["hi"]
    others = weak["sessions"] * truth["share_of_others_with_a_case"]
    assert weak["avoidable_cases"] == pytest.approx(weak["cases"] - others, rel=0.05)
    assert weak["avoidable_cost"] > 0
    assert any(truth["article_id"] in sentence for sentence in stage.findings)


def test_hand_backs_and_duplicates_are_those_that_are_true(desk, project):
    kpis = ["ping_pong_rate", "duplicate_rate"]
    found = kpi_history(project.log, kpis, freq="6MS", open_period=True).groupby("kpi")["numerator"].sum()
    assert found["duplicate_rate"] == desk.truth["duplicate_cases"] > 0
    assert 0 <= desk.truth["cases_back_with_a_team"] - found["ping_pong_rate"] < 20  # what is open yet


def test_waiting_adds_up_and_small_teams_are_left_out(project):
    stage = waiting_stage(project)
    table, pairs = stage.tables["waiting_times"], stage.tables["waiting_between"]
    assert all(part["open_hours"].is_monotonic_decreasing for _, part in table.groupby("place"))
    statuses = table[table["place"] == "status"]
    assert statuses["share"].sum() == pytest.approx(1)
    teams = set(table.loc[table["place"] == "team", "name"])
    assert set(pairs["team"]) | set(pairs["given_by"]) <= teams
    events = pd.DataFrame({"case_id": "1", "kind": "assigned", "team": list("aaab"), "actor_id": list("xyzx")})
    events = events.assign(actor_role="agent", at=pd.date_range("2024-03-01", periods=4, freq="h", tz="UTC"))
    cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T00:00Z"]})
    log = CaseLog.from_frames(cases=cases, events=events, until="2024-03-03T00:00Z")
    stage = waiting_stage(replace(project, log=log))
    assert stage.tables["waiting_times"]["name"].tolist() == ["a"]  # one person alone is team b
    assert stage.tables["waiting_between"].empty
    assert any("left out" in sentence for sentence in stage.findings)
    assert stage.findings[0].startswith("In 2 days, ")  # the log has no more


def test_a_median_that_is_not_known_yet_is_not_said(project):
    cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T00:00Z"]})
    events = pd.DataFrame({"case_id": "1", "kind": "assigned", "team": list("ab")})
    events = events.assign(at=pd.date_range("2024-03-01", periods=2, freq="h", tz="UTC"))
    log = CaseLog.from_frames(cases=cases, events=events, until="2024-03-03T00:00Z")
    found = waiting_stage(replace(project, log=log)).findings
    assert any("a waits most for b: 1 hand-over, more than half of the waits not over yet." in s for s in found)
    assert not any("unknown" in sentence for sentence in found)


def test_readers_who_all_open_a_case_are_as_expected_and_not_too_few(project):
    cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    views = pd.DataFrame({"session_id": [f"s{k}" for k in range(70)], "article_id": ["a", "b"] * 30 + ["c"] * 10})
    views = views.assign(case_id="1", viewed_at=pd.date_range("2024-03-01T08:00Z", periods=70, freq="s"))
    log = CaseLog.from_frames(cases=cases, article_views=views, until="2024-03-05T00:00Z")
    stage = articles_stage(replace(project, log=log))
    verdicts = stage.tables["articles"].set_index("article_id")["verdict"].to_dict()
    assert verdicts == {"a": "as expected", "b": "as expected", "c": "too few to tell"}
    assert ", 1 with too few sessions to tell" in stage.findings[0]


def test_both_stand_beside_the_history_of_the_night(project):
    stage = add_work_tables(project, Stage("history", {"history": pd.DataFrame()}))
    assert {"articles", "waiting_times", "waiting_between", "history"} <= set(stage.tables)
    assert table_title("waiting_between") == "Who waits for whom"


def test_the_rate_of_all_counts_a_session_once_that_read_several_articles(project):
    cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    views = pd.DataFrame({"session_id": list("ssst"), "article_id": list("abca"), "case_id": ["1", "1", "1", None],
                          "viewed_at": pd.date_range("2024-03-01T08:50Z", periods=4, freq="min")})  # fmt: skip
    log = CaseLog.from_frames(cases=cases, article_views=views, until="2024-03-04T00:00Z")
    first = articles_stage(replace(project, log=log)).findings[0]
    assert "3 articles in 365 days, deflection rate 50%:" in first
