"""Drift: what moves is found, what only comes round each week is not, and nothing later than the morning counts."""

import numpy as np
import pandas as pd
import pytest
from deskcast.models.drift.detect import DAYS_PER_ALARM, Drift, detect_drift, find_limit, needs_retraining
from deskcast.models.drift.measures import group_values, stability_index
from deskcast.models.drift.windows import RECENT_DAYS, REFERENCE_DAYS, build_windows, find_lags
from hypothesis import given, settings
from hypothesis import strategies as st

UNTIL = pd.Timestamp("2024-05-06T06:00Z")  # a Monday
DAYS = 110
CHANGED = UNTIL - pd.Timedelta(days=5)


def mornings(seed=1, a_day=25):
    """Make open cases of mornings: fewer of them and more by phone after weekends, some without an impact."""
    dice = np.random.default_rng(seed)
    at = pd.Series(pd.date_range(end=UNTIL, periods=DAYS, freq="D"))
    count = dice.poisson(np.where(at.dt.day_of_week < 2, 0.6, 1.1) * a_day)
    rows = pd.DataFrame({"at": at.repeat(count).reset_index(drop=True)})
    n = len(rows)
    phone = dice.uniform(size=n) < np.where(rows["at"].dt.day_of_week < 2, 0.7, 0.3)
    rows.insert(0, "case_id", [f"c{i}" for i in range(n)])
    rows["channel"] = np.where(phone, "phone", "email")
    rows["attr_impact"] = pd.Series(dice.choice(["low", "high"], n)).where(dice.uniform(size=n) > 0.15)
    rows["age_s"], rows["reopens"] = dice.exponential(90_000, n), dice.poisson(0.1, n).astype(float)
    return rows


def outcomes_of(rows, seed=2):
    """Make outcomes: each case is due two days after its morning, and three of ten breach."""
    dice = np.random.default_rng(seed)
    due = rows["at"] + pd.Timedelta("2D")
    found = rows[["case_id"]].assign(label=dice.uniform(size=len(rows)) < 0.3, due_at=due, known_at=due)
    return found[found["known_at"] <= UNTIL]


def named(drift):
    return set(zip(drift.moved["check"], drift.moved["column"], strict=True))


def new_channel(rows, late):
    rows.loc[late & (rows.index % 4 == 0), "channel"] = "app"


def lost_impact(rows, late):
    rows.loc[late & (rows.index % 2 == 0), "attr_impact"] = None


def other_mix(rows, late):
    rows.loc[late & (rows.index % 10 < 8), "channel"] = "phone"


def older(rows, late):
    rows.loc[late, "age_s"] *= 4


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (new_channel, ("new values", "channel")),
        (lost_impact, ("missing values", "attr_impact")),
        (other_mix, ("distribution", "channel")),
        (older, ("distribution", "age_s")),
    ],
)
def test_a_change_of_five_mornings_is_found_and_named(change, wanted):
    rows = mornings()
    assert named(detect_drift(rows, UNTIL, timezone="Europe/Berlin")) == set()
    change(rows, rows["at"] > CHANGED)
    found = detect_drift(rows, UNTIL, timezone="Europe/Berlin")
    assert wanted in named(found)
    assert wanted[1].removesuffix("_s").replace("_", " ") in needs_retraining(found)
    assert CHANGED < found.since <= UNTIL
    if change is new_channel:
        assert found.moved.query("check == 'new values'")["detail"].tolist() == ["app"]


def test_a_doubled_volume_is_found():
    rows = mornings()
    more = rows[rows["at"] > CHANGED].assign(case_id=lambda t: t["case_id"] + "x")
    assert ("open cases", "") in named(detect_drift(pd.concat([rows, more]), UNTIL))


def test_risks_breaches_and_their_error_are_found_apart():
    rows = mornings()
    risk = np.full(len(rows), 0.3) + np.random.default_rng(5).normal(0, 0.02, len(rows))
    outcomes = outcomes_of(rows)
    late = outcomes["known_at"] > UNTIL - pd.Timedelta("6D")
    more = outcomes.assign(label=outcomes["label"] | (late & (outcomes.index % 2 == 0)))
    assert named(detect_drift(rows, UNTIL, probability=risk, outcomes=outcomes)) == set()
    assert {("breach rate", ""), ("Brier score", "")} <= named(
        detect_drift(rows, UNTIL, probability=risk, outcomes=more)
    )
    higher = np.where(rows["at"] > CHANGED, risk + 0.2, risk)
    assert ("breach risk", "") in named(detect_drift(rows, UNTIL, probability=higher, outcomes=outcomes))


