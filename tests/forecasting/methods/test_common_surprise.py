"""What the last days of all queues say of each."""

import numpy as np
import pytest
from deskcast.forecasting.methods.common_surprise import carry_common_surprise
from hypothesis import given, settings
from hypothesis import strategies as st

NOTHING = np.zeros((12, 3))


def panel(seed, common_sd, series=12, days=250):
    """Distances from a level: a common part that lasts for days, and one of each series."""
    rng = np.random.default_rng(seed)
    common = np.zeros(days)
    for day in range(1, days):
        common[day] = 0.85 * common[day - 1] + rng.normal(0, common_sd)
    return common, common + rng.normal(0, 0.1, (series, days))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 28))
def test_queues_that_are_surprised_together_go_on_together(seed, ahead):
    common, rest = panel(seed, 0.1)
    added = carry_common_surprise(rest, np.zeros(rest.shape), np.ones(rest.shape), NOTHING, ahead)
    assert added.shape == (12, ahead)
    assert added[:, 0].mean() == pytest.approx(0.85 * common[-1], abs=0.12)
    assert np.abs(added[:, -1]).mean() <= np.abs(added[:, 0]).mean() + 0.1


def test_a_queue_without_a_last_day_learns_from_the_others():
    common, rest = panel(3, 0.1)
    rest[0, -1] = np.nan
    told = (~np.isnan(rest)).astype(float)
    added = carry_common_surprise(rest, np.zeros(rest.shape), told, NOTHING, 1)
    assert added[0, 0] == pytest.approx(added[1:, 0].mean(), abs=0.05)
    assert abs(added[0, 0]) > 0.3 * abs(common[-1])


def test_queues_that_have_nothing_in_common_are_left_alone():
    used = [
        carry_common_surprise(panel(seed, 0.0)[1], np.zeros((12, 250)), np.ones((12, 250)), NOTHING, 28).any()
        for seed in range(30)
    ]
    assert sum(used) <= 3


@pytest.mark.parametrize(("series", "days"), [(3, 250), (12, 30)])
def test_few_series_or_days_tell_nothing(series, days):
    rest = panel(1, 0.2, series, days)[1]
    added = carry_common_surprise(rest, np.zeros(rest.shape), np.ones(rest.shape), NOTHING[:series], 7)
    np.testing.assert_array_equal(added, np.zeros((series, 7)))
