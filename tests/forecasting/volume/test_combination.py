import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting import backtest, forecast
from deskcast.forecasting.methods.registry import FORECAST_METHODS
from deskcast.forecasting.volume.combination import (
    assign_volume_tiers,
    choose_combination,
    combine_forecasts,
    find_smallest_step,
    is_beyond_noise,
)
from hypothesis import given, settings
from hypothesis import strategies as st


def size(point, rows):
    return np.sqrt(np.maximum(point, 0.1))


def scene(seed, level=100.0, series=6, origins=12, horizon=7):
    rng = np.random.default_rng(seed)
    came = rng.poisson(level, (origins, series, horizon)).astype(float)
    days = np.arange(origins * horizon)[::-1].reshape(origins, horizon)
    return rng, came, np.full(series, 3), days


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(1.1, 3.0))
def test_a_method_that_is_worse_everywhere_never_enters(seed, factor):
    _, came, tier, days = scene(seed)
    core = np.full(came.shape, 100.0)
    made = {"core": core, "worse": core + factor * np.abs(came - core).max() * np.sign(core - came + 0.5)}
    mix = choose_combination(made, came, size, tier, days)
    assert mix.by_tier == {"high": {"core": 1.0}}
    assert mix.label == "core"
    assert (mix.past == core).all()


def test_noise_does_not_bring_a_challenger_in_more_often_than_one_time_in_four():
    entered = 0
    for seed in range(60):
        rng, came, tier, days = scene(seed)
        core = 100 + rng.normal(0, 3, came.shape)
        # as good as the core, and wrong together with it, so that there is nothing to gain
        entered += (
            choose_combination(
                {"core": core, "twin": core + rng.normal(0, 0.3, came.shape)}, came, size, tier, days
            ).label
            != "core"
        )
    assert entered <= 15


def test_methods_with_equal_losses_have_equal_weights_and_their_mean_is_better():
    rng, came, tier, days = scene(1, level=1000.0)
    error = rng.choice([-60.0, 60.0], came.shape)
    # wrong to either side by as much: the mean is right
    mix = choose_combination({"core": came + error, "other": came - error}, came, size, tier, days)
    assert mix.weights.mean(axis=0) == pytest.approx(0.5, abs=0.05)
    assert np.abs(mix.past - came).mean() < 2.0


def test_a_better_challenger_carries_most_of_the_weight_and_the_tiers_choose_apart():
    rng, came, _, days = scene(2)
    tier = np.array([1, 1, 1, 3, 3, 3])
    good, poor = came + rng.normal(0, 5, came.shape), came + rng.normal(0, 50, came.shape)
    first = (tier == 1)[None, :, None]
    made = {"core": np.where(first, good, poor), "other": np.where(first, poor, good)}
    mix = choose_combination(made, came, size, tier, days)
    assert mix.by_tier["low"] == {"core": 1.0}
    assert mix.by_tier["high"]["other"] > 0.8


def test_the_order_of_methods_after_the_first_and_of_series_does_not_matter():
    rng, came, tier, days = scene(3)
    made = {
        name: came + rng.normal(0, spread, came.shape)
        for name, spread in (("core", 40), ("a", 30), ("b", 20), ("c", 25))
    }
    one = choose_combination(made, came, size, tier, days)
    other = choose_combination({name: made[name] for name in ("core", "c", "a", "b")}, came, size, tier, days)
    assert one.by_tier == other.by_tier
    order = rng.permutation(came.shape[1])
    moved = choose_combination({k: v[:, order] for k, v in made.items()}, came[:, order], size, tier, days)
    assert moved.weights == pytest.approx(one.weights[order])


def test_weights_shrink_to_those_of_the_tier_where_a_series_is_hardly_known():
    rng, came, tier, days = scene(4, series=30)
    tier = np.full(30, 3)
    made = {"core": came + rng.normal(0, 20, came.shape), "other": came + rng.normal(0, 12, came.shape)}
    short = came.copy()
    short[1:, 0] = np.nan
    made["core"][0, 0] = came[0, 0]
    mix = choose_combination(made, short, size, tier, days)
    # in its one week the core was perfect for the first series, but the tier says otherwise
    alone = choose_combination({k: v[:, :1] for k, v in made.items()}, short[:, :1], size, tier[:1], days)
    assert alone.weights[0, 0] > mix.weights[0, 0]


