"""Sums of what was read, to hold against the system that it came from."""

from __future__ import annotations

import pandas as pd

from ...features.case_log.cache import compute_once
from ...features.case_log.contents import inspect_table
from ...features.case_log.log import CaseLog
from ..words.facts import Fact, Finding
from ..words.figures import figure
from ..words.words import format_instant, format_list

#: The table of what the sentences of the check say.
FIGURES = "check_figures"
_COUNTS = {"answered": "answered", "abandoned": "abandoned", "answered_in_target": "answered in target"}


def sum_sentences(log: CaseLog) -> list[Finding]:
    """Report how many contacts were offered, answered and abandoned, from when to when.

    >>> volumes = pd.DataFrame({"ds": pd.to_datetime(["2024-03-01 09:00Z"]), "slot_s": 1800.0, "y": 1204.0, "answered": 1200.0})
    >>> sum_sentences(CaseLog.from_frames(volumes=volumes))
    ['1,204 contacts from Fri 1 Mar 2024 09:00 to Fri 1 Mar 2024 09:30: 1,200 answered. Compare with your system.']
    """  # noqa: E501 - the example is one line
    said = []
    if log.has("volumes"):
        rows = log.table("volumes")
        there = [c for c in _COUNTS if c in rows.columns]
        sums = {c: rows[c].sum() for c in ("y", *there)}
        ends = rows.ds + rows.slot_s.cast("int64").as_interval("s")
        found = log.frame(rows.agg(**sums, first=rows.ds.min(), last=ends.max())).iloc[0]
        sums_of = [(_COUNTS[c], round(found[c])) for c in there if not pd.isna(found[c])]
        whole = figure(FIGURES, "offered", "volumes", round(found["y"]))
        said.append(_sentence(f"{whole:contact} {_span(log, found['first'], found['last'])}", whole, sums_of))
    if log.has("contacts"):
        calls = inspect_table(log, "contacts")
        ends = [end.get("queued_at", log.until) for end in (calls.first, calls.last)]
        counts = compute_once(log, "contacts by outcome", lambda: _count_outcomes(log))
        known = counts[counts["outcome"].notna()].sort_values("n", ascending=False) if len(counts) else counts
        parts = [(str(o), int(n)) for o, n in zip(known["outcome"], known["n"], strict=True)] if len(known) else []
        whole = figure(FIGURES, "offered", "contacts", calls.rows)
        said.append(_sentence(f"{whole:contact} {_span(log, *ends)}", whole, parts))
    return said


def _count_outcomes(log: CaseLog) -> pd.DataFrame:
    rows = log.table("contacts")
    return log.frame(rows.group_by("outcome").agg(n=rows.count())) if "outcome" in rows.columns else pd.DataFrame()


def _sentence(head: str, whole: Fact, parts_of: list[tuple[str, int]]) -> Finding:
    """Write a sum and its parts, of which there may be none."""
    facts = [figure(FIGURES, outcome, whole.subject, count) for outcome, count in parts_of]
    shown = [f"{fact} {fact.kind}" for fact in facts]
    parts = f": {format_list(shown)}" if shown else ""
    return Finding(f"{head}{parts}. Compare with your system.", whole, *facts, audience="analyst")


def _span(log: CaseLog, first: pd.Timestamp, last: pd.Timestamp) -> str:
    begin, end = (pd.Timestamp(t) for t in (first, last))
    local = [(t.tz_localize("UTC") if t.tzinfo is None else t).tz_convert(log.timezone) for t in (begin, end)]
    return f"from {format_instant(local[0])} to {format_instant(local[1])}"
