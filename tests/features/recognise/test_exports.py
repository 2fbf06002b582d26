"""Exports of the big systems, in the form that their documentation gives: what becomes of them, row by row."""

import json
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from deskcast.features import CaseLog, InputError, case_history
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from export_stories import FIXTURES, load, refused, story
from hypothesis import given, settings
from hypothesis import strategies as st

TICKET = [
    "04 09:00 message customer public",
    "04 09:00 status state: - > new",
    "04 09:00 assigned team: - > 11",
    "04 09:20 status state: new > open",
    "04 09:20 assigned agent: - > 701",
    "04 09:20 message agent internal",
    "04 10:00 message agent public",
    "04 10:00 status state: open > pending",
    "04 10:00 paused",
    "05 08:00 message customer public",
    "05 08:00 status state: pending > open",
    "05 08:00 resumed",
    "05 08:00 priority priority: normal > high",
    "05 08:00 assigned team: 11 > 12",
    "05 09:00 message agent public",
    "05 09:00 status state: open > solved",
    "05 09:00 resolved",
    "12 09:00 status state: solved > closed",
    "12 09:00 closed",
]


@pytest.mark.parametrize("folder", ["zendesk", "zendesk_fivetran", "zendesk_incremental"])
def test_three_forms_of_zendesk_tell_one_story(folder):
    loaded = load("zendesk", folder)
    told = [s for s in story(loaded, "35") if "first_reply_time" not in s]
    assert sorted(told) == sorted(TICKET)  # within one update the order of message and change is the form's own
    assert [s[:8] for s in told] == [s[:8] for s in TICKET]
    assert story(loaded, "36") == [
        "04 10:00 status state: - > new",
        "05 10:00 status state: new > pending",
        "05 10:00 paused",
    ]
    assert story(loaded, "37")[-1] == "04 12:00 merged"  # closed by a merge is no solution
    cases = loaded.tables["cases"].set_index("case_id")
    assert cases.index.tolist() == ["35", "36", "37"]
    assert cases.loc["35", ["priority", "team", "channel"]].tolist() == ["normal", "11", "email"]  # as created


def test_zendesk_audits_in_their_order():
    loaded = load("zendesk", "zendesk")
    flags = ["04 09:00 field first_reply_time: - > true"]
    late = ["04 09:30 field first_reply_time: - > false", "04 09:30 field first_reply_time: - > decided"]
    told = story(loaded, "35")
    assert told[:9] == [*flags, *TICKET[:6], *late]
    assert [s for s in told if "field first_reply_time" not in s] == TICKET
    clocks = [s for s in story(loaded, "35", clocks=True) if ".clock" in s]
    assert clocks == [
        "04 09:00 field first_reply_time.clock: - > activate",
        "04 10:00 field first_reply_time.clock: - > fulfill",
        "04 10:00 field requester_wait_time.clock: - > pause",
    ]
    surveys = loaded.tables["surveys"]
    assert surveys[["survey_id", "case_id", "kind"]].to_numpy().tolist() == [["61", "35", "csat"], ["62", "36", "csat"]]
    assert surveys["score"].tolist()[0] == 5.0
    assert surveys.loc[1, ["score", "responded_at"]].isna().all()
    assert refused(loaded) == [
        ("events", 9, "duplicate event; the first is kept"),
        ("events", 12, "its case was rejected or deleted"),
        ("events", 13, "its case is not in the export"),
        ("ratings", 3, "its case is not in the export"),
        ("ratings", 4, "no survey was offered"),
        ("tickets", 4, "the case was deleted"),
        ("tickets", 5, "a newer row of the case was kept"),
    ]
    assert any("1 breaches were taken back" in n for n in loaded.notes)


