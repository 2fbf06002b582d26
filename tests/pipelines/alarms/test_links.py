"""Each alarm leads to the page of what it tells about, which the server has."""

import pytest
from deskcast.pipelines.alarms.links import find_link
from deskcast.pipelines.pages.web.app import make_app
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.routing import Match

FIGURES = {"alert_id": "csat-1", "kpi": "csat", "what": "staff"}
KINDS = ("alert", "risk", "goal", "drift", "failed", "stale", "digest")


@pytest.fixture(scope="module")
def routes(tmp_path_factory):
    return make_app(tmp_path_factory.mktemp("page") / "results").router.routes


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_leads_to_a_page_that_is_there(routes, kind):
    path = find_link("https://desk.example", kind, FIGURES).removeprefix("https://desk.example").partition("?")[0]
    scope = {"type": "http", "path": path, "method": "GET"}
    assert any(route.matches(scope)[0] == Match.FULL for route in routes)


@pytest.mark.parametrize(
    ("what", "page"),
    [("staff", "/staffing"), ("risk", "/cases"), ("watch", "/alerts"), ("source", "/data"), ("", "/data")],
)
def test_a_failure_leads_to_the_part_that_failed(what, page):
    assert find_link("http://x", "failed", {"what": what}) == f"http://x{page}"


@settings(max_examples=15)
@given(name=st.text(min_size=1), slashes=st.sampled_from(["", "/", "//"]))
def test_whatever_an_alert_is_called_its_link_is_one_address(name, slashes):
    link = find_link(f"https://desk.example{slashes}", "alert", {"alert_id": name.encode(errors="ignore").decode()})
    assert link.startswith("https://desk.example/alerts/")
    assert link.isascii()
    assert not set(link.removeprefix("https://desk.example/alerts/")) & set(' /?#\n"<>')
