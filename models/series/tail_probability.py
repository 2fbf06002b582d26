"""How surprising a value is: normal scores of counts, shares, durations and scores around what was expected."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import special

from ...features.arrays import Bools, Floats

KpiKind = Literal["count", "share", "duration", "score", "stock"]

_MIN_EXPECTED_COUNT = 0.25
_TINY = 1e-300
#: From so many cases on, and so near the middle, a cube root is as good as the tail itself (within 0.04, mostly 0.001).
_MIN_APPROXIMATION_CASES, _MAX_APPROXIMATION_SCORE = 8.0, 3.0


def variance(kind: KpiKind, expected: Floats, n: Floats) -> Floats:
    """Return the variance that chance alone gives, to be multiplied by what the series strays.

    >>> variance("share", np.array([0.5]), np.array([100.0])).tolist()
    [0.0025]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        if kind == "count":
            return np.maximum(expected, _MIN_EXPECTED_COUNT)
        if kind == "share":
            p = np.clip(expected, 0.5 / (n + 1), 1 - 0.5 / (n + 1))
            return np.where(n > 0, p * (1 - p) / n, np.nan)
        return np.where(n > 0, 1 / n, 1.0) if kind != "stock" else np.ones_like(expected)


def normal_score(kind: KpiKind, x: Floats, expected: Floats, n: Floats, chance: Floats, strays: Floats) -> Floats:
    """Return a normal score; counts and shares by their mid-p value, with all numbers divided by what they stray.

    >>> one = np.ones(1)
    >>> normal_score("count", 130 * one, 100 * one, one, 100 * one, one).round(2).tolist()
    [2.88]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        if kind == "count":
            mean, count = np.maximum(expected, _MIN_EXPECTED_COUNT) / strays, np.maximum(x, 0) / strays
            return _poisson_score(count, 0.5 / strays, mean)
        if kind == "share":
            p = np.clip(expected, 0.5 / (n + 1), 1 - 0.5 / (n + 1))
            hits, misses = x * n / strays, (1 - x) * n / strays
            return _binomial_score(hits, np.maximum(misses, 0), 0.5 / strays, p)
        return (x - expected) / np.sqrt(strays * chance)


def _poisson_score(count: Floats, half: Floats, mean: Floats) -> Floats:
    """Return the normal score of the mid-p value of ``count``, which comes in steps of ``2 * half``.

    With steps of 1 this is a Poisson; smaller steps are counts divided by how far they stray. Only the nearer tail is
    computed, so that far values keep their accuracy.
    """
    middle = count + (1 + half) / 3  # the median of a Gamma lies a third below its shape
    z = np.asarray(3 * np.sqrt(middle) * (1 - 1 / (9 * middle) - np.cbrt(mean / middle)))
    small = ~((count > _MIN_APPROXIMATION_CASES) & (np.abs(z) < _MAX_APPROXIMATION_SCORE))
    m, c, h = mean[small], count[small], np.broadcast_to(half, z.shape)[small]
    more, less = middle[small] + h, np.maximum(middle[small] - h, _TINY)
    tail = np.empty_like(m)
    low = c < m
    for side, function in ((low, special.gammaincc), (~low, special.gammainc)):
        tail[side] = (function(more[side], m[side]) + function(less[side], m[side])) / 2
    z[small] = _normal(tail, low)
    return z


def _binomial_score(hits: Floats, misses: Floats, half: Floats, p: Floats) -> Floats:
    """Return the normal score of ``hits`` of ``hits + misses``, in the same way."""
    z = _paulson(hits + (1 + half) / 3, misses + (1 + half) / 3, p)
    small = ~(
        (hits > _MIN_APPROXIMATION_CASES) & (misses > _MIN_APPROXIMATION_CASES) & (np.abs(z) < _MAX_APPROXIMATION_SCORE)
    )
    hits, misses, p, half = hits[small], misses[small], p[small], np.broadcast_to(half, z.shape)[small]
    shift = (1 + half) / 3
    few, many = np.maximum(misses + shift - half, _TINY), misses + shift + half
    less, more = np.maximum(hits + shift - half, _TINY), hits + shift + half
    low = hits < p * (hits + misses)
    y = np.where(low, 1 - p, p)
    tail = special.betainc(np.where(low, few, less), np.where(low, more, many), y)
    tail += special.betainc(np.where(low, many, more), np.where(low, less, few), y)
    z[small] = _normal(tail / 2, low)
    return z


def _paulson(a: Floats, b: Floats, p: Floats) -> Floats:
    """Return the normal score of a Beta variable, near its middle, by cube roots (Paulson 1942)."""
    ratio = np.cbrt(b * p / (a * (1 - p)))
    return np.asarray((1 - 1 / (9 * a) - ratio * (1 - 1 / (9 * b))) / np.sqrt(ratio**2 / (9 * b) + 1 / (9 * a)))


def _normal(tail: Floats, low: Bools) -> Floats:
    z = special.ndtri(np.clip(tail, _TINY, 1.0))
    return np.asarray(np.where(low, z, -z))


def thick_tails(z: Floats, freedom: Floats) -> Floats:
    """Return scores corrected for a spread that was estimated from few values (Student's t to normal).

    >>> thick_tails(np.array([1.0, 4.0]), np.array([20.0, 20.0])).round(2).tolist()
    [1.0, 3.39]
    """
    far = np.abs(z) > 1.5
    if not far.any():
        return z
    out = z.copy()
    tail = special.stdtr(np.maximum(freedom[far], 3), -np.abs(z[far]))
    out[far] = np.sign(z[far]) * -special.ndtri(np.maximum(tail, 1e-300))
    return out


def score_single_values(
    kind: KpiKind, x: Floats, expected: Floats, n: Floats, strays: Floats, freedom: Floats
) -> Floats:
    """Return normal scores of single values, given what was expected of them.

    >>> one = np.ones(1)
    >>> score_single_values("score", 3 * one, one, one, one, 100 * one).round(2).tolist()
    [1.98]
    """
    return thick_tails(normal_score(kind, x, expected, n, variance(kind, expected, n), strays), freedom)
