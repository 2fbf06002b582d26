"""Pictures: small whatever the tables hold, a colour a model, a unit an axis, and left out where a table is missing."""

import re
from xml.dom.minidom import parseString

import numpy as np
import pandas as pd
import pytest
from deskcast.pipelines.charts.axes import time_axis, value_axis
from deskcast.pipelines.charts.charts import plot_stage
from deskcast.pipelines.charts.kpis import MIN_CASES_PLOTTED, by_week, label_series
from deskcast.pipelines.charts.palette import DARK_COLOURS, MODEL_COLOURS, PAPER, model_colour, model_label
from deskcast.pipelines.charts.svg import downsample, render_image
from deskcast.pipelines.pages.report import render_report
from deskcast.pipelines.stage import Stage
from hypothesis import given, settings
from hypothesis import strategies as st


def drawn(stages, full=True):
    return {(s.name, table): found for s in stages for table, found in plot_stage(s, stages, full=full).items()}


def legend(chart):
    """Return the names in the legend, with the colour of each swatch."""
    found = {}
    for before, name in re.findall(r'(<(?:path|rect|circle)[^>]*>)<text[^>]*fill="#1c2430">([^<]*)</text>', chart.svg):
        found[name] = (re.findall(r'stroke="(#\w+)"', before) + re.findall(r'fill="(#\w+)"', before))[0]
    return found


def test_every_stage_with_something_to_see_has_pictures(stages):
    counts = {key: len(found) for key, found in drawn(stages, full=False).items()}
    assert counts == {("forecast", "forecast"): 4, ("staff", "staffing"): 2, ("train", "calibration"): 1}
    assert len(drawn(stages)[("history", "history")]) == 4


def test_every_picture_is_well_formed_has_a_legend_and_says_what_it_shows(stages):
    for found in drawn(stages).values():
        for chart in found:
            root = parseString(chart.svg).documentElement
            assert (root.getAttribute("role"), root.getAttribute("aria-label")) == ("img", chart.alt)
            assert chart.title
            assert chart.alt.endswith(".")
            assert not re.search(r"\bnan\b|\binf\b", chart.svg)
            assert legend(chart) or "Agents, most of each hour" in chart.svg, chart.title
            assert set(re.findall(r"#[0-9a-f]{6}", chart.svg)) <= set(DARK_COLOURS)


def test_pictures_below_one_another_are_one_image(stages):
    (found,) = plot_stage(stages[2], stages).values()
    assert render_image(found, "png").startswith(b"\x89PNG")
    assert len(parseString(render_image(found, "svg")).getElementsByTagName("svg")) == 1 + len(found)


def test_big_tables_give_small_pictures():
    ds = pd.date_range("2023-01-01", periods=60_000, freq="5min")
    many = [f"queue {i}" for i in range(60)]
    actuals = pd.concat([pd.DataFrame({"unique_id": u, "ds": ds, "y": 1.0 + i}) for i, u in enumerate(many[:5])])
    ahead = pd.date_range("2024-01-01", periods=8_000, freq="5min")
    body = {"ds": ahead, "deskcast": 5.0, "deskcast-lo-80": 3.0, "deskcast-hi-80": 8.0, "seasonal_naive": 4.0}
    forecast = pd.concat([pd.DataFrame({"unique_id": u, **body}) for u in many])
    history = pd.concat([pd.DataFrame({"kpi": f"kpi_{i}", "ds": ds, "value": 1.0}) for i in range(12)])
    plan = {"ds": ahead, "agents_to_schedule": 9, "agents": 7, "agents_hi": 8, "calls": 3.0}
    staffing = pd.concat([pd.DataFrame({"queue": u, **plan, "load": 2.0 + i}) for i, u in enumerate(many[:8])])
    stages = [
        Stage("forecast", {"actuals": actuals, "forecast": forecast}),
        Stage("history", {"history": history}),
        Stage("staff", {"staffing": staffing}),
    ]
    found = drawn(stages)
    assert [len(v) for v in found.values()] == [4, 9, 3]
    assert max(len(chart.svg) for charts in found.values() for chart in charts) < 60_000


