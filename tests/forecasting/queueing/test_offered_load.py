"""The load over a day against its integral, against counted items, and against what must be conserved."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.queueing.offered_load import offered_load
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

CALLS = st.lists(st.floats(0, 500), min_size=1, max_size=12)


def load_by_integral(calls, aht, interval, survival, at):
    """m(t) = integral of rate(s) P(S > t - s) ds, the definition, by quadrature."""
    total = 0.0
    for k, (count, mean) in enumerate(zip(calls, aht, strict=True)):
        begin, end = k * interval, min((k + 1) * interval, at)
        if end > begin:
            area, _ = integrate.quad(lambda s, m=mean: survival((at - s) / m), begin, end, epsabs=1e-12, limit=200)
            total += count / interval * area
    return total


@settings(max_examples=40, deadline=None)
@given(CALLS, st.floats(20, 20000), st.integers(0, 1000))
def test_exponential_load_is_the_integral(calls, aht, seed):
    each = aht * np.random.default_rng(seed).uniform(0.5, 2, len(calls))
    found = offered_load(calls, each, 900)
    for k in range(len(calls)):
        exact = load_by_integral(calls, each, 900, lambda x: np.exp(-x), (k + 1) * 900)
        assert found["load_end"].iloc[k] == pytest.approx(exact, rel=1e-7, abs=1e-9)
    middle = len(calls) // 2
    mean, _ = integrate.quad(
        lambda t: load_by_integral(calls, each, 900, lambda x: np.exp(-x), t),
        middle * 900,
        (middle + 1) * 900,
        epsrel=1e-8,
    )
    assert found["load"].iloc[middle] == pytest.approx(mean / 900, rel=1e-5, abs=1e-9)


def test_seen_handle_times_give_the_load_of_counted_items():
    """Let every item come at fixed instants and last as seen: the load is how many are there."""
    times, calls, interval = np.array([100.0, 500.0, 3000.0, 7000.0]), np.array([40.0, 0.0, 80.0, 10.0]), 1800.0
    aht = times.mean()
    found = offered_load(calls, aht, interval, handle_times=times)
    steps = 4000
    come = np.concatenate([(k + (np.arange(steps) + 0.5) / steps) * interval for k in range(4)])
    weight = np.repeat(calls / steps, steps) / len(times)
    for k in range(4):
        inside = [
            np.clip(np.minimum(come + s, (k + 1) * interval) - np.maximum(come, k * interval), 0, None) @ weight
            for s in times
        ]
        assert found["load"].iloc[k] == pytest.approx(sum(inside) / interval, rel=1e-3)


def test_a_large_exponential_sample_is_the_exponential():
    sample = -np.log1p(-(np.arange(400_000) + 0.5) / 400_000)
    day = [60, 20, 0, 90, 90]
    seen, exact = offered_load(day, 2400, handle_times=sample), offered_load(day, 2400)
    np.testing.assert_allclose(seen["load"], exact["load"], rtol=1e-4)
    np.testing.assert_allclose(seen["load_end"], exact["load_end"], rtol=1e-4)


@given(CALLS, st.floats(1, 50_000), st.sampled_from([None, [1.0], [0.0, 1.0, 9.0]]))
def test_all_work_is_done_some_time(calls, aht, shape):
    """Over a day and the time after it, the load adds up to the work that came."""
    after = [0.0] * (int(45 * aht / 1800) + 3)
    found = offered_load([*calls, *after], aht, handle_times=shape)
    assert found["load"].sum() == pytest.approx(found["own_load"].sum(), rel=1e-9, abs=1e-12)
    assert (found["load"] >= -1e-9).all()


def test_short_handle_times_are_the_work_of_their_interval():
    found = offered_load([100, 300, 200], 10)
    np.testing.assert_allclose(found["load"], found["own_load"], rtol=0.02)


@pytest.mark.parametrize("shape", [None, [1.0], [1.0, 2.0, 30.0]])
def test_a_steady_day_stays_in_balance(shape):
    found = offered_load([100] * 6, 3000, load_before=100 * 3000 / 1800, handle_times=shape)
    np.testing.assert_allclose(found[["load", "load_start", "load_end"]], 100 * 3000 / 1800, rtol=1e-9)


def test_the_load_lags_and_is_flatter():
    calls = 50 * (1 + 0.5 * np.sin(2 * np.pi * np.arange(48) / 48))
    found = offered_load(calls, 3600)
    assert found["load"].argmax() > found["own_load"].argmax()
    assert found["load"].max() < found["own_load"].max()


def test_an_index_is_kept():
    calls = pd.Series([1.0, 2.0], index=["a", "b"])
    assert offered_load(calls, 60).index.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"calls": [1, -1]}, "argument 'calls', position 1"),
        ({"calls": ["x", 1]}, "argument 'calls', position 0"),
        ({"calls": [[1, 2]]}, "argument 'calls'.*must be one row"),
        ({"aht": 0}, "argument 'aht'"),
        ({"aht": [1, 2, 3]}, "argument 'aht'.*shape"),
        ({"interval": 0}, "argument 'interval'"),
        ({"interval": [1, 2]}, "argument 'interval'"),
        ({"load_before": np.nan}, "argument 'load_before'"),
        ({"handle_times": [0.0]}, "argument 'handle_times'"),
        ({"handle_times": [-1.0, 3.0]}, "argument 'handle_times', position 0"),
    ],
)
def test_bad_input_is_named(change, words):
    good = {"calls": [1, 2], "aht": 60, "interval": 1800}
    with pytest.raises(InputError, match=words):
        offered_load(**(good | change))
