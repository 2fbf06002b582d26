"""Every method at one origin, from what was known then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import process_time

import numpy as np

from ...features.arrays import Bools, Floats
from ...features.plugins import PluginError
from ..grid.grid import Grid
from ..grid.special_days import SpecialDays
from ..methods.registry import run_method
from ..methods.scene import build_scene
from ..one_thread import use_one_blas_thread
from .combination import find_smallest_step


@dataclass(frozen=True)
class MethodForecasts:
    """Forecasts of every method at one origin: N x H points by method, and what holds for all.

    ``quiet`` marks slots that are closed or never hold anything; ``zeros``, ``level``, ``unit`` and ``limit`` are of
    the profile, ``step`` is the smallest difference between two values. ``seconds`` is the CPU time of each method,
    ``shared`` what they have in common, ``failed`` why a user's method has no forecast.
    """

    points: dict[str, Floats]
    quiet: Bools
    zeros: Floats
    level: Floats
    unit: Floats
    step: Floats
    limit: Floats
    seconds: dict[str, float]
    shared: float
    failed: dict[str, PluginError] = field(default_factory=dict)


@use_one_blas_thread()
def forecast_all_methods(
    grid: Grid,
    special: SpecialDays,
    origin: int,
    horizon: int,
    methods: Sequence[str],
    known: MethodForecasts | None = None,
) -> MethodForecasts:
    """Forecast with every method from the values before the origin; ``known`` holds those that are done already."""
    begun = process_time()
    scene = build_scene(grid, special, origin, horizon)
    profile = scene.profile
    closed = ~grid.is_open[:, origin : origin + horizon]
    quiet = profile.quiet[:, scene.places] | closed
    step = find_smallest_step(np.where(profile.counts, profile.y, np.nan).reshape(len(grid.ids), -1))
    shared = process_time() - begun
    points: dict[str, Floats] = dict(known.points) if known else {}
    seconds: dict[str, float] = dict(known.seconds) if known else {}
    failed: dict[str, PluginError] = dict(known.failed) if known else {}
    for name in methods:
        if name not in points:
            begun = process_time()
            silent = quiet & ~np.isnan(profile.level)[:, None]
            try:
                found = run_method(name, scene)
            except PluginError as error:
                found, failed[name] = np.full(silent.shape, np.nan), error
            points[name] = np.where(silent, 0.0, np.maximum(found, 0.0))
            seconds[name] = process_time() - begun
    return MethodForecasts(
        points, quiet, profile.zeros, profile.level, profile.unit, step, profile.limit, seconds, shared, failed
    )
