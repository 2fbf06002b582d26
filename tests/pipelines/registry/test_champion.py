"""The model in use is brought up to today instead of trained anew; whoever decides is written down."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.features.labels.breach import find_case_ends
from deskcast.pipelines.commands.cli import app
from deskcast.pipelines.commands.retraining import keep_training, retrain_if_due
from deskcast.pipelines.project.project import open_project, view_as_of
from deskcast.pipelines.project.record_specs import ModelSpec
from deskcast.pipelines.project.specs import Config
from deskcast.pipelines.registry.champions import find_champions, load_model, publish_decisions
from deskcast.pipelines.registry.decisions import (
    IN_USE,
    KEPT,
    Decision,
    decide,
    find_former,
    find_in_use,
    read_decisions,
)
from deskcast.pipelines.registry.promote import find_shadow
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.stages import drift
from deskcast.pipelines.stages.accuracy import accuracy_stage
from deskcast.pipelines.stages.champion import load_champion, use_or_train
from deskcast.pipelines.stages.retraining import find_last_training, is_due
from deskcast.pipelines.stages.risk import risk_stage
from deskcast.pipelines.stages.shadow import issue_shadow
from deskcast.pipelines.stages.train import (
    look_at_cases,
    metric_labels,
    risk_metric,
    training_instants,
)
from deskcast.pipelines.state.database import change_state, read_state
from deskcast.pipelines.state.issued import read_issued
from deskcast.pipelines.words.contradictions import contradictions
from deskcast.pipelines.words.instants import Instants
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

NAME = "desk-breach-resolution"


@pytest.fixture(scope="module")
def whole(first):
    return open_project(first.folder / "deskcast.toml")


@pytest.fixture(scope="module")
def later(whole):
    """Give the project nine days after the models in use were trained."""
    return replace(view_as_of(whole, "2024-02-14 08:00"), is_look_back=False)


def read(folder, experiment="desk"):
    with read_state(folder / "results") as state:
        return read_decisions(state, experiment)


def say(folder, *words, code=0):
    done = CliRunner().invoke(app, ["models", "--config", str(folder / "deskcast.toml"), *words])
    assert done.exit_code == code, done.output + str(done.exception)
    return done.output


def add_version(folder, first, what=KEPT, **more):
    """Write down a second version that is the first one's files."""
    one = next(m for m in first.made if m.name == NAME)
    made = replace(one, version="2")
    with change_state(folder / "results") as state:
        decide(state, made, what, "No better.", by="ann", as_of=first.project.log.until, **more)
    return made


def register_again(folder):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    old = client.get_model_version(NAME, "1")
    client.create_model_version(NAME, str(folder), old.run_id)
    return client


def test_the_model_in_use_is_followed_to_today_and_not_trained(first, later):
    trained, decision = load_champion(later)
    assert decision.version == "1"
    assert trained.risk.as_of_ == later.log.until
    log, metric = later.log, risk_metric(later)
    raw = load_model(later.config, decision.registered).risk
    assert raw.as_of_ == first.project.log.until
    frame, today = look_at_cases(log, training_instants(log, later.config.risk), metric)
    by_hand = raw.follow(frame, metric_labels(log, metric), log.until, ends=find_case_ends(log, metric))
    pd.testing.assert_frame_equal(today, trained.today)
    np.testing.assert_allclose(trained.risk.risk(today), by_hand.risk(today), rtol=0, atol=1e-12)
    assert not np.allclose(trained.risk.risk(today), raw.risk(today))  # nine days have moved it
    stage, _ = use_or_train(later)
    assert "The breach model in use is version 1, trained on data up to" in stage.findings[-1]
    assert stage.params["version"] == "1"
    assert contradictions(stage) == []
    risk = risk_stage(later, trained)
    assert contradictions(risk) == []
    assert {"risk", "escalation", "outcome_evaluation"} <= set(risk.tables)


def test_without_a_model_in_use_the_desk_is_trained_as_before(later, tmp_path, monkeypatch):
    bare = replace(later, config=replace(later.config, folder=tmp_path))
    monkeypatch.setattr("deskcast.pipelines.stages.train.train_stage", lambda project: ("trained anew", project))
    assert find_champions(bare.config) == {}
    assert use_or_train(bare) == ("trained anew", bare)
    assert not (tmp_path / "results-state").exists()


def test_drift_is_measured_from_the_training_of_the_model_in_use(first, monkeypatch):
    seen = []
    real = drift.find_drift
    monkeypatch.setattr(drift, "find_drift", lambda *given: seen.append(given[2]) or real(*given))
    path = str(first.folder / "deskcast.toml")
    done = CliRunner().invoke(app, ["drift", "--config", path, "--as-of", "2024-02-14 08:00"])
    assert done.exit_code == 0, done.output
    assert seen == [first.project.log.until]  # not today, when nothing was trained


