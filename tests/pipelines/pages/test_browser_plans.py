"""Forecast, staffing, alerts, KPIs, models, data and help in one tab of a real browser, at each width and colour."""

import re

import pytest

VIEWS = [(1400, "light"), (1400, "dark"), (390, "light"), (390, "dark")]
#: Bytes that a page may have.
MAX_PAGE_BYTES = 150_000


@pytest.fixture
def tab(look):
    """Give a tab that forgets its problems when it is asked for a page: ``tab.open("/forecast")``."""
    page = look("/help")

    def opened(path):
        page.problems.clear()
        page.goto(re.sub(r"(//[^/]*)/.*", r"\1", page.url) + path, wait_until="load")
        return page

    page.open = opened
    return page


def check_views(tab, axe):
    """Look at a page at each width and colour."""
    for width, scheme in VIEWS:
        tab.set_viewport_size({"width": width, "height": 900})
        tab.emulate_media(color_scheme=scheme)
        assert axe(tab) == [], (tab.url, width, scheme)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, (tab.url, width)
    assert tab.problems == []


@pytest.mark.slow  # 60 s
def test_each_page_is_accessible_and_fits_the_screen(tab, axe, page):
    alert = re.search(r'href="(/alerts/[^"]+)"', page.get("/alerts").text)[1]
    paths = ["/forecast", "/forecast?grain=W&growth=5%25", "/staffing?queue=phone&curve=1", "/staffing?queue=email"]
    paths += ["/alerts", alert, "/kpis", "/kpis/sla_attainment", "/kpis/csat/cases?period=2026-02-09&freq=W"]
    for path in [*paths, "/models", "/data", "/help"]:
        assert len(page.get(path).content) <= MAX_PAGE_BYTES, path
        tab.open(path)
        check_views(tab, axe)


@pytest.mark.slow  # 12 s
def test_a_slider_replaces_the_plan_and_works_by_keyboard(tab):
    tab.open("/staffing?queue=phone")
    before = tab.inner_text("#plan .figure >> nth=1")
    slider = tab.get_by_role("slider", name="Shrinkage")
    slider.focus()
    with tab.expect_response(lambda r: "shrinkage=25" in r.url):
        tab.evaluate(
            "() => { const s = document.querySelector('input[type=range][name=shrinkage]'); s.value = 25;"
            " s.dispatchEvent(new Event('input', {bubbles: true}));"
            " s.dispatchEvent(new Event('change', {bubbles: true})); }"
        )
    tab.wait_for_selector("#plan .notice")
    assert tab.inner_text("#plan .figure >> nth=1") != before
    assert tab.inner_text("label:has(input[type=range][name=shrinkage]) output") == "25%"
    assert "shrinkage=25" in tab.url
    slider.focus()
    with tab.expect_response(lambda r: "shrinkage=26" in r.url):
        tab.keyboard.press("ArrowRight")
    tab.fill("#plan input[name=name]", "By hand")
    tab.fill("#plan input[name=reason]", "test")
    tab.click("button:has-text('Keep the plan')")
    assert tab.inner_text("main > p.done") == "The plan is saved."
    tab.click("button:has-text('Delete the plan By hand')")
    assert tab.problems == []


@pytest.mark.slow  # 12 s
def test_forms_and_filters_work_in_the_browser(tab):
    tab.open("/forecast")
    tab.select_option("#grain", "W")
    tab.click("form[aria-label=Series] button")
    assert "grain=W" in tab.url
    tab.select_option("select[name=add]", "growth")
    tab.fill("input[name=percent]", "10")
    tab.click("button:has-text('Show beside')")
    assert "Assumed" in tab.inner_text("main")
    tab.fill("form:has-text('Save as') input[name=name]", "More")
    tab.fill("input[name=reason]", "test")
    tab.click("button:has-text('Save the scenario')")
    assert "The scenario is saved." in tab.inner_text("main")
    tab.open("/kpis")
    tab.locator("#q").press_sequentially("clicks_per_task")
    expect = pytest.importorskip("playwright.sync_api").expect
    expect(tab.locator("#list tbody tr")).to_have_count(1)
    tab.open("/alerts")
    rows = tab.locator("#list tbody tr").count()
    tab.click("summary:has-text('Kind')")
    tab.check("input[name=kind] >> nth=0")
    expect(tab.locator("#list tbody tr")).not_to_have_count(rows)
    assert tab.problems == []


@pytest.mark.slow  # 10 s
def test_without_scripts_each_page_shows_its_figures(look):
    for path, words in (
        ("/forecast", "Data as a table"),
        ("/staffing?queue=phone", "Compute"),
        ("/kpis/csat", "By week"),
        ("/alerts", "All KPI alerts"),
    ):
        tab = look(path, scripts=False)
        assert words in tab.inner_text("main")
    tab = look("/staffing?queue=phone", scripts=False)
    tab.click("button:has-text('Compute')")
    assert "confidence=" in tab.url
