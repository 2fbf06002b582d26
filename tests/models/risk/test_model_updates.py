"""Models in use follow a base rate that has just changed, and are not moved by what days differ in anyway."""

import numpy as np
import pandas as pd
import pytest
from deskcast.models.risk import model_updates
from deskcast.models.risk.breach import BreachRisk
from deskcast.models.risk.model_updates import _is_contradicted
from deskcast.models.risk.recalibration import rate_shift
from risk_frames import risk_frames


@pytest.fixture(scope="module")
def desk():
    snapshots, labels, _ = risk_frames(cases=1500)
    trained = snapshots["at"].min() + pd.Timedelta(days=50)
    risk = BreachRisk(replicates=50).fit(snapshots[snapshots["at"] <= trained], labels, as_of=trained)
    return snapshots, labels, trained, risk


def breaching_from(labels, snapshots, day, share=0.95):
    """Return outcomes after a day on which nearly all cases began to breach, known when they were before."""
    opened = snapshots.groupby("case_id")["at"].min()
    late = labels["case_id"].map(opened) > day
    hit = late & (np.random.default_rng(5).uniform(size=len(labels)) < share)
    return labels.assign(label=labels["label"].mask(hit & labels["label"].notna(), True))


def gap(risk, snapshots, labels, now, monkeypatch=None, windows=None):
    if windows is not None:
        monkeypatch.setattr(model_updates, "SHORTER_WINDOWS_DAYS", windows)
    rows = snapshots[(snapshots["at"] > now) & (snapshots["at"] <= now + pd.Timedelta(days=3))]
    truth = rows.merge(labels, on=["case_id", "metric"], how="left")["label"].astype("Float64")
    known = truth.notna().to_numpy()
    p = risk.follow(snapshots, labels, now).risk(rows)
    return float(truth.mean() - p[known].mean()), p


def test_a_rate_that_jumped_last_week_is_followed_sooner_than_the_whole_window_does(desk, monkeypatch):
    snapshots, labels, trained, risk = desk
    change = trained + pd.Timedelta(days=12)
    jumped = breaching_from(labels, snapshots, change)
    now = change + pd.Timedelta(days=8)
    soon, _ = gap(risk, snapshots, jumped, now)
    slow, _ = gap(risk, snapshots, jumped, now, monkeypatch, windows=())
    assert slow > 0.15, "the whole window has it already, or this test shows nothing"
    assert soon < 0.7 * slow


def test_where_nothing_changed_the_whole_window_decides(desk, monkeypatch):
    snapshots, labels, trained, risk = desk
    same = []
    for days in (6, 15, 24):
        now = trained + pd.Timedelta(days=days)
        _, p = gap(risk, snapshots, labels, now)
        with monkeypatch.context() as patch:
            _, whole = gap(risk, snapshots, labels, now, patch, windows=())
        same.append(np.array_equal(p, whole))
    assert all(same)


def test_a_rate_of_one_in_five_that_became_nine_in_ten_is_reached():
    said = np.full(4000, np.log(0.2 / 0.8))
    came = np.r_[np.ones(3600), np.zeros(400)]
    by = rate_shift(said, came, decided=1e6)
    assert 1 / (1 + np.exp(-(said[0] + by))) == pytest.approx(0.9, abs=0.002)


@pytest.mark.parametrize(
    ("breached", "contradicted"), [(0.2, False), (0.9, True), (0.0, True)], ids=["as said", "more", "less"]
)
def test_a_contradiction_is_one_of_cases_and_not_of_their_many_mornings(breached, contradicted):
    cases, mornings = 100, 3
    names = pd.DataFrame({"case_id": np.repeat([f"c{i}" for i in range(cases)], mornings)})
    outcome = np.repeat((np.arange(cases) < breached * cases).astype(float), mornings)
    logit, every = np.full(len(outcome), np.log(0.2 / 0.8)), np.ones(len(outcome), dtype=bool)

    def asked(decided, rows=every):
        now = model_updates.RecentOutcomes(names, decided, None, None, None)
        return _is_contradicted(logit, outcome, now, rows)

    assert asked(outcome) == contradicted
    assert not asked(outcome, np.arange(len(outcome)) < 19 * mornings), "few cases contradict nothing"
    assert not asked(np.full(len(outcome), np.nan)), "nor do undecided ones alone"
