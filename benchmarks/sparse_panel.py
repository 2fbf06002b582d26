"""Sparse panels: is the sum of all forecasts right, and does the interval of the total hold what it says?

    python benchmarks/sparse_panel.py [PANELS] [--grain D W h] [--apart]     (default: 116 panels a rate, D and W)

Made-up panels of independent Poisson queues at rates from 0.02 to 4 a time step, by days (180 of them, 28 ahead, with a
week), by weeks (104, 8 ahead) and by hours (10 weeks, one ahead, with days and weeks). Each row: mean of forecasts over
truth with two standard errors, the same of sample paths, and the share of the totals of all series and time steps ahead
inside the 80 and 95 % intervals of the paths, with two standard errors of the 80 %. With the default number there are
1,624 totals. The panels of a rate are forecast in one call, which ends in minutes, each with a total of its own; with
``--apart`` each has a call of its own, as a desk would have, which takes an hour. The seeds were not used to choose
anything.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from deskcast.features.arrays import Floats
from deskcast.forecasting import total_over
from deskcast.forecasting.scenarios.sample_paths import path_cube
from deskcast.forecasting.volume.issued import issue

RATES = (0.02, 0.05, 0.1, 0.3, 1.0, 2.0, 4.0)

#: Grain -> past and coming time steps, series, and the name of the grain where dates are made.
GRAINS = {"D": (180, 28, 20, "D"), "W": (104, 8, 20, "W-MON"), "h": (24 * 70, 24 * 7, 8, "h")}

WEEK = np.array([1.3, 1.2, 1.1, 1.1, 1.1, 0.7, 0.5])

PATHS, SEED = 300, 7_000_000

#: Series of one call at most.
MAX_SERIES = 2_400


def shape(ds: pd.DatetimeIndex, grain: str) -> Floats:
    """Return what each time step holds relative to the mean."""
    usual = np.ones(len(ds)) if grain == "W" else WEEK[ds.day_of_week]
    if grain == "h":
        bell = np.exp(-(((np.arange(24) - 13) / 4) ** 2))
        usual = usual * (bell / bell.mean())[ds.hour]
    return np.asarray(usual, dtype=float)


def panels_of(rate: float, grain: str, numbers: range) -> tuple[pd.DataFrame, Floats, Floats]:
    """Return the history of some panels, and of each the mean of what is to come and what came."""
    past, ahead, count, name = GRAINS[grain]
    ds = pd.date_range("2024-01-01", periods=past + ahead, freq=name)
    mean = rate * shape(ds, grain)
    seeds = [SEED + 1000 * number + round(100 * rate) for number in numbers]
    y = np.stack([np.random.default_rng(seed).poisson(mean, (count, len(ds))) for seed in seeds]).astype(float)
    ids = np.repeat([f"p{number:04d}q{i:02d}" for number in numbers for i in range(count)], past)
    times = np.tile(ds[:past], len(numbers) * count)
    history = pd.DataFrame({"unique_id": ids, "ds": times, "y": y[:, :, :past].ravel()})
    return history, np.full(len(numbers), count * mean[past:].sum()), y[:, :, past:].sum(axis=(1, 2))


def totals(rate: float, grain: str, numbers: range) -> pd.DataFrame:
    """Return one row a panel: forecast and paths over truth, and whether its total was held."""
    history, mean, came = panels_of(rate, grain, numbers)
    issued = issue(history, GRAINS[grain][1], grain)
    panel = pd.Index(issued.grid.ids).str[:5]
    forecast = pd.Series(np.nansum(issued.point, axis=1)).groupby(panel).sum().to_numpy()
    sums = pd.DataFrame(path_cube(issued, PATHS).sum(axis=2).T, index=panel[issued.alive]).groupby(level=0).sum()
    sums = sums.reindex(panel.unique(), fill_value=0.0)
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(sums.index, PATHS),
            "ds": pd.Timestamp("2025-01-01"),
            "path": np.tile(np.arange(PATHS), len(sums)),
            "y": sums.to_numpy().ravel(),
        }
    )
    told = total_over(frame)
    held = {f"held {lv}": (told[f"deskcast-lo-{lv}"] <= came) & (came <= told[f"deskcast-hi-{lv}"]) for lv in (80, 95)}
    return pd.DataFrame({"forecast": forecast / mean, "paths": told["mean"] / mean, **held})


def score(rate: float, grain: str, panels: int, apart: bool) -> dict[str, float]:
    """Return one row of the table."""
    most = 1 if apart else max(1, MAX_SERIES // GRAINS[grain][2])
    parts = [range(first, min(first + most, panels)) for first in range(0, panels, most)]
    found = pd.concat([totals(rate, grain, numbers) for numbers in parts])
    errors = 2 * found.astype(float).std(ddof=0) / np.sqrt(len(found))
    mean = found.mean()
    return {
        "rate": rate,
        "forecast/truth": float(mean["forecast"]),
        "2 errors": float(errors["forecast"]),
        "paths/truth": float(mean["paths"]),
        "2 errors of it": float(errors["paths"]),
        "held 80": float(mean["held 80"]),
        "2 errors of 80": float(errors["held 80"]),
        "held 95": float(mean["held 95"]),
    }


def main() -> None:
    """Print one row a grain and rate."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("panels", nargs="?", type=int, default=116)
    parser.add_argument("--grain", nargs="+", choices=list(GRAINS), default=["D", "W"])
    parser.add_argument("--apart", action="store_true", help="one call a panel")
    given = parser.parse_args()
    rows = []
    for grain in given.grain:
        for rate in RATES:
            rows.append({"grain": grain, **score(rate, grain, given.panels, given.apart)})
            print({name: round(v, 3) if isinstance(v, float) else v for name, v in rows[-1].items()}, flush=True)
    table = pd.DataFrame(rows)
    print(table.to_string(index=False, float_format=lambda v: f"{v:.3f}"))
    print(f"{len(table) * given.panels:,} totals: {table['held 80'].mean():.3f}, {table['held 95'].mean():.3f} held")


if __name__ == "__main__":
    main()
