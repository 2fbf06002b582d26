"""Understanding that can say no: ids by values, openings that are none, questions with answers, ends by duration."""

import datetime as dt
import random

import pandas as pd
import pytest
from deskcast.features import InputError
from deskcast.features.recognise.collection import look_at, recognise
from deskcast.features.recognise.readings import Reading, UnclearReadingError, choose_reading
from deskcast.features.recognise.vocabulary import can_be_opening, is_duration_name, score_role_match
from deskcast.features.sources.load import load_source

START = dt.datetime(2024, 3, 1, 8)
HEAD = ["Ticket ID", "Created", "Closed", "Channel", "Customer ID"]


def cases(count=300):
    rows = []
    for i in range(count):
        opened = START + dt.timedelta(hours=3 * i)
        closed = opened + dt.timedelta(hours=(i * 7) % 40 + 1) if i % 7 else ""
        rows.append((1000 + i, opened, closed, ("web", "mail")[i % 2], f"C{i % 30}"))
    return rows


def changes():
    chance = random.Random(1)
    rows = []
    for i in range(40):
        at = START + dt.timedelta(hours=5 * i)
        more = chance.choice([["Pending", "In Progress"], [], ["Assigned"]])
        for state in ["New", "In Progress", *more, *chance.choice([["Resolved", "Closed"], ["Resolved"], []])]:
            rows.append((f"INC{1000 + i}", at, state, chance.choice(("ann", "bob", "cid"))))
            at += dt.timedelta(hours=1 + chance.random() * 20)
    return sorted(rows, key=lambda r: r[1])


def write(folder, head, rows, name="export.csv"):
    (folder / name).write_text("\n".join(",".join(map(str, r)) for r in [head, *rows]) + "\n")
    return folder / name


@pytest.mark.parametrize(
    "name", ["Case ID", "objectid", "documentkey", "Item", "Nummer", "doc", "parent", "thing", "WO"]
)
def test_a_log_of_changes_is_known_whatever_its_ids_are_called(tmp_path, name):
    seen = recognise(write(tmp_path, [name, "when", "what", "by"], changes()))
    assert (seen.shape, seen.columns["case_id"]) == ("event log", name)
    loaded = load_source(seen.spec())
    assert len(loaded.tables["cases"]) == 40
    assert {"resolved", "closed", "paused"} <= set(loaded.tables["events"]["kind"])


def test_changes_of_fields_are_read_by_field_and_value(tmp_path):
    head = ["id", "documentkey", "fieldname", "oldvalue", "newvalue", "sys_created_on"]
    rows = [(n, r[0], "state", "", r[2], r[1]) for n, r in enumerate(changes(), 1)]
    rows += [(900 + n, r[0], "priority", 3, 2, r[1]) for n, r in enumerate(changes()[::3])]
    seen = recognise(write(tmp_path, head, rows))
    assert seen.columns["activity"] == "fieldname + newvalue"
    assert seen.kinds["state Closed"] == "closed"
    assert not any(k.startswith("priority") for k in seen.kinds)


def test_rows_are_not_numbered_while_a_column_repeats_like_an_id(tmp_path):
    rows = [(*r[1:4], i % 60) for i, r in enumerate(cases())]
    file = write(tmp_path, ["Created", "Closed", "Channel", "Household"], rows)
    with pytest.raises(UnclearReadingError, match="'Household' repeats like an id") as caught:
        recognise(file)
    assert caught.value.code == "reading.contradicted"
    assert "a case is a row" in str(caught.value)
    assert 'case_id = "Household"' in str(caught.value)
    asked = []
    one = look_at([file], lambda question, answers: asked.append((question, answers)) or 0).seen[0]
    assert "case_id" not in one.columns
    assert len(asked[0][1]) == 2
    other = look_at([file], lambda question, answers: 1).seen[0]
    assert other.columns["case_id"] == "Household"


def test_a_third_of_the_rows_twice_keeps_the_ids(tmp_path):
    rows = cases()
    loaded = load_source(recognise(write(tmp_path, HEAD, rows + rows[:90])).spec())
    assert len(loaded.tables["cases"]) == 300
    assert len(loaded.rejected) == 90


@pytest.mark.parametrize(
    "name",
    ["Change Number", "Order ID", "Work Order ID", "Task ID", "Issue key", "Query ID", "Claim No.", "Call Id", "Número",
     "Ref.", "Vorgang-Nr.", "N° Ticket", "Nº do chamado", "Incident ID*+", "SR_NUMBER", "service_request_id"],
)  # fmt: skip
def test_ids_by_many_names(tmp_path, name):
    assert recognise(write(tmp_path, [name, *HEAD[1:]], cases())).columns["case_id"] == name


