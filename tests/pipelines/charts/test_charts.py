"""Pictures: they compile, stay small whatever the tables hold, and are left out where a table is missing."""

import json

import numpy as np
import pandas as pd
import pytest
from deskcast.pipelines.charts.charts import plot_stage
from deskcast.pipelines.charts.kpis import MIN_CASES_PLOTTED, by_week, label_series
from deskcast.pipelines.charts.vega import downsample
from deskcast.pipelines.stage import Stage
from hypothesis import given, settings
from hypothesis import strategies as st


def points(picture):
    return sum(len(rows) for rows in picture.spec.get("datasets", {}).values())


def drawn(stages):
    return {(s.name, table): found for s in stages for table, found in plot_stage(s, stages).items()}


def test_every_stage_with_something_to_see_has_pictures(stages):
    assert {key: len(found) for key, found in drawn(stages).items()} == {
        ("history", "history"): 4,
        ("forecast", "forecast"): 3,
        ("forecast", "leaderboard"): 1,
        ("staff", "staffing"): 4,
        ("train", "calibration"): 1,
        ("risk", "risk"): 1,
        ("watch", "drivers"): 1,
    }


def test_every_picture_can_be_drawn_and_says_what_it_shows(stages):
    import vl_convert

    for found in drawn(stages).values():
        for picture in found:
            assert picture.title
            assert picture.alt.endswith(".")
            svg = vl_convert.vegalite_to_svg({**picture.spec, "width": 500})
            assert svg.count("<path") > 5, picture.title
            assert "NaN" not in svg


def test_big_tables_give_small_pictures(made_up):
    slots = 60_000
    ds = pd.date_range("2023-01-01", periods=slots, freq="5min")
    many = [f"queue {i}" for i in range(60)]
    actuals = pd.concat([pd.DataFrame({"unique_id": u, "ds": ds, "y": 1.0 + i}) for i, u in enumerate(many[:5])])
    ahead = pd.date_range("2024-01-01", periods=8_000, freq="5min")
    body = {"ds": ahead, "deskcast": 5.0, "deskcast-lo-80": 3.0, "deskcast-hi-80": 8.0, "seasonal_naive": 4.0}
    forecast = pd.concat([pd.DataFrame({"unique_id": u, **body}) for u in many])
    history = pd.concat(
        [pd.DataFrame({"kpi": f"kpi_{i}", "ds": ds, "value": 1.0, "lo": 0.5, "hi": 2.0}) for i in range(12)]
    )
    staffing = pd.concat(
        [
            pd.DataFrame(
                {
                    "queue": u,
                    "ds": ahead,
                    "agents_to_schedule": 9,
                    "agents": 7,
                    "agents_hi": 8,
                    "calls": 3.0,
                    "load": 2.0 + i,
                }
            )
            for i, u in enumerate(many[:8])
        ]
    )
    stages = [
        Stage("forecast", {"actuals": actuals, "forecast": forecast}),
        Stage("history", {"history": history}),
        Stage("staff", {"staffing": staffing}),
    ]
    found = drawn(stages)
    assert [len(v) for v in found.values()] == [4, 9, 6]
    assert max(points(p) for pictures in found.values() for p in pictures) < 5_000
    assert sum(len(json.dumps(p.spec)) for pictures in found.values() for p in pictures) < 3_000_000


@pytest.mark.parametrize("name", ["check", "history", "forecast", "staff", "train", "risk", "watch"])
def test_missing_and_empty_tables_give_no_picture(stages, name):
    stage = next(s for s in stages if s.name == name)
    assert plot_stage(Stage(name)) == {}
    assert plot_stage(Stage(name, {t: frame.iloc[:0] for t, frame in stage.tables.items()})) == {}


def test_a_history_of_missing_values_gives_no_picture():
    ds = pd.date_range("2024-01-01", periods=5)
    empty = pd.DataFrame({"kpi": "csat", "ds": ds, "value": np.nan, "lo": np.nan, "hi": np.nan})
    assert plot_stage(Stage("history", {"history": empty})) == {}


