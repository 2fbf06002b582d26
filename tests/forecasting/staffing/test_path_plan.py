"""Agents from sample paths: days and weeks meet their target with the chance that was asked for."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.staffing.handle_time_days import HandleTimeVariation, handle_time_paths
from deskcast.forecasting.staffing.path_plan import agents_over_period, rate_paths
from deskcast.forecasting.staffing.target import QueueTarget

SLOTS, SPREAD = 12, 0.15
PROFILE = 150 * (0.5 + np.sin(np.linspace(0.3, np.pi - 0.3, SLOTS)))
CALLS = QueueTarget(1800, 0.8, 20, None, 180)
CHATS = QueueTarget(1800, 0.8, 60, None, None, concurrency=3, slowdown=0.1)
DS = pd.Series(
    [d + pd.Timedelta(hours=8, minutes=30 * k) for d in pd.date_range("2024-03-04", periods=2) for k in range(SLOTS)]
)


def draw_rates(count, seed):
    """Return rates of two days: each day is busier or quieter as a whole, and the days partly together."""
    dice = np.random.default_rng(seed)
    shared, own = dice.standard_normal((count, 1)), dice.standard_normal((count, 2))
    factor = np.exp(SPREAD * (np.sqrt(0.5) * shared + np.sqrt(0.5) * own) - SPREAD**2 / 2)
    return np.repeat(factor, SLOTS, axis=1) * np.tile(PROFILE, 2)


def make_paths(count, seed):
    """Return a forecast with the quantiles of counts, and sample paths of counts."""
    many = np.random.default_rng(seed + 1).poisson(draw_rates(20_000, seed + 2))
    ahead = pd.DataFrame({"ds": DS, "deskcast": np.median(many, axis=0)})
    for level in (80, 95):
        for side, p in (("lo", 0.5 - level / 200), ("hi", 0.5 + level / 200)):
            ahead[f"deskcast-{side}-{level}"] = np.quantile(many, p, axis=0)
    counts = np.random.default_rng(seed + 3).poisson(draw_rates(count, seed + 4))
    parts = [pd.DataFrame({"unique_id": "all", "ds": DS, "path": k, "y": row}) for k, row in enumerate(counts)]
    return ahead, pd.concat(parts)


def met_levels(rates, agents, target, aht):
    perform = target.perform(rates, aht, np.broadcast_to(agents, rates.shape))["service_level"]
    return perform.to_numpy().reshape(rates.shape)


@pytest.mark.slow
@pytest.mark.parametrize(("target", "aht"), [(CALLS, 300.0), (CHATS, 600.0)])
@pytest.mark.parametrize("sure", [0.8, 0.9])
def test_a_day_meets_its_target_at_the_stated_chance_on_4000_other_days(target, aht, sure):
    ahead, paths = make_paths(600, seed=7)
    rates = rate_paths(ahead, paths)
    agents = agents_over_period(rates, aht, target, DS, sure, "day")
    fresh = draw_rates(2000, seed=99)
    level = met_levels(fresh, agents, target, aht)
    met = [
        (fresh * level)[:, day].sum(axis=1) / fresh[:, day].sum(axis=1) >= 0.8
        for day in (slice(0, SLOTS), slice(SLOTS, None))
    ]
    assert np.mean(met) == pytest.approx(sure, abs=0.025)  # 2 points, and the draws of 4,000 days


def test_a_week_takes_fewer_agents_than_its_days_and_these_fewer_than_each_interval():
    ahead, paths = make_paths(100, seed=3)
    # intervals have luck of their own too
    rates = rate_paths(ahead, paths) * np.random.default_rng(5).gamma(50, 1 / 50, (100, 2 * SLOTS))
    sums = [agents_over_period(rates, 300.0, CALLS, DS, 0.9, over).sum() for over in ("week", "day", "interval")]
    assert sums[0] <= sums[1] < sums[2]


@pytest.mark.parametrize("spread", [0.0, 0.15])
def test_days_whose_handle_times_are_off_meet_their_target_at_the_stated_chance(spread):
    ds = DS.head(SLOTS)
    rates = draw_rates(300, seed=4)[:, :SLOTS]
    times = 300.0 * handle_time_paths(rates, HandleTimeVariation(spread), ds)
    agents = agents_over_period(rates, times, CALLS, ds, 0.9, "day")
    fresh = draw_rates(500, seed=99)[:, :SLOTS]
    times = 300 * np.exp(spread * np.random.default_rng(8).standard_normal((500, 1))) * np.ones(SLOTS)
    level = met_levels(fresh, agents, CALLS, times)
    met = (fresh * level).sum(axis=1) / fresh.sum(axis=1) >= 0.8
    assert met.mean() == pytest.approx(0.9, abs=0.04)  # 3 standard errors
    short = agents_over_period(rates, 300.0, CALLS, ds, 0.9, "day")
    assert (agents.sum() > 1.05 * short.sum()) == (spread > 0)


def test_the_chance_of_counts_is_taken_out_once():
    ahead, paths = make_paths(400, seed=1)
    rates = rate_paths(ahead, paths)
    counts = paths.groupby(["path", "ds"])["y"].sum().unstack().to_numpy()
    true = draw_rates(4000, seed=5)
    assert rates.std(axis=0).mean() == pytest.approx(true.std(axis=0).mean(), rel=0.08)
    assert counts.std(axis=0).mean() > 1.04 * true.std(axis=0).mean()
    assert rates.mean() == pytest.approx(true.mean(), rel=0.02)


def test_other_intervals_and_unknown_periods_are_refused():
    ahead, paths = make_paths(3, seed=1)
    with pytest.raises(InputError, match="differ in their intervals"):
        rate_paths(ahead.head(3), paths)
    with pytest.raises(InputError, match="unknown period"):
        agents_over_period(np.ones((2, 24)), 300.0, CALLS, DS, 0.8, "dya")