@pytest.mark.parametrize("part", ["audits", "comments"])
def test_what_an_agent_writes_to_open_a_zendesk_ticket_is_no_reply(tmp_path, part):
    """Zendesk: the first reply of a ticket that an agent opened is the second public comment of an agent."""
    ticket = {"id": 7, "created_at": "2024-03-04T09:00:00Z", "status": "open", "requester_id": 901, "group_id": 11}
    (tmp_path / "tickets.json").write_text(json.dumps({"tickets": [ticket]}))
    users = [{"id": 901, "role": "end-user"}, {"id": 701, "role": "agent"}]
    (tmp_path / "users.json").write_text(json.dumps({"users": users}))
    said = [(1, "09:00", 701), (2, "10:00", 901), (3, "11:00", 701)]
    at = [f"2024-03-04T{clock}:00Z" for _, clock, _ in said]
    if part == "audits":
        rows = [
            {"id": n, "ticket_id": 7, "created_at": t, "author_id": who,
             "events": [{"id": n + 10, "type": "Comment", "author_id": who, "public": True}]}
            for (n, _, who), t in zip(said, at, strict=True)
        ]  # fmt: skip
        (tmp_path / "audits.json").write_text(json.dumps({"audits": rows}))
    else:
        lines = [f"{n},7,{t},true,{who}" for (n, _, who), t in zip(said, at, strict=True)]
        (tmp_path / "ticket_comment.csv").write_text("\n".join(["id,ticket_id,created,public,user_id", *lines]) + "\n")
        history = f"ticket_id,field_name,updated,value,user_id\n7,status,{at[0]},open,701\n"
        (tmp_path / "ticket_field_history.csv").write_text(history)
    loaded = load_source(SourceSpec("cases", str(tmp_path), kind="zendesk"))
    kinds = loaded.tables["events"].set_index("at")["kind"]
    assert kinds[kinds.isin(["message", "field"])].tolist() == ["field", "message", "message"]
    row = case_history(CaseLog.from_frames(**loaded.tables)).iloc[0]
    assert (row["first_response_s"], row["agent_messages"], row["customer_messages"]) == (7200.0, 1, 1)


def test_tickets_alone_count_openings_only():
    loaded = load("zendesk", "zendesk/tickets.json")
    assert set(loaded.tables) == {"cases", "surveys"}
    assert loaded.tables["surveys"]["score"].dropna().isin([1.0, 5.0]).all()
    assert loaded.tables["cases"]["case_id"].tolist() == ["35", "36", "37"]
    assert any("only the openings" in n for n in loaded.notes)


def test_salesforce_tells_the_story_of_a_case():
    loaded = load("salesforce", "salesforce")
    one = "500000000000001AAA"
    assert story(loaded, one) == [
        "04 09:00 status state: - > New",
        "04 09:00 field first_response: - > true",
        "04 09:00 field resolution_time: - > true",
        "04 09:00 message customer public",
        "04 09:30 status state: New > Working",
        "04 09:30 assigned team: 00G000000000001AAA > 005000000000001AAA",
        "04 09:45 field first_response: - > decided",  # completed
        "04 09:45 message agent public",
        "04 10:00 priority priority: Medium > High",
        "04 10:30 message agent public",
        "04 11:00 message agent internal",
        "05 07:00 message customer public",
        "05 08:00 escalated",
        "05 09:00 field resolution_time: - > false",
        "05 09:00 field resolution_time: - > decided",
        "05 12:00 status state: Working > Sorted",
        "05 12:00 closed",  # the organisation's own word; its cases say IsClosed
        "06 08:00 status state: Sorted > Working",
        "06 08:00 reopened",
        "06 15:00 status state: Working > Sorted",
        "06 15:00 closed",
    ]
    assert story(loaded, "500000000000003AAA")[-1] == "05 08:00 merged"
    cases = loaded.tables["cases"].set_index("case_id")
    assert len(cases) == 3
    assert cases.loc[one, ["priority", "team", "channel"]].tolist() == ["Medium", "00G000000000001AAA", "Email"]
    assert refused(loaded) == [
        ("cases", 2, "a newer row of the case was kept"),
        ("cases", 4, "the case was deleted"),
        ("comments", 4, "its case was rejected or deleted"),
        ("emails", 3, "a draft that was never sent"),
        ("history", 10, "duplicate event; the first is kept"),
        ("history", 14, "its case is not in the export"),
        ("history", 15, "dated before its case was created"),
        ("history", 16, "the time cannot be read"),
    ]


def test_salesforce_ids_of_15_and_18_characters_meet(tmp_path):
    for name in ("Case.csv", "CaseHistory.csv"):
        text = (FIXTURES / "salesforce" / name).read_text()
        (tmp_path / name).write_text(text if name == "Case.csv" else text.replace("AAA,5", ",5").replace("AAA,", ","))
    loaded = load_source(SourceSpec("cases", str(tmp_path), kind="salesforce"))
    assert set(loaded.tables["events"]["case_id"]) == {f"5000000000000{i:02d}" for i in (1, 2, 3)}
    assert (loaded.tables["events"]["kind"] == "reopened").sum() == 1
    assert any("15 and with 18" in n for n in loaded.notes)


