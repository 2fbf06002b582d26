"""One odd series in a panel: what it does to itself and to the others."""

import numpy as np
import pandas as pd
import pytest
from deskcast.forecasting import forecast

LENGTH = {"15min": 96 * 7 * 4, "h": 24 * 7 * 8, "D": 400, "W": 120, "MS": 60}
HORIZON = {"15min": 96, "h": 48, "D": 14, "W": 6, "MS": 6}
STEP = {"W": "W-MON"}
#: The errors of a handful of series are pooled, so any fifth series moves their outer quantiles a little; of 60 months
#: more than of hundreds of days.
POOLED = {"15min": 0.1, "h": 0.1, "D": 0.1, "W": 0.1, "MS": 0.3}


def good(freq, series=4):
    rng = np.random.default_rng(0)
    stamps = pd.date_range("2023-01-02", periods=LENGTH[freq], freq=STEP.get(freq, freq))
    y = rng.poisson(30.0 * np.arange(1, series + 1)[:, None], (series, len(stamps))).astype(float)
    names = np.repeat([f"s{i}" for i in range(series)], len(stamps))
    return pd.DataFrame({"unique_id": names, "ds": np.tile(stamps, series), "y": y.ravel()}), stamps


def odd(stamps, y=None):
    values = np.random.default_rng(1).poisson(20.0, len(stamps)).astype(float) if y is None else y
    return pd.DataFrame({"unique_id": "odd", "ds": stamps, "y": values})


def ahead(frame, freq):
    return forecast(frame, HORIZON[freq], freq)


def moved(freq, bad):
    """Return the forecast with the odd series, and how far the others move at most, in shares of their volume."""
    frame, _ = good(freq)
    alone, both = ahead(frame, freq), ahead(pd.concat([frame, bad], ignore_index=True), freq)
    others = both[both["unique_id"] != "odd"].reset_index(drop=True)
    assert (others[["unique_id", "ds"]] == alone[["unique_id", "ds"]]).all(axis=None)
    # errors of a benchmark that repeats a wild value are wild: its intervals are not told apart from them
    numbers = [c for c in alone.columns if c.startswith("deskcast") or c in ("seasonal_naive", "same_slot")]
    size = alone.groupby("unique_id")["deskcast"].transform("mean")
    return both, float((others[numbers] - alone[numbers]).abs().div(size, axis=0).max(axis=None))


@pytest.mark.parametrize("freq", ["15min", "h", "D", "MS"])
@pytest.mark.parametrize(("row", "stamp"), [(-1, "2099-01-01"), (0, "1900-01-01")])
def test_a_stamp_that_is_far_from_all_others_is_named_and_does_not_move_the_end_of_the_panel(freq, row, stamp):
    bad = odd(good(freq)[1])
    bad.iloc[row, 1] = pd.Timestamp(stamp)
    both, far = moved(freq, bad)
    assert far == 0
    assert both.attrs["rejected"][0]["unique_id"] == "odd"
    assert f"far from all others; got '{stamp}" in both.attrs["rejected"][0]["reason"]


def test_a_series_that_goes_on_longer_than_the_others_or_began_earlier_is_no_stray():
    frame, stamps = good("D")
    long = pd.date_range(stamps[0] - pd.Timedelta(days=900), stamps[-1] + pd.Timedelta(days=300))
    both = ahead(pd.concat([frame, odd(long)], ignore_index=True), "D")
    assert both.attrs["rejected"] == []
    assert set(both["unique_id"]) == {"odd"}
    assert any("no forecast for 's0'" in note for note in both.attrs["notes"])


@pytest.mark.parametrize("unit", [1e12, 1e-9])
@pytest.mark.parametrize("freq", ["15min", "D", "MS"])
def test_a_series_in_other_units_leaves_the_others_alone_and_has_an_interval_of_its_own_size(freq, unit):
    stamps = good(freq)[1]
    both, far = moved(freq, odd(stamps, unit * odd(stamps)["y"].to_numpy()))
    assert far < POOLED[freq]
    own = both[both["unique_id"] == "odd"]
    assert (own["deskcast-hi-95"] < 3 * own["deskcast"]).all()


@pytest.mark.parametrize("freq", ["D", "W", "MS"])
def test_a_wild_value_of_long_ago_is_left_out_and_said(freq):
    stamps = good(freq)[1]
    y = odd(stamps)["y"].to_numpy(copy=True)
    y[len(y) // 2] = 1e9
    both, far = moved(freq, odd(stamps, y))
    assert far < POOLED[freq]
    own = both[both["unique_id"] == "odd"]
    assert own["deskcast"].between(14, 26).all()
    assert any(
        "excluded" in note and "outlier" in note and "'odd', such as 1,000,000,000" in note
        for note in both.attrs["notes"]
    )


def test_a_series_that_grew_keeps_its_recent_values():
    stamps = good("D")[1]
    y = np.where(np.arange(len(stamps)) < 370, 1.0, 50.0)
    both, _ = moved("D", odd(stamps, y))
    own = both[both["unique_id"] == "odd"]
    assert own["deskcast"].min() > 20


def test_three_hours_give_the_mean_of_three_hours():
    stamps = good("h")[1]
    both, far = moved("h", odd(stamps[-3:], np.array([18.0, 20.0, 22.0])))
    own = both[both["unique_id"] == "odd"]
    assert own["deskcast"].between(10, 30).all()
    assert far < POOLED["h"]


def test_a_series_that_ended_before_the_panel_is_named():
    frame, stamps = good("h")
    both = ahead(pd.concat([frame, odd(stamps[: -24 * 14])], ignore_index=True), "h")
    assert "'odd' has ended early" in " ".join(both.attrs["notes"])
    assert not any("has ended" in note for note in ahead(frame, "h").attrs["notes"])


def test_a_series_that_has_ended_does_not_choose_the_method_of_the_others():
    stamps = good("h")[1]
    y = odd(stamps)["y"].to_numpy(copy=True)
    y[len(y) // 2 :] = 0
    both, far = moved("h", odd(stamps, y))
    assert far < POOLED["h"]
    assert both.loc[both["unique_id"] == "odd", "deskcast"].max() < 2
