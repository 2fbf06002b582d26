"""The calendars and SLAs of Zammad, as settings to take over.

Zammad keeps hours, holidays and conditions as YAML of Ruby's, or as JSON, in a column of text; both are read by the few
words that they have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from .export import ExportRows, ExportTable
from .lookups import Labels
from .stated_settings import StatedCalendar, StatedPromise

CALENDARS = ExportTable(
    "calendars", ("calendar",),
    {"key": ("id",), "name": ("name",), "zone": ("timezone",), "hours": ("business_hours",),
     "holidays": ("public_holidays",)},
    ("key", "name", "zone", "hours"), (), {"key": "id"}, named_only=True,
)  # fmt: skip
SLAS = ExportTable(
    "slas", ("sla",),
    {"name": ("name",), "first_response": ("first_response_time",), "response": ("response_time",),
     "update": ("update_time",), "solution": ("solution_time",), "calendar_id": ("calendar_id",),
     "condition": ("condition",)},
    ("name", "calendar_id"), ("solution",),
    dict.fromkeys(("first_response", "response", "update", "solution"), "number"), named_only=True,
)  # fmt: skip
_METRICS = {"first_response": "first_response", "response": "next_response", "solution": "resolution"}
_DAY = re.compile(r"(?<![a-z])(mon|tue|wed|thu|fri|sat|sun)[\"']?\s*:")
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)[\"']?\s*:")
_TIME = re.compile(r"(?<!\d)(\d{1,2}:\d\d)(?!\d)")
_ACTIVE = re.compile(r"active[\"']?\s*:\s*[\"']?(true|false)")
_ATTRIBUTE = re.compile(r"[\"']?((?:ticket|customer|organization|article|execution_time)\.[a-z_]+)[\"']?\s*:")
_OPERATOR = re.compile(r"operator[\"']?\s*:\s*[\"']?(is not|[a-z]+)")
#: Attribute of a condition -> the look-up of its ids.
_CONDITIONS = {"ticket.priority_id": "priorities", "ticket.group_id": "teams"}


def _blocks(pattern: re.Pattern[str], text: str) -> list[tuple[str, str]]:
    """Return each name that a pattern finds, with the text up to the next one."""
    found = list(pattern.finditer(text))
    ends = [m.start() for m in found[1:]] + [len(text)] * bool(found)
    return [(m[1], text[m.end() : end]) for m, end in zip(found, ends, strict=True)]


def parse_hours(text: str) -> dict[str, list[str]]:
    """Return the opening hours of the days that are open.

    >>> parse_hours('{"mon": {"active": true, "timeframes": [["09:00", "12:00"], ["13:00", "17:00"]]},'
    ...             ' "sun": {"active": false, "timeframes": [["10:00", "12:00"]]}}')
    {'mon': ['09:00-12:00', '13:00-17:00']}
    >>> parse_hours("---\\nmon:\\n  active: true\\n  timeframes:\\n  - - '09:00'\\n    - '17:00'\\n")
    {'mon': ['09:00-17:00']}
    """
    out: dict[str, list[str]] = {}
    for day, block in _blocks(_DAY, text):
        active, times = _ACTIVE.search(block), _TIME.findall(block)
        if active is None or active[1] == "false" or not times or len(times) % 2:
            continue
        pairs = zip(times[::2], times[1::2], strict=True)
        out[day] = [f"{a}-{'24:00' if b in ('00:00', '23:59') else b}" for a, b in pairs]
    return out


def read_settings(
    taken: Mapping[str, ExportRows], labels: Mapping[str, Labels]
) -> tuple[list[StatedCalendar], list[StatedPromise]]:
    """Return the calendars and promises that the system keeps."""
    if "calendars" not in taken:
        return [], []
    rows = taken["calendars"].accepted_rows()
    calendars = {
        str(row["key"]): StatedCalendar(
            str(row["name"]), str(row["zone"]), parse_hours(str(row["hours"])), _parse_holidays(row["holidays"])
        )
        for row in rows.to_dict("records")
    }
    promises = [] if "slas" not in taken else _promises(taken["slas"], calendars, labels)
    return list(calendars.values()), promises


def _parse_holidays(text: Any) -> tuple[str, ...]:
    days = _blocks(_DATE, text if isinstance(text, str) else "")
    return tuple(sorted(day for day, block in days if (m := _ACTIVE.search(block)) is None or m[1] == "true"))


def _promises(
    taken: ExportRows, calendars: Mapping[str, StatedCalendar], labels: Mapping[str, Labels]
) -> list[StatedPromise]:
    out: list[StatedPromise] = []
    for row in taken.accepted_rows().to_dict("records"):
        calendar = calendars.get(str(row["calendar_id"]))
        named, remark = _parse_condition(row["condition"], labels)
        minutes = {metric: row[role] for role, metric in _METRICS.items()}
        if pd.isna(minutes["next_response"]):  # older versions have one time for answers and updates
            minutes["next_response"] = row["update"]
        for metric, time in minutes.items():
            if pd.isna(time) or time <= 0:
                continue
            for priority in named.get("priority", [""]):
                out.append(
                    StatedPromise(
                        str(row["name"]), metric, float(time) * 60, calendar.key if calendar else "", priority,
                        {"team": "|".join(named["team"])} if "team" in named else {}, remark,
                    )
                )  # fmt: skip
    return out


def _parse_condition(text: Any, labels: Mapping[str, Labels]) -> tuple[dict[str, list[str]], str]:
    """Return the priorities and teams that a condition names; another one is told in a remark."""
    named: dict[str, list[str]] = {}
    lost: list[str] = []
    for attribute, block in _blocks(_ATTRIBUTE, text if isinstance(text, str) else ""):
        operator = _OPERATOR.search(block)
        ids = re.findall(r"(?<![\w.:-])(\d+)(?![\w.:-])", block)
        lookup = _CONDITIONS.get(attribute)
        if lookup and operator and operator[1] == "is" and ids:
            field = "priority" if lookup == "priorities" else "team"
            named[field] = [labels[lookup].labels.get(i, i) for i in ids]
        else:
            lost.append(attribute)
    remark = f"It is only for tickets with a condition on {', '.join(lost)}, which is not written here." if lost else ""
    return named, remark
