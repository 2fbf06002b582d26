"""Sentences on the review of deferred work: breaches against the plan, their causes, cases and backlog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from .facts import Cell, Fact, Finding
from .figures import figure
from .review import FIGURES, judge_sentences
from .words import format_date, format_list, format_queue

#: Breaches that are off by fewer cases are as planned; a part that is smaller is not reported.
MIN_REPORTED_CASES = 0.5
#: What a part of each cause reads as, where it adds breaches and where it saves them.
_READS = {
    "volume": ("more new cases", "fewer new cases"),
    "backlog": ("a larger backlog at the start", "a smaller backlog at the start"),
    "agents present": ("agents missing", "more agents than planned"),
    "productivity": ("fewer cases done per agent hour", "more cases done per agent hour"),
    "chance": ("chance", "chance"),
}
#: What is left over where it is more than chance: work waits for others, or is done in another order.
_UNEXPLAINED = "something that the plan leaves out"

Tables = Mapping[str, pd.DataFrame]


def work_findings(queue: Any, begin: pd.Timestamp, source: str, tables: Tables) -> list[Finding]:
    """Return the sentences on one queue of deferred work.

    Parameters
    ----------
    queue
        The queue as it is configured.
    begin, source
        Monday of the week; ``issued``, or ``monday`` where the plan was computed.
    tables
        Those of the queue: ``review_work``, ``review_work_causes``, ``review_adjustments``.
    """
    name = queue.name
    said = [_breaches(name, begin, source, tables), *_causes(name, tables), _flow(name, tables)]
    said += judge_sentences(name, tables["review_adjustments"], "case")
    names = [name, format_queue(name), *tables["review_adjustments"]["adjustment"].astype(str)]
    return [Finding(f, *f.facts, audience=f.audience, names=names) for f in said]


def _breaches(name: str, begin: pd.Timestamp, source: str, tables: Tables) -> Finding:
    known = tables["review_work_causes"].attrs
    held = {"review_work": tables["review_work"].assign(queue=name)}
    late = Fact.at(Cell("review_work", "breaches", {"queue": name}, "sum"), held, "breaches", name)
    due, planned = (
        figure(FIGURES, kind, name, known[key])
        for kind, key in (("cases due", "due"), ("breaches expected by the plan", "planned"))
    )
    plan = "the plan expected" if source == "issued" else "the plan as of that Monday expects"
    text = f"{format_queue(name)}: {late:breach} among {due:case} due in the week of {format_date(begin)}; "
    return Finding(f"{text}{plan} {planned:about}.", late, due, planned)


def _causes(name: str, tables: Tables) -> list[Finding]:
    """Report the parts of the difference, the main cause first."""
    table = tables["review_work_causes"]
    whole = table.attrs["observed"] - table.attrs["planned"]
    if abs(whole) < MIN_REPORTED_CASES:
        return [Finding(f"{format_queue(name)}: breaches were as planned.")]
    held = {"review_work_causes": table.assign(queue=name)}
    facts: list[Fact] = []
    parts: list[str] = []
    for row in table[table["part"].abs() >= MIN_REPORTED_CASES].to_dict("records"):
        cause, part = str(row["cause"]), float(row["part"])

        def fact(column: str, kind: str, cause: str = cause) -> Fact:
            cell = Cell("review_work_causes", column, {"queue": name, "cause": cause}, "size")
            return Fact.at(cell, held, kind, f"{name} {cause}")

        size = fact("part", "part of a cause")
        is_beyond_chance = float(row["part-lo"]) > 0 or float(row["part-hi"]) < 0
        reads = _UNEXPLAINED if cause == "chance" and is_beyond_chance else _READS[cause][part < 0]
        effect = "more" if part > 0 else "fewer"
        facts.append(size)
        parts.append(f"{reads} ({size:~} {effect})")
    if not parts:
        return []
    miss = figure(FIGURES, "breaches beyond the plan", name, abs(whole))
    first = f"{format_queue(name)}: {miss:~breach} {'more' if whole > 0 else 'fewer'} than planned. "
    rest = f" Then {format_list(parts[1:])}." if parts[1:] else ""
    return [Finding(f"{first}Main cause: {parts[0]}.{rest}", miss, *facts)]


def _flow(name: str, tables: Tables) -> Finding:
    """Report new cases against the forecast, and the backlog at the start and the end."""
    known = tables["review_work_causes"].attrs
    held = {"review_work": tables["review_work"].assign(queue=name)}

    def at(column: str, kind: str, take: Any) -> Fact:
        return Fact.at(Cell("review_work", column, {"queue": name}, take), held, kind, name, audience="planner")

    came, planned = at("arrived", "new cases", "sum"), at("arrived_planned", "new cases, planned", "sum")
    end, end_planned = at("backlog", "backlog at the end", "last"), at("backlog_planned", "backlog, planned", "last")
    start, start_planned = (
        figure(FIGURES, kind, name, round(known[key]), audience="planner")
        for kind, key in (("backlog at the start", "backlog"), ("backlog at the start, planned", "backlog_planned"))
    )
    text = f"{format_queue(name)}: {came:new case}, forecast {planned:about}. Backlog at the start {start}, planned "
    text += f"{start_planned}; at the end {end}, planned {end_planned:about}."
    facts = (came, planned, start, start_planned, end, end_planned)
    return Finding(text, *facts, audience="planner")
