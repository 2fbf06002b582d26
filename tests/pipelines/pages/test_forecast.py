"""The forecast on the page: series and time steps, as is beside assumed, scenarios, and files."""

import io
import json

import pandas as pd
import pytest
from deskcast.forecasting import what_if
from deskcast.pipelines.commands.notes import list_records
from deskcast.pipelines.pages.web import make_app
from deskcast.pipelines.pages.web.planning.forecast_data import ForecastData, sum_known_steps, sum_steps
from deskcast.pipelines.stages.assumptions import read_assumptions
from deskcast.pipelines.state.database import read_state
from deskcast.pipelines.state.records import read_records
from deskcast.pipelines.store.results import replace_folder
from fastapi.testclient import TestClient


@pytest.fixture(scope="module")
def ahead(demo_desk):
    """Give the forecast of the demo's segments."""
    return pd.read_parquet(demo_desk / "results" / "forecast.parquet")


def file(page, **query):
    return pd.read_csv(io.StringIO(page.get("/forecast.csv", params=query).text), parse_dates=["ds"])


def test_each_series_and_time_step_shows_the_figures_of_the_tables(page, demo_desk, ahead):
    segment = ahead["unique_id"].iloc[0]
    mine = ahead[ahead["unique_id"] == segment].sort_values("ds")
    assert file(page, series=segment)["deskcast"].tolist() == pytest.approx(mine["deskcast"].tolist())
    totals = pd.read_parquet(demo_desk / "results" / "totals.parquet").query("node == 'total'").sort_values("ds")
    assert file(page, series="total")["deskcast"].tolist() == pytest.approx(totals["deskcast"].tolist())
    for grain in ("W", "MS"):
        sums = file(page, series=segment, grain=grain)
        assert sums["deskcast"].sum() == pytest.approx(mine["deskcast"].sum())
        assert not any(column.startswith("deskcast-") for column in sums)  # ranges do not add up
    shown = page.get("/forecast", params={"series": segment}).text
    assert f"Cases per day, {segment}" in shown
    assert "Likely range" in shown
    assert page.get("/forecast", params={"series": "nonsense", "grain": "x", "lead": "x"}).status_code == 200


def test_what_is_assumed_stands_beside_the_forecast_as_it_is(page, ahead):
    segment, day = ahead["unique_id"].iloc[0], ahead["ds"].min() + pd.Timedelta(days=2)
    text = f"fair {day:%Y-%m-%d}..{day:%Y-%m-%d} +50% {segment}"
    want = what_if(ahead, read_assumptions([text], growth=["5%"])).query("unique_id == @segment").sort_values("ds")
    found = file(page, series=segment, event=text, growth="5%")
    assert found["deskcast"].tolist() == pytest.approx(want["deskcast"].tolist())
    assert found["baseline"].tolist() == pytest.approx(want["baseline"].tolist())
    shown = page.get("/forecast", params={"series": "total", "event": text}).text
    for words in ("As is", "Assumed", "Difference", "fair: 50% more", "deskcast forecast --event"):
        assert words in shown
    total = file(page, series="total", event=text)
    assert (total["deskcast"] - total["baseline"]).sum() == pytest.approx(0.5 * want["baseline"].iloc[2])


def test_a_form_adds_an_assumption_to_the_address(page, ahead):
    segment, day = ahead["unique_id"].iloc[0], ahead["ds"].min() + pd.Timedelta(days=2)
    given = {"series": segment, "add": "override", "start": f"{day:%Y-%m-%d}", "value": "40", "for": segment}
    answer = page.get("/forecast", params=given)
    assert answer.url.params["event"].startswith(f"override {day:%Y-%m-%d}")
    found = file(page, **dict(answer.url.params))
    assert found.set_index("ds").loc[day, "deskcast"] == pytest.approx(40, rel=1e-6)
    closed = page.get("/forecast", params={"add": "close", "start": f"{day:%Y-%m-%d}"})
    assert "no volume" in closed.text
    for bad in (
        {"add": "event", "start": "x"},
        {"add": "growth", "percent": "y"},
        {"add": "rain", "start": "2026-03-03"},
    ):
        assert page.get("/forecast", params=bad).status_code == 422
    outside = page.get("/forecast", params={"close": "2001-01-01"})
    assert outside.status_code == 200
    assert "cannot be used" in outside.text


