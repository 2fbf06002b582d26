"""Chatwoot: a small installation on a real server, free and paid edition; values worked out by hand."""

import shutil

import chatwoot_desk
import pandas as pd
import psycopg
import pytest
from deskcast.features import InputError, case_history, kpi_history
from deskcast.features.sources import export
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from export_stories import make_log, refused, story
from helpdesk_dumps import create, dump_csv, dump_json, dump_sqlite

EDITIONS = ("free", "paid")


@pytest.fixture(scope="module")
def desks(postgres_uri, tmp_path_factory):
    """Give the address of the database, and the folder of the dumps of both editions, each in a schema of its name."""
    home = tmp_path_factory.mktemp("chatwoot")
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        for edition in EDITIONS:
            create(connection, edition, chatwoot_desk.DDL, chatwoot_desk.make_rows(audited=edition == "paid"))
            dump_csv(connection, edition, chatwoot_desk.DDL, home / edition / "csv")
            dump_json(connection, edition, chatwoot_desk.DDL, home / edition / "dump.json")
            dump_sqlite(connection, edition, chatwoot_desk.DDL, home / edition / "dump.db")
    return postgres_uri, home


@pytest.fixture(scope="module")
def loaded(desks):
    return {e: load_source(SourceSpec("cases", kind="chatwoot", database=desks[0], schema=e)) for e in EDITIONS}


def test_the_story_of_a_conversation_by_reporting_events(loaded):
    assert story(loaded["free"], "1") == [
        "04 09:00 status state: - > open",
        "04 09:00 field first_response: - > true",
        "04 09:00 field next_response: - > true",
        "04 09:00 field resolution: - > true",
        "04 09:00 message customer public",
        "04 09:00 message system public",  # the greeting
        "04 09:10 field first_response: - > decided",
        "04 09:10 message agent public",
        "04 10:00 status state: open > resolved",
        "04 10:00 resolved",
        "04 11:00 status state: - > open",
        "04 11:00 reopened",
        "04 11:00 message customer public",
        "04 11:30 message agent public",
        "04 12:00 status state: - > resolved",
        "04 12:00 message system public",  # the survey
        "04 12:00 resolved",
    ]


@pytest.mark.parametrize("edition", EDITIONS)
def test_case_by_case(loaded, edition):
    history = case_history(make_log(loaded[edition])).set_index("case_id")
    replies = {"1": 600, "3": 63000, "4": 600, "5": 600, "8": 1800, "9": 7200, "10": 1800, "12": 1800}
    assert history["first_response_s"].dropna().to_dict() == replies
    took = {"1": 3.0, "3": 18.5, "4": 68 / 3, "5": 2.0, "8": 1.0, "10": 1.0}
    assert (history["resolution_s"].dropna() / 3600).to_dict() == pytest.approx(took)
    assert history.index[history["is_open"]].tolist() == ["12", "2", "9"]
    assert history["reopens"][history["reopens"] > 0].to_dict() == {"1": 1, "5": 1}
    assert history.loc["8", "on_hold_s"] == 1200  # with the bot
    assert history["current_team"].dropna().to_dict() == {"4": "Field"}
    assert history["current_priority"].dropna().to_dict() == {"4": "high"}


@pytest.mark.parametrize("edition", EDITIONS)
def test_kpis_by_hand(loaded, edition):
    names = {
        "cases_opened": 9, "cases_resolved": 6, "backlog": 3, "reopen_rate": 2 / 6, "csat": 1.0,
        "survey_response_rate": 1 / 2, "agent_messages_per_case": 7 / 6, "responded_within_15min": 3 / 9,
        "transfer_rate": 1 / 6 if edition == "paid" else 0.0,
    }  # fmt: skip
    found = kpi_history(make_log(loaded[edition]), list(names), freq="MS")
    march = found[found["ds"] == pd.Timestamp("2024-03-01")].set_index("kpi")["value"]
    assert march.to_dict() == pytest.approx(names)


def test_team_and_priority_are_taken_back_or_known_at_last(loaded):
    said = {e: [s for s in story(loaded[e], "4") if "assigned team" in s or "priority" in s] for e in EDITIONS}
    assert said["paid"] == [
        "04 10:21 assigned team: - > First line",
        "04 10:45 priority priority: - > high",
        "04 11:00 assigned team: First line > Field",
    ]
    assert sorted(said["free"]) == ["05 09:00 assigned team: - > Field", "05 09:00 priority priority: - > high"]
    assert any("today's count from the last change" in n for n in loaded["free"].notes)
    for edition in EDITIONS:  # nothing of it is known when the conversation begins
        assert "priority" not in loaded[edition].tables["cases"]
        assert "team" not in loaded[edition].tables["cases"]


def test_messages_of_rules_bots_and_failed_ones_answer_nobody(loaded):
    assert [s for s in story(loaded["free"], "10") if "message" in s] == [
        "05 09:00 message customer public",
        "05 09:01 message system public",
        "05 09:05 message agent internal",
        "05 09:30 message agent public",
        "05 10:00 message system public",
    ]
    assert "04 14:00 message bot public" in story(loaded["free"], "8")
    assert "04 09:40 message agent internal" in story(loaded["free"], "2")
    assert "05 09:00 field description: - > -" in story(loaded["free"], "9")  # opened by an agent
    assert any("1 messages could not be delivered" in n for n in loaded["free"].notes)


