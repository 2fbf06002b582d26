"""Columns that are known for the past and for the time ahead: campaigns, releases, billing runs, weather."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...features.arrays import Floats, Ints


@dataclass(frozen=True)
class Regressors:
    """Known columns on the slots of a grid.

    Attributes
    ----------
    names
        K columns.
    values
        R x (T + H) x K; R is 1, or N where series differ. NaN where nothing is known of the past.
    """

    names: tuple[str, ...]
    values: Floats

    def by_day(self, rows: Ints, begin: int, stop: int, front: int, total: int, size: int) -> Floats:
        """Return the mean of each day, R x D x K, of the slots ``begin`` to ``stop`` after ``front`` empty ones."""
        chosen = self.values if len(self.values) == 1 else self.values[rows]
        padded = np.full((len(chosen), total * size, len(self.names)), np.nan)
        part = chosen[:, begin:stop]
        padded[:, front : front + part.shape[1]] = part
        cube = padded.reshape(len(chosen), total, size, len(self.names))
        known = ~np.isnan(cube)
        count = known.sum(axis=2)
        return np.where(count > 0, np.where(known, cube, 0.0).sum(axis=2) / np.maximum(count, 1), np.nan)
