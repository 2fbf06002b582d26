import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.errors import InputError
from deskcast.forecasting import forecast
from deskcast.forecasting.grid.frequency import parse_frequency
from deskcast.forecasting.grid.grid import make_grid
from deskcast.forecasting.grid.slot_states import CLOSED, MISSING, OPEN, OUTAGE, PARTIAL, find_outages, read_outages
from hypothesis import given
from hypothesis import strategies as st


def rows(stamps, y=None, name="all"):
    values = np.arange(1.0, len(stamps) + 1) if y is None else y
    return pd.DataFrame({"unique_id": name, "ds": pd.to_datetime(stamps), "y": values})


@given(
    st.sampled_from(["5min", "15min", "30min", "h", "D", "W", "MS"]),
    st.datetimes(pd.Timestamp("1971-01-01"), pd.Timestamp("2099-01-01")),
    st.integers(0, 6),
)
def test_a_stamp_and_its_slot_number_are_inverse(freq, when, anchor):
    frequency, anchor = parse_frequency(freq), anchor if freq == "W" else 0
    number, _ = frequency.number(np.array([when], dtype="datetime64[us]"), anchor)
    start = frequency.stamps(number, anchor)
    assert start[0] <= np.datetime64(when)
    assert frequency.stamps(number + 1, anchor)[0] > np.datetime64(when)
    again, exact = frequency.number(start, anchor)
    assert again[0] == number[0]
    assert exact[0]


@pytest.mark.parametrize("freq", ["7min", "2h", "Q", "", None, "0min"])
def test_an_unknown_frequency_is_refused(freq):
    with pytest.raises(InputError, match="freq"):
        parse_frequency(freq)


def test_a_slot_without_a_row_is_missing_and_named():
    grid = make_grid(rows(["2024-03-01", "2024-03-02", "2024-03-05"], name="chat"), 2, "D")
    assert np.isnan(grid.y[0]).tolist() == [False, False, True, True, False]
    assert "'chat' 2 (from Sun 3 Mar 2024)" in grid.notes[0]


def test_a_late_start_is_no_gap():
    both = pd.concat([rows(pd.date_range("2024-03-01", periods=9), name="a"), rows(["2024-03-09"], name="b")])
    grid = make_grid(both, 1, "D")
    assert grid.notes == ()
    assert np.isnan(grid.y[1, :8]).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.iloc[:0], "no rows"),
        (lambda f: f.drop(columns="y"), "'y'"),
        (lambda f: f.rename(columns={"unique_id": "unique"}), "did you mean 'unique'"),
        (lambda f: f.assign(y=[1.0, -2.0, 3.0]), r"series 'all': column 'y', row 2: .*negative.*-2"),
        (lambda f: f.assign(y=[1.0, 2.0, np.inf]), r"series 'all': column 'y', row 3: .*infinite"),
        (lambda f: f.assign(y=["1", "two", "3"]), r"series 'all': column 'y', row 2: .*not a valid number.*'two'"),
        (lambda f: f.assign(y=np.nan), "missing values in all rows"),
        (lambda f: f.assign(ds=["2024-03-01", "soon", "2024-03-03"]), "row 2: not a valid time; got 'soon'"),
        (lambda f: f.assign(ds=f["ds"].where(f["ds"] != "2024-03-02")), "row 2: missing time"),
        (lambda f: f.assign(ds=f["ds"] + pd.Timedelta("9h")), "row 1: not the start of a time step"),
        (lambda f: pd.concat([f, f.iloc[[1]]]), r"series 'all': column 'ds', row 4: duplicate time stamp.*2024-03-02"),
        (lambda f: f.assign(unique_id=[None, "a", "b"]), "missing name of a series"),
    ],
)
def test_bad_input_is_named(change, said):
    with pytest.raises(InputError, match=said):
        make_grid(change(rows(["2024-03-01", "2024-03-02", "2024-03-03"])), 1, "D")


