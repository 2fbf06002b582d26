"""What the list of the morning says in words: each figure is that of a table beside it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..words.facts import Cell, Fact, Finding
from ..words.figures import bind_statement, setting
from ..words.words import format_list

#: The table of what the sentences on risk say and no other table holds.
FIGURES = "risk_figures"

#: Cases of the list that get a sentence each.
MAX_CASES_TOLD = 3


def write_risk_findings(
    tables: dict[str, pd.DataFrame], metric: str, top: int, *, min_probability: float, caution: str
) -> list[str]:
    """Say how many promises run, how many will be broken, which cases come first, and what left the list.

    Parameters
    ----------
    tables
        ``risk`` or (where no case is told from another) ``open_cases``; ``past_saving``, ``breached_cases``,
        ``awaiting_closure`` and ``dropped_cases`` as far as there are any.
    metric
        The promise.
    top
        At most so many cases get a sentence.
    min_probability
        Below it no case is picked.
    caution
        What a reader of the probabilities must know; empty where they hold as they stand.
    """
    promise = metric.replace("_", " ")
    ranked = "risk" in tables
    findings: list[str] = [_open_cases(tables, promise, ranked=ranked)]
    findings += [bind_statement(caution, FIGURES, metric, head="Of the probabilities: ")] if caution else []
    if not ranked:
        return findings
    mine = tables["risk"][tables["risk"]["work_first"].astype(bool)]
    findings += [_picks(tables["risk"], mine, min_probability)]
    findings += [_dropped(tables["dropped_cases"])] if "dropped_cases" in tables else []
    rows = (mine if len(mine) else tables["risk"]).head(min(top, MAX_CASES_TOLD))
    return findings + [_case(row) for _, row in rows.iterrows()]


def _counted(table: str, subject: str, tables: dict[str, pd.DataFrame], **keys: Any) -> Fact:
    cell = Cell(table, "case_id", keys or None, take="count")
    return Fact("open_cases", subject, cell.read(tables), cell=cell)


def _open_cases(tables: dict[str, pd.DataFrame], promise: str, *, ranked: bool) -> Finding:
    """Say how many promises run, how many of them will be broken, and what is beyond saving."""
    name = "risk" if ranked else "open_cases"
    running, over = _counted(name, "running", tables), _counted("breached_cases", "breached", tables)
    facts, more = [running, over], ""
    if "past_saving" in tables:
        late = _counted("past_saving", "past saving", tables)
        facts, more = (
            [*facts, late],
            f" {late:case} more can hardly be saved: the time left is shorter than the work.",
        )
    if "awaiting_closure" in tables:
        waits = _counted("awaiting_closure", "awaiting closure", tables)
        verb = "is" if waits.value == 1 else "are"
        facts, more = [*facts, waits], f"{more} {waits:case} more {verb} resolved and only wait to be closed."
    broke = f"{over:case} broke it already.{more}"
    if not running.value:
        return Finding(f"No open case can still keep the promise on {promise}. {broke}", *facts[1:])
    count = f"{running:open case} can still keep the promise on {promise}"
    if not ranked:
        return Finding(f"{count}; nothing tells them apart, so they are not ranked. {broke}", *facts)
    expected = Cell(name, "probability", take="sum")
    bad = Fact("expected_breaches", promise, expected.read(tables), cell=expected)
    return Finding(f"{count}; about {bad:~} of them will not if nothing is done. {broke}", *facts, bad)


def _picks(risk: pd.DataFrame, mine: pd.DataFrame, min_probability: float) -> Finding:
    floor = setting("least probability", min_probability, "share")
    least = f"a risk of at least {floor:%} that work in time can lower"
    if mine.empty:
        return Finding(f"No case to work on first: none has {least}.", floor)
    tables = {"risk": risk}
    picked = _counted("risk", "work first", tables, work_first=True)
    share = Cell("risk", "probability", {"work_first": True}, "sum")
    bad = Fact("expected_breaches", "work first", share.read(tables), cell=share)
    now = mine["as_of"].iloc[0]
    fresh = _counted(
        "risk", "new on the list", tables, work_first=True, first_flagged_at=mine["first_flagged_at"].max()
    )
    new = 0 < fresh.value < picked.value and bool(mine["first_flagged_at"].max() >= now - pd.Timedelta(hours=24))
    text = f"{picked:case} to work on first{f', {fresh} of them new' if new else ''} (each has {least})"
    rest = f"about {bad:~} of them {'breaks its' if round(bad.value) == 1 else 'break their'} promise"
    return Finding(f"{text}: {rest} if nothing is done.", picked, floor, bad, *[fresh] * new)


def _dropped(dropped: pd.DataFrame) -> Finding:
    total = _counted("dropped_cases", "off the list", {"dropped_cases": dropped})
    reasons = dropped["reason"].value_counts()
    counts = [_counted("dropped_cases", str(r), {"dropped_cases": dropped}, reason=r) for r in reasons.index]
    parts = format_list([f"{count} {reason}" for count, reason in zip(counts, reasons.index, strict=True)])
    return Finding(f"{total:case} of the last list left it: {parts}.", total, *counts)


def _case(row: pd.Series[Any]) -> Finding:
    case = str(row["case_id"])
    chance = Fact(
        "breach_risk",
        case,
        float(row["probability"]),
        "probability",
        cell=Cell("risk", "probability", {"case_id": case}),
    )
    facts, left = [chance], ""
    if not pd.isna(row["left_s"]) and " left" not in row["reason_1"]:
        time = Fact("time_left", case, float(row["left_s"]), "s", cell=Cell("risk", "left_s", {"case_id": case}))
        facts, left = [chance, time], f", {time} left"
    why = "" if row["reason_1"].startswith("in its favour") else f": {row['reason_1']}"
    return Finding(f"Case {case}: {chance}{left}{why}.", *facts, names=[case, str(row["reason_1"])])
