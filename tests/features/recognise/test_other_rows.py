"""Rows that look like cases, calls or counts and are none: each is asked about, and passed over beside cases."""

import datetime as dt

import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.features.recognise.collection import look_at, recognise

START = dt.datetime(2024, 3, 4, 9)


def write(folder, head, rows, name="export.csv"):
    (folder / name).write_text("\n".join([head, *(",".join(map(str, r)) for r in rows)]) + "\n")
    return folder / name


def hours(k, step=7):
    return START + dt.timedelta(hours=step * k)


def days(k):
    return (START + dt.timedelta(days=k)).date()


OTHERS = {
    "people": ("id,name,email,created_at,last_login_at", lambda k: [k, f"U{k}", f"u{k}@x", hours(k), hours(k + 9)]),
    "teams": ("id,name,created_at,updated_at", lambda k: [k, f"Team {k}", hours(k), hours(k + 9)]),
    "answers of a survey": (
        "Respondent ID,Start Date,End Date,How satisfied are you?",
        lambda k: [7000 + k, hours(k), hours(k) + dt.timedelta(minutes=3), 1 + k % 5],
    ),
    "answers on tickets": ("Ticket ID,Agent,Rating,Created at", lambda k: [100 + k, "bo", 1 + k % 5, hours(k)]),
    "promises of cases": (
        "task,sla,stage,start_time,planned_end_time,end_time",
        lambda k: [f"INC{k // 2:04d}", f"P{k % 2}", "Completed", hours(k // 2), hours(k // 2 + 3), hours(k // 2 + 2)],
    ),
    "a timesheet": ("Date,Agent,Ticket,Hours", lambda k: [days(k // 3), "ABC"[k % 3], f"T-{k}", 1.5]),
    "messages": (
        "Message ID,Conversation ID,Direction,Message date,Handle time",
        lambda k: [f"m{k}", f"c{k // 3}", ("Inbound", "Outbound")[k % 2], hours(k), 60],
    ),
    "a table of days": ("Date,Revenue,Weather", lambda k: [days(k), 100.5 + k, "sun"]),
    "loads of a server": ("timestamp,value", lambda k: [START + dt.timedelta(minutes=5 * k), 40.5 + k % 9]),
    "counts by month": (
        "Month,Calls,Abandoned",
        lambda k: [dt.date(2020 + k // 12, k % 12 + 1, 1), 3000 + 7 * k, 100 + k],
    ),
    "series of two lengths": (
        "when,queue,calls",
        lambda k: [START + dt.timedelta(minutes=(60 if k % 2 else 15) * (k // 2)), "AB"[k % 2], k % 40],
    ),
    "rows whose ids lack": (
        "Case ID,Timestamp,Activity,Product",
        lambda k: ["" if k % 20 else f"Case {k}", hours(k), ("Take in charge", "Wait", "Closed")[k % 3], "AB"[k % 2]],
    ),
    "rows of callers": (
        "caller_id,changed_at,state",
        lambda k: [f"C{k % 12}", hours(k), "New" if k < 12 else ("Open", "Resolved")[k % 2]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_rows_that_are_no_cases_are_asked_about(name, tmp_path):
    head, row = OTHERS[name]
    with pytest.raises(InputError) as refused:
        recognise(write(tmp_path, head, [row(k) for k in range(120)]))
    said = str(refused.value)
    assert "\n" not in said
    assert refused.value.code in ("reading.contradicted", "reading.unclear", "frequency.invalid")
    assert refused.value.hint


def test_messages_can_be_said_to_be_messages(tmp_path):
    head, row = OTHERS["messages"]
    file = write(tmp_path, head, [row(k) for k in range(120)])
    asked = []
    found = look_at([file], ask=lambda question, answers: asked.append(answers) or 1).seen[0]
    assert found.table == "events"
    assert found.kinds == {"Inbound": "customer_message", "Outbound": "reply"}
    assert "'Conversation ID'" in asked[0][1]


def test_lists_beside_cases_are_passed_over_by_name(tmp_path):
    write(tmp_path, "Ticket ID,Created,Closed,Agent ID", [[50 + k, hours(k), hours(k + 5), k % 4] for k in range(60)])
    write(tmp_path, "id,name,created_at", [[k, f"A{k}", hours(k, 900)] for k in range(4)], "agents.csv")
    write(tmp_path, "Date,Holiday", [["2024-01-01", "New Year"], ["2024-05-01", "Labour Day"]], "holidays.csv")
    write(tmp_path, "Created,Price", [[hours(k, 11), k % 5] for k in range(30)], "quotes.csv")
    found = look_at([tmp_path])
    assert [s.path.name for s in found.seen] == ["export.csv"]
    assert {n for n, _ in found.passed_over} == {"agents.csv", "holidays.csv", "quotes.csv"}


@pytest.mark.parametrize(
    ("head", "row", "table"),
    [
        ("number,title,state,user,created_at", lambda k: [k, "x", "open", "ann", hours(k)], "cases"),
        ("Ticket ID,Requester name,Email,Status,Created", lambda k: [k, f"U{k}", "u@x", "New", hours(k)], "cases"),
        ("Ticket,Name,Created", lambda k: [k, f"U{k}", hours(k)], "cases"),
        ("Number,First name,Last name,Email,Priority,Created", lambda k: [k, "a", "b", "c", k % 3, hours(k)], "cases"),
        ("Opened,Priority", lambda k: [days(k), 1 + k % 3], "cases"),
        ("when,queue,rides", lambda k: [hours(k // 2, 1), "AB"[k % 2], k % 40], "volumes"),
        ("date,passengers", lambda k: [days(k), 12 + k % 30], "volumes"),
    ],
)
def test_their_cousins_that_are_cases_or_counts_are_read(head, row, table, tmp_path):
    assert recognise(write(tmp_path, head, [row(k) for k in range(120)])).table == table


def test_rows_without_any_value_hide_no_log(tmp_path):
    rows = [[f"Case {k // 3}", hours(k), ("Open", "Wait", "Closed")[k % 3]] for k in range(60)]
    rows = [r if i % 4 else ["", "", ""] for i, r in enumerate(rows)]
    seen = recognise(write(tmp_path, "Case ID,Timestamp,Activity", rows))
    assert (seen.table, seen.columns["case_id"]) == ("events", "Case ID")
    assert len(seen.raw.frame) == 60


def test_weeks_that_are_cut_or_lack_are_one_length_of_slots(tmp_path):
    weeks = [d.date() for d in pd.date_range("2023-01-01", periods=104, freq="W")]
    rows = [[d, q, 1 + k % 4] for q in "ABC" for k, d in enumerate(weeks) if q != "C" or k % 3]
    rows += [[dt.date(2024, 1, 1), "A", 2]]
    seen = recognise(write(tmp_path, "date,region,calls", rows))
    assert (seen.table, seen.slot_s) == ("volumes", 604800.0)
