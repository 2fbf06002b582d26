import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.errors import InputError
from deskcast.forecasting import forecast
from hypothesis import given, settings
from hypothesis import strategies as st
from volumes import panel

NUMBERS = [
    f"{model}{edge}"
    for model in ("deskcast", "seasonal_naive", "same_slot")
    for edge in ("", "-lo-80", "-hi-80", "-lo-95", "-hi-95")
]


def by_name(table, name):
    return table[table["unique_id"] == name].reset_index(drop=True)


def test_the_columns_are_those_of_the_design():
    ahead = forecast(panel(days=60), 10, "D")
    assert list(ahead.columns) == ["unique_id", "ds", *NUMBERS]
    assert ahead["unique_id"].dtype == "str"
    assert ahead["ds"].dtype == "datetime64[us]"
    assert len(ahead) == 30
    assert ahead["ds"].min() == pd.Timestamp("2024-03-01")
    assert list(forecast(panel(days=60), 2, "D", levels=[50, 99.5]).columns[3:7]) == [
        "deskcast-lo-50", "deskcast-hi-50", "deskcast-lo-99.5", "deskcast-hi-99.5",
    ]  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 99), st.integers(-60, 60), st.sampled_from(["D", "h"]))
def test_shifting_by_whole_weeks_shifts_the_forecast(seed, weeks, freq):
    history = panel(seed, series=2, days=50, freq=freq)
    shift = pd.Timedelta(weeks=weeks)
    one = forecast(history, 30, freq)
    two = forecast(history.assign(ds=history["ds"] + shift), 30, freq)
    pd.testing.assert_frame_equal(one.assign(ds=one["ds"] + shift), two)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 99), st.floats(1e-3, 1e6), st.sampled_from([0.3, 5.0, 500.0]))
def test_scaling_the_volume_scales_the_forecast(seed, factor, level):
    history = panel(seed, days=70, level=level)
    one, two = forecast(history, 14, "D"), forecast(history.assign(y=history["y"] * factor), 14, "D")
    np.testing.assert_allclose(two[NUMBERS], one[NUMBERS] * factor, rtol=1e-9, atol=1e-9 * factor)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 99))
def test_the_order_of_rows_and_series_does_not_matter(seed):
    history = panel(seed, days=60)
    mixed = history.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(forecast(history, 7, "D"), forecast(mixed, 7, "D"))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 999), st.integers(1, 120), st.integers(1, 40), st.sampled_from([0.05, 2.0, 80.0]))
def test_quantiles_never_cross_however_short_the_history(seed, days, horizon, level):
    ahead = forecast(panel(seed, days=days, level=level), horizon, "D")
    ladder = ahead[["deskcast-lo-95", "deskcast-lo-80", "deskcast", "deskcast-hi-80", "deskcast-hi-95"]].to_numpy()
    assert np.isfinite(ladder).all()
    assert (np.diff(ladder, axis=1) >= 0).all()
    assert (ladder >= 0).all()


