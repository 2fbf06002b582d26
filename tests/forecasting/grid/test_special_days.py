from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.errors import InputError
from deskcast.forecasting import forecast
from deskcast.forecasting.grid.grid import make_grid
from deskcast.forecasting.grid.known_days import holiday_names
from deskcast.forecasting.grid.special_days import mark_special_days
from volumes import panel

CAMPAIGNS = [("campaign", f"2024-0{m}-10", f"2024-0{m}-11") for m in (2, 3, 4, 5)]


def flat(days=140, level=100.0, name="all"):
    stamps = pd.date_range("2024-01-01", periods=days)
    return pd.DataFrame({"unique_id": name, "ds": stamps, "y": level})


def with_campaign(history, factor):
    days = history["ds"].dt.strftime("%Y-%m-%d")
    busy = pd.Series(False, index=history.index)
    for _, start, end in CAMPAIGNS:
        busy |= (days >= start) & (days <= end)
    return history.assign(y=history["y"].where(~busy, history["y"] * factor))


def test_a_factor_is_learnt_and_shrunk_by_the_number_of_days():
    history = with_campaign(flat(), 2.0)  # to 19 May: eight days of campaign
    events = [*CAMPAIGNS, ("campaign", "2024-05-22", "2024-05-22")]
    ahead = forecast(history, 7, "D", events=events).set_index("ds")
    assert ahead.loc["2024-05-22", "same_slot"] == pytest.approx(100 * (1 + 8 / 8.5))
    assert ahead.loc["2024-05-21", "same_slot"] == pytest.approx(100.0)  # ordinary days are not touched


def test_a_kind_without_a_past_counts_as_ordinary_and_is_named():
    ahead = forecast(flat(), 7, "D", events=[{"name": "fair", "start": "2024-05-21", "end": "2024-05-22"}])
    assert (ahead["same_slot"] == 100).all()
    assert any("'fair' has no past day" in note for note in ahead.attrs["notes"])


def test_holidays_borrow_from_one_another():
    history = flat(500)
    low = history["ds"].isin(pd.to_datetime(["2024-04-25", "2024-05-01", "2024-06-10", "2024-08-15", "2025-05-01"]))
    history["y"] = history["y"].where(~low, 20.0)
    special, _ = mark_special_days(make_grid(history, 60, "D"), "PT")
    factors = dict(zip(special.names, special.factors(500), strict=True))
    assert factors["Labor Day"] < factors["Christmas Day"] < 1  # Christmas Day 2024 was as any other day


def test_nothing_is_learnt_from_after_the_origin():
    grid = make_grid(with_campaign(flat(), 3.0), 7, "D")
    special, _ = mark_special_days(grid, events=CAMPAIGNS)
    start = 31 + 9  # 10 February, the first day of the first campaign
    assert special.factors(start).tolist() == [1.0]
    assert special.factors(start + 1)[0] == pytest.approx(1 + 2 / 1.5)
    assert special.factors(start + 2)[0] == pytest.approx(1 + 2 * 2 / 2.5)


def test_one_wild_day_teaches_little():
    history = flat()
    history.loc[history["ds"] == "2024-03-10", "y"] = 1e9
    special, _ = mark_special_days(make_grid(history, 7, "D"), events=CAMPAIGNS)
    assert special.factors(140)[0] < 1.6


def test_events_may_be_a_frame_rows_or_objects():
    history = with_campaign(panel(3), 1.5)
    frame = pd.DataFrame(CAMPAIGNS, columns=["name", "start", "end"])
    shapes = [frame, CAMPAIGNS, frame.to_dict("records"), [SimpleNamespace(**r) for r in frame.to_dict("records")]]
    tables = [forecast(history, 14, "D", events=shape) for shape in shapes]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(tables[0], table)


def test_known_special_days_do_not_disturb_the_ordinary_ones():
    quiet, loud = panel(5), with_campaign(panel(5), 4.0)
    ahead = [forecast(h, 14, "D", events=CAMPAIGNS)["same_slot"] for h in (quiet, loud)]
    np.testing.assert_array_equal(*ahead)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"holidays": "Atlantis"}, "unknown country"),
        ({"holidays": ["2024-13-01"]}, "not a valid date"),
        ({"holidays": [None]}, "missing day"),
        ({"holidays": 7}, "not a valid country or list of dates"),
        ({"events": [("fair", "2024-03-05", "2024-03-01")]}, "'fair'.*ends before it starts"),
        ({"events": [("fair", "2024-03-05")]}, "row 1: not a valid event"),
        ({"events": pd.DataFrame({"name": ["fair"], "start": ["2024-03-01"]})}, "'end'.*missing"),
        ({"events": "fair"}, "not a valid list of events"),
        ({"events": [("fair", None, "2024-03-01")]}, "missing day"),
    ],
)
def test_bad_days_are_named(arguments, said):
    with pytest.raises(InputError, match=said):
        forecast(flat(), 7, "D", **arguments)


