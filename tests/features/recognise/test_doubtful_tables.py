"""Tables that are easily misread: each is read as what it is, or refused by name."""

import datetime as dt

import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.features.recognise.collection import look_at, recognise
from deskcast.features.recognise.sheets import group_sheets
from deskcast.features.sources.satisfaction import score_answers
from deskcast.features.sources.spec import SourceSpec
from deskcast.features.sources.table import read_mapped_table
from hypothesis import given
from hypothesis import strategies as st

START = dt.datetime(2024, 3, 4)


def write(folder, name, head, rows):
    file = folder / name
    file.write_text("\n".join([head, *(",".join(map(str, r)) for r in rows)]) + "\n")
    return file


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("Date,AHT", lambda k: [300 + k]),
        ("Datum,Ø Bearbeitungszeit", lambda k: [f"00:0{k % 10}:{k % 60:02d}"]),
        ("Date,Service Level %,ASA", lambda k: [f"{70 + k % 30}%", k % 60]),
        ("Date,Queue,AHT,ACW", lambda k: ["Sales", 300 + k, 20 + k % 9]),
    ],
)
def test_a_report_without_a_count_is_refused_and_no_list_of_cases(head, row, tmp_path):
    file = write(tmp_path, "aht.csv", head, [[(START + dt.timedelta(days=k)).date(), *row(k)] for k in range(60)])
    with pytest.raises(InputError, match="missing number of contacts offered"):
        recognise(file)


@pytest.mark.parametrize(("share", "table"), [(0.1, "volumes"), (0.4, "volumes"), (0.8, "")])
def test_counts_with_mistakes_stay_counts_or_are_refused(share, table, tmp_path):
    wrong = ["n/a", "soon", "-5", "1e400", "true"]
    rows = [
        [START + dt.timedelta(minutes=30 * k), wrong[k % 5] if (k * 7) % 100 < 100 * share else k % 40]
        for k in range(100)
    ]
    file = write(tmp_path, "calls.csv", "Interval,Calls Offered", rows)
    if table:
        assert recognise(file).table == table
    else:
        with pytest.raises(InputError, match="most of the counts cannot be read"):
            recognise(file)


@pytest.mark.parametrize("head", ["Ticket,Date,Status", "Incidencia,Fecha,Estado", "Chamado,Data,Situação"])
def test_numbers_of_tickets_in_a_log_of_states_are_no_counts(head, tmp_path):
    states = {
        "S": ["New", "Open", "Closed"],
        "E": ["Nuevo", "En curso", "Cerrado"],
        "á": ["Novo", "Em curso", "Fechado"],
    }
    words = states["S" if "Status" in head else "E" if "Estado" in head else "á"]
    rows = sorted(
        (START + dt.timedelta(minutes=97 * k + 41 * j * j), 1000 + k, what)
        for k in range(60)
        for j, what in enumerate(words)
    )
    found = recognise(write(tmp_path, "log.csv", head, [[n, f"{at:%Y-%m-%d %H:%M}", what] for at, n, what in rows]))
    assert found.table == "events"
    assert found.columns["case_id"] == head.split(",")[0]


