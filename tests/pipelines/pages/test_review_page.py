"""The page on a week that is over, and the rest of today: the sentences, parts and tables of the terminal."""

import importlib.util
import io
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from deskcast.pipelines.pages.report import render_report
from deskcast.pipelines.pages.web import make_app
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.store.results import replace_folder, write_stages
from deskcast.pipelines.words.facts import Finding
from deskcast.pipelines.words.instants import Instants
from fastapi.testclient import TestClient

MONDAY = pd.Timestamp("2024-03-04")
_DESK = Path(__file__).parents[1] / "stages" / "deferred_desk.py"


def make_stages():
    """A week of one queue of calls, and a day that has begun."""
    ds = pd.date_range(MONDAY + pd.Timedelta("8h"), periods=4, freq="h")
    week = pd.DataFrame({"queue": "phone", "ds": ds, "calls_planned": 10.0, "calls": [12.0, 13.0, 9.0, 20.0]})
    week = week.assign(aht_planned=300.0, aht=310.0, agents_planned=4.0, service_level=0.5)
    parts = pd.DataFrame({"queue": "phone", "cause": ["volume", "chance"], "part": [-0.2, -0.1]})
    parts = parts.assign(**{"part-lo": -0.3, "part-hi": 0.05, "share": [2 / 3, 1 / 3]})
    judged = pd.DataFrame({"queue": ["phone"], "adjustment": "fair <1>", "base": 30.0, "adjusted": 50.0})
    judged = judged.assign(actual=54.0, error_base=0.4, error_adjusted=0.1, intervals=4, helped=True)
    said = Finding("Phone: target of 80% within 20 s missed in the week of Mon 4 Mar 2024: 50%, plan 80%.")
    tables = {"review": week, "review_causes": parts, "review_adjustments": judged}
    review = Stage("review", tables, (said, Finding("Not reviewed: chat: x")), {"week": f"{MONDAY:%Y-%m-%d}"})
    day = pd.DataFrame(
        {"queue": "phone", "ds": ds + pd.Timedelta(days=7), "planned": 10.0, "y": [9.0, None, None, None]}
    )
    day = day.assign(reforecast=[None, 17.0, 18.0, 19.0], agents=4.0, required=[None, 6.0, 4.0, 4.0])
    day["net"], day["service_level"] = day["agents"] - day["required"], 0.4321
    moves = pd.DataFrame({"queue": ["phone"], "move": "overtime", "start": ds[1], "end": ds[2], "agents": 2.0})
    moves = moves.assign(hours=2.0, service_level=0.9, gain=0.4)
    told = (Finding("Phone: understaffed by up to 2 agents in 1 interval from 09:00 to 10:00."),)
    return [review, Stage("today", {"today": day, "today_moves": moves}, told)]


def serve(folder, stages, **more):
    at = pd.Timestamp("2024-03-11T08:30Z")
    with replace_folder(folder / "results") as staging:
        write_stages(stages, staging, version="1", instants=Instants.now(at, at))
    return TestClient(make_app(folder / "results", title="Desk", timezone="Europe/Berlin", **more))


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    return serve(tmp_path_factory.mktemp("review_page"), make_stages())


def test_the_last_week_is_shown_with_sentences_parts_and_intervals(client):
    shown = client.get("/review").text
    assert '<a href="/review" aria-current="page">Review</a>' in shown or 'href="/review"' in shown
    for words in (
        "Week of Mon 4 Mar to Sun 10 Mar", "target of 80% within 20 s missed", "Difference from the plan, Phone",
        "volume", "-20 points", "fair &lt;1&gt;", "The week by interval (4)", "Not reviewed: chat",
        "/review?week=2024-02-26", "Adjust the forecast",
    ):  # fmt: skip
        assert words in shown, words
    assert "Next week" not in shown
    rows = pd.read_csv(io.StringIO(client.get("/review.csv").text))
    assert rows["calls"].tolist() == [12.0, 13.0, 9.0, 20.0]
    assert client.get("/review.csv", params={"table": "risk"}).status_code == 404


def test_each_table_by_interval_can_be_downloaded_from_the_page(tmp_path):
    both = make_stages()[0]
    work = pd.DataFrame({"queue": "email", "ds": [MONDAY], "arrived": [7.0], "breaches": [2.0]})
    alone = Stage("review", {"review_work": work}, both.findings, both.params)
    both = Stage("review", both.tables | {"review_work": work}, both.findings, both.params)
    for stage, count in ((both, 6), (alone, 3)):
        client = serve(tmp_path / str(count), [stage])
        links = re.findall(r'href="(/review\.[a-z]+[^"]*)"', client.get("/review").text)
        assert len(links) == count
        for link in links:
            assert client.get(link.replace("&amp;", "&")).status_code == 200, link
    assert pd.read_csv(io.StringIO(client.get("/review.csv").text))["arrived"].tolist() == [7.0]


@pytest.mark.parametrize(
    ("week", "status"), [("2024-03-06", 200), ("soon", 422), ("2024-03-11", 422), ("2020-01-01", 422)]
)
def test_only_weeks_that_are_over_and_not_long_ago_are_shown(client, week, status):
    assert client.get("/review", params={"week": week}).status_code == status


def test_an_earlier_week_needs_the_log(client):
    assert "deskcast review --week" in client.get("/review", params={"week": "2024-02-26"}).text


def test_the_rest_of_today_has_moves_and_agents_short(client):
    shown = client.get("/").text
    for words in ("Rest of today", "understaffed by up to 2 agents", "Moves that help today", "-2", "43%"):
        assert words in shown, words
    table = shown.split("Rest of today", 1)[1].split("<footer", 1)[0]
    assert table.count("Mon 11 Mar") == 3  # the interval that is over is not of the rest


def test_a_desk_without_a_review_says_what_is_missing(tmp_path):
    client = serve(tmp_path, [Stage("review", skipped="No queue is configured.")])
    assert "No queue is configured." in client.get("/review").text
    assert "Rest of today" not in client.get("/").text
    assert client.get("/review.csv").status_code == 404


def test_the_report_has_the_week_and_the_rest_of_the_day_in_sections_of_their_own():
    page = render_report(make_stages(), title="d", made_at=datetime(2024, 3, 11, tzinfo=UTC), version="0")
    today, review = (
        page.split(f'<section id="{name}"', 1)[1].split("</section>", 1)[0] for name in ("today", "review")
    )
    assert "Review of the week" in review
    for words in ("missed in the week", "Difference from the plan, Phone", "Adjustments and what came"):
        assert words in review, words
    assert page.count('id="today"') == page.count('id="rest-of-today"') == 1
    assert "Moves that help today" in page
    assert "target of 80%" not in today


@pytest.mark.slow
def test_an_earlier_week_is_reviewed_from_the_log_while_the_page_waits(tmp_path):
    spec = importlib.util.spec_from_file_location("deferred_desk", _DESK)
    desk = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(desk)
    desk.write_desk(tmp_path, busy=1.5)
    client = serve(tmp_path, make_stages(), config=tmp_path / "deskcast.toml")
    ends = time.monotonic() + 300
    while (
        answer := client.get("/review", params={"week": "2024-02-26"})
    ).status_code == 202 and time.monotonic() < ends:
        time.sleep(1)
    assert answer.status_code == 200
    assert "due in the week of Mon 26 Feb" in answer.text
