"""How fast a week of 15-minute intervals is covered by 3,000 shift patterns, and how good that is proven to be.

python benchmarks/scheduling.py [PEAK ...]
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from deskcast.forecasting.scheduling.schedule import shift_schedule
from deskcast.forecasting.scheduling.shift_patterns import ShiftPattern, shift_patterns

HOUR = 3600.0
PATTERNS = 3000


def week(peak: float) -> pd.DataFrame:
    """Return people needed: two humps a day, quiet at the weekend, and noise of 8 % from one interval to the next."""
    rng = np.random.default_rng(0)
    ds = pd.date_range("2024-03-04", periods=7 * 96, freq="15min")
    hour = (ds.hour + ds.minute / 60).to_numpy()
    shape = np.exp(-(((hour - 10.5) / 2.2) ** 2)) + 0.8 * np.exp(-(((hour - 15) / 2.5) ** 2)) + 0.12
    day = np.array([1.15, 1.05, 1.0, 0.97, 0.9, 0.5, 0.35])[ds.day_of_week]
    need = np.ceil(shape / shape.max() * day * peak * rng.uniform(0.92, 1.08, len(ds)))
    return pd.DataFrame({"ds": ds, "required": np.where((hour >= 7) & (hour < 22), need, 0.0)})


def contracts(kinds: str) -> list[ShiftPattern]:
    """Return 3,000 patterns: full-time and part-time weeks, and in "mixed" single days too."""
    full = shift_patterns(lengths_s=[8.5 * HOUR, 9 * HOUR], step_s=1800, break_choices=5)
    part = shift_patterns("part-time", lengths_s=[4 * HOUR, 5 * HOUR, 6 * HOUR], step_s=1800, days_per_week=3)
    single = [
        p
        for day in range(7)
        for p in shift_patterns(
            "single days", lengths_s=np.arange(3, 9.5, 0.5) * HOUR, step_s=900, days_per_week=1, workdays=[day]
        )
    ]
    every = full + part + (single if kinds == "mixed" else [])
    if kinds == "weeks":
        every += shift_patterns("four days", lengths_s=[9.5 * HOUR, 10 * HOUR], step_s=1800, days_per_week=4)
        every += shift_patterns("evenings", lengths_s=[3 * HOUR, 4 * HOUR], step_s=900, days_per_week=5)
        every += shift_patterns("early", lengths_s=[7 * HOUR], step_s=900, break_choices=4, days_per_week=5)
    if kinds == "days":
        every = single
    chosen = np.sort(np.random.default_rng(1).permutation(len(every))[:PATTERNS])
    return [every[i] for i in chosen]


def main(peaks: list[float]) -> int:
    """Print one line a setting."""
    print("patterns  kinds   peak  seconds   proven gap  paid hours  lower bound  short (agent hours)  people")
    for kinds in ("mixed", "days", "weeks"):
        patterns = contracts(kinds)
        for peak in peaks:
            found = shift_schedule(week(peak), patterns, gap=0.01, seconds=58)
            short = found.coverage["understaffed"].sum() / 4
            print(
                f"{len(patterns):8,}  {kinds:6s} {peak:5g}  {found.seconds:7.1f}  {found.gap:10.2%}"
                f"  {found.hours:10,.1f}  {found.bound_hours:11,.1f}  {short:19,.1f}  {found.table['people'].sum():6,}",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main([float(a) for a in sys.argv[1:]] or [20, 60, 200]))
