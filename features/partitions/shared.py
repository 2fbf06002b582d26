"""What all parts of a log share, and a part as a small log of its own."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..calendars.business_calendar import BusinessCalendar
from ..case_log.cache import remember
from ..case_log.engine_lock import connect_duckdb
from ..case_log.log import CaseLog
from ..case_log.schema import AttributeTiming

#: Small tables that stand in every part: promises, and the due times that are no events.
SHARED_TABLES = ("sla_policies", "due_times")


@dataclass(frozen=True)
class SharedFacts:
    """What a part cannot tell by itself: the end of the log, its clock, calendars, promises and a few scalars.

    ``known`` are values that the whole log has told, by the name under which
    :func:`deskcast.features.case_log.cache.compute_once` keeps them.
    """

    until: pd.Timestamp
    timezone: str = "UTC"
    attributes: Mapping[str, AttributeTiming] = field(default_factory=dict)
    calendars: Mapping[str, BusinessCalendar] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    known: Mapping[Hashable, Any] = field(default_factory=dict)


def share(log: CaseLog, known: Mapping[Hashable, Any]) -> SharedFacts:
    """Return what the parts of a log share."""
    tables = {name: log.frame(name) for name in SHARED_TABLES if log.has(name)}
    return SharedFacts(log.until, log.timezone, log.attributes, log.calendars, tables, known)


def open_part(cases: pd.DataFrame, moments: pd.DataFrame | None, shared: SharedFacts) -> CaseLog:
    """Return the cases of a part with their events as a log, on an engine of its own.

    Parameters
    ----------
    cases, moments
        Rows of ``cases`` and ``events`` in their canonical types; no events where the log has none.
    shared
        What holds for all parts.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": pd.to_datetime(["2024-03-01T09:00Z"])})
    >>> part = open_part(cases, None, SharedFacts(pd.Timestamp("2024-03-02T00:00Z")))
    >>> part.frame("cases")["case_id"].tolist()
    ['1']
    """
    connection = connect_duckdb()
    connection.raw_sql("SET threads = 1")
    own = shared.tables
    if "due_times" in own:
        dues = own["due_times"]
        own = {**own, "due_times": dues[dues["case_id"].isin(cases["case_id"])]}
    frames = {"cases": cases, **({} if moments is None else {"events": moments}), **own}
    tables = {name: connection.create_table(name, frame) for name, frame in frames.items()}
    log = CaseLog(tables, shared.until, shared.timezone, shared.attributes, shared.calendars)
    remember(log, shared.known)
    return log
