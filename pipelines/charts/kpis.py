"""Pictures of the KPI history by week, with targets, and with marks where a KPI changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...features.kpis.catalogue import find_kpi, find_kpi_unit
from ...models.series.kpi_kinds import infer_kpi_kind
from ..words.words import format_count, format_kpi, format_list
from .axes import find_weeks, percent, seconds, time_axis, value_axis
from .marks import Level, Line, Mark, Points
from .palette import BLUE, GREEN, GREY, ORANGE, RED
from .svg import Chart, draw_chart

MAX_SERIES_PLOTTED, MAX_KPIS_PLOTTED, MAX_CHANGES_PLOTTED = 3, 9, 20
#: More periods than this cannot be told apart in a small picture; the table has the others.
MAX_PERIODS_PLOTTED = 53
#: A share or a duration of fewer cases is drawn as a hollow point: one answer more would move it by a tenth.
MIN_CASES_PLOTTED = 10
#: So many days are drawn by week, as weekdays and weekends hide the rest.
MIN_DAYS_BY_WEEK = 28
_MEASURES = ("kpi", "ds", "value", "n", "numerator", "lo", "hi", "median", "p90", "mean", "cut")
_KPI_ORDER = (
    "cases_opened",
    "cases_resolved",
    "backlog",
    "sla_attainment",
    "first_response_time",
    "resolution_time",
    "csat",
)
_COLOURS = (BLUE, ORANGE, GREEN)
_WEEK = pd.Timedelta(days=7)


def plot_kpis(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw each KPI over time, those that changed first, with its target and a mark where a change began."""
    history = tables["history"]
    changes = tables.get("detections", pd.DataFrame({"kpi": [], "series": []}))
    full, short = label_series(history), label_series(history, columns=False)
    known = dict(zip(short, full, strict=True))
    changes = changes.assign(series=[known.get(name, name) for name in changes["series"]])
    history = history.assign(series=full)
    chosen = sorted(history["kpi"].unique(), key=lambda k: (k not in set(changes["kpi"]), _place(k)))
    found = []
    for kpi in chosen[:MAX_KPIS_PLOTTED]:
        rows, moved = by_week(history[history["kpi"] == kpi], kpi), changes[changes["kpi"] == kpi]
        since = rows["ds"].drop_duplicates().nlargest(MAX_PERIODS_PLOTTED).min()
        rows = rows[rows["ds"] >= since]
        moved = moved[moved["started_at"] >= since] if len(moved) else moved
        if rows["value"].notna().any():
            found.append(_kpi(kpi, rows, moved, _shown_series(rows, moved), find_target(tables, kpi)))
    return found


def by_week(rows: pd.DataFrame, kpi: str) -> pd.DataFrame:
    """Sum up the days of a KPI by weeks, for people; few days, and longer periods, stay as they are.

    Counts are summed up, a stock is that of the last day, shares and durations are weighted by their cases.

    Parameters
    ----------
    rows
        ``ds``, ``value``, ``n``, ``series`` and ``cut``, where a day is not complete.
    kpi
        Its name.

    Returns
    -------
    DataFrame
        ``series``, ``ds``, ``value``, ``n``, ``cut`` (the period is not complete) and ``few`` (a share or a duration of
        fewer than :data:`MIN_CASES_PLOTTED` cases).

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=30)
    >>> rows = pd.DataFrame({"ds": days, "value": 0.5, "n": 4.0, "cut": False, "series": "all"})
    >>> by_week(rows, "csat")[["value", "n", "cut", "few"]].values.tolist()[3:]
    [[0.5, 28.0, False, False], [0.5, 8.0, True, True]]
    """
    cut = rows["cut"].astype(bool) if "cut" in rows else pd.Series(False, index=rows.index)
    rows = rows.assign(cut=cut, n=rows.get("n", np.nan)).sort_values("ds")
    days = pd.Series(rows["ds"].unique()).sort_values()
    rated = find_kpi_unit(kpi) in ("share", "s")
    if len(days) >= MIN_DAYS_BY_WEEK and days.diff().min() == pd.Timedelta(days=1):
        rows = _sum_weeks(rows, find_sum_kind(kpi, rows), days.min(), days.max())
    few = rows["n"] < MIN_CASES_PLOTTED if rated else pd.Series(False, index=rows.index)
    return rows[["series", "ds", "value", "n", "cut"]].assign(few=few).reset_index(drop=True)