def test_a_look_back_takes_no_model_that_was_trained_or_chosen_on_later_data(whole, desk, first):
    assert load_champion(view_as_of(whole, "2024-02-03 08:00")) is None
    add_version(desk, first, what="promoted", data_until="2024-02-20T00:00+00:00")
    config = replace(whole.config, folder=desk)
    assert find_champions(config)[NAME].version == "2"
    assert find_champions(config, pd.Timestamp("2024-02-19T00:00Z"))[NAME].version == "1"


def test_a_model_of_other_sla_targets_is_not_in_use(first):
    config = first.project.config
    other = replace(config, slas=(replace(config.slas[0], target_s=24 * 3600.0),))
    assert NAME in find_champions(config)
    assert set(find_champions(other)) == {"desk-volume"}  # which SLA targets there are is nothing to a volume


def test_versions_are_listed_promoted_and_rolled_back(desk, first):
    register_again(desk)
    add_version(desk, first, data_until="2024-02-20T00:00+00:00", figures={"gain": -0.01})
    said = say(desk)
    assert "version 1 (in use), data until 2024-02-05: No model for these SLA targets was in use before." in said
    assert "version 2 (kept), data until 2024-02-05: No better." in said
    assert json.loads(say(desk, "--json"))["models"][-1]["gain"] == -0.01
    assert "# desk-breach-resolution" in say(desk, "--card", "1")
    assert "version 2 is in use" in say(desk, "--promote", "2")
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{desk / 'mlflow.db'}")
    assert str(client.get_model_version_by_alias(NAME, "champion").version) == "2"
    assert find_champions(replace(first.project.config, folder=desk))[NAME].version == "2"
    assert "version 1 is in use again" in say(desk, "--rollback")
    assert str(client.get_model_version_by_alias(NAME, "champion").version) == "1"
    assert [one.decision for one in read(desk) if one.model == NAME] == ["promoted", "kept", "promoted", "rolled back"]
    rows = json.loads(say(desk, "--json", "--model", "breach-resolution"))["models"]
    assert {row["model"] for row in rows} == {NAME}
    assert [row["in_use"] for row in rows] == [False, False, False, True]  # the decision that counts, not each on it
    say(desk, "--out", str(desk / "models.csv"))
    assert len(pd.read_csv(desk / "models.csv")) == len(read(desk))


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--rollback",), "no other version was in use before"),
        (("--promote", "1"), "this version is in use already"),
        (("--promote", "7"), "no such version of the model"),
        (("--card", "7"), "unknown version"),
        (("--shadow", "3"), "no version is newer"),
        (("--rollback", "--model", "breach-resolutoin"), "did you mean 'breach-resolution'"),
        (("--promote", "1", "--rollback"), "exclude each other"),
        (("--promote", "1", "--card", "1"), "exclude each other"),
        (("--promote", ""), "no such version of the model"),
        (("--model", "breach-resolutoin"), "did you mean 'breach-resolution'"),
    ],
)
def test_what_cannot_be_decided_is_said(first, words, problem):
    before = len(read(first.folder))
    done = CliRunner().invoke(app, ["models", "--config", str(first.folder / "deskcast.toml"), *words])
    assert done.exit_code != 0
    assert problem in f"{done.output} {done.exception}"
    assert len(read(first.folder)) == before


def test_a_name_that_somebody_moved_in_the_registry_changes_nothing_here(desk, first):
    client, config = register_again(desk), replace(first.project.config, folder=desk)
    client.set_registered_model_alias(NAME, "champion", "2")
    assert find_champions(config)[NAME].version == "1"
    publish_decisions(config, read(desk))
    assert str(client.get_model_version_by_alias(NAME, "champion").version) == "1"


def test_a_version_on_trial_is_issued_and_judged_and_no_sentence_is_about_it(desk, first, later, whole):
    here = replace(later, config=replace(later.config, folder=desk))
    add_version(desk, first)
    register_again(desk)
    instants = Instants.now(here.data_until, here.as_of)
    with change_state(here.config.state_place) as state:
        assert issue_shadow(state, here, instants) == 0
    assert "version 2 runs beside the one in use" in say(desk, "--shadow", "3000")
    with change_state(here.config.state_place) as state:
        count = issue_shadow(state, here, instants)
        issued = read_issued(state, "risk")
    trained, _ = load_champion(here)
    running = trained.today[~trained.today["already_breached"].fillna(False).to_numpy(dtype=bool)]
    assert count == len(issued) == len(running)
    assert set(issued["scope"]) == {"resolution shadow"}
    assert set(issued["model"]) == {"version 2"}
    said = issued.set_index("case_id")["probability"].loc[running["case_id"]]
    np.testing.assert_allclose(said, trained.risk.risk(running), rtol=0, atol=1e-12)
    judged = accuracy_stage(replace(whole, config=here.config))
    assert set(judged.tables["accuracy_risk"]["metric"]) == {"resolution shadow"}
    assert not any("shadow" in words for words in judged.findings)
    with change_state(here.config.state_place) as state:  # another night, and a look back
        assert issue_shadow(state, replace(here, is_look_back=True), instants) == 0


