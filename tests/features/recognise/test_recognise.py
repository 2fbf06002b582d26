"""What a file is: shape, columns, kinds, times and leakage, by names and values and never by the file's own name."""

import shutil

import pandas as pd
import pytest
from deskcast.features import InputError
from deskcast.features.readers.zones import guess_zone
from deskcast.features.recognise.collection import recognise
from deskcast.features.recognise.roles import is_constant_within
from deskcast.features.recognise.vocabulary import classify_activity, score_role_match
from deskcast.features.sources.load import load_source

REAL = {
    "servicenow_incidents/incident_event_log_opened_before_2016-05.csv.gz": ("audit log", "cases", {}),
    "nyc_council_cases/council_cases.csv.gz": (
        "case table",
        "cases",
        {
            "case_id": "unique_key",
            "created_at": "opendate",
            "closed_at": "closedate",
            "region": "borough",
            "case_type": "complaint_type",
        },
    ),
    "helpdesk_italy/helpdesk.csv.gz": (
        "event log",
        "events",
        {"case_id": "case_id", "at": "timestamp", "activity": "activity", "actor_id": "resource"},
    ),
    "bpic2014_rabobank/incident_activity_basic.csv.gz": (
        "event log",
        "events",
        {"case_id": "incident_id", "at": "timestamp", "activity": "activity"},
    ),
    "bpic2014_rabobank/incident_activity_with_groups_subset.csv.gz": (
        "event log",
        "events",
        {"case_id": "incident_id", "at": "timestamp", "activity": "activity", "team": "assignment_group"},
    ),
    "bpic2014_rabobank/incident_attributes_label_encoded.csv.gz": (
        "case table",
        "cases",
        {
            "case_id": "incident_id",
            "created_at": "t_Open_Time",
            "closed_at": "t_Close_Time",
            "priority": "y_Priority",
        },
    ),
    "bank_calls_5min/bank_calls.csv.gz": ("volume series", "volumes", {"ds": "datetime", "y": "calls"}),
    "anonymous_bank_calls_feb1999/calls_1999_02.csv.gz": ("call log", "contacts", {}),
    "cfpb_complaints/complaints_2014-10_2014-11.csv.gz": (
        "case table",
        "cases",
        {
            "case_id": "Complaint ID",
            "created_at": "Date received",
            "channel": "Submitted via",
            "product": "Product",
            "region": "State",
        },
    ),
    "cfpb_complaints/complaints_2013-08_2013-10.csv.gz": (
        "case table",
        "cases",
        {"case_id": "complaint_id", "created_at": "date_received", "channel": "submitted_via", "region": "state"},
    ),
}
LEAKS = {
    "servicenow_incidents/incident_event_log_opened_before_2016-05.csv.gz": {
        "resolved_at",
        "closed_at",
        "closed_code",
        "resolved_by",
    },
    "helpdesk_italy/helpdesk.csv.gz": {"variant"},
    "bpic2014_rabobank/incident_attributes_label_encoded.csv.gz": {
        "c_Closure_Code",
        "t_ReopenFlag",
        "q_No_of_Reassignments",
    },
    "cfpb_complaints/complaints_2014-10_2014-11.csv.gz": {
        "Company response",
        "Timely response?",
        "Consumer disputed?",
        "Date sent to company",
    },
}


@pytest.mark.parametrize("name", REAL)
def test_real_exports_are_recognised_under_any_name(shared_data, tmp_path, name):
    shape, table, columns = REAL[name]
    shutil.copy(shared_data(name), tmp_path / "x")  # the name of a file is no clue
    seen = recognise(tmp_path / "x")
    assert (seen.shape, seen.table) == (shape, table)
    assert columns.items() <= dict(seen.columns).items()
    assert LEAKS.get(name, set()) <= set(seen.leakage) | set(seen.figures.values())  # figures are no features either
    assert not any(seen.attributes.get(c) in ("creation", "event") for c in seen.leakage)
    assert seen.kind == {"audit log": "servicenow", "call log": "telephone"}.get(shape, "table")


def test_a_table_with_a_purchase_date_only_is_refused(shared_data):
    with pytest.raises(
        InputError, match=r"missing opening time; got 'Date of Purchase' \(not an opening by its name\) and 2"
    ):
        recognise(shared_data("synthetic_support_tickets/customer_support_tickets.csv.gz"))


def test_kinds_dates_and_zone_of_real_exports(shared_data):
    helpdesk = recognise(shared_data("helpdesk_italy/helpdesk.csv.gz"))
    assert helpdesk.kinds["Resolve ticket"] == "resolved"
    assert helpdesk.kinds["Wait"] == "paused"
    assert "Assign seriousness" not in helpdesk.kinds
    assert helpdesk.timezone == "Europe/Athens"  # +02:00 in winter and +03:00 in summer
    assert recognise(shared_data("cfpb_complaints/complaints_2014-10_2014-11.csv.gz")).date_format == "%m/%d/%Y"
    assert recognise(shared_data("bank_calls_5min/bank_calls.csv.gz")).slot_s == 300.0


