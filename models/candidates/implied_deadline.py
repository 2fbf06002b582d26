"""The deadline behind a flag: what the decided cases of an exporting system say of a target that it does not export."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from ...features.arrays import Bools, Floats, Ints
from .work_clock import WEEK_HOURS, WorkClock, hours_since_1970, learn_clock

#: Fewer decided cases of a priority, or fewer of either outcome in all, imply nothing.
MIN_CASES, MIN_CASES_PER_OUTCOME = 200, 20
#: How many days of closings tell how long closing takes after the work is done; how many closings at least.
LAG_WINDOW_DAYS, MIN_LAG_CASES = 14.0, 200
#: A flag may always turn out otherwise than the curve says.
_MIN_PROBABILITY = 0.005
_LAG_QUANTILES = 21
_AGE_GRID_POINTS = 400
#: Delays are averaged for work that is done at every so many hours of the week.
_WEEK_STEP_H = 2.0


@dataclass(frozen=True)
class ImpliedDeadline:
    """P(broken | decided at an age), by priority, and how long the decision takes after the work is done.

    ``ages`` (hours of ``clock``, rising) with ``curves`` (priority -> P at those ages; ``""`` stands for all others);
    ``lags`` are equally likely delays, h on the wall.
    """

    ages: Floats
    curves: dict[str, Floats]
    lags: Floats
    clock: WorkClock = field(default_factory=WorkClock)

    def if_done_at(self, age_h: Floats, priority: pd.Series, created: pd.DatetimeIndex) -> Floats:
        """Return P(broken) of cases whose work is done at these ages (h on the wall), shape (n,) or (n, k)."""
        begun = hours_since_1970(created)
        begun = begun if age_h.ndim == 1 else begun[:, None]
        done = begun + age_h
        used = self.clock.between(begun, done)
        step = np.rint(np.mod(done, WEEK_HOURS) / _WEEK_STEP_H).astype(np.intp) % len(self._averages[""])
        out = np.zeros(age_h.shape)
        for name, rows in _by_priority(self.curves, priority):
            place = np.interp(used[rows], self.ages, np.arange(len(self.ages)))
            before = np.minimum(place.astype(np.intp), len(self.ages) - 2)
            table, share = self._averages[name], place - before
            out[rows] = (1 - share) * table[step[rows], before] + share * table[step[rows], before + 1]
        return out

    def if_waiting(self, age_h: Floats, waited_h: Floats, priority: pd.Series, created: pd.DatetimeIndex) -> Floats:
        """Return P(broken) of cases whose work is done and which wait for the decision, shape (n,)."""
        out = np.zeros(len(age_h))
        longest = float(self.lags[-1])
        left = np.maximum(self.lags[None, :] - waited_h[:, None], 0.0)
        possible = (self.lags[None, :] > waited_h[:, None]) | (waited_h[:, None] >= longest)
        begun = hours_since_1970(created)[:, None]
        used = self.clock.between(begun, begun + age_h[:, None] + left)
        for name, rows in _by_priority(self.curves, priority):
            p = np.interp(used[rows], self.ages, self.curves[name])
            out[rows] = (p * possible[rows]).sum(axis=1) / possible[rows].sum(axis=1)
        return out

    @cached_property
    def _averages(self) -> dict[str, Floats]:
        """P(broken) by when in the week the work is done and its age then: the mean over the delays."""
        steps = int(WEEK_HOURS / _WEEK_STEP_H) if self.clock.profile != WorkClock().profile else 1
        done = np.asarray(np.arange(steps)[:, None] * _WEEK_STEP_H, dtype=np.float64)
        delay = self.clock.between(done, done + self.lags[None, :])
        at = self.ages[None, :, None] + delay[:, None, :]
        return {name: np.interp(at, self.ages, curve).mean(axis=2) for name, curve in self.curves.items()}


def implied_deadline(decided: pd.DataFrame, as_of: pd.Timestamp) -> ImpliedDeadline | None:
    """Learn the deadline from cases whose flag is known.

    Parameters
    ----------
    decided
        One row a case: ``created_at, known_at, label, priority``, and ``done_at`` (when its work was done; missing
        where that is not known).
    as_of
        Cases decided later are not seen.

    Returns
    -------
    The deadline; ``None`` where fewer than 20 cases of either outcome are known. A rising (isotonic) curve over the age
    at the decision, for each priority with 200 cases and for all together; an age beyond what was seen counts as the
    last. The delays are those of the decisions of the last 14 days, or of the last 200. The age is that on the wall,
    unless a clock that rests on quiet days, or in quiet hours, tells kept from broken better.

    Examples
    --------
    >>> made = pd.Timestamp("2024-03-01T00:00Z")
    >>> hours = np.arange(1, 101)
    >>> decided = pd.DataFrame({"created_at": made, "known_at": made + pd.to_timedelta(hours, unit="h"),
    ...                         "label": hours > 60, "priority": "3", "done_at": made})
    >>> found = implied_deadline(decided, made + pd.Timedelta("99D"))
    >>> asked = np.array([0.0, 90.0]), pd.Series(["3", "3"]), pd.DatetimeIndex([made, made])
    >>> found.if_done_at(*asked).round(2).tolist()  # decided 1 to 100 hours later
    [0.38, 1.0]
    """
    from sklearn.isotonic import IsotonicRegression

    known = decided[decided["known_at"].notna() & (decided["known_at"] <= as_of) & decided["label"].notna()]
    broken = known["label"].to_numpy(dtype=np.float64)
    if min(broken.sum(), (1 - broken).sum()) < MIN_CASES_PER_OUTCOME:
        return None
    priority = known["priority"].astype("str") if "priority" in known else pd.Series("", index=known.index)
    clock, took = _choose_clock(known, broken, priority)
    lags = _delays(known, as_of)
    # Cases are asked about at the age at which their work is done, which is a delay before that of the decision.
    at = np.quantile(took, np.linspace(0, 1, _AGE_GRID_POINTS))
    even = np.linspace(0.0, float(np.quantile(took, 0.95)), _AGE_GRID_POINTS)
    ages = np.unique(np.concatenate([[0.0, 1.0], at, np.maximum(at - np.median(lags), 0.0), even]))

    def curve(rows: Bools) -> Floats:
        model = IsotonicRegression(y_min=_MIN_PROBABILITY, y_max=1 - _MIN_PROBABILITY, out_of_bounds="clip")
        return np.asarray(model.fit(took[rows], broken[rows]).predict(ages), dtype=np.float64)

    curves = {"": curve(np.ones(len(known), dtype=bool))}
    for name, count in priority.value_counts().items():
        mine = (priority == name).to_numpy()
        both = min(broken[mine].sum(), count - broken[mine].sum()) >= MIN_CASES_PER_OUTCOME
        if count >= MIN_CASES and both:
            curves[str(name)] = curve(mine)
    return ImpliedDeadline(ages, curves, lags, clock)


def _choose_clock(known: pd.DataFrame, broken: Floats, priority: pd.Series) -> tuple[WorkClock, Floats]:
    """Return the clock on which the age at the decision tells most, and those ages, h.

    Tried are the wall, weeks without the quietest day or two, and hours weighted by the cases opened in them. Another
    clock than the wall needs a lower log loss by twice the standard error of the difference, on cases that the curve
    was not fitted on.
    """
    created, decided = (pd.DatetimeIndex(known[name].array) for name in ("created_at", "known_at"))
    wall = WorkClock()
    best, took = wall, np.maximum(wall.elapsed(created, decided), 0.0)
    half = np.asarray(np.arange(len(known)) % 2 == 0)
    usual = _held_out_loss(took, broken, priority, half)
    lowest = float(usual.sum())
    for clock in _resting_clocks(created):
        ages = np.maximum(clock.elapsed(created, decided), 0.0)
        loss = _held_out_loss(ages, broken, priority, half)
        gain = usual - loss
        if loss.sum() < lowest and gain.sum() > 2 * gain.std() * np.sqrt(len(gain)):
            best, took, lowest = clock, ages, float(loss.sum())
    return best, took


def _resting_clocks(created: pd.DatetimeIndex) -> list[WorkClock]:
    if len(created) < MIN_CASES:
        return []
    count = np.bincount(created.day_of_week, minlength=7)
    quiet = np.argsort(count, kind="stable")
    clocks = []
    for days in (1, 2):
        open_day = np.ones(7)
        open_day[quiet[:days]] = 0.0
        clocks.append(WorkClock(None, tuple(map(float, np.repeat(open_day * 7 / open_day.sum(), 24)))))
    return [*clocks, learn_clock(pd.Series(created))]


def _held_out_loss(ages: Floats, broken: Floats, priority: pd.Series, half: Bools) -> Floats:
    """Return the log loss of each case under curves fitted on the other half."""
    from sklearn.isotonic import IsotonicRegression

    p = np.empty(len(ages))
    text = priority.to_numpy(dtype=object)
    for learns in (half, ~half):
        model = IsotonicRegression(y_min=_MIN_PROBABILITY, y_max=1 - _MIN_PROBABILITY, out_of_bounds="clip")
        p[~learns] = model.fit(ages[learns], broken[learns]).predict(ages[~learns])
        for name in pd.unique(text):
            mine = text == name
            if mine.sum() >= MIN_CASES:
                p[mine & ~learns] = model.fit(ages[mine & learns], broken[mine & learns]).predict(ages[mine & ~learns])
    return np.asarray(-np.log(np.where(broken > 0, p, 1 - p)), dtype=np.float64)


def _delays(known: pd.DataFrame, as_of: pd.Timestamp) -> Floats:
    waits = known[known["done_at"].notna() & (known["done_at"] <= known["known_at"])].sort_values("known_at")
    recent = waits[waits["known_at"] > as_of - pd.Timedelta(days=LAG_WINDOW_DAYS)]
    taken = recent if len(recent) >= MIN_LAG_CASES else waits.tail(MIN_LAG_CASES)
    if not len(taken):
        return np.zeros(_LAG_QUANTILES)
    hours = (taken["known_at"] - taken["done_at"]).dt.total_seconds().to_numpy() / 3600.0
    return np.asarray(np.quantile(hours, (np.arange(_LAG_QUANTILES) + 0.5) / _LAG_QUANTILES), dtype=np.float64)


def _by_priority(curves: dict[str, Floats], priority: pd.Series) -> list[tuple[str, Ints]]:
    text = priority.astype("str").to_numpy(dtype=object)
    named = [(name, np.flatnonzero(text == name)) for name in curves if name]
    others = np.flatnonzero(~np.isin(text, [name for name in curves if name]))
    return [*named, ("", others)]
