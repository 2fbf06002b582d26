"""The level that a series should have, with its weekly shape and how far it strays: learnt day by day, never from the newest days.

A value teaches only when it is ``guard`` periods old, so that a shift is judged against what was before it. The shape
of the week, and how far a series strays, are drawn to those of the other series of the panel as long as the series
itself has seen little (empirical Bayes).
"""  # noqa: E501

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...features.arrays import Bools, Floats, clip
from ..series.panel import period_days
from ..series.tail_probability import KpiKind

#: A long run is so many runs.
LONG_RUN = 4
_PRIOR_SHAPE_VARIANCE = 0.3  # variance of a slot of the week from series to series, where it cannot be told
_DISPERSION_PRIOR_VALUES = 30.0  # values by which how far a series strays is drawn to the panel
_RUN_PRIOR_VALUES = 100.0  # the same for how much further sums of a week stray
_TOLERATED_LONG_RUN = 1.3  # factor by which long runs may stray before it is taken for a level that wanders
_MIN_LONG_RUN_SERIES = 10  # fewer have seen too few months
_LONG_RUN_PRIOR_VALUES = 300.0  # values of a panel in which long runs strayed as chance does, had they been seen
_MAX_RUN = np.array([9.0, 9.0 * LONG_RUN])  # what a run may say of how far runs stray
_MAX_SCORE = 3.5  # spreads by which a value may lie off when it teaches
_NOISE_RATIOS = np.array([0.0, 0.003, 0.01, 0.03, 0.1, 1.0])  # noise that more cases do not lessen, against theirs
_MIN_DIVISOR = 1e-9


@dataclass(frozen=True)
class Pace:
    """How fast a grid of periods is learnt from.

    Attributes
    ----------
    season
        Slots of the week (1 where a period is a week or longer).
    guard
        Age at which a value begins to teach.
    half
        Age at which it counts half.
    warm
        Values that must have taught before anything is judged.
    run
        Periods over which values are summed to see whether they stray together.
    """

    season: int
    guard: int
    half: float
    warm: int
    run: int

    @classmethod
    def of(cls, freq: str) -> Pace:
        """Return the pace of a frequency name.

        >>> Pace.of("D")
        Pace(season=7, guard=14, half=70.0, warm=21, run=7)
        >>> Pace.of("W").guard, Pace.of("h").season
        (3, 168)
        """
        days = period_days(freq)
        if days > 0.99:
            season = max(1, round(7 / days))
            guard = max(2, round(14 / days)) if days < 5 else 3
            return cls(
                season, guard, 70.0 / days if days < 5 else 20.0, 3 * season if season > 1 else 8, max(season, 3)
            )
        day = round(1 / days)
        return cls(7 * day, 3 * day, 56.0 * day, 14 * day, day)