def test_the_same_input_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        forecast(panel(2), 28, "D", holidays="PT").to_parquet(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_closed_slots_are_forecast_zero_and_count_nowhere():
    history = panel(1, days=90, freq="h")
    calendar = BusinessCalendar.from_hours("UTC", {"mon-fri": ["08:00-18:00"]})
    ahead = forecast(history, 168, "h", calendar=calendar)
    is_open = (ahead["ds"].dt.day_of_week < 5) & ahead["ds"].dt.hour.between(8, 17)
    assert (ahead.loc[~is_open, NUMBERS] == 0).all(axis=None)
    assert (ahead.loc[is_open, "deskcast-lo-80"] > 0).all()
    inside = (history["ds"].dt.day_of_week < 5) & history["ds"].dt.hour.between(8, 17)
    other = forecast(history.assign(y=history["y"].where(inside, 7e6)), 168, "h", calendar=calendar)
    pd.testing.assert_frame_equal(ahead, other)


def odd_ones():
    days = pd.date_range("2023-01-01", periods=365)
    rng = np.random.default_rng(9)
    usual = rng.poisson(40, 365).astype(float)
    hole = np.where((np.arange(365) > 300) & (np.arange(365) < 331), np.nan, usual)
    return {
        "constant": np.full(365, 12.0),
        "zero": np.zeros(365),
        "three": np.where(np.arange(365) >= 362, usual, np.nan),
        "patchy": np.where(rng.random(365) < 0.4, np.nan, usual),
        "wild": np.where(np.arange(365) == 340, 1e9, usual),
        "hole": hole,
        "late": np.where(np.arange(365) >= 330, usual, np.nan),
        "ended": np.where(np.arange(365) < 100, usual, np.nan),
    }, days


def test_odd_series_are_forecast_or_named_and_leave_the_others_alone():
    odd, days = odd_ones()
    good = panel(0, series=10, days=365, start="2023-01-01")
    parts = [pd.DataFrame({"unique_id": n, "ds": days, "y": y}).dropna() for n, y in odd.items()]
    alone, ahead = forecast(good, 28, "D"), forecast(pd.concat([good, *parts]), 28, "D")
    notes = " ".join(ahead.attrs["notes"])
    assert set(ahead["unique_id"]) == set(good["unique_id"]) | set(odd) - {"ended"}
    assert "no forecast for 'ended'" in notes
    assert "'three'" in notes
    assert "only zeros so far in series 'zero'" in notes
    assert "'wild', such as 1,000,000,000 on Thu 7 Dec 2023" in notes
    assert "'hole'" in notes or "more series" in notes  # of the gaps the largest are named
    for name in good["unique_id"].unique():
        one, two = by_name(alone, name), by_name(ahead, name)
        for method in ("same_slot", "seasonal_naive"):
            np.testing.assert_array_equal(one[method], two[method])
        np.testing.assert_allclose(one["deskcast"], two["deskcast"], rtol=0.15)  # the choice is the panel's
        width = [t["deskcast-hi-80"] - t["deskcast-lo-80"] for t in (one, two)]
        assert ((width[1] / width[0]).between(0.8, 1.25)).all()
    np.testing.assert_allclose(by_name(ahead, "constant")["deskcast"], 12, rtol=1e-5)
    assert (by_name(ahead, "zero")[NUMBERS] == 0).all(axis=None)
    # three days at a week's end are read with the week that the panel has
    assert by_name(ahead, "three")["deskcast"].between(20, 110).all()
    for name in ("patchy", "wild", "hole", "late"):
        assert by_name(ahead, name)["deskcast"].between(25, 60).all()
        assert (by_name(ahead, name)["deskcast-hi-95"] < 200).all()


@pytest.mark.parametrize("rows", [1, 2, 3, 8, 15])
def test_a_short_history_gets_a_forecast_that_says_what_it_rests_on(rows):
    ahead = forecast(panel(0, series=1, days=rows), 7, "D")
    assert ahead[NUMBERS].notna().all(axis=None)
    assert any("short" in note or "two weeks" in note for note in ahead.attrs["notes"])


def test_weeks_and_months_look_a_year_back():
    rng = np.random.default_rng(0)
    for freq, year, stamps in (
        ("W", 52, pd.date_range("2021-01-04", periods=130, freq="7D")),
        ("MS", 12, pd.date_range("2019-01-01", periods=50, freq="MS")),
    ):
        y = rng.poisson(100, len(stamps)).astype(float)
        history = pd.DataFrame({"unique_id": "all", "ds": stamps, "y": y})
        ahead = forecast(history, 5, freq)
        assert ahead["seasonal_naive"].tolist() == y[len(y) - year :][:5].tolist()
        assert ahead["same_slot"].tolist() == pytest.approx([y[-(8 if freq == "W" else 12) :].mean()] * 5)
        assert (ahead["deskcast-lo-95"] < ahead["deskcast-hi-95"]).all()
        young = forecast(history.iloc[-6:], 3, freq)
        assert young["seasonal_naive"].tolist() == [y[-1]] * 3
        assert ahead["ds"].iloc[0] == stamps[-1] + (stamps[1] - stamps[0] if freq == "W" else pd.DateOffset(months=1))


def test_the_method_that_was_better_in_the_past_is_recommended():
    days = pd.date_range("2022-01-01", periods=364)
    rng = np.random.default_rng(0)
    growth = pd.DataFrame(
        {"unique_id": "all", "ds": days, "y": rng.poisson(100 * 1.004 ** np.arange(364)).astype(float)}
    )
    assert forecast(growth, 7, "D").attrs["model"] != "same_slot"  # it lags
    # each day of the week wanders on its own: the latest one knows most
    wander = 500 + rng.normal(0, 40, (52, 7)).cumsum(axis=0)
    assert forecast(growth.assign(y=wander.ravel()), 7, "D").attrs["model"].startswith("seasonal_naive")


@pytest.mark.parametrize("windows", [0, -3, 2.5])
def test_windows_are_a_count(windows):
    with pytest.raises(InputError, match="windows"):
        forecast(panel(), 7, "D", windows=windows)
