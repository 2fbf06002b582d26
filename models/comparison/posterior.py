"""What is known of units after shrinkage: who is among the best, and what all would gain by working as they do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...features.arrays import Bools, Floats
from .funnel import Overdispersion

#: Draws from what is known of the units.
DRAWS = 4000
BEST_SHARE, BEST_QUARTER = 0.2, 0.25


@dataclass(frozen=True)
class Gain:
    """Rare outcomes that would change if all worked as the best quarter does: avoided where they are bad.

    ``count`` with its 95 % interval ``lo``, ``hi``, and ``share`` of all that were expected.
    """

    count: float
    lo: float
    hi: float
    share: float


def draw_units(
    observed: Floats, expected: Floats, variance: Floats, spread: Overdispersion, judged: Bools, target: Floats,
    seed: int = 1,
) -> Floats:  # fmt: skip
    """Draw the true ratios of units, given what was seen of them: shape (draws, units).

    A gamma distribution of the ratios with counts around them: near 0 it is as skewed as counts are, where a normal one
    on the log scale would be too sure of the best. How far units differ is itself known from few of them: it is drawn
    first, and may be nothing.
    """
    dice = np.random.default_rng(seed)
    k, w = int(judged.sum()), (expected**2 / variance)[judged]
    phi = spread.phi * k / dice.chisquare(k, DRAWS)
    tau2 = np.maximum((k * phi - (k - 1)) / (w.sum() - (w**2).sum() / w.sum()), 0.0)[:, None]
    shape, mean = 1 / np.maximum(tau2, 1e-9), np.exp(target)
    trust = expected / variance  # a case counts for less where customers have several
    drawn = dice.gamma(shape + observed * trust, 1.0) / (shape + mean * expected * trust)
    return np.asarray(mean * np.where(tau2 > 0, drawn, 1.0), dtype=float)


def find_best_share(draws: Floats, *, few_is_best: bool) -> Floats:
    """Return the chance of each unit to be in the best fifth.

    >>> draws = np.array([[0.0, 1.0, 2.0, 3.0, 4.0]] * 10)
    >>> find_best_share(draws, few_is_best=True).tolist()
    [1.0, 0.0, 0.0, 0.0, 0.0]
    """
    best = max(1, round(BEST_SHARE * draws.shape[1]))
    rank = np.argsort(np.argsort(draws if few_is_best else -draws, axis=1), axis=1)
    return np.asarray((rank < best).mean(axis=0), dtype=float)


def find_gain(draws: Floats, expected: Floats, *, few_is_best: bool) -> Gain:
    """Return what would change if every unit below the best quarter worked as that quarter does on its own cases.

    In each draw the quarter is the one that is best in it, so that luck does not make the best look better.

    >>> draws = np.array([[0.5, 1.0, 1.0, 1.5]] * 10)
    >>> round(find_gain(draws, np.full(4, 10.0), few_is_best=True).count, 6)
    20.0
    """
    best = max(1, round(BEST_QUARTER * draws.shape[1]))
    order = np.sort(draws, axis=1) if few_is_best else -np.sort(-draws, axis=1)
    aim = order[:, :best].mean(axis=1, keepdims=True)
    left = np.maximum(draws - aim, 0.0) if few_is_best else np.maximum(aim - draws, 0.0)
    gained = left @ expected
    low, middle, high = np.quantile(gained, [0.025, 0.5, 0.975])
    return Gain(float(middle), float(low), float(high), float(middle / expected.sum()))