def test_a_run_retrains_when_it_is_due_and_not_before(first, later, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "deskcast.pipelines.commands.retraining.train_models", lambda *a, **k: asked.append(a) or first.training
    )
    monkeypatch.setattr("deskcast.pipelines.commands.retraining.keep_training", lambda *a: asked.append(a))
    monkeypatch.setattr("deskcast.pipelines.commands.retraining.record_run", lambda *a, **k: ["1", "2"])
    instants = Instants.now(later.data_until, later.as_of)
    calm, moved = Stage("drift", params={"retrain": ""}), Stage("drift", params={"retrain": "channel"})
    for retrain, stage, due in (
        (None, moved, False),
        ("monthly", moved, False),
        ("weekly", calm, True),
        ("nightly", calm, True),
        ("on drift", calm, False),
        ("on drift", moved, True),
    ):
        asked.clear()
        config = replace(later.config, model=ModelSpec(retrain))
        done = retrain_if_due(replace(later, config=config), [stage], instants)
        assert (done is not None, len(asked)) == ((True, 2) if due else (False, 0)), retrain
    assert retrain_if_due(replace(later, config=config, is_look_back=True), [], instants) is None


@given(
    st.lists(st.tuples(st.sampled_from(["1", "2", "3"]), st.sampled_from(["promoted", "kept", "shadowed"])), max_size=8)
)
@settings(max_examples=25)
def test_a_rollback_leads_to_what_was_in_use_before(made):
    decisions = [Decision("m", version, what, "") for version, what in made]
    used = [one.version for one in decisions if one.decision in IN_USE]
    former = find_former(decisions, "m")
    steps = [v for place, v in enumerate(used) if place == 0 or used[place - 1] != v]
    assert (former.version if former else None) == (steps[-2] if len(steps) > 1 else None)
    if former:
        after = [*decisions, Decision("m", former.version, "rolled back", "")]
        assert find_in_use(after)["m"].version == former.version


def test_the_last_training_counts_whatever_was_decided():
    made = [Decision("m", "1", "promoted", "", {"data_until": "2024-01-01T00:00+00:00"})]
    made.append(Decision("m", "2", "kept", "", {"data_until": "2024-02-01T00:00+00:00"}))
    last = find_last_training([*made, Decision("m", "1", "rolled back", "")])
    assert last == pd.Timestamp("2024-02-01T00:00Z")
    assert not is_due("weekly", last, last + pd.Timedelta("6D"))
    assert is_due("weekly", last, last + pd.Timedelta("7D"))
    assert is_due("on drift", last, last + pd.Timedelta("1D"), has_drifted=True)
    assert find_last_training([]) is None
    assert find_shadow([], "m", last) is None


def test_a_killed_training_leaves_no_half_decision(desk, first, monkeypatch):
    here = replace(first.project, config=replace(first.project.config, folder=desk))
    before = read(desk)

    def die(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("deskcast.pipelines.commands.retraining.register_models", lambda *_, **__: first.made)
    monkeypatch.setattr(
        "deskcast.pipelines.commands.retraining.read_decisions", die
    )  # after the decisions, in their block
    with pytest.raises(KeyboardInterrupt):
        keep_training(here, first.training, first.runs[1])
    assert read(desk) == before
    assert find_champions(here.config)[NAME].version == "1"


def test_an_unknown_time_to_retrain_is_refused(tmp_path):
    text = '[source.cases]\npath = "cases.csv"\n[model]\nretrain = "monthy"\n'
    (tmp_path / "deskcast.toml").write_text(text)
    from deskcast.pipelines.project.config import load_config

    with pytest.raises(InputError, match=r"\[model\]: key 'retrain': unknown time to retrain.*did you mean 'monthly'"):
        load_config(tmp_path / "deskcast.toml")
    (tmp_path / "deskcast.toml").write_text(text.replace("monthy", "on drift"))
    assert load_config(tmp_path / "deskcast.toml").model.retrain == "on drift"
    assert Config(tmp_path, ()).model.retrain is None
