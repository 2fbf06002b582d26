"""Tables that belong to the cases of another one: messages and changes become events, the rest is named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from .event_logs import read_as_events
from .roles import ColumnProfile, find_best_column
from .vocabulary import classify_activity, normalise_column_name, score_role_match

#: A column points at cases if at least this share of its values are ids of cases.
MIN_KNOWN_IDS = 0.98
_CUSTOMER = re.compile(
    r"(incoming|inbound|in|contact|customer|client|end[- ]?user|requester|user|visitor|lead|received|kunde|cliente)"
)
_AGENT = re.compile(
    r"(outgoing|outbound|out|agent|admin|operator|staff|employee|teammate|user|sent|technician|support)"
)
_BOT = re.compile(r"(\w*bot|system|automation|template|activity|auto\w*|workflow|trigger)")
_WHO_NAMES = re.compile(
    r"(sender|author|message|actor|user|from|creator|created by|direction|incoming|side|role|who|party|part)"
    r"( (type|role|kind|direction|name))?|(message|part) type|is (incoming|agent|customer)"
)
_PRIVATE_NAMES = re.compile(r"(is )?(private|internal|public|visible|is public|visibility|note)( note| comment)?")
_TRUE = ("true", "t", "1", "yes", "y")


@dataclass(frozen=True)
class Child:
    """A table whose rows belong to cases of another one: the column that says to which, and that one's id column."""

    column: str
    parent: str


def find_child(
    columns: Mapping[str, ColumnProfile], frame: pd.DataFrame, cases: pd.DataFrame, ids: list[str]
) -> Child | None:
    """Return whether a table is a child of a table of cases: the values of one column all lie among its ids.

    Parameters
    ----------
    columns, frame
        The table in question.
    cases
        The table of cases as it was read.
    ids
        Columns of ``cases`` whose values tell its rows apart, the likeliest first.

    Examples
    --------
    >>> from deskcast.features.recognise.roles import profile_columns
    >>> cases = pd.DataFrame({"id": [str(i) for i in range(9)]})
    >>> words = pd.DataFrame({"id": list("abcdef"), "ticket_id": list("112233")})
    >>> find_child(profile_columns(words, ()), words, cases, ["id"])
    Child(column='ticket_id', parent='id')
    """
    best: tuple[float, Child] | None = None
    for parent in ids:
        known = pd.Index(cases[parent].dropna().astype("str").unique())
        for name, p in columns.items():
            if p.time is not None or p.clock or p.missing > 0.2 or p.distinct < 2:
                continue
            values = frame[name].dropna().astype("str").drop_duplicates()
            share = float(values.isin(known).mean())
            named = score_role_match(name, "case_id") >= 0.9 or _names_parent(name)
            if share < MIN_KNOWN_IDS or not (named or (p.unique < 0.8 and p.distinct > 20)):
                continue
            score = share + named + 0.5 * (p.unique < 0.95)
            if best is None or score > best[0]:
                best = score, Child(name, parent)
    return best[1] if best else None


def _names_parent(name: str) -> bool:
    words = normalise_column_name(name)
    return bool(
        re.search(
            r"\b(parent|object|record|entity|document|item|ref|task|element|journalized)( ?(id|key|number))?$", words
        )
    )


def read_as_child(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame, child: Child) -> dict[str, Any] | None:
    """Return how the rows of a child become events: messages by who wrote them, or changes; ``None`` where none can."""
    messages = read_messages(columns, child) or _read_steps(columns, child)
    if messages is not None:
        return messages
    own = {n: p for n, p in columns.items() if n == child.column or score_role_match(n, "case_id") < 0.9}
    events = read_as_events(own, frame)
    if events is None or events.found["columns"]["case_id"] != child.column or not events.found["kinds"]:
        return None
    return dict(events.found)