@settings(max_examples=10)
@given(st.integers(0, 6), st.integers(1, 4), st.sampled_from(["UTC", "Europe/Berlin", "America/Chicago"]))
def test_what_comes_round_each_week_is_no_drift_on_any_weekday(weekday, a_day, timezone):
    """The same cases each week: the strength of every check is 0."""
    until = UNTIL + pd.Timedelta(days=weekday)
    local = pd.date_range(end=until.tz_convert(timezone), periods=91, freq="D")
    rows = pd.DataFrame({"at": local.tz_convert("UTC").as_unit("us")})
    rows = rows.loc[rows.index.repeat(a_day * (1 + local.day_of_week.to_numpy()))].reset_index(drop=True)
    day = rows["at"].dt.tz_convert(timezone).dt.day_of_week
    rows = rows.assign(case_id=[f"c{i}" for i in rows.index], channel=day.map(lambda d: f"channel {d % 3}"))
    found = detect_drift(rows.assign(age_s=3600.0 * day), until, timezone=timezone)
    assert found.judged
    assert found.mornings["strength"].abs().max() < 1e-9
    assert found.moved.empty


def test_what_is_known_later_changes_nothing():
    rows, outcomes = mornings(), outcomes_of(mornings())
    later = outcomes.tail(5).assign(case_id=[f"z{i}" for i in range(5)], known_at=UNTIL + pd.Timedelta("1h"))
    other = rows.head(40).assign(at=UNTIL + pd.Timedelta("1D"), channel="app")
    risk = np.full(len(rows), 0.3)
    once = detect_drift(rows, UNTIL, probability=risk, outcomes=outcomes)
    again = detect_drift(
        pd.concat([rows, other]), UNTIL, probability=np.full(len(rows) + 40, 0.3), outcomes=pd.concat([outcomes, later])
    )
    pd.testing.assert_frame_equal(once.checks, again.checks)


@settings(max_examples=15)
@given(st.lists(st.integers(0, 80), max_size=60), st.integers(0, 30), st.integers(1, 3))
def test_sums_of_windows_are_those_of_a_loop(lags, learned, count):
    lag = np.array([*range(16), 79, *lags], dtype="int64")
    windows = build_windows(lag, learned)
    groups = lag % count
    recent, before = windows.sums(lag, groups, count)
    for place, end in enumerate(windows.ends):
        first = windows.before[place]
        assert end + RECENT_DAYS <= first <= 80 - REFERENCE_DAYS
        assert first >= min(learned, windows.since)
        for group in range(count):
            mine = lag[groups == group]
            assert recent[place, group] == sum(end <= x < end + RECENT_DAYS for x in mine)
            assert before[place, group] == sum(first <= x < first + REFERENCE_DAYS for x in mine)


@settings(max_examples=25)
@given(st.lists(st.floats(0, 9), min_size=40, max_size=130))
def test_past_mornings_exceed_the_limit_in_the_episodes_that_are_allowed_and_no_lower_limit_would_do(strengths):
    largest, ends = np.array(strengths), np.arange(len(strengths))
    limit, run = find_limit(largest, ends)
    allowed = (len(strengths) - 1) // DAYS_PER_ALARM

    def is_enough(level):
        here = 0
        while here < min(len(largest), 36) and largest[here] > level:
            here += 1
        above = [end for end in ends[here:] if largest[end] > level]
        episodes = sum(1 for a, b in zip([-99, *above], above, strict=False) if b - a > RECENT_DAYS)
        return episodes <= allowed and len(above) <= 7 * allowed, here

    assert is_enough(limit) == (True, run)
    assert not any(is_enough(level)[0] for level in largest[1:] if level < limit)


def test_the_index_is_that_of_its_formula_and_rare_names_count_as_one():
    p, q = np.array([0.9, 0.1]), np.array([0.5, 0.5])
    counts = 1e9 * p, 1e9 * q
    wanted = ((p - q) * np.log(p / q)).sum()
    assert stability_index(counts[0][None], counts[1][None])[0] == pytest.approx(wanted)
    many = np.r_[np.full(20, 100.0), np.ones(500)][None]
    moved = many.copy()
    moved[0, 20:] = np.random.default_rng(1).permutation(np.repeat([0.0, 2.0], 250))
    assert stability_index(moved, many)[0] == pytest.approx(0)
    assert group_values(pd.Series([None, None], dtype="float64"))[1] == 0


def test_a_model_that_learned_a_while_ago_is_compared_with_what_it_learned_from():
    rows = mornings()
    other_mix(rows, rows["at"] > UNTIL - pd.Timedelta("40D"))
    then = UNTIL - pd.Timedelta("41D")
    assert ("distribution", "channel") not in named(detect_drift(rows, UNTIL))  # the weeks before have it too
    found = detect_drift(rows, UNTIL, trained_at=then)
    assert ("distribution", "channel") in named(found)
    assert "channel" in needs_retraining(found, then)
    assert needs_retraining(found, UNTIL - pd.Timedelta("3D")) is None


def test_a_log_with_few_mornings_is_not_judged():
    rows = mornings()
    few = detect_drift(rows[rows["at"] > UNTIL - pd.Timedelta("60D")], UNTIL)
    assert (few.judged, few.moved.empty, needs_retraining(few)) == (False, True, None)
    assert needs_retraining(Drift()) is None
    assert not detect_drift(rows[rows["at"] < UNTIL], UNTIL).judged  # no case is open today
    third = rows[find_lags(rows["at"], UNTIL, "UTC") % 3 == 0]
    assert detect_drift(third, UNTIL).judged  # of a large desk, not every morning is looked at
