"""Incidents that belong together: a channel, its product and the total that moved at the same time are one thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from ...features.kpis.catalogue import find_kpi
from ..series.panel import check_columns

TOTAL_SERIES = "all"
#: What comes in: where it moved with other KPIs, it led to them.
VOLUME_KPIS = ("cases_opened", "contacts_offered")
#: Share of cases that are followed by another: where it rose, so does volume, within so many days.
REPEAT_KPI, MAX_REPEATS_GAP_DAYS = "repeat_contact_rate", 56


def group_detections(shifts: pd.DataFrame, days: float = 3.0) -> pd.Series:
    """Number the incidents so that those of related segments share a number.

    Two incidents belong together if they are of the same KPI and direction, began within some days of each other, and
    one series may hold cases of the other: it is the total, or they are split by different columns, or one is split
    further than the other. Two values of one column (phone and chat) only meet where a third series joins them.

    Parameters
    ----------
    shifts
        What :func:`detect_shifts` returns: ``kpi``, ``series``, ``direction``, ``started_at``, ``detected_at``.
    days
        Largest distance of their starts.

    Returns
    -------
    Series of int
        Number of the group by row of ``shifts``; the groups are numbered in the order of their first rows.

    Examples
    --------
    >>> day = pd.Timestamp("2024-03-01")
    >>> rows = [("cases_opened", name, "up", day, day) for name in ("all", "channel web", "product TV", "channel chat")]
    >>> rows.append(("cases_opened", "channel web", "down", day, day))
    >>> shifts = pd.DataFrame(rows, columns=["kpi", "series", "direction", "started_at", "detected_at"])
    >>> group_detections(shifts).tolist()
    [0, 0, 0, 0, 1]
    """
    check_columns(shifts, ("kpi", "series", "direction", "started_at", "detected_at"), "shifts")
    parent = np.arange(len(shifts))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = int(parent[i])
        return i

    places = pd.Series(np.arange(len(shifts)), index=shifts.index)
    for _, part in shifts.groupby(["kpi", "direction"], sort=False):
        _join(part, places[part.index].to_numpy(), root, parent, pd.Timedelta(days=days))
    roots = [root(i) for i in range(len(shifts))]
    numbers, _ = pd.factorize(np.array(roots, dtype=np.intp))
    return pd.Series(numbers, index=shifts.index, dtype="int64")


def detection_strength(detections: pd.DataFrame) -> pd.Series:
    """Return how strong detections are; what comes in counts double, as it leads to the rest, and what piles up half.

    Not so where repeat contacts make up half of what came in more: then something else led to both.
    """
    leads = detections["kpi"].isin(VOLUME_KPIS)
    if leads.any() and (detections["kpi"] == REPEAT_KPI).any():
        leads &= ~_repeats_explain(detections)
    stock = detections["kpi"].map(lambda kpi: (entry := find_kpi(str(kpi))) is not None and entry.measure == "stock")
    return detections["z"].abs() * np.where(leads, 2.0, np.where(stock.astype(bool), 0.5, 1.0))


def _repeats_explain(detections: pd.DataFrame) -> pd.Series:
    """Tell where more comes in because more customers had to come again: then volume follows and does not lead."""
    out = pd.Series(False, index=detections.index)
    more = detections[detections["direction"] == "up"] if "direction" in detections else detections.head(0)
    repeats, volumes = more[more["kpi"] == REPEAT_KPI], more[more["kpi"].isin(VOLUME_KPIS)]
    if repeats.empty or not {"after", "kind", "detected_at"} <= set(detections.columns):
        return out
    slow = volumes["detected_at"] - volumes["started_at"] > pd.Timedelta(days=1)  # nobody comes again at once
    row: Any
    for row in volumes[slow & (volumes["kind"] == "level_shift")].itertuples():
        near = repeats[repeats["series"] == row.series]
        near = near[(near["started_at"] - row.started_at).abs() <= pd.Timedelta(days=MAX_REPEATS_GAP_DAYS)]
        again = (near["after"] - near["before"]) * row.after
        out[row.Index] = bool((again >= (row.after - row.before) / 2).any())
    return out


def is_related(one: str, other: str) -> bool:
    """Tell whether two series may hold the same cases, from their names.

    >>> is_related("all", "web"), is_related("channel web", "channel chat"), is_related("web/north", "web")
    (True, False, True)
    """
    if TOTAL_SERIES in (one, other) or one == other:
        return True
    first, second = one.split("/"), other.split("/")
    if len(first) != len(second):
        short, long = sorted((first, second), key=len)
        return set(short) <= set(long)
    columns = [tuple(part.split(" ")[0] for part in name) for name in (first, second)]
    named = all(" " in part for part in first + second)
    return named and columns[0] != columns[1]


def _join(
    part: pd.DataFrame, places: np.ndarray, root: Callable[[int], int], parent: np.ndarray, near: pd.Timedelta
) -> None:
    order = np.argsort(part["started_at"].to_numpy(), kind="stable")
    starts, seen = part["started_at"].to_numpy()[order], part["detected_at"].to_numpy()[order]
    names = part["series"].to_numpy(dtype=object)[order]
    span = near.to_numpy()
    for a in range(len(order)):
        for b in range(a + 1, len(order)):
            if starts[b] - starts[a] > span:
                break
            if abs(seen[b] - seen[a]) <= 4 * span and is_related(str(names[a]), str(names[b])):
                parent[root(int(places[order[b]]))] = root(int(places[order[a]]))