@pytest.mark.parametrize("name", ["check", "history", "forecast", "staff", "train", "risk", "watch"])
def test_missing_and_empty_tables_give_no_picture(stages, name):
    stage = next(s for s in stages if s.name == name)
    assert plot_stage(Stage(name), full=True) == {}
    assert plot_stage(Stage(name, {t: frame.iloc[:0] for t, frame in stage.tables.items()}), full=True) == {}


def test_a_history_of_missing_values_gives_no_picture():
    ds = pd.date_range("2024-01-01", periods=5)
    empty = pd.DataFrame({"kpi": "csat", "ds": ds, "value": np.nan, "lo": np.nan, "hi": np.nan})
    assert plot_stage(Stage("history", {"history": empty}), full=True) == {}


@pytest.mark.parametrize("name", ["south", "region south"])
def test_totals_come_first_and_changes_are_marked_on_the_series_that_moved(name):
    ds = pd.date_range("2024-01-01", periods=30)
    names = [None, "north", "south", "east", "west", "far"]
    parts = [pd.DataFrame({"kpi": "backlog", "region": n, "ds": ds, "value": 10.0 + i}) for i, n in enumerate(names)]
    row = {
        "kpi": "backlog",
        "series": name,
        "kind": "level_shift",
        "direction": "up",
        "started_at": ds[20],
        "after": 15.0,
    }
    stages = [Stage("history", {"history": pd.concat(parts)}), Stage("watch", {"detections": pd.DataFrame([row])})]
    (chart,) = plot_stage(stages[0], stages, full=True)["history"]
    other = ("Incomplete period", "KPI change")
    assert [name for name in legend(chart) if name not in other] == ["all", "region south"]
    assert "KPI change" in legend(chart)
    assert "1 change marked" in chart.alt


def test_weeks_show_the_range_that_the_finding_states_and_what_is_incomplete():
    past = pd.date_range("2024-01-03", "2024-03-12")
    ahead = pd.date_range("2024-03-13", periods=28)
    tables = {
        "actuals": pd.DataFrame({"unique_id": "all", "ds": past, "y": 10.0}),
        "forecast": pd.DataFrame({"unique_id": "all", "ds": ahead, "deskcast": 12.0}),
        "forecast_figures": pd.DataFrame({"kind": ["likely low", "likely high"], "value": [70.0, 99.0]}),
    }
    chart = plot_stage(Stage("forecast", tables))["forecast"][0]
    assert list(legend(chart)) == ["Actual", "Incomplete week", "Likely range, next week", "Forecast"]
    assert "84 in the week of 18 Mar 2024, likely 70 to 99" in chart.alt
    calls = plot_stage(Stage("forecast", tables, params={"noun": "arrival"}))["forecast"]
    assert [chart.title for chart in calls] == ["Arrivals per week", "Arrivals per day"]
    tables["forecast_figures"]["value"] = [1.0, 2.0]  # of another week
    assert "likely" not in plot_stage(Stage("forecast", tables))["forecast"][0].alt


@given(
    freq=st.sampled_from([("15min", "15 min"), ("h", "hour"), ("D", "day"), ("W-MON", "week"), ("MS", "month")]),
    past=st.integers(1, 120),
    ahead=st.integers(1, 60),
    start=st.integers(0, 400),
    shares=st.booleans(),
)
@settings(max_examples=12, deadline=None)
def test_a_forecast_of_any_slot_has_a_picture_with_its_unit(freq, past, ahead, start, shares):
    first = pd.Timestamp("2024-01-01") + pd.Timedelta(hours=6 * start)
    ds = pd.date_range(first.normalize() if freq[0] in "DMSW-MON" else first, periods=past + ahead, freq=freq[0])
    actuals = pd.DataFrame({"unique_id": "all", "ds": ds[:past], "y": 5.0})
    forecast = pd.DataFrame({"unique_id": "all", "ds": ds[past:], "deskcast": 6.0, "seasonal_naive": 4.0})
    forecast = forecast.assign(**{"deskcast-lo-80": 3.0, "deskcast-hi-80": 9.0})
    stage = Stage("forecast", {"actuals": actuals.assign(n=9) if shares else actuals, "forecast": forecast})
    charts = plot_stage(stage)["forecast"]
    slot = freq[1] if ahead > 1 else "day"
    assert charts[-1].title == f"{'Value' if shares else 'Cases'} per {slot}"
    assert {"Actual", "Forecast", "Likely range"} <= set(legend(charts[-1]))
    assert not re.search(r"\bnan\b|\binf\b", "".join(chart.svg for chart in charts))
    assert len(charts) == 1 or not shares
    assert render_report([stage], title="d", made_at=first, version="0").count("<svg") == len(charts)