def test_servicenow_tables_tell_the_story_of_an_incident():
    loaded = load("servicenow", "servicenow")
    assert story(loaded, "INC0001") == [
        "04 08:00 status state: - > 1",
        "04 08:00 field priority_1_response: - > true",
        "04 08:00 field priority_1_resolution: - > true",
        "04 08:10 status state: 1 > 2",
        "04 08:10 assigned team: g1 > g2",
        "04 08:20 priority priority: 2 > 1",
        "04 09:00 status state: 2 > 3",
        "04 09:00 paused",
        "04 11:00 status state: 3 > 2",
        "04 11:00 resumed",
        "04 14:00 field priority_1_resolution: - > false",
        "05 10:00 status state: 2 > 6",
        "05 10:00 resolved",
        "10 08:00 status state: 6 > 7",
        "10 08:00 closed",
    ]
    assert story(loaded, "INC0002")[-1] == "04 09:30 paused"  # its only promise was cancelled
    case = loaded.tables["cases"].set_index("case_id").loc["INC0001"]
    assert case[["priority", "team"]].tolist() == ["2", "g1"]
    assert refused(loaded) == [
        ("audit", 10, "duplicate event; the first is kept"),
        ("audit", 11, "its case is not in the export"),
        ("audit", 12, "dated before its case was created"),
        ("incidents", 3, "the time cannot be read"),
    ]


def test_incidents_without_an_audit_have_their_own_times():
    loaded = load("servicenow", "servicenow/incident.json")
    kinds = loaded.tables["events"].query("case_id == 'INC0001'")
    assert kinds[kinds["kind"] != "status"]["kind"].tolist() == ["created", "resolved", "closed"]
    # that it is on hold today says nothing of its past
    assert loaded.tables["events"].query("case_id == 'INC0002'")["kind"].tolist() == ["created"]


def test_the_log_gives_the_times_that_a_reader_would_compute():
    loaded = load("zendesk", "zendesk")
    log = CaseLog.from_frames(**loaded.tables)
    one = case_history(log).set_index("case_id").loc["35"]
    assert one["first_response_s"] == 3600.0  # the internal note is no response
    assert one["resolution_s"] == 24 * 3600.0


def test_kinds_say_what_a_state_means(tmp_path):
    loaded = load("jira", "jira/issues.json", kinds={"Flurbed": "paused"})
    assert "04 11:00 paused" in story(loaded, "HELP-2")
    with pytest.raises(InputError, match=r"unknown meaning of a state; got 'pausd' .did you mean 'paused'"):
        load("jira", "jira/issues.json", kinds={"Flurbed": "pausd"})


def test_parts_by_name_are_read_and_wrong_ones_are_named():
    parts = {"tickets": "zendesk/tickets.json", "audits": "zendesk/audits.json"}
    loaded = load("zendesk", "", parts=parts)
    assert (loaded.tables["events"]["kind"] == "resolved").sum() == 1
    assert any("without a table of users" in n for n in loaded.notes)
    with pytest.raises(InputError, match=r"no such part .did you mean 'tickets'"):
        load("zendesk", "", parts={"ticket": "zendesk/tickets.json"})
    with pytest.raises(InputError, match="not a table of audits: it has no column ticket_id"):
        load("zendesk", "", parts={**parts, "audits": "zendesk/users.json"})
    with pytest.raises(InputError, match="the export has no table of tickets"):
        load("zendesk", "", parts={"audits": "zendesk/audits.json"})


def test_the_order_of_rows_and_files_does_not_matter(tmp_path):
    for file in (FIXTURES / "zendesk_fivetran").iterdir():
        head, *rows = file.read_text().splitlines()
        (tmp_path / file.name).write_text("\n".join([head, *rows[::-1]]))
    turned = load_source(SourceSpec("cases", str(tmp_path), kind="zendesk"))
    straight = load("zendesk", "zendesk_fivetran")
    for name in ("cases", "events"):
        pd.testing.assert_frame_equal(turned.tables[name], straight.tables[name])


