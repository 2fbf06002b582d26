"""Periods on local clocks: against pandas' own zones, minute by minute."""

import ibis
import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.periods import (
    floor_to_period,
    list_periods,
    local_time,
    parse_period_frequency,
    period_start,
    zone_offsets,
)
from deskcast.features.errors import InputError

ZONES = ["Europe/Amsterdam", "America/Sao_Paulo", "Asia/Kolkata", "Africa/Casablanca", "UTC"]
SPAN = pd.Timestamp("2017-10-01T10:07Z"), pd.Timestamp("2018-06-20T05:00Z")


@pytest.fixture(scope="module")
def instants():
    rng = np.random.default_rng(0)
    at = SPAN[0] + pd.to_timedelta(rng.integers(0, int((SPAN[1] - SPAN[0]).total_seconds() * 1e6), 20_000), unit="us")
    connection = ibis.duckdb.connect()
    connection.raw_sql("SET TimeZone = 'UTC'")
    return connection.create_table("instants", pd.DataFrame({"at": at.as_unit("us")}))


@pytest.mark.parametrize("timezone", ZONES)
def test_local_time_is_that_of_the_zone(instants, timezone):
    table = instants.mutate(local=local_time(instants.at, timezone, *SPAN)).execute()
    expected = table["at"].dt.tz_convert(timezone).dt.tz_localize(None)
    pd.testing.assert_series_equal(table["local"], expected, check_names=False)


@pytest.mark.parametrize("timezone", ZONES)
@pytest.mark.parametrize("freq", ["5min", "30min", "90min", "h", "D", "W", "MS", "QS", "6MS"])
def test_query_floor_and_list_agree(instants, timezone, freq):
    table = instants.mutate(ds=period_start(instants.at, freq, timezone, *SPAN)).execute()
    sample = table.sample(300, random_state=1)
    local = sample["at"].dt.tz_convert(timezone).dt.tz_localize(None)
    assert sample["ds"].tolist() == [floor_to_period(t, freq) for t in local]
    listed = list_periods(*SPAN, freq, timezone)
    whole = table[table["at"] < listed["ends_at"].iloc[-1]]
    assert set(whole["ds"]) <= set(listed["ds"])
    assert listed["ds"].is_unique
    assert listed["ds"].is_monotonic_increasing
    if parse_period_frequency(freq).minutes is None or parse_period_frequency(freq).minutes >= 60:
        assert (listed["starts_at"].iloc[1:].to_numpy() == listed["ends_at"].iloc[:-1].to_numpy()).all()
        assert ((listed["ends_at"] - listed["starts_at"]).dt.total_seconds() == listed["seconds"]).all()
    at = whole["at"].to_numpy()
    place = listed.set_index("ds").loc[whole["ds"]]
    assert ((place["starts_at"].to_numpy() <= at) & (at < place["ends_at"].to_numpy())).all()


@pytest.mark.parametrize(("freq", "hours"), [("D", [24, 23, 24]), ("h", None)])
def test_the_day_on_which_the_clock_goes_forward(freq, hours):
    table = list_periods(pd.Timestamp("2024-03-29T23:00Z"), pd.Timestamp("2024-04-01T22:00Z"), freq, "Europe/Amsterdam")
    if hours:
        assert (table["seconds"] / 3600).tolist() == hours
    else:
        assert pd.Timestamp("2024-03-31 02:00") not in set(table["ds"])
        assert len(table) == 71


def test_the_hour_that_comes_twice_is_one_slot_of_twice_the_length():
    span = pd.Timestamp("2024-10-26T22:00Z"), pd.Timestamp("2024-10-27T23:00Z")
    for freq, size in (("h", 3600), ("15min", 900)):
        table = list_periods(*span, freq, "Europe/Amsterdam").set_index("ds")["seconds"]
        assert table.sum() == 25 * 3600
        assert table[pd.Timestamp("2024-10-27 02:00")] == 2 * size
        assert table[pd.Timestamp("2024-10-27 03:00")] == size


def test_zones_that_change_more_than_twice_a_year():
    # Morocco: summer time from 25 March 2018, suspended for Ramadan from 13 May to 17 June 2018
    days = [str(at)[:10] for at, _ in zone_offsets("Africa/Casablanca", *SPAN)[1:]]
    assert days == ["2017-10-29", "2018-03-25", "2018-05-13", "2018-06-17"]


def test_the_period_that_holds_the_end_is_not_whole():
    start = pd.Timestamp("2024-03-01T00:00Z")
    assert len(list_periods(start, pd.Timestamp("2024-03-31T23:59:59Z"), "MS", "UTC")) == 0
    assert len(list_periods(start, pd.Timestamp("2024-04-01T00:00Z"), "MS", "UTC")) == 1


@pytest.mark.parametrize(("name", "hint"), [("7min", "15min"), ("0min", "15min"), ("weekly", "'W'"), ("", "known")])
def test_other_frequencies_are_named(name, hint):
    with pytest.raises(InputError, match=hint):
        parse_period_frequency(name)


def test_a_zone_that_does_not_exist_is_named():
    with pytest.raises(InputError, match="Europe/Amsterdm"):
        list_periods(*SPAN, "D", "Europe/Amsterdm")
