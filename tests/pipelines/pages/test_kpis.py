"""KPIs on the page: by group, week and segment, and the cases behind a value."""

import io
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deskcast.features import kpi_history
from deskcast.features.kpis.catalogue import KPI_ENTRIES
from deskcast.pipelines import open_log
from deskcast.pipelines.pages.web import make_app
from deskcast.pipelines.pages.web.frame.snapshot import ResultsStore
from deskcast.pipelines.pages.web.kpis.kpi_cases import Searches
from deskcast.pipelines.pages.web.kpis.kpi_data import GROUPS, group_of, list_kpis, weeks_of
from deskcast.pipelines.pages.web.kpis.kpi_paths import cases_path
from fastapi.testclient import TestClient


@pytest.fixture(scope="module")
def results(demo_desk):
    """Give the results as a page reads them."""
    return ResultsStore(demo_desk / "results").snapshot()


def test_every_kpi_is_in_one_group_and_has_a_page(page, results):
    assert {group_of(entry) for entry in KPI_ENTRIES} <= set(GROUPS)
    listed = page.get("/kpis").text
    names = [one["kpi"] for one in list_kpis(results)]
    assert all(f'href="/kpis/{name}"' in listed for name in names)
    assert page.get("/kpis/nothing").status_code == 404
    assert page.get("/kpis/csat?channel=nowhere").status_code == 404
    found = page.get("/kpis?q=scores+of+4").text
    assert "/kpis/csat" in found
    assert "/kpis/backlog" not in found
    for name in names[::9]:
        assert page.get(f"/kpis/{name}").status_code == 200


def test_a_week_of_the_page_is_the_week_of_the_history(page, demo_home):
    log = open_log(demo_home / "desk" / "deskcast.toml")
    for kpi in ("sla_attainment", "cases_opened", "agents_per_case"):
        want = kpi_history(log, [kpi], freq="W").query("kpi == @kpi and not cut").set_index("ds")
        text = page.get(f"/kpis/{kpi}.csv").text
        found = pd.read_csv(io.StringIO(text), parse_dates=["ds"]).query("not cut").set_index("ds")
        days = found.index.intersection(want.index)[-20:]
        assert len(days) == 20
        assert found.loc[days, "value"].tolist() == pytest.approx(want.loc[days, "value"].tolist())
    assert found.loc[days, "n"].tolist() == want.loc[days, "n"].tolist()


def test_shares_have_the_interval_of_the_history(results):
    rows = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=28), "value": 0.5, "n": 2.0, "numerator": 1.0})
    weeks = weeks_of(rows.assign(series="all", cut=False), "csat")
    assert weeks["n"].tolist() == [14.0] * 4
    assert (weeks["lo"] < 0.5).all()
    assert (weeks["hi"] > 0.5).all()
    assert weeks_of(rows.assign(series="all", cut=False, numerator=np.nan), "handle_time")["lo"].isna().all()


def test_a_kpi_says_how_it_is_computed_and_leads_to_its_segments_and_cases(page):
    shown = page.get("/kpis/sla_attainment").text
    for words in ("How it is computed", "By segment", "By week", "95% interval", "Target: 85%", "freq=W"):
        assert words in shown
    assert 'href="/kpis/sla_attainment?channel=' in shown
    assert "/kpis/sla_attainment/cases?period=" in shown


@pytest.mark.slow  # 15 s: a process of its own reads the log
def test_the_cases_behind_a_value_add_up_to_it(demo_home):
    desk = demo_home / "desk"
    client = TestClient(make_app(desk / "results", timezone="Europe/Berlin", config=desk / "deskcast.toml"))
    path = cases_path("sla_attainment", "2026-02-09", "W", {"channel": "phone"})
    answer = client.get(path)
    while answer.status_code == 202:
        assert answer.headers["Refresh"] == "3"
        time.sleep(1)
        answer = client.get(path)
    assert answer.status_code == 200
    assert "SLA attainment, 2026-02-09, phone" in answer.text
    rows = pd.read_csv(io.StringIO(client.get(path.replace("/cases?", "/cases.csv?")).text))
    history = pd.read_parquet(desk / "results" / "history.parquet")
    cell = history.query("kpi == 'sla_attainment' and channel == 'phone' and product.isna() and region.isna()")
    week = cell[(cell["ds"] >= "2026-02-09") & (cell["ds"] < "2026-02-16")]
    assert (rows["n"].sum(), rows["numerator"].sum()) == (week["n"].sum(), week["numerator"].sum())


def test_a_search_for_cases_is_made_once_and_says_what_is_wrong(monkeypatch, tmp_path, demo_desk):
    asked, go = [], threading.Event()

    def run(search, config, options):
        asked.append(options)
        go.wait(10)
        search.problem = "option '--period': not a valid period"
        search.done.set()

    monkeypatch.setattr("deskcast.pipelines.pages.web.kpis.kpi_cases._run", run)
    monkeypatch.setattr("deskcast.pipelines.pages.web.kpis.kpi_cases.WAIT_S", 0.01)
    config = tmp_path / "deskcast.toml"
    config.write_text("")
    client = TestClient(make_app(demo_desk / "results", config=config))
    path = "/kpis/csat/cases?period=2026-02-09&freq=W&channel=phone"
    assert client.get(path).status_code == client.get(path).status_code == 202
    assert len(asked) == 1
    assert "--by=channel=phone" in asked[0]
    for odd in ("period=x", "period=9999-12-31", "period=2001-W01", "period=2026-02-09&freq=W&channel=--out%3Dx",
                "period=2026-02-09&freq=W&state=odd", "period=99999-01-01"):  # fmt: skip
        assert client.get(f"/kpis/csat/cases?{odd}").status_code in (404, 422)
    assert client.get("/kpis/nothing/cases?period=2026-02").status_code == 404
    assert len(asked) == 1  # what cannot be is not searched for
    go.set()
    for _ in range(100):
        if (answer := client.get(path)).status_code != 202:
            break
        time.sleep(0.05)
    assert answer.status_code == 422
    assert "not a valid period" in answer.text
    assert client.get("/kpis/csat/cases").status_code == 422
    assert client.get("/kpis/csat/cases?period=2026-02&freq=x").status_code == 422
    searches = Searches()
    go.clear()
    for number in range(6):
        searches.find(Path("x"), (str(number),))
    with pytest.raises(Exception, match="Others are looking"):
        searches.find(Path("x"), ("one more",))
    go.set()


def test_without_a_configuration_or_results_the_page_says_what_to_do(page, tmp_path):
    assert "deskcast serve" in page.get("/kpis/csat/cases?period=2026-02-09&freq=W").text
    client = TestClient(make_app(tmp_path / "results"))
    assert "deskcast run" in client.get("/kpis").text
    assert client.get("/kpis/csat").status_code == 404
    assert client.get("/kpis/csat/cases?period=2026-02").status_code == 404
