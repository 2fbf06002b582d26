"""How far the recent week is from the weeks before it: shares of values, new and missing values, counts, outcomes.

Every measure is taken of today and of each past morning. ``scale`` is what chance alone makes of it in so few cases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from ...features.arrays import Floats, Ints
from .windows import Windows

#: Ranges of a number, each of about as many rows; names beyond the most frequent count as one.
NUMBER_BINS, MAX_NAMES = 10, 20
#: A column with more names than this part of the cases is an id.
ID_SHARE = 0.5
_HALF_ROW = 0.5


@dataclass(frozen=True)
class Measure:
    """One check, today and on past mornings.

    Attributes
    ----------
    check, column
        What is measured, and of which column; empty where it is of the cases as a whole.
    by_morning
        What is judged, of today first: a distance, or a difference where ``two_sided``.
    value, usual
        What is shown: of today, and of the weeks before or of past mornings.
    scale
        Least standard deviation, from the number of cases alone.
    detail
        What is new.
    """

    check: str
    column: str
    by_morning: Floats
    value: float
    usual: float
    scale: float
    two_sided: bool = False
    detail: str = ""


def measure_column(values: pd.Series, lag: Ints, windows: Windows, cases: float) -> Iterator[Measure]:
    """Yield the population stability index of a column, its missing share, and where it holds names its new ones.

    Parameters
    ----------
    values, lag
        Column of snapshots, and days of each row before the last morning.
    windows
        Pairs that are compared.
    cases
        Typical number of cases of a week.
    """
    column = str(values.name)
    groups, count, names = group_values(values)
    recent, before = windows.sums(lag, groups, count + 1)  # the last group is of missing values
    index = stability_index(recent, before)
    of_chance = float(np.sqrt((1 + 7 / 28) / (2 * max(cases, 1.0))))  # standard deviation of the root of the index
    root = np.sqrt(index)
    yield Measure("distribution", column, root, float(index[0]), float(np.median(index)), of_chance)
    if before[:, count].any() or recent[:, count].any():
        yield _share("missing values", column, recent, before, count, cases)
    if names is None:
        return
    new = np.where(before[:, :count] == 0, recent[:, :count], 0.0)
    share = new.sum(axis=1) / np.maximum(recent.sum(axis=1), 1.0)
    found = [names[place] for place in np.argsort(-new[0], kind="stable")[:3] if new[0, place] > 0]
    scale = share_scale(float(np.median(share)), cases)
    yield Measure("new values", column, share, float(share[0]), float(np.median(share)), scale, detail=", ".join(found))


def group_values(values: pd.Series) -> tuple[Ints, int, list[str] | None]:
    """Return the group of each value, the number of groups, and the names of these where they are no ranges.

    A missing value is of the group after the last.

    Examples
    --------
    >>> group_values(pd.Series(["a", None, "b", "a"]))
    (array([0, 2, 1, 0]), 2, ['a', 'b'])
    >>> group_values(pd.Series([1.0, 2.0, None, 2.0]))
    (array([0, 1, 2, 1]), 2, None)
    """
    if is_bool_dtype(values.dtype) or is_numeric_dtype(values.dtype):
        number = values.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        known = number[~np.isnan(number)]
        ranks = np.linspace(0, 1, NUMBER_BINS + 1)[1:]
        edges = np.unique(np.quantile(known, ranks, method="inverted_cdf")) if len(known) else known
        groups = np.searchsorted(edges, number, side="left")
        groups = np.minimum(groups, max(len(edges) - 1, 0))
        return np.where(np.isnan(number), len(edges), groups).astype("int64"), len(edges), None
    codes, levels = pd.factorize(values.astype("object").map(lambda v: v if pd.isna(v) else str(v)), sort=True)
    return np.where(codes < 0, len(levels), codes).astype("int64"), len(levels), [str(level) for level in levels]


def stability_index(recent: Floats, before: Floats) -> Floats:
    """Return the population stability index of rows of counts: the sum of ``(p - q) log(p / q)``.

    Names beyond the most frequent count as one, and half a row is added to each group.

    >>> stability_index(np.array([[50.0, 50.0], [90.0, 10.0]]), np.array([[500.0, 500.0], [500.0, 500.0]])).round(2)
    array([0.  , 0.85])
    """
    if recent.shape[1] > MAX_NAMES:
        order = np.argsort(-before.sum(axis=0), kind="stable")
        recent, before = (
            np.column_stack([t[:, order[:MAX_NAMES]], t[:, order[MAX_NAMES:]].sum(axis=1)]) for t in (recent, before)
        )
    p, q = ((t + _HALF_ROW) / (t + _HALF_ROW).sum(axis=1, keepdims=True) for t in (recent, before))
    index: Floats = ((p - q) * np.log(p / q)).sum(axis=1)
    return index


def share_scale(share: float, cases: float) -> float:
    """Return the standard deviation of a share of so many cases; that of one case where it is usually none."""
    share = min(max(share, 1 / max(cases, 2.0)), 1 - 1 / max(cases, 2.0))
    return float(np.sqrt(share * (1 - share) / max(cases, 1.0)))


def measure_count(lag: Ints, windows: Windows, cases: float) -> Measure:
    """Measure the number of open cases: the logarithm of the recent week's share of the weeks before."""
    recent, before = (t[:, 0] for t in windows.sums(lag, np.zeros(len(lag), dtype="int64"), 1))
    per_day = 1 / 7, 1 / 28
    ratio = np.log((recent + _HALF_ROW) * per_day[0]) - np.log((before + _HALF_ROW) * per_day[1])
    mornings = max(len(np.unique(lag[(lag >= 0) & (lag < 7)])), 1)
    scale = float(np.sqrt((1 + 7 / 28) / max(cases, 1.0)))
    usual = float(before[0]) / 4 / mornings
    return Measure("open cases", "", ratio, float(recent[0]) / mornings, usual, scale, two_sided=True)


def measure_rate(check: str, outcome: Floats, lag: Ints, windows: Windows) -> Measure | None:
    """Measure the mean of what is known of decided cases; ``None`` where a week has too few of them.

    Parameters
    ----------
    check
        Its name.
    outcome, lag
        Value of each case, and days before the last morning at which it was decided.
    """
    zero = np.zeros(len(lag), dtype="int64")
    sums = windows.sums(lag, zero, 1, outcome)
    counts = windows.sums(lag, zero, 1)
    recent, before = (s[:, 0] / np.where(n[:, 0] > 0, n[:, 0], np.nan) for s, n in zip(sums, counts, strict=True))
    typical = float(np.median(counts[0]))
    if np.isnan(recent[0]) or np.isnan(before[0]) or typical < 1 or len(outcome) < 2:
        return None
    apart = np.nan_to_num(recent - before)  # a week without cases tells nothing
    scale = float(np.std(outcome) * np.sqrt((1 + 7 / 28) / typical))
    return Measure(check, "", apart, float(recent[0]), float(before[0]), max(scale, 1e-6), two_sided=True)


def _share(check: str, column: str, recent: Floats, before: Floats, group: int, cases: float) -> Measure:
    now, then = (t[:, group] / np.maximum(t.sum(axis=1), 1.0) for t in (recent, before))
    scale = share_scale(float(np.median(then)), cases)
    return Measure(check, column, now - then, float(now[0]), float(then[0]), scale, two_sided=True)
