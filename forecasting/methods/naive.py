"""Naive methods: last season repeated, averages of the same slots."""

from __future__ import annotations

import numpy as np

from .recent import recent_week
from .scene import Floats, Scene


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
    return recent_week(scene.profile, max(scene.grid.frequency.per_day, 1))[:, scene.places] * scene.factors
