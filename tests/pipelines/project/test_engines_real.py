"""Stages of two real logs give the same tables on every engine, in parts, as in memory."""

import importlib.util
import shutil
import sys
from dataclasses import replace

import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.features.partitions.by_case import by_case
from deskcast.pipelines.init.init import write_config
from deskcast.pipelines.project.config import load_config
from deskcast.pipelines.project.engine_specs import EngineSpec
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.stages.stage_run import StageRun

STAGES = ("check", "history", "forecast", "train", "risk", "drift", "watch", "compare", "accuracy")
LOGS = {
    "helpdesk": "helpdesk_italy/helpdesk.csv.gz",
    "servicenow": "servicenow_incidents/incident_event_log_opened_before_2016-05.csv.gz",
}
ENGINES = {
    "duckdb": EngineSpec(kind="duckdb", memory="500MB"),
    "dask": EngineSpec(kind="duckdb", memory="500MB", backend="dask"),
    "postgres": EngineSpec(kind="postgres", address="postgresql://desk/log"),  # or wherever the server is
    "spark": EngineSpec(kind="spark", address="local[2]", memory="2GB"),
}


def compute(config):
    """Return the tables of the stages; one that the log has too little for says the same on every engine."""
    run, made = StageRun(open_project(config)), {}
    for name in STAGES:
        try:
            stage = run.compute(name)
        except InputError as error:
            made[name, "refused"] = pd.DataFrame({"error": [str(error)]})
            continue
        made |= {(name, k): t.drop(columns="seconds", errors="ignore") for k, t in stage.tables.items()}
        made[name, "skipped"] = pd.DataFrame({"skipped": [str(stage.skipped)]})
    return made


@pytest.fixture(scope="module", params=LOGS)
def desk(request, shared_data, tmp_path_factory):
    """Give the configuration that is proposed for a log, and what the stages make of it in memory."""
    folder = tmp_path_factory.mktemp(request.param)
    shutil.copy(shared_data(LOGS[request.param]), folder)
    config = load_config(write_config(sorted(folder.iterdir()), folder))
    return config, compute(config)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ENGINES)
def test_stages_of_a_real_log_are_the_same(kind, desk, monkeypatch, request):
    config, here = desk
    engine = ENGINES[kind]
    if kind == "spark" and (importlib.util.find_spec("pyspark") is None or shutil.which("java") is None):
        pytest.skip("needs the extra 'spark' and Java")
    if kind == "dask" and importlib.util.find_spec("dask") is None:
        pytest.skip("needs the extra 'dask'")
    if kind == "postgres":
        engine = replace(engine, address=request.getfixturevalue("postgres_uri"))
    monkeypatch.setattr(sys.modules[by_case.__module__], "CASES_PER_PART", 1500)
    there = compute(replace(config, engine=engine))
    assert set(there) == set(here)
    for (stage, name), table in here.items():
        pd.testing.assert_frame_equal(table, there[stage, name], check_exact=True, obj=f"{stage}: {name}")
    assert sum(len(table) for (stage, _), table in here.items() if stage == "risk") > 0
