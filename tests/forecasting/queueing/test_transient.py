"""The queue over a day against the matrix exponential, against balance, and against the simulation."""

import math

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.queueing.erlang import queue_performance
from deskcast.forecasting.queueing.transient import QueueInterval, advance_states, queue_over_day
from deskcast.forecasting.simulation.check_plan import check_plan
from scipy import integrate, linalg, stats

SHARED = ["service_level", "wait_probability", "mean_wait", "mean_queue", "abandonment"]


@pytest.mark.parametrize("leave", [0.0, 1 / 90])
@pytest.mark.parametrize(("arrive", "length"), [(0.05, 1.0), (0.05, 1800.0), (0.04, 1e5), (0.2, 1800.0), (0.0, 600.0)])
def test_a_step_is_the_matrix_exponential(leave, arrive, length):
    slot, size = QueueInterval(arrive, 1 / 180, leave, 8, length), 120
    n = np.arange(size)
    down = np.minimum(n, 8) / 180 + np.maximum(n - 8, 0) * leave
    rates = np.diag(down[1:], 1) + np.diag(np.full(size - 1, arrive), -1)
    rates -= np.diag(rates.sum(axis=0))
    begin = np.zeros(size)
    begin[3] = 1.0
    mean, end = advance_states(begin, slot)
    np.testing.assert_allclose(end, linalg.expm(rates * length) @ begin, atol=1e-12)
    wide = np.block([[rates * length, np.eye(size)], [np.zeros((size, 2 * size))]])
    np.testing.assert_allclose(mean, linalg.expm(wide)[:size, size:] @ begin, atol=1e-10)


@pytest.mark.parametrize("patience", [None, 120.0])
@pytest.mark.parametrize("agents", [12, 15])
def test_a_steady_day_comes_to_its_balance(agents, patience):
    over = queue_over_day([100] * 40, 180, agents, threshold=20, patience=patience).iloc[-1]
    balance = queue_performance(100, 180, agents, threshold=20, patience=patience).iloc[0]
    np.testing.assert_allclose(over[SHARED].astype(float), balance[SHARED].astype(float), rtol=1e-6, atol=1e-9)
    assert over["occupancy"] == pytest.approx(balance["occupancy"], rel=1e-6)


def test_the_answer_in_time_is_the_integral_over_the_wait():
    """Behind k others the wait is a sum of exponentials; here by its density instead of the beta law."""
    slot = QueueInterval(0.0, 1 / 180, 1 / 60, 3, 1e-9)
    state = np.zeros(12)
    state[3 + 2] = 1.0  # all busy and two wait: three leave before the next is served
    row = queue_over_day([0.0], 180, 3, 1e-9, 25, 60, in_system=5).iloc[0]
    rates = [3 / 180 + k / 60 for k in range(3)]
    share = [math.prod(r / (r - rates[i]) for j, r in enumerate(rates) if j != i) for i in range(3)]

    def density(w):
        return sum(s * r * math.exp(-r * w) for s, r in zip(share, rates, strict=True))

    answered, _ = integrate.quad(lambda w: density(w) * math.exp(-w / 60), 0, 25)
    waited, _ = integrate.quad(
        lambda w: (1 - sum(s * (1 - math.exp(-r * w)) for s, r in zip(share, rates, strict=True))) * math.exp(-w / 60),
        0,
        5000,
        limit=200,
    )
    assert slot.agents == 3
    assert row["service_level"] == pytest.approx(answered, rel=1e-6)
    assert row["mean_wait"] == pytest.approx(waited, rel=1e-6)


def test_without_patience_the_wait_is_gamma():
    row = queue_over_day([0.0], 180, 3, 1e-9, 90, in_system=6).iloc[0]
    assert row["service_level"] == pytest.approx(stats.gamma.cdf(90, 4, scale=60), rel=1e-6)
    assert row["mean_wait"] == pytest.approx(240, rel=1e-6)


def test_an_overloaded_interval_leaves_its_backlog_to_the_next():
    day = queue_over_day([60, 260, 60, 60], 180, 10, threshold=20)
    assert day["queue_end"].iloc[1] > 100
    assert day["service_level"].iloc[2] < 0.3 < day["service_level"].iloc[0]
    assert queue_performance(60, 180, 10)["service_level"].iloc[0] > 0.9  # what the interval alone would say


@pytest.mark.parametrize("patience", [None, 90.0])
def test_the_simulation_agrees(patience):
    calls = [80, 170, 120, 40]
    plan = pd.DataFrame({"ds": pd.date_range("2024-03-01 09:00", periods=4, freq="30min"), "calls": calls})
    plan = plan.assign(aht_s=300.0, agents=21)
    found = check_plan(plan, patience=patience, replications=250, seed=3, level=0.999).query("period == 'interval'")
    over = queue_over_day(calls, 300, 21, patience=patience)
    for column, name in (("service_level", "service_level"), ("mean_wait_s", "mean_wait")):
        # the last calls of a queue without patience are cut off by the end of the plan
        slots = slice(0, 3) if patience is None else slice(0, 4)
        low, high = (found[f"{column}_{end}"].to_numpy()[slots] for end in ("lo", "hi"))
        exact = over[name].to_numpy()[slots]
        assert ((low <= exact) & (exact <= high)).all(), column


def test_nobody_at_work():
    day = queue_over_day([20, 20], 180, [0, 5], patience=100)
    assert day["service_level"].iloc[0] == 0
    assert day["mean_wait"].iloc[0] == pytest.approx(100)
    assert day["occupancy"].iloc[0] == 1
    assert np.isinf(queue_over_day([20], 180, 0)["mean_wait"].iloc[0])


def test_a_large_centre():
    day = queue_over_day([3_000] * 3, 300, 510)
    assert day["occupancy"].between(0, 1).all()
    assert day["service_level"].is_monotonic_decreasing


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"calls": [-1, 2]}, "argument 'calls', position 0"),
        ({"agents": 2.5}, "argument 'agents'"),
        ({"patience": 0}, "argument 'patience'"),
        ({"calls": 7}, "argument 'calls'"),
        ({"aht": [1, 2, 3]}, "argument 'aht'"),
        ({"in_system": 1.5}, "argument 'in_system'"),
        ({"threshold": -1}, "argument 'threshold'"),
    ],
)
def test_bad_input_is_named(change, words):
    with pytest.raises(InputError, match=words):
        queue_over_day(**({"calls": [1, 2], "aht": 60, "agents": 3} | change))
