"""One log in many threads and in other processes, and what it shows of itself."""

import copy
import pickle
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ibis
import pandas as pd
import pytest
from deskcast.features import BusinessCalendar, CaseLog, case_history, kpi_history
from deskcast.features.case_log.cache import compute_once
from deskcast.features.case_log.engine_lock import connect_duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

KPIS = ["cases_opened", "first_response_time", "backlog", "resolution_time_business"]


def frames(count=60):
    at = pd.date_range("2024-03-01", periods=count, freq="5h", tz="UTC")
    ids = [f"c{i}" for i in range(count)]
    told = {"created": ("0h", "customer"), "message": ("1h", "agent"), "resolved": ("7h", "agent")}
    events = [
        pd.DataFrame({"case_id": ids, "at": at + pd.Timedelta(wait), "kind": kind, "actor_role": role, "public": True})
        for kind, (wait, role) in told.items()
    ]
    channel = ["phone", "web", None] * (count // 3)
    cases = pd.DataFrame({"case_id": ids, "created_at": at, "channel": channel, "plan": "gold"})
    return {"cases": cases, "events": pd.concat(events)}


def made(**more):
    office = BusinessCalendar.from_hours("Europe/Lisbon", {"mon-fri": ["09:00-18:00"]})
    more = {"calendars": {"office": office}, "timezone": "Europe/Lisbon", "attributes": {"plan": "creation"}} | more
    return CaseLog.from_frames(**frames(), **more)


def asked(log):
    return [
        kpi_history(log, KPIS[:2], by=["channel"]),
        case_history(log.as_of("2024-03-06T00:00Z")),
        log.frame("cases"),
    ]


@pytest.mark.slow
def test_eight_threads_ask_one_log_at_once_and_get_what_one_gets():
    right = asked(made())
    log = made()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: asked(log), range(8)))
    for answers in found:
        for one, other in zip(answers, right, strict=True):
            pd.testing.assert_frame_equal(one, other)


def test_a_connection_of_the_user_serves_many_threads_too():
    base = ibis.duckdb.connect()
    for name, frame in frames().items():
        base.create_table(name, frame.assign(seq=range(len(frame))) if name == "events" else frame)
    log = CaseLog.from_connection(base)
    with ThreadPoolExecutor(8) as threads:
        found = list(
            threads.map(lambda _: len(log.frame("events")) + int(base.table("cases").count().execute()), range(32))
        )
    assert found == [240] * 32


def test_threads_that_ask_for_the_same_thing_make_it_once():
    log, count = made(), []
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: compute_once(log, "thing", lambda: count.append(1) or len(count)), range(8)))
    assert (found, count) == ([1] * 8, [1])


@pytest.fixture(scope="module")
def whole():
    return made()


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from(["2024-03-02T00:00Z", "2024-03-05T12:00Z", "2024-03-20T00:00Z"]), max_size=2))
def test_a_pickled_log_holds_the_same(whole, cuts):
    log = whole
    for t in cuts:
        log = log.as_of(t)
    again = pickle.loads(pickle.dumps(log))
    assert (again.until, again.timezone, again.attributes) == (log.until, log.timezone, log.attributes)
    assert again.calendars == log.calendars
    for name in log.tables:
        assert again.table(name).schema() == log.table(name).schema()
        pd.testing.assert_frame_equal(again.frame(name), log.frame(name))


def test_a_pickled_log_answers_as_the_first(whole):
    again = pickle.loads(pickle.dumps(whole))
    pd.testing.assert_frame_equal(kpi_history(again, KPIS), kpi_history(whole, KPIS))


def test_a_log_over_files_opens_them_again_and_carries_no_row(tmp_path):
    base = made()
    for name in base.tables:
        base.frame(name).to_parquet(tmp_path / f"{name}.parquet")
    log = CaseLog.from_parquet(tmp_path, threads=1, attributes={"plan": "creation"}).as_of("2024-03-05T00:00Z")
    carried = pickle.dumps(log)
    assert b"c17" not in carried
    assert tmp_path.name.encode() in carried
    pd.testing.assert_frame_equal(case_history(pickle.loads(carried)), case_history(log))
    later = base.frame("cases").assign(created_at=lambda f: f["created_at"] + pd.Timedelta(days=365))
    later.to_parquet(tmp_path / "cases.parquet")
    assert pickle.loads(carried).until == log.until  # it ends where it did, whatever was added to the files


def test_tables_that_were_put_into_a_log_come_along(tmp_path):
    from dataclasses import replace

    base = made()
    for name in base.tables:
        base.frame(name).to_parquet(tmp_path / f"{name}.parquet")
    log = CaseLog.from_parquet(tmp_path)
    fewer = replace(log, tables={**log.tables, "cases": log.table("cases").limit(1)})
    for changed in (fewer, fewer.as_of("2024-03-20T00:00Z")):
        assert len(pickle.loads(pickle.dumps(changed)).frame("cases")) == 1


def test_a_copy_of_a_value_is_the_value():
    log = made()
    assert copy.copy(log) is log
    assert copy.deepcopy({"log": log})["log"] is log


@pytest.mark.parametrize("form", [repr, CaseLog._repr_html_], ids=["text", "html"])
def test_a_log_shows_a_few_lines(form):
    shown = form(made())
    assert len(shown) < 600
    assert len(shown.splitlines()) <= 6
    for word in ("CaseLog", "cases", "events", "Europe/Lisbon", "office", "plan", "2024-03"):
        assert word in shown


def test_files_that_were_named_from_one_folder_are_opened_again_from_another(tmp_path, monkeypatch):
    (tmp_path / "rows" / "cases").mkdir(parents=True)
    frames()["cases"].to_parquet(tmp_path / "rows" / "cases" / "part.parquet")
    frames()["events"].assign(seq=range(180)).to_parquet(tmp_path / "rows" / "events.parquet")
    monkeypatch.chdir(tmp_path)
    for files in ("rows", {"cases": "rows/cases", "events": "rows/events.parquet"}):
        packed = pickle.dumps(CaseLog.from_parquet(files))
        monkeypatch.chdir("/")
        assert len(pickle.loads(packed).frame("cases")) == 60
        monkeypatch.chdir(tmp_path)


def test_what_does_not_fit_into_memory_goes_to_no_folder_beside_the_users_files():
    base = connect_duckdb()
    spill = base.raw_sql("SELECT current_setting('temp_directory')").fetchone()[0]
    assert Path(spill).parent == Path(tempfile.gettempdir())
