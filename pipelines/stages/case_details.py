"""What the page of one case shows beside its risk: its clock, what happened to it, and cases of the past."""

from __future__ import annotations

import ibis
import pandas as pd

from ...features.case_log.fetch import fetch
from ...features.case_log.log import CaseLog
from ...features.cases.facts import case_history_table

#: Days of closed cases that an open one is compared with, and the most of them.
PAST_DAYS, MAX_PAST_CASES = 180, 100_000
#: Events of a case that are kept, the latest.
MAX_EVENTS = 60
_TRAITS = ("case_type", "product", "channel", "priority", "team", "region")
_EVENT_COLUMNS = ("case_id", "seq", "at", "kind", "field", "old", "new", "actor_role", "team")


def build_case_details(
    log: CaseLog, metric: str, as_read: pd.DataFrame, labels: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Return the tables behind the page of a case.

    Parameters
    ----------
    log
        A log with ``cases``; ``events`` where there are any.
    metric
        SLA metric.
    as_read
        Snapshots of the open cases with the time of the reading.
    labels
        Outcomes of the SLA: ``case_id, label`` (true = breached).

    Returns
    -------
    ``case_clocks`` (an open case: share of the SLA time that is used, and what it is like), ``case_events`` (the latest
    of each open case, without texts) and ``past_cases`` (closed lately: how each ended). Empty ones are left out.
    """
    tables = {
        "case_clocks": _clocks(metric, as_read),
        "case_events": _events(log, as_read["case_id"]),
        "past_cases": _past_cases(log, metric, labels),
    }
    return {name: table for name, table in tables.items() if len(table)}


def _clocks(metric: str, as_read: pd.DataFrame) -> pd.DataFrame:
    names = [name for name in ("target_used", "left_business_s", "paused", *_TRAITS) if name in as_read]
    if "target_used" not in names:
        return pd.DataFrame()
    table = as_read[["case_id", *names]].assign(metric=metric)
    if "left_business_s" not in table:
        table["left_business_s"] = as_read["left_s"] if "left_s" in as_read else float("nan")
    if "paused" not in table:
        table["paused"] = False
    texts = {name: "str" for name in ("case_id", *_TRAITS) if name in table}
    return table.astype(texts | {"paused": "boolean"}).sort_values("case_id", ignore_index=True)


def _events(log: CaseLog, case_id: pd.Series) -> pd.DataFrame:
    if not log.has("events") or case_id.empty:
        return pd.DataFrame()
    events = log.table("events")
    names = [name for name in _EVENT_COLUMNS if name in events.columns]
    known = events.filter(events["at"] <= log.until)
    if "recorded_at" in events.columns:
        known = known.filter(known.recorded_at.isnull() | (known.recorded_at <= log.until))
    wanted = ibis.memtable(pd.DataFrame({"case_id": sorted(set(case_id.astype("str")))}), schema={"case_id": "string"})
    found = fetch(known.semi_join(wanted, "case_id").select(*names))
    order = [name for name in ("case_id", "at", "seq") if name in found]
    latest: pd.DataFrame = found.sort_values(order, ignore_index=True).groupby("case_id", sort=False).tail(MAX_EVENTS)
    return latest.reset_index(drop=True)


def _past_cases(log: CaseLog, metric: str, labels: pd.DataFrame) -> pd.DataFrame:
    rows = case_history_table(log)
    if "resolved_at" not in rows.columns:
        return pd.DataFrame()
    since = log.until - pd.Timedelta(days=PAST_DAYS)
    names = [
        name for name in ("case_id", "created_at", "resolved_at", "resolution_s", *_TRAITS) if name in rows.columns
    ]
    closed = rows.filter(rows.resolved_at.notnull() & (rows.resolved_at >= since)).select(*names)
    table = fetch(closed.order_by(closed.resolved_at.desc(), closed.case_id).limit(MAX_PAST_CASES))
    own = labels[labels["metric"] == metric] if "metric" in labels else labels
    outcome = own.dropna(subset=["label"]).drop_duplicates("case_id").set_index("case_id")["label"]
    found = outcome.reindex(table["case_id"]).array
    return table.assign(metric=metric, breached=pd.Series(found, index=table.index, dtype="boolean"))
