"""How many alarms are let through: false discoveries held to a number a week over all series, whatever their number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import special

from ...features.arrays import Bools, Floats, Places
from ..series.tail_probability import KpiKind

#: Runs of a quiet series that begin to exceed evidence ``s``, by series and period: ``RATE * exp(-s)`` (simulated).
QUIET_RUN_RATE: dict[KpiKind, float] = {"count": 0.27, "share": 0.29, "duration": 0.17, "score": 0.35, "stock": 0.35}
_TAIL_BEND_EVIDENCE, _TAIL_SLOPE = 7.0, 0.55  # what is learnt of each series is not exact: the far tail is thicker
#: Evidence (log of the odds) below which nothing opens, however few series there are; scores of single values.
MIN_RUN_EVIDENCE, MIN_SPIKE_SCORE = 5.0, 3.5
_REFERENCE_EVIDENCE, _REFERENCE_SCORE = 4.0, 2.5  # where what quiet series do is compared with what they should do
_PRIOR_CROSSINGS = 5.0  # such crossings, had they been seen as expected before the first
_TOLERATED_RATIO = (
    1.3  # true shifts cross as well: only more than this is taken for series that are wilder than thought
)
_DECAY_PER_PERIOD = 0.5 ** (1 / 180)


def exceedance_ratio(score: Floats, tested: Bools, least: float, chance: float, onset: bool) -> Floats:
    """Return by how much more often the series of a panel exceed a limit than they should, as known before each period.

    Parameters
    ----------
    score
        Periods by series.
    tested
        Where a score could have been had.
    least
        The limit.
    chance
        Probability that a quiet series exceeds it (begins to exceed it, with ``onset``) in a period.
    onset
        Whether only the begin of a run above the limit counts.

    Returns
    -------
    array of shape (periods,)
        From 1 on.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> z = np.abs(rng.standard_t(3, (300, 20)))
    >>> bool(1.5 < exceedance_ratio(z, z >= 0, 2.5, 0.0124, False)[-1] < 6)
    True
    """
    over = score > least
    if onset:
        over = over & ~np.vstack([np.zeros((1, over.shape[1]), dtype=bool), over[:-1]])
    seen = np.r_[0.0, over.sum(axis=1)[:-1]] if len(over) else np.zeros(0)
    should = np.r_[0.0, tested.sum(axis=1)[:-1] * chance] if len(over) else np.zeros(0)
    out = np.ones(len(over))
    top = bottom = 0.0
    for t in range(len(out)):
        top, bottom = top * _DECAY_PER_PERIOD + seen[t], bottom * _DECAY_PER_PERIOD + should[t]
        out[t] = max(1.0, (top + _PRIOR_CROSSINGS) / (bottom + _PRIOR_CROSSINGS) / _TOLERATED_RATIO)
    return out


def evidence_p(kind: KpiKind, score: Floats, tested: Bools) -> Floats:
    """Return how often a quiet panel like this one begins to give so much evidence, by series and period.

    >>> evidence_p("count", np.array([[0.0, 6.0]]), np.ones((1, 2), dtype=bool)).round(4).tolist()
    [[0.27, 0.0007]]
    """
    rate = QUIET_RUN_RATE[kind]
    factor = exceedance_ratio(score, tested, _REFERENCE_EVIDENCE, rate * np.exp(-_REFERENCE_EVIDENCE), onset=True)
    tail = np.minimum(score, _TAIL_BEND_EVIDENCE) + _TAIL_SLOPE * np.maximum(score - _TAIL_BEND_EVIDENCE, 0.0)
    return np.asarray(np.where(tested, rate * np.exp(-tail) * factor[:, None], np.nan))


def deflate_scores(z: Floats) -> Floats:
    """Return normal scores, made smaller where the panel shows more large ones than it should.

    >>> z = np.random.default_rng(0).normal(size=(300, 20))
    >>> bool(np.allclose(deflate_scores(z), z))
    True
    """
    factor = exceedance_ratio(
        np.abs(z), np.isfinite(z), _REFERENCE_SCORE, 2 * special.ndtr(-_REFERENCE_SCORE), onset=False
    )
    wide = _REFERENCE_SCORE / -special.ndtri(np.minimum(factor, 20) * special.ndtr(-_REFERENCE_SCORE))
    return np.asarray(z / np.where(factor > 1, wide, 1.0)[:, None])


def align_periods(grid: pd.DatetimeIndex, stamps: Sequence[pd.DatetimeIndex], parts: Sequence[Floats]) -> Floats:
    """Put matrices of several KPIs, each on its own periods, onto one grid; missing elsewhere."""
    out = np.full((len(grid), sum(part.shape[1] for part in parts)), np.nan)
    left = 0
    for own, part in zip(stamps, parts, strict=True):
        out[grid.searchsorted(own), left : left + part.shape[1]] = part
        left += part.shape[1]
    return out


def flag_run_starts(
    p: Floats,
    score: Floats,
    share: float,
    worth: Callable[[int, int], bool],
    least: float = MIN_RUN_EVIDENCE,
    related: Callable[[int, Places], Bools] | None = None,
) -> Bools:
    """Mark where runs of evidence open as incidents, over all series together.

    A run (a stretch with evidence above 0) opens once. Of the runs that have not opened, those stand out in a period
    that the rule of Benjamini and Hochberg (1995) lets through: one run must be as rare as ``share`` over the number of
    series, but ten that come at once (an outage) only ten times as rare.

    Parameters
    ----------
    p
        What :func:`evidence_p` returns, periods by series; missing where nothing is tested.
    score
        The evidence.
    share
        False runs to let through a period.
    worth
        Called with a row and a column: whether the run is large enough to be worth a word by then.
    least
        Evidence below which nothing opens.
    related
        Called with a row and columns: which of them may have one cause (a square matrix). Only such a run is company
        that makes less evidence enough; by default any is.

    Examples
    --------
    >>> score = np.array([[0.0, 3.0], [0.0, 8.0], [1.0, 9.0]])
    >>> flag_run_starts(0.2 * np.exp(-score), score, 0.1, lambda row, column: True).astype(int).tolist()
    [[0, 0], [0, 1], [0, 0]]
    """
    opened = np.zeros(p.shape, dtype=bool)
    inside = np.zeros(p.shape[1], dtype=bool)
    for t in range(len(p)):
        inside &= ~(score[t] <= 0)
        with np.errstate(invalid="ignore"):
            could = np.flatnonzero(~inside & (p[t] <= share) & (score[t] >= least))
        if not len(could):
            continue
        tests = np.isfinite(p[t]).sum()
        order = could[np.argsort(p[t, could], kind="stable")]
        link = np.ones((len(order), len(order)), dtype=bool) if related is None else related(t, order)
        passed = [int(i) for k, i in enumerate(order) if _passes(p[t, order], link[k], k, share / tests)]
        kept = [i for i in passed if worth(t, i)]
        opened[t, kept] = inside[kept] = True
    return opened


def _passes(ordered: Floats, company: Bools, place: int, share: float) -> bool:
    """Tell whether a run passes with its company: whether any of them from it on is rare enough for its rank."""
    use = company.copy()
    use[place] = True
    rank = np.cumsum(use)
    return bool((use & (ordered <= share * rank))[place:].any())
