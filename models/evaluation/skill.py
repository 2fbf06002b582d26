"""How much better than the base rate probabilities are, with an interval and in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...features.errors import InputError
from .bootstrap import bootstrap_ratio, case_codes
from .calibration import brier
from .statement import Statement, state

#: With less skill than this a ranking is close to a lottery (an AUC of about .6).
MIN_SKILL = 0.03
#: Unless the tenth with the highest risk is at least so many times as bad as all.
MIN_LIFT = 2.0


@dataclass(frozen=True)
class Skill:
    """Share of the base rate's Brier score that a forecast saves, with a 95 % interval; 1 is perfect."""

    mean: float
    lo: float
    hi: float

    @property
    def is_significant(self) -> bool:
        """Whether it is above 0 beyond noise."""
        return bool(self.lo > 0)

    def is_worth_ranking(self, lift: float = 0.0) -> bool:
        """Return whether it is sure and not tiny, or if tiny, whether the top of the list is still much worse.

        The outcome of a rare event can hardly be told for any one case, however well the list is ordered; so its top is
        looked at too: ``lift`` is the share of the worst tenth over that of all, see :func:`top_lift`.
        """
        return self.is_significant and (self.mean >= MIN_SKILL or lift >= MIN_LIFT)


def brier_skill(
    observed: ArrayLike,
    predicted: ArrayLike,
    reference: ArrayLike,
    case: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> Skill:
    """Estimate the share of a reference's Brier score that a forecast saves, with an interval by case.

    Parameters
    ----------
    observed
        Outcomes, 0 or 1, shape (n,).
    predicted, reference
        Probabilities of the forecast and of what it is held against (the base rate), shape (n,).
    case
        Which case a row belongs to, shape (n,).
    weight
        How much each row counts, shape (n,); all alike by default.
    replicates, seed
        How many draws, and their seed.

    Returns
    -------
    The skill; missing without outcomes, or where the reference is perfect.

    Raises
    ------
    InputError
        If the lengths differ.

    Notes
    -----
    Brier skill score: Murphy (1973), Hedging and skill scores for probability forecasts, Journal of Applied
    Meteorology 12. Cluster bootstrap: Davison and Hinkley (1997), section 3.8.

    Examples
    --------
    >>> skill = brier_skill([0, 1, 0, 1], [0.1, 0.9, 0.1, 0.9], [0.5] * 4, ["a", "b", "c", "d"])
    >>> round(skill.mean, 2), skill.is_worth_ranking()
    (0.96, True)
    """
    y, p, q = (np.asarray(v, dtype=float) for v in (observed, predicted, reference))
    codes = case_codes(case)
    if not len(y) == len(p) == len(q) == len(codes):
        got = f"{len(y)}, {len(p)}, {len(q)} and {len(codes)}"
        raise InputError("outcomes, forecasts, references and cases must be as many", got=got, code="value.length")
    if not len(y) or brier(y, q) == 0:
        return Skill(float("nan"), float("nan"), float("nan"))
    w = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
    kept, drawn = bootstrap_ratio(w * (p - y) ** 2, w * (q - y) ** 2, codes, replicates, seed)
    lo, hi = np.quantile(1 - drawn, [0.025, 0.975])
    return Skill(1 - kept, float(lo), float(hi))


def top_lift(observed: ArrayLike, predicted: ArrayLike, *, weight: ArrayLike | None = None, top: float = 0.1) -> float:
    """Return the share of the outcome where the forecast is highest over the share in all.

    Parameters
    ----------
    observed, predicted, weight
        As in :func:`brier_skill`.
    top
        How much is looked at; equal forecasts go together.

    Returns
    -------
    1 where the forecast is the same for all; missing without an outcome.

    Examples
    --------
    >>> round(top_lift([1, 0, 0, 0], [0.9, 0.5, 0.2, 0.1], top=0.25), 2), top_lift([1, 0], [0.5, 0.5])
    (4.0, 1.0)
    """
    y, p = np.asarray(observed, dtype=float), np.asarray(predicted, dtype=float)
    w = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
    if not len(y) or not (w @ y) > 0:
        return float("nan")
    edge = np.sort(p)[-max(int(top * len(p)), 1)]
    first = p >= edge
    return float(np.average(y[first], weights=w[first]) / np.average(y, weights=w))


def format_skill(skill: Skill) -> Statement:
    """Write the skill and its interval.

    >>> format_skill(Skill(0.004, -0.003, 0.011))
    'skill of 0.4% against the base rate (95% interval -0.3% to 1.1%)'
    """
    text = "skill of {mean:.1f}% against the base rate ({level}% interval {lo:.1f}% to {hi:.1f}%)"
    mean, lo, hi = (round(100 * value, 1) + 0.0 for value in (skill.mean, skill.lo, skill.hi))  # no -0.0
    return state(text, mean=mean, level=95, lo=lo, hi=hi)
