"""State and tracking store on a real PostgreSQL server: models, decisions and what is issued are kept there alike."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.commands.retraining import keep_training
from deskcast.pipelines.registry.champions import find_champions, load_model
from deskcast.pipelines.registry.decisions import read_decisions
from deskcast.pipelines.registry.promote import roll_back
from deskcast.pipelines.stages.champion import load_champion
from deskcast.pipelines.stages.volume_champion import use_volume_champion
from deskcast.pipelines.state.database import change_state, read_state
from deskcast.pipelines.store.doctor import examine
from deskcast.pipelines.store.run_summary import list_settings
from deskcast.pipelines.store.tracking import check_store, record_run
from deskcast.pipelines.words.instants import Instants

NAME = "desk-breach-resolution"


@pytest.fixture
def served(first, desk, postgres_uri):
    """Give the project of the first models with its state and its tracking store in databases of their own."""
    import psycopg

    own = f"{abs(hash(desk)) % 10**9}"
    names = (f"state_{own}", f"mlflow_{own}")
    with psycopg.connect(postgres_uri, autocommit=True) as server:
        for name in names:
            server.execute(f"CREATE DATABASE {name}")
    state, store = (postgres_uri.replace("/postgres?", f"/{name}?") for name in names)
    config = first.project.config
    spec = replace(config.state, database=state)
    uri = store.replace("postgresql://", "postgresql+psycopg://")
    return replace(first.project, config=replace(config, folder=desk, state=spec, tracking_uri=uri))


def keep(project, first):
    config = project.config
    told = {"instants": Instants.now(project.data_until, project.as_of), "settings": list_settings(config)}
    place = {"uri": config.tracking_uri, "experiment": config.experiment, "folder": config.folder}
    ids = record_run([first.training.stage], **place, fingerprint=project.fingerprint, **told)
    return keep_training(project, first.training, ids[1])


@pytest.mark.slow
def test_models_and_decisions_are_kept_in_postgres_as_in_files(served, first):
    from mlflow import MlflowClient

    config = served.config
    check_store(config.tracking_uri, config.folder)
    assert find_champions(config) == {}
    made = keep(served, first)
    assert {m.name for m in made} == {m.name for m in first.made}
    champions = find_champions(config)
    assert {name: one.version for name, one in champions.items()} == {m.name: "1" for m in made}
    client = MlflowClient(config.tracking_uri)
    assert str(client.get_model_version_by_alias(NAME, "champion").version) == "1"
    parent = client.search_runs([client.get_experiment_by_name("desk").experiment_id], "run_name = 'train'")
    assert len(parent) == 1
    # the same probabilities as from the models in files
    now, decision = load_champion(served)
    then, _ = load_champion(first.project)
    assert decision.version == "1"
    np.testing.assert_array_equal(now.risk.risk(now.today), then.risk.risk(then.today))
    assert use_volume_champion(served).decision.version == "1"
    # a second training and a rollback: both are decisions in the database
    again = replace(first.training, reasons={**first.training.reasons, "breach-resolution": (True, "Better.")})
    keep(served, SimpleNamespace(training=again))
    assert find_champions(config)[NAME].version == "2"
    with change_state(config.state_place) as state:
        roll_back(state, config, read_decisions(state, "desk"), NAME, "ann")
    assert find_champions(config)[NAME].version == "1"
    assert [(c.what, c.condition) for c in examine(config) if c.condition == "broken"] == []


@pytest.mark.slow
def test_a_model_that_was_altered_behind_a_database_is_refused(served, first):
    from mlflow import MlflowClient

    keep(served, first)
    decision = find_champions(served.config)[NAME]
    client = MlflowClient(served.config.tracking_uri)
    place = client.get_model_version_download_uri(NAME, "1")
    assert place
    (body,) = Path(urlsplit(place).path).rglob("model.pkl")
    body.write_bytes(body.read_bytes() + b"x")
    with pytest.raises(InputError, match="was altered since it was promoted"):
        load_model(served.config, decision.registered)
    with read_state(served.config.state_place) as state:
        assert len(read_decisions(state, "desk")) == len(first.made)


@pytest.mark.slow
def test_a_server_that_is_gone_is_said_once_and_nothing_is_lost(served, first):
    keep(served, first)
    gone = replace(served.config, tracking_uri="postgresql+psycopg://deskcast@127.0.0.1:9/desk")
    with pytest.raises(InputError, match="tracking") as told:
        check_store(gone.tracking_uri, gone.folder)
    assert "\n" not in str(told.value)
    assert find_champions(gone)[NAME].as_of == pd.Timestamp(first.project.log.until)
