"""What is known of single cases: their KPIs, whether their SLAs held, satisfaction, handle time, first contact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import ibis
import pandas as pd

from ..case_log.cache import compute_once
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..case_log.schema import DERIVED_COLUMNS
from ..cases.facts import case_history_table
from ..cases.history import add_case_measures
from .availability import describe_missing_data
from .case_kpis import first_contact_resolution
from .queries import SumQuery
from .view import Limits, LogView

#: Columns of :func:`describe_cases` beyond those of the case history.
DETAIL_COLUMNS = ("sla", "csat_score", "handle_s", "first_contact")


def describe_cases(log: CaseLog, case_ids: Iterable[str], limits: Limits | None = None) -> pd.DataFrame:
    """Return one row a case with all that is known of it at the end of the log.

    Parameters
    ----------
    log
        A log with ``cases``.
    case_ids
        The cases that are wanted; others in the list that the log does not know are left out.
    limits
        As the KPIs count.

    Returns
    -------
    DataFrame
        The columns of :func:`deskcast.features.case_history`; ``sla_<metric>`` and ``sla`` (``breached`` where any is,
        ``open`` where any is still running or paused, ``met`` where all are; missing without an SLA, and where it was
        cancelled or is unknown), ``csat_score`` (the last answer), ``handle_s`` (calls and chats of the case, by
        whoever took them), ``first_contact`` (whether it was resolved on first contact; missing where that is
        undecided). By case_id.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-01T10:00Z"]})
    >>> log = CaseLog.from_frames(cases=cases, until="2024-03-02T10:00Z")
    >>> describe_cases(log, ["2"])[["case_id", "age_s"]].to_dict("records")
    [{'case_id': '2', 'age_s': nan}]
    """
    wanted = ibis.memtable(pd.DataFrame({"_wanted": pd.Series(sorted(set(case_ids)), dtype="str")}))
    history = case_history_table(log)
    rows = history.semi_join(wanted, history.case_id == wanted["_wanted"])
    if "customer_id" in history.columns:  # when a customer comes again is told by their other cases
        who = rows.select(_who="customer_id").distinct()
        rows = history.semi_join(who, history.customer_id == who["_who"]).union(
            rows.filter(rows.customer_id.isnull()), distinct=False
        )
    frame = fetch(rows.order_by("case_id"))
    types = {"string": "str", "timestamp('UTC', 6)": "datetime64[us, UTC]", "int64": "Int64", "boolean": "boolean"}
    frame = frame.astype({name: types.get(kind, kind) for name, kind in DERIVED_COLUMNS.items()})
    frame = add_case_measures(log, frame, None)
    frame = frame[frame["case_id"].isin(set(case_ids))].reset_index(drop=True)
    for added in (
        _business_times(log, wanted, limits),
        _sla_states(log),
        _scores(log, wanted),
        _handle_times(log, wanted),
    ):
        frame = frame if added is None else frame.merge(added, on="case_id", how="left")
    first = _first_contacts(log, wanted, limits)
    return frame if first is None else frame.assign(first_contact=frame["case_id"].map(first).astype("boolean"))


def _business_times(log: CaseLog, wanted: Any, limits: Limits | None) -> pd.DataFrame | None:
    """Return the durations in opening hours, which are computed once for all cases of a log."""
    chosen = (limits or Limits()).calendar
    if not log.has("events") or not (chosen or len(log.calendars) == 1):
        return None
    rows = LogView.of(log, (), "D", limits).in_business_time.rows
    rows = rows.semi_join(wanted, rows.case_id == wanted["_wanted"])
    return fetch(rows.select("case_id", "first_response_business_s", "resolution_business_s"))


def _sla_states(log: CaseLog) -> pd.DataFrame | None:
    """Return the state of each case's SLAs by metric and in all."""
    if not (log.has("sla_policies") and log.has("events")):
        return None
    found: pd.DataFrame | None = compute_once(log, "sla states", lambda: _compute_sla_states(log))
    return found


def _compute_sla_states(log: CaseLog) -> pd.DataFrame | None:
    from ..sla.milestones import milestones

    table = compute_once(log, "milestones", lambda: milestones(log))
    if table.empty:
        return None
    # what is cancelled is not due any more; where one is unknown, nobody can say that all are met
    order: Mapping[str, int] = {"breached": 4, "running": 3, "paused": 3, "unknown": 2, "met": 1}
    worst = table["status"].map(order).groupby([table["case_id"], table["metric"]]).max().unstack()
    words = {4: "breached", 3: "open", 1: "met"}
    states = worst.apply(lambda column: column.map(words)).add_prefix("sla_")
    told: pd.DataFrame = states.assign(sla=worst.max(axis=1).map(words)).reset_index()
    return told


def _scores(log: CaseLog, wanted: Any) -> pd.DataFrame | None:
    if not log.has("surveys", "case_id") or not log.has("surveys", "score"):
        return None
    rows = log.table("surveys")
    rows = rows.filter((rows.kind == "csat") & rows.score.notnull())
    rows = rows.semi_join(wanted, rows.case_id == wanted["_wanted"])
    return fetch(rows.group_by("case_id").agg(csat_score=rows.score.argmax(rows.responded_at)))


def _handle_times(log: CaseLog, wanted: Any) -> pd.DataFrame | None:
    """Sum talk, hold and wrap-up of the answered calls and chats of each case."""
    if not all(log.has("contacts", column) for column in ("case_id", "answered_at", "ended_at")):
        return None
    rows = log.table("contacts")
    rows = rows.filter(rows.answered_at.notnull() & rows.ended_at.notnull())
    rows = rows.semi_join(wanted, rows.case_id == wanted["_wanted"])
    columns = ["case_id", "answered_at", "ended_at", *(["wrap_s"] if log.has("contacts", "wrap_s") else [])]
    calls = fetch(rows.select(*columns))
    spent = (calls["ended_at"] - calls["answered_at"]).dt.total_seconds()
    spent = spent + calls["wrap_s"].fillna(0.0) if "wrap_s" in calls else spent
    return spent.where(spent >= 0).groupby(calls["case_id"]).sum(min_count=1).rename("handle_s").reset_index()


def _first_contacts(log: CaseLog, wanted: Any, limits: Limits | None) -> pd.Series[bool] | None:
    """Return which cases were resolved on first contact, as the KPI counts them; those undecided are not there."""
    if describe_missing_data(log, "first_contact_resolution"):
        return None
    query: SumQuery = first_contact_resolution(LogView.of(log, (), "D", limits))
    rows = query.rows.select("case_id", _of=query.counted, _hit=query.amount)
    rows = rows.semi_join(wanted, rows.case_id == wanted["_wanted"])
    found = fetch(rows.filter(rows["_of"]))
    return found.set_index("case_id")["_hit"].fillna(False).astype(bool)
