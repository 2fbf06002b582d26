"""Stages give the same tables on PostgreSQL and on Spark as in memory, by the configuration alone."""

import hashlib
import importlib.util
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import ibis
import pandas as pd
import pytest
from deskcast.features import kpi_history, snapshots
from deskcast.features.case_log.fetch import fetch
from deskcast.features.errors import InputError
from deskcast.features.partitions.by_case import by_case
from deskcast.pipelines.project.config import load_config, parse_config
from deskcast.pipelines.project.engine_specs import EngineSpec
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk
from deskcast.pipelines.stages.stage_run import StageRun

STAGES = ("check", "history", "risk")
#: What tells how long something took, or in which file a row was.
TIMES = {"leaderboard": ["seconds"]}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Give the folder of a small simulated desk."""
    folder = tmp_path_factory.mktemp("desk")
    write_desk(simulate_desk(1000, seed=3), folder)
    return folder


@pytest.fixture(scope="module")
def memory(desk):
    """Give what the stages make of it in memory."""
    return compute(load_config(desk / "deskcast.toml"), STAGES)


@pytest.fixture(scope="module")
def spark():
    """Say how Spark is asked for, where it can run."""
    if importlib.util.find_spec("pyspark") is None or shutil.which("java") is None:
        pytest.skip("needs the extra 'spark' and Java")
    return EngineSpec(kind="spark", address="local[2]", memory="1GB")


def compute(config, stages):
    """Open a project and return the tables of its stages by stage and name, with the project."""
    project = open_project(config)
    run = StageRun(project)
    made = {name: run.compute(name) for name in stages}
    assert not [name for name, stage in made.items() if stage.skipped]
    return {(name, k): t for name, stage in made.items() for k, t in stage.tables.items()}, project


def assert_same(one, other):
    assert set(one) == set(other)
    for (stage, name), table in one.items():
        left, right = (t.drop(columns=TIMES.get(name, [])).reset_index(drop=True) for t in (table, other[stage, name]))
        pd.testing.assert_frame_equal(left, right, check_exact=True, obj=f"{stage}: {name}")


def in_database(config, project, uri, schema):
    """Return the configuration with its large tables in a schema of a database, and the others where they are."""
    base = ibis.connect(uri.replace("postgresql://", "postgres://"))
    base.raw_sql(f'CREATE SCHEMA "{schema}"').close()
    moved = ("cases", "events", "contacts", "surveys")
    for name in moved:
        base.create_table(name, project.log.table(name).to_pyarrow(), database=schema)
    base.disconnect()
    sources = tuple(
        replace(s, path="", database=uri, schema=schema, relation=s.table) if s.table in moved else s
        for s in config.sources
    )
    return replace(config, sources=sources, engine=EngineSpec(kind="postgres", address=uri))


def test_stages_are_the_same_where_the_tables_lie_in_postgresql(desk, memory, postgres_uri):
    tables, project = memory
    config = in_database(load_config(desk / "deskcast.toml"), project, postgres_uri, "desk")
    there, other = compute(config, STAGES)
    named = tables["check", "checks"]["result"].str.contains("cases.parquet", regex=False)
    kept = {("check", "checks"): tables["check", "checks"][~named]}  # the others say where the tables lie
    there["check", "checks"] = there["check", "checks"][~named]
    assert_same(tables | kept, there)
    rows = other.log.table("events")
    assert '"desk"."events"' in rows.get_backend().compile(rows)
    again = open_project(config)
    assert again.fingerprint == other.fingerprint
    base = ibis.connect(postgres_uri.replace("postgresql://", "postgres://"))
    base.raw_sql("UPDATE desk.events SET new = 'x' WHERE seq = (SELECT max(seq) FROM desk.events)").close()
    base.disconnect()
    assert open_project(config).fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("change", "table", "in_place"),
    [
        ("ALTER TABLE {0}.cases ALTER case_id TYPE char(8), ALTER channel TYPE char(9)", "cases", True),
        ("ALTER TABLE {0}.cases RENAME TO raw; CREATE MATERIALIZED VIEW {0}.seen AS TABLE {0}.raw", "seen", True),
        ('ALTER TABLE {0}.cases RENAME TO "My.Cases"', "My.Cases", True),
        ("UPDATE {0}.cases SET created_at = 'infinity' WHERE case_id = '7'", "cases", False),
        ("ALTER TABLE {0}.cases ALTER created_at TYPE date", "cases", False),
    ],
)
def test_tables_of_other_types_and_names_read_as_in_memory(tmp_path, postgres_uri, change, table, in_place):
    schema = "odd" + hashlib.sha256(change.encode()).hexdigest()[:8]
    made = (
        "CREATE SCHEMA {0}; CREATE TABLE {0}.cases AS SELECT i::text AS case_id, timestamptz '2024-01-01Z' + "
        "i * interval '3 hours' AS created_at, (ARRAY['mail', 'phone'])[1 + i % 2] AS channel "
        "FROM generate_series(1, 99) i"
    )
    base = ibis.connect(postgres_uri.replace("postgresql://", "postgres://"))
    base.raw_sql(f"{made}; {change}".format(schema)).close()
    base.disconnect()
    source = {"database": postgres_uri, "schema": schema, "table": table}
    logs = [
        open_project(parse_config({"source": {"cases": source}, **engine}, folder=tmp_path)).log
        for engine in ({}, {"engine": {"kind": "postgres", "address": postgres_uri}})
    ]
    one, other = (fetch(log.table("cases")).sort_values("case_id", ignore_index=True) for log in logs)
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    rows = logs[1].table("cases")
    assert (f'"{schema}"' in rows.get_backend().compile(rows)) == in_place


def test_histories_and_snapshots_are_the_same_on_spark(desk, memory, spark):
    here = memory[1].log
    there = open_project(replace(load_config(desk / "deskcast.toml"), engine=spark)).log
    assert there.table("cases").get_backend().name == "pyspark"
    kpis = ["cases_opened", "first_response_time", "sla_attainment"]
    for made in (lambda log: kpi_history(log, kpis, by=["channel"], freq="W"), lambda log: snapshots(log, [log.until])):
        pd.testing.assert_frame_equal(made(here), made(there), check_exact=True)
    assert not Path("spark-warehouse").exists()


@pytest.mark.slow
def test_every_stage_is_the_same_on_spark_in_parts(desk, spark, monkeypatch):
    stages = (*STAGES, "forecast", "staff", "train", "watch", "compare")
    config = load_config(desk / "deskcast.toml")
    here, _ = compute(config, stages)
    monkeypatch.setattr(sys.modules[by_case.__module__], "CASES_PER_PART", 300)
    there, _ = compute(replace(config, engine=spark), stages)
    assert_same(here, there)


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ({"kind": "postgres"}, r"no server is named.*postgresql://"),
        ({"kind": "duckdb", "address": "local[2]"}, "no such address"),
        ({"address": "postgresql://desk/x"}, "no such address"),
        ({"kind": "spark", "address": "postgresql://desk/x"}, "no such address"),
        ({"kind": "postgres", "address": "postgresql://desk/x", "memory": "2GB"}, "memory of a server"),
    ],
)
def test_an_engine_that_cannot_be_is_named(tmp_path, engine, words):
    with pytest.raises(InputError, match=rf"\[engine\].*{words}"):
        parse_config({"source": {"cases": {"path": "c.csv"}}, "engine": engine}, folder=tmp_path)


def test_a_server_that_is_not_there_is_named_without_its_password(desk):
    engine = EngineSpec(kind="postgres", address="postgresql://ann:s3cret@127.0.0.1:1/desk")
    with pytest.raises(InputError, match="cannot be reached") as lost:
        open_project(replace(load_config(desk / "deskcast.toml"), engine=engine))
    assert "s3cret" not in str(lost.value)
