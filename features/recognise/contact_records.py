"""Whether a row is one call or chat with a start and durations, and which column is which."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..errors import InputError, Listed
from ..readers.elapsed import parse_elapsed, unit_of_name
from ..readers.timestamps import detect_date_order, parse_times
from ..sources.contact_words import classify_direction, classify_outcome
from ..sources.contacts import CONTACT_TIMES
from .contact_columns import contact_role_score
from .interval_values import is_count
from .interval_words import find_measure
from .roles import ColumnProfile
from .vocabulary import normalise_column_name

_INSTANTS = ("queued_at", "answered_at", "ended_at", "updated_at")
_ORDER = (
    "contact_id", "group_id", "parent_id", "updated_at", "direction", "channel", "team", "agent_id", "queued_at",
    "answered_at", "ended_at", *CONTACT_TIMES, "outcome", "answered", "abandoned",
)  # fmt: skip
#: What stands in the names of ids that telephone systems give.
_PHONE_IDS = ("call", "chat", "contact", "interaction", "conversation", "sid", "unique", "session", "history", "cdr")
_MESSAGE_ID = re.compile(r"(message|msg|mail|e mail|article|post|comment|thread entry|note) ?(id|number|no|key|sid)")
#: Points from which a row is a contact.
MIN_SCORE_CONTACT = 4.0


def recognise_contact_records(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame) -> dict[str, Any] | None:
    """Return what a source of contacts needs, or ``None`` where a row is none.

    Raises
    ------
    InputError
        If the unit of a duration, or the words of the outcome, cannot be told.
    """
    taken = _roles(columns, frame)
    if any(_MESSAGE_ID.fullmatch(normalise_column_name(n)) and p.unique > 0.9 for n, p in columns.items()):
        return None  # a row is a message, of which a contact has several
    if "queued_at" not in taken or _counts(columns, frame, taken) or _score(taken) < MIN_SCORE_CONTACT:
        return None
    units = _units(taken, frame)
    kinds = _number_words(taken, columns)
    if "contact_id" in taken:
        _legs(taken, columns, frame)
    mapped = {r: taken[r] for r in _ORDER if r in taken}
    segments = {r: columns[mapped[r]].distinct for r in ("channel", "team") if mapped.get(r) in columns}
    times = [mapped[r] for r in CONTACT_TIMES if r in mapped]
    why = {
        "table": f"a row is one contact: it starts at '{mapped['queued_at']}'"
        + (f" and has {', '.join(times)}" if times else "")
    }
    unused = [c for c in columns if not any(c in (s, *s.split(" + ")) for s in mapped.values())]
    notes = (f"not used: {', '.join(unused)}",) if unused else ()
    return {
        "shape": "call record", "table": "contacts", "columns": mapped, "kinds": kinds, "segments": segments,
        "why": why, "units": units, "notes": notes,
    }  # fmt: skip


def _roles(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame) -> dict[str, str]:
    """Return role -> column, the plainest name that fits by its values first."""
    scored = [
        (contact_role_score(name, role) - 0.1 * (role == "queued_at" and p.dates), -place, role, name)
        for place, (name, p) in enumerate(columns.items())
        for role in _ORDER
        if contact_role_score(name, role) > 0 and _fits(role, p, frame[name])
    ]
    taken: dict[str, str] = {}
    for _, _, role, name in sorted(scored, key=lambda s: (-s[0], -s[1])):
        if role not in taken and name not in taken.values():
            taken[role] = name
    start = taken.get("queued_at")
    if start and columns[start].dates:
        clock = next((n for n, p in columns.items() if p.clock and n not in taken.values()), None)
        clock = clock or next(
            (
                n
                for n in (taken.get("answered_at"), taken.get("wait_s"))
                if n and columns[n].clock and n.lower() == "time"
            ),
            None,
        )
        if clock:
            taken["queued_at"] = f"{start} + {clock}"
        else:
            taken.pop("queued_at")  # dates alone are no start of a contact
    return taken


def _fits(role: str, p: ColumnProfile, values: pd.Series[Any]) -> bool:
    if role in _INSTANTS:
        return p.time is not None and (role != "queued_at" or p.missing < 0.5)
    if p.time is not None:
        return False
    if role in CONTACT_TIMES:
        there = values.dropna()
        there = there[~there.isin(["", "-", "N/A", "NULL"])] if str(there.dtype) == "str" else there
        there = there.drop_duplicates().head(500)
        return bool(len(there)) and not bool(parse_elapsed(there).bad.mean() > 0.02) and p.missing < 0.98
    words = [v for v in p.values if v]
    if role == "outcome":
        if p.number:
            return set(words) <= {"1", "2", "3", "4"} and "disposition" in p.name.lower()
        known = sum(bool(classify_outcome(v)) for v in words)
        return 1 <= p.distinct <= 40 and bool(words) and known >= 0.6 * len(words)
    if role == "direction":
        known = sum(bool(classify_direction(v)) for v in words)
        return bool(words) and p.distinct <= 20 and known >= 0.7 * len(words)
    if role in ("answered", "abandoned"):
        return bool(words) and {v.lower() for v in words} <= {
            "y",
            "n",
            "yes",
            "no",
            "true",
            "false",
            "1",
            "0",
            "ja",
            "nein",
            "oui",
            "non",
        }
    if role == "contact_id":
        return p.missing < 0.5 and p.unique > 0.3
    if role == "group_id":
        return p.missing < 0.5
    if role in ("agent_id", "team", "channel"):
        return (
            not p.clock
            and p.distinct >= 1
            and (role != "channel" or p.distinct <= 12)
            and (role != "team" or p.distinct <= 500)
        )
    return True


def _counts(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame, taken: Mapping[str, str]) -> bool:
    """Return whether the file counts what came: then a row is no single contact."""
    found = {
        m.role
        for n in columns
        if n not in taken.values() and (m := find_measure(n)) and m.sure >= 0.8 and is_count(frame[n])
    }
    return len(found & {"y", "answered", "abandoned"}) >= 2 or ("y" in found and "contact_id" not in taken)


def _score(taken: Mapping[str, str]) -> float:
    """Weigh what speaks for a telephone system: its times, its outcome, its agents, its direction, its ids."""
    score = 0.0
    core = {"wait_s", "talk_s", "ring_s", "handle_s"} & set(taken)
    score += 2.0 if core else 0.0
    score += 1.0 if len(core) > 1 or {"hold_s", "wrap_s", "total_s", "abandon_s"} & set(taken) else 0.0
    score += 2.0 if {"answered_at", "ended_at"} <= set(taken) and not core else 0.0
    score += 1.0 if {"outcome", "answered", "abandoned"} & set(taken) else 0.0
    score += 0.5 if core and {"answered_at", "ended_at", "outcome"} <= set(taken) else 0.0
    score += 1.0 if "agent_id" in taken else 0.0
    score += 1.0 if "direction" in taken else 0.0
    score += 1.0 if {"direction", "outcome"} <= set(taken) else 0.0
    name = taken.get("contact_id", "").lower()
    score += 1.0 if any(w in name for w in _PHONE_IDS) else 0.0
    score += 0.5 if {"group_id", "parent_id", "team"} & set(taken) else 0.0
    timed = {"answered_at", "ended_at"} <= set(taken)
    if not core and not timed and "total_s" in taken and not {"outcome", "direction", "abandoned"} & set(taken):
        score -= 3.0  # a duration alone may be that of anything
    return score


def _units(taken: Mapping[str, str], frame: pd.DataFrame) -> dict[str, str]:
    """Return the units that are not seconds; the sizes tell fractions of a day and milliseconds.

    Raises
    ------
    InputError
        If the times can be seconds as well as minutes.
    """
    units: dict[str, str] = {}
    plain: dict[str, pd.Series[Any]] = {}
    for role in (r for r in CONTACT_TIMES if r in taken):
        name = taken[role]
        read = parse_elapsed(frame[name].mask(frame[name].isin(["", "-", "N/A", "NULL"])), "s")
        named = unit_of_name(name)
        if read.form in ("clock", "words") or named == "s":
            continue
        if named:
            units[name] = named
        else:
            plain[name] = read.seconds[read.seconds > 0].dropna()
    sizes = pd.concat(list(plain.values())) if plain else pd.Series(dtype="float64")
    if sizes.empty:
        return units
    high, usual = float(sizes.quantile(0.99)), float(sizes.median())
    if high < 1:
        unit = "d"
    elif usual > 7200:
        unit = "ms"
    elif usual < 20 and high < 60 and not bool((sizes % 1 == 0).all()):
        span = _elapsed_span(taken, frame)
        unit = _unit_of_span(span, plain)
        if not unit:
            raise InputError(
                "unknown unit of these times", column=next(iter(plain)), got=f"{usual:g}, as the usual value",
                wanted="seconds, minutes or another unit",
                hint="write units = { " + ", ".join(f'"{n}" = "min"' for n in plain) + " } (or s, ms, h, d)",
                code="duration.unit",
            )  # fmt: skip
    else:
        unit = "s"
    return units | (dict.fromkeys(plain, unit) if unit != "s" else {})


def _elapsed_span(taken: Mapping[str, str], frame: pd.DataFrame) -> pd.Series[Any] | None:
    if "ended_at" not in taken or " + " in taken["queued_at"]:
        return None
    ends = [frame[taken[r]] for r in ("queued_at", "ended_at")]
    order = detect_date_order(ends)
    start, end = (parse_times(e, "UTC", order=order).instants for e in ends)
    return (end - start).dt.total_seconds()


def _unit_of_span(span: pd.Series[Any] | None, plain: Mapping[str, pd.Series[Any]]) -> str:
    """Hold the times against start and end of the contacts."""
    if span is None:
        return ""
    longest = max(plain.values(), key=lambda s: float(s.median()) if len(s) else 0.0)
    ratio = float((span.reindex(longest.index) / longest).median())
    near = {"s": 1.0, "min": 60.0, "h": 3600.0}
    return next((u for u, size in near.items() if 0.8 * size <= ratio <= 3 * size), "")


def _number_words(taken: Mapping[str, str], columns: Mapping[str, ColumnProfile]) -> dict[str, str]:
    """Return what outcomes mean where a system writes them as numbers, or where words are unknown and few."""
    name = taken.get("outcome")
    if name is None:
        return {}
    if columns[name].number:  # Cisco: 1 abandoned, 2 handled, from 3 on aborted or rejected
        meaning = {"1": "abandoned", "2": "answered", "3": "failed", "4": "failed"}
        return {v: meaning[v] for v in sorted(columns[name].values) if v in meaning}
    strange = [v for v in columns[name].values if v and not classify_outcome(v)]
    if strange:
        raise InputError(
            "unknown outcomes", column=name, got=Listed(strange),
            wanted="answered, abandoned, callback, outbound or failed",
            hint="map the columns in [source.contacts] and write "
                 "kinds = { " + ", ".join(f'"{v}" = "answered"' for v in strange[:5]) + " }",
                 code="value.unreadable",
        )  # fmt: skip
    return {}


def _legs(taken: dict[str, str], columns: Mapping[str, ColumnProfile], frame: pd.DataFrame) -> None:
    """Take an id that repeats on differing rows for the id of a call with several legs; equal rows are mere doubles."""
    p = columns[taken["contact_id"]]
    if "group_id" in taken or "updated_at" in taken or p.rows <= 20:
        return
    ids = frame.drop_duplicates()[p.name].dropna()
    if ids.duplicated().mean() > 0.02:
        taken["group_id"] = taken.pop("contact_id")
