"""Staffing on the page: the plan of the run, sliders, heat maps, cost against risk, and plans that are kept."""

import io
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from deskcast.forecasting.staffing.staffing_plan import plan_for_target
from deskcast.pipelines.commands.notes import list_records
from deskcast.pipelines.pages.web import make_app
from deskcast.pipelines.pages.web.frame.heat_map import make_heat_map
from deskcast.pipelines.pages.web.frame.snapshot import ResultsStore
from deskcast.pipelines.pages.web.planning.staffing import _cut_week, count_weeks
from deskcast.pipelines.pages.web.planning.staffing_plan import make_plan, move_sliders, read_settings, summarise_plan
from deskcast.pipelines.state.database import read_state
from deskcast.pipelines.state.records import read_saved
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as some

MOVED = {"queue": "phone", "service_level": "95", "patience_s": "100", "shrinkage": "30", "confidence": "90"}


@pytest.fixture(scope="module")
def results(demo_desk):
    """Give the results as a page reads them."""
    return ResultsStore(demo_desk / "results").snapshot()


def file(page, **query):
    return pd.read_csv(io.StringIO(page.get("/staffing.csv", params=query).text), parse_dates=["ds"])


def test_what_is_configured_is_the_plan_of_the_run(page, demo_desk):
    plan = pd.read_parquet(demo_desk / "results" / "staffing.parquet").query("queue == 'phone'").sort_values("ds")
    found = file(page, queue="phone")
    assert found["agents"].tolist() == plan["agents"].tolist()
    shown = page.get("/staffing", params={"queue": "phone"}).text
    assert f"up to {np.ceil(plan['agents_to_schedule'].max() - 1e-9):.0f}" in shown
    assert "These are your targets" not in shown
    level = np.average(plan["expected_service_level"].fillna(0), weights=plan["calls"])
    assert f"{level:.0%}" in shown


def test_sliders_give_the_plan_of_the_staffing_functions(page, results):
    own = read_settings(results)["phone"]
    moved = move_sliders(own, MOVED)
    ahead = pd.read_parquet(results._loaded.store.folder / "staffing_forecast.parquet").query("queue == 'phone'")
    rows = results.frame("staffing").query("queue == 'phone'").sort_values("ds")
    ahead = ahead.assign(unique_id="phone", ds=pd.to_datetime(ahead["ds"])).sort_values("ds")
    want = plan_for_target(ahead, rows["aht_s"].to_numpy(), moved.target, {"shrinkage": 0.3}, (80, 95), "phone", 0.9)
    found = file(page, **MOVED)
    assert found["agents_sure"].tolist() == want["agents_sure"].tolist()
    assert found["agents_sure"].sum() > rows["agents"].sum()
    shown = page.get("/staffing", params=MOVED).text
    assert "These are your targets" in shown
    assert "Configured targets: up to" in shown
    assert f"{summarise_plan(want, moved)['hours']:,.0f}" in shown


def test_moved_nowhere_the_functions_give_the_plan_of_the_run_again(results):
    for own in read_settings(results).values():
        if own.kind == "cases":
            continue
        nearly = type(own)(**(own.__dict__ | {"queue": own.queue, "shrinkage": own.shrinkage + 1e-12}))
        again, first = make_plan(results, own, nearly), make_plan(results, own, own)
        assert again["agents"].tolist() == first["agents"].tolist()
        assert again["expected_service_level"].to_numpy() == pytest.approx(
            first["expected_service_level"].to_numpy(), nan_ok=True
        )


@settings(max_examples=20)
@given(some.integers(1, 40), some.integers(0, 23))
def test_every_week_of_a_plan_has_days_and_none_is_shown_twice(days, hour):
    start = pd.Timestamp("2026-03-02") + pd.Timedelta(hours=hour)
    plan = pd.DataFrame({"ds": pd.date_range(start, periods=24 * days, freq="h")})
    parts = [_cut_week(plan, week, count_weeks(plan)) for week in range(1, count_weeks(plan) + 1)]
    assert all(len(part) and part["ds"].dt.normalize().nunique() <= 8 for part in parts)
    pd.testing.assert_frame_equal(pd.concat(parts), plan)


def test_a_risk_that_nobody_knows_is_not_none(results):
    own = read_settings(results)["phone"]
    plan = make_plan(results, own, own)
    assert np.isnan(summarise_plan(plan.assign(day_miss_probability=np.nan), own)["day_risk"])
    assert summarise_plan(plan, own)["day_risk"] == pytest.approx(
        np.average(plan["day_miss_probability"], weights=plan["calls"])
    )