@pytest.mark.parametrize("edition", EDITIONS)
def test_what_is_no_case_is_counted_by_name(loaded, edition):
    said = [r for r in refused(loaded[edition]) if r[0] != "audits"]
    assert said == [
        ("conversations", 6, "it is labelled as spam"),
        ("conversations", 7, "an outbound campaign began it: no demand"),
        ("conversations", 11, "the case has ended, but nothing says when"),
        ("messages", 17, "its case was rejected or deleted"),
        ("messages", 32, "its case is not in the export"),
    ]


def test_due_times_in_hours_of_the_inbox(loaded):
    due = loaded["free"].tables["due_times"]
    said = [(r.case_id, r.metric, f"{r.due_at:%d %H:%M}", f"{r.set_at:%d %H:%M}") for r in due.itertuples()]
    assert said == [
        ("1", "first_response", "04 09:15", "04 09:00"),
        ("1", "resolution", "04 13:00", "04 09:00"),
        ("12", "first_response", "05 09:15", "05 09:00"),
        ("12", "next_response", "05 10:30", "05 10:00"),
        ("12", "resolution", "05 13:00", "05 09:00"),
        ("3", "first_response", "05 08:30", "04 15:30"),  # half an hour until 17:00 in Berlin, half from 09:00 on
        ("3", "resolution", "05 15:30", "04 15:30"),
    ]
    assert any("mon-fri 09:00-17:00 (Europe/Berlin)" in n for n in loaded["free"].notes)
    assert [s for s in story(loaded["free"], "3") if "field first_response" in s] == [
        "04 15:30 field first_response: - > true",
        "05 08:31 field first_response: - > false",
        "05 08:31 field first_response: - > decided",
    ]


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("form", ["csv", "dump.json", "dump.db"])
def test_database_and_dumps_give_the_same_tables(desks, loaded, edition, form):
    other = load_source(SourceSpec("cases", str(desks[1] / edition / form), kind="chatwoot"))
    assert set(other.tables) == set(loaded[edition].tables)
    for name, table in loaded[edition].tables.items():
        pd.testing.assert_frame_equal(other.tables[name], table)


def test_several_accounts_are_said_and_told_apart(desks, tmp_path):
    folder = shutil.copytree(desks[1] / "free" / "csv", tmp_path / "csv")
    frame = pd.read_csv(folder / "conversations.csv", dtype="str")
    frame.loc[frame["display_id"] == "2", ["account_id", "display_id"]] = ["2", "1"]
    frame.to_csv(folder / "conversations.csv", index=False)
    loaded = load_source(SourceSpec("cases", str(folder), kind="chatwoot"))
    cases = loaded.tables["cases"].set_index("case_id")
    assert cases.loc[["501", "502"], "account_id"].tolist() == ["1", "2"]
    assert any("2 accounts are read together" in n for n in loaded.notes)


@pytest.mark.parametrize(
    ("file", "column", "said"),
    [
        ("messages", "sender_type", "messages.csv: not a table of messages: it has no column sender_type"),
        ("reporting_events", "event_end_time", "not a table of reporting_events: it has no column event_end_time"),
    ],
)
def test_a_missing_column_is_named(desks, tmp_path, file, column, said):
    folder = shutil.copytree(desks[1] / "free" / "csv", tmp_path / "csv")
    pd.read_csv(folder / f"{file}.csv").drop(columns=column).to_csv(folder / f"{file}.csv", index=False)
    with pytest.raises(InputError, match=said):
        load_source(SourceSpec("cases", str(folder), kind="chatwoot"))


def test_what_people_are_called_and_write_is_never_asked_for(desks, monkeypatch):
    asked = {}
    read = export.read_relation

    def spy(uri, table, schema, columns):
        asked[table] = set(columns)
        return read(uri, table, schema, columns=columns)

    monkeypatch.setattr(export, "read_relation", spy)
    load_source(SourceSpec("cases", kind="chatwoot", database=desks[0], schema="paid"))
    assert not {"users", "contacts"} & set(asked)
    private = {
        "content",
        "processed_message_content",
        "feedback_message",
        "username",
        "remote_address",
        "email_address",
    }
    assert not private & set().union(*asked.values())


def test_a_message_of_a_conversation_that_is_gone_goes_to_no_other_of_that_number(desks, tmp_path):
    folder = shutil.copytree(desks[1] / "free" / "csv", tmp_path / "csv")
    frame = pd.read_csv(folder / "messages.csv", dtype="str")
    frame["conversation_id"] = frame["conversation_id"].replace("599", "2")  # an id, and the number of conversation 502
    frame.to_csv(folder / "messages.csv", index=False)
    loaded = load_source(SourceSpec("cases", str(folder), kind="chatwoot"))
    assert [s for s in story(loaded, "2") if "customer" in s] == ["04 09:30 message customer public"]
    assert ("messages", 32, "its case is not in the export") in refused(loaded)
