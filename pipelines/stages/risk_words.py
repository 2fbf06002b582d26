"""Findings on cases at risk: each figure is that of a table beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..words.facts import Audience, Cell, Fact, Finding
from ..words.figures import bind_sentences, figure, setting
from ..words.words import format_instant, format_list, format_sla

#: The table of what the sentences on risk say and no other table holds.
FIGURES = "risk_figures"

#: Cases of the list that get a sentence each.
MAX_CASES_REPORTED = 3
#: Probabilities that differ by less are one rate.
MIN_RISK_DIFFERENCE = 1e-9


def write_risk_findings(
    tables: dict[str, pd.DataFrame],
    metric: str,
    top: int,
    *,
    min_probability: float,
    caution: str,
    is_tested: bool = False,
    timezone: str = "UTC",
    without_due_time: int = 0,
) -> list[str]:
    """Report the open cases, the expected breaches, the cases to work on first, and what left the list.

    Parameters
    ----------
    tables
        ``risk`` or (where no case is told from another) ``open_cases``; ``past_saving``, ``breached_cases``,
        ``awaiting_closure`` and ``dropped_cases`` as far as there are any.
    metric
        The SLA.
    top
        At most so many cases get a sentence.
    min_probability
        Below it no case is picked.
    caution
        What a reader of the probabilities must know; empty where they hold as they stand.
    is_tested
        Whether the caution rests on tests of the models, which are for analysts.
    timezone
        Clock of due times.
    without_due_time
        Open cases of which no due time is known: they can be neither met nor breached.
    """
    if without_due_time and not any(len(table) for table in tables.values()):
        return [_no_due_times(metric, without_due_time)]
    ranked = "risk" in tables
    findings: list[str] = [_open_cases(tables, metric, ranked=ranked)]
    reader: Audience = "analyst" if is_tested else "planner"
    findings += [*bind_sentences(caution, FIGURES, metric, audience=reader)] if caution else []
    if not ranked:
        return findings
    picked = tables["risk"][tables["risk"]["work_first"].astype(bool)]
    findings.insert(1, _picks(tables["risk"], picked, min_probability))
    findings += [_dropped(tables["dropped_cases"])] if "dropped_cases" in tables else []
    if _is_one_rate(tables["risk"]):
        return findings  # cases that only their time left tells apart need no sentence each
    rows = (picked if len(picked) else tables["risk"]).head(min(top, MAX_CASES_REPORTED))
    return findings + [_case(row, timezone) for _, row in rows.iterrows()]


def _is_one_rate(risk: pd.DataFrame) -> bool:
    """Return whether several cases have one and the same breach risk."""
    return len(risk) > 1 and bool(np.ptp(risk["probability"].to_numpy(dtype=float)) < MIN_RISK_DIFFERENCE)


def _counted(table: str, subject: str, tables: dict[str, pd.DataFrame], **keys: Any) -> Fact:
    cell = Cell(table, "case_id", keys or None, take="count")
    return Fact("open_cases", subject, cell.read(tables), cell=cell)


def _open_cases(tables: dict[str, pd.DataFrame], metric: str, *, ranked: bool) -> Finding:
    """Report how many open cases have breached, and how many of the others will."""
    sla, name = format_sla(metric), "risk" if ranked else "open_cases"
    running, over = _counted(name, "running", tables), _counted("breached_cases", "breached", tables)
    has = "has" if over.value == 1 else "have"
    if not over.value:
        head, facts = f"No open case has breached the {sla}.", []
    else:
        head, facts = f"{over:open case} {has} breached the {sla}.", [over]
    if not running.value:
        text = f"{head} No other open case can still meet it."
    elif ranked and running.value == 1:
        only = Fact.at(Cell("risk", "probability"), tables, "breach_risk", "running", "probability")
        text = f"{head} The {'other ' if over.value else ''}open case has a breach risk of {only}."
        facts = [*facts, only]
    elif not ranked:
        text, facts = f"{head} {running:other case} can still meet it; too little data to rank them.", [*facts, running]
    else:
        expected = Cell(name, "probability", take="sum")
        bad = Fact("expected_breaches", sla, expected.read(tables), cell=expected)
        text = f"{head} Of {'the other ' if over.value else ''}{running:case} {bad:about} will breach."
        facts = [*facts, running, bad]
    more, late = _hopeless(tables)
    return Finding(f"{text}{more}", *facts, *late, audience="everyone")


def _no_due_times(metric: str, count: int) -> Finding:
    """Report that nothing is known of the SLA of any open case: not the same as that none has breached."""
    unknown = figure(FIGURES, "without due time", metric, count)
    text = f"The due time for the {format_sla(metric)} is unknown for {unknown:open case}: no breach can be predicted."
    return Finding(f"{text} 'deskcast check' shows when due times become known.", unknown, audience="everyone")


def _hopeless(tables: dict[str, pd.DataFrame]) -> tuple[str, list[Fact]]:
    """Report the cases that breach whatever is done, and those that only await closure."""
    parts, facts = [], []
    if "past_saving" in tables:
        late = _counted("past_saving", "past saving", tables)
        parts, facts = [f"{late:more case} {'has' if late.value == 1 else 'have'} too little time left"], [late]
    if "awaiting_closure" in tables:
        waits = _counted("awaiting_closure", "awaiting closure", tables)
        parts, facts = (
            [*parts, f"{waits:resolved case} {'awaits' if waits.value == 1 else 'await'} closure"],
            [*facts, waits],
        )
    return f" {' and '.join(parts)}." if parts else "", facts


def _picks(risk: pd.DataFrame, listed: pd.DataFrame, min_probability: float) -> Finding:
    floor = setting("least probability", min_probability, "share")
    if listed.empty:
        return Finding(
            f"No case to work on first: none has a breach risk of {floor:%} or more that work can lower.", floor
        )
    tables = {"risk": risk}
    picked = _counted("risk", "work first", tables, work_first=True)
    share = Cell("risk", "probability", {"work_first": True}, "sum")
    bad = Fact("expected_breaches", "work first", share.read(tables), cell=share)
    now = listed["as_of"].iloc[0]
    fresh = _counted(
        "risk", "new on the list", tables, work_first=True, first_flagged_at=listed["first_flagged_at"].max()
    )
    new = 0 < fresh.value < picked.value and bool(listed["first_flagged_at"].max() >= now - pd.Timedelta(hours=24))
    these = "this" if picked.value == 1 else "these"
    order = ", chosen by the time left as all have the same risk" if _is_one_rate(risk) else ""
    text = f"Work on {these} {picked:case} first{f' ({fresh} new)' if new else ''}{order}: "
    text += f"{bad:about} will breach otherwise."
    return Finding(text, picked, bad, *[fresh] * new)


def _dropped(dropped: pd.DataFrame) -> Finding:
    total = _counted("dropped_cases", "off the list", {"dropped_cases": dropped})
    reasons = dropped["reason"].value_counts()
    counts = [_counted("dropped_cases", str(r), {"dropped_cases": dropped}, reason=r) for r in reasons.index]
    parts = format_list([f"{count} {reason}" for count, reason in zip(counts, reasons.index, strict=True)])
    text = f"{total:case} left the list since the last run: {parts}."
    return Finding(text, total, *counts, audience="planner", names=list(reasons.index))


def _case(row: pd.Series[Any], timezone: str) -> Finding:
    case = str(row["case_id"])
    chance = Fact(
        "breach_risk",
        case,
        float(row["probability"]),
        "probability",
        cell=Cell("risk", "probability", {"case_id": case}),
        audience="planner",
    )
    parts = [f"breach risk {chance}"]
    if not pd.isna(row["due_at"]):
        parts.append(
            f"due {format_instant(row['due_at'].tz_convert(timezone), row['as_of'].tz_convert(timezone).year)}"
        )
    parts.append("unassigned" if pd.isna(row["owner"]) else f"owner {row['owner']}")
    head = case if case.lower().startswith("case") else f"Case {case}"  # ids such as "CASE-7" say it themselves
    return Finding(f"{head}: {', '.join(parts)}.", chance, names=[case, str(row["owner"])])
