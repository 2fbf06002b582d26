"""Due times that the systems themselves set: from when each was known, and the promise that they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis
import pandas as pd

from .fetch import fetch
from .schema import DUE_FIELDS

#: Name of the policy of a log that has due times and no policies.
DUE_POLICY = "due times"
_INSTANT = "timestamp('UTC', 6)"
_END_KINDS = ("resolved", "closed", "merged")


def settle_due_times(tables: Mapping[str, Any], until: pd.Timestamp) -> dict[str, Any]:
    """Date the due times of a log that do not say since when they stood, and let them make its promise.

    A due time that was read from the row of a case is what the row says at the export. Of a case that was over it may
    hold pauses and changes that came long after the opening, so it counts as known from the last end of the case on;
    of an open case from the end of the log on. Where a log has due times but no policies, they are its policies.

    Parameters
    ----------
    tables
        Canonical tables by name, as Ibis expressions.
    until
        The end of the log.

    Returns
    -------
    The tables, with ``set_at`` of every due time, and ``sla_policies`` where due times stand alone.
    """
    out = dict(tables)
    if "due_times" in out:
        out["due_times"] = _date_unset(out["due_times"], out.get("events"), until)
    if "sla_policies" not in out:
        metrics = _metrics_with_due_times(out)
        if metrics:
            rows = {"policy": DUE_POLICY, "metric": metrics, "target_s": float("nan"), "clock": "due"}
            kinds = {"policy": "string", "metric": "string", "target_s": "float64", "clock": "string"}
            out["sla_policies"] = ibis.memtable(pd.DataFrame(rows), schema=kinds)
    return out


def _date_unset(rows: Any, events: Any, until: pd.Timestamp) -> Any:
    end = ibis.literal(until.to_pydatetime(), _INSTANT)
    for name in ("due_at", "set_at"):
        if name not in rows.columns:
            rows = rows.mutate(**{name: ibis.null(_INSTANT)})
    if events is None:
        return rows.mutate(set_at=ibis.coalesce(rows.set_at, end))
    known = events["at"]
    if "recorded_at" in events.columns:
        known = ibis.greatest(known, ibis.coalesce(events.recorded_at, known))
    timed = events.select("case_id", "kind", _known=known)
    turns = timed.group_by("case_id").agg(
        _ended=timed["_known"].max(where=timed.kind.isin(_END_KINDS)),
        _again=timed["_known"].max(where=timed.kind == "reopened"),
    )
    turns = turns.select(_case="case_id", _ended="_ended", _again="_again")
    both = rows.left_join(turns, rows.case_id == turns["_case"])
    over = both["_ended"].notnull() & ~(both["_again"] > both["_ended"]).fill_null(False)
    asked = ibis.coalesce(both.set_at, over.ifelse(both["_ended"], None), end)
    return both.select(*[both[c] for c in rows.columns if c != "set_at"], set_at=asked)


def _metrics_with_due_times(tables: Mapping[str, Any]) -> list[str]:
    """Return the metrics that the due times of a log are about, of its table and of its events."""
    found: set[str] = set()
    if "due_times" in tables:
        found |= set(fetch(tables["due_times"].select("metric").distinct())["metric"].dropna())
    events = tables.get("events")
    if events is not None and {"field", "new"} <= set(events.columns):
        named = events.filter((events.kind == "field") & events["field"].isin(list(DUE_FIELDS)))
        found |= {DUE_FIELDS[str(name)] for name in fetch(named.select("field").distinct())["field"]}
    return sorted(found)
