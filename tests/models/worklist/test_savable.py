"""What can still be saved: the time left at the hour of the reading, the budget, and picks that do not flap."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.models.worklist.budget import select_cases
from deskcast.models.worklist.previous_picks import explain_dropped, find_untouched
from deskcast.models.worklist.time_left import chance_in_time, find_reading_time, move_time_left
from hypothesis import given, settings
from hypothesis import strategies as st

MIDNIGHT = pd.Timestamp("2024-03-04T23:00Z")


@pytest.mark.parametrize(
    ("until", "asked", "read"),
    [
        ("2024-03-04T23:00Z", None, "2024-03-05T07:00Z"),  # midnight: read at eight
        ("2024-03-05T07:00Z", None, "2024-03-05T07:00Z"),
        ("2024-03-05T13:00Z", None, "2024-03-05T13:00Z"),  # the afternoon: read at once
        ("2024-03-05T21:00Z", None, "2024-03-06T07:00Z"),  # the evening: read in the morning
        ("2024-03-04T23:00Z", "2024-03-05T09:30Z", "2024-03-05T09:30Z"),  # asked for a time just after the data
        ("2024-03-04T23:00Z", "2031-01-01T00:00Z", "2024-03-05T07:00Z"),  # years later: the data are what there is
        ("2024-03-30T23:00Z", None, "2024-03-31T06:00Z"),  # the night of the clock change
    ],
)
def test_the_list_is_of_the_hour_at_which_it_is_read(until, asked, read):
    asked = None if asked is None else pd.Timestamp(asked)
    assert find_reading_time(pd.Timestamp(until), "08:00", "Europe/Berlin", asked) == pd.Timestamp(read)


def snapshots(**columns):
    rows = {"case_id": ["wall", "desk", "paused"], "at": MIDNIGHT, "age_s": 3600.0, "paused": [False, False, True]}
    rows |= {"left_wall_s": [36000.0, 36000.0, 36000.0], "left_business_s": [np.nan, 7200.0, 7200.0]}
    rows |= {"left_s": [36000.0, 7200.0, 7200.0], "target_used": [0.5, 0.5, 0.5]}
    return pd.DataFrame(rows | columns)


def test_each_clock_runs_on_until_the_reading_and_a_paused_one_stands_still():
    calendar = BusinessCalendar.from_hours("Europe/Berlin", {"mon-sun": ["07:30-18:00"]})
    moved = move_time_left(snapshots(), MIDNIGHT + pd.Timedelta(hours=8), calendar)
    assert moved["left_wall_s"].tolist() == [7200.0, 7200.0, 36000.0]
    assert moved["left_s"].tolist() == [7200.0, 5400.0, 7200.0]  # half an hour of the desk has passed by eight
    assert moved["target_used"].round(3).tolist() == [0.9, 0.625, 0.5]
    assert moved["age_s"].tolist() == [32400.0] * 3
    assert move_time_left(snapshots(), MIDNIGHT).equals(snapshots())


@settings(max_examples=25, deadline=None)
@given(st.floats(60, 1e6), st.floats(60, 1e5))
def test_more_time_never_saves_less_and_work_that_does_not_fit_saves_nothing(left, effort):
    chance = chance_in_time([left, left + 60, np.nan], effort)
    assert 0 <= chance[0] <= chance[1] <= chance[2] == 1
    assert (chance[0] == 0) == (left < effort)


def test_what_can_be_saved_comes_before_what_is_most_likely():
    rows = pd.DataFrame({"case_id": ["lost", "close", "safe"], "probability": [0.9998, 0.9, 0.05]})
    rows["preventable"] = chance_in_time([103.0, 7200.0, 1e6], 1800.0)
    picked = select_cases(rows, k=3, min_probability=0.1)
    assert picked["case_id"].tolist()[0] == "close"
    assert picked.set_index("case_id")["work_first"].to_dict() == {"close": True, "lost": False, "safe": False}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30), st.floats(0, 0.5), st.booleans())
def test_nine_in_ten_of_the_picks_stay_over_ten_nights(seed, k, least, in_hours):
    dice = np.random.default_rng(seed)
    level, number, flags = dict[str, float](), 0, set[str]()
    for night in range(10):
        for name in list(level):
            if dice.random() < 0.15:
                del level[name]  # done
        for _ in range(dice.integers(5, 25)):
            level[f"c{number:04}"] = dice.uniform(0, 1)
            number += 1
        level = {name: float(np.clip(p + dice.normal(0, 0.15), 0.001, 0.999)) for name, p in level.items()}
        rows = pd.DataFrame({"case_id": list(level), "probability": list(level.values())})
        at = pd.Timestamp("2024-03-01T08:00Z") + pd.Timedelta(days=night)
        rows = rows.assign(at=at, idle_s=np.where(dice.random(len(rows)) < 0.2, 600.0, 2 * 86400.0))
        rows["preventable"] = np.where(dice.random(len(rows)) < 0.1, 0.0, 1.0)
        untouched = find_untouched(rows, flags, at - pd.Timedelta(days=1))
        room = {"capacity_h": k / 2, "effort_h": 0.5} if in_hours else {"k": k}
        picked = select_cases(rows, min_probability=least, kept=untouched, **room)
        now = set(picked.loc[picked["work_first"], "case_id"])
        worth = rows[(rows["preventable"] > 0) & (rows["probability"] >= least)]["case_id"]
        could = untouched & set(worth)
        assert len(could & now) >= 0.9 * len(could)
        assert len(now) == min(k, len(worth))  # the budget is used, and by nothing below the least chance
        assert now <= set(worth)
        flags = now


def test_a_case_that_saves_twice_as_much_takes_the_place_of_one_in_ten():
    old = [f"old{i}" for i in range(10)]
    rows = pd.DataFrame({"case_id": [*old, "new1", "new2"], "probability": [0.3] * 10 + [0.9, 0.9]})
    picked = select_cases(rows, k=10, kept=old)
    now = set(picked.loc[picked["work_first"], "case_id"])
    assert len(now & set(old)) == 9
    alike = rows.assign(probability=[0.3] * 10 + [0.5, 0.5])
    picked = select_cases(alike, k=10, kept=old)
    assert set(picked.loc[picked["work_first"], "case_id"]) == set(old)


def test_each_drop_has_its_reason():
    at = pd.Timestamp("2024-03-01T08:00Z")
    names = ["broke", "late", "done", "gone", "low", "touched", "better", "stays"]
    earlier = pd.DataFrame({"metric": "resolution", "case_id": names, "at": at})
    listed = pd.DataFrame({"case_id": ["low", "touched", "better", "stays"], "probability": [0.01, 0.4, 0.4, 0.9]})
    listed["work_first"] = listed["case_id"] == "stays"
    gone = explain_dropped(
        earlier,
        listed,
        breached=["broke"],
        past_saving=["late"],
        resolved=["done"],
        untouched=["low", "better", "stays"],
        min_probability=0.1,
    )
    assert gone.set_index("case_id")["reason"].to_dict() == {
        "broke": "breached",
        "late": "too late to meet the SLA",
        "done": "resolved",
        "gone": "ended",
        "low": "risk is below 10%",
        "touched": "worked on since",
        "better": "other cases come first",
    }
    assert (gone["flagged_at"] == at).all()
