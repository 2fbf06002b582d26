"""How large errors of a forecast are: by its root, a power more, and the lead."""

from __future__ import annotations

import numpy as np

from ...features.arrays import Floats, Ints

#: Errors that a tier needs to tell of their sizes.
MIN_ERRORS = 50

#: Mean absolute errors at which a wild one is cut.
MAX_MEAN_ERRORS = 4.0

#: Past origins without which errors are not seen to grow, standard errors of a slope that is half believed, and the
#: largest share by which the first and the last lead may differ from the mean.
MIN_GROWTH_ORIGINS, GROWTH_DOUBT, MAX_GROWTH = 6, 1.0, 0.6

#: Powers of the relative forecast that are tried beyond its root (counts vary no less than that), bounds of the
#: relative forecast, and series of a tier that tell.
EXPONENTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
RELATIVE_BOUNDS, MAX_EXPONENT_SERIES = (0.05, 20.0), 100

#: Standard deviation of the log of relative forecasts below which they are too much alike to tell of a power.
MIN_LOG_SPREAD = 0.15


def compute_error_scale(point: Floats, level: Floats, unit: Floats, power: Floats | float = 0.0) -> Floats:
    """Return the size by which errors of a forecast are made comparable: the root of the forecast, and a power more.

    Arrivals vary like Poisson counts, whose deviation is the root of the mean, times a factor of the queue; the
    factor is the series' own ``sigma``. So one pool serves busy and slack hours, large queues and small ones, and
    a series counted in other units gets the same interval in those units. A forecast near 0 has the spread of a
    20th of the series' level, or of one arrival in eight same slots, so that "none so far" is not "never". It is 0
    only for a series that held nothing yet: nothing can be said of the size of its errors.

    Parameters
    ----------
    point
        N x H forecasts.
    level, unit
        N; mean volume of a slot and smallest volume above 0.
    power
        N; power of the forecast over the level by which the root is multiplied, see :func:`fit_error_exponent`.
    """
    once = np.minimum(level, np.where(np.isfinite(unit), unit, 0.0) / 8)
    floor = np.maximum(level / 20, once)
    least = np.maximum(point, floor[:, None])
    relative = np.clip(least / np.where(level > 0, level, 1.0)[:, None], *RELATIVE_BOUNDS)
    size: Floats = np.sqrt(least) * relative ** np.reshape(power, (-1, 1))
    return size


