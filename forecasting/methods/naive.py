"""Naive methods: last season repeated, averages of the same slots."""

from __future__ import annotations

import numpy as np

from ...features.arrays import Bools, Floats
from ..grid.profile import SeasonalProfile
from .daily_level import calm_volumes
from .scene import Scene


def same_slot(scene: Scene) -> Floats:
    """Average the latest same slots of the week on ordinary days, times the factor of special days."""
    return scene.profile.mean[:, scene.places] * scene.factors


def seasonal_naive(scene: Scene) -> Floats:
    """Repeat the last week; of weeks and months the last year, or the last value where there is no year."""
    year = scene.grid.frequency.year
    last = scene.profile.last[:, scene.places]
    if not year:
        return last
    source = scene.origin - year + np.arange(scene.horizon) % year
    if source[0] < 0:
        return last
    past = scene.grid.y[:, np.minimum(source, scene.origin - 1)]
    return np.where(np.isnan(past), last, past)


def mean_of_both(scene: Scene) -> Floats:
    """Average the two naive methods."""
    return (same_slot(scene) + seasonal_naive(scene)) / 2


def recent_level(scene: Scene) -> Floats:
    """Move the usual week to the level of the last days, times the factor of special days."""
    return (
        forecast_level_adjusted_week(scene.profile, scene.grid.frequency.slots_per_day)[:, scene.places] * scene.factors
    )


#: Weight of a same slot against that of a week later.
SAME_SLOT_DISCOUNT = 0.9


#: Weight of a day against the next, in the level of the last days.
LEVEL_DAY_DISCOUNT = 0.8


#: How far the forecast follows the level of the last days: 0 not at all, 1 all the way.
LEVEL_WEIGHT = 0.7


#: Weeks whose days count in the level of the last days.
LEVEL_WEEKS = 6


#: Arrivals as usual that are added to those of the last days, so that a sparse series does not jump.
PRIOR_ARRIVALS = 10.0


#: A slot counts at most this many times its expectation in the level, so that one wild value does not move it.
MAX_RATIO = 5.0


#: Arrivals of a slot that count in full in the level, however many times the usual they are.
FULL_ARRIVALS = 4.0


def discounted_average(y: Floats, counts: Bools, discount: float) -> Floats:
    """Average the values of each slot that count, each older one with less weight (Brown 1959).

    Parameters
    ----------
    y, counts
        N x weeks x P values and whether each may be used.
    discount
        Weight of a value against that of the next one that counts.

    Returns
    -------
    N x P averages; NaN where no value counts.

    Examples
    --------
    >>> discounted_average(np.array([[[9.0], [np.nan], [3.0]]]), np.array([[[True], [False], [True]]]), 0.5)
    array([[5.]])
    """
    behind = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]
    weight = np.where(counts, discount ** (behind - 1.0), 0.0)
    total = weight.sum(axis=1)
    average: Floats = (np.where(counts, y, 0.0) * weight).sum(axis=1) / np.where(total > 0, total, np.nan)
    return average


def forecast_level_adjusted_week(profile: SeasonalProfile, per_day: int, calm: bool = True) -> Floats:
    """Forecast one season from the origin on: discounted same slots times the level of the last days.

    The level is what came in the last six weeks over what the discounted same-slot average had in the same slots,
    each day with 0.8 of the weight of the next; the forecast follows it with the exponent 0.7. To both sides ten
    arrivals are added (times the series' ratio of variance to mean, so that units do not matter). Closed, missing
    and special slots count in neither.

    Parameters
    ----------
    profile
        The panel's profile at the origin, with the values that were looked back on.
    per_day
        Slots of a day; 1 for longer slots.
    calm
        Whether days that hold little of the week are brought near the week before them.

    Returns
    -------
    N x P volumes, a column for each slot of the season from the origin on.
    """
    week = discounted_average(profile.y, profile.counts, SAME_SLOT_DISCOUNT)
    week = np.where(np.isnan(week), profile.mean, week)
    season = week.shape[1]
    counts, slots = profile.counts[:, -LEVEL_WEEKS:], LEVEL_WEEKS * season
    usual = np.where(counts, week[:, None, :], 0.0)
    few = FULL_ARRIVALS * np.where(np.isfinite(profile.unit), profile.unit, 0.0)[:, None, None]
    lately = np.where(counts, np.fmin(profile.y[:, -LEVEL_WEEKS:], np.maximum(MAX_RATIO * usual, few)), 0.0)
    if calm and season == 7 * per_day:
        lately = _calm_days(lately, usual, per_day)
    age = (slots - 1 - np.arange(slots)) // per_day
    weight = (LEVEL_DAY_DISCOUNT**age).reshape(1, LEVEL_WEEKS, season)
    came, expected = (weight * lately).sum(axis=(1, 2)), (weight * usual).sum(axis=(1, 2))
    total = usual.sum(axis=(1, 2))
    dispersion = ((lately - usual) ** 2).sum(axis=(1, 2)) / np.where(total > 0, total, 1.0)
    prior = PRIOR_ARRIVALS * dispersion
    known = expected + prior > 0
    level = np.where(known, (came + prior) / np.where(known, expected + prior, 1.0), 1.0) ** LEVEL_WEIGHT
    moved: Floats = week * level[:, None]
    return moved


def _calm_days(lately: Floats, usual: Floats, per_day: int) -> Floats:
    """Scale the slots of small days so that each day is near the week before it, N x weeks x P."""
    days = (len(lately), -1, per_day)
    came, expected = (each.reshape(days).sum(axis=2) for each in (lately, usual))
    calm = calm_volumes(came, expected)
    part = np.where(came > 0, calm / np.where(came > 0, came, 1.0), 1.0)
    scaled: Floats = (lately.reshape(days) * part[:, :, None]).reshape(lately.shape)
    return scaled
