"""Printed sheets: the plan and the review of a week, a page of A4 for each queue, with the figures of the tables."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.commands.sheets import check_print_file, print_sheets
from deskcast.pipelines.pages.pdf import find_browser, print_pdf
from deskcast.pipelines.pages.report import asset, template
from deskcast.pipelines.pages.sheets import build_plan_sheets, build_review_sheets
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.words.facts import Finding

MONDAY = pd.Timestamp("2024-04-01")


def plan_stage(queues=("phone", "chat", "hotline"), minutes=15, hours=24, shifts=40):
    """A plan of three weeks round the clock by quarter hours, with many shifts and long sentences."""
    ds = pd.date_range(MONDAY, MONDAY + pd.Timedelta(days=21), freq=f"{minutes}min", inclusive="left")
    open_now = ds.hour < hours
    load = np.where(open_now, 20 + 10 * np.sin(ds.hour / 24 * 6.28), 0.0)
    plan = pd.DataFrame({"ds": ds, "calls": load, "agents": np.ceil(load), "agents_to_schedule": load * 1.3})
    plan = plan.assign(service_level=0.9, expected_service_level=0.8, day_miss_probability=0.25)
    staffing = pd.concat([plan.assign(queue=name) for name in queues], ignore_index=True)
    shift = {"days": "Mon-Fri", "start": "08:00", "end": "16:30", "breaks": "12:00-12:30", "kind": "full-time"}
    schedule = pd.DataFrame([shift | {"queue": q, "agents": 2, "scheduled_agents": 2} for q in queues] * shifts)
    settings = pd.DataFrame({"queue": queues, "service_level": 0.8, "within_s": 20.0, "confidence": np.nan})
    long = "schedule up to 39 agents at a time, and further words on what is planned, which go on for two lines " * 2
    said = [Finding(f"{q.title()}: {long}{i}.", audience="planner", names=[q]) for q in queues for i in range(9)]
    said.append(Finding("Adjusted by ann on Fri 1 Mar 2024: 'fair' ('mailing').", audience="planner", names=["phone"]))
    return Stage("staff", {"staffing": staffing, "schedule": schedule, "staffing_settings": settings}, tuple(said))


def review_of(queues=("phone", "chat", "hotline"), minutes=15):
    ds = pd.date_range(MONDAY, periods=7 * 24 * 60 // minutes, freq=f"{minutes}min")
    rows = pd.DataFrame({"ds": ds, "calls_planned": 10.0, "calls": 12.0, "agents_planned": 8.0, "agents": 7.0})
    rows = rows.assign(service_level=np.where(ds.hour < 4, np.nan, 0.75), agents_scheduled=8.0)
    causes = ["volume", "handle time", "adherence", "shrinkage", "schedule", "chance"]
    parts = pd.DataFrame({"cause": causes, "part": -0.02, "part-lo": -0.03, "part-hi": -0.01, "share": 1 / 6})
    moved = pd.DataFrame({"cause": ["event"] * 9, "subject": "a long name", "actual": 100.0, "usual": 80.0})
    judged = pd.DataFrame({"adjustment": [f"fair {i}" for i in range(9)], "base": 90.0, "adjusted": 99.0})
    judged = judged.assign(actual=100.0, error_base=0.1, error_adjusted=0.01, intervals=9, helped=True)
    tables = {"review": rows, "review_causes": parts, "review_volume": moved, "review_adjustments": judged}
    many = {n: pd.concat([t.assign(queue=q) for q in queues], ignore_index=True) for n, t in tables.items()}
    return Stage(
        "review",
        many,
        tuple(f"{q.title()}: target missed, {'for many reasons ' * 15}{i}." for q in queues for i in range(9)),
    )


def render(sheets):
    return template("sheet.html").render(
        sheets=sheets, title="desk", instants="Data until now", style=asset("sheet.css")
    )


def test_a_plan_has_its_first_week_by_half_hour_with_the_figures_of_the_table():
    stage = plan_stage(hours=18)
    sheets = build_plan_sheets(stage)
    assert [sheet.title for sheet in sheets] == ["Plan, Phone", "Plan, Chat", "Plan, Hotline"]
    grid = sheets[0].grid
    assert grid.days == [f"{day} {n}" for n, day in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), 1)]
    plan = stage.tables["staffing"].query("queue == 'phone'")
    tuesday = plan[plan["ds"].dt.normalize() == MONDAY + pd.Timedelta(days=1)]
    noon = tuesday[tuesday["ds"].dt.hour.eq(12) & (tuesday["ds"].dt.minute < 30)]
    assert dict(grid.rows)["12:00"][1].text == f"{np.ceil(noon['agents_to_schedule'].max()):.0f}"
    assert [time for time, _ in grid.rows] == [f"{h:02}:{m:02}" for h in range(18) for m in (0, 30)]
    foot = dict(grid.foot)
    assert foot["Agent hours"][1] == f"{tuesday['agents_to_schedule'].sum() / 4:,.0f}"
    assert (foot["Service level"][0], foot["Risk of a day"][0]) == ("80%", "25%")
    assert sheets[0].findings[:2] == ["Target: 80% of contacts answered within 20 s.", stage.findings[-1]]
    assert all("Adjusted" not in text for text in sheets[1].findings)
    assert "more rows" in sheets[0].tables[0][0]


def test_a_plan_that_is_to_be_sure_shows_the_sure_agents():
    stage = plan_stage(queues=("phone",))
    sure = stage.tables["staffing"].assign(agents_to_schedule_sure=99.0)
    settings = stage.tables["staffing_settings"].assign(confidence=0.8)
    grid = build_plan_sheets(Stage("staff", {"staffing": sure, "staffing_settings": settings}))[0].grid
    assert {cell.text for _, cells in grid.rows for cell in cells} == {"99"}


def test_a_review_has_parts_and_the_week_and_leaves_out_times_without_contacts():
    sheets = build_review_sheets(review_of(minutes=30))
    assert [(sheet.title, len(sheet.charts)) for sheet in sheets] == [
        ("Review, Phone", 1), ("Review, Chat", 1), ("Review, Hotline", 1),
    ]  # fmt: skip
    assert sheets[0].grid.rows[0][0] == "04:00"
    assert len(sheets[0].grid.rows) == 20  # hours, as half hours are too many
    assert dict(sheets[0].grid.foot)["Contacts"][0] == f"{48 * 12}"
    assert "<script" not in render(sheets)


@pytest.mark.parametrize("late", [[0.0, 0.0], [2.0, 0.0]])
def test_days_without_a_breach_keep_their_cases_and_backlog(late):
    """Breaches are all on one day, or there are none: the days are on the page."""
    ds = [MONDAY + pd.Timedelta("9h"), MONDAY + pd.Timedelta("33h"), MONDAY + pd.Timedelta("6D")]
    rows = pd.DataFrame({"queue": "email", "ds": ds, "arrived_planned": [8.0, 9.0, 0.0], "arrived": [7.0, 5.0, 0.0]})
    rows = rows.assign(backlog_planned=[1.0, 2.0, 0.0], backlog=[4, 3, 0], breaches=[*late, 0.0])
    sheets = build_review_sheets(Stage("review", {"review_work": rows}))
    foot = dict(sheets[0].grid.foot)
    assert sheets[0].grid.days == ["Mon 1", "Tue 2"]
    assert (foot["New cases"], foot["Backlog, evening"]) == (["7", "5"], ["4", "3"])
    assert foot["Breaches"] == [f"{n:.0f}" for n in late]
    assert "New cases, forecast" in render(sheets)


@pytest.mark.parametrize(("name", "message"), [("plan.docx", "PDF or HTML"), ("plan", "PDF or HTML")])
def test_only_pdf_and_html_are_printed(tmp_path, name, message):
    with pytest.raises(InputError, match=message):
        check_print_file(tmp_path / name)


def test_a_file_is_written_whole_and_its_pages_are_said(tmp_path, capsys):
    at = pd.Timestamp("2024-03-31T22:00Z")
    config = SimpleNamespace(folder=tmp_path, timezone="Europe/Berlin")
    project = SimpleNamespace(config=config, data_until=at, as_of=at)
    path = tmp_path / "plan.html"
    assert check_print_file(path) == ""
    print_sheets(build_plan_sheets, plan_stage(), path, "", project)
    assert "3 pages, one a queue" in " ".join(capsys.readouterr().out.split())
    print_sheets(build_plan_sheets, plan_stage(), path, "", project, is_quiet=True)
    assert capsys.readouterr().out == ""  # the answer is JSON
    page = path.read_text(encoding="utf-8")
    assert page.count('<main class="sheet">') == 3
    assert "Data until Mon 1 Apr 2024 00:00 (Europe/Berlin)" in page
    with pytest.raises(InputError, match="nothing to print"):
        print_sheets(build_plan_sheets, Stage("staff"), path, "", project)
    print_sheets(build_plan_sheets, Stage("staff"), None, "", project)
    assert path.read_text(encoding="utf-8") == page


@pytest.mark.slow
@pytest.mark.parametrize(("build", "stage"), [(build_plan_sheets, plan_stage()), (build_review_sheets, review_of())])
def test_each_queue_is_one_page_of_a4_even_round_the_clock(tmp_path, build, stage):
    try:
        browser = find_browser()
    except InputError:
        pytest.skip("no browser to print with")
    page, printed = tmp_path / "sheets.html", tmp_path / "sheets.pdf"
    page.write_text(render(build(stage)), encoding="utf-8")
    print_pdf(page, printed, browser)
    assert len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes())) == 3
