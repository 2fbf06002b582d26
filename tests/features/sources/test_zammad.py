"""Zammad: a small installation on a real server, and what becomes of its tickets; values worked out by hand."""

import shutil
import tempfile
from pathlib import Path

import pandas as pd
import psycopg
import pytest
import zammad_desk
from deskcast.features import CaseLog, InputError, case_history, kpi_history
from deskcast.features.sources import export
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from export_stories import make_log, refused, story
from helpdesk_dumps import create, dump_csv, dump_json, dump_sqlite
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def desk(postgres_uri, tmp_path_factory):
    """Give the address of the database, and the folder of its dumped tables."""
    folder = tmp_path_factory.mktemp("zammad")
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        create(connection, "zammad", zammad_desk.DDL, zammad_desk.make_rows())
        dump_csv(connection, "zammad", zammad_desk.DDL, folder / "csv")
        dump_json(connection, "zammad", zammad_desk.DDL, folder / "dump.json")
        dump_sqlite(connection, "zammad", zammad_desk.DDL, folder / "dump.db")
    return postgres_uri, folder


@pytest.fixture(scope="module")
def loaded(desk):
    return load_source(SourceSpec("cases", kind="zammad", database=desk[0], schema="zammad"))


def read_folder(folder, **settings):
    return load_source(SourceSpec("cases", str(folder), kind="zammad", **settings))


def test_the_story_of_a_ticket_that_was_reopened(loaded):
    assert story(loaded, "10001") == [
        "04 09:00 status state: - > new",
        "04 09:00 assigned team: - > Users",
        "04 09:00 field first_response: - > true",
        "04 09:00 field resolution: - > true",
        "04 09:00 message customer public",
        "04 09:00 message system public",
        "04 10:00 field first_response: - > decided",
        "04 10:00 status state: new > open",
        "04 10:00 message agent public",
        "04 10:00 assigned agent: - > 11",
        "04 12:00 field resolution: - > decided",
        "04 12:00 status state: open > closed",
        "04 12:00 resolved",
        "04 13:00 message customer public",
        "04 13:00 status state: closed > open",
        "04 13:00 reopened",
        "04 14:30 message agent public",
        "04 15:00 status state: open > closed",
        "04 15:00 resolved",
    ]


def test_teams_priorities_merges_and_states_of_the_desk_s_own(loaded):
    moved = story(loaded, "10004")
    assert [s for s in moved if "assigned team" in s] == [
        "04 10:20 assigned team: - > Users",
        "04 11:00 assigned team: Users > Field",
    ]
    assert "04 10:45 priority priority: 2 normal > 3 high" in moved
    assert "04 11:30 message customer public" in moved  # it was written to the ticket that was merged into this one
    merged = story(loaded, "10005")
    assert merged[-1] == "04 12:00 merged"
    assert "04 12:00 message agent internal" in merged  # the mark of the merge is no reply
    waiting = story(loaded, "10010")
    assert waiting[3:5] == ["05 10:00 status state: new > waiting for parts", "05 10:00 paused"]
    cases = loaded.tables["cases"].set_index("case_id")
    assert cases.loc["10004", ["priority", "team", "channel"]].tolist() == ["2 normal", "Users", "email"]  # as created
    assert cases["channel"].to_dict()["10008"] == "phone"
    assert cases.loc["10010", "time_units"] == 35.0
    assert loaded.attributes == {"time_units": "outcome"}


def test_what_is_no_case_is_counted_by_name(loaded):
    assert refused(loaded) == [
        ("articles", 14, "it came with a merged ticket, and is older than the ticket that it went to"),
        ("articles", 16, "its case was rejected or deleted"),
        ("articles", 17, "its case was rejected or deleted"),
        ("articles", 25, "its case is not in the export"),
        ("histories", 23, "its case was rejected or deleted"),
        ("histories", 24, "its case was rejected or deleted"),
        ("tickets", 6, "the case was deleted"),
        ("tickets", 7, "the case was deleted"),
    ]


def test_case_by_case(loaded):
    history = case_history(make_log(loaded)).set_index("case_id")
    hour = 3600.0
    replies = {"10001": hour, "10003": 3 * hour, "10004": hour / 6, "10009": 2 * hour}
    assert history["first_response_s"].dropna().to_dict() == replies
    took = {"10001": 6.0, "10003": 4.0, "10004": 68 / 3, "10008": 1 / 12, "10009": 27.0, "10010": 7.0, "10011": 27.0}
    assert (history["resolution_s"].dropna() / hour).to_dict() == pytest.approx(took)
    assert history.index[history["is_open"]].tolist() == ["10002", "10012"]
    assert history["merged_at"].dropna().to_dict() == {"10005": pd.Timestamp("2024-03-04T12:00Z")}
    assert history.loc["10009", "pending_s"] == 24 * hour
    assert history.loc["10010", "pending_s"] == 4 * hour