def test_what_changes_later_is_not_known_before():
    """The log as it stood must be the log of an export that was taken then, but for the words of the present state."""
    loaded = load("zendesk", "zendesk")
    log = CaseLog.from_frames(**loaded.tables)
    early = log.as_of("2024-03-04T09:30Z")
    events = early.frame("events")
    assert events["at"].max() <= pd.Timestamp("2024-03-04T09:30Z")
    assert early.frame("cases").set_index("case_id").loc["35", "priority"] == "normal"


@pytest.mark.parametrize("kind", ["salesforce", "zendesk_fivetran"])
def test_rows_that_come_twice_change_nothing(tmp_path, kind):
    for file in (FIXTURES / kind).iterdir():
        head, *rows = file.read_text().splitlines()
        (tmp_path / file.name).write_text("\n".join([head, *rows, *rows]))
    twice = load_source(SourceSpec("cases", str(tmp_path), kind=kind.split("_")[0]))
    once = load(kind.split("_")[0], kind)
    for name in once.tables:
        pd.testing.assert_frame_equal(twice.tables[name], once.tables[name])
    assert len(twice.rejected) > len(once.rejected)


@given(cut=st.integers(0, 9 * 24 * 60))
@settings(max_examples=10)
def test_an_export_of_an_earlier_day_is_the_log_as_it_stood(cut):
    """What an export taken at an instant would have held: the audits until then, and the tickets as they were."""
    whole = load("zendesk", "", parts={"tickets": "zendesk/tickets.json", "audits": "zendesk/audits.json"})
    then = pd.Timestamp("2024-03-04T10:00Z") + pd.Timedelta(minutes=cut)
    audits = json.loads((FIXTURES / "zendesk" / "audits.json").read_text())["audits"]
    audits = [a for a in audits if pd.Timestamp(a["created_at"]) <= then]
    tickets = json.loads((FIXTURES / "zendesk" / "tickets.json").read_text())["tickets"]
    tickets = [t for t in tickets if pd.Timestamp(t["created_at"]) <= then and t["id"] != 38]
    for ticket in tickets:
        own = [e for a in audits if a["ticket_id"] == ticket["id"] for e in a["events"]]
        for name in ("status", "priority", "group_id"):
            ticket[name] = next((e["value"] for e in own[::-1] if e.get("field_name") == name), ticket[name])
        merged = ticket["id"] == 37 and ticket["status"] == "closed"
        ticket["tags"] = ["closed_by_merge"] if merged else []
        ticket["updated_at"] = ticket["created_at"]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tickets.json").write_text(json.dumps({"tickets": tickets}))
        (Path(folder) / "audits.json").write_text(json.dumps({"audits": audits}))
        early = load_source(SourceSpec("cases", folder, kind="zendesk"))
    seen = whole.tables["events"][whole.tables["events"]["at"] <= then].reset_index(drop=True)
    pd.testing.assert_frame_equal(early.tables["events"], seen)
    born = whole.tables["cases"]["created_at"] <= then
    pd.testing.assert_frame_equal(early.tables["cases"], whole.tables["cases"][born].reset_index(drop=True))


def test_cases_of_salesforce_alone_have_their_closings():
    loaded = load("salesforce", "salesforce/Case.csv")
    ends = loaded.tables["events"].query("kind in ('closed', 'merged')")
    assert ends[["case_id", "kind"]].to_numpy().tolist() == [
        ["500000000000001AAA", "closed"],
        ["500000000000003AAA", "merged"],
    ]
    assert "team" not in loaded.tables["cases"]  # today's owner is not the first one


def test_later_cycles_do_not_mend_a_broken_promise(tmp_path):
    text = (FIXTURES / "salesforce" / "CaseMilestone.csv").read_text()
    again = (
        text.splitlines()[2]
        .replace("002AAA", "003AAA")
        .replace("2024-03-05", "2024-03-06")
        .replace("2024-03-04", "2024-03-05")
    )
    for name in ("Case.csv", "CaseHistory.csv"):
        (tmp_path / name).write_text((FIXTURES / "salesforce" / name).read_text())
    (tmp_path / "CaseMilestone.csv").write_text(text + again.replace("true,true", "false,true") + "\n")
    loaded = load_source(SourceSpec("cases", str(tmp_path), kind="salesforce"))
    told = [s for s in story(loaded, "500000000000001AAA") if "resolution_time" in s]
    words = ["04 09:00 field resolution_time: - > true", "05 09:00 field resolution_time: - > false"]
    assert told[:3] == [*words, "05 09:00 field resolution_time: - > decided"]
    assert not any("false" in s for s in told[3:])
