"""The events of a log with what later rules read of them."""

from __future__ import annotations

from typing import Any

import ibis

from .log import CaseLog
from .schema import TABLES

#: Servers stamp one action at several times: an event may be so much before its case.
MAX_CLOCK_SKEW_S = 60.0


def is_public(events: Any, when: Any) -> Any:
    """Return which events the customer may read; unsaid counts as yes until the log begins to say so."""
    begun = ibis.ifelse(events.public.notnull(), when, None).min().over(ibis.window())
    return events.public.fill_null(ibis.or_(begun.isnull(), when < begun))


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