def read_messages(columns: Mapping[str, ColumnProfile], child: Child) -> dict[str, Any] | None:
    """Return how rows become messages by who wrote them, or ``None`` where nothing says who."""
    at = _event_time(columns)
    who = [n for n, p in columns.items() if n != child.column and (p.time is None) and _tells_who(n, p)]
    if not at or not who:
        return None
    writer = max(who, key=lambda n: len({_side(v, columns[n].values) for v in columns[n].values} - {""}))
    private = [
        n
        for n, p in columns.items()
        if _PRIVATE_NAMES.fullmatch(normalise_column_name(n)) and p.distinct <= 3 and n != writer
    ]
    kinds: dict[str, str] = {}
    for value in columns[writer].values:
        side = _side(value, columns[writer].values)
        if not private:
            kinds |= {value: side} if side else {}
            continue
        for flag in columns[private[0]].values:
            hidden = _is_hidden(private[0], flag)
            kinds |= {f"{value} {flag}": "note" if hidden and side == "reply" else side} if side else {}
    mapped = {"case_id": child.column, "at": at, "activity": " + ".join([writer, *private[:1]])}
    used = {child.column, at, writer, *private[:1]}
    actor = next(
        (
            n
            for n in columns
            if re.fullmatch(r"(sender|author|user|actor|agent|created by)( id)?", normalise_column_name(n))
            and n not in used
        ),
        "",
    )
    if actor:
        mapped["actor_id"] = actor
    why = {
        "table": f"each '{child.column}' is a case of the table of cases: one row a message, by '{writer}'",
        "kinds": "who wrote, and whether the customer sees it",
    }
    return {
        "shape": "table of messages", "table": "events", "columns": mapped, "kinds": kinds, "attributes": {},
        "segments": {}, "leakage": (), "why": why,
    }  # fmt: skip


def _read_steps(columns: Mapping[str, ColumnProfile], child: Child) -> dict[str, Any] | None:
    """Read rows that each name a step of the case, such as ``conversation_resolved``."""
    at = _event_time(columns)
    for name, p in columns.items():
        if name == child.column or p.time is not None or not 1 <= p.distinct <= 60 or p.missing > 0.1:
            continue
        kinds = {v: k for v in p.values if (k := classify_activity(v))}
        if at and len(kinds) >= 0.5 * p.distinct and any(v.strip().isidentifier() for v in kinds):
            why = {"table": f"each '{child.column}' is a case of the table of cases, and '{name}' names its step"}
            why["kinds"] = "read from the words of the steps"
            return {
                "shape": "event log", "table": "events", "kinds": kinds, "attributes": {}, "segments": {},
                "leakage": (), "columns": {"case_id": child.column, "at": at, "activity": name}, "why": why,
            }  # fmt: skip
    return None


def _event_time(columns: Mapping[str, ColumnProfile]) -> str:
    def fits(p: ColumnProfile) -> bool:
        return p.time is not None and p.missing < 0.2

    return find_best_column(columns, "created_at", fits) or find_best_column(columns, "at", fits)


def _tells_who(name: str, p: ColumnProfile) -> bool:
    """Return whether the values of a column say that customers wrote some rows and agents others."""
    if not _WHO_NAMES.fullmatch(normalise_column_name(name)) or not 2 <= p.distinct <= 12:
        return False
    return {"reply", "customer_message"} <= {_side(v, p.values) for v in p.values}


def _side(value: str, all_values: tuple[str, ...]) -> str:
    """Return what a message by this kind of writer is; a user is an agent where customers are called otherwise."""
    word = value.strip().lower().replace("_", " ")
    others = {v.strip().lower() for v in all_values} - {word}
    if _BOT.fullmatch(word):
        return ""
    if word == "user":
        return "reply" if any(_CUSTOMER.fullmatch(o) for o in others) else "customer_message"
    if _CUSTOMER.fullmatch(word):
        return "customer_message"
    return "reply" if _AGENT.fullmatch(word) else ""


def _is_hidden(name: str, flag: str) -> bool:
    shown = re.search(r"public|visib", normalise_column_name(name))
    word = flag.strip().lower()
    return (
        (word in _TRUE) != bool(shown)
        if word in (*_TRUE, "false", "f", "0", "no", "n")
        else word in ("private", "internal")
    )