class ExpectedLevels:
    """What has been learnt of each series of a panel, for one kind of KPI.

    Parameters
    ----------
    kind
        Kind of the KPI; stocks are judged like scores, by their change.
    size
        Number of series.
    pace
        How fast to learn.
    """

    def __init__(self, kind: KpiKind, size: int, pace: Pace) -> None:
        self.kind, self.pace = kind, pace
        self.fade = 0.5 ** (1 / pace.half)
        self.top, self.bottom = np.zeros(size), np.zeros(size)  # of the level
        self.plain = np.zeros(size)  # of means: as top, with the shape of the week left in
        self.low, self.high = np.full(size, np.inf), np.full(size, -np.inf)  # of the values that taught
        self.slot_top, self.slot_bottom = np.zeros((pace.season, size)), np.zeros((pace.season, size))
        rows = len(_NOISE_RATIOS) if kind not in ("count", "share") else 1
        self.stray_top, self.stray_bottom = np.zeros((rows, size)), np.zeros((rows, size))
        self.loss = np.zeros(rows)
        self.run_top, self.run_bottom = np.zeros((2, size)), np.zeros((2, size))  # of weeks, of months
        self.seen = np.zeros(size)
        self.typical = np.zeros(size)  # variance of a value
        self._strays: tuple[Floats] | None = None  # how far each strays, as long as nothing has taught

    def expect(self, slot: int, year: Floats | float = 0.0) -> Floats:
        """Return the expected value in a slot of the week; missing before anything is known.

        ``year`` is how far the season of the year moves it: see :func:`estimate_yearly_season`.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            level = self.top / self.bottom
        if self.pace.season > 1:
            shape = self._shape(slot, level)
            if self.kind == "count":
                level = level * shape
            elif self.kind == "share":
                level = _move_odds(level, np.log(shape))
            else:  # a borrowed shape never leads beyond what was seen
                level = clip(level + shape, self.low, self.high)
        if self.kind == "count":
            return np.asarray(level * np.exp(year))
        return np.asarray(_move_odds(level, year) if self.kind == "share" else level + year)

    def without_year(self, x: Floats, year: Floats | float, expected: Floats) -> Floats:
        """Return values as they would be without the season of the year, which is in ``expected``."""
        if self.kind == "count":
            return np.asarray(x * np.exp(-np.asarray(year)))
        if self.kind != "share":
            return np.asarray(x - year)
        with np.errstate(invalid="ignore", divide="ignore"):
            factor = _move_odds(expected, -np.asarray(year)) / expected
        return np.asarray(x * np.where(np.isfinite(factor), factor, 1.0))

    def variance(self, expected: Floats, n: Floats) -> Floats:
        """Return the variance of a value (of the count, of the hits among ``n``, or of the mean of ``n``)."""
        more = self.dispersion()
        if self.kind == "count":
            return np.asarray(np.maximum(expected, 0.1) + more * expected**2)
        if self.kind == "share":
            p = clip(expected, 0.5 / (n + 1), 1 - 0.5 / (n + 1))
            return np.asarray(n * p * (1 - p) * (1 + np.maximum(n - 1, 0) * more))
        return np.asarray(more * (1 / np.maximum(n, 1) + _NOISE_RATIOS[int(self.loss.argmin())]))

    def dispersion(self) -> Floats:
        """Return how far each series strays beyond chance, drawn to the panel.

        Counts: 1 / size of the negative binomial. Shares: correlation of the cases of a period. Means: variance of a
        single case.
        """
        if self._strays is None:  # it is asked for several times a period
            self._strays = (self._estimate_dispersion(),)
        return self._strays[0]

    def _estimate_dispersion(self) -> Floats:
        row = int(self.loss.argmin())
        top, bottom = self.stray_top[row], self.stray_bottom[row]
        every = top.sum() / max(bottom.sum(), _MIN_DIVISOR)
        with np.errstate(invalid="ignore", divide="ignore"):
            own = np.where(bottom > 0, top / bottom, every)
        values = np.minimum(self.seen, 2 * self.pace.half)
        if self.kind in ("count", "share"):
            mixed = (values * own + _DISPERSION_PRIOR_VALUES * every) / (values + _DISPERSION_PRIOR_VALUES)
            return np.asarray(clip(mixed, 1e-4, 0.5 if self.kind == "share" else np.inf))
        with np.errstate(divide="ignore"):
            logs = np.log(np.maximum(own, 1e-12))
        known = (bottom > 0) & (own > 1e-12)
        middle = float(np.average(logs[known], weights=values[known] + 1)) if known.any() else 0.0
        chance = 2 / (values + 1)
        apart = ((logs - middle) ** 2 - chance)[known]  # how far the series differ beyond chance
        width = max((0.2 * 10 + float(apart.sum())) / (10 + len(apart)), 0.01)
        weight = width / (width + chance)
        return np.asarray(np.exp(np.where(known, weight * logs + (1 - weight) * middle, middle)))

    def runs(self) -> Floats:
        """Return by how much sums over some periods stray more than values that know nothing of each other.

        The larger of what runs and long runs show: a level that wanders strays more the longer one looks. Long runs
        also hold what true shifts leave, so a part of what they show is not believed.
        """
        top, bottom = self.run_top.sum(axis=1), self.run_bottom.sum(axis=1)
        few = np.array([_MIN_DIVISOR, _LONG_RUN_PRIOR_VALUES])  # a single series has seen few months
        every = (top + few) / (bottom + few)
        top = self.run_top + _RUN_PRIOR_VALUES * np.maximum(1.0, every)[:, None]
        weeks = top[0] / (self.run_bottom[0] + _RUN_PRIOR_VALUES)  # months are those of the panel: a series has few
        months = every[1] / _TOLERATED_LONG_RUN if len(weeks) >= _MIN_LONG_RUN_SERIES else 1.0
        return np.asarray(np.maximum(1.0, np.maximum(weeks, months)))

    def learn(
        self,
        x: Floats,
        n: Floats,
        expected: Floats,
        var: Floats,
        slot: int,
        use: Bools,
        run: Floats,
        year: Floats | float = 0.0,
    ) -> None:
        """Learn from one period that is old enough.

        Parameters
        ----------
        x, n
            Values (counts, hits, or means) and cases.
        expected, var
            What was said of them before they came; missing at the begin.
        slot
            Slot of the week.
        use
            Which of them teach.
        run
            Squared sum of the normal scores of the last periods, over its number.
        year
            How far the season of the year moved the expected values.
        """
        spread = np.sqrt(var)
        judged = use & np.isfinite(expected) & np.isfinite(spread)
        with np.errstate(invalid="ignore"):
            tame = np.where(judged, clip(x, self._seen_as(expected, n) - _MAX_SCORE * spread,
                                            self._seen_as(expected, n) + _MAX_SCORE * spread), x)  # fmt: skip
        level = self.without_year(tame, year, expected)
        self._learn_level(np.where(use, level, 0.0), np.where(use, n, 0.0), slot, use)
        self._learn_strays(np.where(judged, tame, 0.0), n, expected, judged)
        self.loss *= self.fade
        told = judged & np.isfinite(run) & (self.seen >= self.pace.warm)  # shape (2, series)
        known = np.maximum(np.minimum(self.seen, 1.44 * self.pace.half), 1.0)
        quiet = np.array([np.ones_like(known), 1 + LONG_RUN * self.pace.run / known])  # levels are off by chance too
        self.run_top = self.run_top * self.fade + np.where(told, np.minimum(run / quiet, _MAX_RUN[:, None]), 0.0)
        self.run_bottom = self.run_bottom * self.fade + told
        self.typical = np.where(judged, np.where(self.typical > 0, 0.95 * self.typical + 0.05 * var, var), self.typical)
        self.seen += use
        self.forget_estimates()

    def forget_estimates(self) -> None:
        """Estimate anew what follows from all that was learnt, as that has changed."""
        self._strays = None

    def rebase(self, column: int, level: float) -> None:
        """Take a new level for one series."""
        move = level - self.top[column] / self.bottom[column]
        self.top[column] = level * self.bottom[column]
        self.plain[column] += move * self.bottom[column]
        self.low[column] += min(move, 0.0)
        self.high[column] += max(move, 0.0)

    def _seen_as(self, expected: Floats, n: Floats) -> Floats:
        return expected * n if self.kind == "share" else expected

    def _shape(self, slot: int, level: Floats) -> Floats:
        """Return the factor (of the level, of the odds) or the step of a slot, drawn to that of the panel.

        How strongly it is drawn follows from how far the shapes of the series really differ.
        """
        top, bottom = self.slot_top[slot], self.slot_bottom[slot]
        known = (bottom > 0) & np.isfinite(level)
        safe = np.where(known, bottom, 1.0)
        values = np.maximum(np.minimum(self.seen, 1.44 * self.pace.half) / self.pace.season, 1.0)
        if self.kind == "count":
            own = np.where(known, (top + 0.5) / (safe + 0.5), 1.0)
            chance = 1 / safe + self.dispersion() / values
            return np.asarray(np.maximum(1 + _shrink(own - 1, np.where(known, chance, np.inf)), 0.0))
        if self.kind == "share":
            p = clip(np.where(known, level, 0.5), 1e-3, 1 - 1e-3)
            hits = (top + 2 * p) / (safe + 2)
            own = np.where(known, np.log(hits / (1 - hits) / (p / (1 - p))), 0.0)
            chance = (1 + safe / values * self.dispersion()) / (safe * p * (1 - p))
            return np.asarray(np.exp(_shrink(own, np.where(known, chance, np.inf))))
        scale = np.sqrt(np.maximum(self.typical, 1e-12))
        own = np.where(known, top / safe / scale, 0.0)
        return np.asarray(_shrink(own, np.where(known, 1 / safe, np.inf)) * scale)

    def _learn_level(self, x: Floats, n: Floats, slot: int, use: Bools) -> None:
        with np.errstate(invalid="ignore", divide="ignore"):
            level = self.top / self.bottom
        known = use & np.isfinite(level)
        if self.kind == "count":
            weight = np.where(use, self._shape(slot, level) if self.pace.season > 1 else 1.0, 0.0)
            slot_top, slot_bottom, top = x, np.where(known, level, 0.0), x
        elif self.kind == "share":
            weight, top, slot_top, slot_bottom = n, x, x, n
        else:
            step = np.nan_to_num(self.expect(slot) - level)
            weight = np.where(use, 1.0, 0.0)
            if self.seen.any():
                ratio = float(_NOISE_RATIOS[int(self.loss.argmin())])
                weight = np.where(use, (1 + ratio) / (1 / np.maximum(n, 1) + ratio), 0.0)
            top = np.where(use, x - step, 0.0) * weight
            # Held against the plain mean: against the level, which is learnt with the shape, both could run away.
            with np.errstate(invalid="ignore", divide="ignore"):
                slot_top = np.where(known, x - self.plain / self.bottom, 0.0)
            slot_bottom = known.astype(float)
            self.plain = self.plain * self.fade + np.where(use, x, 0.0) * weight
            self.low, self.high = (
                np.where(use, np.minimum(self.low, x), self.low),
                np.where(use, np.maximum(self.high, x), self.high),
            )
        self.slot_top[slot] = self.slot_top[slot] * self.fade**self.pace.season + np.where(known, slot_top, 0.0)
        self.slot_bottom[slot] = self.slot_bottom[slot] * self.fade**self.pace.season + np.where(known, slot_bottom, 0)
        self.top = self.top * self.fade + top
        self.bottom = self.bottom * self.fade + weight

    def _learn_strays(self, x: Floats, n: Floats, expected: Floats, judged: Bools) -> None:
        off = np.where(judged, x - self._seen_as(np.nan_to_num(expected), np.nan_to_num(n)), 0.0)
        if self.kind == "count":
            mean = np.where(judged, np.maximum(expected, 0.1), 1.0)
            weight = judged / (1 / mean + np.median(self.dispersion()) + 0.003) ** 2
            value = (off**2 - mean) / mean**2
        elif self.kind == "share":
            judged = judged & (n > 1)
            cases = np.where(judged, n, 2.0)
            p = clip(np.where(judged, expected, 0.5), 0.5 / (cases + 1), 1 - 0.5 / (cases + 1))
            weight = judged * ((cases - 1) / (1 + (cases - 1) * (np.median(self.dispersion()) + 0.003))) ** 2
            value = (off**2 / (cases * p * (1 - p)) - 1) / (cases - 1)
        else:
            parts = 1 / np.where(judged, np.maximum(n, 1), 1.0) + _NOISE_RATIOS[:, None]
            ratio = off**2 / parts
            with np.errstate(invalid="ignore", divide="ignore"):
                var = np.where(self.stray_bottom > 0, self.stray_top / self.stray_bottom, np.nan) * parts
                misfit = np.log(var) + np.minimum(off**2 / var, 12.0)
            useful = judged & np.isfinite(misfit).all(axis=0) & (self.seen >= 10)
            self.loss += np.where(useful, misfit, 0.0).sum(axis=1)
            weight, value = np.broadcast_to(judged.astype(float), ratio.shape), ratio
        early = self.pace.warm / 2  # the first expectations are off by more than chance
        weight = weight * np.maximum(self.seen - early, 0.05) / (self.seen + 2 * early)
        self.stray_top = self.stray_top * self.fade + weight * value
        self.stray_bottom = self.stray_bottom * self.fade + weight


class TailWidth:
    """How far one value in a hundred lies, where chance sets no floor and tails can be of any weight.

    Parameters
    ----------
    size
        Number of series.
    """

    _START, _STEP, _REST = 2.576, 0.3, 7

    def __init__(self, size: int) -> None:
        self.reach = np.full(size, self._START)
        self.rest = np.zeros(size)

    def widen(self) -> Floats:
        """Return the factor of the variance that brings a normal tail as far out."""
        return np.asarray((self.reach / self._START) ** 2)

    def learn(self, usable: Bools, distance: Floats) -> None:
        """Widen by a value beyond the reach, and by no other for some periods: a shift shall not hide itself."""
        beyond = usable & (distance > self.reach) & (self.rest <= 0)
        self.rest = np.where(beyond, self._REST, self.rest - usable)
        self.reach = np.maximum(self.reach + self._STEP * (beyond - 0.01 * usable), self._START)


def _move_odds(share: Floats, step: Floats | float) -> Floats:
    """Return shares whose log odds are moved.

    >>> _move_odds(np.array([0.5]), np.log(3)).round(2).tolist()
    [0.75]
    """
    safe = clip(share, 1e-6, 1 - 1e-6)
    odds = safe / (1 - safe) * np.exp(step)
    return np.asarray(odds / (1 + odds))


def _shrink(own: Floats, chance: Floats) -> Floats:
    """Draw noisy numbers to their mean, by how far they differ beyond what chance alone does (their variances).

    Two pseudo-series say how far series differ where there are too few to tell; the mean is drawn to 0.
    """
    weight = 1 / (chance + 0.05)
    number = weight.sum()
    middle = (weight * own).sum() / (number + 1.0) if number else 0.0
    beyond = ((own - middle) ** 2 - np.where(np.isfinite(chance), chance, 0)) * weight
    width = (2 * _PRIOR_SHAPE_VARIANCE * 20 + beyond.sum()) / (2 * 20 + number)
    width = max(width, 1e-4)
    with np.errstate(invalid="ignore"):
        pull = np.where(np.isfinite(chance), chance / (chance + width), 1.0)
    return np.asarray(middle * pull + own * (1 - pull))