def find_sum_kind(kpi: str, rows: pd.DataFrame) -> str:
    """Return how periods go together: counts add up, a stock is the last, all else is a mean weighted by cases.

    A mean that is counted in cases or messages, such as agents per case, does not add up.

    >>> [find_sum_kind(kpi, pd.DataFrame()) for kpi in ("cases_opened", "backlog", "agents_per_case", "csat")]
    ['count', 'stock', 'score', 'share']
    """
    entry, kind = find_kpi(kpi), infer_kpi_kind(kpi, rows)
    if entry is None:
        return kind
    return {"total": "count", "stock": "stock"}.get(entry.measure) or ("score" if kind == "count" else kind)


def _sum_weeks(rows: pd.DataFrame, kind: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    # days with cases but without a value, such as those of which none has ended, do not count as 0
    known = rows["n"].where(rows["value"].notna(), 0.0)
    rows = rows.assign(ds=find_weeks(rows["ds"]), top=rows["value"] * rows["n"], known=known)
    groups: Any = rows.groupby(["series", "ds"], sort=True)
    weeks: pd.DataFrame = groups[["top", "n", "known"]].sum().assign(cut=groups["cut"].any()).reset_index()
    if kind in ("count", "stock"):
        value = groups["value"].last() if kind == "stock" else groups["value"].sum(min_count=1)
        weeks["value"], weeks["n"] = value.to_numpy(), np.nan
    else:
        weeks["value"] = weeks["top"] / weeks["known"].where(weeks["known"] > 0)
    weeks["cut"] |= (weeks["ds"] < first) | (weeks["ds"] + _WEEK > last + pd.Timedelta(days=1))
    return weeks


def label_series(history: pd.DataFrame, columns: bool = True) -> pd.Series[Any]:
    """Name the series of each row by its segments, with or without their columns; ``all`` where there are none.

    >>> frame = pd.DataFrame({"kpi": "csat", "channel": ["chat", None], "region": ["N", None], "value": 1.0})
    >>> label_series(frame).tolist(), label_series(frame, columns=False).tolist()
    (['channel chat · region N', 'all'], ['chat/N', 'all'])
    """
    names = pd.Series("", history.index, dtype="str")
    for column in (c for c in history.columns if c not in _MEASURES):
        value = history[column].astype("str").where(history[column].notna(), "")
        part = (f"{column} " + value).where(value != "", "") if columns else value
        joint = " · " if columns else "/"
        names = names.where(part == "", names.where(names == "", names + joint) + part)
    return names.where(names != "", "all")


def _shown_series(rows: pd.DataFrame, moved: pd.DataFrame) -> list[str]:
    """Choose what fits into one picture: the total, what moved last, and without a total the largest."""
    sizes = rows.groupby("series")["value"].mean().dropna()
    total = [n for n in ("all",) if n in sizes]
    moved = moved[moved["series"].isin(sizes.index)].sort_values("started_at") if len(moved) else moved
    latest = list(dict.fromkeys(reversed(moved["series"].astype(str).tolist())))
    largest = [] if total else sizes.nlargest(MAX_SERIES_PLOTTED).index.astype(str).tolist()
    return list(dict.fromkeys([*total, *latest, *largest]))[:MAX_SERIES_PLOTTED]


def _kpi(kpi: str, rows: pd.DataFrame, moved: pd.DataFrame, shown: list[str], target: float | None) -> Chart:
    unit, factor, label = kpi_scale(kpi, rows["value"])
    times = rows["ds"].drop_duplicates().sort_values()
    weekly = len(times) > 1 and times.diff().median() == _WEEK
    marks: list[Mark] = []
    for name, colour in zip(shown, _COLOURS, strict=False):
        own = rows[rows["series"] == name]
        marks += series_marks(own.assign(value=own["value"] * factor), colour, name if len(shown) > 1 else "")
    if target is not None:
        marks.append(Level(target * factor, RED, "Target"))
    changes = moved[moved["series"].isin(shown)]
    if len(changes):
        changes = changes.sort_values("started_at").tail(MAX_CHANGES_PLOTTED)
        marks.append(_change_marks(changes, rows, factor))
    drawn = [mark.y for mark in marks if isinstance(mark, (Line, Points))] + [np.array([target or np.nan]) * factor]
    title = f"{format_kpi(kpi)}{' by week' if weekly else ''}, {unit}"
    span = f"from {times.min():%d %b %Y} to {times.max():%d %b %Y}"
    more = f", series {format_list(shown)}" if len(shown) > 1 else ""
    count = f"; {format_count(len(changes), 'change')} marked" if len(changes) else ""
    zero = find_kpi_unit(kpi) not in ("share", "s")
    y = value_axis(np.concatenate(drawn), axis_title(unit, kpi, find_sum_kind(kpi, rows), weekly), label, zero=zero)
    return draw_chart(title, f"{title} {span}{more}{count}.", time_axis(rows["ds"]), y, marks)


def series_marks(rows: pd.DataFrame, colour: str, name: str) -> list[Mark]:
    """Draw what is complete as a line, and what is not, or rests on few cases, as points that say so."""
    at, value = seconds(rows["ds"]), rows["value"].to_numpy(float)
    few, cut = rows["few"].to_numpy(bool), rows["cut"].to_numpy(bool)
    marks: list[Mark] = [Line(at, np.where(few | cut, np.nan, value), colour, name)]
    hollow = ((few & ~cut, colour, f"Fewer than {MIN_CASES_PLOTTED} cases"), (cut, GREY, "Incomplete period"))
    for there, ink, label in hollow:
        if np.isfinite(value[there]).any():
            marks.append(Points(at[there], value[there], ink, label, hollow=True))
    return marks


def _change_marks(changes: pd.DataFrame, rows: pd.DataFrame, factor: float) -> Points:
    """Mark the period of its series in which each change began."""
    begun = changes[["series", "started_at"]].astype({"series": "str"}).sort_values("started_at")
    there = rows.astype({"series": "str"}).sort_values("ds")
    on = pd.merge_asof(begun, there, left_on="started_at", right_on="ds", by="series").dropna(subset=["ds"])
    return Points(seconds(on["ds"]), on["value"].to_numpy(float) * factor, RED, "KPI change", 3.6)


def kpi_scale(kpi: str, values: pd.Series[Any]) -> tuple[str, float, Callable[[float], str] | None]:
    """Return the unit of a KPI in words, the factor that brings its values into it, and how a tick is written.

    >>> kpi_scale("resolution_time", pd.Series([7200.0, 10800.0]))[:2]
    ('hours', 0.0002777777777777778)
    """
    unit = find_kpi_unit(kpi)
    if unit == "share":
        return f"% of {_share_noun(kpi)}", 1.0, percent
    if unit == "s":
        typical = float(values.median())
        sizes = (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1))
        name, size = next((n, s) for n, s in sizes if typical > 2 * s or s == 1)
        return name, 1 / size, None
    noun = next((n for n in ("cases", "contacts") if kpi.startswith(n)), "cases" if kpi == "backlog" else "number")
    return (noun if unit == "count" else unit or "value"), 1.0, None


