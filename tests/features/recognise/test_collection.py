"""Many files together: children are never cases, look-ups and pictures are named, and one table may be many files."""

import datetime as dt
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from deskcast.features import InputError, case_history
from deskcast.features.recognise.collection import look_at
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from deskcast.features.sources.versions import mark_older_rows
from deskcast.pipelines.init.init import write_config
from deskcast.pipelines.project.project import open_project
from hypothesis import given, settings
from hypothesis import strategies as st

FIXTURES = Path(__file__).parents[2] / "fixtures"
START = dt.datetime(2025, 3, 3, 9)


def conversations(folder, count=60):
    """Write conversations, their messages (one of the customer, one of an agent an hour later) and their steps."""
    head = "id,display_id,status,created_at,contact_id\n"
    talk = "id,conversation_id,message_type,private,sender_type,created_at\n"
    steps = "id,name,conversation_id,created_at\n"
    for i in range(1, count + 1):
        at = START + dt.timedelta(hours=5 * i)
        head += f"{1000 + i},{i},{1 if i % 5 else 0},{at},{100 + i % 20}\n"
        talk += f"{3 * i},{1000 + i},0,f,Contact,{at}\n{3 * i + 1},{1000 + i},1,t,User,{at + dt.timedelta(minutes=5)}\n"
        talk += f"{3 * i + 2},{1000 + i},1,f,User,{at + dt.timedelta(hours=1)}\n"
        steps += f"{i},conversation_resolved,{1000 + i},{at + dt.timedelta(hours=9)}\n" if i % 5 else ""
    for name, text in (("conversations", head), ("messages", talk), ("steps", steps)):
        (folder / f"{name}.csv").write_text(text)
    return [folder / f"{n}.csv" for n in ("conversations", "messages", "steps")]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_messages_and_steps_are_events_of_their_conversation(tmp_path, order):
    files = conversations(tmp_path)
    project = open_project(write_config([files[i] for i in order], tmp_path / "made"))
    rows = case_history(project.log)
    assert len(rows) == 60
    assert rows["first_response_s"].tolist() == [3600.0] * 60  # the note after five minutes is no answer
    assert rows["resolution_s"].notna().sum() == 48
    created = project.log.frame("events").query("kind == 'created'")
    assert created.groupby("case_id").size().tolist() == [1] * 60


def test_a_child_without_words_is_named_and_never_a_case(tmp_path):
    files = conversations(tmp_path)[:1]
    rows = "".join(f"{i},{1000 + i % 60 + 1},{i % 3},{START + dt.timedelta(hours=i)}\n" for i in range(200))
    (tmp_path / "articles.csv").write_text("id,ticket_id,sender_id,created_at\n" + rows)
    (tmp_path / "hours.csv").write_text(
        "id,ticket_id,minutes\n" + "".join(f"{i},{1001 + i % 60},5\n" for i in range(99))
    )
    (tmp_path / "states.csv").write_text("id,name\n1,new\n2,open\n")
    found = look_at([*files, tmp_path / "articles.csv", tmp_path / "hours.csv", tmp_path / "states.csv"])
    assert [s.path.name for s in found.seen] == ["conversations.csv"]
    said = dict(found.passed_over)
    assert "no cases of their own" in said["articles.csv"]
    assert "no cases of their own" in said["hours.csv"]
    assert "missing column of times" in said["states.csv"]


def test_a_folder_of_three_systems_and_other_things(tmp_path):
    folder = tmp_path / "all"
    folder.mkdir()
    for system in ("zendesk", "servicenow", "jira"):
        for file in (FIXTURES / system).iterdir():
            shutil.copy(file, folder / file.name)
    (folder / "teams.csv").write_text("id,name\n1,First line\n2,Second line\n")
    (folder / "manual.pdf").write_bytes(b"%PDF-1.4")
    (folder / "scan.csv").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "note.txt").write_text("The export of our desk\nmade by hand\n")
    found = look_at([folder])
    assert sorted(s.kind for s in found.seen) == ["jira", "servicenow", "zendesk"]
    said = dict(found.passed_over)
    assert set(said) == {"teams.csv", "manual.pdf", "scan.csv", "note.txt"}
    assert "a picture" in said["scan.csv"]
    text = write_config([folder], tmp_path).read_text()
    assert "#   manual.pdf: no table by its name" in text
    assert len(open_project(tmp_path / "deskcast.toml").log.frame("cases")) >= 5


