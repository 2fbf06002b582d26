"""Evidence for shifts: scores of quiet series are uniform, levels are learnt, nothing peeks, control holds."""

import numpy as np
import pandas as pd
import pytest
from deskcast.models.series.units import harmonise_units
from deskcast.models.shifts.cusum import run_cusum
from deskcast.models.shifts.detect import detect_shifts
from deskcast.models.shifts.expected_level import ExpectedLevels, Pace
from deskcast.models.shifts.false_alarms import deflate_scores, evidence_p, flag_run_starts
from hypothesis import given, settings
from hypothesis import strategies as st
from panels import KINDS, quiet, shifted
from scipy import special

KIND = {"count": "count", "share": "share", "median": "duration"}


def wide(frame, column):
    return frame.pivot(index="ds", columns="team", values=column).to_numpy()


def proof(kind, frame):
    return run_cusum(KIND[kind], wide(frame, "value"), wide(frame, "n"), Pace.of("D"))


@pytest.mark.parametrize("kind", KINDS)
def test_mid_p_values_are_uniform_while_nothing_happens(kind):
    frame = quiet(kind, series=120, days=220, seed=11)
    found = proof(kind, frame)
    z, n = found.spike[60:], (found.expected if kind == "count" else wide(frame, "n"))[60:]
    p = special.ndtr(z[np.isfinite(z) & (n > 15)])  # of fewer cases, a mid-p value has few values to take
    assert abs(p.mean() - 0.5) < 0.015
    share, _ = np.histogram(p, bins=10, range=(0, 1))
    share = share / len(p)
    assert share.min() > 0.075
    assert share.max() < 0.125
    for tail in (0.01, 0.001):
        assert (np.minimum(p, 1 - p) < tail / 2).mean() < 1.3 * tail


@pytest.mark.parametrize("size", [10, 50, 200])
@pytest.mark.parametrize("kind", KINDS)
def test_false_alarms_keep_to_what_is_allowed_in_panels_of_any_size(kind, size):
    found = [detect_shifts(quiet(kind, size, 180, seed=300 + s)) for s in range(2)]
    late = sum(int((f["detected_at"] >= "2023-03-03").sum()) for f in found)
    assert late / (2 * 120 / 7) <= 1.3


def test_fewer_alarms_are_had_for_the_asking():
    frame = quiet("count", 100, 200, seed=8)
    many, few = (len(detect_shifts(frame, false_alerts_per_week=rate)) for rate in (5.0, 0.05))
    assert few <= 1 < many


@pytest.mark.parametrize("kind", ["share", "median"])
def test_most_injected_shifts_are_found_soon(kind):
    frame, truth = shifted(kind, {"share": 2.5, "median": 1.5}[kind], seed=21)
    found = detect_shifts(frame).merge(truth, on="series")
    found = found[(found["detected_at"] >= found["start"]) & (found["detected_at"] <= found["end"])]
    first = found.sort_values("detected_at").groupby("series").first()
    assert len(first) >= 0.65 * len(truth)
    assert (first["detected_at"] - first["start"]).dt.days.median() <= 5
    assert ((first["changed_at"] - first["start"]).dt.days.abs() <= 3).mean() >= 0.7


@settings(deadline=None, max_examples=8)
@given(st.sampled_from(KINDS), st.integers(0, 50), st.integers(60, 110))
def test_evidence_does_not_peek(kind, seed, cut):
    frame, _ = shifted(kind, 2.0, shifts=3, series=8, days=120, seed=seed)
    whole, part = proof(kind, frame), proof(kind, frame[frame["ds"] < frame["ds"].min() + pd.Timedelta(days=cut)])
    for name in ("expected", "up", "down", "spike", "up_since", "ended"):
        np.testing.assert_array_equal(getattr(whole, name)[:cut], getattr(part, name))


def test_a_series_with_few_cases_takes_the_weekly_shape_of_the_panel():
    rng = np.random.default_rng(0)
    week = np.array([1.4, 1.2, 1.0, 1.0, 0.9, 0.3, 0.2])
    mean = np.r_[np.full(40, 80.0), 3.0] * week[np.arange(90) % 7][:, None]
    levels = ExpectedLevels("count", 41, Pace.of("D"))
    for t, row in enumerate(rng.poisson(mean).astype(float)):
        expected = levels.expect(t % 7)
        use = np.ones(41, dtype=bool)
        levels.learn(row, row, expected, levels.variance(expected, row), t % 7, use, np.full(41, np.nan))
    shape = np.array([levels.expect(slot)[-1] for slot in range(7)]) / 3
    assert np.abs(shape / shape.mean() - week / week.mean()).max() < 0.25


def test_a_level_that_stays_becomes_the_new_one():
    rng = np.random.default_rng(1)
    days = rng.poisson(50, (260, 6)).astype(float)
    days[120:, 2] = rng.poisson(80, 140)
    found = run_cusum("count", days, days, Pace.of("D"))
    assert 2 in found.ended[120:180, 2]
    assert found.up[200:, 2].max() < 9
    assert found.expected[-1, 2] == pytest.approx(80, rel=0.1)


