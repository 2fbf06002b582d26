"""KPIs of the history: by group, by week with target and interval, and by segment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .....features.kpis.catalogue import KPI_ENTRIES, Kpi, find_kpi, find_kpi_unit
from .....features.statistics.intervals import wilson_interval
from ....charts.kpis import by_week, find_sum_kind, find_target
from ....words.words import format_kpi
from ..frame.listing import quote_name
from ..frame.snapshot import Snapshot

#: Columns of the history that are no segments.
MEASURES = ("kpi", "ds", "value", "n", "numerator", "lo", "hi", "median", "p90", "mean", "cut")
#: Days that the list of all KPIs looks back, and weeks that a KPI's page shows.
RECENT_DAYS, WEEKS_SHOWN = 70, 60
#: Tables that a KPI needs -> its group; the first that fits.
_GROUPS = (
    ("Agents and costs", ("agent_time", "costs")),
    ("Satisfaction", ("surveys",)),
    ("Repairs", ("repairs",)),
    ("Self-service", ("article_views", "tasks", "searches")),
    ("Calls and chats", ("contacts|volumes", "contacts")),
)
_VOLUME = ("cases_opened", "cases_resolved", "backlog", "resolution_rate")
GROUPS = (
    *("Volume and backlog", "Response, resolution and SLA", "Course of a case", "Calls and chats", "Satisfaction"),
    *("Self-service", "Agents and costs", "Repairs"),
)


def group_of(entry: Kpi) -> str:
    """Return the group of a KPI.

    >>> [group_of(entry) for entry in KPI_ENTRIES if entry.name in ("backlog_age", "csat", "resolution_time")]
    ['Volume and backlog', 'Response, resolution and SLA', 'Satisfaction']
    """
    for group, tables in _GROUPS:
        if set(entry.needs) & set(tables):
            return group
    if entry.name.startswith(_VOLUME):
        return "Volume and backlog"
    timed = any(part in entry.name for part in ("_time", "_within_", "sla_"))
    return "Response, resolution and SLA" if timed else "Course of a case"


def entry_of(kpi: str) -> Kpi | None:
    """Return the entry of a KPI of the history; that of the whole where it is a part, such as of SLA attainment."""
    found = find_kpi(kpi)
    if found is not None:
        return found
    return max(
        (entry for entry in KPI_ENTRIES if kpi.startswith(f"{entry.name}_")), key=lambda e: len(e.name), default=None
    )


def segment_columns(results: Snapshot) -> list[str]:
    """Return the columns by which the history is cut."""
    return [c for c in results.columns("history") if c not in MEASURES]


def read_history(results: Snapshot, kpi: str, segment: Mapping[str, str] | None = None, days: int = 0) -> pd.DataFrame:
    """Return the rows of a KPI and one segment, or of all KPIs where ``kpi`` is empty; the total by default.

    Parameters
    ----------
    results
        The results.
    kpi, segment
        Which rows; columns that the segment does not name hold no value in them.
    days
        How many last days; all by default.
    """
    parts: list[str] = ["kpi = ?"] if kpi else []
    values: list[Any] = [kpi] if kpi else []
    for column in segment_columns(results):
        wanted = (segment or {}).get(column)
        parts.append(
            f"{quote_name(column)} IS NULL" if wanted is None else f"CAST({quote_name(column)} AS VARCHAR) = ?"
        )
        values += [] if wanted is None else [wanted]
    if days:
        parts.append("ds > (SELECT max(ds) FROM {history}) - to_days(CAST(? AS INTEGER))")
        values.append(days)
    condition = " AND ".join(parts) or "true"
    found = results.query(f"SELECT * FROM {{history}} WHERE {condition} ORDER BY kpi, ds", values)
    return found.assign(ds=pd.to_datetime(found["ds"]), series="all")


def weeks_of(rows: pd.DataFrame, kpi: str) -> pd.DataFrame:
    """Sum days up to weeks as the report does, shares with their 95% interval; longer periods stay as they are.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=28)
    >>> rows = pd.DataFrame({"ds": days, "value": 0.5, "n": 4.0, "numerator": 2.0, "series": "all", "cut": False})
    >>> weeks_of(rows, "csat")[["value", "n", "lo", "hi"]].round(2).values.tolist()[0]
    [0.5, 28.0, 0.33, 0.67]
    """
    weeks = by_week(rows, kpi).assign(lo=np.nan, hi=np.nan)
    if find_kpi_unit(kpi) == "share" and "numerator" in rows and rows["numerator"].notna().any():
        known = weeks["n"].to_numpy(float)
        hits = np.round(weeks["value"].to_numpy(float) * known)
        there = np.isfinite(hits) & (known > 0)
        lo, hi = wilson_interval(np.where(there, hits, 0.0), np.where(there, known, 1.0))
        weeks = weeks.assign(lo=np.where(there, lo, np.nan), hi=np.where(there, hi, np.nan))
    return weeks


def period_of(weeks: pd.DataFrame) -> str:
    """Return the length of the periods of a series as commands name it.

    >>> period_of(pd.DataFrame({"ds": pd.to_datetime(["2026-03-02", "2026-03-09"])}))
    'W'
    """
    steps = weeks["ds"].drop_duplicates().sort_values().diff().dropna()
    days = steps.min() / pd.Timedelta(days=1) if len(steps) else 1.0
    return next((name for least, name in ((89, "QS"), (27, "MS"), (6.9, "W"), (0.9, "D")) if days >= least), "h")


def last_periods(weeks: pd.DataFrame) -> tuple[Any, Any]:
    """Return the last whole period that has a value, and the one before; ``None`` where there is none."""
    whole = weeks[~weeks["cut"] & weeks["value"].notna()]
    rows = list(whole.itertuples(index=False))
    return (rows[-1] if rows else None), (rows[-2] if len(rows) > 1 else None)


def target_of(results: Snapshot, kpi: str) -> float | None:
    """Return the target of a KPI over all cases, where a goal sets one."""
    return find_target({"goals": results.frame("goals")}, kpi)


def list_kpis(results: Snapshot) -> list[dict[str, Any]]:
    """Return every KPI of the history with its last whole period and the one before."""

    def make() -> list[dict[str, Any]]:
        rows, goals = read_history(results, "", None, RECENT_DAYS), {"goals": results.frame("goals")}
        alike = rows["kpi"].map({name: _likeness(str(name), own) for name, own in rows.groupby("kpi")})
        weeks: dict[str, pd.DataFrame] = {}
        for _, some in rows.assign(series=rows["kpi"]).groupby(alike):  # KPIs of one kind are summed up together
            summed = weeks_of(some, str(some["kpi"].iloc[0]))
            weeks |= {str(name): own for name, own in summed.groupby("series")}
        found = []
        for kpi in dict.fromkeys(rows["kpi"].astype("str")):
            now, before = last_periods(weeks[kpi])
            target = find_target(goals, kpi)
            found.append({"kpi": kpi, "now": now, "before": before, "target": target, "entry": entry_of(kpi)})
        return found

    kept: list[dict[str, Any]] = results.remember("kpis", make)
    return kept


def list_unavailable(results: Snapshot) -> list[tuple[str, str]]:
    """Return the KPIs that the log cannot give, and what they need."""
    if not results.has("availability"):
        return []
    rows = results.rows("SELECT kpi, missing_data FROM {availability} WHERE NOT available ORDER BY kpi")
    return [(format_kpi(kpi), str(needs or "")) for kpi, needs in rows]


def _likeness(kpi: str, rows: pd.DataFrame) -> str:
    """Return what decides how a KPI is summed up: its kind and unit."""
    unit = find_kpi_unit(kpi)
    return f"{find_sum_kind(kpi, rows)} {unit}" if find_kpi(kpi) else kpi


def read_segments(results: Snapshot, kpi: str) -> dict[str, list[tuple[str, Any, Any]]]:
    """Return the last whole period and the one before of each segment, by column, the largest first."""

    def make() -> dict[str, list[tuple[str, Any, Any]]]:
        columns = segment_columns(results)
        found: dict[str, list[tuple[str, Any, Any]]] = {}
        for column in columns:
            others = " AND ".join(f"{quote_name(c)} IS NULL" for c in columns if c != column) or "true"
            rows = results.query(
                f"SELECT *, CAST({quote_name(column)} AS VARCHAR) AS series FROM {{history}} WHERE kpi = ? AND "
                f"{quote_name(column)} IS NOT NULL AND {others} "
                "AND ds > (SELECT max(ds) FROM {history}) - to_days(CAST(? AS INTEGER)) ORDER BY ds",
                [kpi, RECENT_DAYS],
            )
            if rows.empty:
                continue
            weeks = weeks_of(rows.assign(ds=pd.to_datetime(rows["ds"])), kpi)
            parts = [(str(name), *last_periods(own)) for name, own in weeks.groupby("series", sort=True)]
            found[column] = sorted((p for p in parts if p[1] is not None), key=lambda p: -_size(p[1]))
        return found

    kept: dict[str, list[tuple[str, Any, Any]]] = results.remember(("kpi segments", kpi), make)
    return kept


def _size(row: Any) -> float:
    return float(row.value if np.isnan(row.n) else row.n)
