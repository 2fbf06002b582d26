"""The season of the year of each series of a panel, learnt week by week beside a level that wanders.

Whether a year comes again is a question of odds: a level that only wanders explains a slow rise as well as a season
does, until the season has come twice. Both are followed side by side (Kalman filters of a random walk with and without
waves of the year), and the season counts as much as what it has foretold speaks for it.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from scipy import special

from ...features.arrays import Floats
from ..series.panel import period_days
from ..series.tail_probability import KpiKind
from .expected_level import Pace

#: Weeks of a history before which no season is believed: a half year that has come twice.
MIN_SEASON_WEEKS = 78
#: Waves in a year; the prior variance of a wave falls with the square of its number.
WAVES = 3
#: How far the level moves in a week, and how far the year swings, in standard deviations of a week's noise.
LEVEL_STEPS, SWINGS = (0.1, 0.3, 1.0), (0.0, 1.0, 3.0)
#: What is believed of a season before anything is seen.
PRIOR_SEASON = 0.1
_YEAR_DAYS, _WEEK_DAYS = 365.2425, 7
_FIRST_WEEKS = 52  # of which the noise of a week is told
_SCALE_PRIOR_WEEKS = 8.0  # weeks as which that counts
_ANY_LEVEL = 1e4  # variance of a level of which nothing is known
_MAX_INNOVATION = 4.0  # standard deviations by which one week may move the filter
_MIN_KNOWN_SHARE = 0.7  # of a week's periods


def estimate_yearly_season(
    kind: KpiKind, value: Floats, n: Floats, stamps: pd.DatetimeIndex, freq: str, pace: Pace
) -> Floats | None:
    """Return how far the season of the year moves each value from its level, as was known before it.

    Parameters
    ----------
    kind
        Kind of the KPI.
    value, n
        Periods by series: counts, hits among ``n``, logarithms of durations or means.
    stamps, freq
        The periods.
    pace
        How old a week must be to teach.

    Returns
    -------
    Logarithm of the factor of a count or of the odds of a share, else the step, shape (periods, series); 0 while
    nothing is known. ``None`` where there is too little history, or periods are longer than a week; of stocks, which
    are judged by their change, too.

    Examples
    --------
    >>> days = pd.date_range("2022-01-03", periods=1100)
    >>> year = 0.4 * np.sin(2 * np.pi * days.day_of_year.to_numpy() / 365)
    >>> calls = np.random.default_rng(0).poisson(100 * np.exp(year))[:, None].astype(float)
    >>> season = estimate_yearly_season("count", calls, calls, days, "D", Pace.of("D"))
    >>> bool(np.corrcoef(season[800:, 0], year[800:])[0, 1] > 0.9), season[:500].any().item()
    (True, False)
    """
    days = period_days(freq)
    per_week = round(_WEEK_DAYS / days) if days <= _WEEK_DAYS + 0.01 else 0
    if kind == "stock" or not per_week or len(value) < (MIN_SEASON_WEEKS + 1) * per_week:
        return None
    weekly = _weekly(kind, value, n, per_week)
    scale = _noise(weekly[:_FIRST_WEEKS])
    turn = 2 * np.pi * (stamps.day_of_year.to_numpy() + (stamps.hour.to_numpy() / 24)) / _YEAR_DAYS
    waves = np.stack([f(k * turn) for k in range(1, WAVES + 1) for f in (np.cos, np.sin)], axis=1)
    middles = waves[per_week // 2 :: per_week][: len(weekly)]
    told = _follow(weekly / np.where(scale > 0, scale, 1.0), middles)
    # the last whole week that is as old as what may teach
    last = (np.arange(len(value)) - pace.guard + 1) // per_week - 1
    ready = last + 1 >= MIN_SEASON_WEEKS
    out = np.zeros_like(value, dtype=float)
    out[ready] = np.einsum("tw,tsw->ts", waves[ready], told[last[ready]]) * scale
    return out


def _weekly(kind: KpiKind, value: Floats, n: Floats, per_week: int) -> Floats:
    """Return the level of each whole week on the scale of the season; missing where too little is known."""
    weeks = len(value) // per_week
    shape = (weeks, per_week, value.shape[1])
    x, cases = (part[: weeks * per_week].reshape(shape) for part in (value, n))
    known = np.isfinite(x) & (cases > 0 if kind == "share" else True)
    number = known.sum(axis=1)
    total = np.where(known, x, 0.0).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "count":
            out = np.log((total + 0.5) / number)
        elif kind == "share":
            of = np.where(known, cases, 0.0).sum(axis=1)
            out = np.log((total + 0.5) / (of - total + 0.5))
        else:
            weight = np.where(known, np.nan_to_num(cases, nan=1.0), 0.0)
            out = (weight * np.where(known, x, 0.0)).sum(axis=1) / weight.sum(axis=1)
    return np.where(number >= _MIN_KNOWN_SHARE * per_week, out, np.nan)


def _noise(weekly: Floats) -> Floats:
    """Return the standard deviation of a week's noise, from the steps between weeks; 0 where it cannot be told."""
    steps = np.abs(np.diff(weekly, axis=0))
    known = np.isfinite(steps)
    count = known.sum(axis=0)
    steps = np.sort(np.where(known, steps, np.inf), axis=0)
    middle = steps[np.maximum(count - 1, 0) // 2, np.arange(steps.shape[1])]
    usable = (count >= 10) & np.isfinite(middle) & (middle > 1e-9)
    return np.asarray(np.where(usable, middle * 1.4826 / np.sqrt(2), 0.0))


def _follow(y: Floats, waves: Floats) -> Floats:
    """Return the heights of the waves after each week, averaged over the models by how well they have foretold.

    Shape (weeks, series, waves); 0 where nothing is known. Series that lack the same weeks share their covariances.
    """
    known, pattern = np.unique(np.isfinite(y), axis=1, return_inverse=True)
    pattern = pattern.reshape(-1)
    steps, swings = (np.array(part) for part in zip(*product(LEVEL_STEPS, SWINGS), strict=True))
    cov = np.repeat(_prior(swings, waves.shape[1])[:, None], known.shape[1], axis=1)
    seasonal = swings > 0
    odds = np.where(seasonal, PRIOR_SEASON / seasonal.sum(), (1 - PRIOR_SEASON) / (~seasonal).sum())
    log_weight = np.repeat(np.log(odds)[:, None], y.shape[1], axis=1)
    mean = np.zeros((len(steps), y.shape[1], waves.shape[1] + 1))
    squares, seen = np.full(log_weight.shape, _SCALE_PRIOR_WEEKS), np.zeros(y.shape[1])
    out = np.zeros((len(y), y.shape[1], waves.shape[1]))
    for week in range(len(y)):
        h = np.r_[1.0, waves[week]]
        use = known[week, pattern]
        cov[..., 0, 0] += (steps**2)[:, None]
        ch = cov @ h
        var = ch @ h + 1.0
        gain = np.where(known[week][:, None], ch / var[..., None], 0.0)
        cov -= gain[..., None] * ch[..., None, :]
        var = var[:, pattern]
        off = np.where(use, y[week] - mean @ h, 0.0)
        freedom = _SCALE_PRIOR_WEEKS + seen
        scale = squares / freedom
        later = use & (seen > 0)  # the first value only says where the level is
        log_weight += np.where(later, _log_density(off, var * scale, freedom), 0.0)
        reach = _MAX_INNOVATION * np.sqrt(var * scale)
        tame = np.where(later, np.clip(off, -reach, reach), off)
        mean += gain[:, pattern] * tame[..., None]
        squares += np.where(later, tame**2 / var, 0.0)
        seen += use
        out[week] = (special.softmax(log_weight, axis=0)[..., None] * mean[..., 1:]).sum(axis=0)
    return out


def _prior(swings: Floats, waves: int) -> Floats:
    """Return the covariance of level and waves before anything is seen, by model."""
    out = np.zeros((len(swings), waves + 1, waves + 1))
    out[:, 0, 0] = _ANY_LEVEL
    rows = np.arange(1, waves + 1)
    out[:, rows, rows] = (swings[:, None] / np.repeat(np.arange(1, WAVES + 1), 2)) ** 2
    return out


def _log_density(off: Floats, var: Floats, freedom: Floats) -> Floats:
    """Return the log density of Student's distribution, up to what is the same for all models."""
    return np.asarray(-0.5 * np.log(var) - (freedom + 1) / 2 * np.log1p(off**2 / (freedom * var)))