ROLES = """
created_at: Date/Time Opened|Erstellungsdatum|Data de abertura|Fecha de apertura|Date d'ouverture|Data/hora de abertura
created_at: Aperto|Aangemaakt op|CreatedDate|requested_datetime|Reported Date+|open_dt
resolved_at: Data da solução|Fecha de solución|Date de solution|Solution date|Gelöst|Risolto|Last Resolved Date
closed_at: Encerrado|Cerrado|Date de clôture|Data di chiusura|Geschlossen am|Closing Date|closedate|CLOSED_DATE
updated_at: Última atualização|Letzte Änderung|Mis à jour|sys_updated_on|Ultimo aggiornamento
channel: MethodReceived|Herkunft|Origem|contact_type|Kanal
team: Grupo de atribuição|Zuweisungsgruppe|Assigned To - Technician group|Squad
case_type: SRType|Complaint Type|sys_class_name
"""


@pytest.mark.parametrize(("role", "names"), [line.split(": ") for line in ROLES.strip().splitlines()])
def test_roles_by_names_of_many_languages(role, names):
    assert [n for n in names.split("|") if score_role_match(n, role) < 0.5] == []


def test_what_is_no_opening_and_what_is_a_duration():
    never = ("Date of Purchase", "Due Date", "Date of Birth", "Fällig am", "Contract End", "Last Update", "Closed")
    assert not any(can_be_opening(n) for n in never)
    assert can_be_opening("Erstellt am")
    assert all(is_duration_name(n) for n in ("AHT", "Talk Time", "Resolution Time (hours)", "calendar_duration"))
    assert not any(is_duration_name(n) for n in ("Open Time", "Close Time", "Created time"))


@pytest.mark.parametrize("name", ["Due Date", "Date of Purchase", "Geburtsdatum", "Last Update"])
def test_a_time_that_is_no_opening_is_not_taken_for_one(tmp_path, name):
    rows = [(r[0], r[1].date(), "x") for r in cases()]
    with pytest.raises(
        InputError, match=f"missing opening time; got '{name}' [(](not an opening by its name|updated)[)]"
    ):
        recognise(write(tmp_path, ["Ticket ID", name, "Note"], rows))


def test_ends_before_their_openings_are_asked_about(tmp_path):
    rows = [(r[0], r[2] or r[1], r[1]) for r in cases()]
    file = write(tmp_path, ["Ticket ID", "Created", "Closed"], rows)
    with pytest.raises(UnclearReadingError, match=r"lie before 'Created'.*'Closed' opens a case"):
        recognise(file)
    turned = look_at([file], lambda question, answers: 1).seen[0]
    assert (turned.columns["created_at"], turned.columns["closed_at"]) == ("Closed", "Created")


def test_two_readings_that_are_close_are_asked_about():
    near = [Reading("case table", 0.8, {"columns": {"case_id": "a"}}), Reading("event log", 0.75, {"table": "events"})]
    with pytest.raises(UnclearReadingError, match=r"is this a case table .* or an event log"):
        choose_reading(near, "t.csv")
    assert choose_reading(near, "t.csv", lambda question, answers: 1)[0].shape == "event log"
    assert choose_reading([near[0], Reading("event log", 0.4)], "t.csv")[0].shape == "case table"


@pytest.mark.parametrize(
    ("head", "value", "unit"),
    [
        ("Resolution Time (hours)", lambda s: s / 3600, "h"),
        ("Resolution time (in hrs)", lambda s: f"{int(s // 3600)}:00:00", "h"),
        ("Full resolution time in minutes", lambda s: s / 60, "min"),
        ("calendar_duration", lambda s: f"{int(s // 86400)} Days {int(s % 86400 // 3600)} Hours 0 Minutes", "s"),
        ("calendar_stc", lambda s: s, "s"),
    ],
)
def test_an_end_is_an_opening_plus_a_duration(tmp_path, head, value, unit):
    rows = [(r[0], r[1], value((r[2] - r[1]).total_seconds()) if r[2] else "") for r in cases()]
    seen = recognise(write(tmp_path, ["Ticket ID", "Created", head], rows))
    assert seen.columns["resolved_at"] == f"Created + {head}"
    assert dict(seen.units) == {head: unit}
    events = load_source(seen.spec()).tables["events"]
    ends = events[events["kind"] == "resolved"].set_index("case_id")["at"].dt.tz_localize(None)
    assert dict(ends.items()) == {str(r[0]): pd.Timestamp(r[2]) for r in cases() if r[2]}


