"""Changes of unit are found whether or not a quick look comes first."""

import numpy as np
import pandas as pd
import pytest
from deskcast.models.series import units
from hypothesis import given, settings
from hypothesis import strategies as st

FACTORS = [0.0, 1 / 3600, 1 / 60, 1.0, 14.5, 15.0, 16.0, 60.0, 62.0, 1000.0]  # 0: nothing is measured any more


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(FACTORS), min_size=1, max_size=5)
    | st.tuples(st.sampled_from(FACTORS), st.integers(1, 5)).map(lambda same: [same[0]] * same[1]),
    st.sampled_from([0.0, 0.05, 0.6]),
    st.sampled_from([0.0, 0.3, 0.6]),
    st.integers(2, 38),
    st.integers(0, 99),
)
def test_a_quick_look_overlooks_no_change_of_unit(factors, noise, gaps, at, seed):
    dice = np.random.default_rng(seed)
    value = np.exp(dice.normal(3, 1, len(factors)) + dice.normal(0, noise, (40, len(factors))))
    value[at:] *= [factor or np.nan for factor in factors]
    value[dice.random(value.shape) < gaps] = np.nan
    days = pd.date_range("2024-01-01", periods=40)
    found, said = units.harmonise_units(value, days)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(units, "_may_change", lambda *_: True)
        wanted, all_said = units.harmonise_units(value, days)
    assert said == all_said
    np.testing.assert_array_equal(found, wanted)
    if set(factors) == {60.0} and noise < 0.1 and not gaps and at >= 10:
        assert len(said) == 1
