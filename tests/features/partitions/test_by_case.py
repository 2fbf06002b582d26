"""Parts of the cases: the same bytes with 1, 2 and 7 parts, and wherever they are worked on."""

import os
import shutil
import signal

import pandas as pd
import pytest
from deskcast.features import CaseLog, case_history, milestones, snapshots
from deskcast.features.case_log.cache import remember
from deskcast.features.case_log.engines import connect_engine, load_frame
from deskcast.features.cases.history import case_history_in_parts
from deskcast.features.errors import EngineError, InputError
from deskcast.features.labels import breach_labels, escalation_labels, reopen_labels
from deskcast.features.partitions import by_case
from deskcast.features.sla.milestones import milestones_in_parts
from deskcast.features.snapshots.looks import look_in_parts
from deskcast.features.snapshots.snapshots import _put_together
from deskcast.pipelines.init.init import write_config
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk

PARTS = (pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(7, marks=pytest.mark.slow))
REAL_LOGS = (
    "helpdesk_italy/helpdesk.csv.gz",
    "servicenow_incidents/incident_event_log_opened_before_2016-05.csv.gz",
)
LOOKS = {
    "instants": lambda log: log.until - pd.to_timedelta([0, 1, 30], unit="D"),
    "creation": lambda log: "creation",
    "updates": lambda log: "updates",
    "pairs": lambda log: log.frame("cases").head(200).rename(columns={"created_at": "at"})[["case_id", "at"]],
}


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    write_desk(simulate_desk(300), folder)
    config = folder / "deskcast.toml"
    config.write_text(config.read_text() + '\n[engine]\nkind = "duckdb"\n')
    return open_project(config).log


def assert_identical(one, other):
    """Hold frames against each other to the byte."""
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def look(log, at, parts, share=1.0):
    return _put_together(log, look_in_parts(log, "resolution", at, parts, share), "resolution")


@pytest.mark.parametrize("parts", PARTS)
def test_milestones_are_the_same_in_parts(log, parts):
    assert_identical(milestones_in_parts(log, True, parts), milestones(log, as_recorded=True))


@pytest.mark.parametrize("parts", PARTS)
def test_case_histories_are_the_same_in_parts(log, parts):
    assert_identical(case_history_in_parts(log, parts), case_history(log))


@pytest.mark.parametrize("parts", PARTS)
def test_snapshots_are_the_same_in_parts(log, parts):
    at = LOOKS["instants"](log)
    assert_identical(look(log, at, parts), snapshots(log, at, "resolution"))


@pytest.mark.slow
@pytest.mark.parametrize("parts", [2, 7])
@pytest.mark.parametrize("way", ["creation", "updates", "pairs"])
def test_snapshots_of_every_kind_are_the_same_in_parts(log, way, parts):
    at = LOOKS[way](log)
    assert_identical(look(log, at, parts), snapshots(log, at, "resolution"))


def cut(log, parts):
    """Return a log of which nothing was kept, and which is worked on in parts."""
    again = log.as_of(log.until)
    remember(again, {"parts": parts})
    return again


@pytest.mark.parametrize("parts", PARTS)
def test_labels_are_the_same_in_parts(log, parts):
    whole = (breach_labels(log, with_decision=True), escalation_labels(log, to=["*"]), reopen_labels(log))
    again = cut(log, parts)
    parted = (breach_labels(again, with_decision=True), escalation_labels(again, to=["*"]), reopen_labels(again))
    for one, other in zip(whole, parted, strict=True):
        assert_identical(one, other)


def test_a_share_of_the_cases_is_the_same_on_any_number_of_parts_and_changes_no_row(log):
    at = log.until - pd.to_timedelta(range(0, 360, 4), unit="D")
    every, some = snapshots(log, at), snapshots(log, at, share=0.4)
    assert_identical(look(log, at, 2, 0.4), some)
    assert 0.2 < (some["at"] < log.until).sum() / (every["at"] < log.until).sum() < 0.6
    assert (some["at"] == log.until).sum() == (every["at"] == log.until).sum()
    both = every.merge(some[["case_id", "at"]], on=["case_id", "at"])
    assert_identical(both, some)


def make_counter():
    """Return a function that other processes can be given by value."""

    def count_part(cases, moments, shared):
        return pd.DataFrame({"case_id": cases["case_id"], "n": len(moments), "until": shared.until})

    return count_part


count_part = make_counter()


KINDS = {"case_id": "str", "n": "int64", "until": "datetime64[us, UTC]"}


@pytest.mark.parametrize("backend", ["loop", "loky", "dask", "spark"])
def test_each_backend_gives_each_case_once(log, backend):
    if backend in ("dask", "spark"):
        pytest.importorskip({"dask": "dask", "spark": "pyspark"}[backend], reason=f"the extra '{backend}' is missing")
    if backend == "spark":
        if shutil.which("java") is None:
            pytest.skip("Spark needs Java")
        log = on_spark(log)
    made = by_case(log, count_part, KINDS, parts=3, backend=backend)
    assert sorted(made["case_id"]) == sorted(log.frame("cases")["case_id"])
    assert set(made["until"]) == {log.until}
    assert made["n"].drop_duplicates().sum() == len(log.frame("events"))


def test_spark_works_only_on_what_lies_there(log):
    with pytest.raises(InputError, match="not a log on Spark"):
        by_case(log, count_part, KINDS, parts=2, backend="spark")


def on_spark(log):
    """Return the log on a local Spark of two workers."""
    base = connect_engine("spark", "local[2]")
    tables = {name: load_frame(base, name, log.frame(name)) for name in ("cases", "events")}
    return CaseLog.from_connection(base, tables=tables, until=log.until)


def test_a_worker_that_is_ended_is_said_in_one_line_and_a_second_run_completes(log):
    def end_worker(cases, moments, shared):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(EngineError, match="a worker was ended before its part was done"):
        by_case(log, end_worker, KINDS, parts=2, backend="loky")
    assert len(by_case(log, count_part, KINDS, parts=2, backend="loky")) == len(log.frame("cases"))


def test_an_extra_that_is_missing_is_named(log, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "dask", None)
    with pytest.raises(InputError, match=r"Dask needs an extra.*deskcast\[dask\]"):
        by_case(log, count_part, KINDS, parts=2, backend="dask")


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL_LOGS)
def test_real_logs_are_the_same_in_parts(shared_data, tmp_path, name):
    config = write_config([shared_data(name)], tmp_path)
    config.write_text(
        config.read_text() + '\n[[sla]]\nmetric = "resolution"\ntarget = "3d"\n[engine]\nkind = "duckdb"\n'
    )
    log = cut(open_project(config).log, 1)
    at = log.until - pd.to_timedelta([0, 7, 60], unit="D")
    whole = (milestones(log, as_recorded=True), case_history(log), breach_labels(log, with_decision=True))
    for parts in (1, 2, 7):
        again = cut(log, parts)
        parted = (milestones_in_parts(again, True, parts), case_history_in_parts(again, parts))
        for one, other in zip(whole, (*parted, breach_labels(again, with_decision=True)), strict=True):
            assert_identical(one, other)
        seen = look_in_parts(again, "resolution", at, parts)
        assert_identical(_put_together(again, seen, "resolution"), snapshots(log, at))
