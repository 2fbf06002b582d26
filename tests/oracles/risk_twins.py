"""Slow and obvious ways to the figures of deskcast.models: loops, and a general optimiser."""

import numpy as np
from scipy.optimize import brentq, minimize


def slow_ece(y, p, bins=10):
    total = 0.0
    for b in range(bins):
        mine = [i for i in range(len(p)) if min(int(p[i] * bins), bins - 1) == b]
        if mine:
            total += len(mine) * abs(sum(p[i] for i in mine) / len(mine) - sum(y[i] for i in mine) / len(mine))
    return total / len(p)


def slow_wilson(hits, n, z=1.959963984540054):
    """Return the shares q at which the score test just does not reject: |hits/n - q| = z sqrt(q (1 - q) / n)."""

    def gap(q):
        return (hits / n - q) ** 2 - z**2 * q * (1 - q) / n

    lo = 0.0 if hits == 0 else brentq(gap, 0.0, min(hits / n, 1 - 1e-9))
    hi = 1.0 if hits == n else brentq(gap, max(hits / n, 1e-9), 1.0)
    return lo, hi


def slow_platt(y, x):
    """Return slope and intercept by a general optimiser on Platt's softened targets."""
    y, x = np.asarray(y, float), np.asarray(x, float)
    up, down = y.sum(), (1 - y).sum()
    t = np.where(y > 0, (up + 1) / (up + 2), 1 / (down + 2))

    def loss(theta):
        score = theta[0] * x + theta[1]
        return np.sum(np.logaddexp(0, score) - t * score)

    found = minimize(
        loss, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 10_000}
    )
    return tuple(found.x)


def slow_weights(entry, end, decided, most=20.0):
    """Return 1 over the product of the shares that were not cut off, cut-off by cut-off, for each decided row."""
    weights = []
    for first, last, done in zip(entry, end, decided, strict=True):
        kept = 1.0
        for cut in sorted({e for e, d in zip(end, decided, strict=True) if not d and first <= e < last}):
            rows = [(e, d) for a, e, d in zip(entry, end, decided, strict=True) if a <= cut]
            at_risk = sum(e > cut or (e == cut and not d) for e, d in rows)
            kept *= 1 - sum(e == cut and not d for e, d in rows) / at_risk
        weights.append(min(1 / kept, most) if done else 0.0)
    return weights


def slow_auc(y, p):
    """Return the share of pairs that are in the right order; ties count half."""
    up, down = [b for a, b in zip(y, p, strict=True) if a], [b for a, b in zip(y, p, strict=True) if not a]
    return sum((u > d) + (u == d) / 2 for u in up for d in down) / (len(up) * len(down))
