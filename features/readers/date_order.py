"""Whether day or month stands first where both are numbers: by values above twelve, else by how dense the days lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd

DateOrder = Literal["", "day", "month"]
#: One reading is the right one if its days lie in so much shorter a span than those of the other.
MIN_SPAN_RATIO = 4.0
#: So many rows, steps against the usual way, or days are evidence.
MIN_EVIDENCE_ROWS = 6
#: Days that a column must name before the span tells anything.
MIN_DAYS = 4


def decide_date_order(dates: pd.Series[Any], order: DateOrder) -> tuple[DateOrder, bool]:
    """Return which stands first in dates such as 3/4/2024, and whether that is a guess.

    A log of some days that would be one of many months, always on the first days of each, is one of some days.

    Parameters
    ----------
    dates
        The first ten characters of each value, without repeats.
    order
        What to take where nothing tells.

    Examples
    --------
    >>> decide_date_order(pd.Series(["1/3/2024", "2/3/2024", "3/3/2024", "7/3/2024"]), "")
    ('day', False)
    >>> decide_date_order(pd.Series(["3/4/2024", "5/6/2024"]), "")
    ('day', True)
    """
    parts = dates.str.extract(r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{2,4})")
    first, second, year = (pd.to_numeric(parts[i], errors="coerce") for i in range(3))
    days, months = int((first > 12).sum()), int((second > 12).sum())
    if days != months:
        return ("month" if months > days else "day"), False
    if days == 0 and not order:
        spans = [_span(year, first, second), _span(year, second, first)]  # days of the year as month first, day first
        if len(dates) >= MIN_DAYS and min(spans) > 0 and max(spans) >= MIN_SPAN_RATIO * min(spans):
            return ("month" if spans[0] < spans[1] else "day"), False
    return order or "day", True


def decide_by_rows(columns: Sequence[pd.Series[Any]]) -> DateOrder:
    """Return which stands first by the other rows and times of a file, or nothing where they do not tell.

    Read rightly, the rows of an export run one way, and two times of one row lie near each other and in one order.

    Examples
    --------
    >>> opened = pd.Series([f"1/{d}/2024" for d in range(2, 9)])
    >>> closed = pd.Series([f"1/{d + 1}/2024" for d in range(2, 9)])
    >>> decide_by_rows([opened, closed])
    'month'
    >>> decide_by_rows([pd.Series(["1/9/2024", "2/9/2024"])])
    ''
    """
    texts = [t for t in (c.dropna().astype("str") for c in columns) if t.nunique() >= MIN_EVIDENCE_ROWS]
    read = [(_dates(t, 1), _dates(t, 0)) for t in texts]
    votes = {
        _vote(_disorder(d.diff()), _disorder(m.diff()))
        for t, (d, m) in zip(texts, read, strict=True)
        if not (t.is_monotonic_increasing or t.is_monotonic_decreasing)  # sorted as text: that says nothing
    }
    for i, a in enumerate(read):
        for b in read[i + 1 :]:
            took = [b[k] - a[k] for k in (0, 1)]
            votes.add(_vote(_disorder(took[0]), _disorder(took[1])))
            votes.add(_vote(_usual(took[0]), _usual(took[1])))
    votes.discard("")
    return votes.pop() if len(votes) == 1 else ""


def _vote(day: float, month: float) -> DateOrder:
    """Return the reading with clearly less of what the wrong one has: disorder, or long times."""
    if min(day, month) < 0 or max(day, month) < MIN_EVIDENCE_ROWS or max(day, month) < MIN_SPAN_RATIO * min(day, month):
        return ""
    return "day" if day < month else "month"


def _disorder(steps: pd.Series[Any]) -> float:
    """Return how many steps go against the way that most go; -1 where there are too few to tell."""
    taken = steps[steps.notna() & (steps != 0)]
    return float(min((taken > 0).sum(), (taken < 0).sum())) if len(taken) >= MIN_EVIDENCE_ROWS else -1.0


def _usual(took: pd.Series[Any]) -> float:
    """Return the usual days from one time to the other, of those that are not of one day; -1 where there are few."""
    taken = took[took.notna() & (took != 0)].abs()
    return float(taken.median()) if len(taken) >= MIN_EVIDENCE_ROWS else -1.0


def _dates(values: pd.Series[Any], month_at: int) -> pd.Series[Any]:
    """Return the dates of a column as days, with the month as its first or second number."""
    parts = values.astype("str").str.extract(r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{2,4})")
    first, second, year = (pd.to_numeric(parts[i], errors="coerce") for i in range(3))
    month, day = (second, first) if month_at else (first, second)
    return year * 372 + month * 31 + day


def _span(year: pd.Series[Any], month: pd.Series[Any], day: pd.Series[Any]) -> float:
    """Return the days from the first to the last date; for this the months may be of 30 days."""
    number = (year * 365 + (month - 1) * 30.4 + day).dropna()
    return float(number.max() - number.min()) if len(number) else 0.0


def describe_both_orders(texts: Sequence[str], order: DateOrder) -> str:
    """Describe how up to three dates are read, and how they could be.

    >>> describe_both_orders(["3/4/2024", "5/5/2024"], "day")
    "'3/4/2024' is 3 Apr 2024 (not 4 Mar 2024)"
    """
    said = []
    for text in dict.fromkeys(texts):
        parts = pd.Series([text]).str.extract(r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{2,4})").iloc[0]
        if parts.isna().any() or parts[0].lstrip("0") == parts[1].lstrip("0") or not 0 < int(parts[0]) <= 12:
            continue
        year = parts[2] if len(parts[2]) == 4 else f"20{parts[2]}"
        months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
        one, two = int(parts[0]), int(parts[1])
        if not 0 < two <= 12:
            continue
        by_day, by_month = f"{one} {months[two - 1]} {year}", f"{two} {months[one - 1]} {year}"
        read, other = (by_day, by_month) if order == "day" else (by_month, by_day)
        said.append(f"{text.split(' ')[0]!r} is {read} (not {other})")
        if len(said) == 3:
            break
    return ", ".join(said)
