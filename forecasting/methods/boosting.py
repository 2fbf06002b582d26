"""Gradient boosting of the ratio of days to the weeks before them, one model across all series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...features.arrays import Bools, Floats, Ints
from .calendar_effects import MIN_BUSINESS_DAY_SHARE, number_business_days
from .daily_level import SMALL_DAY_EVIDENCE
from .day_panel import DayPanel, build_day_panel
from .day_shapes import DayShapes, fit_day_shapes
from .decomposition import decomposition

if TYPE_CHECKING:
    from .scene import Scene


#: Rows that the model learns from at most, and at least.
MAX_TRAINING_ROWS, MIN_TRAINING_ROWS = 12_000, 100

#: Bins of a feature.
BINS = 64

#: A ratio to the weeks before is cut here.
MAX_RATIO = 5.0

#: Days with less than this share of the usual volume of a day teach nothing.
MIN_VOLUME_SHARE = 0.02

#: A day moves the usual volume of its weekday by what it is up to so many times that, or so many standard deviations
#: of counts beyond it; the same of days that hold little of the week; and the days that must be known before.
MAX_DAY_MOVE, MAX_SMALL_DAY_MOVE, CHANCE_DEVIATIONS, MIN_USUAL_DAYS = 1.5, 1.2, 3.0, 4

#: Share of the busiest weekday from which a day tells how the last weeks were.
MIN_BUSY_SHARE = 0.5

#: Share of a day's volume that must be known of it.
MIN_KNOWN_SHARE = 0.5

#: Days, or weeks or months where these are forecast, after which a lesson counts half.
LESSON_HALF_LIFE = 728.0

#: Days from which the distance to a day off, and the number of a business day, no longer matter.
MAX_DISTANCE_DAYS, MAX_BUSINESS_DAYS = 8, 12

#: Weeks whose volume over the usual is a feature.
RECENT_WEEKS = (1, 3)

#: Weeks over which the growth of the usual volume is a feature.
GROWTH_WEEKS = 13

#: A day within the horizon may differ by so much from the core, where slots are shorter than a day.
MAX_CORE_RATIO = 3.0


def boosting(scene: Scene) -> Floats:
    """Forecast each day as its usual volume times a factor that gradient boosting learnt across all series.

    At each week of the past, the mean of the latest same weekdays before it is held against the days that came after
    it, as far ahead as the horizon goes. The ratio is learnt by scikit-learn's ``HistGradientBoostingRegressor`` with
    Poisson loss, weighted by arrivals. Features are the lead, the calendar of the day (weekday, date in month and
    year, business day of the month from both ends, distance to days off, kind of special day), and how the last weeks
    compared with the usual. So it learns what a sum of effects cannot say, such as a sharp season or a holiday that
    counts on Mondays only, from all years that there are. Slots within a day follow the core. Nothing after the
    origin is looked at.
    """
    alive = np.flatnonzero(~np.isnan(scene.profile.level))
    rough = scene.profile.mean[:, scene.places] * scene.factors
    forecast: Floats = np.where(np.isnan(scene.profile.level)[:, None], np.nan, rough)
    if not len(alive):
        return forecast
    panel = build_day_panel(scene, alive)
    shape = fit_day_shapes(panel, scene.profile.unit[alive])
    lessons = _Lessons.of(panel, shape, scene.grid.frequency.average)
    made = lessons.forecast(np.where(np.isfinite(scene.profile.unit), scene.profile.unit, 1.0)[alive])
    if made is None:
        return decomposition(scene)
    day = panel.lead // shape.slots
    if shape.slots == 1:
        forecast[alive] = np.where(made > 0, made, rough[alive])[:, day]
        return forecast
    core = decomposition(scene)
    return np.where(np.isnan(core), core, core * _expand(alive, made, core, panel, shape, len(core)))


def _expand(alive: Ints, made: Floats, core: Floats, panel: DayPanel, shape: DayShapes, rows: int) -> Floats:
    """Return by how much the slots of each day are moved, so that days come out as they were made."""
    day, slot = panel.lead // shape.slots, panel.lead % shape.slots
    whole = len(panel.weekday) - made.shape[1]
    share = shape.profile[:, panel.weekday[whole + day], slot]
    moved = np.ones((rows, core.shape[1]))
    for number in np.unique(day):
        own = day == number
        said, part = np.nan_to_num(core[np.ix_(alive, own)]).sum(axis=1), share[:, own].sum(axis=1)
        wanted = made[:, number] * part
        ratio = np.where((said > 0) & (wanted > 0), wanted / np.where(said > 0, said, 1.0), 1.0)
        moved[np.ix_(alive, own)] = np.clip(ratio, 1 / MAX_CORE_RATIO, MAX_CORE_RATIO)[:, None]
    return moved


def describe_days(panel: DayPanel, shape: DayShapes) -> Floats:
    """Return what the calendar says of each day, past and ahead: (D + A) x F."""
    days = panel.stamps.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    of_year = (days - days.astype("datetime64[Y]")).astype(np.int64)
    if shape.base.shape[1] == 1:
        working = [i for i, name in enumerate(panel.design.names) if name in ("working days", "days")]
        return np.column_stack([of_year, panel.kind, panel.design.x[:, working]])
    usual = shape.base.mean(axis=0)
    busy = usual >= MIN_BUSINESS_DAY_SHARE * usual.max()
    closed = panel.is_open.any(axis=2).mean(axis=0) <= 0.5
    off = busy[panel.weekday] & (closed | ~panel.ordinary)
    first, last = number_business_days(months, days, busy[panel.weekday] & ~off, busy)
    place = np.arange(len(days))
    before = np.maximum.accumulate(np.where(off, place, -MAX_DISTANCE_DAYS))
    after = np.minimum.accumulate(np.where(off, place, len(days) + MAX_DISTANCE_DAYS)[::-1])[::-1]
    return np.column_stack(
        [
            panel.weekday,
            (days - months.astype("datetime64[D]")).astype(np.int64),
            of_year,
            panel.kind,
            np.minimum(first, MAX_BUSINESS_DAYS),
            np.minimum(last, MAX_BUSINESS_DAYS),
            np.minimum(place - before, MAX_DISTANCE_DAYS),
            np.minimum(after - place, MAX_DISTANCE_DAYS),
        ]
    )


def _follow_usual(volume: Floats, usable: Bools, average: int) -> tuple[Floats, Floats]:
    """Return volumes, N x weeks x 7, with odd days brought near what was usual then, and that usual volume.

    It is the mean of the latest same weekdays, N x (weeks + 1) x 7, so that a single odd day is not followed.
    """
    volume = volume.copy()
    usual = np.full((len(volume), volume.shape[1] + 1, volume.shape[2]), np.nan)
    for week in range(1, volume.shape[1] + 1):
        last = slice(max(week - average, 0), week)
        count = usable[:, last].sum(axis=1)
        usual[:, week] = np.where(count > 0, volume[:, last].sum(axis=1) / np.maximum(count, 1), np.nan)
        if week < volume.shape[1]:
            sure, now = usable[:, week] & (count >= MIN_USUAL_DAYS), usual[:, week]
            chance = CHANCE_DEVIATIONS * np.sqrt(np.nan_to_num(now))
            small = np.nan_to_num(now) < SMALL_DAY_EVIDENCE * np.nan_to_num(now).mean(axis=1, keepdims=True)
            most = np.where(small, MAX_SMALL_DAY_MOVE, MAX_DAY_MOVE)
            kept = np.clip(volume[:, week], now / most - chance, now * most + chance)
            volume[:, week] = np.where(sure, kept, volume[:, week])
    return volume, usual


@dataclass(frozen=True)
class _Lessons:
    """Whole weeks of the past, the usual volume at the start of each, and what came.

    Attributes
    ----------
    volume, usable
        N x weeks x 7 volumes of days (7 is 1 for longer slots), and which count in the usual one.
    usual
        N x (weeks + 1) x 7; mean of the latest same weekdays before each week.
    came
        N x T; volumes that may be learnt, special days included; NaN where unknown, and on the days ahead.
    calendar
        T x F; see :func:`describe_days`.
    ahead
        Days of the horizon.
    """

    volume: Floats
    usable: Bools
    usual: Floats
    came: Floats
    calendar: Floats
    ahead: int

    @staticmethod
    def of(panel: DayPanel, shape: DayShapes, average: int) -> _Lessons:
        classes = shape.base.shape[1]
        whole = panel.days if panel.started == shape.slots else panel.days - 1
        ahead, weeks = len(panel.weekday) - whole, whole // classes
        start = whole - weeks * classes
        past = slice(start, whole)
        known = shape.known[:, past] >= MIN_KNOWN_SHARE
        came = np.pad(np.where(known, shape.level[:, past], np.nan), ((0, 0), (0, ahead)), constant_values=np.nan)
        cut = (len(came), weeks, classes)
        usable = (known & panel.ordinary[past]).reshape(cut)
        volume = np.where(usable, np.nan_to_num(came[:, : weeks * classes]).reshape(cut), 0.0)
        volume, usual = _follow_usual(volume, usable, average)
        # an odd day that holds little of the week teaches what it may have been at most
        share = shape.base / np.maximum(shape.base.mean(axis=1, keepdims=True), 1e-300)
        small = (share < SMALL_DAY_EVIDENCE)[:, panel.weekday[past]] & usable.reshape(len(came), -1)
        came[:, : weeks * classes] = np.where(small, volume.reshape(len(came), -1), came[:, : weeks * classes])
        return _Lessons(volume, usable, usual, came, describe_days(panel, shape)[start:], ahead)

    def forecast(self, unit: Floats) -> Floats | None:
        """Return the volume of the days ahead, N x A; ``None`` where there is too little to learn from."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        classes, weeks = self.volume.shape[2], self.volume.shape[1]
        chosen = list(self._choose())
        if not chosen:
            return None
        rows = np.concatenate([rows for _, rows in chosen])
        x, y, weight, age = self._lessons(np.repeat([w for w, _ in chosen], [len(r) for _, r in chosen]), rows, unit)
        if len(y) < MIN_TRAINING_ROWS or not y.sum() > 0:
            return None
        weight *= 0.5 ** (classes * (weeks - age) / LESSON_HALF_LIFE)
        asked, usual = self._features(np.full(len(self.came), weeks), np.arange(len(self.came)))
        told = ~np.isnan(x).all(axis=0)
        x, asked = _bin(x[:, told], asked.reshape(usual.size, -1)[:, told], weight)
        model = HistGradientBoostingRegressor(
            loss="poisson", learning_rate=0.1, max_iter=60, max_leaf_nodes=12, min_samples_leaf=20,
            l2_regularization=5.0, max_features=0.5, max_bins=BINS, early_stopping=False, random_state=0,
        )  # fmt: skip
        model.fit(x, y, sample_weight=weight / weight.mean())
        ratio = model.predict(asked).reshape(usual.shape)
        made: Floats = np.minimum(ratio, MAX_RATIO) * np.nan_to_num(usual)
        return made

    def _choose(self) -> Iterator[tuple[int, Ints]]:
        """Return the weeks that teach, the latest first, and series of each: not more than rows may be learnt from."""
        n, weeks = len(self.came), self.volume.shape[1]
        rng = np.random.default_rng(0)
        starts = np.arange(weeks - 1, min(8, weeks), -1)
        each = MAX_TRAINING_ROWS / max(len(starts), 1)
        series = int(np.clip(each // self.ahead, 1, n))
        step = int(np.ceil(series * self.ahead / each)) if len(starts) else 1
        for week in starts[::step]:
            yield int(week), np.arange(n) if series == n else np.sort(rng.choice(n, series, replace=False))

    def _lessons(self, week: Ints, rows: Ints, unit: Floats) -> tuple[Floats, Floats, Floats, Ints]:
        """Return features, ratios, weights and week of the days after the start of the weeks, a row each."""
        x, usual = self._features(week, rows)
        first = week * self.volume.shape[2]
        came = self.came[rows[:, None], first[:, None] + np.arange(self.ahead)]
        days = self.usual[rows, week]
        mean = np.nansum(days, axis=1) / np.maximum((~np.isnan(days)).sum(axis=1), 1)
        used = ~np.isnan(came) & (usual > MIN_VOLUME_SHARE * mean[:, None]) & (usual > 0)
        ratio = np.minimum(came[used] / usual[used], MAX_RATIO)
        return x[used], ratio, (usual / unit[rows, None])[used], np.broadcast_to(week[:, None], used.shape)[used]

    def _features(self, week: Ints, rows: Ints) -> tuple[Floats, Floats]:
        """Return the features of the days after the start of each week, n x A x F, and their usual volume, n x A."""
        classes = self.volume.shape[2]
        lead = np.arange(self.ahead)
        usual = self.usual[rows, week]
        own = [self._recent(week, rows, weeks) for weeks in RECENT_WEEKS]
        then = self.usual[rows, np.maximum(week - GROWTH_WEEKS, 0)]
        # weekdays of which nothing is known, such as closed ones, say nothing of growth
        both = ~np.isnan(usual) & ~np.isnan(then)
        level, before = (np.where(both, each, 0.0).sum(axis=1) for each in (usual, then))
        own.append(np.where(before > 0, level / np.where(before > 0, before, 1.0), np.nan))
        shape = (len(rows), self.ahead)
        common = self.calendar[week[:, None] * classes + lead]
        parts = [np.broadcast_to(lead, shape), *(np.broadcast_to(o[:, None], shape) for o in own)]
        return np.concatenate([common, np.stack(parts, axis=2)], axis=2), usual[:, lead % classes]

    def _recent(self, week: Ints, rows: Ints, weeks: int) -> Floats:
        """Return what the busy days of the weeks before each week brought over the usual."""
        last = week[:, None] - np.arange(weeks, 0, -1)
        place = rows[:, None], np.maximum(last, 0)
        usual = np.nan_to_num(self.usual[rows, week])
        busy = usual >= MIN_BUSY_SHARE * usual.max(axis=1, keepdims=True)
        used = self.usable[place] & busy[:, None] & (last >= 0)[:, :, None]
        total = np.where(used, usual[:, None], 0.0).sum(axis=(1, 2))
        came = np.where(used, self.volume[place], 0.0).sum(axis=(1, 2))
        return np.where(total > 0, came / np.where(total > 0, total, 1.0), np.nan)


def _bin(x: Floats, asked: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Put features of many values into bins of equal weight, as the booster would: its own way is ten times slower.

    >>> x = np.arange(200.0)[:, None]
    >>> binned, asked = _bin(x, np.array([[-5.0], [120.0], [np.nan]]), np.ones(200))
    >>> len(np.unique(binned)), asked[:, 0].tolist()
    (64, [0.0, 38.0, nan])
    """
    x, asked = x.copy(), asked.copy()
    for column in range(x.shape[1]):
        known = ~np.isnan(x[:, column])
        values, place = np.unique(x[known, column], return_inverse=True)
        if len(values) > BINS:
            total = np.cumsum(np.bincount(place, weights=weight[known]))
            wanted = total[-1] * np.arange(1, BINS) / BINS
            low, high = (np.searchsorted(total, wanted, side) for side in ("left", "right"))
            edges = (values[low] + values[np.minimum(high, len(values) - 1)]) / 2
            for each in (x, asked):
                there = ~np.isnan(each[:, column])
                each[there, column] = np.searchsorted(edges, each[there, column])
    return x, asked