def test_nothing_to_use_names_every_file(tmp_path):
    (tmp_path / "a.csv").write_text("id,name\n1,x\n2,y\n")
    (tmp_path / "b.csv").write_bytes(b"%PDF-1.4")
    with pytest.raises(InputError, match=r"none of the files can be used.*b\.csv.*a\.csv"):
        look_at([tmp_path / "a.csv", tmp_path / "b.csv"])


COLUMNS = {"case_id": "id", "created_at": "opened", "closed_at": "closed", "priority": "prio"}


def snapshots(folder):
    old = ("1,2024-03-01,2024-03-02,high,2024-03-02", "2,2024-03-05,,low,2024-03-06")
    new = ("2,2024-03-05,2024-03-12,high,2024-03-12", "3,2024-03-15,,low,2024-03-15")
    for name, rows in (("a.csv", old), ("b.csv", new)):
        (folder / name).write_text("\n".join(["id,opened,closed,prio,touched", *rows]) + "\n")


@pytest.mark.parametrize("given", [{"path": "*.csv"}, {"files": ("b.csv", "a.csv")}, {"path": "."}])
def test_the_newest_row_of_a_case_wins_whatever_the_order(tmp_path, given):
    snapshots(tmp_path)
    loaded = load_source(SourceSpec("cases", columns=COLUMNS, **given), tmp_path)
    events = loaded.tables["events"]
    assert events[events["kind"] == "closed"]["case_id"].tolist() == ["1", "2"]
    refused = loaded.rejected.iloc[0]
    assert (refused["row"], "a newer row" in refused["reason"], refused["file"]) == (2, True, "a.csv")


def test_earlier_rows_are_the_history_of_a_case(tmp_path):
    snapshots(tmp_path)
    spec = SourceSpec("cases", "*.csv", columns={**COLUMNS, "updated_at": "touched"})
    loaded = load_source(spec, tmp_path)
    assert loaded.tables["cases"].set_index("case_id")["priority"].to_dict() == {"1": "high", "2": "low", "3": "low"}
    change = loaded.tables["events"].query("kind == 'priority'").iloc[0]
    assert (change["case_id"], change["old"], change["new"]) == ("2", "low", "high")
    assert change["at"] == pd.Timestamp("2024-03-12", tz="UTC")


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 9)), min_size=1, max_size=20))
def test_just_one_row_of_each_case_is_kept_and_it_is_the_newest(rows):
    cast = pd.DataFrame(rows, columns=["case_id", "day"])
    cast["updated_at"] = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(cast["day"], unit="D")
    cast["case_id"] = cast["case_id"].astype("str")
    older = mark_older_rows(cast, pd.Series(True, index=cast.index).to_numpy())
    kept = cast[~older]
    assert not kept["case_id"].duplicated().any()
    assert kept.set_index("case_id")["day"].to_dict() == cast.groupby("case_id")["day"].max().to_dict()


@pytest.mark.parametrize("address", ["sqlite:///desk.db", "sqlite:///{folder}/desk.db"])
def test_a_database_file_is_read_by_its_address(tmp_path, address):
    with sqlite3.connect(tmp_path / "desk.db") as connection:
        connection.execute("CREATE TABLE tickets (id INTEGER, opened TEXT, closed TEXT, prio TEXT)")
        connection.execute("INSERT INTO tickets VALUES (7, '2024-03-01 09:00', NULL, 'high')")
    spec = SourceSpec("cases", database=address.format(folder=tmp_path), relation="tickets", columns=COLUMNS)
    assert load_source(spec, tmp_path).tables["cases"]["case_id"].tolist() == ["7"]
    with pytest.raises(InputError, match=r"unknown table.*did you mean 'tickets'"):
        load_source(replace(spec, relation="ticket"), tmp_path)
    with pytest.raises(InputError, match=r"unknown kind of database.*got 'oracle'.*mysql://.*sqlite:///FILE"):
        load_source(replace(spec, database="oracle://u@h/d"), tmp_path)
