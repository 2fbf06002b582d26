"""Dates with hours of their own, keys that overlap, and closed days that can be read back."""

from datetime import date, datetime, timedelta

import pandas as pd
import pytest
from calendar_twin import DAYS, open_at
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.calendars.opening_hours import find_overridden_hours, parse_opening_hours
from deskcast.features.calendars.special_days import describe_country_parts, list_special_days
from deskcast.features.errors import InputError
from hypothesis import given, settings
from hypothesis import strategies as st

WEEK = {"mon-fri": ["08:00-18:00"]}
FEW = settings(max_examples=20, deadline=None)


def opened(calendar: BusinessCalendar, day: str) -> float:
    """Return the open hours of a day on the calendar's clock."""
    start = pd.Timestamp(day, tz=calendar.timezone)
    return float(calendar.seconds_between([start], [start + pd.DateOffset(days=1)])[0]) / 3600


@pytest.mark.parametrize(
    ("holidays", "hours"),
    [
        (["2024-12-24 09:00-13:00"], {"2024-12-24": 4, "2024-12-23": 10, "2024-12-25": 10}),
        ("2024-12-24 09:00-13:00, 2024-12-31", {"2024-12-24": 4, "2024-12-31": 0}),
        (["2024-12-24 09:00-11:00, 12:00-13:00"], {"2024-12-24": 3}),
        (["2024-12-24 09:00-11:00", "2024-12-24 12:00-13:30"], {"2024-12-24": 3.5}),
        (["PT", "2024-12-25 10:00-12:00"], {"2024-12-25": 2, "2024-01-01": 0}),  # a date goes before a country
        (["2024-12-28 10:00-12:00"], {"2024-12-28": 2, "2024-12-29": 0}),  # an open Saturday
        (["2024-12-24T00:00:00"], {"2024-12-24": 0}),
        ([date(2024, 12, 24)], {"2024-12-24": 0}),
    ],
)
def test_a_date_may_have_hours_of_its_own(holidays, hours):
    calendar = BusinessCalendar.from_hours("Europe/Lisbon", WEEK, holidays)
    assert {day: opened(calendar, day) for day in hours} == hours


@pytest.mark.parametrize(
    ("holidays", "words"),
    [
        (["2024-12-24 noon"], "not valid hours.*2024|not valid hours.*noon"),
        (["2024-12-24 25:00-26:00"], "not a valid time of day"),
        (["2024-12-24 09:00-09:00"], "begin where they end"),
        (["2024-12-24", "2024-12-24 09:00-13:00"], "both closed and open"),
        (["2024-13-24 09:00-13:00"], "not a valid date"),
        (["2024-12-24T09:00:00"], "not valid hours"),
    ],
)
def test_hours_of_a_date_that_cannot_be_read_are_refused(holidays, words):
    with pytest.raises(InputError, match=words):
        BusinessCalendar.from_hours("UTC", WEEK, holidays)


SPANS = st.tuples(st.integers(0, 23), st.integers(1, 23)).map(
    lambda s: (f"{s[0]:02d}:00", f"{(s[0] + s[1]) % 24:02d}:00")
)


@FEW
@given(days=st.dictionaries(st.integers(0, 6), SPANS, max_size=4), zone=st.sampled_from(["UTC", "America/New_York"]))
def test_special_hours_agree_with_the_clock_on_the_wall(days, zone):
    dates = {date(2024, 3, 8) + timedelta(days=k): f"{a}-{b}" for k, (a, b) in days.items()}
    calendar = BusinessCalendar.from_hours(zone, WEEK, [f"{day} {text}" for day, text in dates.items()])
    hours = dict.fromkeys(DAYS[:5], WEEK["mon-fri"])
    at = [datetime.fromisoformat("2024-03-07T00:00:00+00:00") + timedelta(minutes=47 * i) for i in range(300)]
    assert calendar.is_open(pd.DatetimeIndex(at)).tolist() == [
        open_at(t, zone, hours, special={day: [text] for day, text in dates.items()}) for t in at
    ]


