"""What is possible at all: alarms of a CUSUM that knows the level, the dispersion and the size of every shift."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from panels import WEEK, quiet
from scipy.special import betaln

WARM, DAYS, SERIES = 60, 200, 200


def true_level(kind, seed, series=SERIES, days=DAYS):
    """Draw the levels again as :func:`panels.quiet` does."""
    rng = np.random.default_rng(seed)
    week = WEEK[np.arange(days) % 7][:, None]
    rng.poisson(10 ** rng.uniform(0.6, 2.3, series) * week)
    if kind == "count":
        return 10 ** rng.uniform(0.6, 2.3, series) * week
    return rng.uniform(0.05, 0.4, series)[None, :] + 0 * week


def gains(history, kind, step, seed):
    """Return the log likelihood ratio of a shift by ``step`` (log ratio or log odds) for each value."""
    value, n = (history.pivot(index="ds", columns="team", values=c).to_numpy() for c in ("value", "n"))
    if kind == "share":
        hits = history.pivot(index="ds", columns="team", values="numerator").to_numpy()
        p = true_level(kind, seed)
        odds = p / (1 - p) * np.exp(step)
        q = odds / (1 + odds)
        return (betaln(hits + 60 * q, n - hits + 60 * (1 - q)) - betaln(60 * q, 60 * (1 - q))) - (
            betaln(hits + 60 * p, n - hits + 60 * (1 - p)) - betaln(60 * p, 60 * (1 - p))
        )
    if kind == "count":
        mean = true_level(kind, seed)
        ratio = np.log((100 + mean * np.exp(step)) / (100 + mean))
        return value * (step - ratio) - 100 * ratio
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = (step * np.log(value / 3600) - step**2 / 2) / (1.5 / n + 0.01)
    return np.where(n > 0, gain, 0.0)


def crossings(gain, limit):
    """Return where the sum first exceeds the limit; it starts again from 0 after each alarm."""
    marks, total = np.zeros(gain.shape, dtype=bool), np.zeros(gain.shape[1])
    for t in range(len(gain)):
        total = np.maximum(total, 0) + np.nan_to_num(gain[t])
        marks[t] = total > limit
        total[marks[t]] = 0
    return marks


@cache
def limit_of(kind, size, panels=6):
    """Return the threshold with one false alarm a week over 200 quiet series."""
    both = []
    for seed in range(7000, 7000 + panels):
        history = quiet(kind, SERIES, DAYS, seed=seed)
        both += [gains(history, kind, way * np.log(size), seed)[WARM:] for way in (1, -1)]
    low, high = 2.0, 12.0
    for _ in range(10):
        middle = (low + high) / 2
        rate = sum(crossings(gain, middle).sum() for gain in both) / (panels * (DAYS - WARM) / 7)
        low, high = (middle, high) if rate > 1 else (low, middle)
    return high


def oracle_alarms(history, kind, size, seed):
    """Return the alarms of the CUSUM that knows it all."""
    marks = np.zeros((DAYS, SERIES), dtype=bool)
    for way in (1, -1):
        gain = gains(history, kind, way * np.log(size), seed)
        gain[:WARM] = 0
        marks |= crossings(gain, limit_of(kind, size))
    names = sorted(history["team"].unique())
    days = np.sort(history["ds"].unique())
    rows, columns = np.nonzero(marks)
    found = pd.DataFrame({"series": [names[c] for c in columns], "detected_at": days[rows]})
    found["series"] = found["series"].astype("str")
    # alarms that follow each other within a week are one
    found = found.sort_values(["series", "detected_at"])
    again = found.groupby("series")["detected_at"].diff() <= pd.Timedelta(days=7)
    return found[~again].reset_index(drop=True)
