"""A series seen in several ways: its level, its steps, its restlessness, and the rest without its season."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...features.arrays import Floats, Places

DAY_S = 86_400.0
#: Short and long averages, in values.
SHORT_WINDOW_VALUES, LONG_WINDOW_VALUES = 6, 24
#: A way to expect a value that has erred more times as much as the best one of late says nothing.
MAX_ERROR_RATIO = 5.0


@dataclass(frozen=True)
class View:
    """One way to see a series.

    Attributes
    ----------
    name
        In words.
    values
        One for each value of the series, shape (n,).
    lag
        Of how many values each is made.
    first
        Row from which on the view shows something; what stands before it is no past.
    """

    name: str
    values: Floats
    lag: int
    first: int = 0


def views(values: Floats, stamps: pd.DatetimeIndex, step_s: float) -> list[View]:
    """Return the views of one series; none looks ahead.

    Parameters
    ----------
    values
        In order of time, none missing, shape (n,).
    stamps
        Local clock, rising, shape (n,).
    step_s
        Usual time between two values.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=30)
    >>> [view.name for view in views(np.arange(30.0), days, 86400.0)][:4]
    ['level', 'level of 6', 'level of 24', 'step']
    """
    step = np.diff(values, prepend=values[:1])
    far = np.zeros_like(values)
    far[SHORT_WINDOW_VALUES:] = values[SHORT_WINDOW_VALUES:] - values[:-SHORT_WINDOW_VALUES]
    moves = np.abs(step)
    out = [
        View("level", values, 1),
        View(f"level of {SHORT_WINDOW_VALUES}", mean_of_last(values, SHORT_WINDOW_VALUES), SHORT_WINDOW_VALUES),
        View(f"level of {LONG_WINDOW_VALUES}", mean_of_last(values, LONG_WINDOW_VALUES), LONG_WINDOW_VALUES),
        View("step", step, 1),
        View(f"step over {SHORT_WINDOW_VALUES}", far, SHORT_WINDOW_VALUES),
        View(f"restlessness of {SHORT_WINDOW_VALUES}", mean_of_last(moves, SHORT_WINDOW_VALUES), SHORT_WINDOW_VALUES),
        View(f"restlessness of {LONG_WINDOW_VALUES}", mean_of_last(moves, LONG_WINDOW_VALUES), LONG_WINDOW_VALUES),
    ]
    season = seasonal(values, stamps, step_s)
    if season is not None:
        # A trend leaves a rest that is never 0: the first seasons, of which nothing is known, must not pass for a calm.
        known = np.isfinite(season)
        first = int(known.argmax()) if known.any() else len(values)
        rest = np.nan_to_num(values - season)[first:]
        pad = np.zeros(first)
        out += [
            View(name, np.r_[pad, mean_of_last(rest, n)], n, first)
            for name, n in (
                ("seasonal rest", 1),
                (f"seasonal rest of {SHORT_WINDOW_VALUES}", SHORT_WINDOW_VALUES),
                (f"seasonal rest of {LONG_WINDOW_VALUES}", LONG_WINDOW_VALUES),
            )
        ]
    return out


def seasonal(values: Floats, stamps: pd.DatetimeIndex, step_s: float) -> Floats | None:
    """Return what the same half hour of the seven days before, or the same weekday of eight weeks, lets expect.

    Parameters
    ----------
    values, stamps, step_s
        As in :func:`views`. Steps of most of a day and more are read by weekday, steps of a week have no season.

    Returns
    -------
    Expectations, missing where less than two seasons are known, shape (n,); ``None`` where there is no season.

    Examples
    --------
    >>> hours = pd.date_range("2024-01-01", periods=72, freq="h")
    >>> seasonal(np.tile(np.arange(24.0), 3), hours, 3600.0)[-2:].tolist()
    [22.0, 23.0]
    """
    if step_s > 6.5 * DAY_S or not len(values):
        return None
    daily = step_s < 0.9 * DAY_S
    period, slots, seasons = (DAY_S, 48, 7) if daily else (7 * DAY_S, 7, 8)
    since = (stamps - stamps[0].normalize()).total_seconds().to_numpy()
    number = (since // period).astype(int)
    slot = (since % period // (period / slots)).astype(int)
    table = pd.Series(values).groupby([number, slot]).mean().unstack()
    table = table.reindex(index=range(number[-1] + 1), columns=range(slots))
    expected = table.shift().rolling(seasons, min_periods=2).median()
    if daily:  # half hours lend each other their values; weekdays do not
        beside = (expected.shift(k, axis=1).fillna(expected) for k in (1, -1))
        expected = (expected + sum(beside)) / 3
    out: Floats = expected.to_numpy(dtype=float)[number, slot]
    return out


def mean_of_last(values: Floats, n: int) -> Floats:
    """Return the mean of each value and the ones before it, ``n`` in all.

    >>> mean_of_last(np.array([1.0, 3.0, 5.0]), 2).tolist()
    [1.0, 2.0, 4.0]
    """
    return pd.Series(values).rolling(n, min_periods=1).mean().to_numpy()


@dataclass(frozen=True)
class Expectations:
    """What was to be expected of each value in several ways, and the limits that held 95 % of the values so far.

    Attributes
    ----------
    middle, lower, upper
        By way (row) and value, shape (ways, n); missing while nothing is known, the limits also where a way has erred
        :data:`MAX_ERROR_RATIO` times as much as the best one (a season on a trend).
    best
        The way that has erred least of late, shape (n,).
    """

    middle: Floats
    lower: Floats
    upper: Floats
    best: Places

    def distance(self, values: Floats) -> Floats:
        """Return how far each value lies outside of each band, in its widths; 0 inside, and where there is none.

        >>> one = np.ones((1, 2))
        >>> Expectations(one, 0 * one, 2 * one, np.zeros(2, dtype=int)).distance(np.array([1.0, 5.0])).tolist()
        [[0.0, 1.5]]
        """
        off = np.fmax(self.lower - values, values - self.upper)
        width = np.fmax(self.upper - self.lower, 1e-9 * np.fmax(np.abs(values), 1e-9))
        return np.asarray(np.nan_to_num(np.where(off > 0, off / width, 0.0)))

    def shown(self, ways: Places) -> tuple[Floats, Floats, Floats]:
        """Return middle, lower and upper by one way for each value, shape (n,) each."""
        column = np.arange(len(ways))
        return self.middle[ways, column], self.lower[ways, column], self.upper[ways, column]


def expectations(values: Floats, season: Floats | None) -> Expectations:
    """Return what was to be expected: the running mean, the median of the last 24 values, and the season.

    Parameters
    ----------
    values
        In order of time, none missing, shape (n,).
    season
        From :func:`seasonal`.

    Examples
    --------
    >>> told = expectations(np.tile([1.0, 3.0, 2.0], 20), None)
    >>> expected, lower, upper = told.shown(told.best)
    >>> expected[-1].round(1).item(), bool(lower[-1] < 2 < upper[-1])
    (2.0, True)
    """
    s = pd.Series(values)
    ways = {
        "mean": s.ewm(span=4).mean().shift(),
        "median": s.shift().rolling(LONG_WINDOW_VALUES, min_periods=5).median(),
    }
    if season is not None:
        ways["season"] = pd.Series(season)
    told = pd.DataFrame(ways)
    rest = told.rsub(s, axis=0)
    error = rest.abs().ewm(span=500, min_periods=10).mean().shift()
    best = error.where(told.notna()).fillna(np.inf).to_numpy().argmin(axis=1)
    past = rest.shift().rolling(2000, min_periods=20)
    poor = error.gt(MAX_ERROR_RATIO * error.min(axis=1), axis=0)
    lower, upper = ((told + past.quantile(q)).mask(poor) for q in (0.025, 0.975))
    middle = told.to_numpy().T
    return Expectations(middle, np.minimum(lower.to_numpy().T, middle), np.maximum(upper.to_numpy().T, middle), best)
