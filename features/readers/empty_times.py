"""Times that stand for none: the zero of a system's clock, such as 1970-01-01 or 0000-00-00."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

#: The zeros of the clocks of Unix (in any zone), MySQL, .NET and Excel, and a bare 0 among numbers.
_ZERO = re.compile(
    r"0|0000-00-00.*|0001-01-01.*|1900-01-00.*|1970[-/.]0?1[-/.]0?1\b.*|1969[-/.]12[-/.]31\b.*|"
    r"0?1[-/.]0?1[-/.]1970\b.*|(12[-/.]31|31[-/.]12)[-/.]1969\b.*|0?1[-/. ]jan[-/. ]1970\b.*|jan 0?1,? 1970\b.*",
    re.IGNORECASE,
)
_NEAR_ZERO = (pd.Timestamp("1969-12-31"), pd.Timestamp("1970-01-02"))
_MIN_YEARS_LATER = 1971


def find_empty_times(values: pd.Series[Any]) -> pd.Series[bool]:
    """Mark the values of a column of times that stand for no time.

    A log that begins in 1970, as made-up ones do, has other times of that year too: then nothing is marked.

    Examples
    --------
    >>> import pandas as pd
    >>> find_empty_times(pd.Series(["1/1/1970 12:00:00 AM", "03/07/2024 02:21:00 PM", "0"])).tolist()
    [True, False, True]
    >>> find_empty_times(pd.Series(["1970-01-01 08:00", "1970-01-05 09:00"])).tolist()
    [False, False]
    """
    none = pd.Series(False, index=values.index)
    if str(values.dtype).startswith("datetime64"):
        local = values.dt.tz_localize(None) if getattr(values.dt, "tz", None) is not None else values
        zero = (local >= _NEAR_ZERO[0]) & (local < _NEAR_ZERO[1])
        later = local[~zero].dropna()
        return zero if zero.any() and bool((later.dt.year >= _MIN_YEARS_LATER).all()) else none
    if str(values.dtype) not in ("str", "object"):
        return none
    known = pd.Series(values.dropna().unique(), dtype="str")
    known = known[known.str.contains(r"^0$|0000|0001|1900|19(?:70|69)")]
    zeros = known[known.map(lambda v: bool(_ZERO.fullmatch(v.strip())))]
    if zeros.empty or known[~known.isin(zeros)].str.contains(r"\b1970\b").any():
        return none
    return values.isin(zeros.tolist())