@pytest.mark.parametrize("name", ["south", "region south"])
def test_totals_come_first_and_shifts_are_marked_on_the_series_that_moved(name):
    ds = pd.date_range("2024-01-01", periods=30)
    names = [None, "north", "south", "east", "west", "far"]
    history = pd.concat(
        [
            pd.DataFrame({"kpi": "backlog", "region": n, "ds": ds, "value": 10.0 + i, "lo": np.nan, "hi": np.nan})
            for i, n in enumerate(names)
        ]
    )
    shifts = pd.DataFrame(
        {
            "kpi": ["backlog"],
            "series": [name],
            "kind": ["level_shift"],
            "direction": ["up"],
            "started_at": [ds[20]],
            "before": [12.0],
            "after": [15.0],
        }
    )
    stages = [Stage("history", {"history": history}), Stage("watch", {"detections": shifts})]
    (picture,) = plot_stage(stages[0], stages)["history"]
    shown = {row["series"] for rows in picture.spec["datasets"].values() for row in rows if "value" in row}
    assert shown == {"all", "region south"}
    assert [row["after"] for rows in picture.spec["datasets"].values() for row in rows if "after" in row] == [15.0]
    assert "1 shift" in picture.alt


def test_series_are_named_by_their_segments():
    frame = pd.DataFrame({"kpi": "csat", "channel": ["chat", None, "chat"], "region": ["n", "n", None], "value": 1.0})
    assert label_series(frame).tolist() == ["channel chat · region n", "region n", "channel chat"]
    assert label_series(frame, columns=False).tolist() == ["chat/n", "n", "chat"]


def test_thinning_keeps_the_extremes_of_a_band():
    frame = pd.DataFrame(
        {"ds": pd.date_range("2024-01-01", periods=1000), "lo": np.arange(1000.0), "hi": np.arange(1000.0)}
    )
    merged, rows = downsample(frame, 300, {"lo": "min", "hi": "max"})
    assert (len(merged), rows) == (250, 4)
    assert merged.iloc[-1].tolist()[1:] == [996.0, 999.0]


@given(
    weeks=st.integers(9, 20), first=st.integers(0, 6), per_day=st.integers(1, 30), seed=st.integers(0, 99),
    kpi=st.sampled_from(["csat", "cases_opened", "backlog", "first_response_time"]),
)  # fmt: skip
@settings(max_examples=20)
def test_days_are_drawn_by_whole_weeks_and_small_numbers_not_at_all(weeks, first, per_day, seed, kpi):
    days = pd.date_range(pd.Timestamp("2024-01-01") + pd.Timedelta(days=first), periods=7 * weeks)
    rng = np.random.default_rng(seed)
    n = rng.integers(0, per_day, len(days)).astype(float)
    value = np.where(n > 0, rng.integers(0, 2, len(days)), np.nan) if kpi == "csat" else n
    rows = pd.DataFrame({"kpi": kpi, "ds": days, "value": value, "n": n, "numerator": value * n, "series": "all"})
    drawn = by_week(rows.assign(cut=[True] + [False] * (len(days) - 1)), kpi)
    assert drawn["ds"].dt.day_of_week.eq(0).all()
    assert drawn["ds"].min() > days[0]
    assert drawn["ds"].max() + pd.Timedelta(days=6) <= days[-1]
    for row in drawn.itertuples():
        mine = rows[(rows["ds"] >= row.ds) & (rows["ds"] < row.ds + pd.Timedelta(days=7))]
        if kpi == "cases_opened":
            assert row.value == mine["value"].sum()
        elif kpi == "backlog":
            assert row.value == mine["value"].iloc[-1]
        elif mine["n"].sum() < MIN_CASES_PLOTTED:
            assert np.isnan(row.value)
        else:
            assert row.value == pytest.approx((mine["value"].fillna(0) * mine["n"]).sum() / mine["n"].sum())
