"""A first period in the midst of which the log begins is marked, and teaches no forecast."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.kpis.kpi_history import kpi_history, series
from deskcast.forecasting import forecast
from hypothesis import given, settings
from hypothesis import strategies as st


def log_of(times: pd.DatetimeIndex, zone: str = "UTC", **frames: pd.DataFrame) -> CaseLog:
    cases = pd.DataFrame({"case_id": [str(i) for i in range(len(times))], "created_at": times})
    return CaseLog.from_frames(cases=cases, timezone=zone, until=times[-1].ceil("D"), **frames)


def office_times(first: str, days: int, per_day: int = 20, seed: int = 1) -> pd.DatetimeIndex:
    """Return cases between 08:00 and 18:00 on the days from an instant on, five days a week."""
    rng, start = np.random.default_rng(seed), pd.Timestamp(first, tz="UTC")
    every = pd.date_range(start.normalize(), periods=days, tz="UTC")
    every = every[every.day_of_week < 5]
    at = every.repeat(per_day) + pd.to_timedelta(rng.integers(8 * 3600, 18 * 3600, per_day * len(every)), unit="s")
    return pd.DatetimeIndex(np.sort(at[at >= start].as_unit("us")))


def cut_of(log: CaseLog, freq: str, kpi: str = "cases_opened") -> list[str]:
    history = kpi_history(log, kpi, freq=freq)
    return [str(ds)[:10] for ds in history.loc[history["cut"], "ds"]]


def test_a_forecast_of_months_does_not_learn_from_the_cut_one():
    every = pd.date_range("2024-01-27", periods=50 * 212, freq="28min48s", tz="UTC")
    log = CaseLog.from_frames(
        cases=pd.DataFrame({"case_id": [str(i) for i in range(len(every))], "created_at": every}),
        until=every[-1].normalize(),
    )
    history = kpi_history(log, "cases_opened", freq="MS")
    assert history["cut"].tolist() == [True] + [False] * 6
    assert history["value"].iloc[0] == 5 * 50  # it is told all the same
    told = series(history, "cases_opened")
    assert told["y"].tolist() == [1450, 1550, 1500, 1550, 1500, 1550]
    ahead = forecast(told, 2, "MS")
    np.testing.assert_allclose(ahead["deskcast"], [1550, 1500], rtol=0.02)


@pytest.mark.parametrize(
    ("first", "freq", "cut"),
    [
        ("2024-01-01 00:00", "MS", []),
        ("2024-01-03 08:00", "MS", ["2024-01-01"]),
        ("2024-01-19 12:00", "MS", ["2024-01-01"]),
        ("2024-01-01 00:00", "W", []),
        ("2024-01-03 10:00", "W", ["2024-01-01"]),
        ("2024-02-14 10:00", "QS", ["2024-01-01"]),
        ("2024-01-03 08:00", "D", []),
        ("2024-01-03 14:00", "D", ["2024-01-03"]),
        ("2024-01-03 14:00", "h", []),
    ],
)
def test_the_first_period_is_cut_where_the_log_begins_late_in_it(first, freq, cut):
    assert cut_of(log_of(office_times(first, 500)), freq) == cut


@settings(max_examples=20, deadline=None)
@given(
    start=st.integers(0, 27), seed=st.integers(0, 99), freq=st.sampled_from(["MS", "W"]),
    zone=st.sampled_from(["UTC", "Europe/Lisbon", "America/New_York"]),
)  # fmt: skip
def test_a_log_that_begins_anywhere_teaches_only_whole_periods(start, seed, freq, zone):
    first = pd.Timestamp("2024-01-01") + pd.Timedelta(days=start)
    log = log_of(office_times(str(first), 420, 40, seed), zone)
    history = kpi_history(log, "cases_opened", freq=freq)
    told = series(history, "cases_opened")
    open_days = first.to_period("M" if freq == "MS" else "W").end_time
    missing = len(pd.bdate_range(first.to_period("M" if freq == "MS" else "W").start_time, first)) - 1
    if missing > 1:
        assert told["ds"].min() > open_days - pd.Timedelta(days=1)
    assert len(told) >= len(history) - 1
    assert not history["cut"].iloc[1:].any()


def test_sparse_rows_that_begin_by_chance_late_are_rarely_taken_for_a_cut():
    cuts = 0
    for seed in range(40):
        at = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(
            np.sort(np.random.default_rng(seed).uniform(0, 700, 60)), unit="D"
        )
        cuts += len(cut_of(log_of(pd.DatetimeIndex(at.floor("s").as_unit("us"))), "MS"))
    assert cuts <= 4


def test_a_kpi_of_another_table_is_cut_where_that_table_begins():
    times = office_times("2024-01-01", 400)
    late = times[times >= pd.Timestamp("2024-02-20", tz="UTC")]
    contacts = pd.DataFrame({"contact_id": [str(i) for i in range(len(late))], "queued_at": late})
    log = log_of(times, contacts=contacts)
    assert cut_of(log, "MS") == []
    assert cut_of(log, "MS", "contacts_offered") == ["2024-02-01"]


@pytest.mark.parametrize(("days", "known"), [(5, 0), (25, 15)])
def test_sla_attainment_of_a_young_log_is_not_known_before_a_target_can_have_run_out(days, known):
    """Ten days for all: a third is done in one day, the others never; before day ten only the quick can be known."""
    at = pd.date_range("2024-01-01 12:00", periods=days, freq="D", tz="UTC").repeat(3)
    ids = [str(i) for i in range(len(at))]
    done = pd.DataFrame({"case_id": ids[::3], "at": at[::3] + pd.Timedelta(days=1), "kind": "resolved"})
    policies = pd.DataFrame({"policy": ["all"], "metric": ["resolution"], "target_s": [864000.0], "clock": "calendar"})
    log = CaseLog.from_frames(
        cases=pd.DataFrame({"case_id": ids, "created_at": at}),
        events=done,
        sla_policies=policies,
        until=pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(days=days + 1),
    )
    history = kpi_history(log, ["sla_attainment", "cases_opened"])
    rates = history[history["kpi"] == "sla_attainment"]
    assert (~rates["cut"]).sum() == known
    before = rates.loc[rates["cut"], "value"].dropna()
    assert before.iloc[: 9 if known else None].eq(1).all()  # what one would have believed
    assert rates.loc[~rates["cut"], "value"].iloc[1:].tolist() == [pytest.approx(1 / 3)] * max(known - 1, 0)
    assert not history.loc[history["kpi"] == "cases_opened", "cut"].any()
