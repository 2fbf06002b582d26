"""KPI histories of a desk on which nothing happens, and the same with shifts put in at known days."""

from __future__ import annotations

import numpy as np
import pandas as pd

WEEK = np.array([1.1, 1.05, 1.0, 1.0, 0.95, 0.4, 0.3])
KINDS = ("count", "share", "median")


def quiet(kind, series=50, days=200, seed=0, effect=None):
    """Return a history of one KPI; ``effect`` (days by series, 1 = none) multiplies the mean, odds or median.

    Volumes have a weekday effect and stray more than chance: 10 % for counts, a beta of 60 cases for shares.
    """
    rng = np.random.default_rng(seed)
    effect = np.ones((days, series)) if effect is None else effect
    week = WEEK[np.arange(days) % 7][:, None]
    cases = rng.poisson(10 ** rng.uniform(0.6, 2.3, series) * week).astype(float)
    numerator = np.full(cases.shape, np.nan)
    median = np.full(cases.shape, np.nan)
    if kind == "count":
        level = 10 ** rng.uniform(0.6, 2.3, series) * week * effect
        value = cases = rng.poisson(rng.gamma(100, 0.01, (days, series)) * level).astype(float)
    elif kind == "share":
        odds = rng.uniform(0.05, 0.4, series)
        odds = odds / (1 - odds) * effect
        p = odds / (1 + odds)
        numerator = rng.binomial(cases.astype(int), rng.beta(p * 60, (1 - p) * 60)).astype(float)
        with np.errstate(invalid="ignore"):
            value = numerator / cases
    else:
        with np.errstate(divide="ignore"):
            noise = rng.normal(0, np.sqrt(1.5 / cases + 0.01))
        value = median = np.where(cases > 0, 3600 * effect * np.exp(noise), np.nan)
    return pd.DataFrame(
        {
            "kpi": f"quiet_{kind}",
            "team": np.tile([f"t{i:03d}" for i in range(series)], days),
            "ds": np.repeat(pd.date_range("2023-01-02", periods=days, unit="us"), series),
            "value": value.ravel(),
            "n": cases.ravel(),
            "numerator": numerator.ravel(),
            "median": median.ravel(),
        }
    )


def shifted(kind, size, shifts=40, length=14, series=200, days=200, seed=0):
    """Return a history with shifts of a size, and their truth: series, start, end."""
    rng = np.random.default_rng(1000 + seed)
    chosen = rng.choice(series, shifts, replace=False)
    starts = rng.integers(90, days - length, shifts)
    effect = np.ones((days, series))
    for column, start in zip(chosen, starts, strict=True):
        effect[start : start + length, column] = size
    day = pd.Timestamp("2023-01-02")
    truth = pd.DataFrame(
        {
            "series": [f"t{i:03d}" for i in chosen],
            "start": [day + pd.Timedelta(days=int(s)) for s in starts],
            "end": [day + pd.Timedelta(days=int(s) + length - 1) for s in starts],
        }
    )
    return quiet(kind, series, days, seed, effect), truth