def test_one_wild_day_is_no_shift():
    rng = np.random.default_rng(2)
    days = rng.poisson(50, (120, 6)).astype(float)
    days[100, 3] = 500
    found = run_cusum("count", days, days, Pace.of("D"))
    assert found.up[100:, 3].max() < 5
    assert found.spike[100, 3] > 8


def test_many_runs_at_once_open_where_one_would_not():
    score = np.zeros((2, 100))
    score[1, :10] = 6.0
    p = np.full_like(score, np.nan)
    p[:] = 0.25 * np.exp(-score)
    assert flag_run_starts(p, score, 0.02, lambda t, i: True).sum() == 10
    score[1, 1:10] = 0
    assert flag_run_starts(0.25 * np.exp(-score), score, 0.02, lambda t, i: True).sum() == 0


def test_a_wild_panel_becomes_quieter_by_itself():
    rng = np.random.default_rng(3)
    z = rng.standard_t(3, (400, 30))
    assert (np.abs(deflate_scores(z)[200:]) > 3.5).mean() < 0.6 * (np.abs(z[200:]) > 3.5).mean()
    tested = np.ones((300, 20), dtype=bool)
    calm, wild = np.zeros((300, 20)), np.zeros((300, 20))
    wild[::5] = 4.5
    assert evidence_p("count", wild, tested)[-5, 0] > evidence_p("count", calm + 4.5, tested)[0, 0] * 2


@pytest.mark.parametrize("factor", [60.0, 1 / 1000])
def test_a_change_of_unit_is_named_and_no_shift(factor):
    frame = quiet("median", series=8, days=150, seed=4).assign(kpi="answer_time")
    late = frame["ds"] >= "2023-05-10"
    frame.loc[late, ["value", "median"]] *= factor
    found = detect_shifts(frame)
    assert len(found) == 0
    words = "60 times" if factor > 1 else "1/1,000 of"
    assert any(words in n and "2023-05-10" in n and "change of unit" in n for n in found.attrs["notes"])


def test_a_weekly_shape_is_no_change_of_unit():
    week = np.array([100.0, 100, 100, 100, 100, 1.6, 1.6])
    value = np.tile(week, 20)[:, None]
    back, said = harmonise_units(value, pd.date_range("2024-01-01", periods=140))
    assert not said
    assert (back == value).all()


def test_young_cohorts_wait_until_they_can_be_slow():
    rng = np.random.default_rng(5)
    days = pd.date_range("2024-01-01", periods=120, unit="us")
    hours = 40 * np.exp(rng.normal(0, 0.1, 120))
    hours[-3:] = [30, 8, 3]  # of the newest days only what was fast has ended
    frame = pd.DataFrame({"kpi": "resolution_time", "ds": days, "value": hours * 3600, "n": 50.0})
    assert len(detect_shifts(frame)) == 0
    hours[100] = 160
    found = detect_shifts(frame.assign(value=hours * 3600))
    assert found["started_at"].tolist() == [days[100]]
    assert found["detected_at"].iloc[0] >= days[103]


def test_a_shape_that_is_borrowed_from_a_large_series_leads_nowhere():
    # the week moves the logarithms by six, a single case strays by two: in units of the large series that is sixty
    dice, days = np.random.default_rng(0), 400
    n = np.column_stack([np.full(days, 400.0), *(dice.poisson(0.4, days) for _ in range(6))])
    logs = np.where(np.arange(days) % 7 >= 5, 12.0, 6.0)[:, None] + 2 * dice.normal(size=n.shape) / np.sqrt(n.clip(1))
    value = np.where(n > 0, np.expm1(logs.clip(0)), np.nan)
    found = run_cusum("duration", value, n, Pace.of("D"))
    known = np.isfinite(found.expected)
    assert known[60:].all()
    assert found.expected[known].min() >= 0
    assert found.expected[known].max() <= np.log1p(np.nanmax(value))
    assert 0.8 < np.nanstd(found.spike) < 1.1


@pytest.mark.parametrize(("kind", "seed"), [("count", 1), ("share", 2), ("median", 3)])
def test_levels_that_wander_keep_to_what_is_allowed(kind, seed):
    steps = np.random.default_rng(seed).normal(0, 0.06 if kind == "share" else 0.03, (300, 40))
    found = detect_shifts(quiet(kind, 40, 300, seed, np.exp(np.cumsum(steps, axis=0))))
    late = int((found["detected_at"] >= "2023-03-03").sum())
    assert late / (240 / 7) <= 1.3


def test_sums_of_a_month_stray_more_than_those_of_a_week_where_a_level_wanders():
    def strays(step):
        levels, rng = ExpectedLevels("score", 30, Pace.of("D")), np.random.default_rng(5)
        levels.seen[:] = 200
        for _ in range(200):
            run = np.array([rng.chisquare(1, 30), rng.chisquare(1, 30) * (1 + step)])
            ones = np.ones(30)
            levels.learn(ones, ones, ones, ones, 0, ones > 0, run)
        return levels.runs().mean()

    assert strays(0.0) == pytest.approx(1.0, abs=0.05)
    assert strays(4.0) > 1.5
