"""A regression on few cases with many columns is held as firmly as later cases show to be right."""

import numpy as np
import pandas as pd
from deskcast.models.candidates.baselines import CalibratedModel, calibrate_model, fit_logistic
from deskcast.models.candidates.ridge import PENALTY_FACTORS, calibrated_log_loss, fit_firm_logistic
from scipy.special import expit


def draw(rng, n, surge=0.0):
    """Return looks with one column that tells and thirty that do not, outcomes and true probabilities."""
    frame = pd.DataFrame(rng.normal(surge, 1.0, (n, 30)), columns=[f"attr_{i}" for i in range(30)])
    frame.insert(0, "transfers", rng.poisson(1.0, n).astype(float))
    true = expit(-1.9 + 0.7 * frame["transfers"].to_numpy())
    return frame, (rng.uniform(size=n) < true).astype(float), true


def test_on_many_small_desks_the_number_of_bad_cases_of_an_odd_day_is_right_within_noise():
    gaps = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        (rows, y, _), (later, came, _) = draw(rng, 200), draw(rng, 1000)
        today, _, true = draw(rng, 200, surge=1.0)  # a surge of cases: columns that tell nothing have odd values
        check = (later, came, np.ones(1000))
        found = fit_firm_logistic(rows, y, 1.0, np.ones(200), check)
        gaps.append(calibrate_model(found, *check).probability(today).mean() - true.mean())
        fits = [fit_logistic(rows, y, factor) for factor in PENALTY_FACTORS]
        losses = [
            calibrated_log_loss(CalibratedModel(one, 1.0, 0.0).logit(later), came, check[2]).sum() for one in fits
        ]
        assert np.array_equal(found.coefficients, fits[int(np.argmin(losses))].coefficients)
    assert abs(np.mean(gaps)) < 2.5 * np.std(gaps, ddof=1) / np.sqrt(len(gaps))


def test_many_cases_are_held_lightly():
    rng = np.random.default_rng(0)
    (rows, y, _), (later, came, _) = draw(rng, 12_000), draw(rng, 6_000)
    w, check = np.ones(len(y)), (later, came, np.ones(len(came)))
    found = fit_firm_logistic(rows, y, 1.0, w, check)
    fits = [fit_logistic(rows, y, factor) for factor in PENALTY_FACTORS]
    assert min(np.abs(found.coefficients - one.coefficients).max() for one in fits) < 1e-6
    top = max(np.abs(one.coefficients).max() for one in fits)
    assert np.abs(found.coefficients).max() > 0.9 * top  # with so many cases the penalty no longer matters


def test_without_later_cases_the_penalty_is_that_which_was_asked_for():
    rows, y, _ = draw(np.random.default_rng(0), 300)
    nothing = (rows[:0], y[:0], y[:0])
    found = fit_firm_logistic(rows, y, 5.0, np.ones(300), nothing)
    assert np.allclose(found.coefficients, fit_logistic(rows, y, 5.0).coefficients)
