"""Which cases to work on: as many as there is time for, where it does most good; and since when they are known."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ...features.arrays import Floats
from ...features.errors import InputError
from ...features.frames import require_columns
from .previous_picks import keep_picks


def expected_benefit(
    probability: ArrayLike, *, preventable: ArrayLike = 1.0, cost: ArrayLike = 1.0, effort_h: ArrayLike = 1.0
) -> Floats:
    """Return what an hour of work on each case is expected to save.

    Parameters
    ----------
    probability
        Calibrated, shape (n,).
    preventable
        Chance that work in time prevents what would come otherwise, 0 to 1; one for all or one a case.
    cost
        Of the bad end, in any unit; one for all or one a case.
    effort_h
        Hours of work; one for all or one a case.

    Returns
    -------
    ``probability * preventable * cost / effort_h``, shape (n,).

    Raises
    ------
    InputError
        If a number is outside its range.

    Examples
    --------
    >>> expected_benefit([0.9, 0.5], preventable=[0.1, 0.8]).round(2).tolist()
    [0.09, 0.4]
    """
    p = np.asarray(probability, dtype=float)
    bounds = {"probability": (p, 0.0, 1.0), "preventable": (preventable, 0.0, 1.0), "cost": (cost, 0.0, np.inf)}
    for name, (values, lo, hi) in bounds.items():
        x = np.asarray(values, dtype=float)
        if not ((x >= lo) & (x <= hi)).all():
            got = float(np.ravel(x)[~((np.ravel(x) >= lo) & (np.ravel(x) <= hi))][0])
            raise InputError(
                "the number is out of range", column=name, got=got, wanted=f"{lo:g} to {hi:g}", code="value.range"
            )
    effort = np.asarray(effort_h, dtype=float)
    if not (effort > 0).all():
        raise InputError("effort must be above 0", column="effort_h", got=float(effort.min()), code="value.range")
    return np.asarray(p * np.asarray(preventable) * np.asarray(cost) / effort, dtype=np.float64)


def select_cases(
    rows: pd.DataFrame,
    *,
    k: int | None = None,
    capacity_h: float | None = None,
    preventable: ArrayLike | None = None,
    cost: ArrayLike | None = None,
    effort_h: ArrayLike | None = None,
    min_probability: float = 0.0,
    kept: Collection[str] = (),
) -> pd.DataFrame:
    """Pick the cases on which the work of a day does most good.

    Parameters
    ----------
    rows
        Columns ``case_id`` and ``probability``; ``preventable``, ``cost`` and ``effort_h`` are read from it where they
        are there and not given.
    k
        At most so many cases.
    capacity_h
        At most so many hours of work.
    preventable, cost, effort_h
        As in :func:`expected_benefit`; 1 where nothing is said.
    min_probability
        No case below it is picked, even if there is room; nor is one on which work saves nothing.
    kept
        Picks of an earlier list that nobody has touched: they stay, but for a tenth that gives way to cases on which
        work saves twice as much; see :func:`deskcast.models.worklist.previous_picks.keep_picks`.

    Returns
    -------
    The rows by expected benefit, highest first (then probability, the earliest due time, case id), with
    ``expected_benefit`` and ``work_first``. A case that does not fit into the hours that are left is passed over for
    the next that does.

    Raises
    ------
    InputError
        If neither bound is given, or one is below 0.

    Examples
    --------
    >>> rows = pd.DataFrame({"case_id": ["a", "b", "c"], "probability": [0.95, 0.6, 0.5], "effort_h": [8.0, 1.0, 1.0]})
    >>> select_cases(rows, capacity_h=2.0)[["case_id", "work_first"]].values.tolist()
    [['b', True], ['c', True], ['a', False]]
    """
    if k is None and capacity_h is None:
        raise InputError(
            "missing daily capacity", column="k", hint="give k (cases a day) or capacity_h (hours)", code="value.range"
        )
    for name, value in (("k", k), ("capacity_h", capacity_h)):
        if value is not None and not value >= 0:
            raise InputError("a daily capacity must be 0 or more", column=name, got=value, code="value.range")
    given = {"preventable": preventable, "cost": cost, "effort_h": effort_h}
    values = {name: _column(rows, name, value) for name, value in given.items()}
    benefit = expected_benefit(rows["probability"], **values)
    out = rows.assign(expected_benefit=benefit, _hours=values["effort_h"])
    due = ["due_at"] if "due_at" in out.columns else []
    keys = ["expected_benefit", "probability", *due, "case_id"]
    out = out.sort_values(keys, ascending=[False, False, *[True] * len(due), True], ignore_index=True)
    hours = out.pop("_hours").to_numpy(dtype=float)
    worth = ((out["expected_benefit"] > 0) & (out["probability"] >= min_probability)).to_numpy(dtype=bool)
    room = len(out) if k is None else k, np.inf if capacity_h is None else float(capacity_h)
    order = np.flatnonzero(worth)
    picked = _fill_budget(order, hours, *room)
    if len(kept):
        stays = keep_picks(out["case_id"], out["expected_benefit"].to_numpy(dtype=float), picked, kept)[order]
        picked = _fill_budget(np.concatenate([order[stays], order[~stays]]), hours, *room)
    return out.assign(work_first=picked)


def _fill_budget(order: NDArray[np.int64], hours: Floats, cases: int, capacity_h: float) -> NDArray[np.bool_]:
    """Take cases in their order until there is no room left; one that does not fit is passed over."""
    picked = np.zeros(len(hours), dtype=bool)
    for place in order:
        if cases <= 0:
            break
        if hours[place] <= capacity_h + 1e-9:
            picked[place] = True
            cases, capacity_h = cases - 1, capacity_h - hours[place]
    return picked


def find_first_flagged(
    history: pd.DataFrame, as_of: pd.Timestamp | None = None, *, flag: str = "work_first"
) -> pd.DataFrame:
    """Return since when each case is on the list.

    Parameters
    ----------
    history
        Columns ``case_id, at`` and the flag (true or false): the lists of former mornings.
    as_of
        Later lists are not seen; all by default.
    flag
        Name of the column.

    Returns
    -------
    ``case_id, first_flagged_at``, by case; only cases that were ever flagged.

    Examples
    --------
    >>> days = pd.to_datetime(["2024-03-01T08:00Z", "2024-03-02T08:00Z"])
    >>> history = pd.DataFrame({"case_id": ["a", "a"], "at": days, "work_first": [False, True]})
    >>> find_first_flagged(history)["first_flagged_at"].dt.day.tolist()
    [2]
    """
    require_columns(history, ("case_id", "at", flag), "history")
    rows = history[history[flag].fillna(False).astype(bool)]
    rows = rows if as_of is None else rows[rows["at"] <= as_of]
    first = rows.groupby("case_id", sort=True)["at"].min().rename("first_flagged_at")
    return first.reset_index().astype({"case_id": "str"})


def _column(rows: pd.DataFrame, name: str, given: ArrayLike | None) -> Floats:
    value = given if given is not None else rows[name] if name in rows.columns else 1.0
    return np.asarray(np.broadcast_to(np.asarray(value, dtype=float), (len(rows),)), dtype=np.float64)
