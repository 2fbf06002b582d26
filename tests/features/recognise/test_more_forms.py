"""More ways to write the same cases, calls and counts: clocks of digits, names in other languages, telephone lists."""

import csv
import datetime as dt
import io

import pandas as pd
import pytest
from deskcast.features.readers.read import read_raw
from deskcast.features.recognise.collection import recognise
from deskcast.features.sources.load import load_source

START = dt.datetime(2024, 3, 4, 8, 7)
CASES = [(100 + k, START + dt.timedelta(hours=5 * k), 37 + 61 * (k % 50) if k % 6 else 0) for k in range(60)]
CALLS = [(k, START + dt.timedelta(minutes=9 * k), 5 + k % 40, 0 if k % 8 == 0 else 60 + k % 200) for k in range(90)]


def read(folder, head, rows, mark=","):
    out = io.StringIO()
    csv.writer(out, delimiter=mark, lineterminator="\n").writerows([head, *rows])
    (folder / "export.csv").write_text(out.getvalue())
    seen = recognise(folder / "export.csv")
    return seen, load_source(seen.spec()).tables


def end(opened, minutes):
    return opened + dt.timedelta(minutes=minutes)


def stamp(at, form, there=True):
    return f"{at:{form}}" if there else ""


def case_rows(*cells):
    return [[cell(i, o, end(o, m), bool(m)) for cell in cells] for i, o, m in CASES]


NAMES = {
    "nl": ["Meldingnummer", "Aanmelddatum", "Datum gesloten"],
    "nl, compounds": ["Incidentnummer", "Openingsdatum", "Sluitingsdatum"],
    "pl": ["Numer zgłoszenia", "Data otwarcia zgłoszenia", "Data zamknięcia"],
    "de, nouns": ["lfd. Nr.", "Eingang", "Erledigung"],
    "fr": ["N° dossier", "Date de création du ticket", "Date de clôture"],
    "es": ["Expediente", "Fecha de apertura del ticket", "Fecha hora cierre"],
    "it": ["Codice ticket", "Data apertura ticket", "Data chiusura"],
}


@pytest.mark.parametrize("name", NAMES)
def test_names_of_other_languages_are_the_same_cases(name, tmp_path):
    rows = case_rows(
        lambda i, *_: i, lambda _, o, *__: stamp(o, "%d-%m-%Y %H:%M"), lambda _, __, e, t: stamp(e, "%d-%m-%Y %H:%M", t)
    )
    check_cases(*read(tmp_path, NAMES[name], rows, ";"))


