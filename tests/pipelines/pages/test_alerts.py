"""KPI alerts on the page: cards, a page each, and decisions that the command line sees."""

import re

import pandas as pd
import pytest
from deskcast.pipelines.commands.notes import list_records
from deskcast.pipelines.pages.web import make_app
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.state.database import read_state
from deskcast.pipelines.store.incidents import read_alert_state
from deskcast.pipelines.store.results import replace_folder, write_stages
from fastapi.testclient import TestClient


@pytest.fixture(scope="module")
def alerts(demo_desk):
    """Give the alerts of the demo."""
    return pd.read_parquet(demo_desk / "results" / "kpi_alerts.parquet")


def test_every_alert_is_listed_and_has_a_page_with_its_figures(page, alerts):
    listed = page.get("/alerts").text
    assert listed.count('href="/alerts/') >= min(len(alerts), 50)
    for alert_id in alerts["alert_id"].head(5):
        answer = page.get(f"/alerts/{alert_id}")
        assert answer.status_code == 200
        assert "Strength" in answer.text
        assert "/kpis/" in answer.text
    assert page.get("/alerts/nothing-20200101-0000").status_code == 404


def test_the_list_is_filtered_and_exported(page, alerts):
    state = alerts["state"].value_counts().index[0]
    wanted = int((alerts["state"] == state).sum())
    found = page.get("/alerts", params={"state": state}).text
    assert f"{wanted} rows" in found or f"{wanted} row<" in found
    rows = page.get("/alerts.csv", params={"state": state}).text.splitlines()
    assert len(rows) == wanted + 1
    assert page.get("/alerts.xlsx").content[:2] == b"PK"
    assert page.get("/alerts.exe").status_code == 404


def test_decisions_are_in_the_state_as_the_command_line_writes_them(page, demo_desk, alerts):
    alert = alerts["alert_id"].iloc[-1]
    path = f"/alerts/{alert}"
    assert "acknowledged" in page.submit(f"{path}/acknowledge", note="seen <b>").text
    assert "Your answer is saved" in page.submit(f"{path}/feedback", verdict="was noise", note="holiday").text
    shown = page.submit(f"{path}/note", text="a <script>note</script>").text
    assert "a &lt;script&gt;note" in shown
    assert "<script>note" not in shown
    ledger = read_alert_state(demo_desk / "results").ledger.set_index("alert_id")
    assert ledger.loc[alert, "note"] == "seen <b>"
    with read_state(demo_desk / "results") as state:
        table = list_records(state, read_alert_state(demo_desk / "results").ledger)
    mine = table[table["subject"] == alert]
    assert set(mine["kind"]) == {"acknowledged", "feedback", "note"}
    assert mine.set_index("kind").loc["feedback", "text"] == "was noise: holiday"


def test_an_alert_is_muted_until_a_day(page, demo_desk, alerts):
    row = alerts.iloc[-2]
    first = re.search(r'min="(\d{4}-\d\d-\d\d)"', page.get(f"/alerts/{row.alert_id}").text)[1]
    until = pd.Timestamp(first) + pd.Timedelta(days=3)
    answer = page.submit(f"/alerts/{row.alert_id}/silence", what=row.alert_id, until=f"{until:%Y-%m-%d}")
    assert "muted until" in answer.text
    ledger = read_alert_state(demo_desk / "results").ledger.set_index("alert_id")
    assert ledger.loc[row.alert_id, "silenced_until"] == until
    for state in {*alerts["state"], "silenced"}:  # programs get what people decided, filtered by what it is now
        told = page.get("/api/v1/alerts", params={"state": state, "limit": 1000}).json()
        assert {one["state"] for one in told["rows"]} <= {state}
        assert told["total"] == len(told["rows"])
    told = page.get("/api/v1/alerts", params={"alert_id": row.alert_id}).json()["rows"]
    assert [pd.Timestamp(one["silenced_until"]) for one in told] == [until]
    for what, day in ((row.alert_id, "2001-01-01"), (row.alert_id, "x"), ("everything", first)):
        assert page.submit(f"/alerts/{row.alert_id}/silence", what=what, until=day).status_code == 422


def test_what_may_not_be_said_is_refused(page, alerts):
    alert = alerts["alert_id"].iloc[0]
    assert page.submit(f"/alerts/{alert}/feedback", verdict="helped").status_code == 422
    assert page.submit(f"/alerts/{alert}/note", text=" ").status_code == 422
    assert page.submit("/alerts/unknown/acknowledge").status_code == 404
    assert page.post(f"/alerts/{alert}/note", data={"text": "no token"}).status_code == 403


def test_what_goes_on_is_a_card_with_its_picture(tmp_path, alerts):
    days = pd.date_range("2026-01-01", periods=40)
    lead = alerts.head(1).assign(state="new", news="opened", last_at=days[-1], changed_at=days[-5], started_at=days[-5])
    ranges = pd.DataFrame(
        {"ds": days, "value": 5.0, "expected": 4.0, "lower": 2.0, "upper": 6.0, "kpi": lead["kpi"].iloc[0]}
    ).assign(alert_id=lead["alert_id"].iloc[0], series=lead["series"].iloc[0])
    with replace_folder(tmp_path / "results") as staging:
        stage = Stage("watch", {"kpi_alerts": lead, "expected_ranges": ranges}, ("One alert.",))
        write_stages([stage], staging, version="1")
    client = TestClient(make_app(tmp_path / "results"))
    shown = client.get("/alerts").text
    assert "1 KPI alert reported" in shown
    assert shown.count("<svg") == 1
    assert "Expected range" in client.get(f"/alerts/{lead['alert_id'].iloc[0]}").text


def test_without_alerts_the_page_says_what_to_do(tmp_path):
    client = TestClient(make_app(tmp_path / "results"))
    assert "deskcast run" in client.get("/alerts").text
    assert client.get("/alerts/some").status_code == 404
    with replace_folder(tmp_path / "results") as staging:
        write_stages([Stage("watch", skipped="No history to watch.")], staging, version="1")
    assert "No history to watch." in client.get("/alerts").text