def test_a_stamp_of_another_age_does_not_fill_the_memory():
    frames = [rows(["1700-01-01", "2024-03-01"], name=f"s{i}") for i in range(20)]
    with pytest.raises(InputError, match=r"series 's0'.*row 1: .*too many time steps.*1700"):
        make_grid(pd.concat(frames), 1, "5min")


@pytest.mark.parametrize("horizon", [0, -1, 1.5, True, None])
def test_a_horizon_is_a_count(horizon):
    with pytest.raises(InputError, match="horizon"):
        make_grid(rows(["2024-03-01"]), horizon, "D")


def test_the_calendar_closes_slots_and_arrivals_there_are_told():
    calendar = BusinessCalendar.from_hours("Europe/Lisbon", {"mon-fri": ["09:00-18:00"]}, holidays=["2024-03-29"])
    week = rows(pd.date_range("2024-03-25", periods=7))
    grid = make_grid(week, 7, "D", calendar)
    assert grid.is_open[0].tolist() == [True] * 4 + [False] * 3 + [True] * 5 + [False] * 2
    assert "18 arrivals in 3 closed intervals" in grid.notes[-1]


def test_stamps_with_a_zone_are_read_on_the_clock_of_the_calendar():
    utc = rows(pd.date_range("2024-07-01 08:00", periods=3, freq="h", tz="UTC"))
    grid = make_grid(utc, 1, "h", BusinessCalendar.always("Europe/Lisbon"))
    assert str(grid.stamps(0, 1)[0]) == "2024-07-01T09:00:00.000000"


def test_changes_of_the_clock_give_days_of_23_and_25_hours():
    for day, hours, clock in (("2024-03-31", 23, 0.0), ("2024-10-27", 25, 2.0)):
        instants = pd.date_range(day, periods=hours, freq="h", tz="Europe/Lisbon")
        frame = pd.DataFrame({"unique_id": "all", "ds": instants.tz_convert("UTC"), "y": 10.0})
        grid = make_grid(frame, 24, "h", BusinessCalendar.always("Europe/Lisbon"))
        assert grid.length == 24
        assert grid.clock[1] == clock
        assert grid.clock[2:].tolist() == [1.0] * 46
        # a slot is a slot: the doubled hour is not a busy one, the skipped one not an empty one
        assert grid.y[0, 2:].tolist() == [10.0] * 22
        assert np.isnan(grid.y[0, 1]) if clock == 0 else grid.y[0, 1] == 10.0
        assert grid.notes == ()


def test_weeks_may_begin_on_any_day_but_on_one():
    sundays = pd.date_range("2024-01-07", periods=4, freq="7D")
    grid = make_grid(rows(sundays), 1, "W")
    assert grid.stamps(0, 4).tolist() == sundays.to_numpy(dtype="datetime64[us]").tolist()
    with pytest.raises(InputError, match="not the start of a time step"):
        make_grid(rows(["2024-01-07", "2024-01-15"]), 1, "W")


def test_text_is_read_as_iso_times_of_one_clock():
    grid = make_grid(rows(["2024-03-01", "2024-03-02"]).assign(ds=["2024-03-01", "2024-03-02"]), 1, "D")
    assert grid.y.tolist() == [[1.0, 2.0]]
    mixed = rows(["2024-03-01", "2024-03-02"]).assign(ds=["2024-03-31T00:00+00:00", "2024-04-01T00:00+01:00"])
    with pytest.raises(InputError, match="several offsets"):
        make_grid(mixed, 1, "D")


def test_a_month_is_closed_only_as_a_whole():
    march = [str(day.date()) for day in pd.date_range("2024-03-01", "2024-03-31")]
    calendar = BusinessCalendar.from_hours("Europe/Lisbon", {"mon-fri": ["09:00-18:00"]}, holidays=march)
    grid = make_grid(rows(["2024-01-01", "2024-02-01"]), 3, "MS", calendar)
    assert grid.is_open[0].tolist() == [True, True, False, True, True]


GOOD = rows(pd.date_range("2024-03-01", periods=60), name="good")


