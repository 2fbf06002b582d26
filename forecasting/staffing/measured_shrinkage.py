"""Shrinkage as it was: the paid time off contacts by kind, weekday and month, with intervals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ...features.calendars.opening_hours import WEEKDAYS
from ...features.statistics.ratio_interval import ratio_interval
from .agent_days import ON_CONTACTS

#: All paid time off contacts, whatever its kind.
ALL_KINDS = "all"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
#: A weekday or month of fewer agent days than this says little.
MIN_AGENT_DAYS = 20


def measure_shrinkage(agent_days: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Return the share of paid time off contacts: in all, by kind, by weekday and by month.

    Shares are of all paid time, so those of the kinds add up (``shrinkage_parts = "add"``). A day of an agent goes
    together: intervals take agent days as independent of one another.

    Parameters
    ----------
    agent_days
        What :func:`~deskcast.forecasting.staffing.agent_days.split_agent_days` returns.
    level
        Of the intervals.

    Returns
    -------
    ``kind`` (``all``, or a state such as ``break``), ``period`` (``all``, a weekday or a month), ``share``, ``lo``,
    ``hi``, ``hours`` (paid and off contacts), ``paid_hours`` and ``agent_days``; the largest kind first.

    Examples
    --------
    >>> days = pd.DataFrame({"agent_id": list("aabb"), "state": ["handling", "break"] * 2, "paid": True,
    ...     "day": pd.Timestamp("2024-03-04"), "seconds": [7.0 * 3600, 3600.0, 6.0 * 3600, 2 * 3600.0]})
    >>> measure_shrinkage(days)[["kind", "period", "share", "hours", "agent_days"]].values.tolist()
    [['all', 'all', 0.1875, 3.0, 2], ['break', 'all', 0.1875, 3.0, 2]]
    """
    paid = agent_days[agent_days["paid"]]
    columns = ["kind", "period", "share", "lo", "hi", "hours", "paid_hours", "agent_days"]
    if paid.empty:
        return pd.DataFrame(columns=columns)
    by_day = paid.pivot_table(
        index=["agent_id", "day"], columns="state", values="seconds", aggfunc="sum", fill_value=0.0
    )
    whole = by_day.sum(axis=1).to_numpy(dtype=float)
    kinds = [str(c) for c in by_day.columns if c not in ON_CONTACTS]
    off = by_day[kinds].to_numpy(dtype=float).reshape(len(by_day), len(kinds))
    days = pd.DatetimeIndex(by_day.index.get_level_values("day"))
    parts = {ALL_KINDS: off.sum(axis=1), **{kind: off[:, place] for place, kind in enumerate(kinds)}}
    order = sorted(parts, key=lambda kind: (kind != ALL_KINDS, -float(parts[kind].sum()), kind))
    rows = []
    for period, inside in _periods(days):
        for kind in order:
            share, low, high = ratio_interval(parts[kind][inside], whole[inside], level)
            bounds = np.clip([low, high], 0.0, 1.0)
            hours = float(parts[kind][inside].sum()) / 3600, float(whole[inside].sum()) / 3600
            rows.append((kind, period, share, *bounds.tolist(), *hours, int(inside.sum())))
    return pd.DataFrame(rows, columns=columns)


def _periods(days: pd.DatetimeIndex) -> Iterator[tuple[str, np.ndarray[tuple[int], np.dtype[np.bool_]]]]:
    """Yield all days, and each weekday and month of which there are enough."""
    yield "all", np.ones(len(days), dtype=bool)
    weekday, month = days.day_of_week.to_numpy(), days.month.to_numpy() - 1
    for names, number in ((WEEKDAYS, weekday), (MONTHS, month)):
        for place, name in enumerate(names):
            if (number == place).sum() >= MIN_AGENT_DAYS:
                yield name, number == place


def propose_shrinkage(measured: pd.DataFrame) -> str:
    """Return the measured shrinkage as lines of a configuration, the parts shares of all paid time.

    >>> measured = pd.DataFrame({"kind": ["all", "break", "off sick"], "period": "all", "share": [0.17, 0.121, 0.049]})
    >>> print(propose_shrinkage(measured))
    shrinkage = { break = 0.121, "off sick" = 0.049 }
    shrinkage_parts = "add"
    """
    kinds = measured[(measured["period"] == "all") & (measured["kind"] != ALL_KINDS) & (measured["share"] >= 0.0005)]
    names = [kind if kind.replace("_", "").replace("-", "").isalnum() else f'"{kind}"' for kind in kinds["kind"]]
    parts = ", ".join(f"{name} = {share:.3g}" for name, share in zip(names, kinds["share"], strict=True))
    return f'shrinkage = {{ {parts} }}\nshrinkage_parts = "add"' if parts else "shrinkage = 0"
