"""``[tracking] keep``: old runs and versions go, and never what is in use or could be gone back to."""

from dataclasses import replace

import pandas as pd
from deskcast.pipelines.registry.champions import load_model
from deskcast.pipelines.registry.decisions import read_decisions
from deskcast.pipelines.registry.retention import drop_expired_models
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.state.database import read_state
from deskcast.pipelines.store.tracking import record_run

DAY = 86400.0


def test_old_runs_and_versions_go_and_those_in_use_stay(desk, first):
    from mlflow import MlflowClient

    config = replace(first.project.config, folder=desk, tracking_keep_s=30 * DAY)
    frame = pd.DataFrame({"age": [1.0]})
    old = record_run([Stage("check", {"x": frame})], uri=config.tracking_uri, experiment="desk", folder=desk)
    client = MlflowClient(f"sqlite:///{desk / 'mlflow.db'}")
    with read_state(config.state_place) as state:
        decisions = read_decisions(state, "desk")
    now = pd.Timestamp.now("UTC")
    assert drop_expired_models(replace(config, tracking_keep_s=None), decisions, now) == (0, 0)
    assert drop_expired_models(config, decisions, now + pd.Timedelta(days=29)) == (0, 0)
    files = desk / "mlruns" / "desk" / old[1]
    assert files.is_dir()
    one = next(m for m in first.made if m.name == "desk-volume")
    assert drop_expired_models(config, decisions, now + pd.Timedelta(days=31)) == (0, 2)
    assert not files.exists()
    assert {client.get_run(run).info.lifecycle_stage for run in old} == {"deleted"}
    assert {client.get_run(run).info.lifecycle_stage for run in first.runs} == {"active"}
    assert load_model(config, one).kpi == "cases_opened"
    unused = [d for d in decisions if d.model != "desk-volume"]
    assert drop_expired_models(config, unused, now + pd.Timedelta(days=31)) == (1, 0)
    assert not (desk / one.place).exists()
    assert (first.folder / one.place).is_dir()
