"""Bounds by counts: never above the best solution, and at it where only a sum is not whole."""

import numpy as np
import pytest
from deskcast.forecasting.scheduling.count_bound import CountedProgramme, bound_by_counts
from deskcast.forecasting.scheduling.set_cover import solve_set_cover
from deskcast.forecasting.solver import solve
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1.0, 0.75, 0.5]))
def test_a_bound_by_counts_is_between_the_relaxation_and_the_best(seed, part):
    dice = np.random.default_rng(seed)
    cover = dice.integers(0, 2, (6, 5)) * part
    rows = [(sparse.csr_array(cover), np.minimum(dice.integers(1, 5, 6), 9 * cover.sum(axis=1)), np.inf)]
    cost, high, every = np.full(5, 8.0), np.full(5, 9.0), sparse.csr_array(np.ones((1, 5)))
    best = solve(cost, rows, np.zeros(5), high, whole=np.ones(5, dtype=bool)).cost
    loose = solve(cost, rows, np.zeros(5), high).cost
    bound = bound_by_counts(CountedProgramme(cost, rows, high, every), 60)
    assert loose - 1e-6 <= bound <= best + 1e-6
    assert bound / 8 == pytest.approx(round(bound / 8))


def test_an_odd_circle_is_proven_best_by_counting_people():
    """Five shifts of which each covers two of five hours: half a person of each in fractions, three people in truth."""
    circle = sparse.csc_array(np.eye(5) + np.roll(np.eye(5), 1, axis=0))
    found = solve_set_cover(circle, np.ones(5), np.full(5, 8.0), np.full(5, 50.0), gap=0.0)
    assert (found.cost, found.gap) == (24.0, 0.0)
