"""Business time inside the engine is that of the calendar, to the microsecond, on every engine."""

import os
import shutil
from datetime import UTC, datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from calendar_twin import DAYS, open_seconds
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.calendars.business_time import business_add, business_seconds
from deskcast.features.errors import InputError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ZONES = ["UTC", "Europe/Lisbon", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo"]
CHANGES = ["2024-03-31T01:00", "2024-10-27T01:00", "2024-03-10T07:00", "2024-11-03T06:00", "2018-11-04T03:00"]
SLOW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
OFFICE = BusinessCalendar.from_hours(
    "Europe/Lisbon", {"mon-fri": ["09:00-13:07", "14:00-18:00"], "sat": ["22:00-06:00"]}, ["PT", "2024-03-28"]
)


@st.composite
def weeks(draw):
    """Hours by single day, on any minute, also over midnight."""
    days = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True))
    return {day: draw(st.lists(_interval(), min_size=1, max_size=3)) for day in days}


@st.composite
def _interval(draw):
    start = draw(st.integers(0, 1439))
    end = draw(st.integers(1, 1440).filter(lambda e: e != start))
    return f"{start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}"


def micro(number: int) -> float:
    return number / 1e6


@st.composite
def pairs(draw):
    """Instants within days of a change of clock, some of them missing, and seconds to add."""
    middle = datetime.fromisoformat(draw(st.sampled_from(CHANGES))).replace(tzinfo=UTC)
    micros = st.integers(-3 * 86400 * 10**6, 3 * 86400 * 10**6)
    size = draw(st.integers(1, 12))
    table = {
        name: [
            pd.NaT if draw(st.integers(0, 9)) == 0 else middle + timedelta(microseconds=draw(micros))
            for _ in range(size)
        ]
        for name in ("a", "b")
    }
    seconds = st.one_of(st.just(0.0), st.integers(-(10**4), 10**4).map(float), st.integers(-(10**9), 10**9).map(micro))
    instants = {name: pd.to_datetime(pd.Series(values), utc=True).dt.as_unit("us") for name, values in table.items()}
    return pd.DataFrame(instants | {"w": [draw(seconds) for _ in range(size)], "i": range(size)})


def in_engine(expression) -> pd.DataFrame:
    return expression.order_by("i").to_pandas()


def assert_equal_to_the_calendar(table, rows: pd.DataFrame, calendar: BusinessCalendar) -> None:
    between = in_engine(business_seconds(table, "a", "b", calendar))
    np.testing.assert_array_equal(between["business_s"], calendar.seconds_between(rows["a"], rows["b"]))
    added = pd.DatetimeIndex(in_engine(business_add(table, "a", "w", calendar))["due_at"])
    pd.testing.assert_index_equal(
        added.tz_convert("UTC").as_unit("us"), calendar.add(rows["a"], rows["w"]), check_names=False
    )


@SLOW
@given(zone=st.sampled_from(ZONES), week=weeks(), rows=pairs(), off=st.lists(st.integers(-2, 2), max_size=2))
def test_the_engine_counts_and_adds_as_the_calendar_does(zone, week, rows, off):
    days = [f"2024-03-{29 + d:02d}" for d in off]
    assert_equal_to_the_calendar(ibis.memtable(rows), rows, BusinessCalendar.from_hours(zone, week, days))


@settings(SLOW, max_examples=8)
@given(zone=st.sampled_from(ZONES), minute=st.integers(-3000, 3000), length=st.integers(-2000, 4000))
def test_the_engine_counts_what_the_wall_clock_shows(zone, minute, length):
    week = {"mon": ["22:10-06:20"], "sat": ["00:00-24:00"], "sun": ["00:30-02:30", "09:00-17:00"]}
    start = datetime(2024, 3, 31, 1, tzinfo=UTC) + timedelta(minutes=minute)
    end = start + timedelta(minutes=length)
    table = ibis.memtable(pd.DataFrame({"a": [start], "b": [end], "i": 0}))
    found = in_engine(business_seconds(table, "a", "b", BusinessCalendar.from_hours(zone, week)))
    assert found["business_s"][0] == open_seconds(start, end, zone, week)


def random_rows(size: int) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    start = pd.Timestamp("2023-12-01T00:00Z") + pd.to_timedelta(rng.integers(0, 400 * 86400 * 10**6, size), unit="us")
    rows = pd.DataFrame({"i": np.arange(size), "a": start.as_unit("us")})
    rows["b"] = rows["a"] + pd.to_timedelta(rng.integers(-(10**12), 10**13, size), unit="us").as_unit("us")
    rows["w"] = rng.integers(-(10**6), 10**6, size) / 4
    rows.loc[[3, 7], "b"] = pd.NaT
    return rows


@pytest.mark.parametrize("calendar", [OFFICE, BusinessCalendar.always()], ids=["office", "always"])
def test_years_of_instants_and_a_calendar_that_never_closes(calendar):
    rows = random_rows(3000)
    assert_equal_to_the_calendar(ibis.memtable(rows), rows, calendar)


def test_postgresql_counts_and_adds_as_the_calendar_does(postgres_uri):
    rows = random_rows(500)
    connection = ibis.connect(postgres_uri.replace("postgresql://", "postgres://"))
    table = connection.create_table("business_time_pairs", rows, temp=True)
    assert_equal_to_the_calendar(table, rows, OFFICE)
    connection.disconnect()


@pytest.mark.slow
def test_spark_counts_and_adds_as_the_calendar_does():
    if not os.environ.get("DESKCAST_SPARK"):
        pytest.skip("Spark takes minutes: set DESKCAST_SPARK=1")
    pytest.importorskip("pyspark", reason="needs the extra 'spark'")
    if shutil.which("java") is None:
        pytest.skip("needs Java")
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[1]").config("spark.sql.session.timeZone", "UTC")
    connection = ibis.pyspark.connect(session.config("spark.ui.enabled", "false").getOrCreate())
    rows = random_rows(300)
    table = connection.create_view("business_time_pairs", ibis.memtable(rows), overwrite=True)
    assert_equal_to_the_calendar(table, rows, OFFICE)


def test_a_span_that_is_given_bounds_what_is_counted():
    rows = pd.DataFrame({"i": [0, 1], "a": ["2024-03-04T10:00Z", "2024-03-04T10:00Z"],
                         "b": ["2024-03-04T12:00Z", "2024-06-04T12:00Z"]})  # fmt: skip
    rows = rows.astype(dict.fromkeys("ab", "datetime64[us, UTC]"))
    table = ibis.memtable(rows)
    found = in_engine(business_seconds(table, "a", "b", OFFICE, ("2024-03-01T00:00Z", "2024-03-31T00:00Z"), "used_s"))
    assert found["used_s"].isna().tolist() == [False, True], "what lies outside the span is missing, not wrong"
    assert found.columns.tolist() == ["i", "a", "b", "used_s"]
    with pytest.raises(InputError, match="ends before it begins"):
        business_seconds(table, "a", "b", OFFICE, ("2024-03-31T00:00Z", "2024-03-01T00:00Z"))


def test_no_rows_and_only_missing_instants():
    rows = random_rows(8).assign(b=pd.Series([pd.NaT] * 8, dtype="datetime64[us, UTC]"))
    found = in_engine(business_seconds(ibis.memtable(rows), "b", "b", OFFICE))
    assert found["business_s"].isna().all()
    none = in_engine(business_add(ibis.memtable(random_rows(8).head(0)), "a", "w", OFFICE))
    assert len(none) == 0
