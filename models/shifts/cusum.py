"""Evidence that a level has moved: cumulated log likelihood ratios of every series of a panel, in one causal pass.

For each series, two sizes of shift and both directions the log likelihood ratio of "shifted by so much" against "as
expected" is added up, and starts again from 0 whenever "as expected" is the likelier (CUSUM; Page 1954). It is the
rule with the shortest delay for a given number of false alarms (Moustakides 1986); as evidence is measured on the
same scale for all series, one threshold for all of them spends the false alarms where they find most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Bools, Floats, clip
from ..series.tail_probability import KpiKind, score_single_values
from .expected_level import LONG_RUN, ExpectedLevels, Pace, TailWidth
from .yearly_season import estimate_yearly_season

Places = npt.NDArray[np.int32]

#: Sizes of shift that are looked for: log of the ratio of counts, of odds and of durations; spreads for scores.
LEVEL_SHIFT_SIZES: dict[KpiKind, tuple[float, ...]] = {
    "count": (0.18, 0.41),
    "share": (0.55, 1.10),
    "duration": (0.26, 0.60),
    "score": (0.8, 1.8),
    "stock": (0.8, 1.8),
}
MAX_PERIOD_EVIDENCE = 4.0  # evidence that a single period can give: a spike is no shift
_OUTLIER_SCORE, _MAX_OUTLIER_EVIDENCE = 4.5, 1.5  # the same for one so far off, while the value before it was ordinary
SUSPECT_EVIDENCE = 5.0  # evidence from which on the periods of a run teach nothing
RETURN_EVIDENCE_LOSS = 4.0  # loss of evidence that ends a run
_MAX_SCORE = 3.5
_SPREAD_PENALTY_VALUES = (
    10.0  # how far a series strays was learnt from so many values: evidence is worth less by this over them
)
_PANEL_PRIOR_VALUES = 200.0


@dataclass(frozen=True)
class Evidence:
    """Evidence for a shift in each period: rows are periods, columns are series.

    Attributes
    ----------
    expected
        Level that was expected, on the scale of the values (logarithms for durations).
    up, down
        Evidence that the series has run higher or lower since ``up_since`` or ``down_since`` (rows).
    ended
        1 where a run ended because the level came back, 2 where it stayed so long that it is the new level.
    spike
        Standard normal score of the single value while nothing happens (from its mid-p value).
    spread
        Standard deviation that was expected, on the scale of ``expected``.
    """

    expected: Floats
    up: Floats
    down: Floats
    up_since: Places
    down_since: Places
    ended: npt.NDArray[np.int8]
    spike: Floats
    spread: Floats


def stands_apart(z: Floats, run: Floats) -> Bools:
    """Return which single values are far off by themselves: beyond what makes an outlier, and twice as far as a run.

    >>> stands_apart(np.array([1.0, 10.1, 0.8]), np.array([1.0, 10.1, 0.8])).tolist()
    [False, True, False]
    >>> stands_apart(np.array([7.0, 9.0]), np.array([7.0, 9.0, 8.0])).tolist()
    [False, False]
    """
    usual = float(np.median(np.abs(run[np.isfinite(run)]))) if np.isfinite(run).any() else np.inf
    return np.asarray(np.abs(np.nan_to_num(z)) > max(_OUTLIER_SCORE, 2 * usual))


def run_cusum(
    kind: KpiKind,
    value: Floats,
    n: Floats,
    pace: Pace,
    quiet: Bools | None = None,
    stamps: pd.DatetimeIndex | None = None,
    freq: str = "",
) -> Evidence:
    """Add up the evidence for shifts in all series of a panel.

    Parameters
    ----------
    kind
        Kind of the KPI. Durations are taken as logarithms, stocks by their change.
    value, n
        Periods by series, shape (periods, series), missing where nothing was measured.
    pace
        How fast to learn.
    quiet
        Periods by series that neither teach nor count.
    stamps, freq
        The periods; with them the season of the year is expected where the history is long enough to tell it.

    Returns
    -------
    Evidence
        Row ``t`` depends on rows up to ``t`` only.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> days = rng.poisson(50, (120, 3)).astype(float)
    >>> days[100:, 1] += 20
    >>> found = run_cusum("count", days, days, Pace.of("D"))
    >>> found.up[105].round(0).tolist(), int(found.up_since[105, 1])
    ([0.0, 14.0, 0.0], 100)
    """
    pass_ = EvidencePass.of(kind, value, n, pace, quiet, stamps, freq)
    for t in range(len(pass_.x)):
        pass_.step(t)
    return pass_.out


def _scale(kind: KpiKind, value: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Return what is judged (counts, hits, logarithms of durations, ...) and the cases behind it."""
    cases = np.where(np.isfinite(n), n, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "share":
            return value * n, np.where(np.isfinite(n), n, 0.0)
        if kind == "duration":
            return np.where(value >= 0, np.log1p(value), np.nan), cases
        if kind == "stock":
            steps = np.diff(value, axis=0)  # what comes less what goes: it strays alike at any level
            return np.vstack([np.full((1, value.shape[1]), np.nan), steps])[: len(value)], cases * 0 + 1
    return value.astype(float), cases


class EvidencePass:
    """One pass over a panel: judges a period, then lets the one that is old enough teach.

    Parameters
    ----------
    kind, pace
        Kind of the KPI, and how fast to learn.
    x, n
        What is judged, and the cases behind it.
    usable
        Which of them count.
    year
        How far the season of the year moves each from its level.
    """

    def __init__(self, kind: KpiKind, x: Floats, n: Floats, pace: Pace, usable: Bools, year: Floats) -> None:
        self.kind, self.x, self.n, self.pace, self.usable, self.year = kind, x, n, pace, usable, year
        size = x.shape[1]
        self.levels = ExpectedLevels(kind, size, pace)
        sizes = LEVEL_SHIFT_SIZES[kind]
        self.signed_sizes = np.array([s * d for d in (1, -1) for s in sizes])[:, None]
        self.sum = np.zeros((len(self.signed_sizes), size))
        self.peak = np.zeros_like(self.sum)
        self.since = np.zeros(self.sum.shape, dtype=np.int32)
        self.var, self.z = np.full_like(x, np.nan), np.full_like(x, np.nan)
        self.skip = np.zeros(x.shape, dtype=bool)
        self.run: list[Bools] = [np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)]
        blank = [np.full_like(x, np.nan) for _ in range(3)]
        up, down = np.zeros_like(x), np.zeros_like(x)
        since, until = np.zeros(x.shape, dtype=np.int32), np.zeros(x.shape, dtype=np.int32)
        ended = np.zeros(x.shape, dtype=np.int8)
        self.out = Evidence(blank[0], up, down, since, until, ended, blank[1], blank[2])
        self.reach = TailWidth(size)

    @classmethod
    def of(
        cls,
        kind: KpiKind,
        value: Floats,
        n: Floats,
        pace: Pace,
        quiet: Bools | None = None,
        stamps: pd.DatetimeIndex | None = None,
        freq: str = "",
    ) -> EvidencePass:
        """Begin a pass over what :func:`run_cusum` takes."""
        x, cases = _scale(kind, value, n)
        usable = np.isfinite(x) & (np.ones_like(x, dtype=bool) if quiet is None else ~quiet)
        if kind == "share":
            usable &= cases > 0
        x = np.where(usable, x, np.nan)
        year = None if stamps is None else estimate_yearly_season(kind, x, cases, stamps, freq, pace)
        return cls(kind, x, cases, pace, usable, np.zeros_like(x) if year is None else year)

    def step(self, t: int) -> None:
        """Judge period ``t``."""
        usable = self.usable
        slot = t % self.pace.season
        expected = self.levels.expect(slot, self.year[t])
        var = self.levels.variance(expected, self.n[t])
        self.out.expected[t], self.var[t] = expected, var
        off = self.x[t] - (expected * self.n[t] if self.kind == "share" else expected)
        judged = usable[t] & np.isfinite(expected) & (var > 0) & (self.levels.seen >= self.pace.warm)
        with np.errstate(invalid="ignore", divide="ignore"):
            self.z[t] = np.where(usable[t] & (var > 0), clip(off / np.sqrt(var), -_MAX_SCORE, _MAX_SCORE), np.nan)
        self._judge_one(t, expected, var, judged)
        gain = np.where(judged, self._gain(t, expected, var, off), 0.0)
        most = np.where(self._is_isolated(t), _MAX_OUTLIER_EVIDENCE, MAX_PERIOD_EVIDENCE)
        self._add(t, clip(gain, -MAX_PERIOD_EVIDENCE, most))
        self._learn(t - self.pace.guard, usable)

    def traces(self) -> dict[str, npt.NDArray[Any]]:
        """Return what is written a row at a time, and never changed in a row that was judged."""
        return {f.name: getattr(self.out, f.name) for f in fields(Evidence)} | {"var": self.var, "z": self.z}

    def keep(self, t: int) -> dict[str, npt.NDArray[Any]]:
        """Return all that the periods from ``t`` on need of those before it, beside the traces."""
        parts = {"levels": vars(self.levels), "reach": vars(self.reach)}
        learnt = {f"{part}.{name}": value for part, own in parts.items() for name, value in own.items()}
        sums = {"sum": self.sum, "peak": self.peak, "since": self.since, "run": np.stack(self.run)}
        # a run may have forbidden older rows to teach since then: they have taught
        kept = learnt | sums | {"skip": self._young(t)}
        return {name: value.copy() for name, value in kept.items() if isinstance(value, np.ndarray)}

    def restore(self, kept: Mapping[str, npt.NDArray[Any]], t: int) -> None:
        """Take up what :meth:`keep` returned at ``t``; the traces up to there are in place."""
        for name in ("sum", "peak", "since"):
            setattr(self, name, kept[name].copy())
        self.run = [row.copy() for row in kept["run"]]
        self._young(t)[:] = kept["skip"]
        self.levels.forget_estimates()
        for part in ("levels", "reach"):
            for name in vars(getattr(self, part)):
                if f"{part}.{name}" in kept:
                    setattr(getattr(self, part), name, kept[f"{part}.{name}"].copy())

    def _young(self, t: int) -> Bools:
        """Return which of the rows that have yet to teach are forbidden to."""
        return self.skip[t - self.pace.guard : t]

    def _judge_one(self, t: int, expected: Floats, var: Floats, judged: Bools) -> None:
        """Score the single value by its mid-p value."""
        x, n = self.x[t], self.n[t]
        freedom = np.minimum(self.levels.seen, 2 * self.pace.half)
        with np.errstate(invalid="ignore", divide="ignore"):
            if self.kind == "share":
                x, chance = x / n, n * expected * (1 - expected)
                strays = np.maximum(var / np.maximum(chance, 1e-9), 1.0)
            elif self.kind == "count":
                strays = np.maximum(var / np.maximum(expected, 0.25), 1.0)
            else:
                strays = var * np.maximum(n, 1) * self.reach.widen()
            score = score_single_values(self.kind, x, expected, np.maximum(n, 1), strays, freedom)
            self.out.spread[t] = np.sqrt(var) / (np.maximum(n, 1) if self.kind == "share" else 1)
        self.out.spike[t] = np.where(judged, score, np.nan)
        if self.kind not in ("count", "share"):
            off = np.abs(self.x[t] - expected) / np.where(judged, np.sqrt(var), 1.0)
            self.reach.learn(judged, np.where(judged, off, 0.0))

    def _is_isolated(self, t: int) -> Bools:
        """Return which values stand out by themselves: after an ordinary one, they are spikes until others follow."""
        z, last = self.out.spike[t], self.out.spike[t - 1] if t else self.out.spike[t]
        with np.errstate(invalid="ignore"):
            return np.asarray((np.abs(z) > _OUTLIER_SCORE) & ~(last * np.sign(z) > 1.5))

    def _gain(self, t: int, expected: Floats, var: Floats, off: Floats) -> Floats:
        """Return the log likelihood ratio of each shift, lessened by how far sums and the level itself stray."""
        known = np.maximum(np.minimum(self.levels.seen, 1.44 * self.pace.half), 1.0)
        others = _PANEL_PRIOR_VALUES * (1 - 1 / len(known))  # a panel knows better how far its series stray
        loose = self.levels.runs() * (1 + self.pace.run / known) * (1 + _SPREAD_PENALTY_VALUES / (known + others))
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            if self.kind == "count":
                more, mean = self.levels.dispersion(), np.maximum(expected, 0.1)
                ratio = np.log((1 + more * mean * np.exp(self.signed_sizes)) / (1 + more * mean))
                return np.asarray((self.x[t] * (self.signed_sizes - ratio) - ratio / more) / loose)
            if self.kind == "share":
                n = self.n[t]
                p = clip(expected, 1e-4, 1 - 1e-4)
                dispersion = 1 + np.maximum(n - 1, 0) * self.levels.dispersion()
                return np.asarray(
                    (self.x[t] * self.signed_sizes - n * np.log1p(p * np.expm1(self.signed_sizes)))
                    / (dispersion * loose)
                )
            scale = np.sqrt(var) if self.kind != "duration" else 1.0
            tame = clip(off, -_MAX_SCORE * np.sqrt(var), _MAX_SCORE * np.sqrt(var))
            return np.asarray((self.signed_sizes * scale * tame - (self.signed_sizes * scale) ** 2 / 2) / (var * loose))

    def _add(self, t: int, gain: Floats) -> None:
        """Add to the sums, and end the runs that came back or have lasted."""
        fresh = self.sum <= 0
        self.since[fresh] = t
        self.sum = np.maximum(self.sum + gain, 0.0)
        self.peak = np.where(self.sum <= 0, 0.0, np.maximum(self.peak, self.sum))
        half = len(self.signed_sizes) // 2
        for k, (rows, score, since) in enumerate(
            [
                (slice(0, half), self.out.up, self.out.up_since),
                (slice(half, None), self.out.down, self.out.down_since),
            ]
        ):
            sums = self.sum[rows]
            best = sums.argmax(axis=0)
            across = np.arange(sums.shape[1])
            since[t] = self.since[rows][best, across]
            back = np.asarray(
                ((self.peak[rows] > SUSPECT_EVIDENCE) & (self.peak[rows] - sums > RETURN_EVIDENCE_LOSS)).any(axis=0)
            )
            score[t] = np.where(back, 0.0, sums[best, across])
            self._follow(t, k, rows, score[t], since[t], back)

    def _follow(self, t: int, k: int, rows: slice, score: Floats, since: Places, back: Bools) -> None:
        """Keep what is suspect from teaching, and make a level that lasts the new one."""
        hot = score > SUSPECT_EVIDENCE
        for column in np.flatnonzero(hot & ~self.run[k]):
            self.skip[since[column] : t, column] = True
        self.skip[t, hot] = True
        for column in np.flatnonzero(hot & (t - since >= 2 * self.pace.guard)):
            self._rebase(t, int(column))
            back = back.copy()
            back[column], self.out.ended[t, column] = True, 2
        self.out.ended[t, back & (self.out.ended[t] == 0)] = 1
        if back.any():
            self.sum[rows][:, back] = 0.0
            self.peak[rows][:, back] = 0.0
            score[back] = 0.0
        self.run[k] = hot & ~back

    def _rebase(self, t: int, column: int) -> None:
        """Take the newest periods for the level of one series, without single values that stand out by themselves."""
        rows = slice(t - self.pace.guard + 1, t + 1)
        x, n, expected = self.x[rows, column], self.n[rows, column], self.out.expected[rows, column]
        known = np.isfinite(x) & np.isfinite(expected)
        z = self.out.spike[rows, column]
        known &= ~stands_apart(z, z[known])
        if not known.any():
            return
        levels = self.levels
        level = levels.top[column] / levels.bottom[column]
        if self.kind == "count":
            levels.rebase(column, level * max(x[known].sum(), 0.5) / max(expected[known].sum(), 0.5))
        elif self.kind == "share":
            share = (x[known].sum() + 0.5) / (n[known].sum() + 1)
            was = (expected[known] * n[known]).sum() / max(n[known].sum(), 1e-9)
            odds = share / (1 - share) / max(was / max(1 - was, 1e-6), 1e-6) * level / max(1 - level, 1e-6)
            levels.rebase(column, odds / (1 + odds))
        else:
            levels.rebase(column, level + float(np.median(x[known] - expected[known])))

    def _learn(self, t: int, usable: Bools) -> None:
        if t < 0:
            return
        run = np.array([self._run(t, self.pace.run * length) for length in (1, LONG_RUN)])
        use = usable[t] & ~self.skip[t]
        slot = t % self.pace.season
        known = self.x[t], self.n[t], self.out.expected[t], self.var[t]
        self.levels.learn(*known, slot, use, run, self.year[t])

    def _run(self, t: int, periods: int) -> Floats:
        """Return the squared sum of the normal scores of the last periods over its number, where enough are known."""
        z = self.z[max(t - periods + 1, 0) : t + 1]
        number = np.isfinite(z).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(number >= (periods + 1) // 2, np.nansum(z, axis=0) ** 2 / number, np.nan))
