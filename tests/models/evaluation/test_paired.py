"""A challenger takes the place only where it is better beyond noise, calibrated, and for no segment much worse."""

import numpy as np
import pandas as pd
from deskcast.models.evaluation.calibration import brier, ece
from deskcast.models.evaluation.paired import MIN_JUDGED_CASES, judge_challenger
from hypothesis import given, settings
from hypothesis import strategies as st

N = 900


def made(seed=0, n=N):
    dice = np.random.default_rng(seed)
    p = dice.uniform(0.05, 0.95, n)
    y = (dice.uniform(size=n) < p).astype(float)
    return p, y, np.arange(n) // 2, np.arange(n) % 30


def test_the_better_one_is_used_and_the_sentence_says_by_how_much():
    p, y, case, day = made()
    dull = 0.5 + 0.3 * (p - 0.5)
    verdict = judge_challenger(y, dull, p, case, day)
    assert verdict.is_promoted
    assert verdict.cases == N // 2
    assert verdict.snapshots == N
    assert np.isclose(verdict.gain.mean, brier(y, dull) - brier(y, p))
    assert np.isclose(verdict.challenger_ece, ece(y, p))
    assert str(verdict.reason).startswith("The new model is used: the Brier score is")
    assert f"{brier(y, p):.4f} against {brier(y, dull):.4f}" in verdict.reason
    back = judge_challenger(y, p, dull, case, day)
    assert not back.is_promoted
    assert "not beyond noise" in back.reason


def test_a_sharper_one_that_is_not_calibrated_is_not_used():
    p, y, case, day = made()
    off = np.clip(p + 0.12, 0, 1)
    verdict = judge_challenger(y, np.full(N, y.mean()), off, case, day)
    assert verdict.gain.is_significant
    assert not verdict.is_promoted
    assert "not calibrated" in verdict.reason


def test_a_better_one_that_is_much_worse_for_one_team_is_not_used():
    p, y, case, day = made(1, 3000)
    team = np.where(case % 10 == 0, "night desk", "day desk")
    dull = np.where(team == "day desk", 0.5 + 0.2 * (p - 0.5), p)
    wrong = np.where(team == "day desk", p, 0.5 + 0.1 * (p - 0.5))
    segments = pd.DataFrame({"team": team})
    verdict = judge_challenger(y, dull, wrong, case, day, segments=segments)
    assert not verdict.is_promoted
    assert "for team night desk the new one is worse by" in verdict.reason
    assert judge_challenger(y, dull, wrong, case, day).is_promoted


def test_a_gain_that_one_day_made_is_noise():
    p, y, case, _ = made(2)
    day = np.where(np.arange(N) < N // 3, 0, np.arange(N) % 30)  # one bad day holds a third of the snapshots
    good = np.where(day == 0, p, 0.5 + 0.9 * (p - 0.5))
    plain = np.where(day == 0, 0.5, p)
    by_case = judge_challenger(y, plain, good, case, case)
    assert by_case.is_promoted
    by_day = judge_challenger(y, plain, good, case, day)
    assert by_day.gain.lo <= by_case.gain.lo


@given(st.integers(0, MIN_JUDGED_CASES - 1), st.integers(0, 5))
@settings(max_examples=15)
def test_few_cases_decide_nothing_however_good_a_model_looks(cases, seed):
    p, y, _, day = made(seed)
    case = np.arange(N) % max(cases, 1)
    verdict = judge_challenger(y[: N if cases else 0], 1 - p[: N if cases else 0], p[: N if cases else 0],
                               case[: N if cases else 0], day[: N if cases else 0])  # fmt: skip
    assert not verdict.is_promoted
    assert f"Only {cases} of the {MIN_JUDGED_CASES} cases" in verdict.reason


@given(st.integers(0, 40))
@settings(max_examples=20)
def test_a_twin_is_never_used(seed):
    p, y, case, day = made(seed)
    assert not judge_challenger(y, p, p.copy(), case, day, replicates=200).is_promoted