def test_a_scenario_is_kept_with_its_reason_and_shown_again(page, demo_desk, ahead):
    day = f"{ahead['ds'].min() + pd.Timedelta(days=3):%Y-%m-%d}"
    text = f"event sale {day}..{day} +20%\ngrowth 4%\n"
    saved = page.submit("/forecast/scenarios", name="Sale <1>", reason="planned", texts=text)
    assert "The scenario is saved." in saved.text
    assert "Sale &lt;1&gt;" in saved.text
    assert "sale: 20% more" in saved.text
    with read_state(demo_desk / "results") as state:
        row = read_records(state, "scenarios").iloc[-1]
        audit = read_records(state, "audit", action="save scenario")
        listed = list_records(state, None).set_index("kind")
    assert json.loads(row.body)["reason"] == "planned"
    assert audit["subject"].iloc[-1] == "Sale <1>"
    assert listed.loc[["scenario"], ["subject", "text"]].iloc[0].tolist() == ["Sale <1>", "planned"]
    assert (file(page, series="total", scenario="Sale <1>")["baseline"] > 0).any()
    assert page.submit("/forecast/scenarios", name="x", texts=text).status_code == 422
    assert page.submit("/forecast/scenarios", name="x", reason="y", texts="event nothing").status_code == 422
    gone = page.submit("/forecast/scenarios", name="Sale <1>", delete="1")
    assert "Saved scenarios" not in gone.text
    with read_state(demo_desk / "results") as state:
        assert read_records(state, "audit", action="delete scenario")["subject"].tolist() == ["Sale <1>"]


def test_issued_forecasts_stand_beside_what_was_observed(tmp_path, demo_desk):
    import shutil

    from deskcast.pipelines.state.database import change_state
    from deskcast.pipelines.state.issue import Issue, issue_rows

    shutil.copytree(demo_desk / "results", tmp_path / "results")
    actuals = pd.read_parquet(tmp_path / "results" / "actuals.parquet")
    segment, days = actuals["unique_id"].iloc[0], actuals["ds"].drop_duplicates().nlargest(5).sort_values()
    with change_state(tmp_path / "results") as state:
        for day in days:
            at = pd.Timestamp(day).tz_localize("UTC")
            rows = pd.DataFrame({"unique_id": segment, "ds": [day], "deskcast": 7.0, "seasonal_naive": 1.0})
            rows = rows.assign(**{"deskcast-lo-80": 5.0, "deskcast-hi-80": 9.0})
            issue_rows(state, Issue("forecast", "cases_opened D", at, at, at, "core", {"levels": [80]}), rows)
    shown = (
        TestClient(make_app(tmp_path / "results", timezone="Europe/Berlin"))
        .get("/forecast", params={"series": segment})
        .text
    )
    assert "Earlier forecasts and actual volume" in shown
    assert shown.count("5 to 9") == len(days)
    assert "Test on the past" not in shown
    hidden = actuals.assign(y=actuals["y"].where(~actuals["ds"].isin(days)))
    hidden.to_parquet(tmp_path / "results" / "actuals.parquet")
    client = TestClient(make_app(tmp_path / "results", timezone="Europe/Berlin"))
    again = client.get("/forecast", params={"series": segment}).text
    assert again.count("5 to 9") == len(days)
    assert "outside" not in again  # a day without an actual is neither inside nor outside


@pytest.mark.parametrize(("opens", "closes"), [(0, 23), (8, 17)])
def test_a_day_that_begins_or_ends_in_between_is_no_whole_day(opens, closes):
    series = ForecastData("a", ("a",), "h", "D", ("D", "h"), False, ("a",), True)
    hours = pd.date_range("2026-03-02 15:00", "2026-03-05 10:00", freq="h")
    frame = pd.DataFrame({"ds": hours[(hours.hour >= opens) & (hours.hour <= closes)], "y": 1.0})
    days = sum_steps(frame, series, ["y"])
    assert days["whole"].tolist() == [False, True, True, False]
    assert days.loc[days["whole"], "y"].tolist() == [closes - opens + 1.0] * 2
    nightly = frame[frame["ds"].dt.hour == 9]  # a forecast of one hour a day is no forecast of the day
    assert sum_known_steps(nightly, frame["ds"], series, "y").empty


def test_without_a_forecast_the_page_says_what_to_do(tmp_path):
    client = TestClient(make_app(tmp_path / "results"))
    assert "deskcast run" in client.get("/forecast").text
    with replace_folder(tmp_path / "results") as staging:
        from deskcast.pipelines.stage import Stage
        from deskcast.pipelines.store.results import write_stages

        write_stages([Stage("forecast", skipped="One day of data.")], staging, version="1")
    assert "One day of data." in client.get("/forecast").text
