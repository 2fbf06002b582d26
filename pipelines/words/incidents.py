"""Incidents, pairs and goals in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ...features.kpis.catalogue import find_kpi_unit
from .facts import Cell, Fact, Finding, Take
from .figures import figure
from .words import format_kpi, format_list

#: The table of what the sentences on alerts say and no other table holds.
FIGURES = "watch_figures"

_NEWS_PREFIXES = {
    "opened": "New: ",
    "updated": "Changed: ",
    "usual": "Become usual: ",
    "resolved": "Back to normal: ",
    "cancelled": "Withdrawn: ",
    "": "",
}

_MAX_ONGOING_NAMED = 3


def alert_sentence(row: Any, as_of: pd.Timestamp | None = None) -> Finding:
    """Say an alert: what is new of it, what moved and since when, from what to what, its cost, why, and its id.

    Every figure is one of the row in the table ``kpi_alerts``.
    """
    facts = _alert_facts(row, as_of)
    where, more = _where(row)
    after, before = facts["after"], facts["before"]
    moved = {"up": "rose", "down": "fell"}[row.direction]
    since = f"on {after:since}" if row.kind == "spike" else f"since {after:since}"
    text = (
        f"{_NEWS_PREFIXES[row.news]}{format_kpi(row.kpi)}{where} {moved} {since}: "
        f"{after} where {before} was expected{_cost(row, facts)}."
    )
    if row.other_kpis:
        text += f" With it {_also(row.other_kpis)}."
    if row.drivers:
        text += f" Driven by {row.drivers}."
    if row.causes:
        text += f" Possible cause: {row.causes}."
    text += _state(row, after)
    if row.news == "cancelled":
        text += " It is no longer found."
    if row.acknowledged_by:
        text += f" Seen by {row.acknowledged_by}{f': {row.note}' if row.note else ''}."
    names = [row.series, row.drivers, row.causes, row.note, row.acknowledged_by, row.other_kpis, row.ongoing_kpis]
    said = [part for name in names if isinstance(name, str) for part in (name, *_series_in(name)) if part]
    return Finding(f"{text} [{row.alert_id}]", *facts.values(), *more, names=said)


def _series_in(words: str) -> list[str]:
    """Return the segments named in ``csat down (account 7); ...``: a name may hold digits."""
    return [part[:-1].split(" (", 1)[1] for part in words.split("; ") if part.endswith(")") and " (" in part]


def _alert_facts(row: Any, as_of: pd.Timestamp | None) -> dict[str, Fact]:
    subject = row.kpi if row.series == "all" else f"{row.kpi}, {row.series}"
    unit = find_kpi_unit(row.kpi) or "score"

    def state(kind: str, column: str, value: float, unit: str, take: Take = "only", **more: Any) -> Fact:
        cell = Cell("kpi_alerts", column, {"alert_id": row.alert_id}, take)
        return Fact(kind, subject, value, unit, since=row.started_at, as_of=as_of, cell=cell, **more)

    facts = {
        "after": state("kpi_alert", "after", row.after, unit, expected=row.before),
        "before": state("kpi_alert_expected", "before", row.before, unit),
    }
    if pd.notna(row.impact) and abs(row.impact) >= 1:
        facts["impact"] = state("kpi_alert_impact", "impact", abs(row.impact), "count", "size")
    return facts


def counter_metric_sentence(row: Any) -> Finding:
    """Say that one KPI got better while its pair got worse."""
    where = "" if row.series == "all" else f" ({row.series})"
    keys = {c: getattr(row, c) for c in ("improved_kpi", "worsened_kpi", "series", "detected_at")}
    facts = {
        (side, when): Fact(
            "counter_metric",
            f"{kpi}{where}",
            getattr(row, f"{side}_{when}"),
            find_kpi_unit(kpi) or "score",
            since=row.started_at,
            cell=Cell("counter_metrics", f"{side}_{when}", keys),
        )
        for side, kpi in (("improved", row.improved_kpi), ("worsened", row.worsened_kpi))
        for when in ("before", "after")
    }
    moves = [f"{facts[side, 'before']} to {facts[side, 'after']}" for side in ("improved", "worsened")]
    return Finding(
        f"{format_kpi(row.improved_kpi)}{where} got better since {facts['improved', 'after']:since} ({moves[0]}) while "
        f"{format_kpi(row.worsened_kpi)} got worse ({moves[1]}): speed may have been bought with quality.",
        *facts.values(),
    )


def goal_sentences(goals: pd.DataFrame) -> list[Finding]:
    """Say where each goal stands, where it is heading, and how likely it is to be met."""
    return [_goal(row) for row in goals.itertuples()]


def explained_sentences(
    named: Iterable[tuple[str, str, pd.Timestamp, str]], end: pd.Timestamp, days: int
) -> list[Finding]:
    """Say which known days would have alarmed, had nobody named them."""
    since = end - pd.Timedelta(days=days)
    found: dict[str, list[str]] = {}
    for kpi, _, day, name in named:
        if day > since:
            found.setdefault(f"{name} ({day:%d %b %Y})", []).append(format_kpi(kpi))
    return [
        Finding(f"Explained by {name}: {format_list(list(dict.fromkeys(kpis)))}.", names=[name])
        for name, kpis in found.items()
    ]


def _state(row: Any, after: Fact) -> str:
    """Say where an alert stands; what goes on is never called over."""
    if row.state == "become usual" and row.kind == "level_shift":
        return f" It has stayed at {after}."
    if row.state == "back to normal" and row.news != "resolved":
        return f" It was back to normal after {row.last_at:%a %d %b %Y}."
    return f" {_ongoing(row.ongoing_kpis)} not over." if row.ongoing_kpis and row.news != "cancelled" else ""


def _where(row: Any) -> tuple[str, list[Fact]]:
    """Name the segment whose figures are said, and how many more moved with it."""
    names = [name for name in dict.fromkeys(row.members.split("; ")) if name not in ("all", row.series)]
    if row.series == "all":
        return "", []
    if not names:
        return f" ({row.series})", []
    more = figure(FIGURES, "more segments", row.alert_id, len(names))
    return f" ({row.series}; {more:more segment} with it)", [more]


def _cost(row: Any, facts: Mapping[str, Fact]) -> str:
    impact = facts.get("impact")
    if impact is None:
        return ""
    number = f"{impact}"
    case = "case" if number == "1" else "cases"
    if find_kpi_unit(row.kpi) == "share":
        return f"; it concerns {number} {case}"
    noun = ("hour" if number == "1" else "hours") if row.impact_unit == "hours" else case
    return f"; {number} {noun} {'more' if row.impact > 0 else 'fewer'} so far"


def _also(words: str) -> str:
    """Say what other KPIs did, each once: ``csat down (all)`` becomes ``CSAT fell``."""
    found = []
    for part in words.split("; "):
        kpi, way = part.split(" (")[0].rsplit(" ", 1)
        found.append(f"{format_kpi(kpi)} {'rose' if way == 'up' else 'fell'}")
    return format_list(list(dict.fromkeys(found)))


def _ongoing(words: str) -> str:
    """Name what goes on, with its segment: ``csat down (all)`` becomes ``CSAT is``."""
    found = []
    for part in words.split("; "):
        move, series = part[:-1].split(" (", 1)
        found.append(format_kpi(move.rsplit(" ", 1)[0]) + ("" if series == "all" else f" ({series})"))
    named = list(dict.fromkeys(found))
    shown = named if len(named) <= _MAX_ONGOING_NAMED else [*named[:_MAX_ONGOING_NAMED], "more"]
    return f"{format_list(shown)} {'is' if len(shown) == 1 else 'are'}"


def _goal(row: Any) -> Finding:
    keys = {"name": row.name, "kpi": row.kpi}
    unit = find_kpi_unit(row.kpi) or "score"

    def state(column: str, unit: str = unit, **more: Any) -> Fact:
        return Fact(
            "goal", f"{row.name}: {row.kpi}", getattr(row, column), unit, cell=Cell("goals", column, keys), **more
        )

    target, so_far, days = state("target"), state("so_far", since=row.start), state("days_known", "count")
    bound = "least" if row.better == "higher" else "most"
    aim = f"{format_kpi(row.kpi)} of at {bound} {target}"
    head = f"Goal '{row.name}' ({aim} by {row.end:%d %b %Y})"
    if pd.isna(row.so_far):
        here, facts = "nothing is known of its period yet", [target]
    else:
        whole = state("days", "count")
        here, facts = f"{so_far} after {days} of {whole:day}", [target, so_far, days, whole]
    if pd.isna(row.probability):
        return Finding(f"{head}: {here}; too little is known for a forecast.", *facts, names=[row.name])
    ahead = state("forecast", low=row.low, high=row.high)
    low, high, chance = state("low"), state("high"), state("probability", "probability")
    text = f"{head}: {here}, {ahead} expected ({low} to {high}); {chance} likely to be met."
    return Finding(text, *facts, ahead, low, high, chance, names=[row.name])
