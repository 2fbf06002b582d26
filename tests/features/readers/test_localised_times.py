"""Times in other languages, clocks and numbers: read as what they are, or not at all."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from deskcast.features.readers.date_order import decide_by_rows, decide_date_order, describe_both_orders
from deskcast.features.readers.localised_times import translate_time
from deskcast.features.readers.timestamps import detect_time_format, parse_times
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = {
    language.strip(): months.split()
    for language, months in (
        line.split(":")
        for line in """
        German: Januar Februar März April Mai Juni Juli August September Oktober November Dezember
        Austrian: Jänner Feber März April Mai Juni Juli August September Oktober November Dezember
        German, short: Jan. Feb. Mrz. Apr. Mai Jun. Jul. Aug. Sep. Okt. Nov. Dez.
        French: janvier février mars avril mai juin juillet août septembre octobre novembre décembre
        French, short: janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.
        Spanish: enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
        Portuguese: janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
        Italian: gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
        Dutch: januari februari maart april mei juni juli augustus september oktober november december
        Polish: stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia
        English: January February March April May June July August September October November December
        """.strip().splitlines()
    )
}
MOMENTS = st.lists(st.datetimes(dt.datetime(2001, 1, 1), dt.datetime(2039, 1, 1)), min_size=3, max_size=12, unique=True)


@settings(max_examples=25)
@given(
    moments=MOMENTS,
    language=st.sampled_from(list(NAMES)),
    form=st.sampled_from(["{d}. {m} {y} {t}", "{d} {m} {y} {t}", "{d} de {m} de {y} {t}", "{d}-{m}-{y} {t}"]),
)
def test_months_by_name_come_back(moments, language, form):
    whole = [m.replace(second=0, microsecond=0) for m in moments]
    texts = [form.format(d=m.day, m=NAMES[language][m.month - 1], y=m.year, t=f"{m:%H:%M}") for m in whole]
    times = parse_times(pd.Series(texts))
    assert not times.bad.any()
    assert times.instants.dt.tz_localize(None).tolist() == whole


@settings(max_examples=20)
@given(moments=MOMENTS, unit=st.sampled_from([1, 10**3, 10**6, 10**9]))
def test_epochs_of_every_unit_come_back(moments, unit):
    whole = [m.replace(microsecond=0) for m in moments]
    numbers = [str(int(m.replace(tzinfo=dt.UTC).timestamp()) * unit) for m in whole]
    assert parse_times(pd.Series(numbers)).instants.dt.tz_localize(None).tolist() == whole


@settings(max_examples=20)
@given(
    moments=MOMENTS,
    start=st.sampled_from([("excel", dt.datetime(1899, 12, 30)), ("excel1904", dt.datetime(1904, 1, 1))]),
)
def test_days_of_both_calendars_of_a_workbook_come_back(moments, start):
    whole = [m.replace(microsecond=0) for m in moments]
    numbers = [f"{(m - start[1]).total_seconds() / 86400:.7f}" for m in whole]
    read = parse_times(pd.Series(numbers), date_format=None if start[0] == "excel" else "excel1904")
    assert read.instants.dt.tz_localize(None).tolist() == whole


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("01/03/2023 08:07:00 p. m.", "01/03/2023 08:07:00 PM"),
        ("1/3/2023 9:05 a.m.", "1/3/2023 9:05 AM"),
        ("01.03.2023 09.30", "01.03.2023 09:30"),
        ("01/03/2023 9h05", "01/03/2023 9:05"),
        ("mar 3 mag 2023", "3 May 2023"),
        ("mié., 3 mayo 2023 17:05", "3 May 2023 17:05"),
        ("2023-03-01T09:00:00Z", "2023-03-01T09:00:00Z"),
        ("In Bearbeitung", "In Bearbeitung"),
        ("INC001", "INC001"),
    ],
)
def test_one_time_in_plain_words(text, right):
    assert translate_time(text) == right


def test_a_column_may_mix_separators():
    times = parse_times(pd.Series(["01-03-2023 09:00", "13/03/2023 14:07", "02.03.2023"]))
    assert times.instants.dt.strftime("%d %H:%M").tolist() == ["01 09:00", "13 14:07", "02 00:00"]


def test_the_span_of_the_days_tells_day_and_month_apart():
    days = pd.Series([f"0{d}/03/2024" for d in range(1, 10)])
    assert decide_date_order(days, "") == ("day", False)
    assert decide_date_order(days.str.replace(r"(\d+)/(\d+)", r"\2/\1", regex=True), "") == ("month", False)
    assert decide_date_order(pd.Series(["03/04/2024", "05/06/2024"]), "")[1]
    assert decide_date_order(pd.Series(["03/04/2024", "05/06/2024"]), "month") == ("month", True)
    assert describe_both_orders(["13/04/2024", "04/04/2024"], "day") == ""


def test_plain_numbers_are_no_times():
    assert detect_time_format(pd.Series(["12", "345", "99999"])) is None


@settings(max_examples=25, deadline=None)
@given(
    st.datetimes(dt.datetime(1995, 1, 1), dt.datetime(2034, 12, 31)),
    st.sampled_from(["%Y%m%d", "%d.%m.%Y", "%Y-%m-%d"]),
)
def test_a_clock_of_digits_beside_a_date_is_a_clock(at, day):
    at = at.replace(microsecond=0)
    for clock, exact in (("%H%M", at.replace(second=0)), ("%H%M%S", at)):
        text = f"{at:{day}} {at:{clock}}"
        read = parse_times(pd.Series([text]), order="day").instants[0]
        assert read == pd.Timestamp(exact, tz="UTC")


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 400), st.sampled_from([20, 120, 360]), st.sampled_from(["day", "month"]), st.booleans())
def test_day_or_month_by_the_rows_is_right_or_nothing(seed, span, order, two):
    rng = np.random.default_rng(seed)
    opened = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.integers(0, span, 60)), unit="D")
    ended = opened + pd.to_timedelta(rng.integers(0, 9, 60), unit="D")
    unclear = (opened.day <= 12) & (ended.day <= 12)
    form = "%d/%m/%Y" if order == "day" else "%m/%d/%Y"
    columns = [pd.Series(t[unclear].strftime(form)) for t in (opened, ended)]
    assert decide_by_rows(columns if two else columns[:1]) in ("", order)


def test_short_times_tell_that_the_month_stands_first():
    opened = [f"{m}/{d}/2024" for m in (1, 2, 3) for d in range(2, 9)]
    closed = [f"{m}/{d + 2}/2024" for m in (1, 2, 3) for d in range(2, 9)]
    assert decide_by_rows([pd.Series(opened), pd.Series(closed)]) == "month"
    assert decide_by_rows([pd.Series(opened)]) == ""
