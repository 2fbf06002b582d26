"""Cost of a large panel: daily series of two years, 28 days ahead, with intervals.

    python benchmarks/panel.py [SERIES ...]        (default: 1000 10000)

Each size runs in a process of its own, so that its peak memory is its own. Up to 1,000 series are one panel; more are
made on the fly and forecast in chunks of 1,000 (``forecast_chunks``), so that neither the history nor the forecast is
ever whole in memory. CPU is that of the process, making the series not counted. Sizes are the only choice here: nothing
is tuned.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
from collections.abc import Iterator
from time import process_time

import numpy as np
import pandas as pd
from deskcast.forecasting import forecast
from deskcast.forecasting.panels.chunks import forecast_chunks

DAYS, HORIZON, CHUNK = 730, 28, 1000


def panel(series: int, seed: int) -> pd.DataFrame:
    """Return daily counts with a week, a slow drift and noise of their own."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.normal(3.5, 1.0, (series, 1)))
    week = 1 + 0.4 * np.sin(2 * np.pi * (np.arange(DAYS) % 7) / 7 + rng.uniform(0, 6.28, (series, 1)))
    drift = np.exp(np.cumsum(rng.normal(0, 0.01, (series, DAYS)), axis=1))
    y = rng.poisson(level * week * drift).astype(float)
    names = np.array([f"s{seed:03d}_{i:04d}" for i in range(series)])
    days = pd.date_range("2023-01-02", periods=DAYS).as_unit("us")
    ids = pd.Series(np.repeat(names, DAYS)).astype("str")
    return pd.DataFrame({"unique_id": ids, "ds": np.tile(days, series), "y": y.ravel()})


def measure(series: int) -> tuple[float, float, int]:
    """Return CPU seconds of the forecast, peak memory in MB, and rows."""
    spent = [0.0]

    def parts() -> Iterator[pd.DataFrame]:
        for seed in range(-(-series // CHUNK)):
            begun = process_time()
            part = panel(min(CHUNK, series - seed * CHUNK), seed)
            spent[0] += process_time() - begun
            yield part

    if series <= CHUNK:
        history = panel(series, 0)
        begun = process_time()
        rows = len(forecast(history, HORIZON, "D"))
        seconds = process_time() - begun
    else:
        begun = process_time()
        rows = sum(len(f) for f in forecast_chunks(parts(), HORIZON, "D", chunk=CHUNK))
        seconds = process_time() - begun - spent[0]
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, rows


def main(sizes: list[int]) -> None:
    """Print one line a size."""
    context = multiprocessing.get_context("spawn")
    print(f"{'series':>8} {'CPU s':>8} {'ms/series':>10} {'peak MB':>8} {'rows':>10}")
    for series in sizes:
        with context.Pool(1) as pool:
            seconds, memory, rows = pool.apply(measure, (series,))
        print(f"{series:>8,} {seconds:>8.2f} {1000 * seconds / series:>10.2f} {memory:>8.0f} {rows:>10,}", flush=True)


if __name__ == "__main__":
    main([int(a) for a in sys.argv[1:]] or [1000, 10_000])