@settings(max_examples=20)
@given(some.dictionaries(some.sampled_from([*MOVED, "x"]), some.text(max_size=6) | some.integers(-9, 9999).map(str)))
def test_no_slider_leaves_its_ends(asked):
    from deskcast.pipelines.pages.web.planning.staffing_plan import SLIDERS, QueueSettings

    own = QueueSettings("phone", "calls", 1800, 0.8, 20, 120.0, 0.85, 0.3, 0.8, None, None)
    values = move_sliders(own, asked).values
    assert all(slider.low <= values[slider.name] <= slider.high for slider in SLIDERS)
    assert move_sliders(own, {k: str(v) for k, v in own.values.items()}) == own


def test_a_heat_map_says_in_numbers_what_its_shades_say(page):
    ds = pd.Series(pd.date_range("2026-03-02 07:00", periods=4, freq="h"))
    drawn = make_heat_map("Gap", ds, pd.Series([0.0, -2.0, np.nan, 1.0]), lambda v: f"{v:.0f}", signed=True, year=2026)
    assert drawn.rows == [("08:00", [("-2", "s6")]), ("09:00", [("–", "")]), ("10:00", [("+1", "o3")])]
    shown = page.get("/staffing", params={"queue": "phone"}).text
    for words in (
        "Agents to schedule, Phone",
        "Scheduled agents on contacts, Phone",
        "Difference, Phone",
        "understaffed",
    ):
        assert words in shown


def test_cost_against_risk_rises_in_hours_and_falls_in_risk(page):
    shown = page.get("/staffing", params={"queue": "phone", "curve": "1", "cost": "30"}).text
    table = shown[shown.index("Cost against risk") :]
    table = table[table.index("<tbody>") : table.index("</tbody>")]
    cells = [re.findall(r">([^<>]+)</td>", row) for row in table.split("</tr>")[:-1]]
    hours, cost = ([float(row[at].replace(",", "")) for row in cells] for at in (1, 5))
    assert len(cells) == 6
    assert hours == sorted(hours)
    assert cost == pytest.approx([30 * each for each in hours], abs=16)
    assert page.get("/staffing", params={"queue": "phone", "curve": "1", "cost": "much"}).status_code == 200


def test_deferred_work_shows_its_backlog_by_day(page, demo_desk):
    work = pd.read_parquet(demo_desk / "results" / "casework.parquet")
    shown = page.get("/staffing", params={"queue": work["queue"].iloc[0]}).text
    assert "Backlog plan" in shown
    assert shown.count('<th scope="row">') > 5
    assert page.get("/staffing.xlsx", params={"queue": work["queue"].iloc[0]}).content[:2] == b"PK"


def test_a_plan_is_kept_with_its_targets_and_reason(page, demo_desk):
    kept = page.submit("/staffing/plans", name="Easter <1>", reason="holiday", **MOVED).text
    assert "The plan is saved." in kept
    assert "Easter &lt;1&gt;" in kept
    with read_state(demo_desk / "results") as state:
        body = json.loads(read_saved(state, "plan").set_index("name").loc["Easter <1>", "body"])
        listed = list_records(state, None).set_index("kind")
    assert listed.loc[["plan"], ["subject", "text"]].iloc[0].tolist() == ["Easter <1>", "holiday"]
    assert (body["reason"], body["targets"]["service_level"]) == ("holiday", 95)
    rows = file(page, plan="Easter <1>")
    assert rows["required"].tolist() == file(page, **MOVED)["agents_sure"].loc[lambda s: s > 0].tolist()
    assert page.get("/staffing.csv?plan=none").status_code == 404
    assert page.submit("/staffing/plans", name="x", reason="y", queue="none").status_code == 422
    assert page.submit("/staffing/plans", name="x", queue="phone").status_code == 422
    assert "Plans that are kept" not in page.submit("/staffing/plans", name="Easter <1>", delete="1").text


@pytest.mark.parametrize("over", ["day", "week", "interval"])
def test_sliders_say_that_they_plan_by_interval_where_the_run_does_not(tmp_path, demo_desk, over):
    shutil.copytree(demo_desk / "results", tmp_path / "results")
    path = tmp_path / "results" / "staffing_settings.parquet"
    pd.read_parquet(path).assign(target_over=over).to_parquet(path)
    client = TestClient(make_app(tmp_path / "results"))
    still, moved = (client.get("/staffing", params=query).text for query in ({"queue": "phone"}, MOVED))
    assert (f"meets its target over each {over}" in still) == (over != "interval")
    assert ("meets them in each interval" in moved) == (over != "interval")
    assert "meets them in each interval" not in still


def test_a_file_of_a_queue_that_is_not_planned_is_refused(page):
    assert page.get("/staffing.csv", params={"queue": "nobody"}).status_code == 404
    assert len(file(page)) > 0


def test_without_a_plan_the_page_says_what_to_do(tmp_path):
    client = TestClient(make_app(tmp_path / "results"))
    assert "deskcast run" in client.get("/staffing").text
