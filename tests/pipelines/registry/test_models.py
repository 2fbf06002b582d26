"""Registered models: nobody and no row is in them, and they say what ``risk`` and ``forecast`` say."""

import io
import json
import os
import pickle
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.models.worklist.reasons import reasons
from deskcast.models.worklist.time_left import move_time_left
from deskcast.pipelines.registry.champions import examine_models, find_champions, load_model
from deskcast.pipelines.registry.model_input import READ_AT, from_model_input, make_up_row, to_model_input
from deskcast.pipelines.registry.promote import promote_version
from deskcast.pipelines.registry.register import NewModel, register_models, tracking_client
from deskcast.pipelines.registry.slim import drop_training_rows, find_ids
from deskcast.pipelines.stages import retraining
from deskcast.pipelines.stages.champion import use_or_train
from deskcast.pipelines.stages.forecast import forecast_stage
from deskcast.pipelines.stages.risk import risk_stage
from deskcast.pipelines.state.database import change_state
from hypothesis import given, settings
from hypothesis import strategies as st

KINDS = ("breach-resolution", "dissatisfaction", "escalation", "volume")


@pytest.fixture(scope="module")
def morning(first):
    """Give the stage of risk, as the models in use say it, with the model and the open cases."""
    _, trained = use_or_train(first.project)
    return risk_stage(first.project, trained, cases_per_day=1000), trained


def registered(first, kind):
    return next(m for m in first.made if m.name == f"desk-{kind}")


def client(folder):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")


def all_ids(folder):
    cases, events = (pd.read_csv(folder / f"{name}.csv") for name in ("cases", "events"))
    return {*cases["case_id"], *cases["customer_id"], *events["actor_id"].dropna()}


class Rows(pickle.Pickler):
    """Note the length of every array and frame that is written."""

    def __init__(self):
        super().__init__(io.BytesIO())
        self.lengths = [0]

    def reducer_override(self, value):
        if isinstance(value, (np.ndarray, pd.DataFrame, pd.Series, pd.Index)):
            self.lengths.append(len(value) if np.ndim(value) else 0)
        return NotImplemented


def test_no_id_stands_in_any_file_of_a_model_and_no_row_that_it_learnt_from(first):
    ids = all_ids(first.folder)
    assert len(ids) > 1000
    for model in first.made:
        files = [p for p in (first.folder / model.place).rglob("*") if p.is_file()]
        assert {"MLmodel", "model.pkl", "card.md", "requirements.txt"} <= {p.name for p in files}
        for path in files:
            body = path.read_bytes()
            assert [one for one in ids if one.encode() in body] == [], path
        rows = Rows()
        rows.dump(load_model(first.project.config, model))
        assert max(rows.lengths) <= 100  # and over 300 cases were learnt from


def test_an_id_in_a_model_is_found_and_nothing_is_registered(first):
    new = next(m for m in first.training.models if m.kind == "escalation")
    named = NewModel(**{**vars(new), "model": ["customer-00017"], "ids": frozenset({"customer-00017"})})
    with pytest.raises(InputError, match="1 ids of cases, customers or agents stand in the model 'escalation'"):
        register_models(first.project.config, first.runs[1], [named], fingerprint="", as_of=first.project.log.until)
    assert len(client(first.folder).search_model_versions("name = 'desk-escalation'")) == 1


@given(st.text("abcxyz0129-", min_size=6, max_size=9), st.binary(max_size=40), st.binary(max_size=40))
@settings(max_examples=25)
def test_an_id_is_found_wherever_it_stands(name, before, after):
    assert find_ids(before + name.encode() + after, [name, "customer-1"]) == [name]


def test_breach_probabilities_reasons_and_finish_times_are_those_of_risk(first, morning, ask):
    stage, trained = morning
    table = stage.tables["risk"].set_index("case_id")
    columns = load_model(first.project.config, registered(first, "breach-resolution")).columns
    rows = trained.today.assign(**{READ_AT: pd.Timestamp(stage.params["read_at"])})
    said = ask("breach-resolution").predict(to_model_input(rows, columns)).set_index("case_id").loc[table.index]
    assert len(table) > 10
    assert (said["probability"] == table["probability"]).all()
    for name in ("reason_1", "reason_2", "reason_3"):
        assert said[name].tolist() == table[name].tolist()
    assert (said["reason_1"] != "").all()
    for name in ("median_finish", "finish_80"):
        known = table[name].notna()
        assert known.any()
        assert (pd.to_datetime(said[name][known]) == table[name][known]).all()
        assert (said[name][~known] == "").all()


def test_what_reasons_say_of_the_time_is_of_when_they_are_read(first, morning):
    trained, model = morning[1], load_model(first.project.config, registered(first, "breach-resolution"))
    later = first.project.log.until + pd.Timedelta("6h")
    said = model.predict(to_model_input(trained.today.assign(**{READ_AT: later}), model.columns))
    moved = move_time_left(trained.today, later, model.calendar)
    told = reasons(moved, trained.risk, parts=trained.risk.contributions(trained.today))
    first_reasons = told[told["place"] == 1].set_index("case_id")["reason"]
    over = trained.today["already_breached"].fillna(False).to_numpy(dtype=bool)
    assert said["reason_1"][~over].tolist() == first_reasons.loc[trained.today["case_id"][~over]].tolist()
    assert (said["probability"][over] == 1).all()


