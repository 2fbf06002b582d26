"""Help: how the pages are used, how the figures are made, and the glossary."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from ..frame.view import PageRoute, PageView

router = APIRouter(route_class=PageRoute)
#: Page -> its address, and what it is for.
PURPOSES = (
    ("Today", "/", "What is late, what will be late, next week, and the goal nearest to failing."),
    ("Cases", "/cases", "Open cases by breach risk: filter, search, save a view, download, answer, set aside."),
    ("Forecast", "/forecast", "Volumes to expect by segment, earlier forecasts, and scenarios and adjustments."),
    ("Staffing", "/staffing", "Agents to schedule for your targets, what a surer plan costs, and the backlog plan."),
    ("KPI alerts", "/alerts", "KPIs that changed more than by chance, why, and what was decided."),
    ("KPIs", "/kpis", "Every KPI by week and segment, how it is computed, and the cases behind it."),
    ("Models", "/models", "Whether the forecasts and risks can be trusted."),
    ("Data", "/data", "What was read, what was rejected, and when."),
)
#: Figure -> how it is made.
EXPLANATIONS = (
    (
        "Forecast and likely range",
        "The volume of each day is forecast from its level, weekday, time of the year, holidays and known events. "
        "The likely range is the 80% prediction interval: 8 of 10 values fall inside. It is measured on past weeks.",
    ),
    (
        "Required agents and agents to schedule",
        "Required agents meet the service level with the forecast contacts and the average handle time. "
        "Agents to schedule are required agents / (1 - shrinkage). The risk includes the forecast error.",
    ),
    (
        "Breach risk",
        "The probability that an open case breaches its SLA, from closed cases that looked alike at the same age. "
        "Of cases at 70%, about 70 of 100 breach; the page Models shows whether that holds.",
    ),
    (
        "Work on first",
        "Cases within the daily capacity, chosen by cost of a breach, breach risk and success rate of the action.",
    ),
    (
        "KPI alerts",
        "Each KPI and segment is compared with what its own past makes likely. An alert needs a change that chance "
        "explains less than the configured number of times a week.",
    ),
    (
        "KPIs",
        "Durations count open cases as not ended. A rate counts a case only when its time limit has passed. "
        "A week is the share of all its cases, not the mean of its days.",
    ),
    (
        "One figure everywhere",
        "Pages, report, command line and downloads read the same results of the last run. Times are those of the desk.",
    ),
)


@router.get("/help", response_class=HTMLResponse)
def help_page(view: PageView) -> Response:
    """Show how the pages are used, how figures are made, and the glossary; a search looks into the glossary."""
    words = view.request.query_params.get("q", "").lower().split()[:10]
    terms = [row for row in read_glossary() if all(word in " ".join(row).lower() for word in words)]
    return view.page(
        "help.html", purposes=PURPOSES, explanations=EXPLANATIONS, terms=terms, q=" ".join(words), rights=_rights(view)
    )


def _rights(view: PageView) -> list[str]:
    """Return what the user may do, in words."""
    may = {
        "read": "read all pages" if view.user.team is None else f"read the cases of {view.user.team}",
        "note": "write notes and answers, and set cases aside",
        "plan": "acknowledge and mute KPI alerts, adjust forecasts, and save scenarios and plans",
    }
    return [words for right, words in may.items() if view.user.may(right)]


@cache
def read_glossary() -> tuple[tuple[str, str, str], ...]:
    """Return the glossary of the documents: term, definition, and what it is called elsewhere.

    Examples
    --------
    >>> next(row[1] for row in read_glossary() if row[0] == "Breach risk")
    'Probability that an open case breaches its SLA.'
    """
    text = (files(__name__.split(".")[0]) / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = [line.strip().strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    plain = [tuple(re.sub(r"`|\[([^\]]*)\]\([^)]*\)", r"\1", cell).strip() for cell in row) for row in rows]
    return tuple((row[0], row[1], row[2]) for row in plain if len(row) == 3 and row[0] != "term")
