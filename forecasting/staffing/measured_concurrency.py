"""How many chats agents hold at once, as it was."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...features.frames import require_columns
from ...features.statistics.ratio_interval import ratio_interval

#: A number of chats at once that takes less of the time than this is no rule of work.
MIN_SHARE_AT_MOST = 0.01


def measure_concurrency(contacts: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Return how much of the time with chats agents held one, two and more of them.

    Parameters
    ----------
    contacts
        ``agent_id, answered_at, ended_at``, one row a chat; rows without one of them are left out.
    level
        Of the intervals, which take agent days as independent of one another.

    Returns
    -------
    ``chats`` (held at once, from 1), ``share`` (of the time with at least one), ``share-lo``, ``share-hi`` and
    ``hours``; ``attrs["mean"]`` is the mean number with its interval.

    Examples
    --------
    >>> at = pd.Timestamp("2024-03-04T08:00Z")
    >>> rows = pd.DataFrame({"agent_id": "a", "answered_at": [at, at + pd.Timedelta("5min")],
    ...                      "ended_at": [at + pd.Timedelta("10min"), at + pd.Timedelta("15min")]})
    >>> found = measure_concurrency(rows)
    >>> found["share"].round(3).tolist(), round(found.attrs["mean"][0], 3)
    ([0.667, 0.333], 1.333)
    """
    require_columns(contacts, ["agent_id", "answered_at", "ended_at"], "contacts")
    rows = contacts.dropna(subset=["agent_id", "answered_at", "ended_at"])
    rows = rows[rows["ended_at"] > rows["answered_at"]]
    if rows.empty:
        return pd.DataFrame(columns=["chats", "share", "share-lo", "share-hi", "hours"])
    agent = np.tile(pd.factorize(rows["agent_id"])[0], 2)
    at = np.concatenate([rows[c].dt.as_unit("us").astype("int64").to_numpy() for c in ("answered_at", "ended_at")])
    step = np.repeat([1, -1], len(rows))
    order = np.lexsort((step, at, agent))  # an end before a begin at the same instant
    agent, at, held = agent[order], at[order], np.cumsum(step[order])
    seconds = np.diff(at, append=at[-1]) / 1e6
    kept = (held > 0) & (seconds > 0)
    pieces = pd.DataFrame({"agent": agent, "day": at // 86_400_000_000, "held": held, "seconds": seconds})[kept]
    table = pieces.pivot_table(index=["agent", "day"], columns="held", values="seconds", aggfunc="sum", fill_value=0.0)
    whole, counts = table.sum(axis=1).to_numpy(), table.columns.to_numpy(dtype=float)
    found = []
    for count in counts:
        share, low, high = ratio_interval(table[count], whole, level)
        found.append((int(count), share, max(low, 0.0), min(high, 1.0), float(table[count].sum()) / 3600))
    out = pd.DataFrame(found, columns=["chats", "share", "share-lo", "share-hi", "hours"])
    out.attrs["mean"] = ratio_interval(table.to_numpy() @ counts, whole, level)
    return out


def find_usual_maximum(measured: pd.DataFrame) -> int:
    """Return the largest number of chats at once that takes a share of the time that is no accident.

    >>> find_usual_maximum(pd.DataFrame({"chats": [1, 2, 3], "share": [0.6, 0.398, 0.002]}))
    2
    """
    return int(measured.loc[measured["share"] >= MIN_SHARE_AT_MOST, "chats"].max())