def test_reasons_compare_with_past_cases_as_before_the_rows_were_dropped(first, morning):
    trained = morning[1]
    from deskcast.pipelines.stages.train import train_breach_risk

    fresh = train_breach_risk(first.project)
    assert reasons(fresh.frame, fresh.risk).equals(reasons(fresh.frame, drop_training_rows(fresh.risk)))
    assert (fresh.risk.risk(trained.today) == trained.risk.risk(trained.today)).all()  # in use as if trained anew


def test_dissatisfaction_and_escalation_are_those_of_risk(first, morning, ask):
    stage, trained = morning
    rows = trained.today.assign(stage=pd.Series("open", index=trained.today.index, dtype="str"))
    for kind, column in (("dissatisfaction", "dissatisfaction_risk"), ("escalation", "escalation_risk")):
        table = stage.tables[kind].set_index("case_id")
        columns = load_model(first.project.config, registered(first, kind)).columns
        said = ask(kind).predict(to_model_input(rows, columns)).set_index("case_id").loc[table.index]
        np.testing.assert_allclose(said["probability"], table[column], rtol=0, atol=1e-12)
    assert (said["reason_1"] != "").any()


def test_volume_is_that_of_forecast_and_no_history_is_in_it(first, ask):
    stage = forecast_stage(first.project)
    table, past = stage.tables["forecast"], stage.tables["actuals"]
    history = past.assign(ds=past["ds"].dt.strftime("%Y-%m-%dT%H:%M:%S").astype(object))[["unique_id", "ds", "y"]]
    model = ask("volume")
    said = model.predict(history.astype({"unique_id": object}), params={"horizon": 5})
    assert pd.to_datetime(said["ds"]).tolist() == table["ds"].tolist()
    numbers = [c for c in table.columns if c not in ("unique_id", "ds")]
    np.testing.assert_allclose(said[numbers], table[numbers], rtol=0, atol=1e-12)
    assert len(model.predict(history.astype({"unique_id": object}), params={"horizon": 2})) == 2
    with pytest.raises(InputError, match=r"column 'ds', row 3: not a valid time.*on the desk's own clock"):
        model.predict(
            history.assign(unique_id="all", ds=[*history["ds"][:2], *["2024-03-01T08:00Z"] * (len(past) - 2)])
        )


@given(st.sampled_from(["2024-03-01 08:00", "2024-03-01", "yesterday", "1709280000", "08:00Z", ""]))
@settings(max_examples=6)
def test_an_instant_without_an_offset_is_refused(first, text):
    model = load_model(first.project.config, registered(first, "breach-resolution"))
    row = make_up_row(model.columns, "resolution")
    assert 0 <= model.predict(row)["probability"].item() <= 1
    two = pd.concat([row, row.assign(due_at=text)], ignore_index=True)
    with pytest.raises(InputError, match=r"column 'due_at', row 2: not a valid instant; got .* with an offset"):
        model.predict(two)
    assert from_model_input(row.assign(at="2024-03-04T10:00+01:00"), model.columns)["at"].equals(
        from_model_input(row, model.columns)["at"]
    )


def test_other_kinds_of_values_are_refused_by_column(first, ask):
    from mlflow.exceptions import MlflowException

    row = make_up_row(load_model(first.project.config, registered(first, "breach-resolution")).columns, "resolution")
    model = ask("breach-resolution")
    with pytest.raises(MlflowException, match="at"):
        model.predict(row.assign(at=pd.Timestamp("2024-03-01T08:00Z")))
    with pytest.raises(MlflowException, match=r"missing.*age_s"):
        model.predict(row.drop(columns="age_s"))


def test_version_run_and_card_say_on_what_a_model_rests(first):
    store = client(first.folder)
    for kind in KINDS:
        version = store.get_model_version_by_alias(f"desk-{kind}", "champion")
        assert str(version.version) == "1"
        assert f"# desk-{kind}" in version.description
        assert first.project.fingerprint in version.description
        folder = first.folder / registered(first, kind).place
        needs = (folder / "requirements.txt").read_text().split()
        assert len(needs) == 7
        assert all(re.fullmatch(r"[\w-]+==[\w.]+", line) for line in needs)
        assert json.loads((folder / "input_example.json").read_text())["data"]
    card = store.get_model_version("desk-breach-resolution", "1").description
    for part in ("## Data", "## Decision", "beside simple rules", "## Calibration", "Scores by team", "## Limits"):
        assert part in card
    assert "| constant |" in card
    assert "<svg" in (first.folder / registered(first, KINDS[0]).place / "data/model/calibration.svg").read_text()
    run = store.get_run(first.runs[1])
    data = run.inputs.dataset_inputs[0]
    assert data.dataset.digest == first.project.fingerprint
    assert {t.key: t.value for t in data.tags}["as_of"] == first.project.log.until.isoformat()
    assert run.info.status == "FINISHED"
    parent = store.get_run(first.runs[0]).data
    assert parent.params["as_of"] == first.project.as_of.isoformat()
    assert parent.params["risk.train_days"] == "60"
    assert parent.metrics["train.brier"] == run.data.metrics[f"{run.data.params['used']}_brier"]
    assert store.get_run(first.runs[1]).data.metrics["breach-resolution.brier"] == parent.metrics["train.brier"]