def fit_error_exponent(scaled: Floats, relative: Floats, tier: Ints) -> Floats:
    """Return the power of the relative forecast by which scaled errors still grow, N: 0 where the root tells it all.

    Errors of a Poisson count go by the root of the forecast, those of a level that is missed go by the forecast
    itself, and a queue has both: a pool of errors that knows the root alone is too narrow at the peak of the day and
    too wide at night. The power of a tier is the one under which the errors of past origins would have been likeliest
    had they a Laplace distribution; it is believed as far as the origins agree.

    Parameters
    ----------
    scaled
        O x N x H errors over the root of the forecast, NaN where there is none.
    relative
        O x N x H; forecast over the mean volume of the series.
    tier
        N; series of one tier share the power.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> relative = rng.uniform(0.2, 3.0, (12, 1, 100))
    >>> error = rng.laplace(size=relative.shape)
    >>> fit_error_exponent(error * relative**0.5, relative, np.zeros(1, dtype=int)).round(1)
    array([0.5])
    >>> abs(fit_error_exponent(error, relative, np.zeros(1, dtype=int))) < 0.05
    array([ True])
    """
    power = np.zeros(scaled.shape[1])
    for number in np.unique(tier):
        rows = np.flatnonzero(tier == number)
        some = rows[:: -(-len(rows) // MAX_EXPONENT_SERIES)]
        near = relative[:, some]
        # the floor of a forecast is the lower bound: rounding must not decide
        low, high = RELATIVE_BOUNDS[0] * (1 - 1e-6), RELATIVE_BOUNDS[1] * (1 + 1e-6)
        near = np.where((near >= low) & (near <= high), near, np.nan)
        power[rows] = _exponent(np.abs(scaled[:, some]), np.log(near))
    return power


def _exponent(size: Floats, log: Floats) -> float:
    """Return the likeliest power of sizes O x n x H, pulled to 0 as far as origins disagree."""
    known = ~np.isnan(size) & ~np.isnan(log)
    # each series in units of its own, and no wild error speaks for all
    own = np.where(known, size, 0.0).sum(axis=(0, 2)) / np.maximum(known.sum(axis=(0, 2)), 1)
    size = np.minimum(size / np.where(own > 0, own, 1.0)[None, :, None], MAX_MEAN_ERRORS)
    count = known.sum(axis=(1, 2))
    told = np.flatnonzero(count > 0)
    if len(told) < MIN_GROWTH_ORIGINS or count.sum() < MIN_ERRORS:
        return 0.0
    size, log = np.where(known, size, 0.0)[told], np.where(known, log, 0.0)[told]
    count = count[told]
    middle = log.sum() / count.sum()
    if (np.where(known[told], log - middle, 0.0) ** 2).sum() < MIN_LOG_SPREAD**2 * count.sum():
        return 0.0
    loss = np.zeros((len(EXPONENTS), len(told)))
    for i, power in enumerate(EXPONENTS):
        by_origin = (size * np.exp(-power * log)).sum(axis=(1, 2)) / count
        middle = (by_origin * count).sum() / count.sum()
        if middle <= 0:
            return 0.0
        loss[i] = np.log(middle) + by_origin / middle - 1 + power * log.sum(axis=(1, 2)) / count
    mean = (loss * count).sum(axis=1) / count.sum()
    best = int(np.argmin(mean))
    gain = (loss[EXPONENTS.index(0.0)] - loss[best]) * count / count.mean()
    doubt = gain.std(ddof=1) / np.sqrt(len(told))
    total = float(gain.mean())
    return EXPONENTS[best] * max(0.0, 1 - (doubt / total) ** 2) if total > 0 else 0.0


def fit_error_growth(scaled: Floats) -> Floats:
    """Return how the size of errors grows with the lead, H factors of mean 1: a line, as far as it is no chance.

    Each past origin has a slope of its own; how far these agree says how much of their mean is believed.

    Parameters
    ----------
    scaled
        O x N x H scaled errors, NaN where there is none.

    Examples
    --------
    >>> lead = np.arange(1.0, 15.0)
    >>> noise = np.random.default_rng(0).normal(size=(12, 1, 14))
    >>> fit_error_growth(noise * lead)[[0, -1]].round(1).tolist(), fit_error_growth(noise)[[0, -1]].round(1).tolist()
    ([0.4, 1.6], [0.9, 1.1])
    """
    origins, _, leads = scaled.shape
    flat = np.ones(leads)
    known = ~np.isnan(scaled)
    if origins < MIN_GROWTH_ORIGINS or leads < 2 or not known.any():
        return flat
    size = np.where(known, np.abs(scaled), 0.0)
    most = MAX_MEAN_ERRORS * float(size[known].mean())
    count = known.sum(axis=1)
    mean = np.minimum(size, most).sum(axis=1) / np.maximum(count, 1)
    lead = np.arange(leads) - (leads - 1) / 2
    whole = float((mean * count).sum() / max(count.sum(), 1))
    weight = (count > 0).astype(float)
    spread = (weight * lead**2).sum(axis=1)
    slopes = (weight * lead * (mean - whole)).sum(axis=1) / np.where(spread > 0, spread, 1.0)
    slope, doubt = float(slopes.mean()), float(slopes.std(ddof=1)) / np.sqrt(origins)
    if whole <= 0 or slope <= 0:
        return flat
    slope *= slope**2 / (slope**2 + (GROWTH_DOUBT * doubt) ** 2)
    # even the first lead has some error
    growth: Floats = 1 + np.minimum(slope / whole, 2 * MAX_GROWTH / max(leads - 1, 1)) * lead
    return growth
