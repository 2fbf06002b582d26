"""Last days of a history that fall to its end, as those of an export that not all rows had reached."""

import numpy as np
import pandas as pd
import pytest
from deskcast.forecasting import forecast
from deskcast.forecasting.grid.grid import make_grid
from hypothesis import given, settings
from hypothesis import strategies as st

WEEK = np.array([1.3, 1.2, 1.1, 1.1, 1.0, 0.6, 0.5])


def history(seed, shares, days=150, count=1, per_day=1):
    """Counts of a desk with a week, of which the last days have arrived to some share each."""
    rng = np.random.default_rng(seed)
    arrived = np.append(np.ones(days - len(shares)), shares)
    mean = np.repeat(150 * np.resize(WEEK, days) * arrived, per_day) / per_day
    ds = pd.date_range("2025-01-06", periods=days * per_day, freq=f"{24 // per_day}h")
    parts = [pd.DataFrame({"unique_id": f"q{i}", "ds": ds, "y": rng.poisson(mean)}) for i in range(count)]
    return pd.concat(parts)


def ragged(frame, freq="D", **known):
    grid = make_grid(frame, 7, freq, **known)
    return int(np.isnan(grid.y).all(axis=0).sum()), [note for note in grid.notes if "fall day by day" in note]


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 1000),
    st.sampled_from([[0.7, 0.45, 0.2], [0.75, 0.6, 0.4, 0.2], [0.75, 0.6, 0.5, 0.3, 0.15], [0.7, 0.4, 0.0, 0.0]]),
    st.integers(150, 156),
    st.sampled_from([(1, 1), (3, 1), (1, 24)]),
)
def test_days_that_fall_to_the_end_are_not_learnt(seed, shares, days, form):
    count, per_day = form
    out, notes = ragged(history(seed, shares, days, count, per_day), "D" if per_day == 1 else "h")
    assert out == len(shares) * per_day
    assert len(notes) == 1
    assert notes[0].startswith(f"the last {len(shares)} days, from ")


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 1000),
    st.sampled_from([[], [0.3], [0.5, 0.5], [0.6] * 4, [0.5] * 6, [1.5, 1.2, 1.0], list(np.linspace(0.8, 0.3, 12))]),
    st.integers(150, 156),
)
def test_other_ends_are_learnt(seed, shares, days):
    assert ragged(history(seed, shares, days)) == (0, [])


def test_a_fall_before_holidays_as_a_year_ago_is_learnt():
    fall = [0.75, 0.6, 0.4, 0.2]
    twice = history(3, [*fall, *np.ones(360), *fall], 520)
    assert ragged(twice) == (0, [])
    assert ragged(history(3, fall, 520))[0] == 4


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.0, 0.02, 0.05]))
def test_closed_weekends_and_few_cases_show_no_fall(seed, weekend):
    rng = np.random.default_rng(seed)
    days = pd.date_range("2025-01-06", periods=161)
    busy = np.where(days.day_of_week < 5, 1.0, weekend)
    for mean, end in ((150, [1, 0.8, 0.7, 0.1, 0.1]), (4, [0.75, 0.6, 0.4, 0.2, 0.1])):
        arrived = np.append(np.ones(len(days) - 5), end)
        frame = pd.DataFrame({"unique_id": "all", "ds": days, "y": rng.poisson(mean * busy * arrived)})
        assert ragged(frame) == (0, [])


def test_what_is_said_to_be_complete_is_learnt():
    frame = history(1, [0.75, 0.6, 0.4, 0.2])
    assert ragged(frame, until=frame["ds"].max() + pd.Timedelta(days=1)) == (0, [])
    assert ragged(frame, find=False) == (0, [])
    assert ragged(frame, events=[("strike", "2025-05-31", "2025-06-05")]) == (0, [])


def test_an_export_that_was_cut_does_not_lower_the_forecast():
    whole, cut = (forecast(history(2, shares), 7, "D", models=["core"]) for shares in ([], [0.75, 0.6, 0.4, 0.2]))
    assert cut["deskcast"].sum() == pytest.approx(whole["deskcast"].sum(), rel=0.06)
    assert list(cut["ds"]) == list(whole["ds"])
