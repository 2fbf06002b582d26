"""The report: what a manager asks first, four pages, each finding once, nothing from outside, no markup from values."""

import re
import subprocess
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.pages.pdf import find_browser, print_pdf
from deskcast.pipelines.pages.report import render_report, write_report
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.words.facts import Fact, Finding

MADE = datetime(2024, 4, 1, 6, 30, tzinfo=UTC)
NASTY = "C-<script>alert(1)</script>"


class Page(HTMLParser):
    """Collect what a browser would see, folded away or not."""

    def __init__(self, html):
        super().__init__()
        self.attributes, self.text, self.open, self.tags, self.inside, self.folds = [], [], [], [], [], 0
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.attributes += [(tag, *pair) for pair in attributes]
        self.folds += tag == "details"
        if tag in ("style", "title"):
            self.inside.append(tag)

    def handle_endtag(self, tag):
        self.folds -= tag == "details"
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data):
        if not self.inside:
            self.text.append(data)
            self.open += [data] * (self.folds == 0)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())

    @property
    def unfolded(self):
        return " ".join(" ".join(self.open).split())


def render(stages, **more):
    return render_report(stages, title="Desk & <Sons>", made_at=MADE, version="0.1.0", **more)


def page_of(stages, **more):
    return Page(render(stages, **more))


def goals(*chances):
    rows = [(f"goal {i}", "csat", "all", 0.8, 0.7, p, pd.Timestamp("2024-04-30")) for i, p in enumerate(chances)]
    return pd.DataFrame(rows, columns=["name", "kpi", "series", "target", "so_far", "probability", "end"])


def coverage(understaffed):
    ds = pd.date_range("2024-04-01 08:00", periods=4, freq="30min")
    return pd.DataFrame({"queue": "phone", "ds": ds, "required": 3.0, "scheduled": 2.0, "understaffed": understaffed})


@pytest.fixture(scope="module")
def html(made_up):
    return render(made_up(nasty=NASTY))


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_it_opens_with_the_four_things_that_a_manager_asks(page):
    words = page.unfolded[page.unfolded.index("Today Cases late") :]
    parts = ("Today", "Cases late", "1 late now, 22 soon", "Volume", "Next week 1,912 cases", "Staffing", "at peak")
    places = [words.index(part) for part in (*parts, "Goal nearest to failing", "Work on first", "Forecast by week")]
    assert places == sorted(places)
    nothing = [Stage(name, skipped="Nothing is configured.") for name in ("risk", "forecast", "staff", "watch")]
    tiles = re.findall(r'<div class="tile">.*?</div>', render(nothing), re.DOTALL)
    assert len(tiles) == 4
    assert all("Not available" in tile for tile in tiles)


@pytest.mark.parametrize(
    ("understaffed", "said"),
    [(0.0, "All intervals staffed"), (1.0, "4 intervals understaffed"), ([0, 0, 1, 0], "1 interval understaffed")],
)
def test_staffing_is_held_against_the_schedule(made_up, understaffed, said):
    plan = next(s for s in made_up() if s.name == "staff")
    words = page_of([Stage("staff", {**plan.tables, "coverage": coverage(understaffed)})]).unfolded
    assert said in words
    assert "Without a schedule: chat up to" in words


@pytest.mark.parametrize(
    ("chances", "said"),
    [((0.7, 0.02, 0.4), "2% chance"), ((np.nan, 0.6), "60% chance"), ((np.nan,), "No goal can be judged yet")],
)
def test_the_goal_nearest_to_failing_is_shown(chances, said):
    words = page_of([Stage("watch", {"goals": goals(*chances)})]).unfolded
    assert said in words
    assert "CSAT 80% by Tue 30 Apr; 70% so far" in words or not np.isfinite(chances[-1])


