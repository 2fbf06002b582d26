"""The smallest whole number that meets a condition, for many rows at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..features.arrays import Bools, Floats, Ints, Places

Meets = Callable[[Places, Floats], Bools]

#: Rounding of the inputs must not cost an agent: 21 / (1 - 0.3) is 30.000000000000004 and means 30.
ROUNDING_TOLERANCE = 1e-9


def ceiling(x: Floats) -> Ints:
    """Round up, but not for the sake of rounding errors.

    >>> ceiling(np.array([21 / 0.7, 30.01])).tolist()
    [30, 31]
    """
    return np.asarray(np.ceil(x - ROUNDING_TOLERANCE * np.maximum(x, 1)), dtype=np.int64)


def find_smallest(meets: Meets, floor: Ints, guess: Ints) -> Ints:
    """Return the smallest integer from ``floor`` on that meets, for each row; more is never worse.

    Starts at a guess, leaps in doubled steps until the answer is enclosed, then halves.

    Parameters
    ----------
    meets
        Tells for the rows of the given positions whether their candidates meet.
    floor
        Smallest candidates.
    guess
        Where to start.

    Examples
    --------
    >>> find_smallest(lambda rows, n: n >= np.array([7, 0])[rows], np.array([0, 3]), np.array([2, 50])).tolist()
    [7, 3]
    """
    low, high = floor - 1, np.maximum(guess, floor)  # low never meets, or is below the floor
    good = meets(np.arange(len(floor)), high.astype(float))
    low = np.where(good, low, high)
    up, step = np.flatnonzero(~good), 1
    while len(up):
        high[up] = low[up] + step
        good = meets(up, high[up].astype(float))
        low[up] = np.where(good, low[up], high[up])
        up, step = up[~good], step * 2
    down, step = np.flatnonzero(high - low > 1), 1
    while len(down):
        probe = np.maximum(high[down] - step, low[down] + 1)
        good = meets(down, probe.astype(float))
        high[down], low[down] = np.where(good, probe, high[down]), np.where(good, low[down], probe)
        down, step = down[good & (high[down] - low[down] > 1)], step * 2
    rest = np.flatnonzero(high - low > 1)
    while len(rest):
        probe = (high[rest] + low[rest]) // 2
        good = meets(rest, probe.astype(float))
        high[rest], low[rest] = np.where(good, probe, high[rest]), np.where(good, low[rest], probe)
        rest = rest[high[rest] - low[rest] > 1]
    return high
