"""Drift in words: what has moved and whether to train again, in one sentence, then the figures for analysts."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from .facts import Cell, Fact, Finding
from .figures import figure, setting
from .table_registry import VALUES

#: Checks that moved and are reported with their figures.
MAX_CHECKS_REPORTED = 3
_CHECKS = "drift_checks"
#: Inputs that are durations, in words.
_DURATIONS = {
    "age_s": "age of cases",
    "idle_s": "time since the last event",
    "in_team_s": "time in team",
    "in_status_s": "time in status",
    "left_s": "time left",
    "left_wall_s": "time left (calendar)",
    "left_business_s": "time left (business)",
    "paused_s": "time paused",
    "unanswered_s": "time without an answer",
    "resolved_for_s": "time since resolution",
    "target_used": "SLA elapsed",
}


def drift_findings(tables: Mapping[str, pd.DataFrame], figures: str) -> list[Finding]:
    """Return the proposal to train again with its reasons, or that nothing has moved.

    Parameters
    ----------
    tables
        ``drift_checks`` of :func:`~deskcast.pipelines.stages.drift.drift_stage`.
    figures
        Name of the table of what no other table holds.

    Examples
    --------
    >>> table = pd.DataFrame({"check": ["new values"], "column": "channel", "value": 0.2, "usual": 0.0, "moved": True,
    ...                       "strength": 9.0, "detail": "app"})
    >>> drift_findings({"drift_checks": table}, "drift_figures")
    ['Train the breach risk model again: the last 7 days differ from the 4 weeks before (channel).',
     'Channel, share of new values: 20%, usually 0% (app).']
    """
    table = tables[_CHECKS]
    days, weeks = setting("recent mornings", 7), setting("mornings before", 4)
    moved = table[table["moved"].astype(bool)]
    if moved.empty:
        count = Fact.at(Cell(_CHECKS, "check", take="count"), tables, "checks", "drift", audience="analyst")
        text = f"No model drift: open cases, risks and outcomes of the last {days:day} are as usual ({count:check})."
        return [Finding(text, days, count, audience="analyst")]
    names = list(dict.fromkeys(_input_name(row) for row in moved.to_dict("records")))
    listed, facts = ", ".join(names[:MAX_CHECKS_REPORTED]), [days, weeks]
    if len(names) > MAX_CHECKS_REPORTED:
        more = figure(figures, "further inputs", "drift", len(names) - MAX_CHECKS_REPORTED)
        listed, facts = f"{listed} and {more} more", [*facts, more]
    text = f"Train the breach risk model again: the last {days:day} differ from the {weeks:week} before ({listed})."
    first = Finding(text, *facts, audience="planner", names=names[:MAX_CHECKS_REPORTED])
    return [first, *[_check(tables, row) for row in moved.head(MAX_CHECKS_REPORTED).to_dict("records")]]


def _input_name(row: Mapping[Hashable, Any]) -> str:
    """Return what a check is of, in words.

    >>> [_input_name({"check": "open cases", "column": column}) for column in ("in_team_s", "attr_impact", "")]
    ['time in team', 'impact', 'open cases']
    """
    column = str(row["column"])
    name = _DURATIONS.get(column, column.removeprefix("attr_").removesuffix("_s").replace("_", " "))
    return name or str(row["check"])


def _check(tables: Mapping[str, pd.DataFrame], row: Mapping[Hashable, Any]) -> Finding:
    """Return the figures of a check: of the last week, and what is usual."""
    keys = {"check": row["check"], "column": row["column"]}
    check = str(row["check"])
    unit = {"missing values": "share", "new values": "share", "breach rate": "share"}.get(check, "score")
    name, of = _input_name(row), f"{check} {row['column']}".strip()
    now, usual = (
        Fact.at(Cell(_CHECKS, column, keys), tables, f"{column} of the check", of, unit, audience="analyst")
        for column in ("value", "usual")
    )
    head = f"{name[:1].upper()}{name[1:]}"
    what = VALUES["check"].get(check, check)
    head = head if name == check else f"{head}, {what[:1].lower()}{what[1:]}"
    detail = f" ({row['detail']})" if row["detail"] else ""
    return Finding(f"{head}: {now}, usually {usual}{detail}.", now, usual, audience="analyst", names=[head, detail])
