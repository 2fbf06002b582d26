"""PostgreSQL and Spark give what DuckDB gives: the same derivations, run where the tables lie."""

import importlib.util
import os
import pickle
import shutil
import sys

import ibis
import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.case_log.log import CaseLog
from deskcast.features.cases.facts import write_case_history
from deskcast.features.cases.history import case_history
from deskcast.features.errors import InputError
from deskcast.features.kpis.availability import availability
from deskcast.features.kpis.kpi_history import kpi_history
from deskcast.features.labels.breach import breach_labels
from deskcast.features.sla.milestones import milestones
from deskcast.features.snapshots.snapshots import snapshots
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from deskcast.pipelines.simulated_desk.desk import simulate_desk

ZONE = "Europe/Lisbon"


@pytest.fixture(scope="module")
def desk():
    """Tables of a small simulated desk, and what a log of them needs besides."""
    office = BusinessCalendar.from_hours(ZONE, {"mon-fri": ["09:00-18:00"]})
    calendars = dict.fromkeys(("office", "west", "phone"), office)
    return simulate_desk(1000, seed=3).tables, {"timezone": ZONE, "calendars": calendars}


@pytest.fixture(scope="module")
def bpi2014(shared_data):
    """Incidents of the BPI Challenge 2014 with their activities."""
    path = shared_data("bpic2014_rabobank/incident_activity_basic.csv.gz")
    columns = {"case_id": "incident_id", "at": "timestamp", "activity": "activity"}
    kinds = {"Closed": "closed", "Status Change": "status", "Assignment": "assigned", "Reassignment": "assigned"}
    kinds |= {"Operator Update": "message", "Caused By CI": "field", "Open": "reopened"}
    tables = load_source(
        SourceSpec("events", str(path), columns=columns, kinds=kinds, timezone="Europe/Amsterdam")
    ).tables
    return {name: tables[name] for name in ("cases", "events")}, {"timezone": "Europe/Amsterdam"}


def part_of(tables, cases):
    """Keep the first cases and what belongs to them."""
    kept = tables["cases"].sort_values(["created_at", "case_id"]).head(cases)
    return {name: t[t["case_id"].isin(kept["case_id"])].reset_index(drop=True) for name, t in tables.items()}


