"""The page that an alarm leads to: that of the alert, the cases, the KPI or the part of the run that it tells about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from ..project.checks import split_values

#: Part of a run -> its page.
_STAGE_PAGES = {
    "forecast": "/forecast",
    "staff": "/staffing",
    "today": "/",
    "review": "/review",
    "risk": "/cases",
    "history": "/kpis",
    "watch": "/alerts",
    "train": "/models",
    "drift": "/models",
    "compare": "/data",
    "accuracy": "/models",
}
#: What the list of cases can be filtered by.
_CASE_FILTERS = ("team", "priority", "owner")


def find_link(url: str, kind: str, figures: Mapping[str, Any], conditions: Mapping[str, str] | None = None) -> str:
    """Return the address of what an alarm tells about, below that of the page.

    Parameters
    ----------
    url
        Address of the page as configured: empty where there is none. That of a file, such as a report, has no pages
        below it and is left as it is.
    kind, figures
        Of the alarm.
    conditions
        Values of columns that the section asks for: the list of cases is filtered by them.

    Examples
    --------
    >>> find_link("https://desk.example/", "alert", {"alert_id": "csat-20260301-1a2b"})
    'https://desk.example/alerts/csat-20260301-1a2b'
    >>> find_link("https://desk.example", "risk", {}, {"team": "a|b"})
    'https://desk.example/cases?situation=Within+SLA&team=a&team=b'
    >>> find_link("https://desk.example/report.html", "drift", {}), find_link("", "drift", {})
    ('https://desk.example/report.html', '')
    """
    parts = urlsplit(url)
    if not url or parts.query or parts.fragment or "." in parts.path.rpartition("/")[2]:
        return url
    return url.rstrip("/") + _find_path(kind, figures, conditions or {})


def _find_path(kind: str, figures: Mapping[str, Any], conditions: Mapping[str, str]) -> str:
    if kind == "alert":
        return f"/alerts/{quote(str(figures['alert_id']), safe='')}"
    if kind == "risk":
        chosen = [(key, one) for key in _CASE_FILTERS if key in conditions for one in split_values(conditions[key])]
        return "/cases?" + urlencode([("situation", "Within SLA"), *chosen])
    if kind == "goal":
        return f"/kpis/{quote(str(figures['kpi']), safe='')}"
    if kind in ("failed", "stale"):
        return _STAGE_PAGES.get(str(figures.get("what")), "/data") if kind == "failed" else "/data"
    return "/models" if kind == "drift" else "/"
