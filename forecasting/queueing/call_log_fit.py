"""The formula held against the intervals of a call log."""

from __future__ import annotations

from typing import Any

import pandas as pd

from .erlang import queue_performance
from .patience import Patience


def expected_calls(intervals: pd.DataFrame) -> pd.Series[Any]:
    """Return how many calls were to be expected in each interval: between its own count and that of its time of day.

    The count of one interval is its rate and luck. To take it for the rate counts the luck twice, since the formula
    has luck in it already, and gives waits that are too long.

    Parameters
    ----------
    intervals
        ``ds`` and ``offered``; leave out closed hours, and those in which the line was down.

    Notes
    -----
    Credibility (Buehlmann 1967): the share of the variance between days that luck does not explain is the weight of
    the own count.

    Examples
    --------
    >>> ds = pd.to_datetime(["2024-03-01 09:00", "2024-03-02 09:00", "2024-03-03 09:00"])
    >>> expected_calls(pd.DataFrame({"ds": ds, "offered": [80, 100, 120]})).round(1).tolist()
    [85.0, 100.0, 115.0]
    """
    offered = intervals["offered"].astype(float)
    groups = offered.groupby(intervals["ds"].dt.strftime("%H:%M"))
    mean = groups.transform("mean")
    size = groups.transform("count")
    spread = float(((offered - mean) ** 2).sum())
    luck = float((mean * (size - 1) / size).sum())  # what the spread would be if the counts were Poisson
    own = max(0.0, 1 - luck / spread) if spread > 0 else 0.0
    return pd.Series(mean + own * (offered - mean), index=intervals.index)


def predict_interval_performance(
    intervals: pd.DataFrame,
    patience: float | Patience | None,
    aht: float,
    agents: str = "on_duty",
    calls: str = "offered",
    interval: float = 1800,
    threshold: float = 20,
) -> pd.DataFrame:
    """Set beside what was observed in each interval what the formula says of it.

    Parameters
    ----------
    intervals
        What :func:`call_intervals` returns.
    patience
        As in :func:`queue_performance`.
    aht
        Mean handle time in seconds; that of one interval is too few calls to tell.
    agents
        The column that says how many were there.
    calls
        The column that says how many were to be expected; see :func:`expected_calls`.
    interval, threshold
        Seconds.

    Returns
    -------
    DataFrame
        The intervals in which calls came and the agents are known, with ``predicted_mean_wait_s``,
        ``predicted_service_level`` and ``predicted_abandonment``.

    Examples
    --------
    >>> one = pd.DataFrame({"offered": [100], "on_duty": [10.0]})
    >>> predict_interval_performance(one, patience=300, aht=180)["predicted_abandonment"].round(3).tolist()
    [0.109]
    """
    used = intervals[(intervals["offered"] > 0) & intervals[agents].notna()]
    found = queue_performance(
        used[calls].to_numpy(float), aht, used[agents].to_numpy(float), interval, threshold, patience
    )
    names = ("mean_wait", "service_level", "abandonment")
    columns = {f"predicted_{n}" + ("_s" if n == "mean_wait" else ""): found[n].to_numpy() for n in names}
    return used.assign(**columns).reset_index(drop=True)
