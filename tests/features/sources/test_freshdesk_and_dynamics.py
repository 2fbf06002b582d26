"""Freshdesk and Dynamics 365: tickets with their due times, messages, answers and closings; values by hand."""

import json

import pandas as pd
import pytest
from deskcast.features import CaseLog, InputError, case_history
from deskcast.features.recognise.collection import look_at
from deskcast.features.sla.due_times import due_time_table
from deskcast.features.sla.milestones import milestones
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from export_stories import read, refused, story


def at(text):
    """Return an instant of March 2024, such as ``04 09:00``."""
    return text and f"2024-03-{text.replace(' ', 'T')}:00Z"


def make_log(loaded):
    return CaseLog.from_frames(until="2024-03-15T00:00Z", attributes=loaded.attributes, **loaded.tables)


def dues(loaded):
    clock = lambda t: f"{t:%d %H:%M}" if pd.notna(t) else None  # noqa: E731
    return [(r.case_id, r.metric, clock(r.due_at), clock(r.set_at)) for r in loaded.tables["due_times"].itertuples()]


def ticket(key, status, *, first=None, resolved=None, closed=None, due="05 09:00", **more):
    stats = {"first_responded_at": at(first), "resolved_at": at(resolved), "closed_at": at(closed)}
    fixed = {"id": key, "subject": "Private title", "created_at": at("04 09:00"), "updated_at": at("07 12:00"),
             "status": status, "priority": 2, "source": 1, "group_id": 60, "requester_id": 100 + key,
             "fr_due_by": at("04 11:00"), "due_by": at(due), "spam": False, "deleted": False, "to_emails": ["p@x.org"],
             "stats": stats}  # fmt: skip
    return fixed | more


TICKETS = [
    ticket(1, 5, first="04 10:00", resolved="04 15:00", closed="06 15:00"),
    ticket(2, 3, source=3, priority=4),
    ticket(3, 4, resolved="05 10:00", nr_due_by=at("04 12:00")),
    ticket(4, 2, spam=True), ticket(5, 2, deleted=True), ticket(6, 2, source=10), ticket(7, 8, due=None),
]  # fmt: skip
TALKS = [
    {"id": 1, "ticket_id": 1, "incoming": False, "private": True, "user_id": 5, "created_at": at("04 09:30")},
    {"id": 2, "ticket_id": 1, "incoming": False, "private": False, "user_id": 5, "created_at": at("04 10:00")},
    {"id": 3, "ticket_id": 1, "incoming": True, "private": False, "user_id": 101, "created_at": at("04 12:00")},
    {"id": 4, "ticket_id": 4, "incoming": True, "private": False, "user_id": 104, "created_at": at("04 12:00")},
]  # fmt: skip
GROUPS = [{"id": 60, "name": "First line"}]
RATINGS = [{"id": n, "ticket_id": 1, "created_at": at("07 09:00"), "agent_id": 5, "ratings": {"default_question": r}}
           for n, r in ((1, 103), (2, -102), (3, 2))]  # fmt: skip


def test_freshdesk_by_hand(tmp_path):
    files = {"tickets": TICKETS, "conversations": TALKS, "groups": GROUPS, "satisfaction_ratings": RATINGS}
    loaded = read(tmp_path, "freshdesk", files)
    assert story(loaded, "1") == [
        "04 09:30 message agent internal", "04 10:00 message agent public", "04 12:00 message customer public",
        "04 15:00 status state: - > resolved", "04 15:00 resolved", "06 15:00 status state: resolved > closed",
        "06 15:00 closed",
    ]  # fmt: skip
    cases = loaded.tables["cases"].set_index("case_id")
    assert cases.loc["2", ["channel", "priority", "team", "customer_id"]].tolist() == [
        "phone", "4 urgent", "First line", "102",
    ]  # fmt: skip
    assert refused(loaded) == [
        ("conversations", 4, "its case was rejected or deleted"), ("ratings", 3, "an answer that nobody knows"),
        ("tickets", 4, "it is marked as spam"), ("tickets", 5, "the case was deleted"),
        ("tickets", 6, "an agent wrote first: no demand"),
    ]  # fmt: skip
    assert loaded.tables["surveys"]["score"].tolist() == [5.0, 1.0]
    assert any("states that nobody knows count as open: '8'" in n for n in loaded.notes)
    history = case_history(make_log(loaded)).set_index("case_id")
    assert history.loc["1", ["first_response_s", "resolution_s"]].tolist() == [3600, 6 * 3600]


