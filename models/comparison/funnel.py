"""Funnel plots: how far a unit lies from its target, over-dispersion, and limits that hold for few cases too.

Spiegelhalter (2005), Funnel plots for comparing institutional performance, Statistics in Medicine 24:1185; the same
formulae as FunnelPlotR of the NHS-R community.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from ...features.arrays import Floats

#: Limits of 95 and 99.8 %.
Z_95, Z_998 = 1.959963984540054, 3.0902323061678132
#: Share of the scores that is winsorised at each end before over-dispersion is estimated.
WINSORISED_SHARE = 0.1
#: Over-dispersion is not estimated from fewer units.
MIN_UNITS = 10


@dataclass(frozen=True)
class Overdispersion:
    """How much units differ beyond chance.

    Attributes
    ----------
    phi
        Mean of the squared winsorised scores: 1 where only chance is at work.
    tau2
        Variance between units on the scale of the scores; 0 where chance explains all, NaN where there are too few
        units to tell.
    """

    phi: float
    tau2: float

    @property
    def is_known(self) -> bool:
        """Return whether there were enough units to tell."""
        return not np.isnan(self.tau2)


def score_proportions(hits: npt.ArrayLike, n: npt.ArrayLike, target: float) -> tuple[Floats, Floats, Floats]:
    """Score proportions against a target on the arcsine scale: y, its standard deviation s, and z.

    >>> y, s, z = score_proportions([45.0, 30.0], [50.0, 50.0], 0.8)
    >>> s.round(4).tolist(), z.round(3).tolist()
    ([0.0707, 0.0707], [2.007, -3.126])
    """
    hits, n = np.asarray(hits, dtype=float), np.asarray(n, dtype=float)
    y, s = np.arcsin(np.sqrt(hits / n)), 1 / (2 * np.sqrt(n))
    return y, s, (y - np.arcsin(np.sqrt(target))) / s


def score_ratios(
    observed: npt.ArrayLike, expected: npt.ArrayLike, variance: npt.ArrayLike | None = None
) -> tuple[Floats, Floats, Floats]:
    """Score observed over expected on the log scale: y, its standard deviation s, and z.

    ``variance`` is that of the observed count, by default the expected one (a Poisson count). Where nothing was
    observed half an event is added.

    >>> y, s, z = score_ratios([30.0, 0.0], [20.0, 4.0])
    >>> y.round(3).tolist(), s.round(3).tolist()
    ([0.405, -2.079], [0.224, 0.5])
    """
    observed, expected = np.asarray(observed, dtype=float), np.asarray(expected, dtype=float)
    y = np.log(np.where(observed > 0, observed, 0.5) / expected)
    s = np.sqrt(expected if variance is None else np.asarray(variance, dtype=float)) / expected
    return y, s, y / s


def estimate_overdispersion(z: npt.ArrayLike, s: npt.ArrayLike) -> Overdispersion:
    """Estimate how much units differ beyond chance, from their winsorised scores.

    Parameters
    ----------
    z, s
        Scores of the units, and the standard deviations on whose scale they are.

    Examples
    --------
    >>> found = estimate_overdispersion([3.0, -3.0] * 6, [0.1] * 12)
    >>> round(found.phi, 3), round(found.tau2, 4)
    (9.0, 0.0882)
    >>> estimate_overdispersion([3.0, -3.0], [0.1, 0.1]).is_known
    False
    """
    z, s = np.asarray(z, dtype=float), np.asarray(s, dtype=float)
    k = len(z)
    if k < 1:
        return Overdispersion(np.nan, np.nan)
    phi, tau2 = _phi_and_tau2(z, s)
    return Overdispersion(phi, np.nan if k < MIN_UNITS else tau2)


def find_spread_of_others(z: npt.ArrayLike, s: npt.ArrayLike) -> Floats:
    """Return for each unit how much the others differ: a unit must not widen the limits that it is judged by.

    >>> spread = find_spread_of_others([0.5, -0.5] * 6 + [9.0], [0.1] * 13)
    >>> spread.round(4).tolist()[-1], bool(spread[0] >= spread[-1])
    (0.0, True)
    """
    z, s = np.asarray(z, dtype=float), np.asarray(s, dtype=float)
    if len(z) < MIN_UNITS:
        return np.zeros(len(z))
    rest = ~np.eye(len(z), dtype=bool)
    return np.array([_phi_and_tau2(z[others], s[others])[1] for others in rest])


def _phi_and_tau2(z: Floats, s: Floats) -> tuple[float, float]:
    k = len(z)
    low, high = np.quantile(z, [WINSORISED_SHARE, 1 - WINSORISED_SHARE])
    phi = float(np.mean(np.clip(z, low, high) ** 2))
    w = 1 / s**2
    total = w.sum()
    room = total - (w**2).sum() / total
    return phi, float((k * phi - (k - 1)) / room) if k * phi > k - 1 and room > 0 else 0.0


def exact_scores(observed: npt.ArrayLike, expected: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """Score counts by their exact binomial tail: right for few cases and near 0 or 100 %.

    The score is that of the normal distribution with the same tail on the side where the count lies; a count in the
    middle of the distribution scores 0.

    >>> exact_scores([0, 8, 20], [8.0, 8.0, 8.0], [20, 20, 20]).round(2).tolist()
    [-3.97, 0.0, 5.6]
    """
    observed, n = np.asarray(observed, dtype=float), np.asarray(n, dtype=float)
    share = np.clip(np.asarray(expected, dtype=float) / n, 1e-12, 1 - 1e-12)
    low, high = stats.binom.logcdf(observed, n, share), stats.binom.logsf(observed - 1, n, share)
    tail = np.minimum(np.minimum(low, high), np.log(0.5))
    z = -stats.norm.ppf(np.exp(np.maximum(tail, -700.0)))
    return np.asarray(np.where(low < high, -z, z) + 0.0, dtype=float)


def find_verdict_level(k: int, wrong_flags: float = 0.04) -> float:
    """Return the level beyond which a unit is named: 99.8 %, and more where there are many units.

    Of ``k`` units that do not differ at most ``wrong_flags`` runs in all name one: of 20 equal units at 99.8 % it is 4
    in 100.

    >>> round(find_verdict_level(5), 4), round(find_verdict_level(20), 4), round(find_verdict_level(400), 5)
    (0.998, 0.998, 0.9999)
    """
    return max(0.998, 1 - wrong_flags / max(k, 1))


def funnel_limits(expected: npt.ArrayLike, n: npt.ArrayLike, level: float) -> tuple[Floats, Floats]:
    """Return the counts between which a unit lies with that probability, both tails equal and exact.

    >>> low, high = funnel_limits([8.0], [20], 0.95)
    >>> low.tolist(), high.tolist()
    ([4.0], [12.0])
    """
    n = np.asarray(n, dtype=float)
    share = np.clip(np.asarray(expected, dtype=float) / n, 0.0, 1.0)
    tail = (1 - level) / 2
    low, high = stats.binom.ppf(tail, n, share), stats.binom.isf(tail, n, share)
    return np.asarray(np.maximum(low, 0.0), dtype=float), np.asarray(high, dtype=float)