def test_holidays_are_read_as_a_calendar_reads_them():
    span = np.array(["2024-12-01", "2025-01-02"], dtype="datetime64[D]")
    own = np.datetime64("2024-12-24")
    for given in ("pt, 2024-12-24", ["PT", "2024-12-24"], ("PT", pd.Timestamp("2024-12-24"))):
        names = holiday_names(given, span)
        assert names == holiday_names("PT", span) | {own: "holiday"}
    assert names[np.datetime64("2025-01-01")] == "New Year's Day"
    assert holiday_names("", span) == holiday_names(None, span) == holiday_names([], span) == {}
    closed = BusinessCalendar.from_hours("UTC", {"mon-sun": ["00:00-24:00"]}, ["PT", "2024-12-24"])
    days = pd.date_range("2024-12-01", "2025-01-02", tz="UTC")
    assert set(days[~closed.is_open(days)].strftime("%Y-%m-%d")) == {str(d) for d in names if span[0] <= d <= span[-1]}


def test_weeks_and_months_say_that_events_have_no_part():
    weeks = flat(20).assign(ds=pd.date_range("2024-01-01", periods=20, freq="7D"))
    fair = [("fair", "2024-03-01", "2024-03-02")]
    assert any("no part" in note for note in forecast(weeks, 2, "W", events=fair).attrs["notes"])


def test_weeks_with_holidays_bring_less():
    stamps = pd.date_range("2022-01-03", periods=120, freq="7D")
    off = [str((day + pd.Timedelta(days=2)).date()) for day in stamps[3::9]]
    y = np.where(np.isin(np.arange(120), np.arange(3, 120, 9)), 400.0, 500.0)
    ahead = forecast(pd.DataFrame({"unique_id": "all", "ds": stamps[:118], "y": y[:118]}), 2, "W", holidays=off)
    now = [str((stamps[118] + pd.Timedelta(days=2)).date()), *off]
    less = forecast(pd.DataFrame({"unique_id": "all", "ds": stamps[:118], "y": y[:118]}), 2, "W", holidays=now)
    assert less["deskcast"].iloc[0] < 0.93 * ahead["deskcast"].iloc[0]


@pytest.mark.parametrize(
    ("years", "said"),
    [((2023,), True), ((2022, 2023), True), ((2022, 2023, 2024), False)],
)
@pytest.mark.parametrize("kind", ["holidays", "calendar"])
def test_a_list_of_holidays_that_ends_before_the_forecast_is_said(years, said, kind):
    """A list up to Christmas 2023, and a forecast to 1 April 2024: New Year's Day counts as any other day."""
    days = [f"{year}-{day}" for year in years for day in ("01-01", "05-01", "12-25")]
    given = {"holidays": days}
    if kind == "calendar":
        hours = {"mon-sun": ["00:00-24:00"]}
        given = {"calendar": BusinessCalendar.from_hours("UTC", hours, holidays=days)}
    history = flat(330).assign(ds=pd.date_range("2023-01-10", periods=330))
    ahead = forecast(history, 118, "D", windows=2, **given)
    ends = [note for note in ahead.attrs["notes"] if "list of holidays ends" in note]
    assert bool(ends) is said
    if said:
        assert "ends on 25 Dec 2023 and the forecast on 1 Apr 2024" in ends[0]


def test_a_country_has_no_end_and_a_list_without_days_to_come_is_whole():
    history = flat(330).assign(ds=pd.date_range("2023-01-10", periods=330))
    for holidays in ("PT", ["2023-12-25"], ["2023-03-21", "2024-03-31"]):
        ahead = forecast(history, 118, "D", windows=2, holidays=holidays)
        assert not any("list of holidays ends" in note for note in ahead.attrs["notes"])


@pytest.mark.parametrize(("odd", "low", "high"), [(1.0, 0.52, 0.68), (0.1, 0.34, 0.5)])
def test_an_odd_last_year_of_a_holiday_is_one_year_of_many(odd, low, high):
    days = pd.date_range("2019-01-07", "2024-05-10")
    holidays = [d for d in pd.date_range("2019-05-01", "2024-05-31") if d.month == 5 and d.day_of_week == 2]
    holidays = [d for d in holidays if 15 <= d.day <= 21]
    factor = pd.Series(1.0, index=days)
    factor[holidays[:-2]], factor[holidays[-2]] = 0.5, odd
    rng = np.random.default_rng(4)
    week = np.array([1.2, 1.1, 1.0, 1.0, 1.0, 0.4, 0.3])[days.day_of_week]
    y = rng.poisson(2000 * week * factor * np.exp(rng.normal(0, 0.03, len(days)))).astype(float)
    history = pd.DataFrame({"unique_id": "a", "ds": days, "y": y})
    ahead = forecast(history, 14, "D", holidays=[str(d.date()) for d in holidays], models="core").set_index("ds")
    assert low < ahead["deskcast"][holidays[-1]] / ahead["deskcast"][holidays[-1] + pd.Timedelta(days=7)] < high