def test_freshdesk_due_times_are_outcomes_of_finished_tickets(tmp_path):
    loaded = read(tmp_path, "freshdesk", {"tickets": TICKETS})
    assert dues(loaded) == [
        ("1", "first_response", "04 11:00", None), ("1", "resolution", "05 09:00", None),
        ("2", "first_response", "04 11:00", None), ("2", "resolution", "05 09:00", None),
        ("3", "first_response", "04 11:00", None), ("3", "next_response", "04 12:00", None),
        ("3", "resolution", "05 09:00", None), ("7", "first_response", "04 11:00", None),
    ]  # fmt: skip
    log = make_log(loaded)
    found = milestones(log).set_index(["case_id", "metric"])["status"]
    assert (found["1", "resolution"], found["3", "resolution"], found["1", "first_response"]) == (
        "met", "breached", "met",
    )  # fmt: skip
    assert len(due_time_table(log.as_of(pd.Timestamp("2024-03-04T14:00Z")))) == 0
    assert "04 10:00 message agent public" in story(loaded, "1")  # as the ticket states it


def test_init_takes_freshdesk_for_what_it_is_and_zendesk_too(tmp_path):
    (tmp_path / "tickets.json").write_text(json.dumps([ticket(n, 2) for n in range(20)]))
    assert [s.kind for s in look_at([tmp_path / "tickets.json"]).seen] == ["freshdesk"]
    rows = [{"id": n, "created_at": at("04 09:00"), "updated_at": at("05 09:00"), "status": "open", "priority": "high",
             "group_id": 1, "requester_id": n, "due_at": None} for n in range(20)]  # fmt: skip
    (tmp_path / "zen.json").write_text(json.dumps({"tickets": rows, "count": 20}))
    assert [s.kind for s in look_at([tmp_path / "zen.json"]).seen] == ["zendesk"]


def incident(key, state, **more):
    fixed = {"incidentid": key, "ticketnumber": f"CAS-{key}", "title": "Private title", "createdon": at("04 09:00"),
             "modifiedon": at("06 12:00"), "statecode": state, "prioritycode": 1, "caseorigincode": 1,
             "_customerid_value": "c1", "_ownerid_value": "o1"}  # fmt: skip
    return fixed | more


SHOWN = "prioritycode@OData.Community.Display.V1.FormattedValue"
INCIDENTS = [incident("a", 1, **{SHOWN: "Hoch"}), incident("b", 0, resolveby=at("09 09:00")), incident("c", 2),
             incident("d", 1, _masterid_value="a"), incident("e", 0, _parentcaseid_value="b"),
             incident("f", 1)]  # fmt: skip
CLOSINGS = [{"_incidentid_value": "a", "createdon": at(t), "activityid": t} for t in ("04 12:00", "05 12:00")]
KPI = ("_regarding_value", "name", "createdon", "failuretime", "succeededon", "status")
KPIS = [dict(zip(KPI, row, strict=True)) for row in (
    ("a", "First Response By KPI", at("04 09:00"), at("04 11:00"), at("04 10:00"), 4),
    ("a", "ResolveByKPI", at("04 09:00"), at("04 18:00"), at("05 12:00"), 1),
    ("b", "ResolveByKPI", at("04 09:00"), at("08 09:00"), None, 0),
    ("b", "ResolveByKPI", at("04 09:00"), at("05 09:00"), None, 5),
    ("lead", "ResolveByKPI", at("04 09:00"), at("05 09:00"), None, 0),
)]  # fmt: skip
MAILS = [{"_regardingobjectid_value": k, "directioncode": out, "senton": at(t), "activityid": f"m{n}", "statecode": s,
          "description": "private text"} for n, (k, out, t, s) in enumerate((
              ("a", False, "04 09:00", 1), ("a", True, "04 10:00", 1), ("a", True, "04 09:10", 0),
              ("lead", True, "04 09:10", 1)))]  # fmt: skip