def test_the_narrower_key_wins():
    week = {"mon-fri": ["08:00-18:00"], "tue": ["10:00-11:00"]}
    calendar = BusinessCalendar.from_hours("UTC", week)
    assert [opened(calendar, f"2024-03-0{d}") for d in (4, 5, 6)] == [10, 1, 10]
    assert find_overridden_hours(week) == ["on tue the hours of 'tue' hold, not those of 'mon-fri'"]
    assert opened(BusinessCalendar.from_hours("UTC", week | {"wed": []}), "2024-03-06") == 0
    assert find_overridden_hours(WEEK) == []


KEYS = ("mon-sun", "mon-fri", "mon,tue,wed", "tue,thu", "tue", "sat", "sun", "fri-mon")
NAMED = {"mon-sun": range(7), "mon-fri": range(5), "mon,tue,wed": (0, 1, 2), "tue,thu": (1, 3), "tue": (1,),
         "sat": (5,), "sun": (6,), "fri-mon": (4, 5, 6, 0)}  # fmt: skip


@FEW
@given(keys=st.lists(st.sampled_from(KEYS), min_size=1, unique=True), first=st.permutations(range(8)))
def test_the_narrowest_key_of_each_day_wins_in_any_order(keys, first):
    """Each key opens at an hour of its own, so that the hours of a day tell whose they are."""
    hour = {key: 4 + 2 * i for i, key in enumerate(KEYS)}
    ordered = sorted(keys, key=lambda key: first[KEYS.index(key)])
    week = parse_opening_hours({key: [f"{hour[key]:02d}:00-{hour[key] + 1:02d}:00"] for key in ordered})
    for day in range(7):
        here = [key for key in keys if day in NAMED[key]]
        narrow = min((len(NAMED[key]) for key in here), default=0)
        wanted = sorted(hour[key] for key in here if len(NAMED[key]) == narrow)
        assert [start // 60 for start, _ in week[day]] == wanted


def test_closed_days_can_be_read_back():
    calendar = BusinessCalendar.from_hours("Europe/London", WEEK, ["GB-ENG", "2024-12-24 09:00-13:00", "2024-12-27"])
    found = list_special_days(calendar, date(2024, 3, 1), date(2024, 12, 31))
    named = dict(zip(found["date"], found["name"], strict=True))
    assert named[date(2024, 4, 1)] == "Easter Monday"
    assert named[date(2024, 12, 27)] == "closed"
    assert found.set_index("date")["hours"][date(2024, 12, 24)] == "09:00-13:00"
    assert all(
        opened(calendar, str(day)) == (4 if hours else 0)
        for day, hours in zip(found["date"], found["hours"], strict=True)
    )


@pytest.mark.parametrize(
    ("country", "part", "day"),
    [
        ("GB", "ENG", date(2024, 8, 26)),
        ("CH", "ZH", date(2024, 5, 1)),
        ("AU", "VIC", date(2024, 11, 5)),
        ("CA", "ON", date(2024, 2, 19)),
        ("ES", "MD", date(2024, 5, 2)),
    ],
)
def test_a_country_with_parts_is_said_to_have_them(country, part, day):
    whole = BusinessCalendar.from_hours("UTC", WEEK, country)
    (note,) = describe_country_parts(whole, day, day)
    assert part in note or " more). Name one" in note
    assert f"'{country}' has the national holidays only" in note
    assert opened(whole, str(day)) == 10
    named = BusinessCalendar.from_hours("UTC", WEEK, f"{country}-{part}")
    assert opened(named, str(day)) == 0
    assert describe_country_parts(named, day, day) == []


def test_a_country_whose_parts_have_no_day_of_their_own_in_the_span_is_not_mentioned():
    assert (
        describe_country_parts(BusinessCalendar.from_hours("UTC", WEEK, "GB"), date(2024, 6, 1), date(2024, 6, 30))
        == []
    )
