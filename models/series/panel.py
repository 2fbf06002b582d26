"""Series side by side on one regular grid of periods."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...features.arrays import Floats, Places
from ...features.errors import InputError
from ...features.frames import read_numbers, require_columns, require_times

_UNIT_DAYS = {"s": 1 / 86400, "min": 1 / 1440, "h": 1 / 24, "D": 1.0, "W": 7.0, "MS": 30.44, "QS": 91.3, "YS": 365.2}
_MIN_STEP_DAYS = ((0.9, "D"), (6.5, "W"), (27.0, "MS"), (85.0, "QS"), (175.0, "6MS"), (360.0, "YS"))


@dataclass(frozen=True)
class Panel:
    """Values of several series: rows are periods, columns are series; missing where there is nothing.

    Attributes
    ----------
    stamps
        Start of each period.
    names
        Name of each series.
    columns
        Matrices by name of the column that they come from.
    freq
        Length of a period, as a frequency name.
    """

    stamps: pd.DatetimeIndex
    names: tuple[str, ...]
    columns: dict[str, Floats]
    freq: str


def period_days(freq: str) -> float:
    """Return the length of a period in days (of months and longer: the mean).

    >>> period_days("6h"), period_days("W-MON"), round(period_days("3MS"), 2)
    (0.25, 7.0, 91.32)
    """
    found = re.fullmatch(r"(\d*)([a-zA-Z]+)", freq.split("-")[0])
    if not found or found[2] not in _UNIT_DAYS:
        raise InputError(
            "not a valid frequency", got=freq, wanted="such as 15min, h, D, W, MS or QS", code="frequency.invalid"
        )
    return int(found[1] or 1) * _UNIT_DAYS[found[2]]


def infer_freq(stamps: pd.DatetimeIndex) -> str:
    """Return the frequency name of stamps that may have gaps and repeats: their commonest step.

    >>> infer_freq(pd.DatetimeIndex(["2024-01-01", "2024-02-01", "2024-03-01", "2024-03-01"]))
    'MS'
    >>> infer_freq(pd.date_range("2024-01-01", periods=4, freq="15min"))
    '15min'
    """
    steps = np.diff(np.unique(stamps.as_unit("s").asi8))
    if not len(steps):
        return "D"
    sizes, counts = np.unique(steps, return_counts=True)
    size = int(sizes[counts.argmax()])
    days = size / 86400
    if days < 0.9:
        return f"{size // 60}min" if size % 60 == 0 else f"{size}s"
    return [name for least, name in _MIN_STEP_DAYS if days >= least][-1]


def build_period_grid(stamps: pd.DatetimeIndex, freq: str) -> tuple[pd.DatetimeIndex, Places]:
    """Return the grid that covers the stamps, and the place of each stamp on it.

    Parameters
    ----------
    stamps
        At least one; no order is needed.
    freq
        Length of a period.

    Examples
    --------
    >>> grid, at = build_period_grid(pd.DatetimeIndex(["2024-01-03 07:00", "2024-01-01"]), "D")
    >>> len(grid), at.tolist()
    (3, [2, 0])
    """
    days = period_days(freq)
    first, last = stamps.min(), stamps.max()
    if days <= 7:
        step = pd.Timedelta(seconds=round(days * 86400))
        start = first.normalize() if days >= 1 else first.floor(step)
        grid = pd.date_range(start, last, freq=step)
    else:
        months = {"MS": 1, "QS": 3, "YS": 12}[re.sub(r"\d", "", freq.split("-")[0])] * int(
            freq[0] if freq[0].isdigit() else 1
        )
        grid = pd.date_range(first.normalize(), last, freq=pd.DateOffset(months=months))
    grid = grid.as_unit(stamps.unit)
    return grid, np.asarray(grid.searchsorted(stamps, side="right") - 1, dtype=np.intp)


def panel(frame: pd.DataFrame, columns: tuple[str, ...], freq: str | None = None) -> Panel:
    """Put a long frame onto a grid; rows that fall into one slot of a series are averaged.

    Parameters
    ----------
    frame
        ``unique_id``, ``ds`` and the columns.
    columns
        Columns to put onto the grid.
    freq
        Length of a period; the commonest step by default.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": ["a", "b"], "ds": pd.to_datetime(["2024-01-01", "2024-01-02"]), "y": [1., 2.]})
    >>> panel(frame, ("y",), "D").columns["y"].tolist()
    [[1.0, nan], [nan, 2.0]]
    """  # noqa: E501 - an example in one line
    stamps = pd.DatetimeIndex(frame["ds"])
    freq = freq or infer_freq(stamps)
    if not len(frame):
        return Panel(stamps, (), {c: np.empty((0, 0)) for c in columns}, freq)
    grid, row = build_period_grid(stamps, freq)
    column, names = pd.factorize(frame["unique_id"].astype("str"), sort=True)
    place = row * len(names) + column
    size = len(grid) * len(names)
    out = {}
    for name in columns:
        values = frame[name].to_numpy(dtype=float, na_value=np.nan)
        use = ~np.isnan(values)
        total = np.bincount(place[use], values[use], minlength=size)
        count = np.bincount(place[use], minlength=size)
        with np.errstate(invalid="ignore", divide="ignore"):
            out[name] = (total / count).reshape(len(grid), len(names))
    return Panel(grid, tuple(str(n) for n in names), out, freq)


def check_columns(frame: pd.DataFrame, wanted: tuple[str, ...], where: str) -> None:
    """Raise unless all columns are there and ``ds`` holds times.

    >>> check_columns(pd.DataFrame({"y": [1]}), ("ds",), "series")
    Traceback (most recent call last):
    deskcast.features.errors.InputError: series: column 'ds': missing column (known: y)
    """
    require_columns(frame, wanted, where)
    if "ds" in wanted:
        require_times(frame, "ds", where)


def numbers_of(values: pd.Series) -> Floats:
    """Return the numbers of a column; what is not finite counts as missing.

    >>> numbers_of(pd.Series([1, None, float("inf")])).tolist()
    [1.0, nan, nan]
    """
    numbers = read_numbers(values)
    return np.where(np.isfinite(numbers), numbers, np.nan)