SPLIT = {
    "digits": (["CASENO", "OPENDATE", "OPENTIME", "CLOSEDATE", "CLOSETIME"], "%Y%m%d", "%-H%M"),
    "digits with zeros": (["No", "Open Date", "Open Time", "Close Date", "Close Time"], "%d.%m.%Y", "%H%M"),
    "one name twice": (["Nr", "Eröffnet am", "Uhrzeit", "Geschlossen am", "Uhrzeit"], "%d.%m.%Y", "%H:%M"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPLIT)
def test_clocks_apart_from_their_dates_are_joined_each_to_its_own(name, tmp_path):
    head, day, clock = SPLIT[name]
    rows = [
        [i, stamp(o, day), stamp(o, clock), stamp(end(o, m), day, m), stamp(end(o, m), clock, m)]
        for i, o, m in CASES
        if o.hour and end(o, m).hour  # without zeros in front the first hour of a day is no clock
    ]
    check_cases(*read(tmp_path, head, rows), [c for c in CASES if c[1].hour and end(*c[1:]).hour])


def check_cases(seen, tables, cases=CASES):
    assert seen.table == "cases"
    opened = tables["cases"].set_index("case_id")["created_at"].dt.tz_localize(None)
    assert opened.to_dict() == {str(i): o for i, o, _ in cases}
    ends = tables["events"].loc[tables["events"]["kind"].isin(["resolved", "closed"])].set_index("case_id")["at"]
    assert ends.dt.tz_localize(None).to_dict() == {str(i): end(o, m) for i, o, m in cases if m}


def seconds(n):
    return f"{n // 3600}:{n % 3600 // 60:02d}:{n % 60:02d}"


def at(call, form, *parts):
    return stamp(call[1] + dt.timedelta(seconds=sum(call[p] for p in parts)), form)


LISTS = {
    "a date beside the time": (
        ["line", "date (UTC)", "datetime (UTC)", "direction", "answered", "duration (total)", "duration (in call)",
         "waiting time"],
        lambda c: ["Sales", at(c, "%Y-%m-%d"), at(c, "%Y-%m-%d %H:%M:%S"), "inbound", "Yes" if c[3] else "No",
                   c[2] + c[3], c[3], c[2]],
    ),
    "a list of chats": (
        ["Chat ID", "Department", "Request Time", "Accepted Time", "Ended Time", "Wait Time", "Duration"],
        lambda c: [c[0], "Sales", at(c, "%Y-%m-%d %H:%M:%S"), at(c, "%Y-%m-%d %H:%M:%S", 2) if c[3] else "",
                   at(c, "%Y-%m-%d %H:%M:%S", 2, 3), seconds(c[2]), seconds(c[3])],
    ),
    "an answer time": (
        ["Call ID", "Direction", "Start Time", "Answer Time", "End Time", "Duration", "Call Result"],
        lambda c: [c[0], "inbound", at(c, "%b %d, %Y %I:%M:%S %p"), at(c, "%b %d, %Y %I:%M:%S %p", 2) if c[3] else "",
                   at(c, "%b %d, %Y %I:%M:%S %p", 2, 3), seconds(c[3]), "Answered" if c[3] else "Missed"],
    ),
    "times of a queue": (
        ["Transaction ID", "Queue Name", "Time Enqueued", "Time Accepted", "Time Finished", "Wait Time", "Outcome"],
        lambda c: [c[0], "Sales", at(c, "%Y-%m-%d %H:%M:%S"), at(c, "%Y-%m-%d %H:%M:%S", 2) if c[3] else "",
                   at(c, "%Y-%m-%d %H:%M:%S", 2, 3), c[2], "Handled" if c[3] else "Abandoned"],
    ),
    "times with a zone": (
        ["Sid", "Direction", "StartTime", "Wait Time", "Talk Time", "Status"],
        lambda c: [f"CA{c[0]}", "inbound", at(c, "%a, %d %b %Y %H:%M:%S +0000"), c[2], c[3],
                   "completed" if c[3] else "no-answer"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_calls_and_chats_give_who_waited_and_who_gave_up(name, tmp_path):
    head, row = LISTS[name]
    seen, tables = read(tmp_path, head, [row(c) for c in CALLS])
    assert seen.table == "contacts"
    rows = tables["contacts"]
    assert (len(rows), int(rows["answered_at"].notna().sum())) == (len(CALLS), sum(bool(c[3]) for c in CALLS))
    assert rows["queued_at"].min() == pd.Timestamp(START, tz="UTC")
    waits = (rows["answered_at"] - rows["queued_at"]).dt.total_seconds().sum()
    assert waits == sum(c[2] for c in CALLS if c[3])


def test_hours_across_with_a_weekday_and_a_sum_are_counts(tmp_path):
    head = ["Datum", "Wochentag", *(f"{h:02d}-{h + 1:02d} Uhr" for h in range(8, 18)), "Summe"]
    counts = [[(3 * d + h) % 17 for h in range(10)] for d in range(14)]
    days = [START.date() + dt.timedelta(days=d) for d in range(14)]
    week = ["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"]
    rows = [[f"{d:%d.%m.%Y}", week[d.weekday()], *c, sum(c)] for d, c in zip(days, counts, strict=True)]
    seen, tables = read(tmp_path, head, rows, ";")
    assert (seen.table, seen.slot_s) == ("volumes", 3600.0)
    assert tables["volumes"]["y"].sum() == sum(map(sum, counts))
    assert tables["volumes"]["unique_id"].nunique() == 1


def test_empty_columns_beside_a_header_that_comes_again_are_no_error(tmp_path):
    (tmp_path / "e.csv").write_text(
        ",Ticket,,Opened,\n,1,,2024-03-01 09:00,\n,Ticket,,Opened,\n,2,,2024-03-02 09:00,\n"
    )
    raw = read_raw(tmp_path / "e.csv")
    assert raw.frame.to_dict("list") == {"Ticket": ["1", "2"], "Opened": ["2024-03-01 09:00", "2024-03-02 09:00"]}


@pytest.mark.parametrize(
    "names",
    [("Status alt", "Status neu"), ("Ancien statut", "Nouveau statut"), ("Previous Value", "New Value"), ("B", "N")],
)
@pytest.mark.parametrize("first", ["", "Neu"])
def test_a_log_of_changes_is_read_by_the_state_after_each(tmp_path, names, first):
    steps = ["Neu", "In Bearbeitung", "Wartet auf Kunde", "In Bearbeitung", "Gelöst"]
    rows = []
    for i, opened, _ in CASES:
        before = [first, *steps[:-1]] if not first else steps[:-1]
        for k, (old, new) in enumerate(zip(before, steps if not first else steps[1:], strict=True)):
            rows.append([f"INC{i}", f"{end(opened, 30 * k):%Y-%m-%d %H:%M}", old, new])
    seen, tables = read(tmp_path, ["Vorgang", "Zeitpunkt", *names], rows)
    assert seen.columns["activity"] == names[1]
    kinds = tables["events"]["kind"].value_counts()
    assert kinds["resolved"] == kinds["paused"] == len(CASES)


def test_the_state_that_comes_next_is_not_taken_for_that_of_now(tmp_path):
    steps = ["Neu", "In Bearbeitung", "Wartet auf Kunde", "In Bearbeitung", "Gelöst"]
    rows = [
        [f"INC{i}", f"{end(opened, 30 * k):%Y-%m-%d %H:%M}", now, [*steps, ""][k + 1]]
        for i, opened, _ in CASES
        for k, now in enumerate(steps)
    ]
    seen, tables = read(tmp_path, ["Vorgang", "Zeitpunkt", "Stufe", "Stufe danach"], rows)
    assert seen.columns["activity"] == "Stufe"
    assert (tables["events"]["kind"] == "resolved").sum() == len(CASES)


@pytest.mark.parametrize("names", [("created", "resolutiondate"), ("creationdate", "closuredate")])
def test_milliseconds_are_times_under_names_without_a_gap(tmp_path, names):
    number = lambda at: str(int(at.replace(tzinfo=dt.UTC).timestamp() * 1000))  # noqa: E731
    rows = [[f"OPS-{i}", number(o), number(end(o, m)) if m else ""] for i, o, m in CASES]
    _, tables = read(tmp_path, ["key", *names], rows)
    assert len(tables["cases"]) == len(CASES)
    assert tables["events"]["kind"].isin(["resolved", "closed"]).sum() == sum(bool(m) for *_, m in CASES)
