import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting import forecast, sample_paths, total_over
from deskcast.forecasting.scenarios.what_if import Change, what_if
from deskcast.forecasting.volume.request import ForecastRequest
from hypothesis import given, settings
from hypothesis import strategies as st
from volumes import panel

LADDER = ["deskcast-lo-95", "deskcast-lo-80", "deskcast", "deskcast-hi-80", "deskcast-hi-95"]


@pytest.fixture(scope="module")
def ahead():
    return forecast(panel(days=70), 14, "D")  # from 2024-03-11


def test_a_factor_holds_for_its_days_and_series_only(ahead):
    out = what_if(ahead, [Change("fair", "2024-03-12", "2024-03-13", factor=1.3, series=["s1"])])
    assert list(out.columns) == [*ahead.columns[:3], "baseline", *ahead.columns[3:]]
    assert len(out) == len(ahead)
    touched = (out["unique_id"] == "s1") & out["ds"].between("2024-03-12", "2024-03-13")
    np.testing.assert_allclose(out.loc[touched, LADDER], ahead.loc[touched, LADDER] * 1.3, rtol=1e-12)
    pd.testing.assert_frame_equal(out.loc[~touched].drop(columns="baseline"), ahead.loc[~touched])
    pd.testing.assert_series_equal(out["baseline"], ahead["deskcast"], check_names=False)
    assert out.attrs["changes"] == ["fair: 30% more than forecast from 2024-03-12 to 2024-03-13, 1 series"]


def test_changes_that_overlap_multiply_and_a_closed_day_is_certain(ahead):
    growth = Change("growth", "2024-03-11", growth=0.5)
    out = what_if(
        ahead, [growth, {"name": "half", "factor": 0.5}, {"name": "shut", "end": "2024-03-11", "closed": True}]
    )
    shut = out["ds"] == "2024-03-11"
    assert (out.loc[shut, LADDER] == 0).all(axis=None)
    later = out[~shut]
    years = (later["ds"] - pd.Timestamp("2024-03-11")).dt.days / 365.25
    np.testing.assert_allclose(later["deskcast"], later["baseline"] * 0.5 * 1.5**years)


def test_half_the_volume_is_relatively_less_sure(ahead):
    out = what_if(ahead, [Change("half", factor=0.5)])
    width, before = (f["deskcast-hi-80"] - f["deskcast-lo-80"] for f in (out, ahead))
    np.testing.assert_allclose(width, before * np.sqrt(0.5), rtol=1e-9)


def test_an_effect_that_is_unsure_widens_the_interval_and_the_paths(ahead):
    sure, unsure = (what_if(ahead, [Change("fair", factor=1.3, sd=sd)]) for sd in (0.0, 0.2))
    assert (unsure["deskcast-hi-80"] > sure["deskcast-hi-80"]).all()
    assert any("as certain" in note for note in sure.attrs["notes"])
    assert not any("as certain" in note for note in unsure.attrs["notes"])
    # an error of 0.2 of the baseline at one deviation, on a forecast without any other
    flat = ahead.assign(**dict.fromkeys(LADDER, ahead["deskcast"]))
    edge = what_if(flat, [Change("fair", factor=1.3, sd=0.2)])["deskcast-hi-80"]
    np.testing.assert_allclose(edge, flat["deskcast"] * (1.3 + 0.2 * 1.2815515), rtol=1e-6)
    paths = sample_paths(panel(days=70), 14, "D", n=400)
    one, two = (total_over(what_if(paths, [Change("fair", factor=1.3, sd=sd)]), "W") for sd in (0.0, 0.2))
    np.testing.assert_allclose(one["mean"], total_over(paths, "W")["mean"] * 1.3)
    assert (two["deskcast-hi-80"] - two["deskcast-lo-80"] > one["deskcast-hi-80"] - one["deskcast-lo-80"]).all()


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 5), st.floats(-0.9, 3), st.floats(0, 1))
def test_quantiles_never_cross(ahead, factor, growth, sd):
    out = what_if(ahead, [Change("a", factor=factor, sd=sd), Change("b", start="2024-03-15", growth=growth)])
    assert (np.diff(out[LADDER].to_numpy(), axis=1) >= -1e-9).all()
    assert (out[LADDER] >= 0).all(axis=None)


