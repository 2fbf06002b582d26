"""Which snapshots may teach: never by their outcome, never with what was learnt later."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.models.maturity import decision_lag, matured, split_by_case
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "oracles"))
from risk_frames import risk_frames
from risk_twins import slow_lag

waits = st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40).filter(
    lambda rows: any(known for _, known in rows)
)


@given(waits, st.floats(0.1, 1.0))
def test_the_lag_equals_its_loop(rows, share):
    waited, known = np.array([float(w) for w, _ in rows]), np.array([k for _, k in rows])
    assert decision_lag(waited, known, share) == slow_lag(list(waited), list(known), share)


@settings(max_examples=8, deadline=None)
@given(st.integers(20, 110), st.booleans())
def test_what_teaches_at_an_instant_is_the_same_on_a_longer_log(day, due):
    snapshots, labels, _ = risk_frames(cases=400, due=due)
    t = snapshots["at"].min() + pd.Timedelta(days=day)
    early = labels.copy()
    early.loc[~(early["known_at"] <= t), "label"] = pd.NA
    early.loc[~(early["known_at"] <= t), "known_at"] = pd.NaT
    on_full = matured(snapshots, labels, t)
    on_cut = matured(snapshots[snapshots["at"] <= t], early, t)
    pd.testing.assert_frame_equal(on_full.snapshots, on_cut.snapshots)
    assert (on_full.breached == on_cut.breached).all()
    assert on_full.lag_s == on_cut.lag_s


@pytest.mark.parametrize("due", [True, False])
def test_the_cut_does_not_look_at_the_outcome(due):
    """The share of breaches that teaches is the share among all snapshots of those days, once all is known."""
    snapshots, labels, _ = risk_frames(cases=3000, days=100, due=due)
    t = snapshots["at"].min() + pd.Timedelta(days=50)
    naive = snapshots[snapshots["at"] <= t].merge(labels, on=["case_id", "metric"])
    open_then = ~(naive["at"] >= naive["known_at"])
    last_days = naive[open_then & (naive["at"] > t - pd.Timedelta(days=3))]
    decided = last_days[last_days["known_at"] <= t]["label"].mean()
    finally_known = last_days["label"].dropna().mean()
    assert abs(decided - finally_known) > 0.1, "without the cut the last days are biased, or this test shows nothing"

    found = matured(snapshots, labels, t)
    later = found.snapshots["at"].max() - pd.Timedelta(days=10)
    teaches = found.breached[(found.snapshots["at"] > later).to_numpy()].mean()
    same = naive[open_then & (naive["at"] > later) & (naive["at"] <= found.snapshots["at"].max())]
    if due:
        same = same[same["due_at"] <= t]
    assert teaches == pytest.approx(same["label"].dropna().mean(), abs=0.03)


def test_no_row_teaches_after_its_outcome_was_known():
    snapshots, labels, _ = risk_frames(cases=300)
    found = matured(snapshots, labels, snapshots["at"].max())
    known = found.snapshots["case_id"].map(labels.set_index("case_id")["known_at"])
    assert (found.snapshots["at"] < known).all()
    assert not found.snapshots["already_breached"].any()
    assert len(found.snapshots) + sum(found.dropped.values()) == len(snapshots)


def test_a_case_without_a_promise_does_not_teach():
    snapshots, labels, _ = risk_frames(cases=300)
    found = matured(snapshots, labels.iloc[100:], snapshots["at"].max())
    assert not found.snapshots["case_id"].isin(labels["case_id"].iloc[:100]).any()


@given(st.integers(5, 60), st.integers(1, 4), st.integers(0, 100))
def test_no_case_is_in_two_parts_and_parts_follow_in_time(cases, each, seed):
    rng = np.random.default_rng(seed)
    ids = pd.Series([f"c{i}" for i in range(cases)] * each)
    created = pd.Timestamp("2024-03-01T00:00Z") + pd.to_timedelta(rng.integers(0, 30, cases), unit="h")
    created = pd.Series(created.tolist() * each)
    part = split_by_case(ids, created, (0.6, 0.2, 0.2))
    assert pd.Series(part).groupby(ids).nunique().max() == 1
    for earlier, later in ((0, 1), (1, 2)):
        if (part == earlier).any() and (part == later).any():
            assert created[part == earlier].max() <= created[part == later].min()
    count = pd.Series(part, index=ids).groupby(level=0).first().value_counts()
    assert count.get(0, 0) == int(0.6 * cases + 1e-9)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda s, y: (s.drop(columns="age_s"), y), "snapshots: column 'age_s': the column is missing"),
        (lambda s, y: (s, y.drop(columns="known_at")), "labels: column 'known_at': the column is missing"),
        (lambda s, y: (s.assign(metric=["a", *["b"] * (len(s) - 1)]), y), "one model is for one metric"),
        (lambda s, y: (s, pd.concat([y, y])), "a case has two labels"),
        (lambda s, y: (s, y.iloc[:0]), "no snapshot has an outcome that is known yet"),
        (lambda s, y: (s, y.assign(label=pd.NA, known_at=pd.NaT)), "no snapshot has an outcome that is known yet"),
        (lambda s, y: (s.iloc[:0], y), "one model is for one metric"),
    ],
)
def test_bad_frames_are_named(spoil, says):
    snapshots, labels, _ = risk_frames(cases=50)
    with pytest.raises(InputError, match=says):
        matured(*spoil(snapshots, labels), snapshots["at"].max())
