"""The integrals of ``waiting`` for callers whose patience is not exponential (M/M/n+G).

With ``F`` the distribution of patience, a caller who would wait ``v`` finds the density ``exp(-phi(v))`` where
``phi(v) = (n - a) v + a K(v)`` and ``K`` is the integral of ``F`` from 0: convex, lowest where a share ``1 - n/a`` has
given up. Everything is measured from that lowest point, where the density is 1 and nothing overflows.

Source: Mandelbaum and Zeltyn, "Service engineering in action: the Palm/Erlang-A queue" (2007), and Zeltyn and
Mandelbaum, "Call centers with impatient customers: many-server asymptotics of the M/M/n+G queue" (2005).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import numpy.typing as npt

from ...features.arrays import Floats
from .patience import DiscretePatience, ErlangMixture
from .waiting import WaitIntegrals, exp_gap

_CELLS = 2_000_000  # cells worked on at once
_ORDER = 24
_LEVELS = (1.0, 4.0, 12.0, 30.0, 80.0)  # panels end where the density has fallen to exp(-level)
_SCALES = (0.5, 2.0, 6.0, 14.0, 28.0, 50.0)  # and at these multiples of each stage of patience
_AROUND = (-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 7.0, 12.0)  # and so many deviations from its mean, if it has stages


def discrete_waits(
    a: Floats, n: Floats, gap: Floats, scale: Floats, t: Floats, shape: DiscretePatience
) -> WaitIntegrals:
    """Integrate exactly where patience takes a few values: between them the density is exponential.

    Parameters
    ----------
    a, n, gap
        Erlangs, rate at which a full house serves, and their difference, as in :func:`idle_weight`.
    scale, t
        Scale of patience and the threshold, in handle times.
    shape
        Patience in units of ``scale``.
    """
    size = max(1, _CELLS // (len(shape.points) + 1))
    return _in_parts(partial(_steps, shape), size, a, n, gap, scale, t)


def mixture_waits(a: Floats, n: Floats, gap: Floats, scale: Floats, t: Floats, shape: ErlangMixture) -> WaitIntegrals:
    """Integrate by panels that follow the fall of the density and the stages of patience; arguments as above."""
    size = max(1, _CELLS // (100 * _ORDER))
    return _in_parts(partial(_mixture, shape), size, a, n, gap, scale, t)


def _in_parts(run: Callable[..., tuple[Floats, ...]], size: int, *arrays: Floats) -> WaitIntegrals:
    found = [run(*(x[i : i + size] for x in arrays)) for i in range(0, len(arrays[0]), size)]
    return WaitIntegrals(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _steps(shape: DiscretePatience, a: Floats, n: Floats, gap: Floats, scale: Floats, t: Floats) -> tuple[Floats, ...]:
    shares = np.array(shape.shares)
    gone = np.concatenate([[0.0], np.cumsum(shares)])
    left = np.concatenate([np.cumsum(shares[::-1])[::-1] + shape.never_share, [shape.never_share]])
    start = np.multiply.outer(scale, np.concatenate([[0.0], shape.points]))
    end = np.concatenate([start[:, 1:], np.full((len(a), 1), np.inf)], axis=1)
    slope = np.where(gone < 0.5, gap[:, None] + np.multiply.outer(a, gone), n[:, None] - np.multiply.outer(a, left))
    phi = np.zeros_like(start)
    phi[:, 1:] = np.cumsum(slope[:, :-1] * np.diff(start, axis=1), axis=1)
    low = phi.min(axis=1)
    phi -= low[:, None]
    waited = np.zeros_like(start)  # mean of the smaller of patience and the start of each piece
    waited[:, 1:] = np.cumsum(left[:-1] * np.diff(start, axis=1), axis=1)
    whole, first = _pieces(phi, slope, end - start)
    cut = np.clip(t[:, None], start, end)
    before, _ = _pieces(phi, slope, cut - start)
    after, _ = _pieces(phi + slope * np.where(cut < end, cut - start, 0), slope, np.where(cut < end, end - cut, 0))
    return (
        whole.sum(axis=1),
        (gone * whole).sum(axis=1),
        (left * before).sum(axis=1),
        -low,
        (waited * whole + left * first).sum(axis=1),
        (gone * before).sum(axis=1),
        after.sum(axis=1),
    )


def _pieces(phi: Floats, slope: Floats, length: Floats) -> tuple[Floats, Floats]:
    """Integrate ``exp(-phi - slope w)`` over w from 0 to ``length``; second, times w."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        endless = np.isinf(length)
        span = np.where(endless, 0.0, length)
        rate = np.abs(slope)
        y = rate * span
        high = np.exp(-(phi + np.minimum(slope, 0) * span))
        flat = y < 1e-290
        mass = np.where(flat, 1.0, -np.expm1(-y) / np.where(flat, 1.0, y))  # from the higher end
        near = y < 1
        small = np.where(near, np.maximum(y, 1e-150), 1.0)
        gap = exp_gap(-small) * np.exp(-small) / small**2
        big = np.where(near, 1.0, y)
        first = np.where(near, gap, (1 - (1 + y) * np.exp(-y)) / big**2)
        far = np.where(near, exp_gap(small) / small**2, (y + np.expm1(-y)) / big**2)
        whole = high * span * mass
        moment = high * span * span * np.where(slope >= 0, first, far)
        whole = np.where(endless, np.exp(-phi) / slope, whole)
        return whole, np.where(endless, np.exp(-phi) / slope**2, moment)