def test_kpis_by_hand(loaded):
    names = {
        "cases_opened": 10, "cases_resolved": 7, "backlog": 2, "reopen_rate": 1 / 7, "transfer_rate": 1 / 7,
        "customer_messages_per_case": 9 / 7, "agent_messages_per_case": 5 / 7, "agents_per_case": 1.0,
        "automation_rate": 1 / 7, "responded_within_2h": 3 / 9, "resolved_within_5h": 2 / 9,
    }  # fmt: skip
    found = kpi_history(make_log(loaded), list(names), freq="MS")
    march = found[found["ds"] == pd.Timestamp("2024-03-01")].set_index("kpi")["value"]
    assert march.to_dict() == pytest.approx(names)


def test_due_times_with_the_time_from_which_they_held(loaded):
    due = loaded.tables["due_times"].set_index(["case_id", "metric"])
    assert due.columns.tolist() == ["due_at", "set_at"]
    clock = lambda t: f"{t:%d %H:%M}" if pd.notna(t) else None  # noqa: E731
    said = [(*key, clock(row.due_at), clock(row.set_at)) for key, row in due.iterrows()]
    assert said == [
        ("10001", "first_response", "04 11:00", "04 09:00"),
        ("10001", "first_response", None, "04 10:00"),  # met, and so taken away
        ("10001", "resolution", "04 17:00", "04 09:00"),
        ("10001", "resolution", None, "04 12:00"),
        ("10002", "first_response", "04 11:30", "04 09:30"),
        ("10002", "resolution", "04 17:30", None),  # only the ticket says so, and not since when
        ("10003", "first_response", "04 12:00", "04 10:00"),
        ("10003", "first_response", None, "04 13:00"),
        ("10012", "resolution", "05 17:00", "05 09:00"),
        ("10012", "resolution", "06 17:00", "05 12:00"),
    ]


def test_zammad_s_own_judgement(loaded):
    assert [s for s in story(loaded, "10003") if "field first_response" in s] == [
        "04 10:00 field first_response: - > true",
        "04 12:00 field first_response: - > false",  # when it fell due, not when the answer came
        "04 12:00 field first_response: - > decided",
    ]


@pytest.mark.parametrize("form", ["csv", "dump.json", "dump.db"])
def test_database_and_dumps_give_the_same_tables(desk, loaded, form):
    other = read_folder(desk[1] / form)
    assert set(other.tables) == set(loaded.tables)
    for name, table in loaded.tables.items():
        pd.testing.assert_frame_equal(other.tables[name], table)
    assert other.rejected[["row", "reason"]].equals(loaded.rejected[["row", "reason"]])


def test_the_desk_s_own_clock_does_not_move_what_is_utc(desk, loaded):
    moved = read_folder(desk[1] / "csv", timezone="Asia/Tokyo")
    pd.testing.assert_frame_equal(moved.tables["events"], loaded.tables["events"])


def test_renamed_labels_and_other_ids_of_the_history(desk, loaded, tmp_path):
    folder = shutil.copytree(desk[1] / "csv", tmp_path / "csv")
    for file, old, new in (("ticket_states", "open", "in Arbeit"), ("groups", "Users", "Erste Linie")):
        frame = pd.read_csv(folder / f"{file}.csv")
        frame.assign(name=frame["name"].replace(old, new)).to_csv(folder / f"{file}.csv", index=False)
    attributes = pd.read_csv(folder / "history_attributes.csv")
    attributes.assign(id=attributes["id"] + 40).to_csv(folder / "history_attributes.csv", index=False)
    histories = pd.read_csv(folder / "histories.csv", dtype={"id_from": "Int64", "id_to": "Int64"})
    histories["history_attribute_id"] = (histories["history_attribute_id"] + 40).astype("Int64")
    histories.to_csv(folder / "histories.csv", index=False)
    other = read_folder(folder)
    assert [s.replace("in Arbeit", "open").replace("Erste Linie", "Users") for s in story(other, "10001")] == story(
        loaded, "10001"
    )
    assert "04 10:00 status state: new > in Arbeit" in story(other, "10001")  # though the history says "open"


