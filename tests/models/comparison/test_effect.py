"""What a change did: found with its size, not found where there is none, and never from what comes later."""

import numpy as np
import pandas as pd
import pytest
from deskcast.models.comparison.effect import describe_effect, estimate_effect, take_out_mix

BEGIN, DATE = pd.Timestamp("2025-01-06"), pd.Timestamp("2025-09-01")


def make_rows(seed, size=0.0, until=None, units=6, a_day=3, waves=0.0, weeks=60):
    """Return outcomes of units; one changes by ``size`` on the date, until it is undone; all have common waves."""
    dice = np.random.default_rng(seed)
    days = np.arange(7 * weeks)
    common = 0.08 * np.sin(days / 20)
    rows = []
    for number in range(units):
        own = np.repeat(dice.normal(0, waves, weeks), 7)
        day = np.repeat(days, a_day)
        chance = 0.75 + 0.02 * number + common[day] + own[day]
        at = BEGIN + pd.to_timedelta(day, unit="D")
        if number == 2:
            chance = chance + size * ((at >= DATE) & (at < (until or at.max() + pd.Timedelta("1D"))))
        hit = dice.random(len(day)) < np.clip(chance, 0, 1)
        rows.append(pd.DataFrame({"day": at, "unit": f"u{number}", "outcome": hit.astype(float)}))
    return take_out_mix(pd.concat(rows, ignore_index=True), (), "unit")


def test_an_effect_is_found_with_its_size_and_told_in_words():
    found = estimate_effect(make_rows(1, -0.15), DATE, "unit", "u2")
    assert found.verdict == "effect"
    assert found.lo < -0.15 < found.hi < -0.05
    assert found.after - found.before == pytest.approx(-0.15, abs=0.09)
    assert found.has_come_back is False
    assert found.placebo_dates > 5
    assert [found.placebo_dates_beyond, found.placebo_units_beyond] == [0, 0]
    said = describe_effect(found, "CSAT, u2", "1 Sep 2025")
    assert "points lower since 1 Sep 2025 than without it" in said
    assert said.endswith("it has not come back.")


def test_an_effect_that_has_gone_is_said_to_have_come_back():
    found = estimate_effect(make_rows(3, -0.25, DATE + pd.Timedelta(weeks=14)), DATE, "unit", "u2")
    assert found.verdict == "effect"
    assert found.has_come_back is True
    assert abs(found.late) < abs(found.effect)


def test_what_hits_all_alike_is_no_effect():
    rows = make_rows(3)
    drop = (rows["day"] >= DATE) & (np.random.default_rng(5).random(len(rows)) < 0.3)
    rows = take_out_mix(rows.assign(outcome=np.where(drop, 0.0, rows["outcome"])).drop(columns="residual"), (), "unit")
    found = estimate_effect(rows, DATE, "unit", "u2")
    assert found.after < found.before - 0.15
    assert abs(found.effect) < 0.08
    assert found.verdict == "no effect can be shown"
    assert "would not be seen" in describe_effect(found, "CSAT", "then")


def test_of_changes_that_never_were_few_are_called_and_the_detectable_one_is_found():
    waves = 0.1
    called, found = [], []
    for seed in range(80):
        one = estimate_effect(make_rows(seed, waves=waves, units=4, a_day=2), DATE, "unit", "u2", placebos=False)
        called.append(one.verdict == "effect")
        if seed < 20:
            size = -float(one.detectable)
            worse = estimate_effect(make_rows(seed + 500, size, waves=waves, units=4, a_day=2), DATE, "unit", "u2",
                                    placebos=False)  # fmt: skip
            found.append(worse.verdict == "effect")
    assert 0.01 <= np.mean(called) <= 0.1  # benchmarks/placebo_changes.py counts 1,000 on simulated desks
    assert np.mean(found) >= 0.5


def test_the_effect_does_not_depend_on_the_order_of_the_rows():
    rows = make_rows(6, -0.1, units=3, a_day=1)
    mixed = rows.sample(frac=1, random_state=3)
    first, again = (estimate_effect(one, DATE, "unit", "u2") for one in (rows, mixed))
    assert [first.effect, first.p, first.late] == pytest.approx([again.effect, again.p, again.late])


def test_too_little_is_said_with_what_is_missing_and_never_guessed():
    rows = make_rows(4)
    late = rows["day"].max() - pd.Timedelta(days=10)
    start, thin = BEGIN + pd.Timedelta(weeks=3), rows[(rows["unit"] != "u2") | (rows.index % 40 == 0)]
    for some, date, unit, said in (
        (rows, late, "u2", "too early to tell, 2 of 3 weeks needed since then."),
        (rows, start, "u2", "too few to tell, 3 of 8 weeks needed before it."),
        (rows, DATE, "nobody", "too few to tell, 0 of 8 weeks needed before it."),
        (rows[rows["unit"] == "u2"], DATE, "u2", "too few to tell, no others to compare with."),
        (thin, DATE, "u2", "too few to tell, fewer than 25 outcomes before or since, of it or of the others."),
    ):
        found = estimate_effect(some, date, "unit", unit)
        assert describe_effect(found, "CSAT", "then") == f"CSAT: {said}"
        assert np.isnan(found.effect)
        assert found.placebo_dates == 0