def test_dynamics_by_hand(tmp_path):
    files = {"incidents": INCIDENTS, "incidentresolutions": CLOSINGS, "slakpiinstances": KPIS, "emails": MAILS}
    loaded = read(tmp_path, "dynamics", {name: {"value": rows} for name, rows in files.items()})
    assert [s for s in story(loaded, "CAS-a") if "field" not in s] == [
        "04 09:00 message customer public", "04 10:00 message agent public", "05 12:00 status state: - > resolved",
        "05 12:00 resolved",
    ]  # fmt: skip
    assert dues(loaded) == [
        ("CAS-a", "first_response", "04 11:00", "04 10:00"), ("CAS-a", "resolution", "04 18:00", "05 12:00"),
        ("CAS-b", "resolution", "08 09:00", None),
    ]  # fmt: skip
    assert "04 18:00 field resolvebykpi: - > false" in story(loaded, "CAS-a")
    assert story(loaded, "CAS-c")[-1] == "06 12:00 closed"  # a cancelled case has no resolution
    assert story(loaded, "CAS-d")[-1] == "06 12:00 merged"
    assert refused(loaded) == [
        ("emails", 3, "a draft that was never sent"), ("incidents", 5, "a case below another one, no case of its own"),
        ("incidents", 6, "the case has ended, but nothing says when"),
    ]  # fmt: skip
    assert any("1 cases were closed more than once" in n for n in loaded.notes)
    cases = loaded.tables["cases"].set_index("case_id")
    assert cases.loc["CAS-a", ["priority", "channel", "customer_id"]].tolist() == ["Hoch", "phone", "c1"]
    assert milestones(make_log(loaded)).set_index(["case_id", "metric"]).loc[("CAS-a", "resolution"), "status"] == (
        "breached"
    )


def test_dynamics_without_kpis_reads_the_older_due_time_and_needs_incidents(tmp_path):
    (tmp_path / "one").mkdir()
    loaded = read(tmp_path / "one", "dynamics", {"incidents": INCIDENTS, "incidentresolutions": CLOSINGS})
    assert dues(loaded) == [("CAS-b", "resolution", "09 09:00", None)]
    with pytest.raises(InputError, match="no table of incidents"):
        read(tmp_path, "dynamics", {"incidentresolutions": CLOSINGS})


@pytest.mark.parametrize(
    ("names", "form"),
    [
        ({"created_at": "createdTime", "due_at": "dueDate", "first_response_due_at": "responseDueDate"}, "iso"),
        ({"created_at": "created_time.value", "due_at": "due_by_time.value",
          "first_response_due_at": "first_response_due_by_time.value"}, "millis"),
    ],
)  # fmt: skip
def test_zoho_desk_and_servicedesk_plus_are_tables_with_columns_of_due_times(tmp_path, names, form):
    def write(text):
        return at(text) if form == "iso" else str(int(pd.Timestamp(at(text)).timestamp() * 1000))

    row = {"id": "1", names["created_at"]: write("04 09:00"), names["due_at"]: write("05 09:00"),
           names["first_response_due_at"]: write("04 11:00")}  # fmt: skip
    pd.DataFrame([row, row | {"id": "2", names["due_at"]: ""}]).to_csv(tmp_path / "t.csv", index=False)
    loaded = load_source(SourceSpec("cases", "t.csv", columns={"case_id": "id", **names}), tmp_path)
    assert sorted(dues(loaded)) == [
        ("1", "first_response", "04 11:00", None), ("1", "resolution", "05 09:00", None),
        ("2", "first_response", "04 11:00", None),
    ]  # fmt: skip


def test_codes_and_ids_that_a_writer_made_fractions_of(tmp_path):
    frame = pd.json_normalize(TICKETS).drop(columns="to_emails").astype({"status": float, "id": float, "source": float})
    (tmp_path / "csv").mkdir()
    frame.to_csv(tmp_path / "csv" / "tickets.csv", index=False)
    (tmp_path / "json").mkdir()
    loaded = load_source(SourceSpec("cases", str(tmp_path / "csv"), kind="freshdesk"))
    other = read(tmp_path / "json", "freshdesk", {"tickets": TICKETS})
    pd.testing.assert_frame_equal(loaded.tables["events"], other.tables["events"])
    assert loaded.tables["cases"]["channel"].tolist() == other.tables["cases"]["channel"].tolist()
