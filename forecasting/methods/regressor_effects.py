"""How known columns move the volume of a day: measured on what calendar and level leave, used where they help."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...features.arrays import Bools, Floats

#: Days on both sides whose mean is taken off value and regressor: slow moves belong to the level.
WINDOW_DAYS = 28

#: Days of a block that is left out to see whether a regressor helps there, and the blocks that must have it.
BLOCK_DAYS, MIN_BLOCKS = 28, 3

#: Usual effect of a standard deviation of a regressor on the root of the volume, and what series differ in it.
EFFECT_SD, OWN_EFFECT_SD = 0.1, 0.03

#: Standard errors by which the gain over the blocks must lie above 0.
MIN_STANDARD_ERRORS = 2.0


@dataclass(frozen=True)
class RegressorEffects:
    """Effects on the root of a day's ratio to the usual.

    Attributes
    ----------
    used
        K; whether each regressor helps beyond noise.
    effect, error
        K; effect of one unit over all series, and its standard error by the jackknife over blocks; NaN unmeasured.
    blocks
        K; blocks of days in which the regressor moves.
    offset
        N x (D + A); what the used ones add on each day, past and ahead.
    """

    used: Bools
    effect: Floats
    error: Floats
    blocks: Floats
    offset: Floats


def fit_regressors(rest: Floats, weight: Floats, x: Floats) -> RegressorEffects:
    """Measure what known columns add, and keep those that help on blocks of days they were not measured on.

    Value and regressors have their moving mean of eight weeks taken off (Frisch and Waugh 1933), so that only what
    moves together within weeks counts. Effects are a ridge over all series, from which each series may differ. A
    regressor is used if the blocks of four weeks that hold it would have been forecast better by effects measured on
    the other blocks, beyond noise; the best one first (forward selection).

    Parameters
    ----------
    rest
        N x D roots less the effects of the calendar; NaN is missing.
    weight
        N x D; how much each day says.
    x
        R x (D + A) x K; regressors of past days and of those ahead, R is 1 or N. NaN teaches nothing and adds nothing.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> mail = (np.arange(300) % 40 < 3).astype(float)
    >>> rest = 1.0 + 0.2 * mail[None, :280] + rng.normal(0, 0.03, (2, 280))
    >>> found = fit_regressors(rest, np.ones((2, 280)), np.stack([mail, rng.normal(size=300)], axis=1)[None])
    >>> found.used.tolist(), round(float(found.effect[0]), 1)
    ([True, False], 0.2)
    """
    n, days = rest.shape
    past = x[:, :days]
    middle = np.nanmean(np.where(np.isnan(past).all(axis=(0, 1)), 0.0, past), axis=(0, 1))
    spread = np.nanstd(np.where(np.isnan(past).all(axis=(0, 1)), 0.0, past), axis=(0, 1))
    moves = spread > 0
    scaled = np.where(np.isnan(x), 0.0, (x - middle) / np.where(moves, spread, 1.0)) * moves
    there = ~np.isnan(rest) & ~np.isnan(past).any(axis=2)
    w = np.where(there, weight, 0.0)
    y = _less_moving_mean(np.where(there, rest, 0.0)[:, :, None], w)[:, :, 0]
    z = _less_moving_mean(np.broadcast_to(scaled[:, :days], (n, days, x.shape[2])), w)
    noise = (w * y**2).sum(axis=1) / np.maximum(w.sum(axis=1), 1e-9)
    each = w / np.maximum(noise, 1e-6)[:, None]
    block = np.arange(days)[::-1] // BLOCK_DAYS
    gram = np.stack([_gram(z[:, block == b], each[:, block == b]) for b in range(block.max() + 1)])
    cross = np.stack([_cross(z[:, block == b], y[:, block == b], each[:, block == b]) for b in range(len(gram))])
    pooled_gram, pooled_cross = gram.sum(axis=1), cross.sum(axis=1)
    used = _select(pooled_gram, pooled_cross)
    effect, error, held = _describe(pooled_gram, pooled_cross, used)
    own = _own_effects(gram.sum(axis=0), cross.sum(axis=0), pooled_gram, pooled_cross, used)
    offset = np.einsum("ndk,nk->nd", np.broadcast_to(scaled, (n, *x.shape[1:])), own)
    unit = np.where(moves, spread, np.nan)
    return RegressorEffects(used, effect / unit, error / unit, held, offset)


def _less_moving_mean(values: Floats, weight: Floats) -> Floats:
    """Take the weighted mean of the days around each day off, of N x D x K values."""
    pad = ((0, 0), (WINDOW_DAYS + 1, WINDOW_DAYS), (0, 0))
    heard = np.cumsum(np.pad(weight[:, :, None], pad), axis=1)
    total = np.cumsum(np.pad(weight[:, :, None] * values, pad), axis=1)
    span = 2 * WINDOW_DAYS + 1
    count = heard[:, span:] - heard[:, :-span]
    mean = (total[:, span:] - total[:, :-span]) / np.where(count > 0, count, 1.0)
    return np.asarray(values - mean)


def _gram(z: Floats, weight: Floats) -> Floats:
    return np.asarray(np.einsum("ndk,nd,ndl->nkl", z, weight, z))


def _cross(z: Floats, y: Floats, weight: Floats) -> Floats:
    return np.asarray(np.einsum("ndk,nd,nd->nk", z, weight, y))


def _solve(gram: Floats, cross: Floats, chosen: Bools) -> Floats:
    """Return the ridge effects of the chosen regressors, 0 of the others, for a stack of blocks or a single one."""
    some = np.flatnonzero(chosen)
    out = np.zeros(cross.shape)
    if len(some):
        a = gram[..., some[:, None], some] + np.eye(len(some)) / EFFECT_SD**2
        out[..., some] = np.linalg.solve(a, cross[..., some][..., None])[..., 0]
    return out


def _gains(gram: Floats, cross: Floats, chosen: Bools) -> Floats:
    """Return what each block gains by effects measured on the others."""
    left = _solve(gram.sum(axis=0) - gram, cross.sum(axis=0) - cross, chosen)
    gain: Floats = 2 * (left * cross).sum(axis=1) - np.einsum("bk,bkl,bl->b", left, gram, left)
    return gain


def _holding(gram: Floats, k: int) -> Bools:
    """Tell which blocks hold enough of a regressor to judge it."""
    share = gram[:, k, k]
    return np.asarray(share > 0.02 * max(float(share.max()), 1e-12))


def _select(gram: Floats, cross: Floats) -> Bools:
    chosen = np.zeros(gram.shape[1], dtype=bool)
    while True:
        now, best, most = _gains(gram, cross, chosen), -1, 0.0
        for k in np.flatnonzero(~chosen):
            some = _holding(gram, int(k))
            if some.sum() < MIN_BLOCKS:
                continue
            more = (_gains(gram, cross, chosen | (np.arange(len(chosen)) == k)) - now)[some]
            enough = more.sum() > MIN_STANDARD_ERRORS * np.sqrt(len(more)) * more.std(ddof=1)
            if enough and more.sum() > most:
                best, most = int(k), float(more.sum())
        if best < 0:
            return chosen
        chosen[best] = True


def _describe(gram: Floats, cross: Floats, used: Bools) -> tuple[Floats, Floats, Floats]:
    """Return effect, jackknife error and number of blocks of each regressor; of an unused one beside the used ones."""
    effect, error, held = (np.full(len(used), np.nan) for _ in range(3))
    for k in range(len(used)):
        some = _holding(gram, k)
        held[k] = some.sum() if gram[:, k, k].sum() > 0 else 0
        if held[k] < 2:
            continue
        chosen = used | (np.arange(len(used)) == k)
        effect[k] = _solve(gram.sum(axis=0), cross.sum(axis=0), chosen)[k]
        left = _solve(gram.sum(axis=0) - gram[some], cross.sum(axis=0) - cross[some], chosen)[:, k]
        error[k] = np.sqrt((len(left) - 1) / len(left) * ((left - left.mean()) ** 2).sum())
    return effect, error, held


def _own_effects(gram: Floats, cross: Floats, pooled_gram: Floats, pooled_cross: Floats, used: Bools) -> Floats:
    """Return the effects of each series, N x K: those of all, and what it has apart from them."""
    common = _solve(pooled_gram.sum(axis=0), pooled_cross.sum(axis=0), used)
    out = np.repeat(common[None, :], len(gram), axis=0)
    some = np.flatnonzero(used)
    if len(gram) > 1 and len(some):
        a = gram[:, some[:, None], some]
        left = cross[:, some] - np.einsum("nkl,l->nk", a, common[some])
        out[:, some] += np.linalg.solve(a + np.eye(len(some)) / OWN_EFFECT_SD**2, left[..., None])[..., 0]
    return out
