"""The two integrals behind the waiting formulas, each a sum of positive terms, so that nothing cancels.

Time is counted in mean handle times. With ``a`` Erlangs on ``n`` agents (any positive real) and customers who give up
at rate ``h`` (handle time over patience), Mandelbaum and Zeltyn write the queue with two quantities::

    E = integral_0^oo a exp(-a t) (1 + t)^(n - 1) dt                      (the loss formula with one line less, upside down)
    J = integral_0^oo exp(a (1 - exp(-h v)) / h - n v) dv                 (the density of the offered wait, not normed)

and the probability to wait is ``a J / (E + a J)``. ``h = 0`` gives Erlang C, where ``J = 1 / (n - a)``.

Sources: Mandelbaum and Zeltyn, "The Palm/Erlang-A queue, with applications to call centers" (2004); Loader, "Fast and
accurate computation of binomial probabilities" (2000); Abramowitz and Stegun 6.5.31 (continued fraction).
"""  # noqa: E501 - formulas read better in one line

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from ...features.arrays import Floats

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2
_DEPTH = 45.0  # exp(-45) is 3e-20: what lies beyond does not change a float
_ROWS = 4096  # rows worked on at once, so that the temporaries stay in the cache
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
_LOG_TERMS = tuple(1 / (2 * k + 3) for k in range(14))
_EXP_TERMS = tuple(float(c) for c in 1 / special.factorial(np.arange(2, 18)))


def log_gap(x: Floats) -> Floats:
    """Return ``x - log(1 + x)``, accurate near 0.

    >>> log_gap(np.array([0.0, 1.0])).round(4).tolist()
    [0.0, 0.3069]
    """
    r = x / (2 + x)
    y = r * r
    near = r * (x - 2 * y * _polynomial(_LOG_TERMS, y))
    return np.where(np.abs(x) < 0.35, near, x - np.log1p(x))


def exp_gap(z: Floats) -> Floats:
    """Return ``exp(-z) - 1 + z``, accurate near 0.

    >>> exp_gap(np.array([0.0, 1.0])).round(4).tolist()
    [0.0, 0.3679]
    """
    far = z + np.expm1(-z)
    small = np.abs(z) < 0.5
    if small.any():
        s = -z[small]
        far[small] = s * s * _polynomial(_EXP_TERMS, s)
    return far


def idle_weight(a: Floats, n: Floats, gap: Floats) -> Floats:
    """Return E, the weight of "somebody is free" against that of waiting; ``gap`` is ``n - a``, passed exactly.

    Parameters
    ----------
    a, n
        Erlangs and agents, both above 0, one shape.
    gap
        ``n - a`` with its own relative accuracy, which the difference of two floats does not have.

    Examples
    --------
    >>> a, n = np.array([2.0]), np.array([1.0])
    >>> idle_weight(a, n, n - a).tolist()  # one agent: E is 1 for any load
    [1.0]
    """
    out = np.empty_like(a)
    crowded = (-gap > 4 * np.sqrt(a)) & (a > 30)
    out[crowded] = _fraction(a[crowded], gap[crowded])
    rest = ~crowded
    a, n, gap = a[rest], n[rest], gap[rest]
    with np.errstate(under="ignore", divide="ignore", over="ignore"):
        out[rest] = special.gammaincc(n, a) * a / (n * _poisson(a, n, gap))
    return out


@dataclass(frozen=True)
class WaitIntegrals:
    """The parts of J, each over ``exp(top)``.

    The whole; times giving up; up to the threshold times staying; times the mean of the shorter of patience and
    offered wait; up to the threshold times giving up; beyond the threshold.
    """

    whole: Floats
    given_up: Floats
    in_time: Floats
    top: Floats
    waited: Floats
    left_before: Floats
    beyond: Floats


