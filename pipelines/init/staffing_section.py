"""The staffing section that a recognised export suggests."""

from __future__ import annotations

import re

from ...features.recognise.vocabulary import normalise_column_name
from .configuration_values import write_duration, write_text
from .guesses import find_handle_time
from .sections import Facts

_PHONE = re.compile(r"phone|call|voice|tel", re.IGNORECASE)
#: What only a report on people who wait for an answer holds.
_ON_THE_LINE = {"abandoned", "abandoned_share", "answered", "mean_wait_s", "service_level", "wait_s"}


def staffing_lines(facts: Facts) -> list[str]:
    """Write the section of the queue that is planned."""
    arrivals = facts.arrivals
    if arrivals is None:
        return []
    if arrivals.dates or (arrivals.slot_s or 0) >= 86400 or 86400 % (arrivals.slot_s or 1800):
        return [
            "# No [staffing.desk]: the arrivals have no time of day, so agents per half hour cannot be planned.",
            "",
        ]
    name, where, phone = _queue(facts)
    reported = "volumes" in facts.tables and "handle_s" in facts.tables["volumes"]
    recorded = any(s.shape in ("call record", "queue log") for s in facts.seen)
    recorded = recorded and {"answered_at", "ended_at"} <= set(facts.tables["contacts"].columns)
    measured = (
        None if reported or recorded else next((h for s in facts.seen if (h := find_handle_time(s.raw.frame))), None)
    )
    interval = int(max(1800, arrivals.slot_s or 0))
    lines = [f"[staffing.{name}]"]
    lines += [f"where = {where}"] if where else []
    lines.append("# Assumed, not measured: the targets of the queue. Put your own figures here.")
    lines += [
        "service_level = 0.80",
        f'within = "{"20s" if phone else "1h"}"',
        "shrinkage = 0.30",
        "max_occupancy = 0.85",
    ]
    lines.append(f"interval = {write_text(write_duration(interval))}")
    if measured:
        lines.append(f"# Mean of '{measured[0]}' over its positive values.")
        lines.append(f'aht = "{round(measured[1])}s"')
    elif reported:
        lines.append("# The handle time comes from the report, by interval and weekday; aht = '4min' would replace it.")
    elif "contacts" not in facts.tables:
        lines.append("# Assumed, as no handle time is in the data: replace it by the measured mean.")
        lines.append(f'aht = "{"4min" if phone else "15min"}"')
    if facts.hours is not None and facts.hours.outside < 0.05:
        lines.append('calendar = "desk"')
    return [*lines, ""]


def _queue(facts: Facts) -> tuple[str, str, bool]:
    """Return the name of the queue to plan, the arrivals that it takes, and whether callers wait on the line."""
    volumes = next((s for s in facts.seen if s.table == "volumes"), None)
    if volumes is not None:
        phone = bool(_ON_THE_LINE & set(volumes.columns)) or _names_calls(
            volumes.columns.get("y", ""), volumes.path.name
        )
        return ("phone" if phone else "desk"), "", phone
    cases = facts.tables.get("contacts", facts.tables.get("cases"))
    if cases is not None and "channel" in cases:
        for channel, count in cases["channel"].value_counts().items():
            if _PHONE.search(str(channel)) and count >= 0.05 * len(cases):
                whole = count >= 0.95 * len(cases)
                return (
                    "phone",
                    "" if whole and str(channel) == "phone" else f"{{ channel = {write_text(str(channel))} }}",
                    True,
                )
    calls = any(_names_calls(s.path.name, *map(str, s.raw.frame.columns)) for s in facts.seen)
    bare = all(s.shape == "arrivals" for s in facts.seen)
    return ("phone", "", True) if calls and bare else ("desk", "", False)


def _names_calls(*names: str) -> bool:
    """Return whether a name is about calls, in any language that column names are read in."""
    return any(_PHONE.search(name) or _PHONE.search(normalise_column_name(name)) for name in names)
