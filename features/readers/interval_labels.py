"""Intervals of a day as reports label them: 9:00, 0900, 9:00 AM, 09:00 - 09:30, or a number that counts them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

DAY_S = 86400.0
#: Into so many intervals a day is cut.
INDEX_COUNTS = (24, 48, 96, 144, 288)
_CLOCK = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))(?::(\d{2}))?(?:\s*(?:uhr|h))?\s*([ap]\.?m\.?)?", re.IGNORECASE)
_SHORT = re.compile(r"(\d{1,2})\s*(?:([ap]\.?m\.?)|(?:h|uhr))", re.IGNORECASE)
_DIGITS = re.compile(r"(\d{1,2})(\d{2})")
#: What stands behind the last hour of a range means the first one too: 08-09 Uhr.
_UNIT_BEHIND = re.compile(r"\d\s*((?:uhr|h|[ap]\.?m\.?))$", re.IGNORECASE)
_RANGE = re.compile(r"\s*[-\u2013\u2014]\s*|\s+(?:to|bis|until|\u00e0|a)\s+", re.IGNORECASE)


def parse_interval_labels(values: pd.Series[Any]) -> pd.DataFrame:
    """Read labels of intervals as seconds after midnight.

    Returns
    -------
    DataFrame
        ``start_s``, and ``end_s`` where the label is a range; missing where it cannot be read.

    Examples
    --------
    >>> import pandas as pd
    >>> parse_interval_labels(pd.Series(["9:00", "0930", "1:30 PM", "09:00 - 09:30", "24:00", "noon"])).fillna(-1).values.tolist()
    [[32400.0, -1.0], [34200.0, -1.0], [48600.0, -1.0], [32400.0, 34200.0], [86400.0, -1.0], [-1.0, -1.0]]
    """  # noqa: E501 - the example is one line
    text = values.astype("str").str.strip().where(values.notna())
    known = {label: _label(label) for label in text.dropna().unique()}
    pairs = [known.get(t, (np.nan, np.nan)) if isinstance(t, str) else (np.nan, np.nan) for t in text]
    return pd.DataFrame(pairs, columns=["start_s", "end_s"], index=values.index, dtype="float64")


def is_interval_label(values: pd.Series[Any]) -> bool:
    """Return whether nearly all values are labels of intervals of a day.

    >>> import pandas as pd
    >>> is_interval_label(pd.Series(["09:00", "09:30"])), is_interval_label(pd.Series(["12", "40"]))
    (True, False)
    """
    there = values.dropna()
    there = there[there.astype("str").str.strip() != ""].drop_duplicates().head(400)
    return bool(len(there)) and bool(parse_interval_labels(there)["start_s"].notna().mean() >= 0.95)


def count_of_index(values: pd.Series[Any]) -> int:
    """Return how many intervals a day has by a column that numbers them from 1; 0 where it is no such column.

    >>> import pandas as pd
    >>> count_of_index(pd.Series([str(i) for i in range(1, 49)])), count_of_index(pd.Series(["1", "7"]))
    (48, 0)
    """
    numbers = pd.to_numeric(values, errors="coerce").dropna()
    if numbers.empty or bool((numbers % 1 != 0).any()) or numbers.min() < 1:
        return 0
    most = int(numbers.max())
    return most if most in INDEX_COUNTS and numbers.nunique() >= 0.3 * most else 0


def _label(text: str) -> tuple[float, float]:
    whole = _clock(text)
    if not np.isnan(whole):
        return whole, float("nan")
    parts = _RANGE.split(text)
    if len(parts) == 2:
        start, end = _clock(parts[0]), _clock(parts[1])
        if np.isnan(start) and (unit := _UNIT_BEHIND.search(parts[1].strip())):
            start = _clock(f"{parts[0].strip()} {unit[1]}")
            start -= 43200.0 * (start > end >= 43200.0)  # 11-12 pm begins before noon
        if not np.isnan(start) and not np.isnan(end):
            return start, end if end > start else end + DAY_S
    return float("nan"), float("nan")


def _clock(text: str) -> float:
    text = text.strip()
    found = _CLOCK.fullmatch(text)
    if found:
        hours, minutes, seconds, half = int(found[1]), int(found[2]), int(found[3] or 0), found[4]
    elif short := _SHORT.fullmatch(text):
        hours, minutes, seconds, half = int(short[1]), 0, 0, short[2]
    elif (digits := _DIGITS.fullmatch(text)) and len(text) >= 3:
        hours, minutes, seconds, half = int(digits[1]), int(digits[2]), 0, None
    else:
        return float("nan")
    if half:
        if not 1 <= hours <= 12:
            return float("nan")
        hours = hours % 12 + (12 if half[0].lower() == "p" else 0)
    if minutes > 59 or seconds > 59 or hours > 24 or (hours == 24 and minutes + seconds):
        return float("nan")
    return 3600.0 * hours + 60.0 * minutes + seconds
