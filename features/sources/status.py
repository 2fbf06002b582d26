"""What a state of a case means for its clock, and the events that a change of state makes.

The words are those of the systems' own standard workflows; a source may name its own states in ``kinds``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..case_log.schema import ON_HOLD_FIELD
from ..errors import InputError, did_you_mean
from .state_words import classify_foreign_state

#: What a state can mean: work goes on, waits for the customer or for others, done, over, ended in another case, or
#: thrown away.
STATE_CLASSES = ("open", "paused", "on_hold", "resolved", "closed", "merged", "deleted")
WAITING_CLASSES = ("paused", "on_hold")
ENDED_CLASSES = ("resolved", "closed", "merged", "deleted")
#: Order of the events of one instant: what is said and changed, then the clock, then the end.
EVENT_KIND_ORDER = (
    "created", "status", "resumed", "priority", "assigned", "escalated", "field", "message", "reopened", "paused",
    "resolved", "closed", "merged",
)  # fmt: skip
_CLASS_WORDS: Mapping[str, tuple[str, ...]] = {
    "open": (
        "new", "open", "opened", "in progress", "inprogress", "active", "working", "work in progress", "assigned",
        "to do", "todo", "backlog", "reopened", "escalated", "waiting for support", "waiting for agent", "accepted",
        "under review", "triage", "responded", "in review", "investigating", "selected for development",
    ),
    "paused": (
        "pending", "waiting", "waiting for customer", "waiting on customer", "paused", "pending customer",
        "awaiting customer", "customer responded pending",
    ),
    "on_hold": ("hold", "on hold", "on-hold", "suspended", "blocked"),
    "resolved": ("resolved", "solved", "fixed", "done", "completed", "complete", "resolved pending closure"),
    "closed": (
        "closed", "canceled", "cancelled", "closed complete", "closed incomplete", "closed skipped", "declined",
        "withdrawn", "rejected", "won't do", "closed - no response", "closed (no response)",
    ),
    "merged": ("merged", "closed as duplicate", "closed - duplicate"),
    "deleted": ("deleted", "spam", "scrubbed"),
}  # fmt: skip
_CLASS_BY_WORD = {word: name for name, words in _CLASS_WORDS.items() for word in words}
#: Whom a case waits for, where its words say so.
_OTHERS = "vendor|supplier|third party|3rd party|approval|approver|internal|engineering|development|deployment|parts"
_OTHERS_PATTERN = re.compile(rf"(awaiting|pending|waiting)( for| on)? ({_OTHERS}|problem|change|evidence|release)\b.*")
_CLASS_PREFIXES = (
    ("awaiting", "paused"),
    ("pending", "paused"),
    ("waiting", "paused"),
    ("on hold", "on_hold"),
    ("closed", "closed"),
)


def classify_state(state: str) -> str:
    """Return what a state means, or nothing where its words do not tell.

    >>> [classify_state(s) for s in ("Waiting for customer", "Solved", "Awaiting Vendor", "Geschlossen", "Flurbed")]
    ['paused', 'resolved', 'on_hold', 'closed', '']
    """
    words = " ".join(state.strip().lower().replace("_", " ").split())
    found = _CLASS_BY_WORD.get(words)
    if not found and _OTHERS_PATTERN.fullmatch(words):
        return "on_hold"
    found = found or next((name for start, name in _CLASS_PREFIXES if words.startswith(start)), "")
    return found or classify_foreign_state(state)


def classify_states(
    states: Iterable[Any], stated: Mapping[str, str], learnt: Mapping[str, str], where: str
) -> tuple[dict[str, str], list[str]]:
    """Return what each state means, and the states that nobody knows, which count as open.

    Parameters
    ----------
    states
        The states that occur.
    stated
        What the owner of the source says (``kinds``); wins.
    learnt
        What the export itself says of a state, such as a flag ``IsClosed``; wins over its words.

    Raises
    ------
    InputError
        If ``stated`` gives a state a meaning that does not exist.
    """
    for state, meaning in stated.items():
        if meaning not in STATE_CLASSES:
            hint = did_you_mean(meaning, STATE_CLASSES)
            raise InputError(
                "unknown meaning of a state",
                where=f"kinds of {where}",
                column=state,
                got=meaning,
                hint=hint,
                code="value.unknown",
            )
    found: dict[str, str] = {}
    unknown: list[str] = []
    for state in dict.fromkeys(str(s) for s in states if isinstance(s, str)):
        meaning = stated.get(state) or learnt.get(state) or classify_state(state)
        if not meaning:
            unknown.append(state)
        found[state] = meaning or "open"
    return found, unknown


def build_state_events(changes: pd.DataFrame, classes: Mapping[str, str]) -> pd.DataFrame:
    """Return the events that changes of state make: the change, and what it does to the clock.

    Parameters
    ----------
    changes
        ``case_id``, ``at``, ``old``, ``new`` and further columns, in the order of each case; the first change of a
        case starts from its ``old`` state where that is known, else from an open one.
    classes
        State -> what it means.

    Examples
    --------
    >>> changes = pd.DataFrame({"case_id": ["1"] * 3, "at": pd.to_datetime(["2024-03-01", "2024-03-02", "2024-03-03"]),
    ...                         "old": ["new", "pending", "solved"], "new": ["pending", "solved", "open"]})
    >>> meaning = {"new": "open", "open": "open", "pending": "paused", "solved": "resolved"}
    >>> build_state_events(changes, meaning)["kind"].tolist()
    ['status', 'paused', 'status', 'resumed', 'resolved', 'status', 'reopened']
    """
    base = changes.reset_index(drop=True)
    same = (base["case_id"] == base["case_id"].shift()).to_numpy()
    now = base["new"].map(classes).fillna("open")
    first = base["old"].map(classes).fillna("open")
    before = now.shift().where(same, first)
    over, was_over = now.isin(ENDED_CLASSES), before.isin(ENDED_CLASSES)
    waits, waited = now.isin(WAITING_CLASSES), before.isin(WAITING_CLASSES)
    moves = {
        "status": pd.Series(True, index=base.index),
        "resumed": waited & ~waits,
        "paused": waits & (before != now),
        "reopened": was_over & ~over,
        "resolved": (now == "resolved") & (before != "resolved"),
        "closed": (now == "closed") & (before != "closed"),
        "merged": (now == "merged") & (before != "merged"),
    }
    parts = []
    for kind, mask in moves.items():
        part = base[mask].assign(kind=kind, _place=np.flatnonzero(mask))
        if kind != "status":
            part = part.assign(old=None, new=None, field=None)
        if kind == "paused":
            part["field"] = pd.Series(ON_HOLD_FIELD, index=part.index).where(now[mask] == "on_hold", None)
        parts.append(part)
    out = pd.concat(parts, ignore_index=True)
    out["_rank"] = out["kind"].map({k: i for i, k in enumerate(EVENT_KIND_ORDER)})
    return out.sort_values(["_place", "_rank"], kind="stable", ignore_index=True).drop(columns=["_place", "_rank"])
