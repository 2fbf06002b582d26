"""Goals looked at again: what became of them in past periods, and which no longer fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd

#: A goal that is as likely met as not would be met, or missed, so many times running in 3 of 100 cases.
MIN_PERIODS = 5
VERDICTS = (
    "fits",
    "always met",
    "never met",
    "met by a move of the goal",
    "bought with another KPI",
    "too few periods",
)


@dataclass(frozen=True)
class GoalVersion:
    """A goal as it was from a day on: its ``target``, and the first day ``since``."""

    target: float
    since: pd.Timestamp


@dataclass(frozen=True)
class GoalInForce:
    """The goal of a period.

    Attributes
    ----------
    target
        What the goal was when the period began; where none was yet, what it became first within it.
    before
        What it had been before the last move up to then; missing where it never moved.
    moved_on
        Day of that move.
    """

    target: float
    before: float = float("nan")
    moved_on: pd.Timestamp | None = None


def find_goal_of_period(versions: Sequence[GoalVersion], start: pd.Timestamp, end: pd.Timestamp) -> GoalInForce | None:
    """Return what the goal of a period was; ``None`` where there was none yet.

    A goal that is moved within a period counts from the next one on: else it could be moved to where a period has come.

    Examples
    --------
    >>> day = pd.Timestamp
    >>> versions = [GoalVersion(0.8, day("2026-01-01")), GoalVersion(0.7, day("2026-02-10"))]
    >>> found = [find_goal_of_period(versions, day(f"2026-{m:02d}-01"), day(f"2026-{m:02d}-28")) for m in (1, 2, 3)]
    >>> [(one.target, one.before) for one in found]
    [(0.8, nan), (0.8, nan), (0.7, 0.8)]
    """
    ordered = sorted(versions, key=lambda one: one.since)
    before = [one for one in ordered if one.since <= start]
    if not before:
        first = next((one for one in ordered if one.since <= end), None)
        return None if first is None else GoalInForce(first.target)
    moved = [(old, new) for old, new in pairwise(before) if old.target != new.target]
    if not moved:
        return GoalInForce(before[-1].target)
    old, new = moved[-1]
    return GoalInForce(before[-1].target, old.target, new.since)


def is_met(value: float, target: float, better: str) -> bool:
    """Tell whether a value reaches a target.

    >>> is_met(0.8, 0.8, "higher"), is_met(0.81, 0.8, "lower")
    (True, False)
    """
    return value >= target if better == "higher" else value <= target


def review_goal(periods: pd.DataFrame, bought_with: Sequence[str] = ()) -> tuple[str, float]:
    """Judge whether a goal still fits, from its past periods.

    Parameters
    ----------
    periods
        One row a past period, the earliest first: ``value``, ``target``, ``before`` (the goal before its last move) and
        ``better``. A missing value is no period.
    bought_with
        KPIs that got worse as the one of the goal got better.

    Returns
    -------
    verdict, level
        One of :data:`VERDICTS`, and the value that half of the periods reached: a goal there would be neither.

    Examples
    --------
    >>> held = pd.DataFrame({"value": [0.81, 0.84, 0.86, 0.83, 0.85], "target": 0.7, "before": float("nan")})
    >>> review_goal(held.assign(better="higher")), review_goal(held.assign(better="higher"), ["csat"])[0]
    (('always met', 0.84), 'bought with another KPI')
    >>> review_goal(held.assign(better="higher", before=0.9))[0]
    'met by a move of the goal'
    """
    known = periods[periods["value"].notna()]
    level = float(known["value"].median()) if len(known) else float("nan")
    rows: list[Any] = list(known.itertuples())
    met = [is_met(row.value, row.target, row.better) for row in rows]
    if bought_with:
        return VERDICTS[4], level
    only_new = [
        now and not pd.isna(row.before) and not is_met(row.value, row.before, row.better)
        for row, now in zip(rows, met, strict=True)
    ]
    if met and only_new[-1]:
        return VERDICTS[3], level
    if len(known) < MIN_PERIODS:
        return VERDICTS[5], level
    recent = met[-MIN_PERIODS:]
    if all(recent):
        return VERDICTS[1], level
    return (VERDICTS[0] if any(recent) else VERDICTS[2]), level
