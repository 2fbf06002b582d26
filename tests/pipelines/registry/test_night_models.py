"""The models of a night are used by the nights after it, as long as they hold; else a night trains."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from deskcast.pipelines.project.project import open_project, view_as_of
from deskcast.pipelines.project.specs import PluginsSpec
from deskcast.pipelines.registry import night_models
from deskcast.pipelines.registry.night_models import NightModels, find_night_models, keep_night_models
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.stages import champion
from deskcast.pipelines.stages.champion import keep_trained, use_or_train
from deskcast.pipelines.stages.risk import risk_stage
from deskcast.pipelines.state.database import change_state
from deskcast.pipelines.words.contradictions import contradictions

FIRST = "2024-02-05 08:00"


@pytest.fixture(scope="module")
def whole(first):
    return open_project(first.folder / "deskcast.toml")


@pytest.fixture(scope="module")
def desk_of_a_night(whole, tmp_path_factory):
    """Give the folder of a desk after its first night, and what that night trained."""
    folder = tmp_path_factory.mktemp("nights")
    project = open_night(whole, folder, FIRST)
    _, trained = use_or_train(project)
    risk_stage(project, trained)
    with change_state(project.config.state_place) as state:
        assert keep_trained(state, project, trained) == ""
    return folder, trained


def open_night(whole, folder, at, **risk):
    config = replace(whole.config, folder=folder, risk=replace(whole.config.risk, **risk))
    return replace(view_as_of(replace(whole, config=config), at), is_look_back=False)


@pytest.fixture
def kept(desk_of_a_night, tmp_path):
    """Give a copy of that folder."""
    return shutil.copytree(desk_of_a_night[0], tmp_path / "desk")


def test_the_next_night_uses_the_models_of_the_first_and_says_so(whole, kept, desk_of_a_night, monkeypatch):
    project = open_night(whole, kept, "2024-02-09 08:00")
    monkeypatch.setattr(champion.train, "train_stage", None)
    stage, trained = use_or_train(project)
    before = desk_of_a_night[1]
    assert trained.trained_until == before.risk.as_of_ == pd.Timestamp("2024-02-05 07:00Z")
    assert trained.risk.as_of_ == project.log.until
    assert set(trained.outcomes) == {"dissatisfaction", "escalation"}
    text = "The breach model was trained on Mon 5 Feb 2024 by an earlier run and brought up to date."
    assert stage.findings[-1] == text
    assert stage.params["trained_until"] == "2024-02-05 07:00:00+00:00"
    pd.testing.assert_frame_equal(stage.tables["evaluation"], before.risk.evaluation_)
    by_hand = before.risk.follow(trained.frame, trained.labels, project.log.until, ends=trained.ends)
    np.testing.assert_array_equal(trained.risk.risk(trained.today), by_hand.risk(trained.today))
    risk = risk_stage(project, trained)
    assert trained.fitted == {}
    assert contradictions(stage) + contradictions(risk) == []


@pytest.mark.parametrize(
    ("at", "risk"),
    [
        (FIRST, {}),  # the same night once more
        ("2024-02-04 08:00", {}),  # it would be told of what came later
        ("2024-02-12 08:00", {}),  # a week is over
        ("2024-02-06 08:00", {"train_every_s": 3600.0}),
        ("2024-02-06 08:00", {"train_days": 50}),
        ("2024-02-06 08:00", {"escalated_to": ("slow desk",)}),
    ],
)
def test_a_night_trains_where_no_model_holds(whole, kept, at, risk):
    assert find_night_models(open_night(whole, kept, at, **risk)) is None


def test_the_last_instant_at_which_a_model_holds(whole, kept):
    assert find_night_models(open_night(whole, kept, "2024-02-12 07:59")) is not None


def test_what_changes_beside_the_settings_makes_a_night_train(whole, kept, monkeypatch):
    project = open_night(whole, kept, "2024-02-06 08:00")
    assert find_night_models(project) is not None
    assert find_night_models(replace(project, is_look_back=True)) is None
    assert find_night_models(replace(project, config=replace(project.config, plugins=PluginsSpec(("own",))))) is None
    cases = project.log.frame("cases")
    other = project.log.from_frames(cases=cases.iloc[::2], events=project.log.frame("events"), until=project.log.until)
    assert find_night_models(replace(project, log=other)) is None
    monkeypatch.setattr(night_models, "digest_code", lambda: "another version")
    assert find_night_models(project) is None


def test_what_the_rows_mean_makes_a_night_train(whole, kept):
    project = open_night(whole, kept, "2024-02-06 08:00")
    source, *others = project.config.sources
    for changed, holds in (({"path": "moved.csv"}, True), ({"kinds": {"Done": "resolved"}}, False)):
        config = replace(project.config, sources=(replace(source, **changed), *others))
        assert (find_night_models(replace(project, config=config)) is not None) == holds
    timed = replace(project.log, attributes={"channel": "outcome"})
    assert find_night_models(replace(project, log=timed)) is None
    promises = project.log.frame("sla_policies")
    stricter = project.log.from_frames(
        cases=project.log.frame("cases"),
        events=project.log.frame("events"),
        sla_policies=promises.assign(target_s=promises["target_s"] / 2),
        until=project.log.until,
    )
    assert night_models.mark_training(replace(project, log=stricter)) != night_models.mark_training(project)


def test_a_desk_with_plug_ins_keeps_no_model(whole, desk_of_a_night, tmp_path):
    project = open_night(whole, tmp_path, FIRST)
    own = replace(project, config=replace(project.config, plugins=PluginsSpec(("own",))))
    with change_state(project.config.state_place) as state:
        assert keep_trained(state, own, desk_of_a_night[1]) == ""
    assert not night_models.find_file(project).exists()


def test_half_the_cases_of_the_past_are_another_past(whole, kept, monkeypatch):
    project, real = open_night(whole, kept, "2024-02-06 08:00"), night_models.count_cases
    monkeypatch.setattr(night_models, "count_cases", lambda *given: real(*given) // 2)
    assert find_night_models(project) is None


def test_a_file_that_is_not_the_one_that_was_written_is_not_read(whole, kept, monkeypatch):
    project = open_night(whole, kept, "2024-02-06 08:00")
    file = night_models.find_file(project)
    body = file.read_bytes()
    file.write_bytes(body[:-1] + bytes([body[-1] ^ 1]))
    monkeypatch.setattr(night_models.pickle, "loads", None)
    assert find_night_models(project) is None
    file.unlink()
    assert find_night_models(project) is None


def test_drift_of_a_kept_model_makes_the_next_night_train(whole, kept):
    project = open_night(whole, kept, "2024-02-06 08:00")
    _, trained = use_or_train(project)
    for reason, is_there in (("", True), ("age", False)):
        with change_state(project.config.state_place) as state:
            keep_trained(state, project, trained, [Stage("drift", params={"retrain": reason})])
        assert (find_night_models(project) is not None) == is_there


def test_a_full_disk_keeps_nothing_and_says_so(whole, kept, desk_of_a_night, monkeypatch):
    project, risk = open_night(whole, kept, FIRST), desk_of_a_night[1].risk

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(night_models.Path, "write_bytes", refuse)
    with change_state(project.config.state_place) as state:
        said = keep_night_models(state, project, NightModels(risk, project.log.until))
    assert said == "the models of this night were not kept: No space left on device"
    monkeypatch.undo()
    assert find_night_models(open_night(whole, kept, "2024-02-06 08:00")) is None
    assert sorted(p.name for p in project.config.state_place.folder.glob("*.pkl*")) == ["night-models.pkl"]
