"""Scores side by side, and the bootstrap that decides."""

import numpy as np
import pytest
from deskcast.models.evaluation.scores import brier_gain, reliability_tables, score_table
from risk_twins import slow_auc, slow_ece


def made(n=400, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.uniform(size=n).round(2)
    return (rng.uniform(size=n) < p).astype(float), p


def test_scores_equal_their_slow_twins():
    y, p = made()
    row = score_table(y, {"rule": p}).iloc[0]
    assert row["auc"] == pytest.approx(slow_auc(y, p))
    assert row["ece"] == pytest.approx(slow_ece(y, p))
    assert row["brier"] == pytest.approx(sum((a - b) ** 2 for a, b in zip(y, p, strict=True)) / len(y))
    assert (row["n"], row["base_rate"]) == (400, y.mean())


def test_outcomes_that_are_all_alike_have_a_brier_score_but_no_order():
    row = score_table([0, 0], {"constant": [0.1, 0.3]}).iloc[0]
    assert np.isnan([row["auc"], row["average_precision"]]).all()
    assert row["brier"] == pytest.approx(0.05)


def test_no_outcomes_give_rows_without_scores():
    table = score_table([], {"constant": [], "rule": []})
    assert table["n"].tolist() == [0, 0]
    assert table[["auc", "brier", "ece"]].isna().all(axis=None)
    assert reliability_tables([], {"constant": []}).empty


def test_a_gain_is_judged_by_case_and_not_by_snapshot():
    y, p = made(200)
    worse = np.clip(p + 0.12, 0, 1)
    once = brier_gain(y, p, worse, np.arange(200))
    # the same cases seen 20 times each are no more evidence
    many = brier_gain(np.repeat(y, 20), np.repeat(p, 20), np.repeat(worse, 20), np.repeat(np.arange(200), 20))
    assert many.mean == pytest.approx(once.mean)
    assert (many.lo, many.hi) == pytest.approx((once.lo, once.hi))


def test_the_interval_of_a_gain_is_that_of_the_normal_approximation():
    y, p = made(2000)
    q = np.full(2000, 0.5)
    gain = brier_gain(y, p, q, np.arange(2000), replicates=4000)
    d = (q - y) ** 2 - (p - y) ** 2
    half = 1.96 * d.std() / np.sqrt(2000)
    assert gain.mean == pytest.approx(d.mean())
    assert (gain.lo, gain.hi) == pytest.approx((d.mean() - half, d.mean() + half), abs=0.1 * half)
    assert gain.is_significant


def test_the_same_seed_gives_the_same_interval_whatever_the_order_of_the_rows():
    y, p = made()
    case = np.arange(400) // 3
    order = np.random.default_rng(1).permutation(400)
    q = np.full(400, 0.5)
    one, two = brier_gain(y, p, q, case), brier_gain(y[order], p[order], q, case[order])
    assert (one.lo, one.hi) == pytest.approx((two.lo, two.hi), abs=1e-12)