def test_a_target_is_a_line_with_a_name():
    ds = pd.date_range("2024-01-01", periods=40)
    history = pd.DataFrame({"kpi": "csat", "ds": ds, "value": 0.7, "n": 20.0})
    goals = pd.DataFrame({"kpi": ["csat"], "series": ["all"], "target": [0.9]})
    stages = [Stage("history", {"history": history}), Stage("watch", {"goals": goals})]
    (chart,) = plot_stage(stages[0], stages, full=True)["history"]
    assert "Target" in legend(chart)
    assert ">90%</text>" in chart.svg


def test_a_model_has_one_colour_in_every_picture():
    models = ["deskcast", "seasonal_naive", "same_slot", "my_own"]
    lead = pd.DataFrame(
        [(i, "day", m, 0.1 * i, 0.0) for m in models for i in (1, 2)], columns=["lead", "unit", "model", "wape", "bias"]
    )
    held = pd.DataFrame([(m, 100 * x, x, x - 0.1, x + 0.1, 9) for m in reversed(models) for x in (0.5, 0.8)])
    held.columns = ["model", "level", "observed", "lo", "hi", "n"]
    found = plot_stage(Stage("forecast", {"forecast_by_lead": lead, "forecast_coverage": held}), full=True)
    for (chart,) in found.values():
        shown = legend(chart)
        assert {shown[model_label(m)] for m in models} == {model_colour(m) for m in models}
        assert all(shown[model_label(m)] == model_colour(m) for m in models)
    risks = {MODEL_COLOURS[m] for m in ("constant", "rule", "rates", "logistic", "hazard", "mean")}
    assert len(risks) == 6
    assert len({model_colour(f"model {i}") for i in range(5)}) == 5


def contrast(one, other):
    def brightness(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("light", [c for c in DARK_COLOURS if c not in (PAPER, "#e3e7ec")])
def test_colours_can_be_seen_on_a_light_and_on_a_dark_page(light):
    assert contrast(light, PAPER) >= 3
    assert contrast(DARK_COLOURS[light], DARK_COLOURS[PAPER]) >= 3


def test_series_are_named_by_their_segments():
    frame = pd.DataFrame({"kpi": "csat", "channel": ["chat", None, "chat"], "region": ["n", "n", None], "value": 1.0})
    assert label_series(frame).tolist() == ["channel chat · region n", "region n", "channel chat"]
    assert label_series(frame, columns=False).tolist() == ["chat/n", "n", "chat"]


def test_thinning_keeps_the_extremes_of_a_band():
    frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=1000), "lo": np.arange(1000.0)})
    merged, rows = downsample(frame.assign(hi=frame["lo"]), 300, {"lo": "min", "hi": "max"})
    assert (len(merged), rows) == (250, 4)
    assert merged.iloc[-1].tolist()[1:] == [996.0, 999.0]


