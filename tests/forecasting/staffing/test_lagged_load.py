"""Long contacts: the lag by the offered load, and a day that the exact chain finds better staffed."""

import numpy as np
import pandas as pd
import pytest
from deskcast.forecasting.queueing.offered_load import offered_load
from deskcast.forecasting.queueing.transient import queue_over_day
from deskcast.forecasting.staffing.lagged_load import lag_calls, lag_forecast, lag_matrix, lags_behind
from deskcast.forecasting.staffing.target import QueueTarget
from hypothesis import given, settings
from hypothesis import strategies as st

DAY = np.concatenate([[0.0] * 2, 40 + 30 * np.sin(np.arange(14) / 13 * np.pi), [0.0] * 4])
AHT = 1800.0


@settings(max_examples=20, deadline=None)
@given(
    calls=st.lists(st.floats(0, 90), min_size=4, max_size=8),
    aht=st.floats(200, 5000),
    interval=st.sampled_from([900.0, 1800.0]),
)
def test_the_lagged_contacts_have_the_offered_load(calls, aht, interval):
    calls = np.array([0.0, *calls])  # nobody before
    times = np.linspace(aht, 1.5 * aht, len(calls))
    lagged = lag_calls(calls, lag_matrix(times, interval))
    load = offered_load(calls, times, interval)["load"].to_numpy()
    assert (lagged * times / interval).tolist() == pytest.approx(load.tolist(), abs=1e-9)


def test_a_steady_desk_is_left_as_it_is_and_short_contacts_too():
    steady = np.full((2, 30), 50.0)
    assert lag_calls(steady, lag_matrix(np.full(30, AHT), 1800)) == pytest.approx(steady)
    assert lag_calls(DAY, lag_matrix(np.full(len(DAY), 1.0), 1800)) == pytest.approx(DAY, abs=0.05)
    assert [lags_behind("auto", aht, 1800) for aht in (300.0, 899.0, 900.0)] == [False, False, True]


def test_bounds_are_lagged_as_the_forecast_is():
    ds = pd.date_range("2024-03-04", periods=len(DAY), freq="30min")
    ahead = pd.DataFrame({"ds": ds, "deskcast": DAY, "deskcast-lo-80": DAY / 2, "deskcast-hi-80": 2 * DAY, "note": "a"})
    lagged = lag_forecast(ahead, np.full(len(DAY), AHT), 1800)
    assert (lagged["deskcast-hi-80"] / 2).tolist() == pytest.approx((lagged["deskcast"]).tolist())
    assert (lagged["deskcast-lo-80"] * 2).tolist() == pytest.approx((lagged["deskcast"]).tolist())
    assert lagged["note"].tolist() == ahead["note"].tolist()
    assert lagged["deskcast"].to_numpy()[-4:].min() > 0  # work goes on behind closed doors


def test_the_exact_chain_finds_the_worst_interval_better_staffed():
    target, day = QueueTarget(max_occupancy=None), DAY[2:16]
    own = target.require(day, AHT)["agents"].to_numpy()
    lagged = target.require(lag_calls(DAY, lag_matrix(np.full(len(DAY), AHT), 1800))[2:16], AHT)["agents"].to_numpy()
    worst = [queue_over_day(day, AHT, agents, 1800, threshold=20)["service_level"].min() for agents in (own, lagged)]
    assert worst[1] > worst[0] + 0.1
    assert worst[1] > 0.7
    assert abs(lagged.sum() - own.sum()) < 0.15 * own.sum()
