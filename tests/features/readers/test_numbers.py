"""Numbers, durations and labels of intervals as exports write them: what is written is what is read."""

from __future__ import annotations

import pandas as pd
import pytest
from deskcast.features.readers.elapsed import parse_elapsed, unit_of_name
from deskcast.features.readers.interval_labels import count_of_index, parse_interval_labels
from deskcast.features.readers.numbers import detect_number_format, parse_numbers
from hypothesis import given, settings
from hypothesis import strategies as st

MARKS = [(",", "."), (".", ","), ("\u00a0", ","), ("\u202f", ","), ("'", "."), (" ", ".")]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 5_000_000), min_size=3, max_size=30), st.sampled_from(MARKS))
def test_counts_are_read_whatever_stands_between_their_thousands(counts, marks):
    counts = [*counts, 1204]
    written = pd.Series([f"{n:,}".replace(",", marks[0]) for n in counts])
    assert parse_numbers(written, whole=True).tolist() == counts


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 10_000_000), min_size=3, max_size=30), st.sampled_from(MARKS))
def test_amounts_are_read_by_the_marks_of_the_column(cents, marks):
    values = [c / 100 for c in [*cents, 120_450]]
    swap = {",": marks[0], ".": marks[1]}
    written = pd.Series(["".join(swap.get(c, c) for c in f"{v:,.2f}") for v in values])
    assert parse_numbers(written).tolist() == pytest.approx(values)


@pytest.mark.parametrize(
    ("values", "read"),
    [
        (["80,0 %", "7,5 %"], [80.0, 7.5]),
        (["80%", "7.5%"], [80.0, 7.5]),
        (["1e3", "2"], [1000.0, 2.0]),
        (["-1,204", "15"], [-1204.0, 15.0]),
        (["£1,204.50", "-£15.00", "£ 3"], [1204.5, -15.0, 3.0]),
        (["1.204,50 €", "-15,00€"], [1204.5, -15.0]),
        (["$.50", "$-12.25", "12.25"], [0.5, -12.25, 12.25]),
        (["R$ 1.204,50", "3,00"], [1204.5, 3.0]),
        (["1 204,50 kr", "12,50 kr."], [1204.5, 12.5]),
        (["CHF 1'204.50", "12.50 EUR", "₺7.00"], [1204.5, 12.5, 7.0]),
    ],
)
def test_percents_and_signs(values, read):
    assert parse_numbers(pd.Series(values)).tolist() == read


def test_a_fraction_with_three_digits_is_no_thousand():
    assert parse_numbers(pd.Series(["0.512", "1.204"])).tolist() == [0.512, 1.204]
    assert detect_number_format(pd.Series(["1.204", "1500"]), whole=True).ambiguous
    assert not detect_number_format(pd.Series(["1.204", "150"]), whole=True).ambiguous


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 400_000), min_size=1, max_size=20))
def test_durations_are_read_in_every_form(seconds):
    clock = pd.Series([f"{s // 3600}:{s // 60 % 60:02d}:{s % 60:02d}" for s in seconds])
    words = pd.Series([f"{s // 3600} h {s // 60 % 60} min {s % 60} s" for s in seconds])
    short = pd.Series([f":{s % 60:02d}" if s % 3600 < 60 else f"{s % 3600 // 60}:{s % 60:02d}" for s in seconds])
    assert parse_elapsed(clock).seconds.tolist() == seconds
    assert parse_elapsed(words).seconds.tolist() == seconds
    assert parse_elapsed(short).seconds.tolist() == [s % 3600 for s in seconds]
    for unit, size in (("ms", 0.001), ("min", 60.0), ("h", 3600.0), ("d", 86400.0)):
        written = pd.Series([repr(s / size) for s in seconds])
        assert parse_elapsed(written, unit).seconds.tolist() == pytest.approx(seconds)


def test_what_is_no_duration_is_bad():
    read = parse_elapsed(pd.Series(["soon", None, "12"]))
    assert read.bad.tolist() == [True, False, False]
    assert parse_elapsed(pd.Series(["25 Days 6 Hours 33 Minutes"])).seconds.tolist() == [
        25 * 86400 + 6 * 3600 + 33 * 60
    ]
    assert [unit_of_name(n) for n in ("ACW_Seconds", "AHT (min)", "Service Level 20 seconds", "Hold")] == [
        "s",
        "min",
        "",
        "",
    ]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 95))
def test_labels_of_an_interval_agree_in_every_form(quarter):
    start = quarter * 900
    hour, minute = start // 3600, start // 60 % 60
    half = f"{hour % 12 or 12}:{minute:02d} {'PM' if hour >= 12 else 'AM'}"
    end = start + 900
    written = [
        f"{hour}:{minute:02d}",
        f"{hour:02d}:{minute:02d}:00",
        f"{hour:02d}{minute:02d}",
        half,
        half.replace(" ", ""),
    ]
    written.append(f"{hour:02d}:{minute:02d} - {end // 3600:02d}:{end // 60 % 60:02d}")
    assert parse_interval_labels(pd.Series(written))["start_s"].tolist() == [start] * len(written)


def test_an_index_counts_the_intervals_of_a_day():
    assert count_of_index(pd.Series(range(1, 97)).astype("str")) == 96
    assert count_of_index(pd.Series(range(1, 31)).astype("str")) == 0
