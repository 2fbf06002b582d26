"""The constants of single-series scores, on generated series with faults put in: ten kinds of series, eight of faults.

python benchmarks/injected_faults.py [seeds]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.models.anomaly.evidence import (
    WARM_UP_VALUES,
    measure_novelty,
    measure_recent_deviation,
    rank_evidence,
    suppress_repeats,
    tail_evidence,
)
from deskcast.models.anomaly.scores import RECENT_WEIGHT
from deskcast.models.anomaly.views import DAY_S, views
from scipy.signal import lfilter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "oracles"))
from nab_rules import Marked, final

FAULTS = ("spike", "shift", "frozen", "drop", "noise", "wrong hour", "drift", "burst")
Rng = np.random.Generator
Evidence = tuple[np.ndarray, np.ndarray, list[str]]


def kept(n: int, share: float, rng: Rng) -> np.ndarray:
    """Return noise that keeps a share of its last value, with spread 1."""
    out = lfilter([1], [1, -share], rng.normal(size=n))
    return out / out.std()


def ordinary(stamps: pd.DatetimeIndex, rng: Rng) -> dict[str, Callable[[], np.ndarray]]:
    """Return the kinds of series before anything happens."""
    n = len(stamps)
    day = np.sin(2 * np.pi * ((stamps.hour + stamps.minute / 60).to_numpy() - 8) / 24)
    work = (stamps.day_of_week < 5).astype(float)
    e = rng.normal(size=n)
    return {
        "load": lambda: 40 + 2 * kept(n, 0.9, rng) + e + 0.5 * rng.standard_t(3, n),
        "almost flat": lambda: 0.13 + 0.01 * np.round(e),
        "traffic": lambda: 60 + 15 * day * work + 4 * kept(n, 0.9, rng) + 2 * e,
        "rides": lambda: 1000 * (15 + 7 * day + 2 * work + 0.8 * kept(n, 0.9, rng) + 0.4 * e),
        "mentions": lambda: rng.poisson(np.exp(3 + 0.6 * day + 0.3 * kept(n, 0.9, rng)) * rng.gamma(2, 0.5, n)) * 1.0,
        "rare counts": lambda: rng.poisson(0.5 * np.exp(0.5 * day)) * 1.0,
        "bursts": lambda: np.where(rng.uniform(size=n) < 0.02, rng.exponential(1e7, n), 0.0),
        "price": lambda: np.exp(-2.3 + 0.2 * kept(n, 0.995, rng) + 0.25 * e),
        "temperature": lambda: 70 + 3 * kept(n, 0.995, rng) + 0.8 * day + 0.3 * e,
        "requests": lambda: rng.poisson(np.exp(4 + 0.5 * day + 0.1 * kept(n, 0.995, rng))) * 1.0,
    }


def broken(y: np.ndarray, at: int, fault: str, rng: Rng) -> np.ndarray:
    """Return the series with one fault from a place on."""
    y, length = y.copy(), int(rng.integers(6, 60))
    span = np.diff(np.quantile(y, [0.1, 0.9]))[0] or y.std() or 1.0
    size = span * rng.uniform(0.7, 2) * rng.choice([-1, 1], p=[0.3, 0.7])
    reach = {"spike": 2, "shift": 8 * length, "noise": 2 * length, "wrong hour": 3 * length, "drift": 6 * length}
    part = slice(at, at + reach.get(fault, length))
    n = len(y[part])
    y[part] = {
        "spike": lambda: y[part] + 2.5 * size,
        "shift": lambda: y[part] + size,
        "frozen": lambda: np.full(n, y[at]),
        "drop": lambda: np.full(n, y.min() - 0.1 * span),
        "noise": lambda: y[part] + abs(size) * rng.normal(size=n),
        "wrong hour": lambda: y[max(at - 150, 0) :][:n],
        "drift": lambda: y[part] + size * np.linspace(0, 1, n),
        "burst": lambda: y[part] + rng.exponential(span, n),
    }[fault]()
    return y


def made(seed: int) -> dict[str, tuple[pd.DatetimeIndex, Evidence, Marked]]:
    """Return one series of each kind: stamps, evidence of its views, and windows around the faults."""
    rng, out = np.random.default_rng(seed), {}
    for kind in ordinary(pd.DatetimeIndex(["2024-01-01"]), rng):
        freq = str(rng.choice(["5min", "5min", "30min", "h"]))
        n = int({"5min": 4032, "30min": 6000, "h": 2000}[freq] * rng.uniform(0.7, 1.6))
        stamps = pd.date_range("2024-01-01", periods=n, freq=freq)
        y = ordinary(stamps, rng)[kind]()
        count = int(rng.integers(1, 5))
        width = int(0.1 * n / count)
        places = np.sort(rng.integers(int(0.2 * n), int(0.95 * n), count))
        places = places[np.diff(places, prepend=-n) > width + 60]
        for place in places:
            y = broken(y, int(place), str(rng.choice(FAULTS)), rng)
        limits = [(stamps[p - width // 2], stamps[min(p + width // 2, n - 1)]) for p in places]
        out[f"{kind} {seed}"] = stamps, evidence(y, stamps), Marked.of(pd.Series(stamps), limits)
    return out


def evidence(y: np.ndarray, stamps: pd.DatetimeIndex) -> Evidence:
    """Return what each view says of never seen and of unusual of late, and the names of the views."""
    seen = views(y, stamps, (stamps[1] - stamps[0]).total_seconds())
    dust = 1e-9 * np.maximum.accumulate(np.abs(y))
    new = np.stack([rank_evidence(measure_novelty(view.values, dust)) for view in seen])
    odd = np.stack([tail_evidence(measure_recent_deviation(view.values, view.lag, dust)) for view in seen])
    return new, odd, [view.name for view in seen]


def main() -> int:
    """Print the table."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    files = {name: parts for seed in range(seeds) for name, parts in made(seed).items()}
    marks = {name: parts[2] for name, parts in files.items()}

    def row(title: str, weight: float = RECENT_WEIGHT, days: float = 1.0, keep: Callable[[str], bool] = bool) -> None:
        scores = {}
        for name, (stamps, (new, odd, names), _) in files.items():
            use = [i for i, view in enumerate(names) if keep(view)]
            both = (1 - weight) * new[use].mean(axis=0) + weight * odd[use].mean(axis=0)
            both[:WARM_UP_VALUES] = 0.0
            seconds = (stamps - stamps[0]).total_seconds().to_numpy()
            scores[name] = 1 - 10.0 ** -suppress_repeats(both, seconds, days * DAY_S, 7)
        cells = []
        for profile in ("standard", "reward_low_FP_rate"):
            at = [final(marks, {n: s >= limit for n, s in scores.items()}, profile) for limit in (0.7, 0.75, 0.8, 0.85)]
            cells.append(" ".join(f"{score:6.1f}" for score in at))
        print(f"{title:30s} {cells[0]}  |{cells[1]}", flush=True)

    print(f"{sum(m.windows for m in marks.values())} faults in {len(files)} series; at the thresholds .7 .75 .8 .85")
    print(f"{'':30s} {'standard profile':27s}  | low-false-alarm profile")
    for weight in (0.0, 0.1, 0.2, 0.35, 0.5, 1.0):
        row(f"weight of the recent {weight}", weight=weight)
    for days in (0.25, 0.5, 2.0, 4.0):
        row(f"merged over {days} days", days=days)
    row("without the season", keep=lambda view: "seasonal" not in view)
    row("without restlessness", keep=lambda view: "restless" not in view)
    row("level and step alone", keep=lambda view: view in ("level", "level of 6", "step"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
