"""Sparse panels: is the sum of all forecasts right, and does the interval of the total hold what it says?

    python benchmarks/sparse_panel.py [PANELS] [--grain D W h] [--points]      (default: 77 panels a rate and grain)

Made-up panels of independent Poisson queues at rates from 0.02 to 4 a time step, by days (180 of them, 28 ahead, with a
week), by weeks (104, 8 ahead) and by hours (10 weeks, one ahead, with days and weeks). Each row: mean of forecasts over
truth with two standard errors, the same of sample paths, and the share of the totals of all series and time steps ahead
inside the 80 and 95 % intervals of the paths. With the default number there are 1,617 totals. 26 panels are forecast in
one call, as series of one panel of 520: what they learn from each other is nothing, since queues are independent, and a
run takes minutes instead of hours. With ``--points`` the paths are left out. The seeds of the panels were not used to
choose anything.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from deskcast.features.arrays import Floats
from deskcast.forecasting import forecast, sample_paths, total_over

RATES = (0.02, 0.05, 0.1, 0.3, 1.0, 2.0, 4.0)

#: Grain -> past and coming time steps, series, and the name of the grain where dates are made.
GRAINS = {"D": (180, 28, 20, "D"), "W": (104, 8, 20, "W-MON"), "h": (24 * 70, 24 * 7, 8, "h")}

WEEK = np.array([1.3, 1.2, 1.1, 1.1, 1.1, 0.7, 0.5])

PATHS, SEED, TOGETHER = 200, 7_000_000, 26


def shape(ds: pd.DatetimeIndex, grain: str) -> Floats:
    """Return what each time step holds relative to the mean."""
    usual = np.ones(len(ds)) if grain == "W" else WEEK[ds.day_of_week]
    if grain == "h":
        bell = np.exp(-(((np.arange(24) - 13) / 4) ** 2))
        usual = usual * (bell / bell.mean())[ds.hour]
    return np.asarray(usual, dtype=float)


def panel(rate: float, grain: str, seed: int) -> tuple[pd.DataFrame, float, float]:
    """Return the history of a panel, the mean of what is to come, and what came."""
    past, ahead, count, name = GRAINS[grain]
    ds = pd.date_range("2024-01-01", periods=past + ahead, freq=name)
    mean = rate * shape(ds, grain)
    y = np.random.default_rng(seed).poisson(mean, (count, len(ds))).astype(float)
    ids = np.repeat([f"q{i:02d}" for i in range(count)], past)
    history = pd.DataFrame({"unique_id": ids, "ds": np.tile(ds[:past], count), "y": y[:, :past].ravel()})
    return history, float(count * mean[past:].sum()), float(y[:, past:].sum())


def score(rate: float, grain: str, panels: int, points: bool) -> dict[str, float]:
    """Return one row of the table."""
    ahead, ratios, of_paths, inside = GRAINS[grain][1], [], [], []
    for first in range(0, panels, TOGETHER):
        numbers = range(first, min(first + TOGETHER, panels))
        made = [panel(rate, grain, SEED + 1000 * number + round(100 * rate)) for number in numbers]
        parts = [
            each[0].assign(unique_id=f"{number:04d} " + each[0]["unique_id"])
            for number, each in zip(numbers, made, strict=True)
        ]
        history = pd.concat(parts, ignore_index=True)
        mean, came = (pd.Series([each[i] for each in made], [f"{n:04d}" for n in numbers]) for i in (1, 2))
        point = forecast(history, ahead, grain)
        ratios.extend(point["deskcast"].groupby(point["unique_id"].str[:4]).sum() / mean)
        if points:
            continue
        paths = sample_paths(history, ahead, grain, n=PATHS)
        by = {name: name[:4] for name in history["unique_id"].unique()}
        total = total_over(paths.assign(ds=paths["ds"].min()), by=by).set_index("unique_id")
        inside.extend(
            np.column_stack(
                [came.between(total[f"deskcast-lo-{lv}"], total[f"deskcast-hi-{lv}"]).to_numpy() for lv in (80, 95)]
            )
        )
        of_paths.extend(total["mean"] / mean)
    row = {"rate": rate, "forecast/truth": float(np.mean(ratios)), "2 errors": _two_errors(ratios)}
    if points:
        return row
    held = np.mean(inside, axis=0)
    row |= {"paths/truth": float(np.mean(of_paths)), "2 errors of it": _two_errors(of_paths)}
    return row | {"held 80": float(held[0]), "held 95": float(held[1])}


def _two_errors(ratios: list[float]) -> float:
    return float(2 * np.std(ratios) / np.sqrt(len(ratios)))


def main() -> None:
    """Print one row a grain and rate."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("panels", nargs="?", type=int, default=77)
    parser.add_argument("--grain", nargs="+", choices=list(GRAINS), default=list(GRAINS))
    parser.add_argument("--points", action="store_true", help="leave the paths out")
    given = parser.parse_args()
    rows = []
    for grain in given.grain:
        for rate in RATES:
            rows.append({"grain": grain, **score(rate, grain, given.panels, given.points)})
            print({name: round(v, 3) if isinstance(v, float) else v for name, v in rows[-1].items()}, flush=True)
    table = pd.DataFrame(rows)
    print(table.to_string(index=False, float_format=lambda v: f"{v:.3f}"))
    if not given.points:
        print(
            f"{len(table) * given.panels:,} totals: {table['held 80'].mean():.3f}, {table['held 95'].mean():.3f} held"
        )


if __name__ == "__main__":
    main()