def in_postgres(uri, schema, tables):
    """Put the tables into a schema of their own, as an exporter would: text, not deskcast's own types."""
    connection = ibis.connect(uri.replace("postgresql://", "postgres://"))
    connection.raw_sql(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE').close()
    connection.raw_sql(f'CREATE SCHEMA "{schema}"').close()
    own = CaseLog.from_frames(**tables)
    for name in tables:
        connection.create_table(name, own.table(name).to_pyarrow(), database=schema)
    connection.disconnect()
    return {name: f"{schema}.{name}" for name in tables}


def assert_same(one, other, rtol=1e-9):
    pd.testing.assert_frame_equal(one, other, rtol=rtol, atol=0)


def assert_all_the_same(here, there, *, only=None, freqs=("D", "W", "30min")):
    """Compare case histories, KPI histories and what stands on them."""
    assert here.until == there.until
    assert_same(case_history(here), case_history(there))
    pd.testing.assert_frame_equal(availability(here), availability(there))
    for freq in freqs:
        by = {"D": ("channel",), "W": (), "30min": ("priority",)}[freq]
        names = only if freq == "30min" else None
        if not here.has("cases", *by):
            by = ()
        assert_same(kpi_history(here, names, by, freq), kpi_history(there, names, by, freq))
    middle = here.until - (here.until - here.frame("cases")["created_at"].min()) / 2
    assert_same(case_history(here.as_of(middle)), case_history(there.as_of(middle)))


@pytest.mark.slow
def test_postgres_equals_duckdb_on_the_simulated_desk(desk, postgres_uri):
    tables, more = desk
    here = CaseLog.from_frames(**tables, **more)
    there = CaseLog.from_connection(postgres_uri, tables=in_postgres(postgres_uri, "desk", tables), **more)
    assert_all_the_same(here, there, only=["cases_opened", "backlog", "first_response_time"])
    assert kpi_history(there)["kpi"].nunique() >= 50
    assert_same(milestones(here), milestones(there))
    assert_same(breach_labels(here), breach_labels(there))
    looks = pd.date_range(here.until - pd.Timedelta(days=10), here.until, freq="48h")
    assert_same(snapshots(here, looks, "resolution"), snapshots(there, looks, "resolution"))


def test_postgres_equals_duckdb_on_a_part_of_bpi_2014(bpi2014, postgres_uri):
    tables, more = bpi2014
    tables = part_of(tables, 1500)
    here = CaseLog.from_frames(**tables, **more)
    there = CaseLog.from_connection(postgres_uri, tables=in_postgres(postgres_uri, "bpi", tables), **more)
    assert_all_the_same(here, there, only=["cases_opened", "backlog"])
    assert len(case_history(there)) == 1500


@pytest.mark.slow
def test_postgres_equals_duckdb_on_bpi_2014(bpi2014, postgres_uri):
    if not os.environ.get("DESKCAST_WHOLE"):
        pytest.skip("all 410,000 events take minutes: set DESKCAST_WHOLE=1")
    tables, more = bpi2014
    here = CaseLog.from_frames(**tables, **more)
    there = CaseLog.from_connection(postgres_uri, tables=in_postgres(postgres_uri, "whole", tables), **more)
    assert_all_the_same(here, there, only=["cases_opened", "backlog"])


@pytest.fixture(scope="module")
def spark():
    """A local Spark session, where one is wanted and can be had."""
    if not os.environ.get("DESKCAST_SPARK"):
        pytest.skip("Spark takes minutes: set DESKCAST_SPARK=1")
    if importlib.util.find_spec("pyspark") is None or shutil.which("java") is None:
        pytest.skip("needs the extra 'spark' and Java")
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[2]").appName("deskcast tests")
    session = session.config("spark.sql.shuffle.partitions", "2").config("spark.ui.enabled", "false").getOrCreate()
    yield session
    session.stop()


def in_spark(session, folder, prefix, tables):
    own = CaseLog.from_frames(**tables)
    for name in tables:
        path = str(folder / f"{name}.parquet")
        own.table(name).to_parquet(path)
        session.read.parquet(path).createOrReplaceTempView(f"{prefix}_{name}")
    return {name: f"{prefix}_{name}" for name in tables}


@pytest.mark.slow
def test_spark_equals_duckdb_on_the_simulated_desk(desk, spark, tmp_path):
    tables, more = desk
    here = CaseLog.from_frames(**tables, **more)
    there = CaseLog.from_connection(spark, tables=in_spark(spark, tmp_path, "desk", tables), **more)
    assert_all_the_same(here, there, freqs=("D",))
    kpis = ["cases_opened", "backlog", "resolution_time", "sla_attainment", "csat"]
    for freq in ("W", "30min"):
        assert_same(kpi_history(here, kpis, freq=freq), kpi_history(there, kpis, freq=freq))
    assert_same(milestones(here), milestones(there))
    looks = pd.date_range(here.until - pd.Timedelta(days=10), here.until, freq="120h")
    assert_same(snapshots(here, looks, "resolution"), snapshots(there, looks, "resolution"))


@pytest.mark.slow
def test_spark_equals_duckdb_on_bpi_2014(bpi2014, spark, tmp_path):
    tables, more = bpi2014
    here = CaseLog.from_frames(**tables, **more)
    there = CaseLog.from_connection(spark, tables=in_spark(spark, tmp_path, "bpi", tables), **more)
    assert_all_the_same(here, there, freqs=("W",))


def test_text_sorts_by_its_bytes_whatever_the_collation(postgres_uri):
    ids = ["b", "A", "a", "B", "é", "10", "9"]
    cases = pd.DataFrame({"case_id": ids, "created_at": ["2024-03-01T09:00Z"] * len(ids), "channel": ids})
    there = CaseLog.from_connection(postgres_uri, tables=in_postgres(postgres_uri, "sorted", {"cases": cases}))
    assert case_history(there)["case_id"].tolist() == sorted(ids)
    again = pickle.loads(pickle.dumps(there.as_of("2025-01-01T00:00Z")))  # opened again by its address
    pd.testing.assert_frame_equal(again.frame("cases"), there.frame("cases"))


def test_a_table_of_numbers_and_without_seq_is_read(postgres_uri):
    connection = ibis.connect(postgres_uri.replace("postgresql://", "postgres://"))
    for statement in (
        "DROP SCHEMA IF EXISTS helpdesk CASCADE",
        "CREATE SCHEMA helpdesk",
        "CREATE TABLE helpdesk.tickets (case_id int, created_at timestamptz, channel varchar(20), plan text)",
        "INSERT INTO helpdesk.tickets VALUES (7, '2024-03-01 09:00+01', 'phone', 'gold')",
        "CREATE TABLE helpdesk.audits (case_id int, at timestamptz, kind text)",
        "INSERT INTO helpdesk.audits VALUES (7, '2024-03-02 09:00Z', 'closed'), (7, '2024-03-02 09:00Z', 'resolved')",
        "CREATE TABLE helpdesk.bare (case_id int, created_at timestamp)",
        "CREATE TABLE helpdesk.holes (case_id int, created_at timestamptz)",
        "INSERT INTO helpdesk.holes VALUES (7, NULL)",
    ):
        connection.raw_sql(statement).close()
    log = CaseLog.from_connection(connection, tables={"cases": "helpdesk.tickets", "events": "helpdesk.audits"})
    row = case_history(log).iloc[0]
    assert (row["case_id"], row["resolution_s"], row["plan"]) == ("7", 25 * 3600.0, "gold")
    assert log.attributes == {"plan": "outcome"}
    with pytest.raises(InputError, match=r"cases: column 'created_at': the times have no zone"):
        CaseLog.from_connection(connection, tables={"cases": "helpdesk.bare"})
    with pytest.raises(InputError, match="values are missing"):
        CaseLog.from_connection(connection, tables={"cases": "helpdesk.holes"})
    with pytest.raises(InputError, match=r"unknown table in the database; got 'helpdesk\.ticket' \(did you"):
        CaseLog.from_connection(connection, tables={"cases": "helpdesk.ticket"})


def test_an_extra_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InputError, match=r"PostgreSQL needs an extra .*deskcast\[postgres\]"):
        CaseLog.from_connection("postgresql://localhost/desk")