@pytest.mark.parametrize(
    ("change", "row", "said"),
    [
        (lambda f: f.assign(y=f["y"].where(f.index != 3, -2.0)), 64, "negative"),
        (lambda f: f.assign(y=f["y"].where(f.index != 4, np.inf)), 65, "infinite"),
        (lambda f: f.assign(y=f["y"].astype(object).where(f.index != 5, "many")), 66, "not a valid number"),
        (lambda f: pd.concat([f, f.iloc[[1]]]), 121, "duplicate time stamp"),
        (lambda f: f.assign(ds=f["ds"] + pd.Timedelta("2h")), 61, "not the start of a time step"),
        (lambda f: f.assign(ds=f["ds"].where(f.index != 6)), 67, "missing time"),
        (lambda f: f.assign(ds=f["ds"].where(f.index != 6, pd.Timestamp("1700-01-01"))), None, ""),
    ],
)
def test_a_bad_series_is_named_and_leaves_the_others_as_they_are(change, row, said):
    bad = change(rows(pd.date_range("2024-03-01", periods=60), name="bad"))
    table, alone = forecast(pd.concat([GOOD, bad]), 7, "D"), forecast(GOOD, 7, "D")
    if row is None:  # a day far off is a gap, as long as the grid is not too large
        assert "series 'bad'" in " ".join(table.attrs["notes"])
        return
    pd.testing.assert_frame_equal(table, alone)
    (refused,) = table.attrs["rejected"]
    assert refused["unique_id"] == "bad"
    assert refused["row"] == row
    assert said in refused["reason"]
    assert "'bad' is excluded" in table.attrs["notes"][0]


def test_a_stamp_of_another_age_costs_its_series_only():
    names = [f"s{i:03d}" for i in range(20)]
    frames = [rows(pd.date_range("2024-03-01", periods=30, freq="5min"), name=name) for name in names]
    frames[7].loc[2, "ds"] = pd.Timestamp("1700-01-01")
    grid = make_grid(pd.concat(frames), 1, "5min")
    assert [r.unique_id for r in grid.rejected] == ["s007"]
    assert grid.length == 30


def test_series_may_differ_in_hours():
    office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})
    late = BusinessCalendar.from_hours("UTC", {"mon-sun": ["12:00-20:00"]})
    stamps = pd.date_range("2024-03-04", periods=28 * 24, freq="h")
    both = pd.concat([rows(stamps, np.full(len(stamps), 5.0), name) for name in ("a", "b", "c")])
    table = forecast(both, 168, "h", calendar={"a": office, "b": late}).set_index("ds")
    hours = {name: part.index.hour[part["deskcast"] > 0] for name, part in table.groupby("unique_id")}
    assert (hours["a"].min(), hours["a"].max(), len(hours["a"])) == (9, 16, 40)
    assert (hours["b"].min(), hours["b"].max(), len(hours["b"])) == (12, 19, 56)
    assert len(hours["c"]) == 168
    with pytest.raises(InputError, match="unknown series"):
        make_grid(both, 1, "h", {"aa": office})
    with pytest.raises(InputError, match="several zones"):
        make_grid(both, 1, "h", {"a": office, "b": BusinessCalendar.always("Europe/Lisbon")})


def test_slots_that_are_not_complete_are_partial_and_the_last_is_forecast():
    stamps = pd.date_range("2024-03-04", periods=10, freq="D")
    grid = make_grid(rows(stamps), 3, "D", since="2024-03-04 11:00", until="2024-03-13 16:00")
    assert grid.length == 9
    assert grid.state[0].tolist() == [PARTIAL] + [OPEN] * 8
    assert np.isnan(grid.y[0, 0])
    said = " ".join(grid.notes)
    assert "1 rows from 2024-03-13" in said
    assert "1 rows before 2024-03-05" in said
    assert forecast(rows(stamps), 2, "D", until="2024-03-13 16:00")["ds"].iloc[0] == pd.Timestamp("2024-03-13")
    zoned = make_grid(rows(stamps.tz_localize("Europe/Lisbon")), 1, "D", until=pd.Timestamp("2024-03-13T00:30+01:00"))
    assert zoned.length == 8  # in Lisbon it was still the evening of the 12th
    with pytest.raises(InputError, match="until"):
        make_grid(rows(stamps), 1, "D", until="soon")


