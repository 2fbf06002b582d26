"""A simulated desk misses its target for a known cause: does the review name it first, and with how much of the miss?

python benchmarks/review.py [--seeds 10] [--strength 1]

A week of six days and 24 half hours, with a peak of 25 Erlangs and callers who hang up after three minutes on average.
The plan staffs it for 80% within 20 s. Each week is played call by call with one cause injected, or two; every seed
draws the calls, their handle times and their patience anew, and each day is busier or quieter than planned by 2%.
"""

from __future__ import annotations

import argparse
from itertools import combinations

import numpy as np
import pandas as pd
from deskcast.forecasting.intraday.target_causes import explain_target
from deskcast.forecasting.simulation.plan_run import build_agents
from deskcast.forecasting.simulation.queue import SERVED, simulate_queue
from deskcast.forecasting.staffing.target import QueueTarget

AHT, PATIENCE, STEP, DAYS = 300.0, 180.0, 1800.0, 6
PROFILE = 150 * np.sin(np.linspace(0.25, np.pi - 0.25, 24))
TARGET = QueueTarget(STEP, 0.8, 20.0, None, PATIENCE)
#: Cause -> how strong it is: more calls, longer calls, share of agents away, share of agents not scheduled at noon.
SINGLE = {"volume": 0.16, "handle time": 0.16, "agents present": 0.14, "schedule": 0.3}
DAY_SPREAD = 0.02


def play_week(strength: dict[str, float], seed: int) -> pd.DataFrame:
    """Return the intervals of a week that was played with causes of some strength, as the review takes them."""
    dice = np.random.default_rng(seed)
    planned = np.tile(PROFILE, DAYS)
    required = TARGET.require(planned, AHT)["agents"].to_numpy()
    gap = np.zeros(24)
    gap[9:15] = strength.get("schedule", 0.0)
    scheduled = required - np.round(required * np.tile(gap, DAYS))
    there = scheduled - np.round(scheduled * strength.get("agents present", 0.0))
    spread = np.repeat(dice.gamma(1 / DAY_SPREAD**2, DAY_SPREAD**2, DAYS), 24)
    rate = planned * (1 + strength.get("volume", 0.0)) * spread
    count = dice.poisson(rate)
    start = np.arange(len(planned)) // 24 * 86400.0 + np.arange(len(planned)) % 24 * STEP
    slot = np.repeat(np.arange(len(planned)), count)
    at = start[slot] + dice.uniform(0, STEP, len(slot))
    order = np.argsort(at, kind="stable")
    slot, at = slot[order], at[order]
    handle = dice.exponential(AHT * (1 + strength.get("handle time", 0.0)), len(at))
    crew = build_agents(there.astype(int), start, STEP)
    run = simulate_queue(at, handle, crew, patience=dice.exponential(PATIENCE, len(at)))
    served = run.outcome == SERVED
    in_time = served & (run.start - run.arrived <= 20.0)
    ds = pd.Timestamp("2024-03-04 08:00") + pd.to_timedelta(start, unit="s")

    def sums(values: np.ndarray) -> np.ndarray:
        return np.bincount(slot, values.astype(float), minlength=len(planned))

    frame = pd.DataFrame({"ds": ds, "calls_planned": planned, "calls": count.astype(float), "aht_planned": AHT})
    frame = frame.assign(n=sums(served), handle_s=sums(np.where(served, handle, 0.0)), agents_planned=required)
    return frame.assign(agents_scheduled=scheduled, agents=there, in_time=sums(in_time), decided=count.astype(float))


def judge(strength: dict[str, float], seeds: int) -> tuple[float, float, float, float]:
    """Return how often causes are named first, how often with 70% of the miss too, their mean share, and the miss."""
    first, enough, shares, misses = [], [], [], []
    for seed in range(seeds):
        found = explain_target(play_week(strength, seed), TARGET)
        named = set(found["cause"].head(len(strength))) == set(strength)
        share = float(found.set_index("cause").loc[list(strength), "part"].sum() / found["part"].sum())
        first.append(named)
        enough.append(named and share >= 0.7)
        shares.append(share)
        misses.append(found.attrs["observed"] - found.attrs["planned"])
    return float(np.mean(first)), float(np.mean(enough)), float(np.mean(shares)), float(np.mean(misses))


def main() -> None:
    """Print a row for each cause, and for each pair of them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--strength", type=float, default=1.0, help="share of the usual strength of each cause")
    given = parser.parse_args()
    seeds = given.seeds
    print(f"{'injected':32s} named first  and 70% of the miss  mean share  service level against plan")
    weak = {cause: 0.6 * strength for cause, strength in SINGLE.items()}
    cases = [{c: s} for c, s in SINGLE.items()] + [dict(pair) for pair in combinations(weak.items(), 2)]
    for usual in cases:
        strength = {cause: given.strength * size for cause, size in usual.items()}
        first, enough, share, miss = judge(strength, seeds)
        print(f"{' and '.join(strength):32s} {first:11.0%} {enough:20.0%} {share:11.0%} {100 * miss:+8.1f} points")


if __name__ == "__main__":
    main()
