"""Alarms of single periods with chance kept in bounds, and what an incident is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy import special

from ...features.arrays import Bools, Floats

Ending = Literal["", "back", "usual", "changed"]


def benjamini_hochberg(score: Floats, share: float, least: float = 0.0) -> Bools:
    """Mark the scores that stand out among all scores of their row, with the false discovery rate held at ``share``.

    While nothing happens, a row has any mark at all with probability ``share``, however many series there are.

    Parameters
    ----------
    score
        Standard normal scores, periods by series; missing ones are no tests.
    share
        Accepted share of false marks.
    least
        Score below which nothing stands out, however few series there are.

    Notes
    -----
    Benjamini and Hochberg (1995), row by row, two-sided.

    Examples
    --------
    >>> benjamini_hochberg(np.array([[0.1, 5.0, -0.3, np.nan], [2.0, 1.0, 0.0, 0.5]]), 0.05).astype(int).tolist()
    [[0, 1, 0, 0], [0, 0, 0, 0]]
    """
    if not score.size:
        return np.zeros(score.shape, dtype=bool)
    p = np.where(np.isnan(score), 2.0, 2 * special.ndtr(-np.abs(score)))
    tests = (p <= 1).sum(axis=1, keepdims=True)
    order = np.sort(p, axis=1)
    rank = np.arange(1, p.shape[1] + 1)
    good = order <= share * rank / np.maximum(tests, 1)
    last = np.where(good.any(axis=1), p.shape[1] - 1 - good[:, ::-1].argmax(axis=1), -1)
    limit = np.where(last >= 0, order[np.arange(len(p)), np.maximum(last, 0)], -1.0)
    return np.asarray((p <= limit[:, None]) & (np.abs(np.nan_to_num(score)) >= least))


@dataclass
class Detection:
    """Alarms of one series that belong together; all places are rows of its panel.

    ``start`` and ``detected`` are fixed when the incident opens; ``last``, ``kind`` and ``peak`` follow the alarms.
    ``direction`` is 1 up, -1 down; ``ending`` says whether the level is ``back``, has become ``usual`` or is back where
    an earlier change had brought it (``changed``), and ``ended`` at which row that was known. ``earliest`` is the first
    row on which it can have begun.
    """

    kind: str
    direction: int
    start: int
    detected: int
    last: int
    peak: float
    ending: Ending = ""
    ended: int = -1
    alarms: list[int] = field(default_factory=list)
    earliest: int = 0
