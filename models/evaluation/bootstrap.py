"""Draws of whole cases: snapshots of one case rise and fall together."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...features.arrays import Floats, Ints


def case_codes(case: ArrayLike) -> Ints:
    """Number the cases of the rows from 0.

    >>> case_codes(["b", "a", "b"]).tolist()
    [1, 0, 1]
    """
    return np.asarray(pd.factorize(np.asarray(case), sort=True)[0], dtype=np.int64)


def bootstrap_ratio(part: Floats, whole: Floats, codes: Ints, replicates: int, seed: int) -> tuple[float, Floats]:
    """Return a ratio of sums over rows, and the same for draws of whole cases.

    Parameters
    ----------
    part, whole
        What is summed above and below the line, shape (n,).
    codes
        Case of each row, from :func:`case_codes`, shape (n,).
    replicates, seed
        How many draws, and their seed: the same seed, the same draws.

    Returns
    -------
    The ratio, and ``replicates`` drawn ones; 1 where a draw has nothing below the line.

    Notes
    -----
    Cluster bootstrap: Davison and Hinkley (1997), Bootstrap Methods and their Application, section 3.8. The score of a
    draw is a ratio of sums, as cases differ in their rows.

    Examples
    --------
    >>> ratio, drawn = bootstrap_ratio(np.array([1.0, 2.0]), np.ones(2), np.array([0, 1]), 100, 0)
    >>> ratio, sorted(set(drawn.tolist()))
    (1.5, [1.0, 1.5, 2.0])
    """
    above, below = (np.bincount(codes, v).astype(np.float64) for v in (part, whole))
    rng, cases = np.random.default_rng(seed), len(above)
    drawn = np.ones(replicates)
    for draw in range(replicates):
        taken = rng.integers(0, cases, cases)
        total = below[taken].sum()
        drawn[draw] = above[taken].sum() / total if total > 0 else 1.0
    return float(above.sum() / below.sum()), drawn
