"""A CSV file that is read in pieces gives what it gives at once, row for row and refusal for refusal."""

from dataclasses import replace

import pandas as pd
import pytest
from deskcast.features.sources import large_exports
from deskcast.features.sources.large_exports import cut_lines, read_in_pieces
from deskcast.features.sources.spec import SourceSpec
from deskcast.pipelines.project.config import parse_config
from deskcast.pipelines.project.engine_specs import EngineSpec
from deskcast.pipelines.project.project import open_project
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Take every file for a large one, and cut it into small pieces."""
    monkeypatch.setitem(large_exports.read_in_pieces.__kwdefaults__, "large", 0)
    monkeypatch.setitem(large_exports.read_in_pieces.__kwdefaults__, "size", 1500)


CASES = {"case_id": "Key", "created_at": "Opened", "closed_at": "Closed", "team": "Team"}


GERMAN, POLISH = ("Größe prüfen", "Österreich"), ("Pilność średnia", "Zgłoszenie przyjęte")


def lines(n=150, opened="2024-03-{:02d} 09:{:02d}", again=(), teams=GERMAN):
    rows = ["Key,Opened,Closed,Team,Note"]
    for i in range(n):
        at, end = opened.format(1 + i % 28, i % 60), f"2024-04-{1 + i % 28:02d} 10:00"
        at = "soon" if i in (40, 120) else at
        note = '"two\nlines, and a ""quote"""' if i % 7 == 0 else f"n{i}"
        rows.append(f"{'' if i == 77 else i},{at},{end if i % 3 else ''},{'?' if i == 9 else teams[i % 2]},{note}")
    return "\n".join([*rows, *again]) + "\n"


def both(folder, text, source, encoding="utf-8"):
    """Open a project at once and in pieces."""
    (folder / "t.csv").write_text(text, encoding=encoding)
    config = parse_config(
        {"source": {"cases": {"path": "t.csv", **source}}, "timezone": "Europe/Lisbon"}, folder=folder
    )
    return open_project(config), open_project(replace(config, engine=EngineSpec(memory="500MB")))


def assert_same(one, other):
    """Hold the logs and the refused rows of two projects against each other."""
    assert (one.log.until, one.log.attributes) == (other.log.until, other.log.attributes)
    pd.testing.assert_frame_equal(one.rejected, other.rejected[list(one.rejected.columns)])
    assert set(one.log.tables) == set(other.log.tables)
    for name in one.log.tables:
        rows = one.log.frame(name)
        key = ["case_id", *(["seq"] if name == "events" else [])]
        more = other.log.frame(name)[list(rows.columns)]
        pd.testing.assert_frame_equal(
            rows.sort_values(key, ignore_index=True), more.sort_values(key, ignore_index=True)
        )


@pytest.mark.parametrize(("encoding", "teams"), [("utf-8", GERMAN), ("cp1252", GERMAN), ("cp1250", POLISH)])
def test_a_table_of_cases_in_pieces_is_that_at_once(tmp_path, encoding, teams):
    source = {"columns": CASES, "attributes": {"Note": "creation"}, "until": "2024-05-01"}
    one, other = both(tmp_path, lines(teams=teams), source, encoding)
    assert teams[0] in set(other.log.frame("cases")["team"])
    assert_same(one, other)
    told = "SELECT table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
    assert not {"cases", "events"} & {
        name for (name,) in other.log.table("cases").get_backend().raw_sql(told).fetchall()
    }
    assert len(read_in_pieces(SourceSpec("cases", "t.csv", columns=CASES), tmp_path, tmp_path / "p").rejected) > 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (lines(again=["3,2024-03-09 09:00,,a,x"]), "a case comes again"),
        (lines(opened="{:02d}/03/2024 09:{:02d}"), "no value tells day and month apart"),
        ("A report\n\n" + lines(), "lines above the header"),
        (lines() + lines(teams=POLISH).partition("\n")[2].replace("\n1", "\n9"), "two code pages"),
    ],
)
def test_what_only_the_whole_file_tells_is_read_at_once(tmp_path, text, why):
    assert_same(*both(tmp_path, text, {"columns": CASES}, "cp1250" if why == "two code pages" else "utf-8"))


@pytest.mark.parametrize(
    ("column", "first", "later"),
    [("amount", "1.204", "2.310,50"), ("amount", "7.5", "unknown"), ("csat", "Good", "Very good")],
)
def test_a_value_means_in_a_piece_what_it_means_in_the_whole_column(tmp_path, column, first, later):
    rows = [f"{i},2024-03-{1 + i % 28:02d} 09:00,2024-04-02 10:00,{first}" for i in range(150)]
    text = "\n".join(["Key;Opened;Closed;Value", *(row.replace(",", ";") for row in rows)])
    source = {"columns": {"case_id": "Key", "created_at": "Opened", "closed_at": "Closed", column: "Value"}}
    one, other = both(tmp_path, f"{text}\n999;2024-03-02 09:00;2024-04-02 10:00;{later}\n", source)
    assert_same(one, other)
    told = one.log.frame("cases")["amount"] if column == "amount" else one.log.frame("surveys")["score"]
    assert told.iloc[0] == {"1.204": 1204, "7.5": 7.5, "Good": 4}[first]


def test_events_are_numbered_over_all_pieces(tmp_path):
    rows = [
        f"{i % 9},2024-03-{1 + (i * 5) % 28:02d} 09:00,{'assigned' if i % 2 else 'status'},s{i}" for i in range(200)
    ]
    (tmp_path / "e.csv").write_text("\n".join(["Key,At,What,New", *rows]) + "\n")
    (tmp_path / "c.csv").write_text("\n".join(["Key,Opened", *[f"{i},2024-03-01 08:00" for i in range(9)]]) + "\n")
    events = {"path": "e.csv", "columns": {"case_id": "Key", "at": "At", "kind": "What", "new": "New"}}
    cases = {"path": "c.csv", "columns": {"case_id": "Key", "created_at": "Opened"}}
    config = parse_config({"source": {"cases": cases, "events": events}}, folder=tmp_path)
    one, other = open_project(config), open_project(replace(config, engine=EngineSpec(memory="500MB")))
    assert_same(one, other)
    assert other.log.frame("events")["seq"].max() > 10


@settings(max_examples=20, deadline=None)
@given(
    rows=st.lists(st.lists(st.text('ab",\n', max_size=6), min_size=1, max_size=3), max_size=20), size=st.integers(1, 40)
)
def test_pieces_end_with_lines_and_hold_all_bytes(tmp_path_factory, rows, size):
    cells = [[c.replace('"', '""') for c in row] for row in rows]
    text = "".join(",".join(f'"{c}"' for c in row) + "\n" for row in cells).encode()
    file = tmp_path_factory.mktemp("cut") / "t.csv"
    file.write_bytes(text)
    pieces = list(cut_lines(file, size))
    assert b"".join(pieces) == text
    assert all(p.endswith(b"\n") and p.count(b'"') % 2 == 0 for p in pieces)