def _share_noun(kpi: str) -> str:
    """Return what a share is of, where that is not cases."""
    named = {"csat": "answers", "sla": "SLA targets", "abandonment": "contacts", "service": "contacts"}
    return named.get(kpi.split("_", 1)[0], "cases")


def axis_title(unit: str, kpi: str, kind: str, weekly: bool) -> str:
    """Return the title of an axis: the unit, of counts with the length of a period.

    >>> axis_title("cases", "cases_opened", "count", True), axis_title("% of cases", "reopen_rate", "share", True)
    ('Cases per week', '% of cases')
    """
    flow = find_kpi_unit(kpi) == "count" and kind == "count"
    return unit[:1].upper() + unit[1:] + (f" per {'week' if weekly else 'period'}" if flow else "")


def find_target(tables: Mapping[str, pd.DataFrame], kpi: str) -> float | None:
    """Return the target of a KPI over all cases, where a goal sets one."""
    goals = tables.get("goals")
    if goals is None or "series" not in goals.columns:
        return None
    found = goals[(goals["kpi"] == kpi) & (goals["series"] == "all")]["target"].dropna()
    return float(found.iloc[0]) if len(found) else None


def _place(kpi: str) -> tuple[int, str]:
    return (_KPI_ORDER.index(kpi), "") if kpi in _KPI_ORDER else (len(_KPI_ORDER), kpi)
