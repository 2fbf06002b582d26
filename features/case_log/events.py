"""The events of a log with what later rules read of them."""

from __future__ import annotations

from typing import Any

import ibis
import pandas as pd

from .cache import compute_once
from .fetch import fetch
from .log import CaseLog
from .schema import TABLES

#: Servers stamp one action at several times: an event may be so much before its case.
MAX_CLOCK_SKEW_S = 60.0


def is_public(events: Any, when: Any, since: pd.Timestamp | None) -> Any:
    """Return which events the customer may read; unsaid counts as yes until the log begins to say so.

    Parameters
    ----------
    events, when
        Events, and when each happened or came to be known.
    since
        From :func:`find_public_since`.
    """
    if since is None:
        return events.public.fill_null(True)
    return events.public.fill_null(when < ibis.literal(since.to_pydatetime(), "timestamp('UTC', 6)"))


def find_public_since(log: CaseLog, as_recorded: bool) -> pd.Timestamp | None:
    """Return the first instant at which an event of a log says who may read it; ``None`` where none does."""
    if not log.has("events", "public"):
        return None
    return compute_once(log, ("public since", as_recorded), lambda: _find_public_since(log, as_recorded))


def _find_public_since(log: CaseLog, as_recorded: bool) -> pd.Timestamp | None:
    events = log.table("events")
    told = events.select("public", seen=select_event_time(events, as_recorded))
    first = fetch(told.agg(first=told.seen.min(where=told.public.notnull() & (told.seen <= log.until))))["first"].iloc[
        0
    ]
    return None if pd.isna(first) else pd.Timestamp(first)


def add_missing_event_columns(log: CaseLog) -> Any:
    """Return the events with all canonical text and flag columns, missing where the source has none."""
    events = log.table("events")
    types = {"flag": "boolean", "text": "string", "id": "string"}
    declared = [c for c in TABLES["events"].columns if c.kind in types and c.name not in events.columns]
    return events.mutate(**{c.name: ibis.null(types[c.kind]) for c in declared}) if declared else events


def select_event_time(events: Any, as_recorded: bool) -> Any:
    """Return when an event happened or, where asked for, when it came to be known."""
    if as_recorded and "recorded_at" in events.columns:
        return ibis.greatest(events["at"], ibis.coalesce(events.recorded_at, events["at"]))
    return events["at"]
