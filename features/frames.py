"""Columns of the frames that users give: those that must be there, and those that are passed over."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from .arrays import Floats
from .errors import InputError, did_you_mean, warn_passed_over

#: Columns of a frame of series.
SERIES_COLUMNS = ("unique_id", "ds", "y")
SERIES_HINT = "'unique_id' tells series apart: put what splits them there"


def require_columns(frame: Any, wanted: Iterable[str], where: str) -> None:
    """Refuse what is no frame, has two columns of one name, or lacks a column.

    Examples
    --------
    >>> require_columns(pd.DataFrame(columns=["unique_id", "time"]), ["unique_id", "ds"], "history")
    Traceback (most recent call last):
    deskcast.features.errors.InputError: history: column 'ds': missing column (known: unique_id, time)
    """
    if not isinstance(frame, pd.DataFrame):
        got, names = type(frame).__name__, ", ".join(wanted)
        raise InputError("value must be a frame", where=where, got=got, wanted=f"columns {names}", code="value.unknown")
    columns = [str(c) for c in frame.columns]
    twice = sorted({name for name in columns if columns.count(name) > 1}) if len(set(columns)) < len(columns) else []
    if twice:
        raise InputError("duplicate column", where=where, column=twice[0], code="column.doubled")
    for name in wanted:
        if name not in columns:
            near = did_you_mean(name, columns) if columns else None
            raise InputError("missing column", where=where, column=name, hint=near, code="column.missing")


def require_times(frame: pd.DataFrame, column: str, where: str) -> None:
    """Refuse a column that does not hold times, or lacks one.

    >>> require_times(pd.DataFrame({"ds": ["2024-03-01"]}), "ds", "series")
    Traceback (most recent call last):
    deskcast.features.errors.InputError: series: column 'ds': not valid times; got 'str', expected datetime64, \
local clock
    """
    got = str(frame[column].dtype)
    if not got.startswith("datetime64"):
        wanted = "datetime64, local clock"
        raise InputError("not valid times", where=where, column=column, got=got, wanted=wanted, code="time.unreadable")
    lost = frame[column].isna().to_numpy()
    if lost.any():
        row = int(lost.argmax()) + 1
        raise InputError("missing time", where=where, column=column, row=row, wanted="a time", code="time.missing")


def read_numbers(values: pd.Series, where: str | None = None) -> Floats:
    """Return the numbers of a column, NaN where one is missing; times are no numbers, nor are complex ones.

    >>> read_numbers(pd.Series([1, None])).tolist()
    [1.0, nan]
    """
    if not is_no_number(values):
        with suppress(TypeError, ValueError):
            return values.to_numpy(dtype=np.float64, na_value=np.nan)
    got = str(values.dtype)
    raise InputError("not valid numbers", where=where, column=str(values.name), got=got, code="value.unreadable")


def is_no_number(values: pd.Series) -> bool:
    """Return whether the type of a column is one that pandas would make numbers of, though it holds none.

    >>> is_no_number(pd.Series([pd.Timedelta("1h")])), is_no_number(pd.Series([1.0]))
    (True, False)
    """
    return values.dtype.kind in "mMc"


def name_columns(
    frame: pd.DataFrame, segments: Iterable[str], used: Iterable[str], where: str, hint: str
) -> dict[Any, Any]:
    """Return what splits a frame and what is passed over, as ``attrs`` of results hold it, and warn of the latter.

    Parameters
    ----------
    frame
        What was given. A column without any value is not spoken of.
    segments
        Columns that split it into series.
    used
        Further columns that have their use.
    where, hint
        As for :func:`deskcast.features.errors.warn_passed_over`.

    Examples
    --------
    >>> rows = pd.DataFrame({"unique_id": ["a"], "ds": [pd.Timestamp("2024-03-01")], "y": [1.0], "seats": [None]})
    >>> name_columns(rows, ["unique_id"], SERIES_COLUMNS, "history", "series are told apart by unique_id")
    {'segments': ('unique_id',), 'passed_over': ()}
    """
    split = tuple(segments)
    known = {*split, *used}
    unused = [str(c) for c in frame.columns if c not in known and frame[c].notna().any()]
    return {"segments": split, "passed_over": warn_passed_over(unused, where, hint)}


def name_series_columns(series: pd.DataFrame, where: str, used: Iterable[str] = ()) -> dict[Any, Any]:
    """Return what the columns of a frame of series are taken for; see :func:`name_columns`.

    >>> name_series_columns(pd.DataFrame(columns=["unique_id", "ds", "y", "seats"]), "history")
    {'segments': ('unique_id',), 'passed_over': ()}
    """
    split = [name for name in SERIES_COLUMNS[:1] if name in series.columns]
    return name_columns(series, split, [*SERIES_COLUMNS, *used], where, SERIES_HINT)
