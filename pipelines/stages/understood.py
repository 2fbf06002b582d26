"""How the sources were read, in words that a user can compare with the system that they come from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from ...features.case_log.contents import inspect_table
from ...features.case_log.log import CaseLog
from ...features.sources.spec import SourceSpec
from ..project.project import Project
from ..words.facts import Finding
from ..words.figures import figure
from ..words.words import format_count, format_date, format_instant
from .check_rows import MIN_REPORTED_SHARE, find_rejections
from .check_sums import FIGURES, sum_sentences

_ENDS = {"first_response_at": "first answered", "resolved_at": "resolved", "closed_at": "closed"}
_DUES = {
    "due_at": "due",
    "resolution_due_at": "due",
    "first_response_due_at": "first response due",
    "next_response_due_at": "next response due",
}
_CONTACTS = {
    "contact_id": "numbered by", "queued_at": "which arrived at", "answered_at": "answered at", "wait_s": "waited",
    "talk_s": "talked", "handle_s": "handled", "ended_at": "ended at", "total_s": "took", "outcome": "how it ended:",
    "abandoned": "given up:", "answered": "answered:", "direction": "direction", "team": "queue",
}  # fmt: skip
_AFTER = re.compile(r"([\d,]+) events? at or after (\S+) (?:is|are) left out")
_OUTSIDE = re.compile(r"([\d,]+) ([\w ]+?) lie outside the span that was asked for \(([^)]*)\)")


def describe_decisions(project: Project) -> str:
    """Describe what one row of each source is, and which columns define it."""
    return " ".join(_describe_source(spec) for spec in project.config.sources)


def _describe_source(spec: SourceSpec) -> str:
    """Describe what one row of a source is.

    >>> _describe_source(SourceSpec("cases", "t.csv", columns={"case_id": "Nr", "created_at": "Opened"}))
    "t.csv: one row is a case, numbered by 'Nr', opened at 'Opened'; no column has its end."
    >>> _describe_source(SourceSpec("contacts", "c.csv", columns={"queued_at": "Start", "wait_s": "Wait"}))
    "c.csv: one row is a contact, which arrived at 'Start', waited 'Wait'."
    """
    columns = spec.columns
    if spec.kind != "table":
        return f"{spec.place}: an export of {spec.kind}."
    if spec.table == "cases" and columns:
        by = f"numbered by '{columns['case_id']}'" if "case_id" in columns else "numbered as in the file"
        said = [f"one row is a case, {by}, opened at '{columns.get('created_at', '?')}'"]
        ends = [f"{word} at '{columns[role]}'" for role, word in _ENDS.items() if role in columns]
        said += ends or []
        said += [f"{words} at '{columns[role]}'" for role, words in _DUES.items() if role in columns]
        return f"{spec.place}: {', '.join(said)}{'' if ends else '; no column has its end'}."
    if spec.table == "events" and "activity" in columns:
        what = f"'{columns['activity']}' is the activity"
        return f"{spec.place}: one row is an event of the case '{columns['case_id']}' at '{columns['at']}'; {what}."
    if spec.table == "contacts" and "queued_at" in columns:
        said = [f"{word} '{columns[role]}'" for role, word in _CONTACTS.items() if role in columns]
        return f"{spec.place}: one row is a contact, {', '.join(said)}."
    if spec.table == "volumes" and spec.across:
        at = f", at '{columns['ds']}'" if "ds" in columns else ""
        return f"{spec.place}: each value of the columns {spec.across} is a count{at}."
    if spec.table == "volumes" and columns:
        series = f" of each '{columns['unique_id']}'" if "unique_id" in columns else ""
        count, at = columns.get("y", "y"), columns.get("ds", "ds")
        return f"{spec.place}: one row is a count, '{count}', in the interval{series} at '{at}'."
    return f"{spec.place}: the table of {spec.table}."


def describe_examples(log: CaseLog, count: int = 3) -> str:
    """Describe some cases in words: the first, one of the middle and the last one.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["7"], "created_at": ["2024-03-01T09:00Z"], "priority": ["High"]})
    >>> events = pd.DataFrame({"case_id": ["7"], "at": ["2024-03-02T10:00Z"], "kind": ["closed"]})
    >>> describe_examples(CaseLog.from_frames(cases=cases, events=events))
    'Case 7: opened Fri 1 Mar 2024 09:00, closed Sat 2 Mar 2024 10:00, priority High.'
    """
    if not log.has("cases"):
        return ""
    cases = log.frame(log.table("cases").order_by(["created_at", "case_id"]))
    places = dict.fromkeys(round(i * (len(cases) - 1) / max(1, count - 1)) for i in range(count))
    chosen = cases.iloc[list(places)]
    ends = _ends(log, chosen["case_id"].tolist())
    return " ".join(_tell(row, ends, log.timezone) for row in chosen.to_dict("records"))


def _ends(log: CaseLog, ids: list[str]) -> dict[str, list[tuple[str, pd.Timestamp]]]:
    if not log.has("events"):
        return {}
    events = log.table("events")
    rows = log.frame(events.filter(events.case_id.isin(ids) & events.kind.isin(["resolved", "closed", "message"])))
    rows = rows.sort_values("at").drop_duplicates(["case_id", "kind"])
    words = {"message": "first message", "resolved": "resolved", "closed": "closed"}
    return {
        str(i): [(words[k], at) for k, at in zip(g["kind"], g["at"], strict=True)] for i, g in rows.groupby("case_id")
    }


def _tell(row: dict[Any, Any], ends: dict[str, list[tuple[str, pd.Timestamp]]], zone: str) -> str:
    def at(stamp: pd.Timestamp) -> str:
        return format_instant(stamp.tz_convert(zone))

    said = [f"Case {row['case_id']}: opened {at(row['created_at'])}"]
    told = ends.get(str(row["case_id"]), [])
    said += [f"{word} {at(stamp)}" for word, stamp in told]
    if not any(word in ("resolved", "closed") for word, _ in told):
        said.append("open")
    said += [f"{c} {row[c]}" for c in ("priority", "channel", "team") if isinstance(row.get(c), str)]
    return ", ".join(said) + "."


def describe_sums(log: CaseLog, counts: dict[str, int]) -> str:
    """Write the sums that a user can compare with the system: cases, ends, contacts, calls counted."""
    said = []
    if counts.get("cases"):
        said.append(f"{format_count(counts['cases'], 'case')} opened {_span(log)}")
        if log.has("events"):
            events = log.table("events")
            over = events.filter(events.kind.isin(["resolved", "closed"]))
            ended = int(over.case_id.nunique().execute())
            said.append(f"{ended:,} of them with an end" if ended else "none of them with an end")
    cases = ["; ".join(said) + "."] if said else []
    return " ".join([*cases, *sum_sentences(log)])


def _span(log: CaseLog) -> str:
    cases = inspect_table(log, "cases")
    local = [ends["created_at"].tz_convert(log.timezone) for ends in (cases.first, cases.last)]
    return f"from {format_date(local[0])} to {format_date(local[1])}"


def find_large_losses(project: Project, counts: dict[str, int]) -> list[Finding]:
    """Report what excludes more than a twentieth of the rows: configured spans, and rejected rows."""
    said = []
    for note in project.notes:
        for number, what, span in _OUTSIDE.findall(note):
            out = int(number.replace(",", ""))
            whole = out + counts.get("events" if "event" in what else "cases", 0)
            if out > MIN_REPORTED_SHARE * whole:
                left = figure(FIGURES, "outside the span", what, out)
                part = figure(FIGURES, "share outside the span", what, out / whole, "share")
                text = f"The configured period ({span}) excludes {left} {what} ({part:%})."
                said.append(Finding(text, left, part, audience="planner", names=[span]))
        for number, day in _AFTER.findall(note):
            out = int(number.replace(",", ""))
            whole = out + counts.get("events", 0)
            if out > MIN_REPORTED_SHARE * whole:
                left = figure(FIGURES, "after the end that is set", day, out)
                part = figure(FIGURES, "share after the end that is set", day, out / whole, "share")
                text = f"The log is read as it was on {day}: {left:event} ({part:%}) from then on are excluded."
                said.append(Finding(text, left, part, audience="planner", names=[day]))
    said += find_rejections(project.rejected, counts)
    return said


def describe_losses(losses: Sequence[str]) -> str:
    """Join what is excluded into one answer."""
    return " ".join(losses) if losses else f"Nothing above {MIN_REPORTED_SHARE:.0%} of the rows."


def understood_rows(project: Project, counts: dict[str, int]) -> tuple[list[tuple[str, str]], list[Finding]]:
    """Return the first questions of the check with their answers, and what excludes many rows."""
    losses = find_large_losses(project, counts)
    rows = [
        ("Reading of the files", describe_decisions(project)),
        ("Example cases", describe_examples(project.log)),
        ("Sums to compare with the system", describe_sums(project.log, counts)),
        ("Rows excluded", describe_losses(losses)),
    ]
    return [(q, a) for q, a in rows if a], losses
