"""Calibration slopes of clustered snapshots: their error counts cases, and few of them are not believed too far."""

import numpy as np
import pandas as pd
import pytest
from deskcast.models.candidates.baselines import BaseRate, CalibratedModel, calibrate_model, fit_age_rule, fit_logistic
from deskcast.models.evaluation.calibration import fit_platt_scaling
from deskcast.models.evaluation.slope import PRIOR_SLOPE, Slope, estimate_slope, fit_intercept, pool_slopes
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit


def draw(rng, cases, mornings, slope=1.0):
    """Return outcomes and a score of cases whose mornings end alike; the score is off by ``1 / slope``."""
    true = np.repeat(rng.normal(-0.5, 1.0, cases), mornings)
    late = np.repeat(rng.uniform(size=cases) < expit(true[::mornings]), mornings)
    return late.astype(float), true / slope, np.repeat(np.arange(cases), mornings)


def test_the_error_of_a_slope_is_its_spread_over_many_logs():
    rng = np.random.default_rng(0)
    found = [estimate_slope(*draw(rng, 80, 12)) for _ in range(150)]
    slopes, errors = np.array(found).T
    assert np.median(errors) == pytest.approx(slopes.std(ddof=1), rel=0.3)
    plain = [fit_platt_scaling(*draw(rng, 80, 12)[:2])[0] for _ in range(20)]
    assert np.std(plain) > 0.15  # what was believed to the last digit


def test_a_drawn_slope_is_nearer_to_the_truth_where_cases_are_few_and_too_steep():
    rng = np.random.default_rng(1)
    found = [estimate_slope(*draw(rng, 60, 10)) for _ in range(100)]
    steep = np.array([one.slope > 1.0 for one in found])
    plain = np.array([one.slope for one in found])[steep]
    drawn = np.array([pool_slopes(one) for one in found])[steep]
    assert np.sqrt(np.mean((drawn - 1.0) ** 2)) < 0.7 * np.sqrt(np.mean((plain - 1.0) ** 2))


@settings(max_examples=20, deadline=None)
@given(st.floats(0.3, 2.5), st.integers(0, 10**6))
def test_many_cases_are_believed_whatever_the_slope(slope, seed):
    y, x, case = draw(np.random.default_rng(seed), 6000, 1, slope)
    assert pool_slopes(estimate_slope(y, x, case)) == pytest.approx(slope, rel=0.15)


@given(st.floats(0.05, 3.0), st.floats(0.01, 2.0), st.floats(0.05, 3.0), st.floats(0.01, 2.0))
def test_a_pooled_slope_lies_among_its_parts_and_never_above_what_was_found(one, error, before, other):
    pooled = pool_slopes(Slope(one, error), [Slope(before, other)])
    assert min(one, before, PRIOR_SLOPE) - 1e-9 <= pooled <= one
    assert pool_slopes(Slope(0.0, float("inf")), [Slope(before, other)]) == 0.0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=40), st.floats(-30, 30), st.integers(0, 10**6))
def test_an_intercept_makes_the_mean_the_softened_share(outcomes, middle, seed):
    y = np.array(outcomes, dtype=float)
    x = np.random.default_rng(seed).normal(middle, 2.0, len(y))
    no, yes = (1 - y).sum(), y.sum()
    wanted = (yes * (yes + 1) / (yes + 2) + no / (no + 2)) / len(y)
    assert expit(x + fit_intercept(y, x)).mean() == pytest.approx(wanted, abs=1e-6)


def test_a_model_is_corrected_by_cases_and_not_by_their_mornings():
    rng = np.random.default_rng(2)
    ages = rng.uniform(0, 100, 40)
    frame = pd.DataFrame({"case_id": np.repeat(np.arange(40).astype(str), 20), "age_s": np.repeat(ages, 20)})
    late = np.repeat((rng.uniform(size=40) < ages / 100).astype(float), 20)
    score = fit_logistic(frame, late, 1.0)
    by_case = calibrate_model(score, frame, late)
    by_morning = calibrate_model(score, frame.drop(columns="case_id"), late)
    assert by_case.slope <= by_morning.slope
    assert by_case.probability(frame).mean() == pytest.approx(late.mean(), abs=0.01)
    for plain in (BaseRate(3.0), fit_age_rule(frame, late)):
        logit = CalibratedModel(plain, 1.0, 0.0).logit(frame)
        found = calibrate_model(plain, frame, late)
        assert (found.slope, found.intercept) == pytest.approx(fit_platt_scaling(late, logit))
