"""Results in a real PostgreSQL: swapped in one transaction, kept by instant, read back to the byte."""

import shutil
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.project.night_specs import ResultsSpec
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.store import database_results
from deskcast.pipelines.store.database_results import copy_results, read_database_results
from deskcast.pipelines.store.results import read_results, replace_folder, write_stages
from deskcast.pipelines.words.facts import Finding
from deskcast.pipelines.words.instants import Instants
from sqlalchemy import create_engine, make_url, text


@pytest.fixture
def spec(postgres_uri, request):
    name = f"t{abs(hash(request.node.name)) % 10**9}"
    return ResultsSpec(database=postgres_uri, schema=name, keep_s=10 * 86400.0)


def night(folder, day, **tables):
    at = pd.Timestamp(f"2024-03-{day:02d}T05:00Z")
    usual = {
        "risk": pd.DataFrame(
            {"case_id": ["C1", None, 'a"b\tc\\N'], "p": [0.5, np.nan, float(day)], "at": [at, pd.NaT, at],
             "first": pd.array([True, None, False], dtype="boolean"), "n": pd.array([1, None, 3], dtype="Int64"),
             "ds": pd.to_datetime(["2024-03-01", None, "2024-03-02"])}
        )
    }  # fmt: skip
    stages = [Stage("risk", usual | tables, (Finding("2 cases.", audience="everyone"),), {"k": 1}, {"open": 2.0})]
    with replace_folder(folder) as staging:
        write_stages(stages, staging, version="1", fingerprint="f", instants=Instants(at, at, datetime.now(UTC)))
        (staging / "report.html").write_text(f"night {day}")
    return at


def ask(spec, query):
    engine = create_engine(make_url(spec.database).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        return connection.execute(text(query)).all()


def test_what_is_read_is_what_the_folder_holds_and_tables_are_plain_sql(spec, tmp_path):
    night(tmp_path / "results", 1)
    copy_results(spec, tmp_path / "results")
    ours, theirs = read_results(tmp_path / "results"), read_database_results(spec)
    pd.testing.assert_frame_equal(ours.tables["risk"], theirs.tables["risk"])
    assert (ours.made_at, ours.as_of, ours.findings) == (theirs.made_at, theirs.as_of, theirs.findings)
    rows = ask(spec, f"SELECT case_id, p, first, n FROM {spec.schema}.risk ORDER BY n NULLS LAST")
    assert rows == [("C1", 0.5, True, 1), ('a"b\tc\\N', 1.0, False, 3), (None, None, None, None)]


@pytest.mark.parametrize("name", ["vip %", "100%s", 'the "best"', "a:b", "x" * 70])
def test_a_column_of_any_name_is_copied(spec, tmp_path, name):
    table = pd.DataFrame({name: ["yes", None], "n": [1, 2]})
    night(tmp_path / "results", 1, history=table)
    copy_results(spec, tmp_path / "results")
    rows = ask(spec, f"SELECT * FROM {spec.schema}.history ORDER BY n")
    assert rows == [("yes", 1), (None, 2)]
    assert rows[0]._fields[0] == name[:63]  # PostgreSQL cuts longer ones


def test_a_copy_that_breaks_is_named_and_leaves_the_last_results(spec, tmp_path, monkeypatch):
    first = night(tmp_path / "results", 1)
    copy_results(spec, tmp_path / "results")
    night(tmp_path / "results", 2)
    monkeypatch.setattr(database_results, "_values", lambda values: ["no number"] * len(values))
    with pytest.raises(InputError, match=r"the results cannot be written: .*no number"):
        copy_results(spec, tmp_path / "results")
    assert read_database_results(spec).as_of == first


def test_a_run_takes_the_place_of_the_last_one_and_earlier_ones_are_kept_for_a_while(spec, tmp_path):
    instants = []
    for day in (1, 2, 2, 15):  # the second of a day replaces the first
        extra = {"goals": pd.DataFrame({"x": [1]})} if day == 1 else {}
        instants.append(night(tmp_path / "results", day, **extra))
        copy_results(spec, tmp_path / "results")
        if day == 2:
            assert read_database_results(spec, instants[0]).as_of == instants[0]
            assert "goals" in read_database_results(spec, instants[0]).tables
    assert read_database_results(spec).as_of == instants[-1]
    assert [at for (at,) in ask(spec, f"SELECT as_of FROM {spec.schema}._runs")] == instants[-1:]
    tables = ask(spec, f"SELECT tablename FROM pg_tables WHERE schemaname = '{spec.schema}' ORDER BY 1")
    assert [name for (name,) in tables] == ["_files", "_runs", "risk"]
    with pytest.raises(InputError, match="no results of this instant"):
        read_database_results(spec, instants[0])


@pytest.mark.parametrize("step", ["_replace_tables", "_copy_table"])
def test_a_copy_that_is_cut_short_leaves_the_last_results_whole(spec, tmp_path, monkeypatch, step):
    first = night(tmp_path / "results", 1)
    copy_results(spec, tmp_path / "results")
    night(tmp_path / "results", 2)

    def cut(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(database_results, step, cut)
    with pytest.raises(KeyboardInterrupt):
        copy_results(spec, tmp_path / "results")
    assert read_database_results(spec).as_of == first
    assert ask(spec, f"SELECT max(p) FROM {spec.schema}.risk") == [(1.0,)]


def test_a_server_that_is_away_and_an_empty_one_are_named_without_a_password(spec, tmp_path):
    night(tmp_path / "results", 1)
    away = ResultsSpec(database="postgresql://ann:s3cret@127.0.0.1:1/desk")
    with pytest.raises(InputError, match="cannot be written") as refused:
        copy_results(away, tmp_path / "results")
    assert "s3cret" not in str(refused.value)
    with pytest.raises(InputError, match="missing results"):
        read_database_results(spec)


def test_the_report_is_written_from_the_database(spec, tmp_path):
    from deskcast.pipelines.commands.report import read_last_results
    from deskcast.pipelines.project.config import parse_config

    at = night(tmp_path / "results", 3)
    copy_results(spec, tmp_path / "results")
    shutil.rmtree(tmp_path / "results")
    raw = {"source": {"cases": {"path": "c.csv"}}, "results": {"database": spec.database, "schema": spec.schema}}
    assert read_last_results(parse_config(raw, folder=tmp_path)).as_of == at
