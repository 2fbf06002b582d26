"""Which alarms are one incident: related segments of a KPI, and KPIs that moved at one time for one reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...models.shifts.grouping import group_detections
from ...models.shifts.ledger import VOLUME_KPIS, detection_key
from .watch_drivers import ChangeExplanation, parse_segment

#: What moved for the same reason began within so many days (shifts are dated late and roughly), or so many for spikes.
MAX_START_GAP_DAYS, MAX_SPIKE_GAP_DAYS = 10, 2


def group_into_alerts(
    alarms: pd.DataFrame, moved: Mapping[Any, ChangeExplanation], known: Mapping[str, str], by: Sequence[str] = ()
) -> tuple[pd.Series, dict[int, str]]:
    """Number the alarms so that those of one incident share a number.

    Parameters
    ----------
    alarms
        What :func:`~deskcast.models.shifts.detect.detect_shifts` returns.
    moved
        The segment that moved, by alarm, where it was looked for; of the others their own series counts.
    known
        Id of the incident of alarms that were told before, by :func:`detection_key`: they stay together, and two
        incidents that were told apart stay apart.
    by
        Columns of segments, as the names of the series begin.

    Returns
    -------
    (Series of int, mapping)
        The number by alarm, and the id by number where one was told before.
    """
    own = group_detections(alarms).to_numpy()
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

    keys = [known.get(detection_key(row), "") for row in alarms.itertuples()]
    first: dict[str, int] = {}
    for group, name in zip(own, keys, strict=True):
        if name:
            ids.setdefault(root(int(group)), name)
    for group, name in zip(own, keys, strict=True):
        if name:
            join(first.setdefault(name, int(group)), int(group))
    # Each alarm is held against the strongest one of an incident only: chains of neighbours would join everything.
    anchors: list[_Detection] = []
    for one in _by_strength(alarms, own, moved, by):
        fits = next((anchor for anchor in anchors if anchor.explains(one)), None)
        if fits is None:
            anchors.append(one)
        else:
            join(fits.group, one.group)
    roots = [root(int(g)) for g in own]
    told = {group: ids[group] for group in set(roots) if group in ids}
    return pd.Series(roots, index=alarms.index, dtype="int64"), told


@dataclass(frozen=True)
class _Detection:
    """What is compared of an alarm: its group, its segment, its start and whether it is a spike."""

    group: int
    segment: frozenset[tuple[str, str]]
    start: float  # in days
    spike: bool

    def explains(self, other: _Detection) -> bool:
        """Tell whether another alarm began at the same time in the same segment, or in one that holds the other."""
        near = (
            MAX_SPIKE_GAP_DAYS
            if self.spike or other.spike or not (self.segment and other.segment)
            else MAX_START_GAP_DAYS
        )
        if abs(self.start - other.start) > near:
            return False
        small, large = sorted((self.segment, other.segment), key=len)
        return small <= large


def _by_strength(
    alarms: pd.DataFrame, own: Any, moved: Mapping[Any, ChangeExplanation], by: Sequence[str]
) -> list[_Detection]:
    """Return the alarms, those whose segment was looked for first; then what came in before what it led to, by size."""
    rows = alarms.assign(_group=own, _unsought=[at not in moved for at in alarms.index])
    rows = rows.assign(_first=~rows["kpi"].isin(VOLUME_KPIS), _size=-rows["z"].abs())
    found = []
    order = ["_unsought", "_first", "_size", "kpi", "series", "started_at"]
    for at, cells in rows.sort_values(order, kind="stable").to_dict("index").items():
        spike = cells["kind"] == "spike"
        start = pd.Timestamp(cells["started_at"] if spike else cells["changed_at"]).timestamp() / 86400
        segment = moved[at].segment if at in moved else parse_segment(str(cells["series"]), by)
        found.append(_Detection(int(cells["_group"]), frozenset(segment.items()), start, spike))
    return found