def test_business_hours_and_times_of_open_cases_are_no_ends(tmp_path):
    rows = [(r[0], r[1], 5, "Closed" if r[2] else "Open") for r in cases()]
    for name in ("Resolution time (business hours)", "Resolution time (hours)"):
        seen = recognise(write(tmp_path, ["Ticket ID", "Created", name, "Status"], rows))
        assert "resolved_at" not in seen.columns


def test_a_duration_is_no_time_of_day(tmp_path):
    rows = [(r[0], r[1].date(), "0:04:35", r[1].strftime("%H:%M")) for r in cases()]
    seen = recognise(write(tmp_path, ["Ticket ID", "Open Date", "AHT", "Open Time"], rows))
    assert seen.columns["created_at"] == "Open Date + Open Time"
    seen = recognise(write(tmp_path, ["Ticket ID", "Open Date", "AHT"], [r[:3] for r in rows]))
    assert seen.columns["created_at"] == "Open Date"


@pytest.mark.parametrize(
    "head",
    ["Open Date,Open Time,Close Date,Close Time", "Fecha apertura,Hora apertura,Fecha cierre,Hora cierre",
     "Eröffnet am,Eröffnet um,Geschlossen am,Geschlossen um", "Opened,Time,Closed,Time"],
)  # fmt: skip
def test_a_date_and_its_clock_stand_in_two_columns(tmp_path, head):
    def parts(at):
        return (f"{at:%d.%m.%Y}", f"{at:%H:%M}") if at else ("", "")

    rows = [(r[0], *parts(r[1]), *parts(r[2])) for r in cases()]
    loaded = load_source(recognise(write(tmp_path, ["Ticket ID", *head.split(",")], rows)).spec())
    assert loaded.rejected.empty
    ends = loaded.tables["events"].query("kind == 'closed'").set_index("case_id")["at"].dt.tz_localize(None)
    assert dict(ends.items()) == {str(r[0]): pd.Timestamp(r[2]) for r in cases() if r[2]}


def test_ends_that_are_dates_refuse_no_case_of_one_day(tmp_path):
    rows = [(r[0], r[1], r[2].date() if r[2] else "") for r in cases()]
    loaded = load_source(recognise(write(tmp_path, HEAD[:3], rows)).spec())
    assert loaded.rejected.empty
    ends = loaded.tables["events"].query("kind == 'closed'").set_index("case_id")["at"].dt.tz_localize(None)
    right = {str(r[0]): max(pd.Timestamp(r[2].date()), pd.Timestamp(r[1])) for r in cases() if r[2]}
    assert dict(ends.items()) == right
    assert any("no time of day" in n for n in loaded.notes)


def test_the_exact_name_wins_and_the_other_stays_an_attribute(tmp_path):
    head = ["id", "created_at", "close_at", "organization_id", "customer_id"]
    seen = recognise(write(tmp_path, head, [(*r[:3], i % 7, i % 90) for i, r in enumerate(cases())]))
    assert seen.columns["customer_id"] == "customer_id"
    assert "customer_id" not in seen.attributes
    assert seen.attributes["organization_id"] == "outcome"
    assert len(load_source(seen.spec()).tables["cases"]) == 300


def test_day_and_month_that_could_be_either_are_asked_about(tmp_path):
    rows = [(i, f"{i % 9 + 1:02d}/{i % 7 + 1:02d}/2024 09:00") for i in range(60)]
    file = write(tmp_path, ["id", "opened"], rows)
    seen = recognise(file)
    assert "this is a guess" in seen.why["date_format"]
    assert seen.why["date_format"].count("(not ") == 3
    notes = " ".join(load_source(seen.spec()).notes)
    assert notes.count("(not ") == 3
    assert look_at([file], lambda question, answers: 1).seen[0].date_format == "%m/%d/%Y %H:%M"


def test_what_no_delimiter_divides_says_what_was_tried(tmp_path):
    (tmp_path / "export.csv").write_text("id   opened\n1   2024-03-01 09:00\n2   2024-03-02 09:00\n")
    with pytest.raises(InputError, match="tried comma, semicolon, tab, bar"):
        recognise(tmp_path / "export.csv")