def test_an_outage_is_found_named_and_not_learnt():
    rng = np.random.default_rng(0)
    stamps = pd.date_range("2024-01-01", periods=70 * 24, freq="h")
    y = rng.poisson(30.0, len(stamps)).astype(float)
    gone = (stamps >= "2024-03-05 09:00") & (stamps < "2024-03-05 15:00")
    grid = make_grid(rows(stamps, np.where(gone, 0.0, y)), 24, "h")
    assert (grid.state[0] == OUTAGE).tolist() == gone.tolist()
    assert any("outage" in note and "6 (from Tue 5 Mar 2024 09:00)" in note for note in grid.notes)
    told = make_grid(rows(stamps, y), 24, "h", outages=[("all", "2024-03-05 09:00", "2024-03-05 15:00")])
    assert (told.state[0] == OUTAGE).tolist() == gone.tolist()
    with pytest.raises(InputError, match="unknown series"):
        make_grid(rows(stamps, y), 24, "h", outages=[("al", "2024-03-05", "2024-03-06")])


def test_a_holiday_without_arrivals_is_no_outage_and_a_dead_series_none_for_long():
    y = np.where(np.arange(140) >= 100, 0.0, np.random.default_rng(1).poisson(50.0, 140))
    history = rows(pd.date_range("2024-01-01", periods=140), y)
    grid = make_grid(history, 7, "D")
    assert (np.flatnonzero(grid.state[0] == OUTAGE) == np.arange(100, 114)).all()
    single = rows(pd.date_range("2024-01-01", periods=140), np.where(np.arange(140) == 115, 0.0, np.maximum(y, 40)))
    assert (make_grid(single, 7, "D").state == OUTAGE).sum() == 1
    assert (make_grid(single, 7, "D", holidays=["2024-04-25"]).state == OUTAGE).sum() == 0


@given(st.integers(0, 999), st.integers(40, 139), st.sampled_from([2.0, 30.0]))
def test_outages_are_told_from_what_came_before(seed, cut, level):
    rng = np.random.default_rng(seed)
    y = rng.poisson(level, 140).astype(float)
    begun = int(rng.integers(45, 130))
    y[begun : begun + int(rng.integers(1, 30))] = 0.0
    history = rows(pd.date_range("2024-01-01", periods=140), y)
    # what is complete to its end: a history that falls day by day to its end may be one that was cut
    late, then = (
        make_grid(history[:n], 1, "D", until=pd.Timestamp("2024-01-01") + pd.Timedelta(days=n)) for n in (140, cut)
    )
    np.testing.assert_array_equal(late.known(cut), then.known(cut))


def test_states_are_told_apart():
    calendar = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-18:00"]})
    stamps = pd.date_range("2024-03-04", periods=7).delete(2)
    assert make_grid(rows(stamps), 1, "D", calendar).state[0].tolist() == [
        OPEN,
        OPEN,
        MISSING,
        OPEN,
        OPEN,
        CLOSED,
        CLOSED,
    ]
    assert not find_outages(np.zeros((1, 90)), np.ones((1, 90), dtype=bool), parse_frequency("D"))[0].any()


@pytest.mark.parametrize(
    "given", ["monday", [("2024-03-02", "2024-03-01")], [("a",)], 5, pd.DataFrame({"start": ["x"]})]
)
def test_bad_outages_are_refused(given):
    with pytest.raises(InputError, match="outage"):
        read_outages(given)


def test_a_sunday_of_23_hours_stays_closed():
    office = BusinessCalendar.from_hours("Europe/Amsterdam", {"mon-fri": ["00:00-24:00"]})
    days = pd.DataFrame({"unique_id": "all", "ds": pd.date_range("2024-03-25", periods=7), "y": 1.0})
    assert make_grid(days, 3, "D", office).is_open[0].tolist() == [*[True] * 5, False, False, *[True] * 3]