@given(
    values=st.lists(st.floats(-1e6, 1e6) | st.sampled_from([float("nan"), 0.7, 0.7 + 2e-16]), max_size=20),
    whole=st.booleans(),
    zero=st.booleans(),
)
@settings(max_examples=25)
def test_an_axis_holds_all_its_values_between_a_few_round_ticks(values, whole, zero):
    axis = value_axis(values, "Cases", whole=whole, zero=zero)
    known = [v for v in values if np.isfinite(v)]
    assert axis.low < axis.high
    assert all(axis.low - 1e-6 <= v <= axis.high + 1e-6 for v in known)
    assert 2 <= len(axis.ticks) <= 8
    assert len({label for _, label in axis.ticks}) == len(axis.ticks)
    assert not whole or all(tick == round(tick) for tick, _ in axis.ticks)


@given(days=st.floats(0.1, 4000), unit=st.sampled_from(["s", "ms", "us", "ns"]))
@settings(max_examples=25)
def test_times_have_a_few_ticks_inside_whatever_their_unit(days, unit):
    ds = pd.Series([pd.Timestamp("2024-01-01 07:00"), pd.Timestamp("2024-01-01 07:00") + pd.Timedelta(days=days)])
    axis = time_axis(ds.astype(f"datetime64[{unit}]"))
    assert sum(len(label) + 2 for _, label in axis.ticks) <= 56
    assert all(axis.low <= at <= axis.high for at, _ in axis.ticks)


@given(
    weeks=st.integers(5, 12), first=st.integers(0, 6), per_day=st.integers(1, 30), seed=st.integers(0, 99),
    kpi=st.sampled_from(["csat", "cases_opened", "backlog", "first_response_time"]),
)  # fmt: skip
@settings(max_examples=20)
def test_days_are_drawn_by_week_and_what_is_cut_or_small_says_so(weeks, first, per_day, seed, kpi):
    days = pd.date_range(pd.Timestamp("2024-01-01") + pd.Timedelta(days=first), periods=7 * weeks)
    rng = np.random.default_rng(seed)
    n = rng.integers(0, per_day, len(days)).astype(float)
    value = np.where(n > 0, rng.integers(0, 2, len(days)), np.nan) if kpi == "csat" else n
    rows = pd.DataFrame({"kpi": kpi, "ds": days, "value": value, "n": n, "numerator": value * n, "series": "all"})
    found = by_week(rows.assign(cut=[True] + [False] * (len(days) - 1)), kpi)
    assert found["ds"].dt.day_of_week.eq(0).all()
    for row in found.itertuples():
        own = rows[(rows["ds"] >= row.ds) & (rows["ds"] < row.ds + pd.Timedelta(days=7))]
        assert row.cut == (len(own) < 7 or days[0] in set(own["ds"]))
        if kpi == "cases_opened":
            assert row.value == own["value"].sum()
        elif kpi == "backlog":
            assert row.value == own["value"].iloc[-1]
        else:
            assert row.few == (own["n"].sum() < MIN_CASES_PLOTTED)
            if own["n"].sum():
                assert row.value == pytest.approx((own["value"].fillna(0) * own["n"]).sum() / own["n"].sum())


def test_small_and_cut_periods_are_hollow_points_with_a_name():
    ds = pd.date_range("2024-01-03", periods=60)
    n = np.where(np.arange(60) < 30, 1.0, 20.0)
    history = pd.DataFrame({"kpi": "csat", "ds": ds, "value": 0.7, "n": n, "cut": False})
    (chart,) = plot_stage(Stage("history", {"history": history}), full=True)["history"]
    assert {"Fewer than 10 cases", "Incomplete period"} <= set(legend(chart))
    assert chart.svg.count(f'fill="{PAPER}"') >= 5


