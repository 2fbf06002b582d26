"""Days whose work outlasts the interval: each interval for itself, the modified offered load, and the exact method.

    python benchmarks/long_handle_times.py [REPLICATIONS]

The plans are played by the simulation, in which an agent finishes the call that is open at the end of a shift (and
works overtime for it), and by the exact chain, in which a colleague takes it over. With
"same hours" the aim of the modified offered load is raised or lowered until it takes as many agent hours as the
interval-by-interval plan.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from deskcast.forecasting.simulation.check_plan import check_plan
from deskcast.forecasting.staffing.required_over_day import required_agents_over_day

SLOTS = 32


def day(aht: float, swing: float) -> np.ndarray:
    """Return the calls of 32 half-hours: 50 Erlangs on the mean, most in the middle of the day."""
    load = 50 * (1 + swing * np.sin(2 * np.pi * (np.arange(SLOTS) / SLOTS - 0.25)))
    return load * 1800 / aht


def same_hours(calls: np.ndarray, aht: float, hours: int) -> pd.DataFrame:
    """Find the aim at which the modified offered load takes about so many agent intervals."""
    low, high = 0.3, 0.99
    for _ in range(30):
        middle = (low + high) / 2
        plan = required_agents_over_day(calls, aht, service_level=middle, max_occupancy=None)
        low, high = (middle, high) if plan["agents"].sum() <= hours else (low, middle)
    return required_agents_over_day(calls, aht, service_level=low, max_occupancy=None)


def main(replications: int = 300) -> None:
    """Print the worst and the best interval of each plan, by simulation and by the exact chain."""
    for aht, swing in ((300, 0.5), (1800, 0.3), (1800, 0.5), (3600, 0.5)):
        calls = day(aht, swing)
        plans = {
            m: required_agents_over_day(calls, aht, max_occupancy=None, method=m)
            for m in ("interval", "offered_load", "exact")
        }
        plans["same hours"] = same_hours(calls, aht, int(plans["interval"]["agents"].sum()))
        print(f"handle time {aht / 60:.0f} min, load 50 Erlangs +- {swing:.0%}, 80 % in 20 s, 30-minute intervals")
        for name, plan in plans.items():
            ds = pd.date_range("2024-03-01 07:00", periods=SLOTS, freq="30min")
            frame = pd.DataFrame({"ds": ds, "calls": calls, "aht_s": float(aht), "agents": plan["agents"]})
            found = check_plan(frame, replications=replications)
            slots, all_ = found[found["period"] == "interval"], found[found["period"] == "all"].iloc[0]
            worst = slots.loc[slots["service_level"].idxmin()]
            hours, low, high = plan["agents"].sum() / 2, worst["service_level_lo"], worst["service_level_hi"]
            print(
                f"  {name:13s} agent hours {hours:6.1f} and {all_['overtime_h']:4.1f} overtime; "
                f"worst interval {worst['service_level']:.2f} ({low:.2f} to {high:.2f}; chain "
                f"{slots['over_day_service_level'].min():.2f}), best {slots['service_level'].max():.2f}, "
                f"day {all_['service_level']:.3f} (chain {all_['over_day_service_level']:.3f})"
            )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