def test_an_entry_that_is_missing_stays_an_id(desk, tmp_path):
    folder = shutil.copytree(desk[1] / "csv", tmp_path / "csv")
    groups = pd.read_csv(folder / "groups.csv")
    groups[groups["name"] == "Field"].to_csv(folder / "groups.csv", index=False)
    (folder / "ticket_priorities.csv").unlink()
    other = read_folder(folder)
    assert "04 11:00 assigned team: Users > Field" in story(other, "10004")
    assert set(other.tables["cases"]["priority"]) == {"2 normal", "3 high"}  # those of a new installation


def test_without_histories_the_row_of_a_ticket_says_what_it_can(desk, tmp_path):
    folder = shutil.copytree(desk[1] / "csv", tmp_path / "csv")
    for file in folder.glob("histor*.csv"):
        file.unlink()
    other = read_folder(folder)
    history = case_history(make_log(other)).set_index("case_id")
    assert history.loc["10001", "resolved_at"] == pd.Timestamp("2024-03-04T15:00Z")  # the last closing
    assert set(other.tables["due_times"]["case_id"]) == {"10002", "10012"}
    assert other.tables["due_times"]["set_at"].isna().all()
    assert any("are those of today" in n for n in other.notes)


@pytest.mark.parametrize(
    ("file", "columns", "said"),
    [
        ("history_attributes", None, "cannot be read without the table history_attributes"),
        ("histories", ["o_id"], r"histories.csv: not a table of histories: it has no column o_id"),
        ("ticket_articles", ["internal"], "not a table of articles: it has no column internal"),
        ("tickets", None, "no table of tickets"),
    ],
)
def test_a_missing_table_or_column_is_named(desk, tmp_path, file, columns, said):
    folder = shutil.copytree(desk[1] / "csv", tmp_path / "csv")
    if columns:
        pd.read_csv(folder / f"{file}.csv").drop(columns=columns).to_csv(folder / f"{file}.csv", index=False)
    else:
        (folder / f"{file}.csv").unlink()
    with pytest.raises(InputError, match=said):
        read_folder(folder)


def test_a_column_that_the_database_lacks_is_named(desk):
    uri = desk[0]
    with psycopg.connect(uri, autocommit=True) as connection:
        create(connection, "zammad_old", zammad_desk.DDL, {"tickets": zammad_desk.make_rows()["tickets"]})
        connection.execute("ALTER TABLE zammad_old.histories DROP COLUMN o_id")
    with pytest.raises(InputError, match="histories: not a table of histories: it has no column o_id"):
        load_source(SourceSpec("cases", kind="zammad", database=uri, schema="zammad_old"))


def test_what_people_are_called_and_write_is_never_asked_for(desk, monkeypatch):
    asked = {}
    read = export.read_relation

    def spy(uri, table, schema, columns):
        asked[table] = set(columns)
        return read(uri, table, schema, columns=columns)

    monkeypatch.setattr(export, "read_relation", spy)
    load_source(SourceSpec("cases", kind="zammad", database=desk[0], schema="zammad"))
    assert "users" not in asked
    assert not {"title", "body", "from", "to", "subject", "preferences"} & set().union(*asked.values())
    assert {"id", "sender_id"} <= asked["ticket_articles"]


@settings(max_examples=6, deadline=None)
@given(st.lists(st.sampled_from([1, 2, 3, 4, 8]), min_size=1, max_size=8))
def test_closings_and_reopenings_are_counted_from_the_history(states):
    rows = zammad_desk.make_rows()
    line = [s for i, s in enumerate(states) if s != ([1, *states])[i]]
    made = zammad_desk.ticket_of_states([1, *line])
    with tempfile.TemporaryDirectory() as home:
        for name, table in {**rows, **made}.items():
            if table:
                pd.DataFrame(table).to_csv(Path(home) / f"{name}.csv", index=False)
        log = CaseLog.from_frames(**read_folder(home).tables)
    history = case_history(log).set_index("case_id").loc["10001"]
    ends = [i for i, s in enumerate(line) if s == 4]
    assert history["is_open"] == (not line or line[-1] != 4)
    assert (0 if pd.isna(history["reopens"]) else history["reopens"]) == sum(i < len(line) - 1 for i in ends)
    if ends and line[-1] == 4:
        assert history["resolved_at"] == pd.Timestamp("2024-03-04T09:00Z") + pd.Timedelta(hours=len(line))
