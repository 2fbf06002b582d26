"""How many, and how much, a group had seen by an instant: counts that never look past it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..arrays import Ints


def sum_as_of(group: Ints, at: Ints, asked: Ints, when: Ints, amount: Ints | None = None) -> Ints:
    """Sum what happened in a group at or before an instant.

    Whole numbers only: their sums are exact, so that a figure does not depend on what else is in the log.

    Parameters
    ----------
    group, at
        Group (0 and above) and instant of n happenings.
    asked, when
        Group and instant of m questions; a group below 0 has seen nothing.
    amount
        What each happening counts, n; 1 by default.

    Returns
    -------
    m sums.

    Examples
    --------
    >>> sum_as_of(np.array([0, 0, 1]), np.array([5, 9, 7]), np.array([0, 0, 1, -1]), np.array([8, 9, 6, 9]))
    array([1, 2, 0, 0])
    """
    moments = np.unique(when)
    width = len(moments) + 1
    keys = group * width + np.searchsorted(moments, at, side="left")
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    sums = np.append(0, np.cumsum(np.ones(len(keys), dtype=np.int64) if amount is None else amount[order]))
    high = np.searchsorted(keys, asked * width + np.searchsorted(moments, when), side="right")
    low = np.searchsorted(keys, asked * width, side="left")
    return np.asarray(np.where(asked >= 0, sums[high] - sums[low], 0), dtype=np.int64)


def find_last_as_of(group: Ints, at: Ints, asked: Ints, when: Ints) -> Ints:
    """Return the position of the last happening of a group at or before an instant, -1 where there is none.

    Happenings are ordered by group and instant; of those at one instant the last counts.

    >>> find_last_as_of(np.array([0, 0, 1]), np.array([5, 9, 7]), np.array([0, 0, 1]), np.array([8, 9, 6]))
    array([ 0,  1, -1])
    """
    moments = np.unique(when)
    width = len(moments) + 1
    keys = group * width + np.searchsorted(moments, at, side="left")
    place = np.searchsorted(keys, asked * width + np.searchsorted(moments, when), side="right") - 1
    there = (place >= 0) & (asked >= 0)
    there[there] = group[place[there]] == asked[there]
    return np.asarray(np.where(there, place, -1), dtype=np.int64)


def factorize_columns(*columns: pd.Series[Any]) -> list[Ints]:
    """Number the values of several columns alike; a missing value is -1.

    >>> [c.tolist() for c in factorize_columns(pd.Series(["a", None]), pd.Series(["b", "a"]))]
    [[0, -1], [1, 0]]
    """
    lists = [c.cat.categories.to_series() if isinstance(c.dtype, pd.CategoricalDtype) else c for c in columns]
    together = pd.concat([c.astype("str") for c in lists], ignore_index=True)
    found = np.asarray(pd.factorize(together)[0], dtype=np.int64)
    edges = np.cumsum([len(c) for c in lists])[:-1]
    parts = [np.asarray(part, dtype=np.int64) for part in np.split(found, edges)]
    return [
        np.append(part, -1)[c.cat.codes.to_numpy()] if isinstance(c.dtype, pd.CategoricalDtype) else part
        for c, part in zip(columns, parts, strict=True)
    ]  # each name of a categorical column is looked at once
