"""Agents from sample paths: days and weeks meet their target with the chance that was asked for."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.queueing.service_over_day import expected_in_time
from deskcast.forecasting.queueing.service_spread import QueueRules, in_time_variance
from deskcast.forecasting.simulation.plan_run import build_agents
from deskcast.forecasting.simulation.queue import SERVED, simulate_queue
from deskcast.forecasting.staffing.demand import Demand
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


def play_days(agents, days, seed):
    """Return the share of days whose calls meet the target, played call by call; no two days are alike."""
    dice, start, met = np.random.default_rng(seed), np.arange(SLOTS) * 1800.0, 0
    crew = build_agents(agents, start, 1800.0)
    for rate in draw_rates(days, seed + 1)[:, :SLOTS]:
        count = dice.poisson(rate)
        at = np.sort(np.repeat(start, count) + dice.uniform(0, 1800, count.sum()))
        run = simulate_queue(at, dice.exponential(300, len(at)), crew, patience=dice.exponential(180, len(at)))
        met += np.sum((run.outcome == SERVED) & (run.start - run.arrived <= 20)) >= 0.8 * len(at)
    return met / days


@pytest.mark.parametrize("sure", [0.6, 0.9])
def test_days_played_call_by_call_meet_their_target_at_the_stated_chance(sure):
    """4,000 days of each kind of work are in benchmarks/stated_chance.py."""
    ahead, paths = make_paths(200, seed=7)
    agents = agents_over_period(rate_paths(ahead, paths)[:, :SLOTS], 300.0, CALLS, DS.head(SLOTS), sure, "day")
    assert play_days(agents, 150, seed=99) == pytest.approx(sure, abs=3 * np.sqrt(sure * (1 - sure) / 150))


def test_where_rates_are_certain_the_chance_of_single_calls_still_takes_agents():
    ds, rates = DS.head(6), np.full((5, 6), 100.0)
    likely, sure = (agents_over_period(rates, 300.0, CALLS, ds, p, "day").sum() for p in (0.5, 0.95))
    assert likely < sure


def test_chats_without_balance_for_an_interval_do_not_lose_all_of_it():
    ds, rates = DS.head(3), np.array([[100.0, 130.0, 80.0]])
    agents = agents_over_period(rates, 600.0, CHATS, ds, 0.6, "day")
    held = expected_in_time(
        rates,
        np.full((1, 3), 600.0),
        agents[None].astype(float),
        QueueRules(1800, 0.8, 60, concurrency=3, slowdown=0.1),
    )
    assert held.sum() >= 0.8 * rates.sum()
    assert (CHATS.perform(rates[0], 600.0, agents)["service_level"] * rates[0]).sum() < held.sum()


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


@pytest.mark.parametrize("period", ["interval", "day", "week"])
def test_no_intervals_take_no_agents(period):
    assert agents_over_period(np.zeros((3, 0)), 300.0, CALLS, DS.head(0), 0.8, period).tolist() == []
    assert expected_in_time(*(np.zeros((3, 0)),) * 3, QueueRules(1800, 0.8, 20)).shape == (3, 0)


def test_the_spread_of_what_is_not_known_is_not_known():
    calls, aht, agents = np.array([90.0, np.nan, 90.0, 0.0]), np.array([180.0, 180.0, np.nan, 180.0]), np.full(4, 14.0)
    found = in_time_variance(calls, aht, agents, QueueRules(1800, 0.8, 20))
    assert np.isnan(found).tolist() == [False, True, True, False]
    assert found[0] > found[3] == 0


def test_a_demand_without_paths_is_refused():
    with pytest.raises(InputError, match="at least one"):
        Demand.from_paths(np.zeros((0, 4)), 180.0)
