"""The forecast in use: challenged by other settings, which are issued beside it and judged by what came."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from deskcast.pipelines.commands.retraining import keep_training, say_decisions
from deskcast.pipelines.project.project import open_project, view_as_of
from deskcast.pipelines.registry.decisions import read_decisions
from deskcast.pipelines.registry.promote import promote_version, roll_back, shadow_newest
from deskcast.pipelines.stages.accuracy import accuracy_stage
from deskcast.pipelines.stages.forecast import forecast_stage
from deskcast.pipelines.stages.forecast_target import find_forecast_target
from deskcast.pipelines.stages.retraining import Training
from deskcast.pipelines.stages.stage_run import StageRun
from deskcast.pipelines.stages.volume_challenger import (
    find_trial,
    forecast_trial,
    issue_trial,
    judge_trial,
    list_settings,
    train_volume,
)
from deskcast.pipelines.stages.volume_champion import find_volume_champion, read_settings, use_volume_champion
from deskcast.pipelines.state.database import change_state, read_state
from deskcast.pipelines.state.issue import Issue, issue_rows
from deskcast.pipelines.words.instants import Instants

NAME, NIGHTS, HORIZON = "desk-volume", 34, 5
SCOPE = "cases_opened D"


@pytest.fixture(scope="module")
def whole(first):
    """Give the desk with its whole log, of which the first models saw five weeks."""
    return open_project(first.folder / "deskcast.toml")


def keep(project, first, volume):
    models = (volume.new,) if volume.new is not None else ()
    training = Training(first.training.stage, models, {"volume": (volume.decision == "promoted", volume.reason)})
    training = replace(training, trained_until=project.log.until, volume=volume)
    return say_decisions(project, training, keep_training(project, training, first.runs[1]))


def decisions(project):
    with read_state(project.config.state_place) as state:
        return read_decisions(state, "desk", "volume")


def ahead(actuals, night, off, seed):
    """Return made-up forecasts of a night: what came, and so much beside it."""
    steps = actuals[actuals["ds"] >= night.tz_convert("Europe/Berlin").tz_localize(None)].head(HORIZON)
    point = steps["y"].to_numpy() + off + np.random.default_rng(seed).normal(0, 0.5, len(steps))
    rows = steps[["unique_id", "ds"]].assign(deskcast=point, seasonal_naive=point)
    for level, width in ((80, 3.0), (95, 5.0)):
        rows[f"deskcast-lo-{level}"], rows[f"deskcast-hi-{level}"] = point - width, point + width
    return rows


def play(project, first, off=4.0, trial_off=0.0, version="1", trial="2", begin=0):
    """Issue both versions for some nights, the one in use as the run does and the other one beside it."""
    actuals = find_forecast_target(project, project.config.forecast).actuals
    issued = []
    with change_state(project.config.state_place) as state:
        for number in range(begin, begin + NIGHTS):
            night = first.project.log.until.floor("D") + pd.Timedelta(days=number, hours=22, minutes=30)
            asked = {"kpi": "cases_opened", "freq": "D", "by": []}
            for scope, which, wrong in ((SCOPE, version, off), (f"{SCOPE} shadow", trial, trial_off)):
                rows = ahead(actuals, night, wrong, number)
                if rows.empty:
                    continue
                one = Issue("forecast", scope, night, night, night, "made up", asked | {"version": which})
                assert issue_rows(state, one, rows)
                issued.append(rows.assign(scope=scope, as_of=night))
    return pd.concat(issued)


@pytest.fixture
def begun(desk, first, whole):
    """Give the project with its whole log, on which version 2 is issued beside version 1."""
    early = replace(first.project, config=replace(first.project.config, folder=desk))
    found = train_volume(early)
    assert (found.decision, found.verdict) == ("shadowed", None)
    assert found.new.model.spec.models == ("core",)
    (line,) = keep(early, first, found)
    assert line.startswith("desk-volume version 2: not in use. It is issued beside the version in use until")
    return replace(whole, config=replace(whole.config, folder=desk))


def test_what_was_issued_decides_and_the_better_one_is_used(begun, first):
    assert use_volume_champion(begun).decision.version == "1"
    issued = play(begun, first)
    volume = train_volume(begun)
    verdict = volume.verdict
    assert verdict.is_promoted
    assert verdict.windows >= 30
    # by hand, from what was issued and the log
    actuals = find_forecast_target(begun, begun.config.forecast).actuals.set_index("ds")["y"]
    over = issued[issued["ds"] + pd.Timedelta("1D") <= begun.log.until.tz_convert("Europe/Berlin").tz_localize(None)]
    losses = {}
    for scope, rows in over.groupby("scope"):
        y = rows["ds"].map(actuals).to_numpy()
        total = np.abs(y - rows["deskcast"].to_numpy())
        for level in (80, 95):
            for side, p in (("lo", (100 - level) / 200), ("hi", (100 + level) / 200)):
                error = y - rows[f"deskcast-{side}-{level}"].to_numpy()
                total = total + 2 * np.where(error > 0, p * error, (p - 1) * error)
        losses[scope] = (total / 5).sum() / y.sum()
    assert verdict.champion_loss == pytest.approx(losses[SCOPE], rel=1e-5)
    assert verdict.challenger_loss == pytest.approx(losses[f"{SCOPE} shadow"], rel=1e-5)

    said = keep(begun, first, volume)
    assert any("Version 2 is used: the quantile loss is" in line for line in said)
    told = [(d.version, d.decision) for d in decisions(begun)]
    assert told == [("1", "promoted"), ("2", "shadowed"), ("2", "promoted"), ("3", "shadowed")]
    now = use_volume_champion(begun)
    assert (now.decision.version, now.project.config.forecast.models) == ("2", ("core",))
    stage = StageRun(begun).compute("forecast")
    pd.testing.assert_frame_equal(stage.tables["forecast"], forecast_stage(now.project).tables["forecast"])
    assert stage.params["forecast_version"] == "2"
    assert "The forecast version in use is 2 (method core, 3 past windows)." in stage.findings
    # a look back before the decision knows the version of then
    before = view_as_of(begun, "2024-03-01 08:00")
    assert use_volume_champion(before).decision.version == "1"
    # another [forecast] was proven by nothing
    changed = replace(begun.config, forecast=replace(begun.config.forecast, horizon=9))
    assert find_volume_champion(changed) is None
    assert use_volume_champion(replace(begun, config=changed)).project.config.forecast.horizon == 9


def test_a_worse_one_stays_out_and_the_next_choice_is_tried(begun, first):
    play(begun, first, off=0.0, trial_off=6.0)
    volume = train_volume(begun)
    assert not volume.verdict.is_promoted
    assert "is not beyond noise" in volume.verdict.reason
    assert read_settings(volume.new.model.spec)["windows"] == 6
    keep(begun, first, volume)
    assert [(d.version, d.decision) for d in decisions(begun)][-2:] == [("2", "kept"), ("3", "shadowed")]
    assert find_volume_champion(begun.config).version == "1"
    assert decisions(begun)[-2].body["figures"]["windows"] == volume.verdict.windows
    # all were tried: that of the longest ago is next
    tried = [one.body["settings"]["models"] for one in decisions(begun)]
    assert tried[1] == ["core"]
    assert len(list_settings(begun)) == 3


def test_before_enough_is_over_nothing_is_decided_and_nothing_new_is_made(begun, first):
    volume = train_volume(begun)
    assert volume.new is None
    assert volume.judged is None
    assert volume.verdict.reason == "Only 0 of 14 windows in 0 of 4 weeks are over, so the version in use stays."
    before = len(decisions(begun))
    assert keep(begun, first, volume) == [f"{NAME}: {volume.verdict.reason}"]
    assert len(decisions(begun)) == before


def test_windows_of_another_version_do_not_count(begun, first):
    play(begun, first, version="7")
    assert not train_volume(begun).verdict.is_decided


def test_the_version_on_trial_is_issued_as_it_forecasts_with_what_is_known(begun, first):
    night = view_as_of(begun, "2024-02-20 08:00")
    night = replace(night, is_look_back=False)
    trial = forecast_trial(night)
    asked = replace(night.config.forecast, models=("core",))
    by_hand = forecast_stage(replace(night, config=replace(night.config, forecast=asked))).tables["forecast"]
    pd.testing.assert_frame_equal(trial.rows, by_hand)
    instants = Instants.now(night.data_until, night.as_of)
    with change_state(night.config.state_place) as state:
        assert issue_trial(state, instants, trial) == HORIZON
        assert issue_trial(state, instants, trial) == 0
    assert forecast_trial(replace(night, is_look_back=True)) is None
    stage = accuracy_stage(begun)
    assert set(stage.tables["accuracy_forecast"]["scope"]) == {f"{SCOPE} shadow"}
    assert "accuracy_forecast_next" not in stage.tables
    assert not any("shadow" in said or "Volume" in said for said in stage.findings)
    assert stage.metrics == {}


def test_a_person_decides_too(begun):
    config = begun.config
    with change_state(config.state_place) as state:
        promote_version(state, config, decisions(begun), NAME, "2", "ann")
    assert find_volume_champion(config).version == "2"
    with change_state(config.state_place) as state:
        roll_back(state, config, decisions(begun), NAME, "ann")
    assert find_volume_champion(config).version == "1"
    with change_state(config.state_place) as state:
        shadow_newest(state, config, decisions(begun), NAME, pd.Timestamp("2024-05-01T00:00Z"), "ann")
    trial = find_trial(decisions(begun), pd.Timestamp("2024-04-01T00:00Z"))
    assert (trial.version, trial.body["settings"]["models"]) == ("2", ["core"])
    with read_state(config.state_place) as state:
        assert not judge_trial(state, begun, find_volume_champion(config), trial).is_decided


def test_an_altered_version_is_refused_and_train_makes_a_new_one(begun, first, desk):
    from deskcast.features.errors import InputError

    place = find_volume_champion(begun.config).registered.place
    (body,) = (desk / place).rglob("model.pkl")
    body.write_bytes(body.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="was altered since it was promoted"):
        use_volume_champion(begun)
    assert StageRun(begun).compute("forecast").refused


@pytest.mark.parametrize(("given", "problem"), [("['cor']", "core"), ("['core,etz']", "ets")])
def test_unknown_challengers_are_refused_by_name(tmp_path, given, problem):
    from deskcast.features.errors import InputError
    from deskcast.pipelines.project.config import load_config

    (tmp_path / "deskcast.toml").write_text(f"[source.cases]\npath = 'c.csv'\n[model]\nchallengers = {given}\n")
    with pytest.raises(InputError, match=problem):
        load_config(tmp_path / "deskcast.toml")
