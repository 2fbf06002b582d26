"""Incidents, pairs and goals in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ...features.kpis.catalogue import find_kpi, find_kpi_unit
from .facts import Cell, Fact, Finding, Take
from .figures import figure
from .words import format_date, format_kpi, format_list

#: The table of what the sentences on alerts say and no other table holds.
FIGURES = "watch_figures"
#: A share or mean of fewer states of how many it is.
MIN_UNSTATED_SAMPLE = 100

_NEWS_PREFIXES = {
    "opened": "New: ",
    "updated": "Changed: ",
    "usual": "Become usual: ",
    "resolved": "Back to normal: ",
    "cancelled": "Cancelled: ",
    "": "",
}

#: KPIs that a sentence names, and sentences that follow the first.
MAX_NAMES, MAX_DETAILS = 3, 2


#: What a count is of, by the frequency of the history.
PERIOD_WORDS = {"h": "an hour", "D": "a day", "W": "a week", "MS": "a month", "QS": "a quarter"}


def alert_sentence(
    row: Any, as_of: pd.Timestamp | None = None, freq: str = "", noun: str = "case", advice: str = ""
) -> Finding:
    """Report an alert: what is new, which KPI changed since when, its value, impact and drivers.

    Every figure is one of the row in the table ``kpi_alerts``. ``noun`` is what ``cases_opened`` counts: a log of
    counts has arrivals. ``advice`` is what to try, from :func:`find_advice`.
    """
    facts = _alert_facts(row, as_of)
    where, more = _where(row)
    after = facts["after"]
    since = f"on {after:since}" if row.kind == "spike" else f"since {after:since}"
    per = f" {PERIOD_WORDS[freq]}" if freq in PERIOD_WORDS and _is_count_of_periods(row) else ""
    text = (
        f"{_prefix(row)}{_name(row.kpi, noun)}{where} {row.direction} {since}: {after}{per}, "
        f"expected {after:expected}{_impact(row, facts, noun)}."
    )
    tail = [
        "It is no longer found." if row.news == "cancelled" else "",
        f"Acknowledged by {row.acknowledged_by}{f': {row.note}' if row.note else ''}." if row.acknowledged_by else "",
        _state(row, after, per, noun),  # what is over, or has stayed, is said whatever else there is to say
        f"Possible cause: {row.causes.split('; ')[0]}." if row.causes else "",
        f"Mainly {row.drivers}." if row.drivers else "",
        f"Also {_also(row.other_kpis, noun)}." if row.other_kpis else "",
    ]
    names = [row.series, row.drivers, row.causes, row.note, row.acknowledged_by, row.other_kpis, row.ongoing_kpis]
    said = [
        part for name in names if isinstance(name, str) for part in (name, *name.split("; "), *_series_in(name)) if part
    ]
    said += [advice] if advice else []
    is_left = advice and row.news not in ("resolved", "cancelled") and not row.acknowledged_by
    tried = [f"Try: {advice}."] if is_left else []
    words = " ".join([text, *[one for one in tail if one][: MAX_DETAILS - len(tried)], *tried])
    return Finding(words, *facts.values(), *more, names=said)


def find_advice(advice: pd.DataFrame | None, alert_id: Any) -> str:
    """Return what to try first about an alert, and who; empty where there is none.

    >>> find_advice(pd.DataFrame({"alert_id": ["a"], "place": [1], "do": ["Call"], "who": ["team lead"]}), "a")
    'call (team lead)'
    """
    if advice is None:
        return ""
    rows = advice[(advice["alert_id"] == alert_id) & (advice["place"] == 1)]
    if rows.empty:
        return ""
    do = str(rows["do"].iloc[0]).rstrip(".")
    return f"{do if do[:2].isupper() else do[:1].lower() + do[1:]} ({rows['who'].iloc[0]})"


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
    """Report that one KPI improved while its counter-metric got worse."""
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
        f"{format_kpi(row.improved_kpi)}{where} improved since {facts['improved', 'after']:since} ({moves[0]}), but "
        f"{_within_sentence(row.worsened_kpi)} got worse ({moves[1]}). {_counter_advice(row)}",
        *facts.values(),
    )


def goal_sentences(goals: pd.DataFrame) -> list[Finding]:
    """Report each goal: the chance to meet it, the forecast and the value to date."""
    return [_goal(row) for row in goals.itertuples()]


def explained_sentences(
    named: Iterable[tuple[str, str, pd.Timestamp, str]], end: pd.Timestamp, days: int
) -> list[Finding]:
    """Report the known days that would have caused alerts without their names."""
    since = end - pd.Timedelta(days=days)
    found: dict[str, list[str]] = {}
    for kpi, _, day, name in named:
        if day > since:
            found.setdefault(f"{name} ({format_date(day, end.year)})", []).append(format_kpi(kpi))
    return [
        Finding(f"Explained by {name}: {format_list(_shorten(list(dict.fromkeys(kpis))))}.", names=[name])
        for name, kpis in found.items()
    ]


def _prefix(row: Any) -> str:
    """Say what is new; where others have stayed but the reported KPI is back, that one has not become usual."""
    return _NEWS_PREFIXES["updated" if row.news == "usual" and row.ongoing_kpis else row.news]


def _name(kpi: str, noun: str) -> str:
    """Name a KPI by what the log holds.

    >>> _name("cases_opened", "arrival"), _name("cases_opened", "case"), _name("contacts_offered", "arrival")
    ('Arrivals', 'Cases opened', 'Contacts offered')
    """
    return "Arrivals" if kpi == "cases_opened" and noun == "arrival" else format_kpi(kpi)


def _counted(kpi: str, noun: str) -> str:
    """Return what a KPI counts, or is a share of: contacts where it is of the queue, else what the log holds."""
    entry = find_kpi(kpi)
    return "contact" if entry and any(need.startswith("contacts") for need in entry.needs) else noun


def _is_count_of_periods(row: Any) -> bool:
    """Tell whether a value is the mean count of some periods; the day of a spike is named, a stock is of no period."""
    entry = find_kpi(row.kpi)
    return row.kind == "level_shift" and entry is not None and entry.unit == "count" and entry.measure == "total"


def _state(row: Any, after: Fact, per: str, noun: str) -> str:
    """Report the state of an alert; what continues is never called over."""
    if row.state == "become usual" and row.kind == "level_shift" and not row.ongoing_kpis:
        return f"It has stayed at {after}{per}."
    if row.state == "back to normal" and row.news != "resolved":
        return f"Back to normal after {format_date(row.last_at, None if after.as_of is None else after.as_of.year)}."
    if row.news == "cancelled" or not row.ongoing_kpis:
        return ""
    own = f"{row.kpi} {row.direction} ({row.series})"
    others = "; ".join(part for part in row.ongoing_kpis.split("; ") if part != own)
    said = [f"It is still {row.direction}." if others != row.ongoing_kpis else ""]  # the reported days are past
    return " ".join([*filter(None, said), *([f"Still changed: {_ongoing(others, noun)}."] if others else [])])


def _where(row: Any) -> tuple[str, list[Fact]]:
    """Name the segment whose figures are reported, and how many more changed with it."""
    names = [name for name in dict.fromkeys(row.members.split("; ")) if name not in ("all", row.series)]
    if row.series == "all":
        return "", []
    if not names:
        return f" ({row.series})", []
    more = figure(FIGURES, "more segments", row.alert_id, len(names))
    return f" ({row.series}; {more:more segment})", [more]


def _impact(row: Any, facts: Mapping[str, Fact], noun: str) -> str:
    impact = facts.get("impact")
    if impact is None:
        return ""
    number = f"{impact}"
    counted = _counted(row.kpi, noun) + ("" if number == "1" else "s")
    if find_kpi_unit(row.kpi) == "share":
        return f"; {number} {counted} affected"
    unit = ("hour" if number == "1" else "hours") if row.impact_unit == "hours" else counted
    return f"; {number} {'more' if row.impact > 0 else 'fewer'} {unit} in total"


def _also(words: str, noun: str) -> str:
    """Name other KPIs and their direction, each once: ``csat down (all)`` becomes ``CSAT down``."""
    found = []
    for part in words.split("; "):
        kpi, direction = part.split(" (")[0].rsplit(" ", 1)
        found.append(f"{_name(kpi, noun)} {direction}")
    return format_list(_shorten(list(dict.fromkeys(found))))


def _shorten(names: list[str]) -> list[str]:
    return names if len(names) <= MAX_NAMES else [*names[:MAX_NAMES], "more"]


def _ongoing(words: str, noun: str) -> str:
    """Name what continues, with its segment: ``csat down (all)`` becomes ``CSAT``."""
    found = []
    for part in words.split("; "):
        move, series = part[:-1].split(" (", 1)
        found.append(_name(move.rsplit(" ", 1)[0], noun) + ("" if series == "all" else f" ({series})"))
    return format_list(_shorten(list(dict.fromkeys(found))))


def _goal(row: Any) -> Finding:
    keys = {"name": row.name, "kpi": row.kpi}
    unit = find_kpi_unit(row.kpi) or "score"

    def state(column: str, unit: str = unit, **more: Any) -> Fact:
        return Fact(
            "goal", f"{row.name}: {row.kpi}", getattr(row, column), unit, cell=Cell("goals", column, keys), **more
        )

    target, so_far, days = state("target"), state("so_far", since=row.start), state("days_known", "count")
    bound = "at most " if row.better == "lower" else ""
    series = str(getattr(row, "series", "all"))
    where, moved, before = "" if series == "all" else f" ({series})", "", []
    if pd.notna(getattr(row, "moved_on", None)):  # a goal that is met because it was moved must not look like another
        old = state("target_before")
        moved, before = f", moved from {old} on {format_date(row.moved_on)}", [old]
    names = [row.name, series]
    head = f"{format_kpi(row.kpi)}{where} goal {format_period(row.start, row.end)} ({bound}{target}{moved})"
    if pd.isna(row.so_far) and pd.isna(row.probability):
        return Finding(f"{head}: no value yet.", target, *before, names=names)
    whole = state("days", "count")
    to_date, known = f"{so_far} after {days} of {whole:day}", [target, *before, so_far, days, whole]
    if pd.isna(row.so_far):
        to_date, known = "no value yet", [target, *before]
    elif not row.days_known:
        to_date, known = f"no day of {whole} known yet", [target, *before, whole]
    elif getattr(row, "n_so_far", math.nan) < MIN_UNSTATED_SAMPLE:  # a share of few says how few
        behind = state("n_so_far", "count")
        to_date, known = f"{to_date}, sample size {behind}", [*known, behind]
    if pd.isna(row.probability):
        return Finding(f"{head}: {to_date}, too little data for a forecast.", *known, names=names)
    ahead = state("forecast", expected=row.target)
    low, high, chance = state("low"), state("high"), state("probability", "probability")
    text = f"{head}: {chance} chance; expected {ahead}, likely {low} to {high} ({to_date})."
    return Finding(text, *known, ahead, low, high, chance, names=names)


def format_period(start: pd.Timestamp, end: pd.Timestamp) -> str:
    """Name a whole month, or else the last day.

    >>> format_period(pd.Timestamp("2026-03-01"), pd.Timestamp("2026-03-31"))
    'for March'
    >>> format_period(pd.Timestamp("2026-01-01"), pd.Timestamp("2026-03-31"))
    'until Tue 31 Mar'
    """
    if pd.isna(start) or pd.isna(end):
        return "of the period"
    whole_month = start.is_month_start and end == start + pd.offsets.MonthEnd(1)
    return f"for {start:%B}" if whole_month else f"until {format_date(end, start.year)}"


def _within_sentence(kpi: str) -> str:
    """Write a KPI inside a sentence; an abbreviation stays as it is.

    >>> _within_sentence("reopen_rate"), _within_sentence("csat"), _within_sentence("sla_attainment")
    ('reopen rate', 'CSAT', 'SLA attainment')
    """
    name = format_kpi(kpi)
    return name if name[:2].isupper() else name[:1].lower() + name[1:]


def _counter_advice(row: Any) -> str:
    faster = find_kpi_unit(row.improved_kpi) == "s"
    return "Check whether faster handling costs quality." if faster else "Check whether the two changes are linked."
