"""Risk levels: bands of the breach risk, for lists, actions and pages."""

from __future__ import annotations

import numpy as np

#: Bands of the probability, and where each ends.
RISK_LEVELS: tuple[str, ...] = ("low", "medium", "high", "very high")
RISK_LEVEL_BOUNDS: tuple[float, ...] = (0.2, 0.5, 0.8)


def assign_risk_levels(probability: object) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Return the band of each probability: low below 0.2, medium below 0.5, high below 0.8, very high from there.

    >>> assign_risk_levels([0.79, 0.8]).tolist()
    ['high', 'very high']
    """
    place = np.searchsorted(RISK_LEVEL_BOUNDS, np.asarray(probability, dtype=float), side="right")
    return np.asarray(np.array(RISK_LEVELS, dtype=object)[place])
