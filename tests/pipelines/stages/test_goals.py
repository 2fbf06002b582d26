"""Goals by segment and over time: what the goal was then, that it was moved, and what no longer fits."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.errors import InputError
from deskcast.pipelines.project.config import parse_config
from deskcast.pipelines.project.project import Project
from deskcast.pipelines.stages.accuracy import accuracy_stage
from deskcast.pipelines.stages.goal_periods import goals_stage
from deskcast.pipelines.stages.goals import goals_table
from deskcast.pipelines.state.database import change_state
from deskcast.pipelines.state.issue import Issue, issue_rows
from deskcast.pipelines.words.contradictions import contradictions, undeclared_numbers
from deskcast.pipelines.words.goals import review_sentences

DAYS = pd.date_range("2025-01-01", "2025-08-31", freq="D")


@pytest.fixture(scope="module")
def log():
    """Ten cases a day, of which Ireland has four; of its cases one of four is resolved within a day, else all."""
    at = DAYS.repeat(10).tz_localize("UTC") + pd.to_timedelta(np.tile(np.arange(10), len(DAYS)), unit="h")
    place = np.tile(np.arange(10), len(DAYS))
    cases = pd.DataFrame({"case_id": [f"c{k:05d}" for k in range(len(at))], "created_at": at,
                          "region": np.where(place < 4, "Ireland", "Portugal")})  # fmt: skip
    slow = (place > 0) & (place < 4)
    ends = cases[["case_id"]].assign(kind="resolved", at=at + pd.to_timedelta(np.where(slow, 60, 5), unit="h"))
    return CaseLog.from_frames(cases=cases, events=ends, until=pd.Timestamp("2025-09-05T00:00Z"))


@pytest.fixture
def make(log, tmp_path):
    def build(*goals):
        raw = {"source": {"cases": {"path": "x.csv"}}, "goal": [{"name": "quick", "kpi": "resolved_within_2d"} | one
                                                               for one in goals]}  # fmt: skip
        return Project(parse_config(raw, folder=tmp_path), log, pd.DataFrame(), (), "")

    return build


def is_sound(stage):
    assert contradictions(stage) == []
    assert not [said for said in stage.findings if undeclared_numbers(said, said.facts, said.names)]


def test_a_goal_of_a_segment_is_judged_by_its_own_cases(make):
    stage = goals_stage(make({"target": 0.5, "where": {"region": "Ireland"}}, {"name": "all", "target": 0.7}))
    past = stage.tables["goal_periods"]
    ireland = past[past["series"] == "region Ireland"]
    assert ireland["value"].round(6).tolist() == [0.25] * 8
    assert ireland["n"].tolist() == [4.0 * days for days in (31, 28, 31, 30, 31, 30, 31, 31)]
    assert past.loc[past["series"] == "all", "value"].round(6).tolist() == [0.7] * 8
    assert past.loc[past["series"] == "all", "met"].tolist() == [1.0] * 8  # a target that is reached to the digit
    assert any(said.startswith("Resolved within 2d (region Ireland) goal") for said in stage.findings)
    is_sound(stage)


def test_past_periods_have_the_goal_of_then_and_a_move_is_said(make):
    old, new = {"target": 0.8}, {"target": 0.6, "valid_from": "2025-05-10"}
    stage = goals_stage(make(old, new), periods=6)
    past = stage.tables["goal_periods"]
    assert past["target"].tolist() == [0.8] * 3 + [0.6] * 3  # May began under the old goal
    assert past["met"].tolist() == [0.0] * 3 + [1.0] * 3
    assert past["moved_on"].notna().tolist() == [False] * 3 + [True] + [False] * 2
    said = next(said for said in stage.findings if "was moved" in said)
    assert "met in 3 of 6 past periods" in said
    assert "moved from 80% to 60% on Sat 10 May 2025: 70% for June meets it, and would have missed the old one" in said
    is_sound(stage)
    reviewed = goals_stage(make(old, new), review=True)
    assert reviewed.tables["goal_review"]["verdict"].tolist() == ["met by a move of the goal"]
    is_sound(reviewed)


def test_a_move_for_this_period_stands_in_the_goal_of_now(make):
    project = make({"target": 0.8}, {"target": 0.6, "valid_from": "2025-09-01"})
    now = goals_table(project, project.log.frame("cases").head(0).assign(kpi="", ds=pd.NaT, cut=False))
    assert now[["target", "target_before"]].to_numpy().tolist() == [[0.6, 0.8]]
    assert any("(60%, moved from 80% on Mon 1 Sep" in said for said in goals_stage(project).findings)


def test_a_target_that_was_changed_without_a_date_is_seen_in_what_was_issued(make):
    project = make({"target": 0.6})
    with change_state(project.config.state_place) as state:
        for day, target in (("2025-03-10", 0.8), ("2025-06-05", 0.8), ("2025-07-02", 0.6)):
            at = pd.Timestamp(day, tz="UTC")
            row = {"name": "quick", "kpi": "resolved_within_2d", "better": "higher", "target": target, "start": day}
            row |= {"end": day, "so_far": 0.7, "forecast": 0.7, "low": 0.6, "high": 0.8, "probability": 0.5}
            issue_rows(state, Issue("goal", "", at, at, at, "drawn"), pd.DataFrame([row]))
    stage = goals_stage(project)
    past = stage.tables["goal_periods"]
    assert past["target"].tolist() == [0.8] * 7 + [0.6]
    assert any("moved from 80% to 60% on Wed 2 Jul 2025" in said for said in stage.findings)


def test_review_names_what_is_always_or_never_met_and_who_serves_what(make):
    goals = [{"name": "low", "target": 0.6}, {"name": "high", "target": 0.9, "serves": "cost"}]
    stage = goals_stage(make(*goals), review=True)
    table = stage.tables["goal_review"].set_index("name")
    assert table["verdict"].to_dict() == {"low": "always met", "high": "never met"}
    assert any("goal (90%): never met, 0 of 8 past periods." in said for said in stage.findings)
    assert table["level"].round(6).tolist() == [0.7, 0.7]
    assert any(said == "high: Resolved within 2d does not serve cost." for said in stage.findings)
    kpis = stage.tables["goal_kpis"]
    assert kpis.loc[kpis["kpi"] == "resolved_within_2d", ["serves", "goal"]].values.tolist() == [
        ["retention", "low; high"]
    ]
    is_sound(stage)


def test_a_verdict_on_the_last_periods_does_not_contradict_all_of_them():
    row = {"name": "a", "kpi": "csat", "series": "all", "target": 0.8, "verdict": "never met", "periods": 12.0}
    said = str(review_sentences(pd.DataFrame([row | {"periods_met": 5.0, "level": 0.76, "bought_with": ""}]))[0])
    assert said.startswith("CSAT goal (80%): never met in the last 5 periods; 5 of 12 past periods met it. Half")


def test_the_chance_of_a_goal_of_a_segment_is_judged_by_that_segment(make):
    project = make({"target": 0.5, "where": {"region": "Ireland"}})
    with change_state(project.config.state_place) as state:
        at = pd.Timestamp("2025-07-10", tz="UTC")
        row = {"name": "quick", "kpi": "resolved_within_2d", "better": "higher", "target": 0.5, "start": "2025-07-01"}
        row |= {"end": "2025-07-31", "so_far": 0.3, "forecast": 0.3, "low": 0.2, "high": 0.4, "probability": 0.1}
        issue_rows(state, Issue("goal", "", at, at, at, "drawn"), pd.DataFrame([row | {"series": "region Ireland"}]))
    judged = accuracy_stage(project).tables["accuracy_goals"]
    assert judged["value"].round(6).tolist() == [0.25]
    assert judged["met"].tolist() == [False]


@pytest.mark.parametrize(
    ("goals", "said"),
    [
        ([{"target": 0.8, "where": {"regoin": "Ireland"}}], r"\[\[goal\]\] quick.*unknown column.*regoin.*region"),
        ([{"target": 0.8, "where": {"region": "Ireand"}}], r"\[\[goal\]\] quick.*unknown value.*Ireand.*Ireland"),
        ([{"target": 0.8, "where": {"region": "Ireland|Portugal"}}], "a goal is for one segment"),
        ([{"target": 0.8, "where": {"region": "a", "team": "b"}}], "a goal is for one segment"),
        ([{"target": 0.8, "valid_from": "soon"}], "key 'valid_from': not a valid date; got 'soon'"),
        ([{"target": 0.8}, {"target": 0.7}], "two versions of a goal hold from the same day"),
        ([{"target": 0.8}, {"target": 0.7, "kpi": "csat", "valid_from": "2025-02-01"}], "versions of one goal.*csat"),
        (
            [{"target": 0.8}, {"target": 0.7, "better": "lower", "valid_from": "2025-02-01"}],
            "key .better.: goals of one",
        ),
        ([{"target": 0.8, "serves": "growth"}], "key 'serves': unknown purpose"),
        ([], "no goal is configured"),
    ],
)
def test_what_cannot_be_a_goal_is_named(make, goals, said):
    with pytest.raises(InputError, match=said):
        goals_stage(make(*goals))
