"""Workbooks of several sheets, and a folder in which everything lies together."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import xlsxwriter
from binary_workbooks import write_xls, write_xlsb
from deskcast.features.recognise.collection import look_at
from deskcast.pipelines.init.init import write_config
from deskcast.pipelines.project.project import open_project
from screen_forms import read, story

START = dt.datetime(2024, 3, 4, 9)


def csv(folder, name, head, rows):
    (folder / name).write_text("\n".join([head, *(",".join(map(str, r)) for r in rows)]) + "\n")


def book(file, sheets):
    """Write a workbook: name of a sheet -> its rows, the header first."""
    out = xlsxwriter.Workbook(str(file))
    form = out.add_format({"num_format": "dd/mm/yyyy hh:mm"})
    for name, rows in sheets.items():
        sheet = out.add_worksheet(name)
        for r, row in enumerate(rows):
            for c, value in enumerate(row):
                if isinstance(value, dt.datetime):
                    sheet.write_datetime(r, c, value, form)
                else:
                    sheet.write(r, c, value)
    out.close()


def cases(first, n):
    return [
        [first + k, START + dt.timedelta(hours=5 * (first + k)), START + dt.timedelta(hours=5 * (first + k) + 9)]
        for k in range(n)
    ]


def test_a_sheet_a_month_is_one_log_and_a_pivot_beside_them_is_passed_over(tmp_path):
    head = ["Ticket ID", "Created", "Closed"]
    months = {m: [head, *cases(30 * i, 30)] for i, m in enumerate(["March", "April", "May"])}
    book(tmp_path / "year.xlsx", {**months, "Pivot": [["Priority", "Count"], ["1", 30], ["2", 60]]})
    tables, text = read([tmp_path / "year.xlsx"], tmp_path)
    assert len(tables["cases"]) == 90
    assert 'sheet = ["March", "April", "May"]' in text
    assert "year.xlsx, Pivot" in text


def test_a_sheet_a_queue_is_a_series_each_and_their_sum_is_left_aside(tmp_path):
    days = [START.replace(hour=0) + dt.timedelta(days=k) for k in range(40)]
    each = {
        q: [["Date", "Offered", "Answered"], *[[d, f * 10 + k, f * 9] for k, d in enumerate(days)]]
        for q, f in (("Sales", 1), ("Service", 3))
    }
    whole = [["Date", "Offered", "Answered"], *[[d, 40 + 2 * k, 36] for k, d in enumerate(days)]]
    book(tmp_path / "queues.xlsx", {"All": whole, **each})
    tables, _ = read([tmp_path / "queues.xlsx"], tmp_path)
    volumes = tables["volumes"]
    assert volumes.groupby("unique_id")["y"].sum().to_dict() == {"Sales": 40 * 10 + 780, "Service": 40 * 30 + 780}


def test_of_a_folder_with_everything_in_it_what_can_be_used_is_and_the_rest_is_named(tmp_path):
    iso = "{:%Y-%m-%d %H:%M}".format
    rows = [
        [100 + k, iso(START + dt.timedelta(hours=7 * k)), iso(START + dt.timedelta(hours=7 * k + 5)), k % 3]
        for k in range(60)
    ]
    csv(tmp_path, "tickets_2024_03.csv", "Ticket ID,Created,Closed,Priority", rows[:30])
    csv(tmp_path, "tickets_2024_04.csv", "Ticket ID,Created,Closed,Priority", rows[30:])
    words = [
        [900 + k, 100 + k % 60, iso(START + dt.timedelta(hours=7 * (k % 60) + 1)), ["agent", "customer"][k % 2]]
        for k in range(120)
    ]
    csv(tmp_path, "comments.csv", "id,ticket_id,created_at,author_role", words)
    csv(
        tmp_path,
        "queue_report.csv",
        "Interval,Queue,Offered,Answered",
        [[iso(START + dt.timedelta(minutes=30 * k)), q, 5 + k % 7, 4] for k in range(200) for q in ("A", "B")],
    )
    csv(
        tmp_path,
        "surveys_csat.csv",
        "case_id,csat,responded_at",
        [[100 + k, 1 + k % 5, iso(START + dt.timedelta(hours=7 * k + 6))] for k in range(40)],
    )
    csv(tmp_path, "priorities.csv", "id,name", [[0, "high"], [1, "normal"], [2, "low"]])
    csv(tmp_path, "teams.csv", "id,name", [[0, "first line"], [1, "second line"]])
    csv(tmp_path, "empty.csv", "Ticket ID,Created", [])
    (tmp_path / "broken.json").write_text('{"tickets": [')
    (tmp_path / "handbook.pdf").write_bytes(b"%PDF-1.7\n\x00\x01")
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00")
    (tmp_path / "readme.txt").write_text("Exports of the desk, made on Mondays.\n")
    assert len(list(tmp_path.iterdir())) == 12
    found = look_at([tmp_path])
    assert sorted(s.table for s in found.seen) == ["cases", "events", "surveys", "volumes"]
    named = dict(found.passed_over)
    assert set(named) == {
        "priorities.csv",
        "teams.csv",
        "empty.csv",
        "broken.json",
        "handbook.pdf",
        "logo.png",
        "readme.txt",
    }
    assert all(len(why) > 10 for why in named.values())
    tables, text = read([tmp_path], tmp_path)
    assert len(tables["cases"]) == 60
    assert all(f"{name}:" in text for name in named)


@pytest.mark.parametrize(("name", "write"), [("old.xls", write_xls), ("binary.xlsb", write_xlsb)])
def test_binary_workbooks_are_read_with_their_title_and_day_numbers(name, write, tmp_path):
    def day(at):
        return (at - dt.datetime(1899, 12, 30)).total_seconds() / 86400 if at else ""

    rows = [[float(c.number), day(c.opened), day(c.ended), "AB"[c.number % 2]] for c in story()]
    (tmp_path / name).write_bytes(write([["All cases", "", "", ""], ["Ticket ID", "Created", "Closed", "Team"], *rows]))
    tables, _ = read([tmp_path / name], tmp_path)
    opened = tables["cases"].set_index("case_id")["created_at"].dt.tz_localize(None).dt.round("min")
    assert opened.to_dict() == {str(c.number): c.opened for c in story()}
    assert (tables["events"]["kind"] == "closed").sum() == sum(c.ended is not None for c in story())


def test_a_small_extract_of_another_time_is_no_leftover_of_the_large_one_beside_it(tmp_path):
    def days(first, count, a_day):
        at = pd.DatetimeIndex(np.repeat(pd.date_range(first, periods=count), a_day)) + pd.Timedelta(hours=9)
        ids = [f"{first[:4]}-{i}" for i in range(len(at))]
        closed = at + pd.Timedelta(days=1)
        return pd.DataFrame({"Ticket ID": ids, "Opened": at, "Closed": closed})

    days("2022-03-01", 60, 3).to_csv(tmp_path / "old.csv", index=False)
    days("2024-03-01", 60, 40).assign(Team="a").to_csv(tmp_path / "new.csv", index=False)
    text = write_config([tmp_path / "old.csv", tmp_path / "new.csv"], tmp_path).read_text()
    assert "since =" not in text
    assert len(open_project(tmp_path / "deskcast.toml").log.frame("cases")) == 180 + 2400


def test_a_source_of_which_no_row_is_read_does_not_stop_the_others(tmp_path):
    for name, day in (("a", "2022-03-0"), ("b", "2024-03-0")):
        rows = "".join(f"{name}{i},{day}{i} 09:00\n" for i in range(1, 6))
        (tmp_path / f"{name}.csv").write_text("case_id,created_at\n" + rows)
    sources = '[source.cases]\nkind = "table"\npath = "a.csv"\nsince = "2024-01-01"\n'
    (tmp_path / "deskcast.toml").write_text(
        sources + '[source.more]\ntable = "cases"\nkind = "table"\npath = "b.csv"\n'
    )
    assert open_project(tmp_path / "deskcast.toml").log.frame("cases")["case_id"].str[0].tolist() == ["b"] * 5