def test_a_password_is_not_repeated_when_the_server_cannot_be_reached():
    pytest.importorskip("psycopg", reason="needs the extra 'postgres'")
    with pytest.raises(InputError, match="cannot be reached") as error:
        CaseLog.from_connection("postgresql://me:secret@127.0.0.1:1/desk?connect_timeout=1")
    assert "secret" not in str(error.value)


def test_files_larger_than_the_memory_limit_give_the_same(desk, tmp_path):
    tables, more = desk
    here = CaseLog.from_frames(**tables, **more)
    for name in ("cases", "events", "contacts"):
        here.table(name).to_parquet(tmp_path / f"{name}.parquet")
    spill = tmp_path / "spill"
    spill.mkdir()
    there = CaseLog.from_parquet(tmp_path, memory_limit="256MB", temp_directory=spill, threads=1, timezone=ZONE)
    assert_same(case_history(here), case_history(there))
    write_case_history(there, tmp_path / "history.parquet")
    written = pd.read_parquet(tmp_path / "history.parquet").sort_values("case_id", ignore_index=True)
    np.testing.assert_allclose(written["age_s"], case_history(here)["age_s"])
    with pytest.raises(InputError, match="no canonical table"):
        CaseLog.from_parquet(spill)
    with pytest.raises(InputError, match="missing file"):
        CaseLog.from_parquet({"cases": tmp_path / "case.parquet"})
