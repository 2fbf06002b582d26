"""Which alarms are one incident: related segments of a KPI, and KPIs that moved at one time for one reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..models.grouping import group_incidents
from .watch_causes import Moved

#: What moved for the same reason began within so many days (shifts are dated late and roughly), or so many for spikes.
APART, SPIKE_APART = 14, 2


def alarm_key(row: Any) -> str:
    """Return what never changes of an alarm once it is there.

    >>> day = pd.Timestamp("2024-03-01")
    >>> row = pd.Series({"kpi": "csat", "series": "all", "direction": "up", "started_at": day, "detected_at": day})
    >>> alarm_key(row)
    'csat|all|up|2024-03-01 00:00|2024-03-01 00:00'
    """
    return f"{row.kpi}|{row.series}|{row.direction}|{row.started_at:%Y-%m-%d %H:%M}|{row.detected_at:%Y-%m-%d %H:%M}"


def joined(
    alarms: pd.DataFrame, moved: Mapping[Any, Moved], known: Mapping[str, str]
) -> tuple[pd.Series, dict[int, str]]:
    """Number the alarms so that those of one incident share a number.

    Parameters
    ----------
    alarms
        What :func:`~deskcast.models.shifts.detect_shifts` returns.
    moved
        The segment that moved, by alarm, where it was looked for.
    known
        Id of the incident of alarms that were told before, by :func:`alarm_key`: they stay together, and two
        incidents that were told apart stay apart.

    Returns
    -------
    (Series of int, mapping)
        The number by alarm, and the id by number where one was told before.
    """
    own = group_incidents(alarms).to_numpy()
    parent = np.arange(int(own.max()) + 1 if len(own) else 0)
    ids: dict[int, str] = {}

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = int(parent[i])
        return i

    def join(a: int, b: int) -> None:
        one, other = sorted((root(a), root(b)))
        if one == other or (one in ids and other in ids and ids[one] != ids[other]):
            return
        parent[other] = one
        if other in ids:
            ids[one] = ids[other]

    keys = [known.get(alarm_key(row), "") for row in alarms.itertuples()]
    first: dict[str, int] = {}
    for group, name in zip(own, keys, strict=True):
        if name:
            ids.setdefault(root(int(group)), name)
    for group, name in zip(own, keys, strict=True):
        if name:
            join(first.setdefault(name, int(group)), int(group))
    places = {at: i for i, at in enumerate(alarms.index)}
    rows = [(places[at], why) for at, why in moved.items() if why.segment]
    for k, (a, one) in enumerate(rows):
        for b, other in rows[k + 1 :]:
            if own[a] != own[b] and _one_reason(alarms.iloc[a], one, alarms.iloc[b], other):
                join(int(own[a]), int(own[b]))
    roots = [root(int(g)) for g in own]
    told = {group: ids[group] for group in set(roots) if group in ids}
    return pd.Series(roots, index=alarms.index, dtype="int64"), told


def _one_reason(a: Any, one: Moved, b: Any, other: Moved) -> bool:
    """Tell whether two alarms began together in the same segment, or in one that holds the other."""
    spikes = "spike" in (a["kind"], b["kind"])
    starts = [r["started_at"] if r["kind"] == "spike" else r["dated_at"] for r in (a, b)]
    if abs(starts[0] - starts[1]) > pd.Timedelta(days=SPIKE_APART if spikes else APART):
        return False
    small, large = sorted((set(one.segment.items()), set(other.segment.items())), key=len)
    return small <= large
