"""Days staffed for the mean and for the 90 % quantile of their forecast: on how many of them does the promise hold?

python benchmarks/staffing_risk.py [--days 4000]

A day has 20 half hours with a peak of 50 Erlangs. Its rates vary around the forecast by a gamma distribution, wholly
together, half together, or each half hour by itself; what is staffed knows the distribution and not the draw. Every
drawn day goes through the exact formulas, and keeps its promise if 80 % of its calls are answered within 20 s.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from deskcast.forecasting.queueing.erlang import queue_performance
from deskcast.forecasting.staffing.demand import Demand
from deskcast.forecasting.staffing.newsvendor import cheapest_agents
from deskcast.forecasting.staffing.risk_of_short import agents_for_confidence, risk_of_short
from deskcast.forecasting.staffing.staffing_plan import required_agents
from scipy import stats

AHT = 300.0
PROFILE = 300 * np.array(
    [0.3, 0.5, 0.7, 0.85, 0.95, 1, 1, 0.95, 0.9, 0.85, 0.85, 0.9, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]
)


def simulated_days(spread: float, together: float, days: int) -> np.ndarray:
    """Draw the rates of days, one row each; a path of its own, that shares no draw with the planner's scenarios."""
    rng = np.random.default_rng(2024)
    common, own = rng.standard_normal((days, 1)), rng.standard_normal((days, len(PROFILE)))
    scores = np.sqrt(together) * common + np.sqrt(1 - together) * own
    return PROFILE * stats.gamma.ppf(stats.norm.cdf(scores), 1 / spread**2, scale=spread**2)


def kept(rates: np.ndarray, agents: np.ndarray, patience: float | None) -> tuple[float, float, float]:
    """Return the share of days and of half hours that keep 80/20, and the share of all calls in time."""
    met = queue_performance(rates, AHT, agents[None, :], patience=patience)["service_level"].to_numpy()
    met = met.reshape(rates.shape)
    in_time = (rates * met).sum(axis=1)
    return (in_time / rates.sum(axis=1) >= 0.8).mean(), (met >= 0.8).mean(), in_time.sum() / rates.sum()


def table(spread: float, together: float, patience: float | None, days: int) -> None:
    """Print what each way to staff does on the simulated days."""
    rates = simulated_days(spread, together, days)
    demand = Demand.varying(PROFILE, AHT, spread, together=together, seed=1)
    high = PROFILE * stats.gamma.ppf(0.9, 1 / spread**2, scale=spread**2)
    rules = {"max_occupancy": None, "patience": patience}
    labels = np.zeros(len(PROFILE))
    ways = {
        "mean of the forecast": required_agents(PROFILE, AHT, **rules)["agents"].to_numpy(),
        "90 % quantile, each slot": required_agents(high, AHT, **rules)["agents"].to_numpy(),
        "90 % sure, each slot": agents_for_confidence(demand, 0.9, patience=patience),
        "90 % sure, the day": agents_for_confidence(demand, 0.9, patience=patience, days=labels),
    }
    who = "nobody gives up" if patience is None else f"patience {patience:g} s"
    print(f"\nrate varies by {spread:.0%}, correlation within the day {together:g}, {who}, {days:,} simulated days")
    print(f"  {'staffed for':26s} agent hours   days kept   half hours kept   calls in time   promised for the day")
    for name, agents in ways.items():
        day, slot, calls = kept(rates, agents, patience)
        _, said = risk_of_short(demand, agents, patience=patience)
        promised = 1 - said["miss_probability"].iloc[0]
        print(f"  {name:26s} {agents.sum() / 2:11.1f} {day:11.1%} {slot:17.1%} {calls:15.1%} {promised:22.1%}")


def main() -> int:
    """Print all tables, and the newsvendor's choice for the peak."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=4000)
    days = parser.parse_args().days
    for spread, together, patience in ((0.1, 1.0, None), (0.1, 0.5, None), (0.1, 0.0, None), (0.2, 1.0, None)):
        table(spread, together, patience, days)
    table(0.1, 1.0, 120.0, days)
    print("\nagents for the peak (50 Erlangs, rate +- 10 %) of least expected cost, when an agent costs 10 a half hour")
    for words, costs in (
        *((f"a late call costs {late}", {"late_cost": late}) for late in (1, 2, 5, 20)),
        *((f"a missed half hour costs {miss}", {"miss_cost": miss}) for miss in (1000, 5000)),
    ):
        row = cheapest_agents(Demand.varying(300, AHT, 0.1), agent_cost=10.0, **costs).iloc[0]
        print(
            f"  {words:32s} {row['agents']:3.0f} agents, in time {row['expected_service_level']:.1%}, "
            f"risk to miss {row['miss_probability']:.1%}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