@pytest.mark.parametrize("name", ["model.pkl", "MLmodel", "requirements.txt", "card.md"])
def test_a_model_that_was_altered_by_a_byte_is_refused(desk, first, name):
    config = replace(first.project.config, folder=desk)
    path = next((desk / registered(first, "breach-resolution").place).rglob(name))
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(bytes(body))
    with pytest.raises(InputError, match=r"version 1 of the model was altered since it was promoted") as refused:
        use_or_train(replace(first.project, config=config))
    assert refused.value.code == "model.altered"
    assert [(c.condition, "was altered" in c.said) for c in examine_models(config)] == [("broken", True)]
    assert [c.condition for c in examine_models(first.project.config)] == ["whole"]
    path.unlink()
    with pytest.raises(InputError, match="altered"):
        load_model(config, registered(first, "breach-resolution"))


def test_where_the_model_in_use_is_gone_training_makes_new_ones(desk, first, monkeypatch):
    shutil.rmtree(desk / "mlruns")
    project = replace(first.project, config=replace(first.project.config, folder=desk))
    with pytest.raises(InputError, match="is no longer in the tracking store"):
        use_or_train(project)
    asked = []

    def train_on_all(*_, **more):
        asked.append(more["first_reason"])
        return retraining.Training(first.training.stage)

    monkeypatch.setattr(retraining, "_train_on_all", train_on_all)
    retraining.train_models(project)
    volume = retraining._add_volume(project, retraining.Training(first.training.stage)).volume
    assert volume.decision == "promoted"
    assert [*asked, volume.reason] == ["The model in use before was gone or altered."] * 2


def test_a_version_is_taken_from_the_registry_after_the_state_was_lost(desk, first):
    shutil.rmtree(desk / "results-state")
    config = replace(first.project.config, folder=desk)
    with change_state(config.state_place) as state:
        promote_version(state, config, [], "desk-breach-resolution", "1", "ann")
    found, made = find_champions(config)["desk-breach-resolution"].registered, first.made[0]
    assert found == made  # its place too, so that doctor looks at it
    assert load_model(config, found).risk.as_of_ == first.project.log.until
    with pytest.raises(InputError, match="is no longer in the tracking store") as error:
        load_model(config, replace(found, version="9", place=""))
    assert error.value.code == "model.altered"


def test_a_moved_project_finds_its_models(desk, first):
    from deskcast.pipelines.registry.champions import publish_decisions
    from deskcast.pipelines.registry.decisions import read_decisions
    from deskcast.pipelines.state.database import read_state

    config = replace(first.project.config, folder=desk)
    assert load_model(config, registered(first, "volume")).kpi == "cases_opened"
    with read_state(config.state_place) as state:
        publish_decisions(config, read_decisions(state, "desk"))
    for kind in KINDS:
        store = client(desk)
        logged = store.get_model_version(f"desk-{kind}", "1").source.removeprefix("models:/")
        assert store.get_logged_model(logged).artifact_location == (desk / registered(first, kind).place).as_uri()


@pytest.mark.slow
def test_anybody_loads_a_model_of_a_moved_project(desk, first):
    with tracking_client(replace(first.project.config, folder=desk)):
        pass  # any command that writes leads the store to its new place
    code = f"import mlflow; print(mlflow.pyfunc.load_model('models:/desk-{KINDS[0]}@champion').metadata.run_id)"
    env = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{desk / 'mlflow.db'}"}
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env, cwd="/")
    assert said.stdout.strip() == first.runs[1]


@pytest.mark.slow
def test_a_model_answers_as_a_server(first):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    row = make_up_row(load_model(first.project.config, registered(first, "breach-resolution")).columns, "resolution")
    programs = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    )  # it starts uvicorn by name
    env = {**os.environ, "PATH": programs, "MLFLOW_TRACKING_URI": f"sqlite:///{first.folder / 'mlflow.db'}"}
    command = [Path(sys.executable).parent / "mlflow", "models", "serve", "-m", f"models:/desk-{KINDS[0]}@champion"]
    command += ["--env-manager", "local", "--port", str(port), "--host", "127.0.0.1"]
    server = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        body = json.dumps({"dataframe_split": json.loads(row.to_json(orient="split"))}).encode()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
        )
        for _ in range(240):
            try:
                with urllib.request.urlopen(asked, timeout=30) as answer:
                    said = json.load(answer)["predictions"]
                break
            except OSError:
                assert server.poll() is None, server.stderr.read().decode()
                time.sleep(0.5)
        assert said[0]["case_id"] == "EXAMPLE-1"
        assert 0 <= said[0]["probability"] <= 1
    finally:
        server.terminate()
        server.wait(30)