def comments(n=90):
    return [[900 + k, 100 + k // 3, START + dt.timedelta(hours=k), "true", k % 2] for k in range(n)]


def test_comments_are_no_cases_where_their_tickets_are_not_there(tmp_path):
    file = write(tmp_path, "notes.csv", "id,ticket_id,created_at,public,author", comments())
    with pytest.raises(InputError, match="'ticket_id' repeats"):
        recognise(file)
    other = write(tmp_path, "calls.csv", "Interval,Calls", [[START + dt.timedelta(hours=k), k % 9] for k in range(99)])
    found = look_at([file, other])
    assert [s.table for s in found.seen] == ["volumes"]
    assert [name for name, _ in found.passed_over] == ["notes.csv"]


def test_an_event_log_whose_ids_are_often_missing_stays_one(tmp_path):
    rows = [
        ["" if (3 * i + j) % 4 == 0 else f"Case {i}", START + dt.timedelta(hours=3 * i, minutes=j), what]
        for i in range(30)
        for j, what in enumerate(["Open", "Wait", "Closed"])
    ]
    assert recognise(write(tmp_path, "log.csv", "Case ID,Timestamp,Activity", rows)).table == "events"


ZEROS = ["1970-01-01 00:00:00", "0000-00-00 00:00:00", "0001-01-01 00:00:00"]


@given(zero=st.sampled_from(ZEROS), open_cases=st.integers(1, 20))
def test_a_zero_of_the_clock_is_no_end(zero, open_cases):
    opened = [f"2024-03-{1 + k % 28:02d} 09:00:00" for k in range(40)]
    closed = [zero if k < open_cases else "2024-05-01 10:00:00" for k in range(40)]
    frame = pd.DataFrame({"id": [str(k) for k in range(40)], "o": opened, "c": closed})
    spec = SourceSpec("cases", "t.csv", columns={"case_id": "id", "created_at": "o", "closed_at": "c"})
    loaded = read_mapped_table(spec, frame)
    assert (loaded.tables["events"]["kind"] == "closed").sum() == 40 - open_cases
    assert len(loaded.rejected) == 0
    assert any(f"{open_cases:,} values such as {zero!r} stand for no time" in n for n in loaded.notes)


def test_subtasks_are_refused_by_name():
    frame = pd.DataFrame({"id": list("abc"), "o": ["2024-03-01"] * 3, "type": ["Incident", "Sub-task", "Unteraufgabe"]})
    spec = SourceSpec("cases", "t.csv", columns={"case_id": "id", "created_at": "o", "case_type": "type"})
    loaded = read_mapped_table(spec, frame)
    assert loaded.tables["cases"]["case_id"].tolist() == ["a"]
    assert loaded.rejected["reason"].tolist() == ["a sub-task of another case, no case of its own"] * 2


@given(st.dictionaries(st.text("abcxyz ", min_size=1, max_size=6), st.sampled_from(["1", "3", "5"]), max_size=3))
def test_stated_points_win_and_what_nobody_knows_is_left_out(stated):
    values = pd.Series([*stated, "quxquux", "5", None], dtype="str")
    points, asked, unknown = score_answers(values, stated)
    assert points.tolist()[: len(stated)] == [float(v) for v in stated.values()]
    assert unknown.tolist() == [False] * len(stated) + [True, False, False]
    assert asked.tolist() == [True] * (len(stated) + 2) + [False]


def test_sheets_of_one_form_are_one_table_and_their_sum_is_none():
    sheets = {
        name: pd.DataFrame({"Date": [f"2024-03-0{k}" for k in range(1, 6)], "Offered": [str(k * f) for k in range(5)]})
        for name, f in {"All": 3, "Sales": 1, "Service": 2}.items()
    }
    sheets["Pivot"] = pd.DataFrame({"Queue": ["Sales"], "Sum": ["10"]})
    found = dict(group_sheets(sheets))
    assert list(found) == [("Sales", "Service"), ("All",), ("Pivot",)]
    assert found["Sales", "Service"]["sheet"].value_counts().to_dict() == {"Sales": 5, "Service": 5}


@pytest.mark.parametrize("case", ["ticket_id", "conversation_id", "Issue ID"])
def test_a_short_table_of_comments_is_no_table_of_cases(case, tmp_path):
    rows = [
        (1000 + k, 100 + k * 5 // 9, f"2024-03-{1 + k % 28:02d}T10:{k:02d}:00Z", 901 if k % 3 else 701)
        for k in range(45)
    ]
    with pytest.raises(InputError, match=f"'{case}' repeats, so the rows are parts of cases and no cases"):
        recognise(write(tmp_path, "comments.csv", f"id,{case},created_at,author_id", rows))


@pytest.mark.parametrize(("activity", "opening", "rows", "asks"), [
    ("Activity", "Timestamp", 1, True),
    ("Event", "Date", 3, True),
    ("Activity", "Created at", 1, False),  # the name says that cases are opened
    ("Category", "Timestamp", 1, False),
    ("Activity", "Timestamp", 30, False),  # in so many rows a case of an event log would come again
])  # fmt: skip
def test_a_log_cut_after_few_rows_is_asked_about_and_not_read_as_cases(tmp_path, activity, opening, rows, asks):
    lines = [f"2024-03-{i + 1:02d} 14:13,Take in charge,Case {i},B" for i in range(rows)]
    (tmp_path / "log.csv").write_text("\n".join([f"{opening},{activity},Case ID,Product", *lines]) + "\n")
    if asks:
        with pytest.raises(InputError, match="is each row a case"):
            recognise(tmp_path / "log.csv")
    else:
        assert recognise(tmp_path / "log.csv").table == "cases"
