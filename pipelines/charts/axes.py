"""Axes: where values stand on a picture, with round ticks and labels that people read."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

Floats = np.ndarray[Any, np.dtype[np.float64]]
_DAY_S = 86400.0
#: Characters that stand side by side below a picture.
MAX_TICK_CHARACTERS = 56


@dataclass(frozen=True)
class Axis:
    """An axis from ``low`` to ``high`` with its ticks as pairs of value and label."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    title: str = ""


def value_axis(
    values: Sequence[float] | Floats | pd.Series[Any],
    title: str,
    label: Callable[[float], str] | None = None,
    *,
    zero: bool = True,
    whole: bool = False,
    limits: tuple[float, float] | None = None,
) -> Axis:
    """Return an axis of numbers with round ticks that holds all known values.

    Parameters
    ----------
    values
        What is drawn; missing values do not count.
    title
        Measure and unit, such as "Cases per day".
    label
        How a tick is written; with separators by default.
    zero
        Whether the axis begins at zero where all values are above.
    whole
        Whether all ticks are whole numbers.
    limits
        First and last value, where they are fixed.

    Examples
    --------
    >>> value_axis([3.0, 17.0], "Cases").ticks
    ((0.0, '0'), (5.0, '5'), (10.0, '10'), (15.0, '15'), (20.0, '20'))
    >>> value_axis([0.84, 0.91], "% of cases", percent, zero=False).ticks[0]
    (0.84, '84%')
    """
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    low, high = limits or ((float(known.min()), float(known.max())) if len(known) else (0.0, 1.0))
    if limits is None and zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        low, high = (low - abs(low) / 2, high + abs(high) / 2) if low else (0.0, 1.0)
    step = _round_step((high - low) / 4, whole)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [round(i * step, 10) for i in range(first, last + 1)]
    if limits is None:
        low, high = ticks[0], ticks[-1]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    write = label or (lambda v: f"{v:,.{digits}f}")
    inside = [t for t in ticks if low - 1e-9 <= t <= high + 1e-9]
    return Axis(low, high, tuple((t, write(t)) for t in inside), title)


def percent(value: float) -> str:
    """Write a share as a tick.

    >>> percent(0.5), percent(0.025)
    ('50%', '2.5%')
    """
    return f"{100 * value:.1f}".removesuffix(".0") + "%"


def _round_step(rough: float, whole: bool) -> float:
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(m * size for m in (1, 2, 2.5, 5, 10) if m * size >= rough * (1 - 1e-9))
    return max(1.0, math.ceil(step)) if whole else step


def time_axis(ds: pd.Series[Any]) -> Axis:
    """Return an axis of times on a clock without zone: ticks at days, Mondays, months or years.

    >>> time_axis(pd.Series(pd.date_range("2024-03-04", periods=29))).ticks[:2]
    ((1709510400.0, '4 Mar'), (1710115200.0, '11 Mar'))
    """
    first, last = ds.min(), ds.max()
    if last <= first:
        last = first + pd.Timedelta(days=1)
    low, high = float(seconds(pd.Series([first]))[0]), float(seconds(pd.Series([last]))[0])
    days = (high - low) / _DAY_S
    freq, form = _tick_rule(days)
    marks = pd.Series(pd.date_range(first.normalize(), last, freq=freq))
    marks = marks[marks >= first]
    ticks = [(float(at), form(mark)) for at, mark in zip(seconds(marks), marks, strict=True)]
    room = MAX_TICK_CHARACTERS // (max((len(label) for _, label in ticks), default=1) + 2)
    ticks = ticks[:: max(1, -(-len(ticks) // room))]
    return Axis(low, high, tuple(ticks))


def _tick_rule(days: float) -> tuple[str, Callable[[pd.Timestamp], str]]:
    if days <= 2:
        return "6h", lambda t: f"{t:%a %H:%M}"
    if days <= 14:
        return "D", lambda t: f"{t:%a} {t.day}"
    if days <= 120:
        return "W-MON", lambda t: f"{t.day} {t:%b}"
    if days <= 3 * 365:
        return "MS", lambda t: f"{t:%b}" if t.month > 1 else f"{t.year}"
    return "YS", lambda t: f"{t.year}"


def find_weeks(ds: pd.Series[Any], first: int = 0) -> pd.Series[Any]:
    """Return the day on which the week of each time begins; ``first`` is its day of the week, 0 for Monday.

    >>> find_weeks(pd.Series(pd.to_datetime(["2024-03-06 09:00"]))).dt.day.tolist()
    [4]
    """
    begins: pd.Series[Any] = (ds - pd.to_timedelta((ds.dt.day_of_week - first) % 7, unit="D")).dt.normalize()
    return begins


def seconds(ds: pd.Series[Any]) -> Floats:
    """Return times as seconds, whatever unit they are stored in.

    >>> seconds(pd.Series(pd.to_datetime(["1970-01-01 00:01"]))).tolist()
    [60.0]
    """
    return np.asarray((ds - pd.Timestamp(0)) / pd.Timedelta(seconds=1), dtype=float)


def band_axis(names: Sequence[str], title: str = "") -> Axis:
    """Return an axis of names, each one wide.

    >>> band_axis(["Mon", "Tue"]).ticks
    ((0.0, 'Mon'), (1.0, 'Tue'))
    """
    return Axis(-0.5, len(names) - 0.5, tuple((float(i), name) for i, name in enumerate(names)), title)