def test_changes_may_come_as_a_frame(ahead):
    table = pd.DataFrame(
        {"name": ["a", "b"], "start": ["2024-03-12", None], "factor": [2.0, np.nan], "growth": [np.nan, 0.1]}
    )
    listed = [Change("a", "2024-03-12", factor=2.0), Change("b", growth=0.1)]
    pd.testing.assert_frame_equal(what_if(ahead, table), what_if(ahead, listed))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "x"}, "a change needs exactly one effect"),
        ({"name": "x", "factor": 1.2, "growth": 0.1}, "a change needs exactly one effect"),
        ({"name": "x", "factor": -1}, "column 'factor', row 1: not a valid value"),
        ({"name": "x", "factor": "+30%"}, "30 % more is a factor of 1.3"),
        ({"name": "x", "factor": float("nan")}, "not a valid value"),
        ({"name": "x", "factor": 2, "start": "2024-03-14", "end": "2024-03-12"}, "ends before it starts"),
        ({"name": "x", "factor": 2, "start": "2030-01-01"}, "touches no day"),
        ({"name": "x", "factor": 2, "start": "soon"}, "not a valid day"),
        ({"name": "x", "factor": 2, "series": "s9"}, "unknown series: it has no forecast"),
        ({"name": "x", "facter": 2}, "did you mean 'factor'"),
    ],
)
def test_faults_are_named(ahead, change, said):
    with pytest.raises(InputError, match=said.replace("+", r"\+")):
        what_if(ahead, [change])
    with pytest.raises(InputError, match="at least one"):
        what_if(ahead, [])


KINDS = {
    "rate": ({"bounds": (0, 1)}, 0.9, 0.0, 1.0),
    "duration": ({}, 300.0, 0.0, np.inf),
    "stock": ({}, 40.0, 0.0, np.inf),
    "score": ({"kind": "rate", "bounds": (-100, 100)}, -20.0, -100.0, 100.0),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_series_of_another_kind_stays_where_it_can_be_and_is_never_closed(name):
    asked, level, low, high = KINDS[name]
    history = panel(days=70, level=20.0)
    history["y"] = level * (1 + (history["y"] % 7) / 100)
    ahead = forecast(history, 7, "D", **({"kind": name} | asked))
    out = what_if(ahead, [Change("more", factor=1.5), Change("later", "2024-03-14", growth=3.0)])
    assert out[LADDER].to_numpy().min() >= low
    assert out[LADDER].to_numpy().max() <= high
    assert (np.diff(out[LADDER].to_numpy(), axis=1) >= -1e-9).all()
    middle = (1.5 * ahead["deskcast"]).clip(low, high)
    assert out["deskcast"].iloc[0] == pytest.approx(middle.iloc[0])
    assert (out["deskcast"] < 0).all() if level < 0 else (out["deskcast"] > 0).all()
    with pytest.raises(InputError, match=r"changes: column 'closed': only counts can be closed, not a"):
        what_if(ahead, [Change("shut", closed=True)])


def test_changes_on_top_of_changes_keep_the_first_baseline_and_say_all(ahead):
    once = what_if(ahead, [Change("fair", factor=2.0)])
    twice = what_if(once, [Change("strike", factor=0.5)])
    np.testing.assert_allclose(twice["deskcast"], ahead["deskcast"])
    pd.testing.assert_series_equal(twice["baseline"], ahead["deskcast"], check_names=False)
    assert [said.split(":")[0] for said in twice.attrs["changes"]] == ["fair", "strike"]


def test_what_was_asked_travels_with_a_forecast_through_a_file(tmp_path):
    rates = panel(days=70, series=1).assign(y=0.95)
    forecast(rates, 7, "D", kind="rate").to_parquet(tmp_path / "ahead.parquet")
    read = pd.read_parquet(tmp_path / "ahead.parquet")
    assert ForecastRequest.of_forecast(read) == ForecastRequest(7, "D", levels=[80, 95], kind="rate", bounds=[0.0, 1.0])
    assert what_if(read, [Change("more", factor=1.3)])["deskcast"].max() == 1.0
