"""The list of the morning: complete, remembered, within the budget, and clear where nothing can be told."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.features.labels.satisfaction import dissatisfaction_labels
from deskcast.pipelines.commands.cli import app
from deskcast.pipelines.project.project import open_project, view_as_of
from deskcast.pipelines.project.specs import ActionSpec, RiskSpec
from deskcast.pipelines.project.state_place import StatePlace
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk
from deskcast.pipelines.stages.dissatisfaction import fit_dissatisfaction
from deskcast.pipelines.stages.risk import risk_stage
from deskcast.pipelines.stages.risk_actions import suggest_actions
from deskcast.pipelines.stages.train import train_stage
from deskcast.pipelines.store.flagged_cases import find_flagged_since, read_flags, save_flags
from deskcast.pipelines.store.results import read_results
from deskcast.pipelines.words.contradictions import contradictions
from deskcast.pipelines.words.facts import facts_of
from typer.testing import CliRunner

MORNING = "2026-02-20 08:00"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("desk")
    write_desk(simulate_desk(9000, 1), place)
    text = (place / "deskcast.toml").read_text().replace("train_days = 120", "train_days = 60")
    (place / "deskcast.toml").write_text(text)
    return place


@pytest.fixture(scope="module")
def learnt(folder):
    project = view_as_of(open_project(folder / "deskcast.toml"), MORNING)
    return project, *train_stage(project)


@pytest.fixture(scope="module")
def stage(learnt):
    project, _, trained = learnt
    return risk_stage(project, trained, cases_per_day=3)


def test_the_list_is_sorted_and_each_case_is_in_one_table(learnt, stage):
    _, _, trained = learnt
    risk, broken = stage.tables["risk"], stage.tables["breached_cases"]
    assert risk.loc[risk["work_first"], "expected_benefit"].is_monotonic_decreasing
    assert risk.loc[~risk["work_first"], "expected_benefit"].is_monotonic_decreasing
    assert risk["rank"].tolist() == list(range(1, len(risk) + 1))
    assert risk["probability"].between(0, 1).all()
    late = stage.tables["past_saving"]["case_id"] if "past_saving" in stage.tables else []
    assert sorted([*risk["case_id"], *broken["case_id"], *late]) == sorted(trained.today["case_id"])
    assert (risk["left_wall_s"].dropna() >= risk["left_business_s"].dropna() - 1).all()
    known = risk["median_finish"].notna() & risk["finish_80"].notna()
    assert known.any()
    assert (risk.loc[known, "median_finish"] <= risk.loc[known, "finish_80"]).all()
    assert set(stage.tables["reasons"]["direction"]) <= {"raises", "lowers"}


def test_the_model_is_that_of_the_morning_followed(learnt):
    _, _, trained = learnt
    again = trained.risk.follow(trained.frame, trained.labels, trained.risk.as_of_, ends=trained.ends)
    assert np.allclose(again.risk(trained.today), trained.risk.risk(trained.today))


def test_the_budget_picks_what_saves_most(stage):
    risk = stage.tables["risk"]
    assert risk["work_first"].sum() == 3
    assert (
        risk.loc[risk["work_first"], "expected_benefit"].min()
        >= risk.loc[~risk["work_first"], "expected_benefit"].max()
    )
    assert risk.loc[risk["work_first"], "first_flagged_at"].notna().all()


def test_all_answers_ever_given_are_lessons_however_few_days_train_the_breach_model(learnt):
    project, _, trained = learnt
    labels = dissatisfaction_labels(project.log)
    risk, rows = fit_dissatisfaction(project.log, trained, labels)
    first = trained.frame["at"].min()
    answered = set(labels["case_id"][labels["label"].notna()])
    old = set(labels["case_id"][labels["label"].notna() & (labels["known_at"] < first)])
    assert len(old) > len(answered) / 2
    closed = rows[rows["stage"] == "closed"]
    assert answered <= set(closed["case_id"])
    early = rows[rows["at"] < first]
    assert {"open", "closed"} <= set(early["stage"])
    assert set(early["case_id"]) <= set(labels["case_id"])
    assert not rows.duplicated(["case_id", "at"]).any()
    assert (rows["at"] <= project.log.until).all()
    learnt_from = risk.outcomes_.snapshots["case_id"][~np.isnan(risk.outcomes_.breached)]
    assert len(old & set(learnt_from)) > 0.9 * len(old)


def test_capacity_is_in_hours(learnt):
    project, _, trained = learnt
    table = risk_stage(project, trained, capacity_s=2 * 3600.0).tables["risk"]
    assert table["work_first"].sum() == min(4, (table["probability"] >= 0.1).sum())  # half an hour each


def test_dissatisfaction_comes_with_a_statement_and_no_ranking_without_skill(stage):
    said = [f for f in stage.findings if f.startswith("Dissatisfaction risk: ") and f.audience == "analyst"]
    assert len(said) == 3  # open cases, those just closed, who answers: a statement each
    assert all(f.count(". ") <= 2 for f in said[:2])
    judged = stage.tables["outcome_evaluation"]
    assert set(judged["outcome"]) <= {"dissatisfaction", "escalation"}
    assert judged["brier"].between(0, 1).all()
    for name, text in zip(("dissatisfaction", "recently_closed"), said, strict=False):
        unranked = "not enough data yet" in text  # of analysts; a manager reads "cannot be ranked yet"
        assert (name not in stage.tables) == unranked
    assert ("dissatisfaction_risk" in stage.tables["risk"]) == ("dissatisfaction" in stage.tables)


def test_no_sentence_of_train_and_risk_contradicts_its_table(learnt, stage):
    _, trained_stage, _ = learnt
    assert contradictions(trained_stage) == []
    assert contradictions(stage) == []
    stated = facts_of(stage.findings)
    kinds = {fact.kind for fact in stated}
    assert {"open_cases", "expected_breaches", "answers"} <= kinds
    assert ("breach_risk" in kinds) == (stage.tables["risk"]["probability"].nunique() > 1)
    assert all(fact.cell is not None for fact in stated if fact.kind != "setting")
    assert facts_of(trained_stage.findings)


def test_first_flagged_is_remembered_and_a_replay_changes_nothing(tmp_path):
    results = tmp_path / "results"
    days = [pd.Timestamp(f"2024-03-0{d}T08:00Z") for d in (4, 5, 6)]
    lists = [["a"], ["a", "b"], ["b"]]
    for day, cases in zip(days, lists, strict=True):
        table = pd.DataFrame({"metric": "resolution", "case_id": cases, "work_first": True})
        assert save_flags(results, table, day)
    before = StatePlace(results).file.read_bytes()
    old = pd.DataFrame({"metric": "resolution", "case_id": ["z"], "work_first": [True]})
    assert not save_flags(results, old, days[0])
    assert StatePlace(results).file.read_bytes() == before
    flags = read_flags(results, "resolution")
    case, no = pd.Series(["a", "b", "c"]), pd.Series([False] * 3)
    assert find_flagged_since(flags, case, no, days[2]).dt.day.iloc[:2].tolist() == [4, 5]
    assert find_flagged_since(flags, case, no, days[2]).isna().tolist() == [False, False, True]
    assert find_flagged_since(flags, case, no, days[0]).isna().tolist() == [False, True, True], (
        "a replay sees no later list"
    )
    assert read_flags(results, "first_response").empty
    (StatePlace(results).folder / "flagged.parquet").write_text("not a table")
    with pytest.raises(InputError, match=r"not a valid file of selected cases.*move flagged.parquet away"):
        read_flags(results, "resolution")


def test_actions_are_chosen_by_their_conditions_in_order():
    rows = pd.DataFrame(
        {"action": "look", "group": ["reply", "time", "reply"], "priority": ["1", "1", "2"], "left_s": 9e5}
    )
    table = [
        ActionSpec("call", {"reason": "reply", "priority": "1|3"}, 0.5, 3600.0),
        ActionSpec("hurry", {"priority": "1"}),
    ]
    todo, prevents, hours = suggest_actions(rows, table, RiskSpec())
    assert (todo, prevents, hours) == (["call", "hurry", "look"], [0.5, 1.0, 1.0], [1.0, 0.5, 0.5])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('[[action]]\ndo = "x"\nwhen = { reson = "reply" }', "unknown condition; got 'reson' (did you mean 'reason'?)"),
        ('[[action]]\ndo = "x"\nwhen = { reason = "replies" }', "unknown reason"),
        ('[[action]]\ndo = "x"\nsuccess_rate = 2', "this must be a share"),
        ("[[action]]\nsuccess_rate = 0.5", "key 'do': missing key"),
    ],
)
def test_actions_that_cannot_be_understood_are_named(tmp_path, lines, message):
    (tmp_path / "deskcast.toml").write_text(f'[source.cases]\npath = "c.csv"\n{lines}\n')
    with pytest.raises(InputError) as caught:
        open_project(tmp_path / "deskcast.toml")
    assert message in str(caught.value)


@pytest.mark.slow
def test_the_command_prints_keeps_and_evaluates(folder, tmp_path, monkeypatch):
    place = tmp_path / "desk"
    shutil.copytree(folder, place)
    monkeypatch.chdir(place)
    done = CliRunner().invoke(app, ["risk", "--json", "--cases-per-day", "2", "--as-of", MORNING])
    assert done.exit_code == 0, done.output
    body = json.loads(done.stdout)
    assert sum(row["work_first"] for row in body["tables"]["risk"]) == 2
    assert read_flags(place / "results", "resolution").empty  # a look back is not remembered
    done = CliRunner().invoke(app, ["train", "--evaluate", "--json", "--as-of", MORNING])
    assert done.exit_code == 0, done.output
    assert not (place / "results").exists()
    folder = place / "results-as-of" / "2026-02-20T070000Z"
    kept = read_results(folder)
    assert all(contradictions(one) == [] for one in kept.stages)
    assert {
        "breach_backtest",
        "precision_at_capacity",
        "recall_by_share",
        "warning_time",
        "drift",
        "breach_backtest_calibration",
    } <= set(kept.tables)
    assert kept.stages[0].metrics["backtest_constant_n"] > 0
    assert "Calibration of breach risk" in (folder / "report.html").read_text()
