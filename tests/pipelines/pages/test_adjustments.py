"""Adjustments on the page: in force with author and reason, beside the forecast without them, made and taken back."""

import io
import json
import shutil

import pandas as pd
import pytest
from deskcast.forecasting.scenarios.adjustments import apply_adjustments
from deskcast.forecasting.scenarios.what_if import Change
from deskcast.pipelines.pages.web import make_app
from deskcast.pipelines.stages.segments import adjust_totals
from deskcast.pipelines.state.adjustments import add_adjustment, read_adjustments
from deskcast.pipelines.state.database import change_state, read_state
from deskcast.pipelines.state.records import add_record, read_records


@pytest.fixture
def adjusted(tmp_path, demo_desk, page):
    """Give the page of a desk whose forecast was adjusted, and the adjusted forecast."""
    for name in ("results", "results-state"):
        shutil.copytree(demo_desk / name, tmp_path / name)
    results = tmp_path / "results"
    made = pd.Timestamp(json.loads((results / "findings.json").read_text())["made_at"])
    ahead, totals = (pd.read_parquet(results / f"{name}.parquet") for name in ("forecast", "totals"))
    day = str(ahead["ds"].min().normalize() + pd.Timedelta(days=2))[:10]
    fair = Change("fair", day, day, factor=1.5, series=str(ahead["unique_id"].iloc[0]))
    changed = apply_adjustments(ahead, [fair])
    changed.to_parquet(results / "forecast.parquet")
    adjust_totals(totals, changed, ("channel",)).to_parquet(results / "totals.parquet")
    with change_state(results) as state:
        add_adjustment(state, fair, reason="mailing <1>", by="ann", at=made - pd.Timedelta("1h"))
    return type(page)(make_app(results, timezone="Europe/Berlin")), changed, day, results


def file(page, **query):
    return pd.read_csv(io.StringIO(page.get("/forecast.csv", params=query).text), parse_dates=["ds"])


def test_an_adjustment_stands_beside_the_forecast_without_it(adjusted):
    page, changed, _, _ = adjusted
    shown = page.get("/forecast").text
    for words in ("Before adjustment", "fair: 50% more", "by ann", "mailing &lt;1&gt;", "It is part of this forecast."):
        assert words in shown
    segment = changed["unique_id"].iloc[0]
    found = file(page, series=segment)
    mine = changed[changed["unique_id"] == segment].sort_values("ds")
    for column in ("deskcast", "baseline"):
        assert found[column].tolist() == pytest.approx(mine[column].tolist())
    assert found["adjustment"].fillna("").tolist() == mine["adjustment"].tolist()
    other = changed.loc[changed["unique_id"] != segment, "unique_id"].iloc[0]
    assert "Before adjustment" not in page.get("/forecast", params={"series": other}).text


def test_a_scenario_is_compared_with_the_forecast_as_it_was_issued(adjusted):
    page, changed, day, _ = adjusted
    segment = changed["unique_id"].iloc[0]
    for series in (segment, "total"):
        plain, assumed = file(page, series=series), file(page, series=series, event=f"sale {day} +20%")
        assert assumed["baseline"].tolist() == pytest.approx(plain["deskcast"].tolist())
        at = assumed["ds"] == day
        assert assumed.loc[at, "deskcast"].tolist() == pytest.approx((1.2 * plain.loc[at, "deskcast"]).tolist())


def test_a_planner_adjusts_and_takes_back(adjusted):
    page, changed, day, results = adjusted
    segment = changed["unique_id"].iloc[1]
    given = {"name": "sale; spring", "reason": "offer", "texts": f"event x {day} =40 {segment}\n"}
    assert "The next run applies it." in page.submit("/forecast/adjustments", **given).text
    with read_state(results) as state:
        sale = read_adjustments(state)[-1]
        assert read_records(state, "audit", action="adjust")["subject"].tolist() == ["sale, spring"]
    assert (sale.change.name, sale.change.volume, sale.change.series) == ("sale, spring", 40.0, segment)
    assert sale.reason == "offer"
    assert page.submit("/forecast/adjustments", **given).status_code == 422  # one of this name is in force
    for bad in ({"texts": "event nothing"}, {"reason": ""}, {"texts": "event x 2001-01-01 +5%"}, {"texts": "-"}):
        assert page.submit("/forecast/adjustments", **given | {"name": "b"} | bad).status_code == 422
    assert page.submit("/forecast/adjustments", name="nobody", withdraw="1").status_code == 404
    gone = page.submit("/forecast/adjustments", name="fair", withdraw="1").text
    assert "Taken back: the next run leaves it out." in gone
    with read_state(results) as state:
        assert [one.change.name for one in read_adjustments(state)] == ["sale, spring"]


def test_a_scenario_and_an_adjustment_of_one_name_are_two_things(adjusted):
    page, _, day, results = adjusted
    body = {"changes": [{"name": "x", "start": day, "end": day, "factor": 1.2}], "reason": "a question"}
    with change_state(results) as state:
        add_record(state, "scenarios", by="bob", name="both", body=json.dumps(body))
        add_adjustment(state, Change("both", day, day, factor=1.1), reason="known", by="ann")
    shown = page.get("/forecast").text
    assert "a question" in shown
    assert "both: 10% more" in shown
    page.submit("/forecast/scenarios", name="both", delete="1")
    shown = page.get("/forecast").text
    assert "a question" not in shown
    assert "both: 10% more" in shown


@pytest.mark.parametrize("query", [{"scenario": "none"}, {"event": "bad"}, {"growth": ["1%"] * 21}])
def test_what_cannot_be_assumed_gives_no_file_of_something_else(page, query):
    assert page.get("/forecast.csv", params=query).status_code == 422
    assert "The scenario cannot be used" in page.get("/forecast", params=query).text
