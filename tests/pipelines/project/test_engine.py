"""[engine]: tables that stay in files give the log that memory gives, and what cannot stay is read as ever."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from deskcast.features.case_log.bounded_engine import connect_bounded, find_folder
from deskcast.features.errors import EngineError, InputError
from deskcast.pipelines.commands.exit_codes import end_with_exit_code
from deskcast.pipelines.commands.run import run
from deskcast.pipelines.project.config import parse_config
from deskcast.pipelines.project.engine_specs import EngineSpec
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.stages import check
from deskcast.pipelines.store.results import read_results, replace_folder, write_stages
from deskcast.pipelines.words.instants import Instants
from hypothesis import given, settings
from hypothesis import strategies as st

IN_PLACE = EngineSpec(kind="duckdb", memory="500MB")


def both(raw, folder):
    """Open a project in memory and in place."""
    config = parse_config(raw, folder=folder)
    return open_project(config), open_project(replace(config, engine=IN_PLACE))


def assert_same(one, other):
    """Hold all that an opened project knows against that of another."""
    assert (one.log.until, one.log.timezone, one.log.attributes) == (
        other.log.until,
        other.log.timezone,
        other.log.attributes,
    )
    assert (one.notes, one.fingerprint) == (other.notes, other.fingerprint)
    assert one.rejected[["column", "value", "reason"]].equals(other.rejected[["column", "value", "reason"]])
    assert set(one.log.tables) == set(other.log.tables)
    for name in one.log.tables:
        rows, more = one.log.frame(name), other.log.frame(name)[list(one.log.frame(name).columns)]
        order = list(rows.columns)
        pd.testing.assert_frame_equal(
            rows.sort_values(order, ignore_index=True), more.sort_values(order, ignore_index=True)
        )


def is_in_place(project, table):
    """Return whether a table is read from its file."""
    rows = project.log.tables[table]
    return "read_parquet" in rows.get_backend().compile(rows)


def test_the_tables_of_a_simulated_desk_stay_in_their_files(tmp_path):
    write_desk(simulate_desk(300), tmp_path)
    config = tmp_path / "deskcast.toml"
    memory = open_project(config)
    config.write_text(config.read_text() + '\n[engine]\nkind = "duckdb"\nmemory = "500MB"\n')
    place = open_project(config)
    assert_same(memory, place)
    assert all(is_in_place(place, name) for name in ("cases", "events", "contacts", "surveys"))


AT = pd.date_range("2024-03-01T09:30Z", periods=40, freq="7h")
CASES = pd.DataFrame({"case_id": [f"{i:02d}" for i in range(40)], "created_at": AT, "team": "a", "plan": "gold"})
EVENTS = pd.DataFrame({"case_id": CASES["case_id"], "seq": 0, "at": AT, "kind": "created"})
ZERO = pd.Timestamp(0, tz="UTC")
FAULTS = {
    "a case twice": lambda c, e: (pd.concat([c, c.head(1)]), e),
    "no time": lambda c, e: (c.assign(created_at=c["created_at"].mask(c.index == 3)), e),
    "a mark for none": lambda c, e: (c.assign(team=c["team"].mask(c.index == 3, "?")), e),
    "an event twice": lambda c, e: (c, pd.concat([e, e.head(2)])),
    "an unknown kind": lambda c, e: (c, e.assign(kind=e["kind"].mask(e.index == 5, "sung"))),
    "no number": lambda c, e: (c, e.drop(columns="seq")),
    "ids that are numbers": lambda c, e: (c.assign(case_id=c["case_id"].astype(int)), e),
    "times without a zone": lambda c, e: (c.assign(created_at=c["created_at"].dt.tz_localize(None)), e),
    "ends beside the cases": lambda c, e: (c.assign(closed_at=c["created_at"] + pd.Timedelta("1D")), e),
    "the zero of a clock": lambda c, e: (c.assign(created_at=c["created_at"].mask(c.index == 3, ZERO)), e),
}  # fmt: skip


def write_tables(folder, cases, events, surveys=None):
    cases.to_parquet(folder / "cases.parquet", index=False)
    events.to_parquet(folder / "events.parquet", index=False)
    raw = {"source": {name: {"path": f"{name}.parquet"} for name in ("cases", "events")}}
    if surveys is not None:
        surveys.to_parquet(folder / "surveys.parquet", index=False)
        raw["source"]["surveys"] = {"path": "surveys.parquet"}
    return raw


@pytest.mark.parametrize("fault", FAULTS)
def test_what_memory_would_refuse_or_change_is_read_into_memory(tmp_path, fault):
    memory, place = both(write_tables(tmp_path, *FAULTS[fault](CASES, EVENTS)), tmp_path)
    assert_same(memory, place)
    assert not is_in_place(place, "cases")


@settings(max_examples=3, deadline=None)
@given(st.data())
def test_any_clean_tables_give_the_same_log(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("desk")
    hours = data.draw(st.lists(st.integers(0, 900), min_size=25, max_size=40))
    day = data.draw(st.booleans())
    at = pd.Timestamp("2024-03-01T00:00Z") + pd.to_timedelta([h * (24 if day else 1) for h in hours], unit="h")
    if data.draw(st.booleans()):
        at = at.insert(0, pd.Timestamp("2062-03-01T00:00Z"))  # a stray
    cases = pd.DataFrame({"case_id": [f"c{i}" for i in range(len(at))], "created_at": at})
    events = pd.DataFrame({"case_id": cases["case_id"], "seq": 1, "at": at, "kind": "created"})
    surveys = pd.DataFrame({"survey_id": ["1", "2"], "kind": "csat", "case_id": ["c1", "gone"], "offered_at": at[1:3]})
    raw = write_tables(folder, cases, events, surveys if data.draw(st.booleans()) else None)
    if data.draw(st.booleans()):
        raw["source"]["cases"] |= {"since": "2024-03-02", "until": "2024-03-20"}
    memory, place = both(raw | {"timezone": data.draw(st.sampled_from(["UTC", "Europe/Lisbon"]))}, folder)
    assert_same(memory, place)
    assert is_in_place(place, "cases")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [("kind", "duck", "unknown engine"), ("memory", "2", "not a size"), ("backend", "spark", "unknown backend")],
)
def test_a_key_that_cannot_be_used_is_named(tmp_path, key, value, words):
    with pytest.raises(InputError, match=rf"\[engine\]: key '{key}'.*{words}"):
        parse_config({"source": {"cases": {"path": "c.csv"}}, "engine": {key: value}}, folder=tmp_path)


def test_a_full_temporary_folder_is_said_in_one_line(tmp_path):
    base = connect_bounded("40MB", tmp_path)
    base.raw_sql("SET max_temp_directory_size = '1MB'")
    with pytest.raises(EngineError, match=r"temporary folder are full \(set \[engine\] memory higher") as full:
        base.raw_sql("SELECT count(*) FROM (SELECT DISTINCT hash(i), i FROM range(9000000) AS t(i))").fetchone()
    assert full.value.told.code == "memory.full"


def test_a_stage_without_room_ends_the_run_with_one_line_and_leaves_the_last_results(tmp_path, monkeypatch, capsys):
    def no_room(_):
        raise EngineError(InputError("the memory of the engine is full", hint="more", code="memory.full"))

    raw = write_tables(tmp_path, CASES, EVENTS)
    project = open_project(parse_config(raw, folder=tmp_path))
    monkeypatch.setattr(check, "check_stage", no_room)
    instants = Instants.now(project.data_until, project.as_of)
    with replace_folder(project.results_folder) as staging:
        write_stages((Stage("check"),), staging, version="1", fingerprint="last night", instants=instants)
    with pytest.raises(SystemExit) as end:
        end_with_exit_code(lambda: run(project, record_runs=False))
    assert end.value.code == 2
    assert capsys.readouterr().err == "deskcast: the memory of the engine is full (more) [memory.full]\n"
    assert read_results(project.results_folder).fingerprint == "last night"


def test_the_folder_goes_with_its_process_and_what_a_killed_one_left_with_the_next(tmp_path):
    script = (
        f"from deskcast.features.case_log.bounded_engine import connect_bounded as c; b = c(None, {str(tmp_path)!r})"
    )
    for end, left in (("", 0), ("; import os; os._exit(9)", 1)):
        subprocess.run([sys.executable, "-c", script + end], check=False, env=dict(os.environ))
        assert len(list(Path(tmp_path).glob("deskcast-engine-*"))) == left
    mine = find_folder(connect_bounded(None, tmp_path))
    assert [p for p in Path(tmp_path).glob("deskcast-engine-*") if p != mine] == []
