"""Sample paths of sparse queues: counts around their mean, with levels that may be off together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...features.arrays import Floats

#: Past forecast volume, in arrivals, at which a series' own dispersion counts as much as that of all.
PRIOR_ARRIVALS = 30.0

#: Standard errors by which sums must be further off than chance puts them for a level to be off.
MIN_STANDARD_ERRORS = 2.0


@dataclass(frozen=True)
class CountSpread:
    """How counts lie around their forecasts.

    Attributes
    ----------
    step
        N; smallest difference of two values: 1 for counts.
    dispersion
        N; variance of a slot over its mean, in steps; 1 is Poisson.
    together, apart
        Squared coefficients of variation of the level of all series over the horizon, and of that of each.
    """

    step: Floats
    dispersion: Floats
    together: float
    apart: float


def estimate_count_spread(errors: Floats, past: Floats, step: Floats) -> CountSpread:
    """Learn the spread of counts from past errors.

    Slots tell the dispersion. Sums over the horizon that are further off than independent slots would be tell how far
    the level is off: those of all series together, and those of each.

    Parameters
    ----------
    errors, past
        O x N x H errors (NaN where there is none) and forecasts of past origins.
    step
        N; smallest difference of two values.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> past = np.full((12, 50, 28), 0.1)
    >>> found = estimate_count_spread(rng.poisson(past) - past, past, np.ones(50))
    >>> bool(found.together < 0.01), bool(abs(found.dispersion.mean() - 1) < 0.1)
    (True, True)
    """
    count = len(step)
    known = ~np.isnan(errors)
    if not known.any():
        return CountSpread(step, np.ones(count), 0.0, 0.0)
    error = np.where(known, errors, 0.0) / step[None, :, None]
    mean = np.where(known, np.nan_to_num(past), 0.0) / step[None, :, None]
    square, volume = (error**2).sum(axis=(0, 2)), mean.sum(axis=(0, 2))
    every = square.sum() / max(float(volume.sum()), 1e-9)
    dispersion = np.maximum((square + PRIOR_ARRIVALS * every) / (volume + PRIOR_ARRIVALS), 1.0)
    sums, volumes = error.sum(axis=2), mean.sum(axis=2)
    noise = volumes * dispersion
    whole = _excess(sums.sum(axis=1), noise.sum(axis=1), volumes.sum(axis=1))
    return CountSpread(step, dispersion, whole, max(_excess(sums, noise, volumes) - whole, 0.0))


def _excess(sums: Floats, noise: Floats, volumes: Floats) -> float:
    """Return the squared coefficient of variation of levels that explains what noise does not."""
    excess = sums**2 - noise
    # few sums tell little: what chance explains is nothing, and what it does not explain counts in full
    doubt = MIN_STANDARD_ERRORS * float(excess.std()) * np.sqrt(excess.size)
    top, bottom = float(excess.sum()), float((volumes**2).sum())
    return top / bottom if bottom > 0 and top > doubt else 0.0


def draw_counts(
    mean: Floats, spread: CountSpread, n: int, rng: np.random.Generator, common: Floats | None = None
) -> Floats:
    """Draw paths of counts, n x N x H, whose mean is the forecast, N x H; ``common`` are normal scores of their level.

    >>> spread = CountSpread(np.ones(1), np.ones(1), 0.0, 0.0)
    >>> drawn = draw_counts(np.full((1, 5), 0.1), spread, 4000, np.random.default_rng(0))
    >>> bool(abs(drawn.sum(axis=2).mean() - 0.5) < 0.05), float(np.median(drawn))
    (True, 0.0)
    """
    level = _common_levels(spread.together, n, rng, common) * _levels(spread.apart, (n, len(mean), 1), rng)
    expected = np.maximum(mean, 0.0) / spread.step[:, None] * level
    # a negative binomial count is a Poisson count around a gamma rate
    extra = np.broadcast_to((spread.dispersion - 1)[:, None], expected.shape)
    wide = extra > 0.02
    rate = np.where(wide, rng.gamma(np.where(wide, expected / np.where(wide, extra, 1.0), 1.0)) * extra, expected)
    counts: Floats = rng.poisson(rate) * spread.step[:, None]
    return counts


def _common_levels(square: float, n: int, rng: np.random.Generator, scores: Floats | None) -> Floats:
    """Return the level of all series in each path, n x 1 x 1, in the order of the scores where there are any."""
    drawn = _levels(square, (n, 1, 1), rng)
    return drawn if scores is None else np.sort(drawn, axis=0)[np.argsort(np.argsort(scores))]


def _levels(square: float, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    if square <= 1e-9:
        return np.ones(shape)
    drawn: Floats = rng.gamma(1 / square, square, shape)
    return drawn
