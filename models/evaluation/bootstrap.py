"""Draws of whole cases: snapshots of one case rise and fall together."""

from __future__ import annotations

from collections.abc import Iterator

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


def draw_cases(count: int, replicates: int, seed: int) -> Iterator[Ints]:
    """Yield draws of as many cases as there are, with replacement: the same seed, the same draws.

    >>> [len(taken) for taken in draw_cases(3, 2, 0)], list(draw_cases(0, 2, 0))
    ([3, 3], [])
    """
    rng = np.random.default_rng(seed)
    return (rng.integers(0, count, count) for _ in range(replicates if count else 0))


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
    drawn = np.ones(replicates)
    for draw, taken in enumerate(draw_cases(len(above), replicates, seed)):
        total = below[taken].sum()
        drawn[draw] = above[taken].sum() / total if total > 0 else 1.0
    return float(above.sum() / below.sum()), drawn