def wait_integrals(a: Floats, n: Floats, gap: Floats, h: Floats, t: Floats, ends: bool = False) -> WaitIntegrals:
    """Integrate the density of the offered wait for exponential patience.

    Parameters
    ----------
    a, n, gap
        As in :func:`idle_weight`.
    h
        Handle time over patience, above 0.
    t
        Threshold in handle times.
    ends
        Whether the last two parts are wanted; they are 0 otherwise.
    """
    if not len(a):
        return WaitIntegrals(a, a, a, a, a, a, a)
    cuts = [slice(i, i + _ROWS) for i in range(0, len(a), _ROWS)]
    parts = [_integrate(a[i], n[i], gap[i], h[i], t[i], ends) for i in cuts]
    return WaitIntegrals(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _integrate(a: Floats, n: Floats, gap: Floats, h: Floats, t: Floats, ends: bool) -> tuple[Floats, ...]:
    mode, never = _mode(n, gap, h), np.full_like(a, np.inf)
    crowded = mode > 0
    whole, given_up = _around(a, n, gap, h, mode, never, crowded)
    # being served by t multiplies the density by exp(-h v), which is the same integral with n + h agents
    own = _mode(n + h, gap + h, h)
    at = np.minimum(own, t)
    served, _ = _around(a, n + h, gap + h, h, at, t, at > 0)
    both = (own > 0) & (own <= t)
    step = np.where(both, -np.log1p(h / n), h * at - h * mode)  # h times the distance between the two peaks
    fall = -h * at - np.maximum(gap, 0) * step / h - np.minimum(a, n) / h * exp_gap(step)
    top = np.where(crowded, n / h * log_gap(-gap / n), 0.0)
    before, after = _split(a, n, gap, h, t, mode, whole) if ends else (np.zeros_like(a), np.zeros_like(a))
    with np.errstate(under="ignore"):
        return whole, given_up, served * np.exp(fall), top, given_up / h, before, after


def _split(
    a: Floats, n: Floats, gap: Floats, h: Floats, t: Floats, mode: Floats, whole: Floats
) -> tuple[Floats, Floats]:
    """Return the density up to ``t`` times giving up, and the density beyond ``t``."""
    at = np.minimum(mode, t)
    before, left = _around(a, n, gap, h, at, t, at > 0)
    with np.errstate(under="ignore", over="ignore"):
        scale = np.where(t < mode, np.exp(-n / h * exp_gap(h * (t - mode))), 1.0)
        past = np.maximum(t - mode, 0)
        crowded = gap < 0
        slope = np.where(crowded, -n * np.expm1(-h * past), gap - a * np.expm1(-h * t))
        drop = np.where(crowded, n / h * exp_gap(h * past), gap * t + a / h * exp_gap(h * t))
        after, _ = _rightward(np.maximum(slope, 0), a * np.exp(-h * t), h, t, np.full_like(a, np.inf))
        after = np.where(t < mode, np.maximum(whole - before * scale, 0), after * np.exp(-drop))
    return left * scale, after


def _mode(n: Floats, gap: Floats, h: Floats) -> Floats:
    """Return where ``exp(a (1 - exp(-h v)) / h - n v)`` is highest over v from 0."""
    return np.where(gap < 0, np.log1p(np.maximum(-gap, 0) / n) / h, 0.0)


def _around(
    a: Floats, n: Floats, gap: Floats, h: Floats, mode: Floats, end: Floats, left: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Integrate from 0 to ``end`` on both sides of ``mode``, over the value there; second, times ``1 - exp(-h v)``."""
    inside = left & (mode < end)
    rate = np.where(left, np.where(inside, n, a * np.exp(-h * mode)), a)  # arrivals who are still patient at the mode
    whole, given_up = _rightward(np.where(inside, 0.0, np.maximum(gap, 0)), rate, h, mode, end - mode)
    if left.any():
        slope = np.where(inside, 0.0, np.maximum(a * np.expm1(-h * mode) - gap, 0))
        more = _leftward(*(x[left] for x in (slope, rate, h, mode)))
        whole[left] += more[0]
        given_up[left] += more[1]
    return whole, given_up


def _rightward(c: Floats, m: Floats, h: Floats, start: Floats, length: Floats) -> tuple[Floats, Floats]:
    """Integrate ``exp(-c w - m/h exp_gap(h w))`` over w from 0 to ``length``."""
    b = 2 * c - _DEPTH * h
    root = np.sqrt(b * b + 8 * _DEPTH * h * (c + m))
    width = np.where(b > 0, 4 * _DEPTH / (b + root), (root - b) / (2 * h * (c + m)))
    flat = 40 / h  # from here on everybody who waits is gone, and the rest is a plain exponential
    w = np.minimum(np.minimum(width, flat), length)
    whole, given_up = _panel(c, m, h, start, w, 1.0)
    rate = c + m
    with np.errstate(under="ignore", invalid="ignore"):
        tail = np.exp(-rate * flat + m / h) * -np.expm1(-rate * np.maximum(length - flat, 0)) / rate
    tail = np.where((width > flat) & (length > flat), tail, 0.0)
    return whole + tail, given_up + tail


def _leftward(c: Floats, m: Floats, h: Floats, start: Floats) -> tuple[Floats, Floats]:
    """Integrate ``exp(-c u - m/h exp_gap(-h u))`` over u from 0 to ``start``."""
    with np.errstate(divide="ignore"):
        bounds = np.sqrt(2 * _DEPTH / (m * h)), np.maximum(1.3, np.log1p(2 * _DEPTH * h / m)) / h, _DEPTH / c
    return _panel(c, m, h, start, np.minimum(start, np.minimum.reduce(bounds)), -1.0)


def _panel(c: Floats, m: Floats, h: Floats, start: Floats, w: Floats, side: float) -> tuple[Floats, Floats]:
    z = np.multiply.outer(h * w, _NODES)
    height = np.exp(-np.multiply.outer(c * w, _NODES) - (m / h)[:, None] * exp_gap(side * z)) * _WEIGHTS
    gone = -np.expm1(-((h * start)[:, None] + side * z))
    return w * height.sum(axis=1), w * (height * gone).sum(axis=1)


def _poisson(a: Floats, n: Floats, gap: Floats) -> Floats:
    """Return ``exp(-a) a^n / Gamma(n + 1)`` by the saddle point, which stays exact where the logarithms are huge."""
    y = 1 / np.maximum(n, 15.0) ** 2
    correction = _polynomial(_STIRLING, y) / np.maximum(n, 15.0)
    saddle = np.exp(-correction - n * log_gap(-gap / n)) / np.sqrt(2 * np.pi * n)
    small = n < 15
    if small.any():
        k, load = n[small], a[small]
        saddle[small] = np.exp(k * np.log(load) - load - special.gammaln(k + 1))
    return saddle


def _fraction(a: Floats, gap: Floats) -> Floats:
    """Return E by Legendre's continued fraction (modified Lentz), for loads well above the agents."""
    tiny = 1e-300
    base, n = 1 - gap, a + gap
    f, c, d = base.copy(), base.copy(), np.zeros_like(a)
    for k in range(1, 2000):
        step = -k * (k - n)
        base = base + 2
        d = base + step * d
        d = 1 / np.where(d == 0, tiny, d)
        c = base + step / c
        c = np.where(c == 0, tiny, c)
        change = c * d
        f = f * change
        if np.all(np.abs(change - 1) < 4e-16):
            break
    return a / f


def _polynomial(coefficients: tuple[float, ...], x: Floats) -> Floats:
    out = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        out = out * x + coefficient
    return out
