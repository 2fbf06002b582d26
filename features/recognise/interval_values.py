"""What the values of a column can be in a report: counts, or numbers and durations of any kind."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..readers.elapsed import parse_elapsed
from ..readers.numbers import detect_number_format, parse_numbers

#: No interval has so many contacts; larger numbers are mistakes.
MAX_COUNT = 1e9


def is_count(values: pd.Series[Any]) -> bool:
    """Return whether a column has whole numbers from 0, however their thousands are written.

    >>> import pandas as pd
    >>> is_count(pd.Series(["1.204", "511"])), is_count(pd.Series(["0.5", "2"])), is_count(pd.Series(["a"]))
    (True, False, False)
    """
    there = values.dropna()
    if there.empty:
        return False
    form = detect_number_format(there, whole=True)
    numbers = parse_numbers(there, form)
    good = numbers.dropna()
    return bool(numbers.notna().mean() >= 0.9) and bool(((good >= 0) & (good % 1 == 0)).mean() >= 0.99)


def share_of_counts(values: pd.Series[Any]) -> float:
    """Return the share of the values that are there which are whole numbers from 0.

    >>> share_of_counts(pd.Series(["4", "n/a", "-5", "12"]))
    0.5
    """
    there = values.dropna()
    if there.empty:
        return 0.0
    numbers = parse_numbers(there, detect_number_format(there, whole=True))
    return float(((numbers >= 0) & (numbers < MAX_COUNT) & (numbers % 1 == 0)).mean())


def is_amount(values: pd.Series[Any]) -> bool:
    """Return whether a column has numbers, percents or durations."""
    there = values.dropna().drop_duplicates().head(500)
    if there.empty:
        return False
    return bool(parse_numbers(there).notna().mean() >= 0.9) or not bool(parse_elapsed(there).bad.mean() > 0.1)
