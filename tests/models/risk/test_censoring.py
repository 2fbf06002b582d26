"""Weights for outcomes that are not known yet: against a slow twin, and unbiased where the known ones alone are not."""

import numpy as np
import pytest
from deskcast.models.candidates.baselines import fit_base_rate
from deskcast.models.evaluation.calibration import brier, ece, fit_platt_scaling, reliability_table
from deskcast.models.evaluation.scores import brier_gain, score_table
from deskcast.models.risk.known_outcomes import censoring_weights
from hypothesis import given
from hypothesis import strategies as st
from risk_twins import slow_weights

rows = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8), st.booleans()), min_size=1, max_size=30)


def arrays(rows):
    entry = np.array([float(a) for a, _, _ in rows])
    return entry, entry + [float(b) for _, b, _ in rows], np.array([d for *_, d in rows])


@given(rows)
def test_the_weights_equal_their_loop(rows):
    assert censoring_weights(*arrays(rows)) == pytest.approx(slow_weights(*arrays(rows)))


@given(rows)
def test_a_weight_is_one_or_more_and_never_without_bound(rows):
    entry, end, decided = arrays(rows)
    weights = censoring_weights(entry, end, decided, 3.0)
    assert ((weights[decided] >= 1) & (weights[decided] <= 3)).all()
    assert (weights[~decided] == 0).all()


@given(rows)
def test_where_all_is_decided_all_weights_are_one(rows):
    entry, end, decided = arrays(rows)
    assert (censoring_weights(entry, end, np.ones_like(decided)) == 1).all()


@given(rows)
def test_together_they_stand_for_no_more_than_all(rows):
    _, end, decided = arrays(rows)
    assert censoring_weights(np.zeros(len(end)), end, decided, np.inf).sum() <= len(end) + 1e-9


def one_log(rng):
    """Return the known share and the weighted share of breaches on a desk where 30 % break, and late."""
    n = 400
    broken = rng.uniform(size=n) < 0.3
    took = np.where(broken, rng.uniform(4, 8, n), rng.exponential(2.0, n).clip(max=8))
    cut = rng.uniform(0, 20, n)
    entry = np.minimum(rng.uniform(0, 1, n), np.minimum(took, cut))
    decided = took <= cut
    weights = censoring_weights(entry, np.minimum(took, cut), decided)
    share = np.average(broken[decided], weights=weights[decided])
    return broken[decided].mean(), share


def test_over_many_logs_the_weighted_base_rate_is_unbiased_and_the_naive_one_is_not():
    rng = np.random.default_rng(0)
    naive, weighted = np.array([one_log(rng) for _ in range(200)]).T
    error = weighted.std(ddof=1) / np.sqrt(200)
    assert abs(weighted.mean() - 0.3) < 2.5 * error
    assert abs(naive.mean() - 0.3) > 10 * error


def test_a_weight_counts_as_so_many_rows_and_weights_of_one_change_nothing():
    rng = np.random.default_rng(0)
    p, w = rng.uniform(size=80), rng.integers(1, 4, 80)
    y = (rng.uniform(size=80) < p).astype(float)
    y2, p2 = np.repeat(y, w), np.repeat(p, w)
    x, x2 = np.log(p / (1 - p)), np.log(p2 / (1 - p2))
    for weight, many in ((w, (y2, p2, x2)), (np.ones(80), (y, p, x))):
        assert brier(y, p, weight=weight) == pytest.approx(brier(*many[:2]), abs=1e-12)
        assert ece(y, p, weight=weight) == pytest.approx(ece(*many[:2]), abs=1e-12)
        assert fit_platt_scaling(y, x, weight=weight) == pytest.approx(fit_platt_scaling(many[0], many[2]), abs=1e-8)
        assert fit_base_rate(y, weight).logit == pytest.approx(fit_base_rate(many[0]).logit)
        one, two = score_table(y, {"m": p}, weight=weight), score_table(many[0], {"m": many[1]})
        assert one.drop(columns="n").iloc[0, 1:-1].tolist() == pytest.approx(
            two.drop(columns="n").iloc[0, 1:-1].tolist()
        )
        table = reliability_table(y, p, weight=weight)
        assert table["observed"].tolist() == pytest.approx(reliability_table(*many[:2])["observed"].tolist())
    gain = brier_gain(y, p, np.full(80, 0.5), np.arange(80), weight=w)
    assert gain.mean == pytest.approx(brier(y2, np.full(len(y2), 0.5)) - brier(y2, p2))
