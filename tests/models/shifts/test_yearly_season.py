"""The season of the year: expected once it has come again, of every kind of KPI; a level that moved is none."""

import numpy as np
import pandas as pd
import pytest
from deskcast.models.series.panel import period_days
from deskcast.models.shifts.cusum import run_cusum
from deskcast.models.shifts.detect import detect_shifts
from deskcast.models.shifts.expected_level import Pace
from deskcast.models.shifts.yearly_season import MIN_SEASON_WEEKS, estimate_yearly_season
from hypothesis import given, settings
from hypothesis import strategies as st
from panels import quiet

FIRST = "2023-01-02"


def year(stamps, swing, peak=30):
    return swing * np.cos(2 * np.pi * (stamps.day_of_year.to_numpy() - peak) / 365.2425)


def made(kind, year, seed, series=3):
    """Return values and cases of a KPI whose level follows the year: on logarithms, log odds, or as it is."""
    rng, shape = np.random.default_rng(seed), (len(year), series)
    n = np.full(shape, 150.0)
    if kind == "count":
        calls = rng.poisson(120 * np.exp(year)[:, None], shape).astype(float)
        return calls, calls
    if kind == "share":
        return rng.binomial(150, 1 / (1 + np.exp(1.0 - year))[:, None], shape) / 150, n
    noisy = rng.normal(0, 0.12, shape) + year[:, None]
    return (3600 * np.exp(noisy) if kind == "duration" else 4 + noisy), n


@settings(max_examples=10, deadline=None)
@given(
    st.sampled_from(["count", "share", "duration", "score"]),
    st.sampled_from(["W-MON", "W-SUN"]),
    st.floats(0.2, 0.5),
    st.integers(1, 365),
)
def test_a_year_that_has_come_twice_is_expected_of_every_kind(kind, freq, swing, peak):
    stamps = pd.date_range(FIRST, periods=round(3 * 365 / period_days(freq)), freq=freq)
    wave = year(stamps, swing, peak)
    value, n = made(kind, wave, seed=peak)
    whole = run_cusum(kind, value, n, Pace.of(freq), stamps=stamps, freq=freq)
    blind = run_cusum(kind, value, n, Pace.of(freq))
    late = slice(round(2.2 * 365 / period_days(freq)), None)
    seen = np.log1p(value) if kind == "duration" else value
    errors = [np.nanmean(np.abs(seen - found.expected)[late]) for found in (whole, blind)]
    assert errors[0] < errors[1]


@pytest.mark.parametrize("kind", ["count", "share", "score"])
def test_quiet_periods_teach_no_season(kind):
    """What comes on days that do not count, such as a holiday of a week each year, is no season."""
    stamps = pd.date_range(FIRST, periods=900)
    value, n = made(kind, year(stamps, 0.3), seed=1, series=2)
    off = (stamps.day_of_year.to_numpy() // 3 % 25) == 0
    odd = value.copy()
    odd[off] *= 0.2
    quiet_days = np.broadcast_to(off[:, None], value.shape)
    found = [run_cusum(kind, v, n, Pace.of("D"), quiet_days, stamps, "D").expected[~off] for v in (value, odd)]
    assert np.isfinite(found[0][800:]).all()
    np.testing.assert_array_equal(found[0], found[1])


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 99), st.integers(560, 760))
def test_no_season_depends_on_what_comes_later(seed, cut):
    stamps = pd.date_range(FIRST, periods=800)
    calls, n = made("count", year(stamps, 0.4), seed, series=2)
    calls[5:9, 0] = np.nan
    whole, part = (
        estimate_yearly_season("count", calls[:end], n[:end], stamps[:end], "D", Pace.of("D")) for end in (800, cut)
    )
    assert whole[:cut] == pytest.approx(part, abs=1e-12)
    assert not whole[: 7 * MIN_SEASON_WEEKS].any()
    assert np.abs(whole[700:]).mean() > 0.1


def test_a_season_that_comes_again_raises_fewer_alerts():
    days = pd.date_range(FIRST, periods=800)
    found = {}
    for swing in (0.0, 0.4):
        effect = np.exp(year(days, swing))[:, None] * np.ones((1, 12))
        frame = quiet("count", series=12, days=800, seed=77, effect=effect)
        late = detect_shifts(frame)["detected_at"] >= days[560]
        found[swing] = int(late.sum())
    assert found[0.4] <= found[0.0] + 3


def test_levels_that_moved_once_are_no_season():
    stamps, rng = pd.date_range(FIRST, periods=800), np.random.default_rng(4)
    steps = np.zeros((800, 30))
    for column, at in enumerate(rng.integers(100, 700, 30)):
        steps[at:, column] = 0.4
    calls = rng.poisson(120 * np.exp(steps)).astype(float)
    season = estimate_yearly_season("count", calls, calls, stamps, "D", Pace.of("D"))
    assert np.abs(season[560:]).mean() < 0.05


@pytest.mark.parametrize(
    ("kind", "freq", "periods"), [("stock", "D", 1000), ("count", "MS", 60), ("count", "D", 7 * MIN_SEASON_WEEKS)]
)
def test_what_cannot_have_a_season_has_none(kind, freq, periods):
    stamps, value = pd.date_range(FIRST, periods=periods, freq=freq), np.full((periods, 1), 50.0)
    assert estimate_yearly_season(kind, value, value, stamps, freq, Pace.of(freq)) is None


def test_series_without_noise_or_values_have_no_season():
    stamps, value = pd.date_range(FIRST, periods=700), np.full((700, 3), 50.0)
    value[:, 1] = np.nan
    value[:, 2] = 0.0
    season = estimate_yearly_season("count", value, value, stamps, "D", Pace.of("D"))
    assert np.isfinite(season).all()
    assert not season.any()
