"""Types of numpy arrays, one name each; and a quick way for short ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Places in another array.
Places = npt.NDArray[np.intp]


def clip(x: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike) -> Floats:
    """Return what ``np.clip`` does, in half of its time for short arrays.

    >>> clip(np.array([-2.0, 0.5, np.nan]), -1, 1).tolist()
    [-1.0, 0.5, nan]
    """
    return np.asarray(np.minimum(np.maximum(x, low), high))