def test_each_finding_stands_once_and_few_on_the_first_page(made_up):
    late = Finding("13 cases are late.", Fact("open_cases", "breached", 13.0))
    alerts = [Finding(f"Alert {i} is new.", Fact("kpi_alert", f"kpi {i}", 1.0)) for i in range(9)]
    deep = [Finding("The error is 18%.", Fact("forecast_wape", "forecast", 0.18, audience="analyst"))]
    plans = [Finding(f"Plan {i}.", Fact("aht", f"queue {i}", 60.0, audience="planner")) for i in range(9)]
    extra = {"risk": [late], "watch": alerts, "forecast": deep, "staff": plans}
    stages = [Stage(s.name, s.tables, (*extra.get(s.name, ()), *s.findings)) for s in made_up()]
    for full in (False, True):
        html = render(stages, full=full)
        words = Page(html).words
        for finding in (f for stage in stages for f in stage.findings):
            assert words.count(finding) == 1, finding
        first = html[html.index('id="today"') : html.index('<section id="forecast"')]
        shown = [finding for stage in stages for finding in stage.findings if finding in first]
        assert len(shown) <= 7
        assert sum(len(finding.split()) for finding in shown) <= 180
        assert not any(plan in first for plan in plans)
        quality = html[html.index('<section id="train"') :]
        assert deep[0] in quality


def test_long_tables_are_folded_and_the_rest_is_named(made_up, page):
    captions = re.findall(r"<caption>(.*?)</caption>", render(made_up()))
    assert {"Forecast by week", "Backtest results by model", "Model comparison on held-out cases"} <= set(captions)
    assert "Open cases by breach risk (40)" in page.words
    assert "INC00039" in page.words
    assert "INC00039" not in page.unfolded
    assert "staffing.parquet" in page.words
    assert "31/31/2024" in page.words
    assert "60 of 200 rows; all are in staffing.parquet" in page_of(made_up(), full=True).words


def test_headings_are_nouns_in_order(page):
    heads = [int(t[1]) for t, _ in page.tags if re.fullmatch(r"h\d", t)]
    assert heads[0] == 1
    assert heads.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(heads))
    assert dict(page.tags)["html"] == {"lang": "en"}
    for tag in ("section", "region"):
        names = [a.get("aria-label") or a["aria-labelledby"] for t, a in page.tags if tag in (t, a.get("role"))]
        assert len(names) == len(set(names))


def test_nothing_is_asked_of_a_network_and_no_script_is_needed(html, page):
    leads = [(t, k, v) for t, k, v in page.attributes if k in ("src", "href", "action", "srcset", "data", "poster")]
    assert all(k == "href" and v.startswith("#") for t, k, v in leads), leads
    assert {t for t, _ in page.tags}.isdisjoint({"script", "link", "iframe", "img", "object", "embed", "base", "form"})
    assert not [k for _, k, _ in page.attributes if k.startswith("on")]
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    assert not re.search(r"url\(|@import|https?:", style)
    assert set(re.findall(r"https?://[^\"]+", html)) == {"http://www.w3.org/2000/svg"}
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


@pytest.mark.parametrize("full", [False, True])
def test_values_cannot_become_markup(made_up, full):
    stages = [*made_up(series=(NASTY, "b"), nasty=NASTY), Stage("own", {}, (NASTY,)), Stage("x", skipped=NASTY)]
    html = render(stages, full=full)
    assert "<script" not in html
    assert Page(html).words.count(NASTY) >= 4
    assert "Desk & <Sons>" in Page(html).words


@pytest.mark.parametrize("full", [False, True])
def test_every_picture_has_a_title_and_words_and_the_page_is_small(made_up, full):
    html = render(made_up(), full=full)
    pictures = re.findall(r"<figcaption>(.+?)</figcaption>\s*<svg[^>]* role=\"img\" aria-label=\"(.+?)\"", html)
    assert len(pictures) == html.count("<svg") == html.count("<figure") == (11 if full else 7)
    assert all(len(alt) > 20 for _, alt in pictures)
    assert len(html.encode()) < 300_000


def test_a_dark_page_has_its_own_colours_and_paper_has_none(html):
    dark = html[html.index("@media screen and (prefers-color-scheme: dark)", html.index("@media print")) :]
    assert ".picture [fill='#0072b2'] { fill:" in dark[: dark.index("</style>")]


