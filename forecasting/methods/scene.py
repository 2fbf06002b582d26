"""What a forecasting method is given: the slots, what was known at the origin, and the calendar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...features.arrays import Floats, Ints
from ..grid.grid import Grid
from ..grid.profile import SeasonalProfile, build_profile
from ..grid.special_days import SpecialDays
from ..grid.yearly_days import add_yearly_days


@dataclass(frozen=True)
class Scene:
    """All that a method may look at: the panel before an origin.

    Attributes
    ----------
    grid, special, profile
        The panel, its special days, and its weekly profile at the origin. Only values before the origin may be used,
        and of them those that ``grid.known(origin)`` tells; ``grid.is_open`` and the special days are known ahead.
    origin, horizon
        First slot to forecast, and how many.
    factors
        H; factor of the day of each slot, 1 on ordinary days.
    kind
        What the values are: ``count``, ``rate``, ``duration`` or ``stock``.
    """

    grid: Grid
    special: SpecialDays
    profile: SeasonalProfile
    origin: int
    horizon: int
    factors: Floats
    kind: str = "count"

    @property
    def places(self) -> Ints:
        """Column of the profile that belongs to each slot ahead."""
        return np.arange(self.horizon) % self.grid.frequency.season


def build_scene(grid: Grid, special: SpecialDays, origin: int, horizon: int) -> Scene:
    """Return what a method may look at, at an origin."""
    special = add_yearly_days(grid, special, origin, horizon)
    profile = build_profile(grid, special.ordinary, origin)
    factors = np.append(special.factors(origin), 1.0)[special.kind[origin : origin + horizon]]
    return Scene(grid, special, profile, origin, horizon, factors)