def _mixture(shape: ErlangMixture, a: Floats, n: Floats, gap: Floats, scale: Floats, t: Floats) -> tuple[Floats, ...]:
    """Work in units of the scale of patience, where the shape does not change from row to row."""
    rise, out, spare = a * scale, n * scale, gap * scale
    limit = t / scale
    mode = _solve(lambda x: shape.gone(x) >= -gap / a, np.full_like(a, 1e-18), np.full_like(a, 1e3), gap < 0)
    slope = np.where(mode > 0, 0.0, spare)
    top = np.where(mode > 0, -spare * mode - rise * shape.gone_integral(mode), 0.0)
    right = _sweep(slope, rise, mode, limit, _ends(slope, rise, out, mode, limit, shape, 1.0), shape, 1.0)
    whole, given_up, in_time, waited, before, after = right
    rows = np.flatnonzero(mode > 0)
    if len(rows):
        flat, up, by, at, end = slope[rows], rise[rows], out[rows], mode[rows], limit[rows]
        left = _sweep(flat, up, at, end, _ends(flat, up, by, at, end, shape, -1.0), shape, -1.0)
        for total, more in zip(right, left, strict=True):
            total[rows] += more
    fall = top + spare * limit + rise * shape.gone_integral(limit)
    far = np.flatnonzero((limit < mode) & (limit > 0) & (fall > 20))
    if len(far):  # the threshold comes long before the usual wait: measure the little before it from there
        at, up, by = limit[far], rise[far], out[far]
        steep = up * shape.left(at) - by
        tail = _sweep(steep, up, at, at, _ends(steep, up, by, at, at, shape, -1.0), shape, -1.0)
        with np.errstate(under="ignore"):
            down = np.exp(-fall[far])
        in_time[far], before[far] = tail[2] * down, tail[4] * down
    return (
        whole * scale,
        given_up * scale,
        in_time * scale,
        top,
        waited * scale * scale,
        before * scale,
        after * scale,
    )


def _solve(
    reached: Callable[[Floats], npt.NDArray[np.bool_]],
    low: Floats,
    high: Floats,
    rows: npt.NDArray[np.bool_],
    halvings: int = 64,
) -> Floats:
    """Return the smallest number at which a rising condition holds, by halving its logarithm; 0 for other rows."""
    if not rows.any():
        return np.zeros_like(low)
    x, y = np.log(low), np.log(high)
    for _ in range(halvings):
        middle = (x + y) / 2
        good = reached(np.exp(middle))
        x, y = np.where(good, x, middle), np.where(good, middle, y)
    return np.where(rows, np.exp(y), 0.0)


