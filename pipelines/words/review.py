"""Sentences on the review of a week: the target, its causes, the forecast, and what moved the volume."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from .facts import Cell, Fact, Finding
from .figures import figure, setting
from .words import format_date, format_list, format_queue

#: The table of what the sentences state beyond the others.
FIGURES = "review_figures"
#: A service level that is off by less is as planned; a part that is smaller is not told.
MIN_REPORTED_MISS, MIN_REPORTED_PART = 0.01, 0.005
#: What a part of each cause reads as, where it lowers the service level and where it lifts it.
_READS = {
    "volume": ("more contacts", "fewer contacts"),
    "handle time": ("longer handle times", "shorter handle times"),
    "agents present": ("agents missing", "more agents than scheduled"),
    "adherence": ("less time on contacts than scheduled", "more time on contacts than scheduled"),
    "shrinkage": ("unplanned shrinkage", "less shrinkage than planned"),
    "schedule": ("too few scheduled", "more scheduled than required"),
    "chance": ("chance", "chance"),
}
#: What is left over, where it is more than chance: chats routed one at a time, calls that wait from one interval to the
#: next, or agents who help out.
_UNEXPLAINED = "something that the plan's formulas leave out"

#: A volume is off from this many standard deviations of a count on, and from this share of the plan on.
MIN_DEVIATIONS, MIN_CHANGE = 3.0, 0.05

Tables = Mapping[str, pd.DataFrame]


def is_volume_off(planned: float, came: float) -> bool:
    """Tell whether a volume is off its plan beyond chance, and by enough to look for what moved it.

    >>> is_volume_off(400, 450), is_volume_off(400, 470), is_volume_off(40_000, 41_000)
    (False, True, False)
    """
    return abs(came - planned) >= max(MIN_DEVIATIONS * math.sqrt(max(planned, 1.0)), MIN_CHANGE * planned)


def review_findings(
    queue: Any, begin: pd.Timestamp, source: str, tables: Tables, levels: Mapping[Any, Any]
) -> list[Finding]:
    """Return the sentences on one queue.

    Parameters
    ----------
    queue
        The queue as it is configured.
    begin, source
        Monday of the week; ``issued``, or ``monday`` where the plan was computed.
    tables
        Those of the queue: ``review``, ``review_causes``, ``review_volume``.
    levels
        ``planned`` and ``observed`` service level, and ``unplanned``: contacts in intervals without a plan.
    """
    name = queue.name
    said = [_target(queue, begin, source, levels), *_causes(name, tables, levels), _volume(name, tables)]
    said += [*_unplanned(name, levels), *_moved(name, tables), *_adjusted(name, tables)]
    names = [name, format_queue(name), *tables["review_volume"]["subject"].astype(str)]
    names += list(tables["review_adjustments"]["adjustment"].astype(str))
    return [Finding(f, *f.facts, audience=f.audience, names=names) for f in said]


def _target(queue: Any, begin: pd.Timestamp, source: str, levels: Mapping[Any, Any]) -> Finding:
    name = queue.name
    observed, planned = (
        figure(FIGURES, f"service level, {k}", name, levels[k], "share") for k in ("observed", "planned")
    )
    goal, within = (
        setting("service level", queue.spec.service_level, "share"),
        setting("within", queue.spec.within_s, "s"),
    )
    verdict = "met" if levels["observed"] >= queue.spec.service_level else "missed"
    plan = "plan" if source == "issued" else "plan as of that Monday"
    text = f"{format_queue(name)}: target of {goal} within {within} {verdict} in the week of {format_date(begin)}: "
    return Finding(f"{text}{observed}, {plan} {planned}.", goal, within, observed, planned)


def _causes(name: str, tables: Tables, levels: Mapping[Any, Any]) -> list[Finding]:
    """Report the parts of the difference, the main cause first."""
    whole = levels["observed"] - levels["planned"]
    if abs(whole) < MIN_REPORTED_MISS:
        return [Finding(f"{format_queue(name)}: the service level was as planned.")]
    table = tables["review_causes"]
    causes = zip(table["cause"].astype(str), table["part"].astype(float), strict=True)
    told = [(cause, part) for cause, part in causes if abs(part) >= MIN_REPORTED_PART]
    facts: list[Fact] = []
    parts = []
    for place, (cause, size) in enumerate(told):
        keys = {"queue": name, "cause": cause}
        held = {"review_causes": table.assign(queue=name)}
        part = Fact.at(
            Cell("review_causes", "part", keys, scale=100.0), held, "part of a cause", f"{name} {cause}", "points"
        )
        row = table[table["cause"] == cause].iloc[0]
        is_beyond_chance = row["part-lo"] > 0 or row["part-hi"] < 0
        reads = _UNEXPLAINED if cause == "chance" and is_beyond_chance else _READS[cause][size > 0]
        facts.append(part)
        if place:
            parts.append(f"{reads} {part:+}")
            continue
        low, high = (
            Fact.at(Cell("review_causes", c, keys, scale=100.0), held, f"part, {c}", f"{name} {cause}", "points")
            for c in ("part-lo", "part-hi")
        )
        facts += [low, high]
        parts.append(f"{reads} {part:+} (likely {low:+} to {high:+})")
    miss = figure(FIGURES, "difference from the plan", name, 100 * whole, "points")
    first = f"{format_queue(name)}: {miss:+} against the plan. Main cause: {parts[0]}."
    rest = f" Then {format_list(parts[1:])}." if parts[1:] else ""
    return [Finding(first + rest, miss, *facts)] if parts else []


def _volume(name: str, tables: Tables) -> Finding:
    """Report contacts against the forecast: volume, bias and error by interval."""
    table = tables["review"].assign(queue=name)
    came, planned = (
        Fact.at(Cell("review", c, {"queue": name}, "sum"), {"review": table}, c.replace("_", " "), name)
        for c in ("calls", "calls_planned")
    )
    error = float((table["calls"] - table["calls_planned"]).abs().sum() / max(table["calls"].sum(), 1.0))
    off = figure(FIGURES, "error by interval", name, error, "share", audience="planner")
    text = f"{format_queue(name)}: {came:contact}, forecast {planned:about}; error by interval {off} of volume."
    return Finding(text, came, planned, off, audience="planner")


def _unplanned(name: str, levels: Mapping[Any, Any]) -> list[Finding]:
    """Report contacts that the review leaves out, as no plan of their intervals was issued."""
    if round(levels["unplanned"]) < 1:
        return []
    count = figure(FIGURES, "contacts without a plan", name, round(levels["unplanned"]), audience="planner")
    text = f"{format_queue(name)}: {count:contact} more in intervals without an issued plan, not counted here."
    return [Finding(text, count, audience="planner")]


def _moved(name: str, tables: Tables) -> list[Finding]:
    """Report what may have moved the volume, where it was off."""
    table = tables["review_volume"]
    review = tables["review"]
    planned, came = float(review["calls_planned"].sum()), float(review["calls"].sum())
    said = format_queue(name)
    if table.empty:
        text = f"{said}: nothing in the data explains the change of the volume."
        return [Finding(text, audience="planner")] if is_volume_off(planned, came) else []
    found = []
    for row in table.itertuples():
        if row.cause == "event":
            found.append(Finding(f"{said}: the event '{row.subject}' fell into this week.", audience="planner"))
            continue
        keys = {"queue": name, "cause": row.cause}
        held = {"review_volume": table.assign(queue=name)}
        actual, usual = (
            Fact.at(Cell("review_volume", c, keys), held, f"{c} volume", f"{name} {row.cause}", audience="planner")
            for c in ("actual", "usual")
        )
        what = "the season" if row.cause == "season" else f"{str(row.cause).replace('_', ' ')} {row.subject}"
        basis = "as a year ago" if row.cause == "season" else "usual"
        found.append(Finding(f"{said}: {what} moved the volume: {actual:~}, {basis} {usual:about}.", actual, usual))
    return found


def _adjusted(name: str, tables: Tables) -> list[Finding]:
    """Report of each adjustment whether it brought the forecast nearer to what came."""
    return judge_sentences(name, tables["review_adjustments"])


def judge_sentences(name: str, table: pd.DataFrame, noun: str = "contact") -> list[Finding]:
    """Return a sentence on each adjustment of a queue: what was forecast without it, with it, and what came."""
    found = []
    for title, helped in zip(table["adjustment"].astype(str), table["helped"], strict=True):
        held = {"review_adjustments": table.assign(queue=name)}

        def fact(column: str, kind: str, named: str = title, held: Tables = held) -> Fact:
            cell = Cell("review_adjustments", column, {"queue": name, "adjustment": named})
            return Fact.at(cell, held, kind, f"{name} {named}", audience="planner")

        base, adjusted, actual = fact("base", "without it"), fact("adjusted", "with it"), fact("actual", f"{noun}s")
        verdict = "changed nothing" if pd.isna(helped) else "helped" if helped else "did not help"
        text = f"{format_queue(name)}: the adjustment '{title}' {verdict}: {base:~} without it, {adjusted:~} with it"
        found.append(Finding(f"{text}, {actual:{noun}}.", base, adjusted, actual, audience="planner"))
    return found
