"""Times as people write them: each format comes back as the instant that was written."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features import InputError
from deskcast.features.readers.timestamps import detect_date_order, detect_time_format, parse_times
from hypothesis import given, settings
from hypothesis import strategies as st

moments = st.lists(
    st.datetimes(pd.Timestamp("1995-01-01").to_pydatetime(), pd.Timestamp("2034-12-31").to_pydatetime()),
    min_size=1,
    max_size=20,
).map(lambda found: [m.replace(second=0, microsecond=0) for m in found])


def written(moments, form):
    """Write moments as a person would: with or without zeros before single digits."""
    texts = {
        "iso": lambda m: m.strftime("%Y-%m-%d %H:%M"),
        "iso T": lambda m: m.strftime("%Y-%m-%dT%H:%M:%S"),
        "loose iso": lambda m: f"{m.year}-{m.month}-{m.day} {m.hour}:{m.minute:02d}",
        "slashed iso": lambda m: m.strftime("%Y/%m/%d %H:%M"),
        "day first": lambda m: f"{m.day}/{m.month}/{m.year} {m.hour}:{m.minute:02d}",
        "dots": lambda m: m.strftime("%d.%m.%Y %H:%M"),
        "month first": lambda m: f"{m.month}/{m.day}/{m.year} {m.hour}:{m.minute:02d}",
        "american": lambda m: m.strftime("%m/%d/%Y %I:%M %p"),
        "worded": lambda m: m.strftime("%d-%b-%Y %H:%M"),
        "jira": lambda m: m.strftime("%d/%b/%y %I:%M %p"),
        "epoch_s": lambda m: str(int(pd.Timestamp(m, tz="UTC").timestamp())),
        "epoch_ms": lambda m: str(int(pd.Timestamp(m, tz="UTC").timestamp() * 1000)),
    }
    return pd.Series([texts[form](m) for m in moments], dtype="str")


FORMS = ["iso", "iso T", "loose iso", "slashed iso", "worded", "jira", "epoch_s", "epoch_ms"]


@settings(max_examples=40, deadline=None)
@given(found=moments, form=st.sampled_from(FORMS))
def test_unambiguous_formats_come_back(found, form):
    times = parse_times(written(found, form))
    assert not times.bad.any()
    assert times.instants.dt.tz_localize(None).tolist() == [pd.Timestamp(m) for m in found]


@settings(max_examples=40, deadline=None)
@given(found=moments, form=st.sampled_from(["day first", "dots", "month first", "american"]))
def test_the_whole_column_decides_between_day_and_month(found, form):
    found = [*found, pd.Timestamp("2024-03-31 09:00").to_pydatetime()]  # one value that tells
    times = parse_times(written(found, form))
    assert times.format.order == ("month" if form in ("month first", "american") else "day")
    assert not times.format.ambiguous
    assert times.instants.dt.tz_localize(None).tolist() == [pd.Timestamp(m) for m in found]


def test_a_column_that_does_not_tell_says_so_and_takes_the_order_of_the_others():
    vague = pd.Series(["3/4/2024 10:00", "5/6/2024 10:00"])
    assert detect_time_format(vague).ambiguous
    assert parse_times(vague).instants.dt.month.tolist() == [4, 6]
    order = detect_date_order([vague, pd.Series(["1/31/2024 10:00"])])
    assert order == "month"
    assert parse_times(vague, order=order).instants.dt.month.tolist() == [3, 5]


def test_seconds_may_be_there_or_not_within_a_column():
    mixed = pd.Series(["13/4/2024", "14/4/2024 9:05", "15/04/2024 09:05:30"])
    read = parse_times(mixed)
    assert not read.bad.any()
    assert read.instants.dt.strftime("%d %H:%M:%S").tolist() == ["13 00:00:00", "14 09:05:00", "15 09:05:30"]


def test_stated_format_wins():
    values = pd.Series(["2024-05-06", "06/05/2024"])
    read = parse_times(values, date_format="%d/%m/%Y")
    assert read.bad.tolist() == [True, False]
    assert read.instants.iloc[1] == pd.Timestamp("2024-05-06", tz="UTC")


def test_offsets_are_honoured_or_cut_off():
    values = pd.Series(["2024-01-05T09:00:00+02:00", "2024-07-05 09:00:00+0300", "2024-07-05T09:00:00Z"])
    assert parse_times(values, "Europe/Rome").instants.dt.hour.tolist() == [7, 6, 9]
    cut = parse_times(values, "Europe/Rome", ignore_offset=True).instants
    assert cut.dt.tz_convert("Europe/Rome").dt.hour.tolist() == [9, 9, 9]
    stated = parse_times(values.head(1), "Europe/Rome", date_format="%Y-%m-%dT%H:%M:%S%z", ignore_offset=True)
    assert stated.instants.dt.tz_convert("Europe/Rome").dt.hour.tolist() == [9]


def test_gap_and_overlap_follow_the_stated_rule_and_are_counted():
    values = pd.Series(["2024-03-31 02:30", "2024-10-27 02:30", "2024-10-27 02:30", "2024-06-01 12:00"])
    read = parse_times(values, "Europe/Berlin")
    assert (read.gap, read.overlap) == (1, 2)
    assert read.instants.iloc[0] == pd.Timestamp("2024-03-31T01:00Z")  # the first instant after the gap
    assert read.instants.iloc[1] == pd.Timestamp("2024-10-27T00:30Z")  # the first of the two


def test_missing_stays_missing_and_is_not_bad():
    read = parse_times(pd.Series(["2024-01-01", None, "soon"], dtype="str"))
    assert read.instants.isna().tolist() == [False, True, True]
    assert read.bad.tolist() == [False, False, True]


@pytest.mark.parametrize("values", [["red", "green"], ["1", "2"], ["12.5", "13.5"], ["AB-12", "AB-13"]])
def test_what_is_no_time_is_not_taken_for_one(values):
    assert detect_time_format(pd.Series(values)) is None


def test_typed_times_pass_through():
    values = pd.Series(pd.to_datetime(["2024-01-01T09:00+01:00"]))
    assert parse_times(values, "Asia/Tokyo").instants.iloc[0] == pd.Timestamp("2024-01-01T08:00Z")
    naive = pd.Series(pd.to_datetime(["2024-01-01T09:00"]))
    assert parse_times(naive, "Asia/Tokyo").instants.iloc[0] == pd.Timestamp("2024-01-01T00:00Z")
    assert str(parse_times(naive).instants.dtype) == "datetime64[us, UTC]"


def test_repeated_values_are_read_as_one_by_one():
    rng = np.random.default_rng(3)
    pool = pd.Series(["1/2/2024 08:00", "17/2/2024 8:05", "x", None], dtype="str")
    values = pool.take(rng.integers(0, 4, 200)).reset_index(drop=True)
    whole = parse_times(values)
    alone = {v: parse_times(pool).instants[i] for i, v in enumerate(pool) if isinstance(v, str)}
    for value, instant in zip(values, whole.instants, strict=True):
        assert pd.isna(instant) if not isinstance(value, str) or value == "x" else instant == alone[value]


def test_unknown_zone_is_named():
    with pytest.raises(InputError, match=r"unknown time zone.*Lisboa"):
        parse_times(pd.Series(["2024-01-01"]), "Europe/Lisboa")
