"""Business clocks: by hand, against a minute-by-minute twin, and what bad input says."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from calendar_twin import DAYS, open_at, open_seconds
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.errors import InputError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

OFFICE = {"mon-fri": ["09:00-18:00"], "sat": ["10:00-14:00"]}


def at(text: str, zone: str = "UTC") -> pd.Timestamp:
    return pd.Timestamp(text, tz=zone)


def hours_between(calendar: BusinessCalendar, start: str, end: str, zone: str = "UTC") -> float:
    return float(calendar.seconds_between([at(start, zone)], [at(end, zone)])[0]) / 3600


# --- by hand -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2024-03-01 17:00", "2024-03-04 10:00", 1 + 4 + 1),  # Friday to Monday over the Saturday
        ("2024-03-02 15:00", "2024-03-04 08:00", 0),  # Saturday after closing to Monday before opening
        ("2024-03-01 03:00", "2024-03-01 23:00", 9),
        ("2024-03-04 10:00", "2024-03-01 17:00", -6),
        ("2024-03-01 12:00", "2024-03-01 12:00", 0),
    ],
)
def test_hours_of_an_office_over_a_weekend(start, end, hours):
    office = BusinessCalendar.from_hours("Europe/Lisbon", OFFICE)
    assert hours_between(office, start, end, "Europe/Lisbon") == hours


def test_a_night_on_which_the_clock_skips_an_hour_is_short_and_one_that_repeats_an_hour_is_long():
    night = BusinessCalendar.from_hours("Europe/Lisbon", {"mon-sun": ["22:00-06:00"]})
    assert hours_between(night, "2024-03-30 20:00", "2024-03-31 12:00", "Europe/Lisbon") == 7
    assert hours_between(night, "2024-10-26 20:00", "2024-10-27 12:00", "Europe/Lisbon") == 9
    assert hours_between(night, "2024-06-01 20:00", "2024-06-02 12:00", "Europe/Lisbon") == 8


def test_an_office_that_does_not_touch_the_clock_change_has_equal_days_around_it():
    office = BusinessCalendar.from_hours("America/New_York", {"mon-sun": ["09:00-17:00"]})
    assert hours_between(office, "2024-03-09 00:00", "2024-03-12 00:00", "America/New_York") == 24
    assert hours_between(office, "2024-11-02 00:00", "2024-11-05 00:00", "America/New_York") == 24
    # 09:00 in New York is 14:00 UTC before the change and 13:00 after it
    assert office.is_open([at("2024-03-08 13:30"), at("2024-03-11 13:30")]).tolist() == [False, True]


def test_a_zone_that_changes_by_half_an_hour():
    always_open_hour = BusinessCalendar.from_hours("Australia/Lord_Howe", {"sun": ["01:00-03:00"]})
    # On 6 October 2024 the clock went from 02:00 to 02:30.
    whole_day = ("2024-10-06 00:00", "2024-10-06 12:00", "Australia/Lord_Howe")
    assert hours_between(always_open_hour, *whole_day) == 1.5


def test_public_holidays_of_a_country_and_of_a_part_of_it_and_single_dates_are_closed():
    def day(name, when):
        calendar = BusinessCalendar.from_hours("UTC", {"mon-sun": ["00:00-24:00"]}, holidays=name)
        return hours_between(calendar, when, str(date.fromisoformat(when) + timedelta(days=1)))

    assert day("PT", "2024-04-25") == 0  # Freedom day
    assert day("PT", "2024-04-24") == 24
    assert day("PT", "2024-05-20") == 24
    assert day("PT-20", "2024-05-20") == 0  # Day of the Azores
    assert day(["2024-12-24", "pt"], "2024-12-24") == 0
    assert day(["2024-12-24", "pt"], "2024-12-25") == 0
    assert day("", "2024-12-25") == 24


def test_a_holiday_closes_the_shift_that_begins_on_it_and_lets_the_one_before_run_out():
    night = BusinessCalendar.from_hours("UTC", {"mon-sun": ["22:00-06:00"]}, holidays=["2024-05-01"])
    assert hours_between(night, "2024-05-01 00:00", "2024-05-01 12:00") == 6
    assert hours_between(night, "2024-05-01 12:00", "2024-05-02 12:00") == 0


def test_a_holiday_at_the_turn_of_the_year_closes_the_night_into_the_new_year():
    night = BusinessCalendar.from_hours("UTC", {"mon-sun": ["22:00-06:00"]}, holidays=["2023-12-31"])
    asked = [at("2024-01-01 00:00")], [at("2025-06-01 00:00")]
    shifted = [at("2024-01-01 12:00")], [at("2025-06-01 00:00")]
    assert night.seconds_between(*asked) == night.seconds_between(*shifted)


def test_overlapping_and_touching_hours_count_once():
    calendar = BusinessCalendar.from_hours(
        "UTC", {"mon-fri": ["08:00-12:00", "11:00-13:00"], "Monday": ["08:00-13:00", "13:00-14:00"]}
    )
    assert hours_between(calendar, "2024-03-04 00:00", "2024-03-05 00:00") == 6  # Monday has hours of its own
    assert hours_between(calendar, "2024-03-05 00:00", "2024-03-06 00:00") == 5
    assert calendar.hours[0] == ((480, 840),)


def test_days_as_ranges_over_the_weekend_and_as_lists():
    calendar = BusinessCalendar.from_hours("UTC", {"fri-mon": ["9-10"], "tue, thu": "12:00-13:30"})
    opened = [len(day) for day in calendar.hours]
    assert opened == [1, 1, 0, 1, 1, 1, 1]


def test_adding_stops_at_closing_time_and_goes_on_at_the_next_opening():
    office = BusinessCalendar.from_hours("Europe/Lisbon", OFFICE, holidays="PT")
    friday = at("2024-03-01 16:00", "Europe/Lisbon")

    def after(hours):
        return office.add([friday], [hours * 3600]).tz_convert("Europe/Lisbon")[0].strftime("%a %H:%M")

    assert [after(h) for h in (0, 1, 2, 3, 6, 7)] == [
        "Fri 16:00",
        "Fri 17:00",
        "Fri 18:00",
        "Sat 11:00",
        "Sat 14:00",
        "Mon 10:00",
    ]
    assert [after(h) for h in (-1, -7, -8)] == ["Fri 15:00", "Fri 09:00", "Thu 17:00"]


def test_adding_over_a_clock_change_keeps_the_wall_clock():
    office = BusinessCalendar.from_hours("Europe/Lisbon", {"mon-fri": ["09:00-18:00"]})
    due = office.add([at("2024-03-29 17:00", "Europe/Lisbon")], 2 * 3600)
    assert due[0] == at("2024-04-01 10:00", "Europe/Lisbon")
    assert str(due.dtype) == "datetime64[us, UTC]"


def test_adding_many_years_extends_the_span():
    office = BusinessCalendar.from_hours("UTC", {"mon": ["09:00-10:00"]})
    due = office.add([at("2024-01-01 00:00")], 3600 * 520)
    assert due[0] == at("2033-12-12 10:00")  # the 520th Monday, counting 1 January 2024


def test_missing_instants_and_seconds_stay_missing():
    office = BusinessCalendar.from_hours("UTC", OFFICE)
    times = pd.Series(pd.to_datetime(["2024-03-01T09:00Z", None]))
    assert np.isnan(office.seconds_between(times, at("2024-03-01 10:00"))).tolist() == [False, True]
    assert office.add(times, [np.nan, 60]).isna().all()
    assert office.is_open(times).tolist() == [True, False]
    assert np.isnan(office.open_share(times, 3600)).tolist() == [False, True]
    assert len(office.seconds_between(pd.DatetimeIndex([], tz="UTC"), pd.DatetimeIndex([], tz="UTC"))) == 0


def test_the_open_share_of_slots_across_a_day_that_lacks_an_hour():
    calendar = BusinessCalendar.from_hours("Europe/Lisbon", {"sun": ["00:00-12:00"]})
    days = pd.date_range("2024-03-30", periods=3, tz="Europe/Lisbon").tz_convert("UTC")
    lengths = [86400.0, 82800.0, 86400.0]
    np.testing.assert_allclose(calendar.open_share(days, lengths), [0, 11 / 23, 0])


def test_calendar_time_is_business_time_that_never_closes():
    always = BusinessCalendar.always("Europe/Lisbon")
    start, end = at("2024-03-30 12:00"), at("2026-11-01 12:00")
    assert always.seconds_between([start], [end])[0] == (end - start).total_seconds()
    assert always.add([start], [1e8])[0] == start + pd.Timedelta(seconds=1e8)


def test_equal_calendars_are_equal_and_say_themselves():
    one = BusinessCalendar.from_hours("Europe/Lisbon", OFFICE, holidays="pt")
    two = BusinessCalendar.from_hours("Europe/Lisbon", {"mon,tue,wed,thu,fri": ["9-18"], "sat": ["10-14"]}, ["PT"])
    assert one == two
    assert hash(one) == hash(two)
    assert str(one) == "mon-fri 09:00-18:00; sat 10:00-14:00 (Europe/Lisbon), closed on holidays: PT"


# --- against the twin ----------------------------------------------------------------------------------------------

ZONES = ["UTC", "Europe/Lisbon", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo"]
#: Instants near which clocks change in one of these zones, and one quiet one.
CHANGES = ["2024-03-31T01:00", "2024-10-27T01:00", "2024-03-10T07:00", "2024-11-03T06:00", "2024-04-06T15:00",
           "2018-11-04T03:00", "2024-07-01T00:00"]  # fmt: skip


@st.composite
def weeks(draw):
    """Hours by single day, on quarters of an hour, also over midnight."""
    days = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True))
    return {day: draw(st.lists(_interval(), min_size=1, max_size=2)) for day in days}


@st.composite
def _interval(draw):
    start = draw(st.integers(0, 95))
    end = draw(st.integers(1, 96).filter(lambda e: e != start))
    return f"{start // 4:02d}:{start % 4 * 15:02d}-{end // 4:02d}:{end % 4 * 15:02d}"


@st.composite
def spans(draw):
    middle = datetime.fromisoformat(draw(st.sampled_from(CHANGES))).replace(tzinfo=UTC)
    start = middle + timedelta(minutes=draw(st.integers(-2880, 1440)))
    return start, start + timedelta(minutes=draw(st.integers(-1440, 4000)))


SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(zone=st.sampled_from(ZONES), week=weeks(), span=spans(), off=st.lists(st.integers(-2, 2), max_size=2))
def test_the_calendar_counts_what_the_wall_clock_shows(zone, week, span, off):
    closed = frozenset((span[0] + timedelta(days=d)).date() for d in off)
    calendar = BusinessCalendar.from_hours(zone, week, [d.isoformat() for d in closed])
    assert calendar.seconds_between([span[0]], [span[1]])[0] == open_seconds(*span, zone, week, closed)
    assert calendar.is_open(list(span)).tolist() == [open_at(t, zone, week, closed) for t in span]


@SLOW
@given(zone=st.sampled_from(ZONES), week=weeks(), span=spans(), seconds=st.floats(1, 1e6))
def test_adding_is_the_inverse_of_counting(zone, week, span, seconds):
    calendar = BusinessCalendar.from_hours(zone, week)
    start = pd.DatetimeIndex([span[0]])
    due = calendar.add(start, seconds)
    passed = calendar.seconds_between(start, due)[0]
    assert passed == pytest.approx(seconds, abs=1e-6)
    just_before = due - pd.Timedelta(microseconds=1)
    assert calendar.seconds_between(start, just_before)[0] < passed, "an earlier instant would have done"
    back = calendar.add(due, -seconds)
    assert calendar.seconds_between(back, due)[0] == pytest.approx(seconds, abs=1e-6)


@SLOW
@given(zone=st.sampled_from(ZONES), week=weeks(), cuts=st.lists(st.integers(-(10**9), 10**9), min_size=3, max_size=20))
def test_counting_adds_up_and_does_not_depend_on_what_else_is_asked(zone, week, cuts):
    calendar = BusinessCalendar.from_hours(zone, week)
    times = pd.DatetimeIndex([at("2024-01-01") + pd.Timedelta(seconds=c) for c in sorted(cuts)])
    parts = calendar.seconds_between(times[:-1], times[1:])
    assert (parts >= 0).all()
    assert parts.sum() == pytest.approx(calendar.seconds_between(times[:1], times[-1:])[0])
    alone = [calendar.seconds_between(times[i : i + 1], times[i + 1 : i + 2])[0] for i in range(len(times) - 1)]
    assert parts.tolist() == alone


# --- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "week", "holidays", "words"),
    [
        ("Europe/Lisbonn", OFFICE, "", "unknown time zone.*Europe/Lisbon'"),
        ("Europe", OFFICE, "", "unknown time zone"),
        ("", OFFICE, "", "unknown time zone"),
        ("UTC", OFFICE, "ZZ", "unknown country.*'ZZ'"),
        ("UTC", OFFICE, "PT-99", "unknown region.*'PT-99'"),
        ("UTC", OFFICE, ["2024-02-30"], "not a valid date.*2024-02-30"),
        ("UTC", {"mox": ["09:00-17:00"]}, "", "unknown day.*'mox'"),
        ("UTC", {"mo": ["09:00-17:00"]}, "", "unknown day"),
        ("UTC", {"mon-wed-fri": ["09:00-17:00"]}, "", "not valid days"),
        ("UTC", {"mon": ["nine to five"]}, "", r"column 'open\.mon': not valid hours.*'nine to five'"),
        ("UTC", {"mon": ["09:00-25:00"]}, "", "not a valid time of day"),
        ("UTC", {"mon": ["09:60-10:00"]}, "", "not a valid time of day"),
        ("UTC", {"mon": ["09:00-09:00"]}, "", "begin where they end.*00:00-24:00"),
        ("UTC", {}, "", "never open"),
        ("UTC", {"mon": []}, "", "never open"),
    ],
)
def test_what_cannot_be_read_is_named(zone, week, holidays, words):
    with pytest.raises(InputError, match=words):
        BusinessCalendar.from_hours(zone, week, holidays)


def test_times_without_a_zone_and_lengths_that_differ_are_refused():
    office = BusinessCalendar.from_hours("UTC", OFFICE)
    with pytest.raises(InputError, match="have no zone"):
        office.seconds_between(pd.to_datetime(["2024-03-01"]), [at("2024-03-02")])
    with pytest.raises(InputError, match="not valid instants"):
        office.is_open(["yesterday"])
    with pytest.raises(InputError, match="lengths must be equal"):
        office.seconds_between([at("2024-03-01")] * 2, [at("2024-03-02")] * 3)
    with pytest.raises(InputError, match="above 0"):
        office.open_share([at("2024-03-01")], 0)


def test_a_target_that_the_calendar_never_reaches_is_refused():
    office = BusinessCalendar.from_hours("UTC", {"mon": ["09:00-09:15"]})
    with pytest.raises(InputError, match=r"within 200 years.*mon 09:00-09:15"):
        office.add([at("2024-03-01")], 1e9)
    with pytest.raises(InputError, match="finite"):
        office.add([at("2024-03-01")], np.inf)


@pytest.mark.parametrize(
    ("monday", "words"),
    [
        ((), "never open"),
        (((1020, 540),), "run backwards"),
        (((540, 540),), "run backwards"),
        (((540, 3000),), "more than a night"),
        (((-60, 540),), "run backwards"),
        (((540, 720), (700, 800)), "overlap"),
        (((720, 800), (540, 600)), "overlap"),
    ],
)
def test_hours_in_minutes_that_cannot_be_a_calendar_are_refused(monday, words):
    with pytest.raises(InputError, match=words):
        BusinessCalendar("UTC", (monday, *[()] * 6))


def test_hours_need_seven_days_and_a_zone_that_exists():
    with pytest.raises(InputError, match="seven days"):
        BusinessCalendar("UTC", (((540, 720),),))
    with pytest.raises(InputError, match="unknown time zone"):
        BusinessCalendar("Mars/Base", (((540, 720),), *[()] * 6))


def test_a_holiday_that_is_named_twice_or_by_country_and_date_is_closed_once():
    hours = {"mon-sun": ["00:00-24:00"]}
    once = BusinessCalendar.from_hours("UTC", hours, ["PT"])
    more = BusinessCalendar.from_hours("UTC", hours, ["PT", "pt", "2024-04-25", "2024-04-25"])
    for calendar in (once, more):
        assert hours_between(calendar, "2024-04-24", "2024-04-27") == 48


def test_a_calendar_that_its_holidays_close_for_good_is_refused_when_time_is_added():
    new_year = [f"{year}-01-01" for year in range(1900, 2300)]
    never = BusinessCalendar.from_hours("UTC", {"mon": ["09:00-10:00"]}, new_year)
    assert never.add([at("2024-01-01 00:00")], 60)[0] == at("2024-01-08 09:01")
    with pytest.raises(InputError, match="not open for that long"):
        never.add([at("2024-01-01 00:00")], 3600 * 53 * 300)


def test_adding_nothing_stays_where_it_is_even_when_closed():
    office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})
    sunday = at("2024-03-03 12:00")
    assert office.add([sunday] * 2, [0, -0.0]).tolist() == [sunday, sunday]
    assert office.add([sunday], -3600)[0] == at("2024-03-01 16:00")