def write(tmp_path, text, name="export.csv"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_two_ambiguous_columns_take_the_order_that_a_third_reveals(tmp_path):
    rows = "".join(f"{i},{i % 9 + 1}/{i % 7 + 1}/2024,{i % 9 + 2}/{13 + i % 9}/2024\n" for i in range(40))
    seen = recognise(write(tmp_path, "id,opened,closed\n" + rows))
    assert seen.date_format == "%m/%d/%Y"


def test_an_ambiguous_file_says_that_it_guesses(tmp_path):
    rows = "".join(f"{i},{i % 9 + 1}/{i % 7 + 1}/2024\n" for i in range(40))
    seen = recognise(write(tmp_path, "id,opened\n" + rows))
    assert "guess" in seen.why["date_format"]
    assert (
        any("day first" in n or "day was read first" in n for n in load_source(seen.spec()).notes) or seen.date_format
    )


def test_canonical_tables_are_known_by_their_columns(tmp_path):
    seen = recognise(write(tmp_path, "case_id,seq,at,kind\n1,0,2024-03-01,created\n1,1,2024-03-02,closed\n"))
    assert (seen.shape, seen.table, dict(seen.columns)) == ("canonical table", "events", {})
    contacts = "contact_id,channel,queued_at,answered_at,ended_at\n1,phone,2024-03-01,2024-03-01,2024-03-01\n"
    assert recognise(write(tmp_path, contacts)).table == "contacts"
    outbound = tmp_path / "outbound_contacts.csv"
    outbound.write_text(contacts)
    assert recognise(outbound).table == "outbound_contacts"


def test_numbers_are_not_taken_for_epochs_unless_the_name_says_time(tmp_path):
    rows = "".join(f"{1_400_000_000 + i * 977},2024-03-{1 + i % 28:02d} 09:00\n" for i in range(60))
    assert recognise(write(tmp_path, "ticket,opened\n" + rows)).columns["created_at"] == "opened"
    rows = "".join(f"T{i},{1_400_000_000 + i * 977}\n" for i in range(60))
    assert recognise(write(tmp_path, "ticket,created_at_ts\n" + rows)).columns["created_at"] == "created_at_ts"


def test_a_state_of_a_case_is_no_region(tmp_path):
    rows = "".join(f"{i},2024-03-{1 + i % 28:02d},{['open', 'closed', 'pending'][i % 3]}\n" for i in range(60))
    seen = recognise(write(tmp_path, "id,opened,state\n" + rows))
    assert "region" not in seen.columns
    assert seen.attributes["state"] == "outcome"


def test_a_file_without_times_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"export\.csv: missing column of times; got series, value,"):
        recognise(write(tmp_path, "series,value\na,1\nb,2\n"))


@pytest.mark.parametrize(
    ("activity", "kind"),
    [
        ("Re-opened", "reopened"),
        ("On hold", "paused"),
        ("Assigned to level 2", "assigned"),
        ("Assign seriousness", ""),
        ("Status Change", ""),
        ("Closed", "closed"),
        ("Escalated to tier 2", "escalated"),
        ("Update from customer", "customer_message"),
        ("Priority change", "priority"),
    ],
)
def test_words_of_activities(activity, kind):
    assert classify_activity(activity) == kind


def test_plainer_names_win():
    assert (
        score_role_match("ticket_id", "case_id")
        > score_role_match("reference", "case_id")
        > score_role_match("colour", "case_id")
        == 0.0
    )
    assert score_role_match("Closed Date", "closed_at") == 1.0


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney"])
def test_a_zone_is_found_from_its_offsets(zone):
    days = pd.Series(pd.date_range("2023-01-01", "2023-12-31", freq="37h", tz=zone))
    written = days.map(lambda d: d.isoformat()).astype("str")
    assert guess_zone(written)[0] == zone


def test_offsets_that_fit_no_zone_are_said():
    zone, why = guess_zone(pd.Series(["2024-01-01T09:00:00+07:13", "2024-07-01T09:00:00-04:45"]))
    assert zone == ""
    assert "fit no usual zone" in why


def test_constant_within_allows_a_handful_of_exceptions():
    frame = pd.DataFrame({"case": [str(i // 2) for i in range(400)], "plan": ["a", "a"] * 200})
    assert is_constant_within(frame, "case", "plan")
    frame.loc[0, "plan"] = "b"
    assert is_constant_within(frame, "case", "plan")
    frame["plan"] = [str(i) for i in range(400)]
    assert not is_constant_within(frame, "case", "plan")


def test_an_id_with_some_repeats_is_still_an_id(tmp_path):
    seen = recognise(write(tmp_path, "id,opened,closed\n1,2024-01-01,\n2,2024-01-02,2024-01-05\n2,2024-01-03,\n"))
    assert seen.columns["case_id"] == "id"
    assert load_source(seen.spec()).rejected["row"].tolist() == [3]


def test_headers_in_other_languages_are_understood(tmp_path):
    file = tmp_path / "vorgaenge.csv"
    rows = "".join(
        f"T{i:04d};{1 + i % 28:02d}.03.2024 09:{i % 60:02d};{2 + i % 28:02d}.03.2024 10:00;hoch;Telefon\n"
        for i in range(80)
    )
    head = "Ticketnummer;Erstellt am;Geschlossen am;Priorität;Kanal\n"
    file.write_bytes((head + rows.replace("hoch", "tief", 30)).encode("cp1252"))
    seen = recognise(file)
    assert seen.shape == "case table"
    assert seen.columns | {"channel": "Kanal"} == {
        "case_id": "Ticketnummer",
        "created_at": "Erstellt am",
        "closed_at": "Geschlossen am",
        "priority": "Priorität",
        "channel": "Kanal",
    }
    for name, role in (("Date de clôture", "closed_at"), ("Fecha de cierre", "closed_at"), ("Criado em", "created_at")):
        assert score_role_match(name, role) > 0.5


def test_times_that_may_be_an_ending_are_named(tmp_path):
    file = tmp_path / "export.csv"
    file.write_text("key,opened,verified\n" + "".join(f"{i},2024-03-01 09:{i:02d},2024-03-02\n" for i in range(60)))
    assert "'verified'" in recognise(file).why["table"]
