"""What a KPI should have been, and how surprising it was: one causal pass over many series at once.

The expected value is the trimmed mean of the same slot in the last weeks, moved by how the series has run lately.
How far a value may stray is learnt from how far the series strayed before (never less than chance allows for counts
and shares). What comes out is a score that is standard normal while nothing happens, and its running average (EWMA),
which sees small shifts that stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .panel import period_days
from .tails import Kind, score, thick_tails, variance

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

EWMA_WEIGHT = 0.2
LAGS = 8  # weeks looked back
_MEMORY = 1 / 120  # weight of the newest value in what a series has strayed
_BOUND = 4.0  # squared score beyond which a value teaches no more, and the mean of what is left of a normal one
_BOUND_MEAN = 0.9205
FIRST = 21  # values of which the median says how far a series strays, before it is followed step by step
_MEDIAN_SQUARE = 0.4549  # of a standard normal
_REACH = 2.576  # 99 % of a standard normal lies within
_REACH_STEP = 0.3  # by which a value beyond the reach widens it; those within narrow it by a hundredth of that
_REST = 7  # periods in which no further value widens it: a shift shall not hide itself
#: What chance alone does at least; durations are never steadier than half of an exponential.
_LEAST_STRAYS = {"count": 1.0, "share": 1.0, "duration": 0.25}
_LIMIT = 4.0  # a single value counts no more than this in the running average
_PRIOR = 50.0  # cases by which the share of a slot is drawn to that of all slots
_TAME = 3.0  # spreads by which a value may lie off when the level is measured


@dataclass(frozen=True)
class Rhythm:
    """How a regular grid repeats: lags to look back, periods to warm up, periods in which lately is measured."""

    lags: tuple[tuple[int, ...], ...]
    least: int
    warm: int
    lately: tuple[int, int]

    @classmethod
    def of(cls, freq: str, fallback: bool = False) -> Rhythm:
        """Return the rhythm of a frequency name such as ``D``, ``W``, ``MS``, ``h`` or ``15min``.

        Parameters
        ----------
        freq
            Length of a period.
        fallback
            Whether to look at the same hour of the last days, and then at the last values, where weeks are lacking.

        Examples
        --------
        >>> Rhythm.of("D").lags[0][:3]
        (7, 14, 21)
        """
        day = 1 / period_days(freq)
        if day > 0.99:
            week = round(day * 7)
            lags = [tuple(week * k for k in range(1, LAGS + 1))]
            if fallback:
                lags += [tuple(round(day) * k for k in range(1, 15))] if day > 1 else []
                lags += [tuple(range(1, 25))]
            return cls(tuple(lags), 4, max(FIRST, 2 * week if not fallback else 0), (week, 4 * week))
        return cls((tuple(range(1, LAGS + 1)),), 4, 6, (1, 1))


@dataclass(frozen=True)
class Surprise:
    """Scores of a panel: rows are periods, columns are series.

    Attributes
    ----------
    expected, spread
        Expected value and its standard deviation, in the unit of the KPI (of its logarithm for durations).
    spike
        Standard normal score of the single value while nothing happens; missing in the first weeks.
    shift
        The same for the running average.
    strays, freedom
        Variance over what chance alone gives, and how many values it was learnt from.
    """

    expected: Floats
    spread: Floats
    spike: Floats
    shift: Floats
    strays: Floats
    freedom: Floats


def surprise(kind: Kind, value: Floats, n: Floats, rhythm: Rhythm, quiet: Flags | None = None) -> Surprise:
    """Score each value of a panel by what was known before it.

    Parameters
    ----------
    kind
        ``count``, ``share`` (of ``n``), ``duration`` (median or mean over ``n``, on a log scale), ``score`` (mean over
        ``n``) or ``stock`` (a backlog: scored by its change).
    value, n
        Periods by series; missing where nothing was measured.
    rhythm
        How the grid repeats.
    quiet
        Periods by series that are known to be special and neither alarm nor teach; all are ordinary by default.

    Returns
    -------
    Surprise
        Row ``t`` depends on rows up to ``t`` only.

    Examples
    --------
    >>> days = np.array([[20.0 + t % 7 + t % 3] for t in range(80)])
    >>> days[-1] = 60.0
    >>> found = surprise("count", days, days, Rhythm.of("D"))
    >>> bool(np.isnan(found.spike[20, 0])), found.spike[-2:, 0].round(1).tolist()
    (True, [-0.2, 5.5])
    """
    x = _scale(kind, value)
    weight = n if kind == "share" else np.ones_like(x)
    weight = np.where(np.isnan(x) | (False if quiet is None else quiet), np.nan, weight)
    state = _State(x.shape[1])
    rows: list[tuple[Floats, ...]] = []
    raw, tame = np.full_like(x, np.nan), x.copy()
    for t in range(len(x)):
        raw[t] = _same_slot(kind, x, weight, rhythm, t)
        expected = _lately(kind, tame, raw, weight, rhythm, t)
        found = state.step(kind, x[t], expected, n[t], weight[t], rhythm.warm)
        room = np.where(np.isnan(found[1]), np.inf, _TAME * found[0])  # a single spike must not lift the level
        tame[t] = np.clip(x[t], expected - room, expected + room)
        rows.append((expected, *found))
    if not rows:
        return Surprise(*[np.empty_like(x) for _ in range(6)])
    return Surprise(*(np.array(column) for column in zip(*rows, strict=True)))


def score_one(kind: Kind, x: Floats, expected: Floats, n: Floats, strays: Floats, freedom: Floats) -> Floats:
    """Return normal scores of single values, given what was expected of them.

    >>> one = np.ones(1)
    >>> score_one("score", 3 * one, one, one, one, 100 * one).round(2).tolist()
    [1.98]
    """
    return thick_tails(score(kind, x, expected, n, variance(kind, expected, n), strays), freedom)


def _scale(kind: Kind, value: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "duration":
            return np.asarray(np.where(value >= 0, np.log1p(value), np.nan))
        if kind == "stock":
            logs = np.log1p(value)
            return np.vstack([np.full((1, value.shape[1]), np.nan), np.diff(logs, axis=0)])
    return value.astype(float)


def _same_slot(kind: Kind, x: Floats, weight: Floats, rhythm: Rhythm, t: int) -> Floats:
    """Return the trimmed mean of the same slot before (shares: pooled), from the longest rhythm that is known."""
    out = np.full(x.shape[1], np.nan)
    for lags in rhythm.lags:
        rows = [t - lag for lag in lags if lag <= t]
        todo = np.isnan(out)
        if len(rows) < rhythm.least or not todo.any():
            continue
        w = weight[rows][:, todo]
        past = np.where(np.isnan(w), np.nan, x[rows][:, todo])
        enough = (~np.isnan(past)).sum(axis=0) >= rhythm.least
        if kind == "share":
            span = slice(max(t - max(lags), 0), t)
            mean = _pooled(past, w, x[span][:, todo], weight[span][:, todo])
        else:
            mean = _trimmed(past)
        out[todo] = np.where(enough, mean, np.nan)
    return out


def _trimmed(past: Floats) -> Floats:
    """Return the mean without the largest and the smallest of each column."""
    known = ~np.isnan(past)
    count = known.sum(axis=0)
    high = np.where(known, past, -np.inf).max(axis=0, initial=-np.inf)
    low = np.where(known, past, np.inf).min(axis=0, initial=np.inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((np.where(known, past, 0).sum(axis=0) - high - low) / (count - 2))


def _pooled(past: Floats, weight: Floats, around: Floats, around_weight: Floats) -> Floats:
    """Return the share over all cases of the slot, drawn to that of all slots as if by some cases more."""
    with np.errstate(invalid="ignore", divide="ignore"):
        level = np.nansum(around * around_weight, axis=0) / np.nansum(around_weight, axis=0)
        return np.asarray((np.nansum(past * weight, axis=0) + _PRIOR * level) / (np.nansum(weight, axis=0) + _PRIOR))


def _lately(kind: Kind, x: Floats, raw: Floats, weight: Floats, rhythm: Rhythm, t: int) -> Floats:
    """Move the same-slot value by how the series ran of late, without the newest week: a shift shall stay visible."""
    first, last = t - rhythm.lately[1], t - rhythm.lately[0]
    now: Floats = raw[t]
    if last <= 0 or rhythm.lately[0] == rhythm.lately[1]:
        return now
    rows = slice(max(first, 0), last)
    use = ~np.isnan(raw[rows]) & ~np.isnan(weight[rows])
    was, should = np.where(use, x[rows], 0), np.where(use, raw[rows], 0)
    count = use.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        if kind == "count":
            ratio = (was.sum(axis=0) + 1) / (should.sum(axis=0) + 1)
            moved = now * np.clip(ratio, 0.5, 2.0)
        elif kind == "share":
            w = np.where(use, weight[rows], 0)
            step = (was - should) * w
            total = w.sum(axis=0)
            moved = np.clip(now + step.sum(axis=0) / (total + 1), 0, 1)
        else:
            moved = now + (was - should).sum(axis=0) / count
    return np.where(count >= rhythm.least, moved, now)


class _State:
    """What a pass remembers of each series: how far it strays, its running average and how far that strays."""

    def __init__(self, size: int) -> None:
        self.strays = np.full(size, np.nan)
        self.ewma = np.zeros(size)
        self.ewma_strays = np.full(size, EWMA_WEIGHT / (2 - EWMA_WEIGHT))
        self.seen = np.zeros(size)
        self.first = np.full((FIRST, size), np.nan)
        self.reach = np.full(size, _REACH)
        self.rest = np.zeros(size)

    def step(self, kind: Kind, x: Floats, expected: Floats, n: Floats, weight: Floats, warm: int) -> tuple[Floats, ...]:
        """Score one period, then learn from it."""
        chance = variance(kind, expected, n)
        ready = ~np.isnan(self.strays) & (self.seen >= warm)
        strays = np.where(np.isnan(self.strays), 1.0, self.strays * (self.reach / _REACH) ** 2)
        freedom = np.minimum(self.seen, 2 / _MEMORY)
        usable = ~np.isnan(weight) & ~np.isnan(expected) & (chance > 0)
        z = np.where(usable, thick_tails(score(kind, x, expected, n, chance, strays), freedom), np.nan)
        self._learn(kind, usable, (x - expected) ** 2 / np.where(usable, chance, 1), z)
        shown = usable & ready
        shift = np.where(shown, self.ewma / np.sqrt(self.ewma_strays), np.nan)
        self._learn_ewma(shown)
        return np.sqrt(strays * chance), np.where(shown, z, np.nan), shift, strays, np.where(ready, freedom, np.nan)

    def _learn(self, kind: Kind, usable: Flags, squared: Floats, z: Floats) -> None:
        floor = _LEAST_STRAYS.get(kind, 1e-12)
        young = usable & (self.seen < FIRST)
        old = self.strays
        if kind not in ("count", "share"):
            self._learn_reach(usable & ~young, np.sqrt(squared / old))
        pace = np.maximum(_MEMORY, 1 / (self.seen + 2))
        new = old + pace * (np.minimum(squared, _BOUND * old) / _BOUND_MEAN - old)
        if young.any():
            places = np.flatnonzero(young)
            self.first[self.seen[places].astype(int), places] = squared[places]
            new[places] = np.nanmedian(self.first[:, places], axis=0) / _MEDIAN_SQUARE
            if kind not in ("count", "share"):
                large = np.sort(np.nan_to_num(self.first[:, places]), axis=0)[-2]  # one outlier may be one
                self.reach[places] = np.maximum(_REACH, np.sqrt(large / np.maximum(new[places], 1e-12)))
        self.strays = np.where(usable, np.maximum(new, floor), self.strays)
        bounded = np.clip(np.nan_to_num(z), -_LIMIT, _LIMIT)
        self.ewma = np.where(usable, (1 - EWMA_WEIGHT) * self.ewma + EWMA_WEIGHT * bounded, self.ewma)
        self.seen = self.seen + usable

    def _learn_reach(self, usable: Flags, distance: Floats) -> None:
        """Follow how far one value in a hundred lies: where chance sets no floor, tails can be of any weight."""
        beyond = usable & (distance > self.reach) & (self.rest <= 0)
        self.rest = np.where(beyond, _REST, self.rest - usable)
        step = _REACH_STEP * (beyond - 0.01 * usable)
        self.reach = np.maximum(self.reach + step, _REACH)

    def _learn_ewma(self, usable: Flags) -> None:
        floor = EWMA_WEIGHT / (2 - EWMA_WEIGHT)
        new = self.ewma_strays + _MEMORY * (
            np.minimum(self.ewma**2, _BOUND * self.ewma_strays) / _BOUND_MEAN - self.ewma_strays
        )
        self.ewma_strays = np.where(usable, np.maximum(new, floor), self.ewma_strays)
