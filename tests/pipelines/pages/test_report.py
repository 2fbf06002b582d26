"""The report: findings first, nothing from outside, nothing that a value could break."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.pages.report import render_report, script_json, write_report
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.words.tables import format_header, format_table, sort_latest_first

MADE = datetime(2024, 4, 1, 6, 30, tzinfo=UTC)
NASTY = "C-<script>alert(1)</script>"


class Page(HTMLParser):
    """Collect what a browser would see."""

    def __init__(self, html):
        super().__init__()
        self.scripts, self.attributes, self.text, self.tags, self.inside = [], [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.attributes += [(tag, *pair) for pair in attributes]
        if tag in ("script", "style", "title"):
            self.inside.append(tag)
            self.scripts += [(dict(attributes), "")] * (tag == "script")

    def handle_endtag(self, tag):
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data):
        if self.inside and self.inside[-1] == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        elif not self.inside:
            self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


@pytest.fixture(scope="module")
def html(made_up):
    return render_report(made_up(nasty=NASTY), title="Desk & <Sons>", made_at=MADE, version="0.1.0")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_it_opens_with_what_comes_who_is_at_risk_and_what_shifted(page):
    words = page.words
    places = [
        words.index(part)
        for part in (
            "Next week 1,912 cases are expected",
            "Next week takes 21 people on the phone",
            "will most likely break its promise",
            "Cases opened on phone/north rose",
            "10 open cases to work on first",
            "INC00009",
            "How sure is it",
        )
    ]
    assert places == sorted(places)
    assert "Monday, 01 April 2024, 06:30 UTC" in words


def test_each_stage_has_a_section_with_tables(page):
    tables = {a["aria-label"] for t, a in page.tags if a.get("role") == "region"}
    wanted = (
        "forecast",
        "leaderboard",
        "staffing",
        "evaluation",
        "calibration",
        "risk",
        "breached_cases",
        "detections",
        "drivers",
    )
    assert {f"Table {n}" for n in (*wanted, "history", "checks", "rejected_rows", "availability")} == tables
    assert "31/31/2024" in page.words
    assert "needs surveys" in page.words
    assert "The first 60 of 200 rows" in page.words


def test_nothing_is_asked_of_a_network(html, page):
    leads = [(t, k, v) for t, k, v in page.attributes if k in ("src", "href", "action", "srcset", "data", "poster")]
    assert all(k == "href" and v.startswith("#") for t, k, v in leads), leads
    assert not [t for t, _ in page.tags if t in ("link", "iframe", "img", "object", "embed", "base", "form")]
    style = re.search(r"<style>(.*?)</style>", html, re.S)[1]
    assert not re.search(r"url\(|@import|https?:", style)
    outside = html
    for attributes, text in page.scripts:
        outside = outside.replace(text, "")
        if attributes.get("type") == "application/json":
            found = set(re.findall(r"https?://[^\"]+", text))
            assert all(link.startswith("https://vega.github.io/schema/") for link in found)
            assert '"url"' not in text
    assert not re.search(r"https?://", outside)
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy


def test_values_cannot_become_markup(html, page):
    assert "<script>alert" not in html
    code = [text for attributes, text in page.scripts if not attributes.get("type")]
    assert len(code) == 2
    assert not [text for text in code if "alert(1)" in text]
    specs = [json.loads(text) for attributes, text in page.scripts if attributes.get("type") == "application/json"]
    assert any(NASTY in json.dumps(spec) for spec in specs)
    assert "Desk & <Sons>" in page.words
    assert NASTY in page.words


def test_json_cannot_end_its_script_element():
    text = script_json({"a": "</script><!--\u2028 &"})
    assert not set(text) & set("<>&\u2028")
    assert json.loads(text) == {"a": "</script><!--\u2028 &"}


def test_scripts_are_there_once_and_the_page_is_small(html):
    assert html.count("vegaEmbed=") + html.count("vegaEmbed =") <= 2
    assert 900_000 < len(html.encode()) < 2_000_000


def test_words_for_those_who_cannot_see_the_pictures(page):
    figures = [a for t, a in page.tags if a.get("role") == "img"]
    assert len(figures) == 15
    assert all(len(a["aria-label"]) > 20 for a in figures)
    assert dict(page.tags)["html"] == {"lang": "en"}
    heads = [int(t[1]) for t, _ in page.tags if re.fullmatch(r"h\d", t)]
    assert heads[0] == 1
    assert heads.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(heads))


def test_what_was_skipped_says_why():
    stages = [Stage("staff", skipped="No queue is configured."), Stage("risk", skipped="No promise <is> configured.")]
    page = Page(render_report(stages, title="d", made_at=MADE, version="0"))
    assert page.words.count("No queue is configured.") == 3
    assert "Not done: No promise <is> configured." in page.words
    assert not page.scripts


def test_a_run_of_nothing_is_still_a_page():
    page = Page(render_report([], title="d", made_at=MADE, version="0"))
    assert page.words.count("Nothing was found to say.") == 3


def test_unknown_stages_and_tables_are_shown_too():
    odd = Stage("backlog", {"plan": pd.DataFrame({"week": [1], "open": [12]})}, ("12 stay open.",))
    words = Page(render_report([odd], title="d", made_at=MADE, version="0")).words
    assert "Backlog" in words
    assert "12 stay open." in words


def test_the_same_outcome_gives_the_same_bytes(made_up):
    pages = {render_report(made_up(), title="d", made_at=MADE, version="0", served=True) for _ in range(2)}
    assert len(pages) == 1


def test_the_file_is_written_whole_or_not_at_all(tmp_path, stages):
    path = tmp_path / "report.html"
    write_report(stages, path, title="d", made_at=MADE, version="0")
    assert path.read_text(encoding="utf-8").endswith("</html>")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(InputError, match="missing folder"):
        write_report([], tmp_path / "no" / "report.html", title="d", made_at=MADE, version="0")


def test_tables_are_told_in_words():
    frame = pd.DataFrame(
        {
            "due_at": pd.to_datetime(["2024-03-31T00:30Z", None], utc=True),
            "ds": pd.to_datetime(["2024-03-31", "2024-04-01"]),
            "paused": [True, False],
            "probability": [0.123, np.nan],
            "left_s": [-3600.0, 90061.0],
            "calls": [1234.6, np.inf],
            "team": ["a", ""],
        }
    )
    shown = format_table("t", frame, timezone="Europe/Lisbon")
    assert shown.rows[0] == ["Sun 31 Mar 2024 00:30", "Sun 31 Mar 2024", "yes", "12.3%", "-1 h", "1,235", "a"]
    assert shown.rows[1] == ["–", "Mon 01 Apr 2024", "no", "–", "1 d 1 h", "inf", "–"]
    assert [number for _, number in shown.columns] == [False, False, False, True, True, True, False]
    assert format_table("t", frame, timezone="Asia/Tokyo").rows[0][0] == "Sun 31 Mar 2024 09:30"
    assert (len(format_table("t", frame, 1).rows), format_table("t", frame, 1).total) == (1, 2)
    assert format_table("t", frame.iloc[:0]).rows == []
    assert format_header("unique_id") == "series"
    assert sort_latest_first(frame)["ds"].is_monotonic_decreasing


def test_each_kpi_is_told_in_its_own_unit():
    kpis = ["sla_attainment", "resolution_time", "cases_opened", "sla_attainment", "nps_of_my_own"]
    frame = pd.DataFrame({"kpi": kpis, "value": [0.824, 5400.0, 1234.0, -0.1, np.nan]})
    shown = format_table("history", frame)
    assert [row[1] for row in shown.rows] == ["82.4%", "1 h 30 min", "1,234", "-10.0%", "–"]
    assert shown.columns == [("KPI", False), ("value", True)]


def test_attainment_by_metric_is_a_share_and_the_mean_beside_csat_a_score():
    frame = pd.DataFrame(
        {
            "kpi": ["csat", "sla_attainment_resolution", "resolution_time", "backlog"],
            "value": [0.73, 0.853, 5400.0, 167.0],
            "mean": [3.9, None, 7200.0, None],
        }
    )
    told = [row[1:] for row in format_table("history", frame, 10).rows]
    assert told == [["73.0%", "3.9"], ["85.3%", "–"], ["1 h 30 min", "2 h"], ["167", "–"]]
