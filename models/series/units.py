"""A KPI that changed its unit: a step by 60, 100, 1000 ... in all its series at once is no shift."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...features.arrays import Floats

#: Factors between units: minutes, per cent, hours, thousands, days, ...
UNIT_FACTORS = (60.0, 100.0, 1000.0, 1440.0, 3600.0, 86_400.0, 1_000_000.0)
_MIN_LOG_STEP = np.log(15.0)
_MAX_SERIES_LOG_DISTANCE = 0.35  # distance of logarithms at which a single series still fits
_WINDOW_PERIODS, _MIN_SERIES_SHARE, _MIN_PERIODS = 14, 0.9, 10
_MAX_MEDIAN_LOG_DISTANCE = 0.15  # distance of the middle of all series at which a step still fits


def harmonise_units(value: Floats, stamps: pd.DatetimeIndex) -> tuple[Floats, list[str]]:
    """Bring values back to their first unit, and say which changes of unit there were.

    Parameters
    ----------
    value
        Periods by series, missing where nothing was measured.
    stamps
        Start of each period.

    Returns
    -------
    (array, list of str)
        The values, and one sentence a change.

    Examples
    --------
    >>> minutes = np.array([[30.0, 50.0], [32.0, 49.0]] * 10)
    >>> seconds = np.vstack([minutes[:15], minutes[15:] * 60])
    >>> back, said = harmonise_units(seconds, pd.date_range("2024-01-01", periods=20))
    >>> bool((back == minutes).all()), said
    (True, ['all values are 60 times what they were from 2024-01-16 on: a change of unit, no shift'])
    """
    said: list[str] = []
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.where(value > 0, value, np.nan))
    for t in _candidates(logs):
        factor = _factor(logs, t)
        if factor:
            value, logs = value.copy(), logs.copy()
            value[t:] /= factor
            logs[t:] -= np.log(factor)
            times = f"{factor:,.0f} times" if factor > 1 else f"1/{1 / factor:,.0f} of"
            said.append(
                f"all values are {times} what they were from {stamps[t]:%Y-%m-%d} on: a change of unit, no shift"
            )
    return value, said


def _candidates(logs: Floats) -> list[int]:
    """Return the rows at which the middle of all series jumps far."""
    if len(logs) < 4:
        return []
    known = np.isfinite(logs)
    with np.errstate(invalid="ignore"):
        level = np.where(known, logs, 0).sum(axis=1) / known.sum(axis=1)
    level = pd.Series(level).ffill().to_numpy()
    return [int(t) for t in np.flatnonzero(np.abs(np.diff(level)) > _MIN_LOG_STEP / 2) + 1]


def _factor(logs: Floats, t: int) -> float | None:
    """Return the factor by which all series jump at a row, where it is one between units."""
    before, after = logs[max(t - _WINDOW_PERIODS, 0) : t], logs[t : t + _WINDOW_PERIODS]
    if not _may_change(before, after):
        return None
    apart = [_series_step(before[:, i], after[:, i]) for i in range(logs.shape[1])]
    step = np.array([a for a in apart if a is not None])
    if not len(step):
        return None
    middle = float(np.median(step))
    near = min(UNIT_FACTORS, key=lambda f: abs(abs(middle) - np.log(f)))
    target = np.sign(middle) * np.log(near)
    moves = np.abs(np.diff(before, axis=0))
    moves = moves[np.isfinite(moves)]
    spread = float(np.median(moves)) if len(moves) else 0.0
    if (
        abs(middle - target) > min(0.05 + spread / np.sqrt(len(step)), _MAX_MEDIAN_LOG_DISTANCE)
        or abs(middle) < _MIN_LOG_STEP
    ):
        return None
    if (np.abs(step - target) < _MAX_SERIES_LOG_DISTANCE + spread).mean() < _MIN_SERIES_SHARE:
        return None
    return near if middle > 0 else 1 / near


def _may_change(before: Floats, after: Floats) -> bool:
    """Return whether the middles of half of the series jump that far: the quick look that nearly all rows fail.

    >>> flat = np.zeros((14, 3))
    >>> _may_change(flat, flat + [0.0, 0.0, 4.0]), _may_change(flat, flat + [0.0, 4.0, 4.0])
    (False, True)
    """
    known = (np.isfinite(before).sum(axis=0) >= _MIN_PERIODS) & np.isfinite(after).any(axis=0)
    step = _middles(after[:, known]) - _middles(before[:, known])
    far = 0.99 * _MIN_LOG_STEP  # a hair less: the one who decides computes them in another way
    up, down = int((step >= far).sum()), int((step <= -far).sum())
    return bool(known.any()) and 2 * max(up, down) >= int(known.sum())


def _middles(rows: Floats) -> Floats:
    """Return the median of what is known in each column; each has something."""
    ordered, number = np.sort(rows, axis=0), np.isfinite(rows).sum(axis=0)  # what is missing comes last
    across = np.arange(rows.shape[1])
    return np.asarray((ordered[(number - 1) // 2, across] + ordered[number // 2, across]) / 2)


def _series_step(before: Floats, after: Floats) -> float | None:
    """Return the step of one series: nothing where too little is known, 0 where the two sides overlap."""
    was, now = before[np.isfinite(before)], after[np.isfinite(after)]
    if len(was) < _MIN_PERIODS or not len(now):
        return None
    step = float(np.median(now) - np.median(was))
    gap = np.quantile(now, 0.1) - np.quantile(was, 0.9) if step > 0 else np.quantile(was, 0.1) - np.quantile(now, 0.9)
    return step if gap > 0.5 else 0.0
