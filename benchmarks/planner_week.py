"""A planner's week: how close to the lowest cost shifts with days off apart are proven, and how long 1,000 queues take.

python benchmarks/planner_week.py [shifts] [queues [COUNT]]
"""

from __future__ import annotations

import sys
from time import process_time

import numpy as np
import pandas as pd
from deskcast.forecasting.scheduling.breaks import BreakRule
from deskcast.forecasting.scheduling.schedule import shift_schedule
from deskcast.forecasting.scheduling.shift_patterns import shift_patterns
from deskcast.forecasting.staffing.staffing_plan import staffing_plan

HOUR = 3600.0
QUEUES = 1_000


def week(peak: float, round_the_clock: bool) -> pd.DataFrame:
    """Return people needed by quarter hour: two humps a day, quiet at the weekend, noise of 8 %."""
    rng = np.random.default_rng(0)
    ds = pd.date_range("2024-03-04", periods=7 * 96, freq="15min")
    hour = (ds.hour + ds.minute / 60).to_numpy()
    shape = np.exp(-(((hour - 10.5) / 2.2) ** 2)) + 0.8 * np.exp(-(((hour - 15) / 2.5) ** 2)) + 0.12
    day = np.array([1.15, 1.05, 1.0, 0.97, 0.9, 0.5, 0.35])[ds.day_of_week]
    need = np.ceil(shape / shape.max() * day * peak * rng.uniform(0.92, 1.08, len(ds)))
    open_then = np.ones(len(ds), dtype=bool) if round_the_clock else (hour >= 7) & (hour < 22)
    return pd.DataFrame({"ds": ds, "required": np.where(open_then, need, 0.0)})


def shifts() -> None:
    """Print proven gap and time by size of the crew, for an office day and for a week round the clock."""
    print("week               days off  peak  cpu s  proven gap  paid hours  lower bound  short (agent hours)")
    rest = [BreakRule(1800, 3.5 * HOUR, 4.5 * HOUR)]
    office = {"lengths_s": [8.5 * HOUR], "step_s": 1800}
    always = {"lengths_s": [8.5 * HOUR], "starts_s": np.arange(0, 24, 2) * HOUR, "breaks": rest}
    pause = {
        "lengths_s": [8 * HOUR],
        "starts_s": np.arange(0, 24, 4) * HOUR,
        "breaks": [BreakRule(900, 3 * HOUR, 5 * HOUR)],
    }
    for name, rules in (("office", office), ("round the clock", always), ("clock, by hours", pause)):
        for apart in (True, False):
            patterns = shift_patterns(free_days=apart, **rules)
            for peak in (8, 20, 60, 200):
                begun = process_time()
                need, part = week(peak, name != "office"), 4
                if name == "clock, by hours":
                    need, part = need.groupby(need["ds"].dt.floor("h"))["required"].max().reset_index(), 1
                found = shift_schedule(need, patterns, gap=0.01)
                short = found.coverage["understaffed"].sum() / part
                print(
                    f"{name:17s}  {'apart' if apart else 'together':8s}  {peak:4d}  {process_time() - begun:5.1f}"
                    f"  {found.gap:10.2%}  {found.hours:10,.1f}  {found.bound_hours:11,.1f}  {short:19,.1f}",
                    flush=True,
                )


def queues(count: int = QUEUES) -> None:
    """Print the time of the plan of 1,000 queues for a week of quarter hours."""
    ds = pd.date_range("2024-03-04", periods=7 * 96, freq="15min")
    rng = np.random.default_rng(1)
    size = np.exp(rng.normal(2, 1, count))
    level = week(100.0, True)["required"].to_numpy() / 100
    calls = np.outer(size, level).ravel()
    ahead = pd.DataFrame({"unique_id": np.repeat([f"q{i}" for i in range(count)], len(ds)), "ds": np.tile(ds, count)})
    ahead["deskcast"] = calls
    for percent, z in ((80, 1.28), (95, 1.96)):
        off = z * np.sqrt(calls + (0.15 * calls) ** 2)
        ahead[f"deskcast-lo-{percent}"], ahead[f"deskcast-hi-{percent}"] = np.maximum(calls - off, 0.0), calls + off
    spent, rows = 0.0, 0
    for _, one in ahead.groupby("unique_id", sort=False):  # as a desk plans them: queue by queue
        begun = process_time()
        rows += len(staffing_plan(one, aht=300.0, interval=900, shrinkage=0.3, confidence=0.8))
        spent += process_time() - begun
    print(f"{count:,} queues, {rows:,} intervals: {spent:.1f} s of CPU, with risks")


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["shifts", "queues"]
    if "shifts" in wanted:
        shifts()
    if "queues" in wanted:
        queues(*(int(text) for text in wanted if text.isdigit()))
