"""Scores of probabilities against slow twins, published identities and hand-made figures."""

import numpy as np
import pytest
from deskcast.features.errors import InputError
from deskcast.features.statistics.intervals import wilson_interval
from deskcast.models.evaluation.calibration import (
    brier,
    brier_parts,
    ece,
    fit_platt_scaling,
    log_odds,
    reliability_table,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from risk_twins import slow_ece, slow_platt, slow_wilson
from scipy.special import expit

forecasts = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0]), st.floats(0, 1, allow_nan=False)), min_size=1, max_size=60
).map(lambda rows: (np.array([y for y, _ in rows]), np.array([p for _, p in rows])))


@given(forecasts)
def test_ece_equals_its_loop(rows):
    assert ece(*rows) == pytest.approx(slow_ece(*rows), abs=1e-12)


@given(forecasts, st.sampled_from([1, 3, 10]), st.sampled_from(["width", "count"]))
def test_the_five_parts_add_up_to_the_brier_score_whatever_the_bins(rows, bins, by):
    parts = brier_parts(*rows, bins=bins, by=by)
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within_variance - parts.within_covariance
    assert total == pytest.approx(brier(*rows), abs=1e-12)
    assert min(parts.reliability, parts.resolution, parts.within_variance) >= 0


@given(forecasts, st.sampled_from(["width", "count"]))
def test_reliability_accounts_for_every_forecast(rows, by):
    y, p = rows
    table = reliability_table(y, p, by=by)
    assert table["n"].sum() == len(y)
    assert (table["observed"] * table["n"]).sum() == pytest.approx(y.sum())
    assert (table["predicted"] * table["n"]).sum() == pytest.approx(p.sum())
    assert table["observed"].between(table["lo"] - 1e-12, table["hi"] + 1e-12).all()
    assert table["predicted"].is_monotonic_increasing


def test_equal_forecasts_share_a_bin_of_equal_counts():
    table = reliability_table([0, 1, 0, 1, 1], [0.3, 0.3, 0.3, 0.3, 0.9], bins=4, by="count")
    assert table["n"].tolist() == [4, 1]


def test_wilson_golden_values():
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3: 81 of 263 and 1 of 29.
    lo, hi = wilson_interval([81, 1], [263, 29])
    assert lo.round(4).tolist() == [0.2553, 0.0061]
    assert hi.round(4).tolist() == [0.3662, 0.1718]


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_inverts_the_score_test(counts):
    hits, n = counts
    lo, hi = wilson_interval(hits, n)
    assert (float(lo), float(hi)) == pytest.approx(slow_wilson(hits, n), abs=1e-7)


def test_no_cases_have_no_interval():
    assert np.isnan(wilson_interval(0, 0)).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(-5, 5), st.floats(0.3, 3))
def test_platt_equals_a_general_optimiser(seed, shift, scale):
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, scale, 80)
    y = (rng.uniform(size=80) < expit(1.2 * (x - shift))).astype(float)
    slope, intercept = slow_platt(y, x)
    found = fit_platt_scaling(y, x)
    if slope > 1e-6:
        assert found == pytest.approx((slope, intercept), abs=1e-3)
    else:
        assert found[0] == 0.0


def test_platt_repairs_a_score_that_is_too_sure_and_too_high():
    rng = np.random.default_rng(1)
    true = rng.normal(-1, 1, 40_000)
    y = (rng.uniform(size=len(true)) < expit(true)).astype(float)
    slope, intercept = fit_platt_scaling(y, 2 * true + 3)
    assert slope == pytest.approx(0.5, abs=0.02)
    assert intercept == pytest.approx(-1.5, abs=0.05)


def test_platt_never_turns_a_score_round():
    slope, intercept = fit_platt_scaling([1, 1, 1, 0, 0], [-3.0, -2.0, -1.0, 1.0, 2.0])
    assert slope == 0.0
    assert 0.4 < float(expit(intercept)) < 0.7


def test_platt_stays_finite_on_separable_and_on_one_sided_outcomes():
    slope, intercept = fit_platt_scaling([0, 0, 1, 1], [-800.0, -700.0, 700.0, 800.0])
    assert np.isfinite([slope, intercept]).all()
    assert 0 < float(expit(intercept + slope * 900)) < 1
    assert fit_platt_scaling([0, 0, 0], [1.0, 2.0, 3.0]) == pytest.approx((0.0, float(log_odds(0.2))))


@given(st.floats(-30, 25))
def test_log_odds_undoes_expit(x):
    assert float(log_odds(expit(x))) == pytest.approx(max(x, -27.631), abs=1e-3)


@pytest.mark.parametrize(
    ("y", "p", "says"),
    [
        ([0, 2], [0.1, 0.2], "column 'observed', row 2: not a valid outcome"),
        ([0, 1], [0.1, 1.2], "column 'predicted', row 2: not a valid probability"),
        ([0, 1], [float("nan"), 0.5], "column 'predicted', row 1"),
        ([0, 1], [0.1], "two lists of equal length"),
    ],
)
def test_what_is_no_forecast_is_named(y, p, says):
    with pytest.raises(InputError, match=says):
        brier(y, p)
