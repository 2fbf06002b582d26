"""The work that is really there in each interval of a day, when items last long against the interval.

Staffing each interval for its own calls is right while handle times are short. A 30-minute item that arrives at 9:55
is work of the next interval: the load lags behind the arrivals, is flatter than they are, and outlasts the closing of
the doors. The load of a queue with an agent for everybody (infinitely many) has none of that wrong, and is known
exactly for any handle times; a requirement for that load repairs the interval-by-interval one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError
from ..arguments import Numbers, broadcast, check_number, check_numbers, index_of
from .waiting import exp_gap

_MAX_AGE_HANDLE_TIMES = 42.0  # exp(-42) is 6e-19: what is left of an item after so many mean handle times


def offered_load(
    calls: Numbers,
    aht: Numbers,
    interval: float = 1800,
    *,
    handle_times: Numbers | None = None,
    load_before: float = 0.0,
) -> pd.DataFrame:
    """Return the mean number of items in work in each interval of a day if nobody had to wait, exactly.

    Parameters
    ----------
    calls
        Items that arrive in each interval, in order of time, shape (n,), from 0; within an interval at a constant
        rate. Zero while the doors are closed.
    aht
        Mean handle time in seconds, above 0, of the items that arrive in each interval: shape (n,), or one number.
    interval
        Length of each interval in seconds.
    handle_times
        Handle times that were seen, in seconds, any number of them: their distribution, scaled to ``aht``, takes the
        place of the exponential. ``[1.0]`` is a constant handle time.
    load_before
        Items in work at the beginning, as many and as old as they are after a long time of steady arrivals with the
        first ``aht``.

    Returns
    -------
    DataFrame
        One row an interval: ``calls``, ``own_load`` (``calls x aht / interval``, Erlangs), ``load`` (the mean in the
        interval), ``load_start`` and ``load_end`` (at its ends). What is in work at the end of the last interval
        goes on after it: add intervals without calls to see it.

    Raises
    ------
    InputError
        Names the argument and the first bad position.

    Notes
    -----
    ``m(t) = integral of rate(s) P(S > t - s) ds``, Eick, Massey and Whitt, "The physics of the M(t)/G/oo queue"
    (1993); integrated in closed form for rates that are constant in an interval, so there is no step to choose.

    Examples
    --------
    >>> offered_load([60, 60, 0], aht=1800)[["own_load", "load", "load_end"]].round(2).to_dict("list")
    {'own_load': [60.0, 60.0, 0.0], 'load': [22.07, 46.05, 32.79], 'load_end': [37.93, 51.88, 19.09]}
    >>> offered_load([60, 60, 0], aht=1800, handle_times=[1.0])["load"].round(2).tolist()
    [30.0, 60.0, 30.0]
    """
    rate, mean, slot = _day(calls, aht, interval)
    start = check_number("load_before", load_before, least=0)
    shape = _Exponential() if handle_times is None else _Sample.of(handle_times)
    n = len(rate)
    level, end = np.zeros(n), np.zeros(n)
    for lag in range(n):
        back = n - lag
        own, length = slice(0, back), slot / mean[:back]
        if (shape.outlived(lag * length - length)).all():
            break
        level[lag:] += rate[own] * mean[own] * shape.within(lag, length)
        end[lag:] += rate[own] * mean[own] * shape.at_end(lag, length)
    if start and n:
        ages = np.arange(n) * slot / mean[0]
        level += start * shape.left_within(ages, slot / mean[0])
        end += start * shape.left_at(ages + slot / mean[0])
    out = {
        "calls": rate * slot,
        "own_load": rate * mean,
        "load": level,
        "load_start": np.concatenate([[start], end[:-1]])[:n],
        "load_end": end,
    }
    return pd.DataFrame(out, index=index_of(n, calls, aht))


def _day(calls: Numbers, aht: Numbers, interval: float) -> tuple[Floats, Floats, float]:
    given = {"calls": check_numbers("calls", calls, least=0), "aht": check_numbers("aht", aht, above=0)}
    slot = check_numbers("interval", interval, above=0)
    if slot.ndim:
        raise InputError(
            "intervals must have one length", where="argument 'interval'", got=slot.shape, code="frequency.invalid"
        )
    both = broadcast(given)
    if both["calls"].ndim != 1:
        raise InputError(
            "intervals must be one row",
            where="argument 'calls'",
            got=both["calls"].shape,
            wanted="(n,)",
            code="time.order",
        )
    return both["calls"] / float(slot), np.array(both["aht"]), float(slot)


@dataclass(frozen=True)
class _Exponential:
    """Handle times of mean 1 without memory; ``length`` is that of an interval, in mean handle times."""

    def outlived(self, age: Floats) -> Any:
        return age > _MAX_AGE_HANDLE_TIMES

    def within(self, lag: int, length: Floats) -> Floats:
        """Share of the load of an interval that is in work, on the mean, ``lag`` intervals later."""
        if lag == 0:
            return np.asarray(exp_gap(length) / length)
        return np.asarray(np.exp((1 - lag) * length) * np.expm1(-length) ** 2 / length)

    def at_end(self, lag: int, length: Floats) -> Floats:
        return np.asarray(-np.expm1(-length) * np.exp(-lag * length))

    def left_at(self, age: Floats) -> Floats:
        return np.asarray(np.exp(-age))

    def left_within(self, age: Floats, length: float) -> Floats:
        return np.asarray(np.exp(-age) * -np.expm1(-length) / length)


@dataclass(frozen=True)
class _Sample:
    """Handle times that were seen, scaled to mean 1, with the running sums that make their integrals exact."""

    times: Floats
    below: Floats
    squares: Floats

    @classmethod
    def of(cls, handle_times: Numbers) -> _Sample:
        seen = np.sort(check_numbers("handle_times", handle_times, least=0).ravel())
        if not len(seen) or seen[-1] <= 0:
            raise InputError(
                "at least one handle time above 0 is needed", where="argument 'handle_times'", code="value.range"
            )
        seen = seen / seen.mean()
        none = np.zeros(1)
        return cls(seen, np.concatenate([none, seen.cumsum()]), np.concatenate([none, (seen**2).cumsum()]))

    def outlived(self, age: Floats) -> Any:
        return age > self.times[-1]

    def _done(self, age: Floats) -> Floats:
        """Mean of min(S, age): the share of the load that is younger than this."""
        age = np.maximum(age, 0.0)
        k = np.searchsorted(self.times, age, side="right")
        n = len(self.times)
        return np.asarray((self.below[k] + (n - k) * age) / n)

    def _summed(self, age: Floats) -> Floats:
        """Integral of :meth:`_done` from 0."""
        age = np.maximum(age, 0.0)
        k = np.searchsorted(self.times, age, side="right")
        n = len(self.times)
        return np.asarray((self.below[k] * age - self.squares[k] / 2 + (n - k) * age**2 / 2) / n)

    def within(self, lag: int, length: Floats) -> Floats:
        at = [self._summed((lag + step) * length) for step in (1, 0, -1)]
        return np.asarray((at[0] - 2 * at[1] + at[2]) / length)

    def at_end(self, lag: int, length: Floats) -> Floats:
        return self._done((lag + 1) * length) - self._done(lag * length)

    def left_at(self, age: Floats) -> Floats:
        return 1 - self._done(age)

    def left_within(self, age: Floats, length: float) -> Floats:
        return 1 - (self._summed(age + length) - self._summed(age)) / length