@pytest.mark.parametrize(
    ("kpi", "split", "last", "by"),
    [
        ("cases_opened", True, 55, "week"),
        ("cases_opened", False, 55, "week"),
        ("cases_opened", False, 42, "day"),
        ("csat", True, 55, "week"),
        ("csat", False, 55, "day"),
        ("csat", True, 43, "day"),
    ],
)
def test_alerts_are_drawn_by_week_where_they_lasted_one_and_weeks_can_be_summed_up(kpi, split, last, by):
    ds = pd.date_range("2024-01-01", periods=56)
    ranges = pd.DataFrame({"alert_id": "a", "kpi": kpi, "series": "region north", "ds": ds, "value": 10.0})
    ranges = ranges.assign(expected=10.0, lower=5.0, upper=20.0)
    named = {"alert_id": "a", "kpi": kpi, "series": "region north", "kind": "level_shift", "before": 10.0}
    days = {"changed_at": ds[40], "started_at": ds[42], "detected_at": ds[45], "last_at": ds[last]}
    history = pd.DataFrame({"kpi": kpi, "region": "north" if split else "south", "ds": ds, "value": 10.0, "n": 30.0})
    tables = {"expected_ranges": ranges, "kpi_alerts": pd.DataFrame([named | days]), "history": history}
    (chart,) = plot_stage(Stage("watch", tables))["kpi_alerts"]
    assert f" by {by}, " in chart.title
    assert chart.title.endswith(", region north, alert from 10 Feb")
    assert {"Actual", "Expected", "During the alert"} <= set(legend(chart))
    if by == "week":  # what was expected of a week is that of its days
        expected, actual = (
            re.findall(rf'<path d="M[\d.]+ ([\d.]+)L[^"]*" fill="none" stroke="{colour}"', chart.svg)[-1]
            for colour in ("#737a85", "#0072b2")
        )
        assert float(expected) == float(actual)
        assert "3 weeks of the alert" in chart.alt


def test_the_track_record_and_drift_are_drawn_once_there_are_enough_nights():
    days = pd.date_range("2024-03-04", periods=10)
    steps = pd.DataFrame({"scope": "cases_opened D", "ds": days, "deskcast": 9.0, "y": np.arange(10.0)})
    steps = steps.assign(**{"deskcast-lo-80": 4.0, "deskcast-hi-80": 14.0})
    other = pd.DataFrame({"scope": "csat W", "ds": days, "deskcast": 0.8, "y": 0.7})
    risks = pd.DataFrame({"metric": "resolution", "predicted": [0.1, 0.6], "observed": [0.2, 0.6], "n": [30, 10]})
    mornings = pd.DataFrame({"at": days.tz_localize("UTC"), "strength": np.r_[np.ones(9), 4.0], "limit": 2.0})
    tables = {
        "accuracy_forecast_next": pd.concat([steps, other, steps.head(3).assign(scope="contacts_offered h")]),
        "accuracy_calibration": risks.assign(lo=[0.1, 0.4], hi=[0.3, 0.8]),
    }
    stages = [Stage("accuracy", tables), Stage("drift", {"drift_by_morning": mornings})]
    found = {table: charts for (_, table), charts in drawn(stages, full=False).items()}
    assert [chart.alt for charts in found.values() for chart in charts] == [
        "Cases per day: issued forecasts and actual values, 10 days: 90 forecast, 45 observed.",
        "CSAT per week: issued forecasts and actual values, 10 weeks: 8 forecast, 7 observed.",
        "Issued resolution risks: observed and predicted share are 8 points apart on average.",
        "Model drift by morning, 10 mornings: the last one is above the limit of 2.0.",
    ]
    assert set(legend(found["accuracy_forecast_next"][0])) == {"Likely range", "Issued forecast", "Actual"}
    few = Stage("accuracy", {"accuracy_forecast_next": steps.head(4)})
    assert plot_stage(few, [few]) == {}


@settings(max_examples=20)
@given(values=st.lists(st.none() | st.floats(0, 100), min_size=28, max_size=28), n=st.integers(0, 9))
def test_days_without_a_value_are_never_0_in_a_week(values, n):
    days = pd.date_range("2024-01-01", periods=28)
    rows = pd.DataFrame({"ds": days, "value": pd.Series(values, dtype="float64"), "n": float(n), "series": "all"})
    weeks = by_week(rows, "mtbf")["value"].tolist()
    for week, value in enumerate(weeks):
        known = [v for v in values[7 * week : 7 * week + 7] if v is not None]
        if known and n:
            assert value == pytest.approx(sum(known) / len(known), abs=1e-9)
        else:
            assert value != value