def test_an_origin_is_judged_with_weights_that_it_had_no_part_in():
    rng, came, _, _ = scene(5, series=1, origins=4)
    days, tier = np.arange(28)[::-1].reshape(4, 7), np.array([3])
    wrong = rng.normal(0, 60, came.shape)
    core, other = came + wrong, came - 0.6 * wrong
    # at the latest origin, and only there, the other method was far off
    other[0] = came[0] + 5 * wrong[0]
    mix = choose_combination({"core": core, "other": other}, came, size, tier, days)
    plain = choose_combination({"core": core[1:], "other": other[1:]}, came[1:], size, tier, days[1:])
    assert plain.weights[0, 1] > 0.6
    if mix.label != "core":
        assert np.abs(mix.past[0] - came[0]).mean() > np.abs(core[0] - came[0]).mean()


def test_few_origins_leave_the_first_method_alone():
    _, came, tier, days = scene(6, origins=2)
    made = {"core": came + 50, "other": came + 1}
    assert choose_combination(made, came, size, tier, days).label == "core"


def test_a_method_without_a_forecast_leaves_it_to_the_others():
    made = [np.array([[1.0, 2.0]]), np.array([[3.0, np.nan]]), np.array([[np.nan, np.nan]])]
    assert combine_forecasts(made, np.array([[0.5, 0.25, 0.25]])).round(6).tolist() == [[round(5 / 3, 6), 2.0]]
    assert np.isnan(combine_forecasts(made[2:], np.ones((1, 1)))).all()
    rng, came, tier, days = scene(7)
    lacks = came.copy()
    lacks[:, 0] = np.nan
    mix = choose_combination({"core": came + rng.normal(0, 40, came.shape), "lacks": lacks}, came, size, tier, days)
    assert mix.label == "core"  # it says nothing of one series in six


def test_noise_is_the_standard_error_of_paired_differences():
    assert is_beyond_noise(np.array([-1.0, -1.0, -1.0]))
    assert not is_beyond_noise(np.zeros(5))
    assert not is_beyond_noise(np.array([-1.0]))
    gain = np.array([-3.0, 1.0, -2.0, 0.5])
    assert is_beyond_noise(gain) == (gain.sum() < -np.sqrt(4) * gain.std(ddof=1))


@given(st.floats(1e-3, 1e6))
@settings(max_examples=25, deadline=None)
def test_tiers_do_not_depend_on_the_unit(factor):
    y = np.array([[0.0, 1.0, 0.0, 0.0], [7.0, 9.0, 12.0, 8.0], [300.0, 411.0, 390.0, 391.0]])
    tiers = [assign_volume_tiers(v.mean(axis=1), find_smallest_step(v)).tolist() for v in (y, factor * y)]
    assert tiers[0] == tiers[1] == [0, 2, 3]
    assert assign_volume_tiers(np.array([np.nan]), np.array([1.0])).tolist() == [-1]


def hours(days=60, series=3):
    stamps = pd.date_range("2024-01-01", periods=24 * days, freq="h")
    parts = []
    for number in range(series):
        rng = np.random.default_rng(number)
        drift = rng.normal(0, 0.4, len(stamps)).cumsum() * 0.2
        y = np.round(40 + 8 * np.sin(stamps.hour * np.pi / 12) + drift + rng.normal(0, 0.1, len(stamps)), 1)
        parts.append(pd.DataFrame({"unique_id": f"s{number}", "ds": stamps, "y": np.maximum(y, 0.0)}))
    return pd.concat(parts, ignore_index=True)


def test_what_wanders_by_the_hour_is_not_left_to_the_core():
    ahead = forecast(hours(), 24, "h")
    assert ahead.attrs["model"] != "core"
    assert any("lost least" in note for note in ahead.attrs["notes"])
    (weights,) = ahead.attrs["weights"].values()
    assert sum(weights.values()) == pytest.approx(1.0, abs=0.01)


def test_selection_sees_nothing_after_the_cutoff():
    history = hours(45, 2)
    folds = backtest(history, 24, "h", windows=3)
    for cutoff, chosen in folds.attrs["chosen"].items():
        then = forecast(history[history["ds"] <= cutoff], 24, "h", windows=3)
        assert then.attrs["model"] == chosen
        assert then.attrs["weights"] == folds.attrs["weights"][cutoff]


def test_models_are_chosen_by_name():
    history = hours(30, 1)
    assert forecast(history, 24, "h", models="day_season").attrs["model"] == "day_season"
    two = forecast(history, 24, "h", models=["seasonal_naive", "same_slot"]).attrs["model"]
    assert set(two.split(" + ")) <= {"seasonal_naive", "same_slot"}
    with pytest.raises(InputError, match="prophet"):
        forecast(history, 24, "h", models="prophett")
    assert {"core", "prophet", "ets", "boosting", "tsb"} <= set(FORECAST_METHODS)
