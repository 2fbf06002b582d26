"""The hazard: open cases count, the clock of the desk is followed, and its parts sum to what it says."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.models.candidates.finish_times import finish_times
from deskcast.models.candidates.hazard import fit_hazard
from deskcast.models.candidates.implied_deadline import implied_deadline
from deskcast.models.candidates.person_periods import Finish, build_person_periods, edges_for, find_finish_times
from deskcast.models.candidates.work_clock import WorkClock, learn_clock
from deskcast.models.evaluation.calibration import log_odds
from hypothesis import given, settings
from hypothesis import strategies as st
from risk_frames import risk_frames

START = pd.Timestamp("2024-01-01T00:00Z")


def made(n=4000, seed=0, cut=None):
    """Cases of a quick and a slow team with exponential times; ``cut`` censors them at so many hours."""
    rng = np.random.default_rng(seed)
    at = pd.Series(START + pd.to_timedelta(rng.integers(0, 5000, n), unit="h"))
    slow = rng.uniform(size=n) < 0.5
    hours = rng.exponential(np.where(slow, 60.0, 15.0))
    rows = pd.DataFrame({"case_id": [f"c{i}" for i in range(n)], "at": at, "age_s": 3600.0})
    rows = rows.assign(team=np.where(slow, "slow", "quick"), due_at=at + pd.Timedelta("24h"), metric="m")
    seen = hours if cut is None else np.minimum(hours, cut)
    ended = np.ones(n, dtype=bool) if cut is None else hours <= cut
    return rows, Finish(pd.DatetimeIndex(at + pd.to_timedelta(seen, unit="h")), ended)


@pytest.mark.parametrize("cut", [None, 30.0])
def test_the_probability_to_miss_is_that_of_the_truth_also_where_most_cases_are_still_open(cut):
    rows, finish = made(cut=cut)
    model = fit_hazard(rows, finish, regularisation=1.0)
    p = pd.Series(model.probability(rows)).groupby(rows["team"]).mean()
    assert p["quick"] == pytest.approx(np.exp(-24 / 15), abs=0.05)
    assert p["slow"] == pytest.approx(np.exp(-24 / 60), abs=0.05)


def test_dropping_open_cases_would_have_been_wrong_by_far():
    rows, finish = made(cut=30.0)
    closed = rows[finish.ended].reset_index(drop=True)
    wrong = fit_hazard(closed, Finish(finish.at[finish.ended], finish.ended[finish.ended]), regularisation=1.0)
    assert wrong.probability(rows[rows["team"] == "slow"]).mean() < np.exp(-24 / 60) - 0.2


def test_the_parts_sum_to_the_log_odds_and_every_group_stands_once():
    snapshots, labels, _ = risk_frames(cases=1500)
    rows = snapshots[~snapshots["already_breached"].astype(bool)].reset_index(drop=True)
    end = rows["at"].max()
    model = fit_hazard(rows, find_finish_times(rows, labels, end))
    base, parts = model.parts(rows)
    assert np.allclose(base + parts.sum(axis=1), log_odds(model.probability(rows)), atol=1e-9, rtol=0)
    assert parts.columns.is_unique
    slow = rows["team"] == "gamma"
    assert parts.loc[slow, "team"].mean() > parts.loc[~slow, "team"].mean() + 0.2


def test_more_time_left_is_less_risk_and_a_shift_makes_a_desk_faster():
    rows, finish = made()
    model = fit_hazard(rows, finish)
    later = rows.assign(due_at=rows["due_at"] + pd.Timedelta("24h"))
    assert (model.probability(later) < model.probability(rows)).all()
    assert (model.shifted(0.5).probability(rows) < model.probability(rows)).all()


def test_horizons_and_quantiles_of_the_finish_agree():
    rows, finish = made()
    model = fit_hazard(rows, finish, regularisation=1.0)
    told = finish_times(rows, model, (12.0, 48.0))
    assert ((told["done_in_12h"] < told["done_in_48h"]) & told["done_in_48h"].between(0, 1)).all()
    assert (told["median_finish"] < told["finish_80"]).all()
    wait = (told["median_finish"] - rows["at"]).dt.total_seconds() / 3600
    by_team = wait.groupby(rows["team"]).median()
    assert by_team["quick"] == pytest.approx(15 * np.log(2), rel=0.2)
    assert by_team["slow"] == pytest.approx(60 * np.log(2), rel=0.2)


def test_too_few_finished_cases_teach_nothing():
    rows, finish = made(n=15)
    assert fit_hazard(rows, finish) is None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 50), st.booleans()), min_size=1, max_size=30))
def test_periods_count_what_a_walk_through_each_case_counts(cases):
    edges = np.array([0.0, 1.0, 4.0, 20.0])
    elapsed, ended = np.array([c[0] for c in cases]), np.array([c[1] for c in cases])
    cut = build_person_periods(elapsed, ended, edges)
    wanted = []
    for i, (hours, done) in enumerate(cases):
        for k in range(3):
            if done and hours <= edges[k + 1]:
                wanted.append((i, k, True))
                break
            if hours <= edges[k + 1]:
                break  # cut off within the period: not seen to its end
            wanted.append((i, k, False))
    assert list(zip(cut.row.tolist(), cut.period.tolist(), cut.done.tolist(), strict=True)) == wanted


def test_edges_reach_the_deadline():
    assert edges_for(np.array([1.0, 2.0, 3.0]), np.ones(3, dtype=bool), 100.0)[-1] >= 100


def test_the_clock_of_the_desk_stands_still_at_night_and_comes_back_on_the_wall():
    ends = pd.Series(pd.date_range("2024-01-01T10:15Z", periods=3000, freq="D", unit="us"))
    clock = learn_clock(ends)
    night, day = pd.DatetimeIndex(["2024-03-01T00:00Z"]), pd.DatetimeIndex(["2024-03-01T10:00Z"])
    assert clock.elapsed(night, night + pd.Timedelta("6h"))[0] < 1 < clock.elapsed(day, day + pd.Timedelta("1h"))[0]
    for at in (night, day):
        hours = np.array([[3.0, 30.0, 500.0]])
        wall = clock.wall_hours(at, hours)[0]
        back = [clock.elapsed(at, at + pd.Timedelta(hours=h))[0] for h in wall]
        assert back == pytest.approx(hours[0].tolist(), abs=1e-6)


def test_with_a_calendar_the_hours_are_its_own():
    office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})
    clock = WorkClock(office)
    friday = pd.DatetimeIndex(["2024-03-01T16:00Z"])
    assert clock.wall_hours(friday, np.array([[2.0]]))[0, 0] == pytest.approx(66.0)


def test_a_deadline_is_found_in_the_flags_and_the_delay_before_them_is_added():
    made_at = START + pd.to_timedelta(np.arange(600), unit="h")
    rng = np.random.default_rng(0)
    done = rng.uniform(1, 200, 600)
    delay = 48.0
    decided = pd.DataFrame({"created_at": made_at, "priority": "3"})
    decided["done_at"] = decided["created_at"] + pd.to_timedelta(done, unit="h")
    decided["known_at"] = decided["done_at"] + pd.Timedelta(hours=delay)
    decided["label"] = done + delay > 150
    found = implied_deadline(decided, decided["known_at"].max())
    ask = np.array([60.0, 95.0, 110.0, 190.0])
    made_then = pd.DatetimeIndex([START] * 4)
    assert found.if_done_at(ask, pd.Series(["3"] * 4), made_then).round(1).tolist() == [0.0, 0.0, 1.0, 1.0]
    waits = np.array([120.0, 149.0]), np.array([47.0, 40.0]), pd.Series(["3", "new"]), made_then[:2]
    waiting = found.if_waiting(*waits)
    assert waiting.round(1).tolist() == [0.0, 1.0]


def flagged(rests: bool, cases: int = 1500) -> pd.DataFrame:
    """Cases opened on weekdays, flagged after 72 hours on the wall or, with ``rests``, of weekdays."""
    rng = np.random.default_rng(1)
    made_at = START + pd.to_timedelta(rng.integers(0, 20 * 168, 4 * cases), unit="h")
    made_at = made_at[made_at.day_of_week < 5][:cases]
    took = rng.uniform(1, 240, cases)
    decided = pd.DataFrame({"created_at": made_at, "priority": "3"})
    decided["done_at"] = decided["known_at"] = made_at + pd.to_timedelta(took, unit="h")
    clock = WorkClock(None, tuple(np.repeat([1.4] * 5 + [0.0] * 2, 24))) if rests else WorkClock()
    used = clock.elapsed(made_at, pd.DatetimeIndex(decided["known_at"].array)) / (1.4 if rests else 1.0)
    return decided.assign(label=(used > 72) ^ (rng.uniform(size=cases) < 0.02))


def test_an_implied_deadline_that_rests_at_weekends_is_found_and_one_on_the_wall_stays_there():
    friday, monday = pd.DatetimeIndex([START + pd.Timedelta(days=d, hours=12) for d in (4, 0)])
    asked = np.array([100.0, 100.0]), pd.Series(["3", "3"]), pd.DatetimeIndex([friday, monday])
    for rests, wanted in ((True, [0, 1]), (False, [1, 1])):
        decided = flagged(rests)
        found = implied_deadline(decided, decided["known_at"].max())
        assert (found.clock.profile[-48:] == (0.0,) * 48) == rests
        assert found.if_done_at(*asked).round().tolist() == wanted
        assert found.if_waiting(asked[0], np.zeros(2), *asked[1:]).round().tolist() == wanted


def test_the_delay_runs_on_the_wall_and_the_deadline_on_its_own_clock():
    decided = flagged(True)
    late = decided.assign(done_at=decided["known_at"] - pd.Timedelta("48h"))
    found = implied_deadline(late, late["known_at"].max())
    # Decided two days after the work: over the weekend no time is used, in the week all of it is.
    friday, monday = pd.DatetimeIndex([START + pd.Timedelta(days=4), START])
    asked = np.array([40.0, 40.0]), pd.Series(["3", "3"]), pd.DatetimeIndex([friday - pd.Timedelta("20h"), monday])
    assert found.if_done_at(*asked).round().tolist() == [0, 1]


def test_one_outcome_only_implies_no_deadline():
    decided = pd.DataFrame({"created_at": [START] * 50, "known_at": [START + pd.Timedelta("1h")] * 50, "label": True})
    assert implied_deadline(decided.assign(priority="3", done_at=START), START + pd.Timedelta("2h")) is None


def test_ends_after_the_instant_are_not_seen():
    rows, _ = made(n=5)
    ends = pd.DataFrame({"case_id": rows["case_id"], "ended_at": rows["at"] + pd.Timedelta("10h")})
    now = rows["at"].max() + pd.Timedelta("5h")
    found = find_finish_times(rows, ends, now, ends)
    assert found.ended.tolist() == (ends["ended_at"] <= now).tolist()
    assert (found.at <= now).all()


def test_a_paused_case_is_not_late_because_its_clock_rests():
    """The due time of a paused case is as if it went on at once; in truth it moves, and 1 of 10 is late."""
    rows, finish = made(2000)
    rng = np.random.default_rng(3)
    rows["paused"] = rng.uniform(size=len(rows)) < 0.3
    late = np.where(rows["paused"], rng.uniform(size=len(rows)) < 0.1, finish.at > rows["due_at"]).astype(float)
    plain = fit_hazard(rows, finish, regularisation=1.0)
    model = plain.with_pauses(rows, late, np.ones(len(rows)))
    waits = rows["paused"].to_numpy()
    assert plain.probability(rows)[waits].mean() > 0.3
    assert model.probability(rows)[waits].mean() == pytest.approx(late[waits].mean(), abs=0.02)
    assert (model.probability(rows)[~waits] == plain.probability(rows)[~waits]).all()
    base, parts = model.parts(rows)
    assert np.allclose(base + parts.sum(axis=1), log_odds(model.probability(rows)), atol=1e-9, rtol=0)
    assert "paused" in model.features
    assert plain.with_pauses(rows[:20], late[:20], np.ones(20)).pause is None
