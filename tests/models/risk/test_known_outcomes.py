"""What is known of the outcomes: never what was learnt later, and the known ones stand for all."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.models.risk.known_outcomes import known_outcomes, split_by_case
from hypothesis import given, settings
from hypothesis import strategies as st
from risk_frames import risk_frames


@settings(max_examples=8, deadline=None)
@given(st.integers(20, 110), st.booleans())
def test_what_teaches_at_an_instant_is_the_same_on_a_longer_log(day, due):
    snapshots, labels, _ = risk_frames(cases=400, due=due)
    t = snapshots["at"].min() + pd.Timedelta(days=day)
    early = labels.copy()
    early.loc[~(early["known_at"] <= t), "label"] = pd.NA
    early.loc[~(early["known_at"] <= t), "known_at"] = pd.NaT
    on_full = known_outcomes(snapshots, labels, t)
    on_cut = known_outcomes(snapshots[snapshots["at"] <= t], early, t)
    pd.testing.assert_frame_equal(on_full.snapshots, on_cut.snapshots)
    for one, two in zip(on_full.weighted_rows()[1:], on_cut.weighted_rows()[1:], strict=True):
        assert np.array_equal(one, two)


def test_without_cut_offs_all_weights_are_one():
    snapshots, labels, _ = risk_frames(cases=600, due=False)
    done = labels["case_id"][labels["known_at"].notna()]
    found = known_outcomes(snapshots[snapshots["case_id"].isin(done)], labels, labels["known_at"].max())
    assert found.decided.all()
    assert (found.weighted_rows().weight == 1).all()
    part = found.split((0.6, 0.4))
    assert np.array_equal(part, split_by_case(found.snapshots["case_id"], found.created_at, (0.6, 0.4)))


@pytest.mark.parametrize("due", [True, False])
def test_the_known_outcomes_stand_for_all_snapshots(due):
    """The share of breaches among the last two weeks' snapshots, as known on the last day and once all is known."""
    naive, weighted = [], []
    for seed in range(8):
        snapshots, labels, _ = risk_frames(cases=1500, days=100, seed=seed, due=due)
        t = snapshots["at"].min() + pd.Timedelta(days=50)
        recent = snapshots[(snapshots["at"] <= t) & (snapshots["at"] > t - pd.Timedelta(days=14))]
        finally_known = known_outcomes(recent, labels, snapshots["at"].max())
        lesson = known_outcomes(recent, labels, t).weighted_rows()
        rate = np.nanmean(finally_known.breached)
        naive.append(lesson.breached.mean() - rate)
        weighted.append(np.average(lesson.breached, weights=lesson.weight) - rate)
    assert abs(np.mean(naive)) > 0.015, "without weights the known ones are biased, or this test shows nothing"
    assert abs(np.mean(weighted)) < abs(np.mean(naive)) / 2


def test_no_row_teaches_after_its_outcome_was_known():
    snapshots, labels, _ = risk_frames(cases=300)
    found = known_outcomes(snapshots, labels, snapshots["at"].max())
    known = found.snapshots["case_id"].map(labels.set_index("case_id")["known_at"])
    assert (found.snapshots["at"] < known)[found.decided].all()
    assert not found.snapshots["already_breached"].any()
    assert len(found.snapshots) + sum(found.dropped.values()) == len(snapshots)


def test_a_case_without_a_promise_does_not_teach():
    snapshots, labels, _ = risk_frames(cases=300)
    found = known_outcomes(snapshots, labels.iloc[100:], snapshots["at"].max())
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
        (lambda s, y: (s.drop(columns="age_s"), y), "snapshots: column 'age_s': missing column"),
        (lambda s, y: (s, y.drop(columns="known_at")), "labels: column 'known_at': missing column"),
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
        known_outcomes(*spoil(snapshots, labels), snapshots["at"].max())