def _ends(
    slope: Floats, rise: Floats, out: Floats, mode: Floats, limit: Floats, shape: ErlangMixture, side: float
) -> Floats:
    """Return the ends of the panels on one side of the mode, as distances from it: one row each, rising from 0."""
    at, so_far = shape.gone(mode), shape.gone_integral(mode)

    def fallen(w: Floats) -> Floats:  # good enough to place the ends
        here = np.maximum(mode + side * w, 0)
        return np.asarray(slope * w + rise * np.maximum(shape.gone_integral(here) - so_far - side * at * w, 0))

    def below(level: float, w: Floats) -> npt.NDArray[np.bool_]:
        return np.asarray(fallen(w) >= level)

    room = mode if side < 0 else (_LEVELS[-1] + rise * 40 * max(shape.means)) / out
    every = np.ones(len(rise), dtype=bool)
    tiny = np.minimum(1e-18, room * 1e-3) + 1e-300
    ends = [_solve(partial(below, level), tiny, room + 2e-300, every, 24) for level in _LEVELS]
    last = np.minimum(ends[-1], room)
    marks = [m / k * s for m, k in zip(shape.means, shape.stages, strict=True) for s in _SCALES]
    marks += [m * (1 + z / k**0.5) for m, k in zip(shape.means, shape.stages, strict=True) if k > 1 for z in _AROUND]
    ends += [side * (mark - mode) for mark in marks] + [side * (limit - mode)]
    bounds = np.clip(np.stack([np.zeros_like(last), *ends], axis=1), 0, last[:, None])
    return np.sort(bounds, axis=1)


def _sweep(
    slope: Floats, rise: Floats, mode: Floats, limit: Floats, ends: Floats, shape: ErlangMixture, side: float
) -> tuple[Floats, ...]:
    """Integrate panel by panel outwards; how far the density has fallen is carried along as a sum of positive terms."""
    nodes, weights, twice = _rules()
    sums = tuple(np.zeros_like(slope) for _ in range(6))
    share, depth = np.zeros_like(slope), np.zeros_like(slope)  # gone since the mode, and the integral of that
    for i in range(ends.shape[1] - 1):
        rows = np.flatnonzero(ends[:, i + 1] > ends[:, i])
        if not len(rows):
            continue
        begin = ends[rows, i]
        length = ends[rows, i + 1] - begin
        w = begin[:, None] + length[:, None] * nodes
        x = np.maximum(mode[rows, None] + side * w, 0)
        gone, left, waited, density = shape.evaluate_all(x)
        deep = depth[rows, None] + length[:, None] * (share[rows, None] * nodes + length[:, None] * (density @ twice.T))
        with np.errstate(under="ignore"):
            height = np.exp(-slope[rows, None] * w - rise[rows, None] * deep) * (weights * length[:, None])
        inside = (mode[rows] + side * (begin + length / 2)) < limit[rows]
        up, every = (height * gone).sum(axis=1), height.sum(axis=1)
        parts = (
            every,
            up,
            np.where(inside, (height * left).sum(axis=1), 0.0),
            (height * waited).sum(axis=1),
            np.where(inside, up, 0.0),
            np.where(inside, 0.0, every),
        )
        for total, part in zip(sums, parts, strict=True):
            total[rows] += part
        depth[rows] += length * (share[rows] + length * (density @ ((1 - nodes) * weights)))
        share[rows] += length * (density @ weights)
    return sums


@cache
def _rules() -> tuple[Floats, Floats, Floats]:
    """Return Gauss-Legendre nodes and weights on (0, 1), and the matrix that integrates twice from 0 to a node."""
    x, w = np.polynomial.legendre.leggauss(_ORDER)
    values = np.polynomial.legendre.legvander(x, _ORDER)
    sums = np.empty((_ORDER, _ORDER))
    sums[:, 0] = x + 1
    for k in range(1, _ORDER):
        sums[:, k] = (values[:, k + 1] - values[:, k - 1]) / (2 * k + 1)
    to_series = (values[:, :_ORDER] * w[:, None]).T * ((2 * np.arange(_ORDER) + 1) / 2)[:, None]
    once = sums @ to_series / 2
    return (x + 1) / 2, w / 2, once @ once
