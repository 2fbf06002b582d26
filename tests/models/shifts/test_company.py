"""What makes an alarm of one series rarer or commoner: company of its own kind, its own record, cut periods."""

import numpy as np
import pandas as pd
from deskcast.models import detect_shifts
from deskcast.models.shifts.false_alarms import flag_run_starts
from deskcast.models.shifts.watched import seen_before
from hypothesis import given, settings
from hypothesis import strategies as st


def history(values, **columns):
    values = np.asarray(values, dtype=float)
    frame = pd.DataFrame({"kpi": "cases_opened", "ds": pd.date_range("2024-01-01", periods=len(values))})
    return frame.assign(value=values, n=values, **columns)


def test_only_related_runs_are_company():
    p = np.array([[0.04, 0.045, 0.5, 0.9]])  # one alone must be below 0.025; two of one cause below 0.05
    score = np.full(p.shape, 6.0)
    assert flag_run_starts(p, score, 0.1, lambda row, column: True).tolist() == [[True, True, False, False]]
    alone = flag_run_starts(
        p, score, 0.1, lambda row, column: True, related=lambda row, at: np.eye(len(at), dtype=bool)
    )
    assert not alone.any()
    strong = np.array([[0.001, 0.045, 0.5, 0.9]])
    alone = flag_run_starts(
        strong, score, 0.1, lambda row, column: True, related=lambda row, at: np.eye(len(at), dtype=bool)
    )
    assert alone.tolist() == [[True, False, False, False]]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 100))
def test_a_cut_period_counts_for_nothing(value, seed):
    days = np.random.default_rng(seed).poisson(40, 100).astype(float)
    whole = history(days, cut=False)
    cut = history(np.r_[days, float(value)], cut=[False] * 100 + [True])
    pd.testing.assert_frame_equal(detect_shifts(cut, freq="D"), detect_shifts(whole, freq="D"))


@settings(max_examples=20)
@given(st.lists(st.floats(4, 20), min_size=1, max_size=12), st.sampled_from([1.0, -1.0]))
def test_a_record_is_always_new_and_what_was_seen_twice_is_not(sizes, way):
    z = way * np.array(sizes)[:, None]
    old = seen_before(z, 100)[:, 0]
    for t, size in enumerate(sizes):
        assert old[t] == (t >= 2 and size <= max(sizes[:t]))
    assert not seen_before(z, 1).any()  # too long ago


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 100), st.floats(500, 90_000))
def test_a_median_alone_is_no_alarm_where_its_interval_holds_what_was_expected(seed, after):
    values = np.random.default_rng(seed).lognormal(4, 0.2, 120)
    values[110] = after
    frame = history(values, lo=0.7 * values, hi=1.4 * values).assign(kpi="first_response_time", n=12.0)
    found = detect_shifts(frame, freq="D")
    assert frame["ds"][110] in set(found["started_at"])
    wide = frame.assign(lo=frame["lo"].mask(frame.index == 110, 20.0))  # half of a few cases: the other half was quick
    assert frame["ds"][110] not in set(detect_shifts(wide, freq="D")["started_at"])
    unknown = frame.assign(lo=np.nan, hi=np.nan)
    assert frame["ds"][110] in set(detect_shifts(unknown, freq="D")["started_at"])