def test_the_header_names_the_zone_once(made_up):
    from deskcast.pipelines.words.instants import Instants

    at = pd.Timestamp("2024-03-01T08:00Z")
    instants = Instants(at, at, datetime(2024, 3, 9, 9, tzinfo=UTC))
    html = render(made_up(), timezone="Europe/Lisbon", instants=instants)
    head = Page(html[html.index("<header>") : html.index("</header>")]).words
    assert head.count("Europe/Lisbon") == 1
    assert "8 days before" in head
    assert Page(html).words.count("Europe/Lisbon") == 1


def test_what_was_skipped_says_why_once():
    stages = [Stage("staff", skipped="No queue is configured."), Stage("risk", skipped="No target <is> configured.")]
    words = page_of(stages).unfolded
    assert words.count("No queue is configured.") == 1
    assert words.count("No target <is> configured.") == 1


def test_unknown_stages_and_tables_are_shown_too():
    odd = Stage("backlog", {"plan": pd.DataFrame({"week": [1], "open": [12]})}, ("12 stay open.",))
    words = page_of([odd]).words
    assert "Backlog" in words
    assert words.count("12 stay open.") == 1
    assert "Plan" in words


@pytest.mark.slow
@pytest.mark.parametrize("many", [False, True])
def test_it_is_four_printed_pages_or_less(made_up, tmp_path, many):
    try:
        browser = find_browser()
    except InputError as error:
        pytest.skip(str(error))
    stages = made_up()
    if many:
        stages = [Stage(s.name, s.tables, tuple(f"{s.name} {i}: " + "word " * 24 for i in range(20))) for s in stages]
        alerts = {"alert_id": [f"a{i}" for i in range(30)], "kpi": "csat", "series": "all", "state": "new", "news": ""}
        stages[-1] = Stage(
            "watch", {"kpi_alerts": pd.DataFrame(alerts), "goals": goals(0.1, 0.2, 0.9)}, stages[-1].findings
        )
    write_report(stages, tmp_path / "report.html", title="d", made_at=MADE, version="0")
    print_pdf(tmp_path / "report.html", tmp_path / "report.pdf", browser)
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "report.pdf").read_bytes())) <= 4
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html", "report.pdf"]


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(1400, 900), (390, 844)])
def test_tiles_are_on_the_first_screen_and_no_page_scrolls_sideways(made_up, tmp_path, width, height):
    try:
        browser = find_browser()
    except InputError as error:
        pytest.skip(str(error))
    told = "document.title = [...document.querySelectorAll('.tile')].map(t => t.getBoundingClientRect().bottom)"
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", render(made_up(), full=True))
    page = tmp_path / "report.html"
    page.write_text(html.replace("</body>", f"<script>{told} + ';' + ({wide})</script></body>"), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},{height}", "--dump-dom"]
    command = [browser, *flags, f"--user-data-dir={tmp_path}", page.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    bottoms, over = re.search(r"<title>([\d.,]+);(-?\d+)</title>", dom).groups()
    assert int(over) <= 0
    assert len(bottoms.split(",")) == 4
    assert width < 1000 or max(map(float, bottoms.split(","))) < height


def test_without_a_browser_a_pdf_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"needs a browser.*apt-get install chromium"):
        find_browser({}.get)
    (tmp_path / "page.html").write_text("<p>1</p>")
    for program, said in (
        ("/bin/false", "did not print"),
        ("/bin/true", "printed nothing"),
        ("/no/such", "did not print"),
    ):
        with pytest.raises(InputError, match=said):
            print_pdf(tmp_path / "page.html", tmp_path / "page.pdf", program)
    assert not (tmp_path / "page.pdf").exists()


def test_the_same_outcome_gives_the_same_bytes(made_up):
    pages = {render_report(made_up(), title="d", made_at=MADE, version="0") for _ in range(2)}
    assert len(pages) == 1


def test_the_file_is_written_whole_or_not_at_all(tmp_path, stages):
    path = tmp_path / "report.html"
    write_report(stages, path, title="d", made_at=MADE, version="0")
    assert path.read_text(encoding="utf-8").endswith("</html>")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(InputError, match="missing folder"):
        write_report([], tmp_path / "no" / "report.html", title="d", made_at=MADE, version="0")
