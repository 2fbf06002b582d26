"""The API for programs: typed, paged, with an ETag, and one form of error."""

import io
import json

import pandas as pd
import pytest
from deskcast.pipelines.pages.web import make_app
from fastapi.testclient import TestClient
from made_up_desk import write_desk

PARTS = ("cases", "forecasts", "staffing", "alerts", "kpis", "models", "findings")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return TestClient(make_app(write_desk(tmp_path_factory.mktemp("api"))))


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_described_paged_and_refuses_what_it_does_not_know(page, part):
    path = f"/api/v1/{part}"
    assert path in page.get("/api/openapi.json").json()["paths"]
    body = page.get(path).json()
    assert set(body) == {"total", "limit", "offset", "as_of", "data_until", "made_at", "rows"}
    assert len(body["rows"]) == min(body["total"], 100)
    for query, status in (("nonsense=1", 422), ("limit=0", 422), ("limit=10001", 422), ("offset=-1", 422)):
        answer = page.get(f"{path}?{query}")
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(answer.json()) == {"type", "title", "status", "detail"}
    head = page.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == page.get(path).headers["etag"]
    assert page.post(path).status_code == 405
    assert page.post(path).json()["status"] == 405


def test_rows_are_paged_and_a_client_that_has_them_gets_none(page):
    whole = page.get("/api/v1/cases?limit=1000").json()["rows"]
    parts, path = [], "/api/v1/cases?limit=25"
    while path:
        answer = page.get(path)
        parts += answer.json()["rows"]
        path = answer.links.get("next", {}).get("url")
    assert parts == whole
    assert len(whole) == 62
    etag = page.get("/api/v1/cases").headers["etag"]
    again = page.get("/api/v1/cases", headers={"If-None-Match": f'"x", W/{etag}'})
    assert (again.status_code, again.content) == (304, b"")


def test_csv_by_accept_and_no_other_form(page):
    answer = page.get("/api/v1/cases?team=north&limit=5", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    found = pd.read_csv(io.StringIO(answer.text))
    assert (len(found), set(found["team"])) == (5, {"north"})
    assert answer.headers["x-total-count"] == "31"
    assert page.get("/api/v1/cases", headers={"Accept": "image/png"}).status_code == 406


def test_values_are_found_by_equality_and_by_day(page):
    assert page.get("/api/v1/cases", params={"team": "x' OR '1'='1"}).json()["total"] == 0
    assert page.get("/api/v1/cases?situation=Breached").json()["total"] == 2
    assert page.get("/api/v1/kpis?kpi=csat&start=2024-03-02&end=2024-03-02").json()["total"] == 1
    assert page.get("/api/v1/kpis?start=soon").status_code == 422
    rows = page.get("/api/v1/findings?stage=risk").json()["rows"]
    assert rows[1]["facts"][0]["value"] == 0.95
    assert page.get("/api/v1/forecasts").json()["rows"] == []


def test_before_the_first_run_the_api_says_so(tmp_path):
    page = TestClient(make_app(tmp_path / "results"))
    for part in PARTS:
        answer = page.get(f"/api/v1/{part}")
        assert answer.status_code == 404
        assert "deskcast run" in answer.json()["detail"]


@pytest.mark.slow
def test_no_request_that_its_description_allows_or_forbids_breaks_the_api(page):
    schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis")
    from hypothesis import HealthCheck, given, settings

    schema = schemathesis.openapi.from_asgi("/api/openapi.json", page.app)
    asked = 0

    for operation in schema.get_all_operations():
        found = operation.ok()

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=found.as_strategy())
        def check(case):
            nonlocal asked
            asked += 1
            answer = case.call()
            assert answer.status_code < 500
            if answer.status_code == 200 and "json" in answer.headers["content-type"][0]:
                json.loads(answer.content)

        check()
    assert asked > 7 * 30
