"""Incidents, pairs and goals in sentences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from ...features.kpis.catalogue import find_kpi_unit
from .words import format_count, format_kpi, format_list, format_number, format_probability, format_value

_NEWS_PREFIXES = {"opened": "New: ", "updated": "Changed: ", "usual": "Become usual: ", "resolved": "Back to normal: ", "cancelled": "Withdrawn: ", "": ""}


def alert_sentence(row: Any) -> str:
    """Say an incident: what is new of it, what moved and since when, from what to what, its cost, why, and its id."""
    unit = find_kpi_unit(row.kpi)
    moved = {"up": "rose", "down": "fell"}[row.direction]
    since = f"on {row.started_at:%a %d %b %Y}" if row.kind == "spike" else f"since {_dated(row):%a %d %b %Y}"
    text = (
        f"{_NEWS_PREFIXES[row.news]}{format_kpi(row.kpi)}{_where(row)} {moved} {since}: "
        f"{format_value(row.after, unit)} where "
        f"{format_value(row.before, unit)} was expected{_cost(row)}."
    )
    if row.other_kpis:
        text += f" With it {_also(row.other_kpis)}."
    if row.drivers:
        text += f" Driven by {row.drivers}."
    if row.causes:
        text += f" Possible cause: {row.causes}."
    text += _state(row)
    if row.news == "cancelled":
        text += " It is no longer found."
    if row.acknowledged_by:
        text += f" Seen by {row.acknowledged_by}{f': {row.note}' if row.note else ''}."
    return f"{text} [{row.alert_id}]"


def counter_metric_sentence(row: Any) -> str:
    """Say that one KPI got better while its pair got worse."""
    units = find_kpi_unit(row.improved_kpi), find_kpi_unit(row.worsened_kpi)
    where = "" if row.series == "all" else f" ({row.series})"
    moves = [f"{format_value(a, u)} to {format_value(b, u)}" for a, b, u in _sides(row, units)]
    return (
        f"{format_kpi(row.improved_kpi)}{where} got better since {row.started_at:%a %d %b %Y} ({moves[0]}) while "
        f"{format_kpi(row.worsened_kpi)} got worse ({moves[1]}): speed may have been bought with quality."
    )


def goal_sentences(goals: pd.DataFrame) -> list[str]:
    """Say where each goal stands, where it is heading, and how likely it is to be met."""
    return [_goal(row) for row in goals.itertuples()]


def explained_sentences(named: Iterable[tuple[str, str, pd.Timestamp, str]], end: pd.Timestamp, days: int) -> list[str]:
    """Say which known days would have alarmed, had nobody named them."""
    since = end - pd.Timedelta(days=days)
    found: dict[str, list[str]] = {}
    for kpi, _, day, name in named:
        if day > since:
            found.setdefault(f"{name} ({day:%d %b %Y})", []).append(format_kpi(kpi))
    return [f"Explained by {name}: {format_list(list(dict.fromkeys(kpis)))}." for name, kpis in found.items()]


def _state(row: Any) -> str:
    if row.state == "become usual" and row.kind == "level_shift":
        return f" It has stayed at {format_value(row.after, find_kpi_unit(row.kpi))}."
    if row.state == "back to normal" and row.news != "resolved":
        return f" It was back to normal after {row.last_at:%a %d %b %Y}."
    return f" Of this, {_also(row.ongoing_kpis)} and goes on." if row.ongoing_kpis else ""


def _dated(row: Any) -> pd.Timestamp:
    return pd.Timestamp(row.changed_at if pd.notna(row.changed_at) else row.started_at)


def _where(row: Any) -> str:
    """Name the segment whose figures are said, and how many more moved with it."""
    names = [name for name in dict.fromkeys(row.members.split("; ")) if name not in ("all", row.series)]
    more = format_count(len(names), "more segment") if names else ""
    if row.series == "all":
        return ""
    return f" ({row.series}; {more} with it)" if more else f" ({row.series})"


def _cost(row: Any) -> str:
    if pd.isna(row.impact) or abs(row.impact) < 1:
        return ""
    unit = find_kpi_unit(row.kpi)
    if unit == "share":
        return f"; it concerns {format_count(round(abs(row.impact)), 'case')}"
    more = "more" if row.impact > 0 else "fewer"
    noun = "hour" if row.impact_unit == "hours" else "case"
    return f"; {format_count(round(abs(row.impact)), f'{noun} {more}')} so far".replace(
        f"{noun} {more}s", f"{noun}s {more}"
    )


def _also(words: str) -> str:
    """Say what other KPIs did, each once: ``csat down (all)`` becomes ``CSAT fell``."""
    found = []
    for part in words.split("; "):
        kpi, way = part.split(" (")[0].rsplit(" ", 1)
        found.append(f"{format_kpi(kpi)} {'rose' if way == 'up' else 'fell'}")
    return format_list(list(dict.fromkeys(found)))


def _sides(row: Any, units: tuple[str, str]) -> list[tuple[float, float, str]]:
    return [(row.improved_before, row.improved_after, units[0]), (row.worsened_before, row.worsened_after, units[1])]


def _goal(row: Any) -> str:
    unit = find_kpi_unit(row.kpi)
    bound = "least" if row.better == "higher" else "most"
    aim = f"{format_kpi(row.kpi)} of at {bound} {format_value(row.target, unit)}"
    head = f"Goal '{row.name}' ({aim} by {row.end:%d %b %Y})"
    here = f"{format_value(row.so_far, unit)} after {format_number(row.days_known)} of {format_count(row.days, 'day')}"
    here = here if pd.notna(row.so_far) else "nothing is known of its period yet"
    if pd.isna(row.probability):
        return f"{head}: {here}; too little is known for a forecast."
    middle = (
        f"{format_value(row.forecast, unit)} expected ({format_value(row.low, unit)} to {format_value(row.high, unit)})"
    )
    return f"{head}: {here}, {middle}; {format_probability(row.probability)} likely to be met."
