"""How fast the requirement for a long horizon is, and how exact, beside a loop over another library.

python benchmarks/staffing.py
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.forecasting.erlang import COLUMNS, queue_performance
from deskcast.forecasting.staffing import required_agents, scheduled_agents

ROWS = 10_000
GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "oracles" / "queues.csv"


def intervals(erlangs: float) -> tuple[np.ndarray, np.ndarray]:
    """Return calls and handle times of each interval."""
    rng = np.random.default_rng(1)
    aht = rng.uniform(240, 360, ROWS)
    return rng.uniform(0.7, 1.3, ROWS) * erlangs * 1800 / aht, aht


def best_of(run: int, call) -> tuple[float, pd.DataFrame]:
    """Return the least seconds of a few runs, and what came out."""
    seconds = []
    for _ in range(run):
        start = time.perf_counter()
        out = call()
        seconds.append(time.perf_counter() - start)
    return min(seconds), out


def errors() -> None:
    """Hold the formulas against the golden file."""
    golden = pd.read_csv(GOLDEN)
    found = queue_performance(
        *(golden[c].to_numpy() for c in ("calls", "aht", "agents", "interval", "threshold", "patience"))
    )
    print(f"largest relative error over {len(golden)} rows of 50 digits (values below 1e-300 left out)")
    for column in COLUMNS:
        truth = golden[column].to_numpy()
        use = np.isfinite(truth) & (truth > 1e-300)
        print(f"  {column:18s} {np.max(np.abs(found[column].to_numpy()[use] / truth[use] - 1)):.1e}")


def speed(erlangs: float) -> None:
    """Time the requirement, and a loop over pyworkforce where it is installed."""
    calls, aht = intervals(erlangs)
    print(f"{ROWS:,} intervals of about {erlangs:g} Erlangs, 80 % in 20 s")
    for words, options in (
        ("no occupancy cap", {"max_occupancy": None}),
        ("occupancy at most 0.85", {"max_occupancy": 0.85}),
        ("no cap, patience 120 s", {"max_occupancy": None, "patience": 120}),
    ):
        seconds, need = best_of(3, lambda options=options: required_agents(calls, aht, **options))
        print(f"  deskcast, {words:24s} {seconds:6.3f} s   agents {need['agents'].sum():,}")
    try:
        from pyworkforce.queuing import ErlangC
    except ImportError:
        print("  pyworkforce is not installed: no comparison")
        return
    for cap in (None, 0.85):
        start = time.perf_counter()
        total = 0
        for c, s in zip(calls, aht, strict=True):
            queue = ErlangC(transactions=c, aht=s / 60, asa=20 / 60, interval=30, shrinkage=0.0)
            total += queue.required_positions(service_level=0.8, max_occupancy=cap or 1.0)["raw_positions"]
        print(f"  pyworkforce, cap {cap}: {time.perf_counter() - start:6.3f} s   agents {total:,}")


def uncertainty() -> None:
    """A rate that varies between intervals costs more than any refinement of the formula."""
    print("57 agents for 50 Erlangs, 80 % in 20 s: share of all calls in time when the rate varies (gamma)")
    for spread in (0.0, 0.05, 0.10, 0.20):
        rng = np.random.default_rng(1)
        rate = rng.gamma(1 / spread**2, spread**2, 200_000) if spread else np.ones(1)
        met = queue_performance(300 * rate, 300, 57)["service_level"].to_numpy()
        print(f"  {spread:4.0%}  {np.average(met, weights=rate):.3f}")


def main() -> int:
    """Print all figures."""
    errors()
    for erlangs in (48, 5000):
        speed(erlangs)
    uncertainty()
    print("people for 21 agents at 30 % shrinkage:", scheduled_agents(21, 0.30))
    return 0


if __name__ == "__main__":
    sys.exit(main())
