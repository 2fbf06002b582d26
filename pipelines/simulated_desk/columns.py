"""Columns of large frames from codes and seconds, without a Python object per row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .world import BEGIN, Array

_BEGIN_US = int(BEGIN.timestamp()) * 1_000_000


def time_column(seconds: Array) -> pd.Series[Any]:
    """Return seconds since the begin as instants in UTC; negative ones are missing."""
    known = seconds >= 0
    us = np.where(known, seconds.astype(np.int64) * 1_000_000 + _BEGIN_US, np.iinfo(np.int64).min)
    return pd.Series(pd.DatetimeIndex(us.view("datetime64[us]")).tz_localize("UTC"))


def text_column(codes: Array, known: Sequence[str] | Any) -> pd.Series[Any]:
    """Return the words of codes as a ``str`` column; negative codes are missing."""
    import pyarrow as pa

    values = known if isinstance(known, pa.Array) else pa.array(list(known), pa.large_string())
    index = pa.array(codes, pa.int64(), mask=codes < 0) if (codes < 0).any() else pa.array(codes, pa.int64())
    dtype = pd.StringDtype("pyarrow", na_value=np.nan)
    return pd.Series(pd.array(values.take(index), dtype=dtype))


def format_ids(prefix: str, numbers: Array, width: int) -> Any:
    """Return names such as ``C000123`` for numbers, as an Arrow array of text.

    >>> format_ids("C", np.array([1, 20]), 4).to_pylist()
    ['C0001', 'C0020']
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    digits = pc.utf8_lpad(pa.array(numbers, pa.int64()).cast(pa.large_string()), width, "0")
    return pc.binary_join_element_wise(pa.scalar(prefix, pa.large_string()), digits, pa.scalar("", pa.large_string()))


def boolean_column(codes: Array) -> pd.Series[Any]:
    """Return 1, 0 and -1 as true, false and missing."""
    return pd.Series(pd.arrays.BooleanArray(codes == 1, codes < 0))


def seconds_column(values: Array) -> pd.Series[Any]:
    """Return seconds as floats; negative ones are missing."""
    return pd.Series(np.where(values >= 0, values, np.nan).astype(np.float64))
