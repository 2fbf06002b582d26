"""Adjustments: an interval, a day, a volume, a segment; what does not touch a forecast leaves it as it is."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.scenarios.adjustments import apply_adjustments, select_adjustments
from deskcast.forecasting.scenarios.what_if import Change, what_if
from hypothesis import given, settings
from hypothesis import strategies as st


def make_ahead(names=("phone/a", "phone/b", "chat/a"), days=3, freq="30min"):
    ds = pd.date_range("2024-03-04", periods=days * 48 if freq == "30min" else days, freq=freq)
    parts = [pd.DataFrame({"unique_id": name, "ds": ds, "deskcast": 10.0}) for name in names]
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(**{"deskcast-lo-80": 8.0, "deskcast-hi-80": 13.0})


def test_an_interval_of_a_segment_is_changed_and_base_and_adjusted_stand_side_by_side():
    rush = Change("rush", "2024-03-05", "2024-03-05", factor=1.5, series="phone", hours="09:00-11:30")
    out = apply_adjustments(make_ahead(), [rush])
    touched = out[out["adjustment"] == "rush"]
    assert touched["unique_id"].unique().tolist() == ["phone/a", "phone/b"]
    assert touched["ds"].dt.strftime("%d %H:%M").unique().tolist() == [
        "05 09:00",
        "05 09:30",
        "05 10:00",
        "05 10:30",
        "05 11:00",
    ]
    assert (touched["deskcast"] == 15).all()
    assert (out["baseline"] == 10).all()
    rest = out[out["adjustment"] == ""]
    assert (rest[["deskcast", "deskcast-lo-80", "deskcast-hi-80"]] == [10, 8, 13]).all(axis=None)


def test_a_volume_is_reached_in_all_and_a_later_adjustment_works_on_the_earlier():
    whole = Change("all day", "2024-03-04", "2024-03-04", volume=480.0, series="chat")
    more = Change("more", "2024-03-04", "2024-03-04", factor=2.0, series="chat", hours="10:00-11:00")
    out = apply_adjustments(make_ahead(), [whole, more])
    day = out[(out["unique_id"] == "chat/a") & (out["ds"] < "2024-03-05")]
    assert day["deskcast"].sum() == pytest.approx(480 + 20)
    assert day["adjustment"].value_counts().to_dict() == {"": 46, "more": 2}  # the first changed nothing
    lower = apply_adjustments(make_ahead(), [Change("less", "2024-03-04", "2024-03-04", volume=96.0, series="chat")])
    assert lower.loc[lower["adjustment"] == "less", "deskcast"].sum() == pytest.approx(96)
    paths = make_ahead(("chat/a",)).drop(columns=["deskcast", "deskcast-lo-80", "deskcast-hi-80"]).assign(y=10.0)
    two = pd.concat([paths.assign(path=k) for k in (0, 1)])
    assert what_if(two, [Change("x", volume=100.0)])["y"].sum() == pytest.approx(200)


def test_a_volume_that_cannot_be_spread_is_refused_and_not_dropped():
    night = make_ahead(("chat/a",)).assign(**dict.fromkeys(["deskcast", "deskcast-lo-80", "deskcast-hi-80"], 0.0))
    with pytest.raises(InputError, match="'party' has nothing to scale"):
        apply_adjustments(night, [Change("party", volume=100.0)])
    assert (apply_adjustments(night, [Change("nothing", volume=0.0)])["deskcast"] == 0).all()
    mean = make_ahead(("aht",))
    mean.attrs["request"] = {"kind": "rate"}
    for change in (Change("x", volume=100.0), Change("x", closed=True)):
        with pytest.raises(InputError, match="only counts can be"):
            what_if(mean, [change])


def test_other_days_series_and_names_are_left_out_and_a_queue_is_meant_by_its_name():
    ahead = make_ahead(("all",))
    later, web = Change("later", "2024-06-01", factor=2.0), Change("web", factor=2.0, series="web")
    assert apply_adjustments(ahead, [later, web]) is ahead
    assert select_adjustments(ahead, [web], ("web",))[0].series is None
    daily = make_ahead(days=5, freq="D")
    assert apply_adjustments(daily, [Change("hour", factor=2.0, hours="09:00-10:00")]) is daily


@pytest.mark.parametrize("text", ["9-11", "09:00", "11:00-09:00", "09:70-10:00", "20:00-25:00"])
def test_times_of_day_that_cannot_be_are_refused(text):
    with pytest.raises(InputError, match="not valid times of day"):
        what_if(make_ahead(), [Change("x", factor=2.0, hours=text)])


def test_one_effect_only():
    with pytest.raises(InputError, match="exactly one effect"):
        what_if(make_ahead(), [Change("x", factor=2.0, volume=3.0)])


@settings(max_examples=15, deadline=None)
@given(st.floats(0, 500), st.integers(0, 47), st.integers(1, 48))
def test_what_is_outside_the_times_never_changes(volume, first, long):
    last = min(48, first + long)
    hours = f"{first // 2:02}:{30 * (first % 2):02}-{last // 2:02}:{30 * (last % 2):02}"
    out = apply_adjustments(make_ahead(("a",), days=1), [Change("x", volume=volume, hours=hours)])
    inside = np.zeros(48, dtype=bool)
    inside[first:last] = True
    values = out["deskcast"].to_numpy()
    assert values[inside].sum() == pytest.approx(volume)
    assert (values[~inside] == 10).all()


def test_how_far_one_adjustment_is_off_tells_nothing_of_another():
    paths = pd.DataFrame({"unique_id": "a", "ds": pd.Timestamp("2024-03-04"), "path": range(2000), "y": 1000.0})
    one, two = (apply_adjustments(paths, [Change(n, factor=1.0, sd=0.2)])["y"] for n in ("fair", "sale"))
    both = apply_adjustments(paths, [Change(n, factor=1.0, sd=0.2) for n in ("fair", "sale")])["y"]
    assert one.std() == pytest.approx(two.std()) == pytest.approx(200, rel=0.1)
    assert both.std() == pytest.approx(200 * 2**0.5, rel=0.1)
