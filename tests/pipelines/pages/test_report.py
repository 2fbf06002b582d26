"""The report: findings first, nothing from outside, nothing that a value could break."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise

import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.pages.report import render_report, script_json, write_report
from deskcast.pipelines.stage import Stage

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
