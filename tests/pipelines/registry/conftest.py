"""A small desk whose models are trained and registered once for all tests; copy its folder before changing anything."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from deskcast.pipelines.commands.retraining import draw_calibration, keep_training
from deskcast.pipelines.project.project import open_project, view_as_of
from deskcast.pipelines.stages.retraining import train_models
from deskcast.pipelines.store.run_summary import list_settings
from deskcast.pipelines.store.tracking import disable_telemetry, record_run
from deskcast.pipelines.words.instants import Instants

disable_telemetry()

CONFIG = """
timezone = "Europe/Berlin"
[source.cases]
path = "cases.csv"
[source.cases.attributes]
site = "creation"
[source.events]
path = "events.csv"
[source.surveys]
path = "surveys.csv"
[[sla]]
metric = "resolution"
target = "48h"
[forecast]
horizon = 5
windows = 3
models = ["seasonal_naive", "same_slot"]
[history]
kpis = ["cases_opened"]
[risk]
train_days = 60
[watch]
kpis = ["cases_opened"]
[tracking]
experiment = "desk"
"""
DAYS, A_DAY = 70, 14


def write_desk(folder):
    """Write a desk on which one team is slow; half of the customers answer, and most of the slow team's are angry."""
    dice = np.random.default_rng(3)
    start, n = pd.Timestamp("2024-01-01T06:00Z"), DAYS * A_DAY
    end = start + pd.Timedelta(days=DAYS)
    opened = start + pd.to_timedelta(np.sort(dice.uniform(0, DAYS * 24, n)).round(3), unit="h")
    case = [f"case-{i:06}" for i in range(n)]
    slow = dice.uniform(size=n) < 0.5
    hours = dice.choice([4.0, 20.0, 70.0], n, p=[0.2, 0.4, 0.4]) * dice.uniform(0.5, 1.4, n) * np.where(slow, 1.6, 0.6)
    done = opened + pd.to_timedelta(hours.round(3), unit="h")
    cases = pd.DataFrame({"case_id": case, "created_at": opened, "priority": dice.choice(["1", "2"], n)})
    cases["customer_id"] = [f"customer-{i:05}" for i in dice.integers(0, 300, n)]
    cases["channel"], cases["site"] = dice.choice(["email", "web"], n), dice.choice(["north", "south"], n)
    team = np.where(slow, "slow desk", "quick desk")
    agent = [f"agent-{i:05}" for i in dice.integers(0, 9, n)]
    given = pd.DataFrame(
        {"case_id": case, "at": opened, "kind": "assigned", "team": team, "field": "team", "new": team}
    )
    ended = pd.DataFrame({"case_id": case, "at": done, "kind": "resolved", "team": team})
    raised = given[dice.uniform(size=n) < np.where(slow, 0.8, 0.02)].assign(kind="escalated")
    raised = raised.assign(at=raised["at"] + pd.Timedelta("30h"))
    events = pd.concat([given, raised[raised["at"] < done[raised.index]], ended], ignore_index=True)
    events = events.assign(actor_id=agent[0], actor_role="agent").sort_values("at", kind="stable")
    asked = dice.uniform(size=n) < 0.9
    surveys = pd.DataFrame({"survey_id": [f"s{i}" for i in range(n)], "kind": "csat", "case_id": case})
    surveys["offered_at"] = done + pd.Timedelta("1h")
    answers = dice.uniform(size=n) < 0.5
    surveys["responded_at"] = (surveys["offered_at"] + pd.Timedelta("5h")).where(answers)
    bad = dice.uniform(size=n) < np.where(slow, 0.6, 0.1)
    surveys["score"] = np.where(answers, np.where(bad, 1, 5), np.nan)
    cases.to_csv(folder / "cases.csv", index=False)
    events[events["at"] <= end].to_csv(folder / "events.csv", index=False)
    surveys[asked & (surveys["offered_at"] <= end)].to_csv(folder / "surveys.csv", index=False)
    (folder / "deskcast.toml").write_text(CONFIG)
    return folder


def train_at(folder, night):
    """Train and register as ``deskcast train`` does on the night of an instant."""
    project = replace(view_as_of(open_project(folder / "deskcast.toml"), night), is_look_back=False)
    training = train_models(project, draw=draw_calibration)
    config = project.config
    place = {"uri": config.tracking_uri, "experiment": config.experiment, "folder": config.folder}
    told = {"instants": Instants.now(project.data_until, project.as_of), "settings": list_settings(config)}
    ids = record_run([training.stage], **place, fingerprint=project.fingerprint, **told)
    return SimpleNamespace(
        project=project, training=training, made=keep_training(project, training, ids[1]), runs=ids, folder=folder
    )


@pytest.fixture(scope="session")
def first(tmp_path_factory):
    """Give the first models of a desk, trained on five weeks."""
    return train_at(write_desk(tmp_path_factory.mktemp("registered")), "2024-02-05 08:00")


@pytest.fixture
def train():
    """Return the function that trains as ``deskcast train`` does on a night."""
    return train_at


@pytest.fixture
def desk(first, tmp_path):
    """Give a copy of the folder of the first models: a project that was moved."""
    return Path(shutil.copytree(first.folder, tmp_path / "desk"))


@pytest.fixture
def ask(first):
    """Return a function that loads a registered model as anybody would, by its name and alias."""
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{first.folder / 'mlflow.db'}")
    yield lambda kind, alias="champion": mlflow.pyfunc.load_model(f"models:/desk-{kind}@{alias}")
    mlflow.set_tracking_uri(before)
