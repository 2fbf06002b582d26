"""How the KPIs of waiting, ping-pong, duplicates and what the desk itself begins are counted."""

from __future__ import annotations

import ibis

from ..case_log.backends import materialise
from ..case_log.cache import compute_once
from ..cases.duplicates import duplicates_expr
from ..cases.stays import StayKind, find_stays
from .aggregate import aggregate_duration, aggregate_share
from .catalogue import KPI_ENTRIES
from .queries import DurationQuery, SumQuery
from .view import LogView

_HORIZONS_S = {kpi.name: kpi.horizon_s for kpi in KPI_ENTRIES}
#: A case shows who spoke first once it had this time.
_FIRST_WORD_S = 86400.0
_OF_THE_DESK = ("agent", "bot", "system")


def stay_time(desk: LogView, kind: StayKind) -> DurationQuery:
    """Measure the stays of cases with a team or in a status; one that still runs is censored."""
    source = desk.bind(find_stays(desk.log, kind), "begun_at")
    rows = source.rows
    return aggregate_duration(
        source, "begun_at", rows.spent_s, rows.left_at.notnull(), horizon=_HORIZONS_S[f"{kind}_time"]
    )


def ping_pong_rate(desk: LogView) -> SumQuery:
    """Count resolved cases with as many changes of team as teams: one of them had the case twice."""
    log = desk.log
    told = log.table("events").select("case_id", "at", "seq", "team", order=1)
    if log.has("cases", "team"):  # a case may be created with a team that no event names
        rows = log.table("cases")
        first = rows.select("case_id", at="created_at", seq=ibis.literal(-1, "int64"), team="team", order=0)
        told = first.union(told.mutate(seq=told.seq.cast("int64")))
    told = told.filter(told.team.notnull())
    before = told.team.lag().over(ibis.window(group_by="case_id", order_by=["order", "at", "seq"]))
    told = told.mutate(_moved=(told.team != before).fill_null(False))
    paths = told.group_by(_of="case_id").agg(_moves=told["_moved"].sum(), _teams=told.team.nunique())
    rows = desk.cases.rows
    rows = rows.left_join(paths, rows.case_id == paths["_of"]).drop("_of")
    back = (rows["_moves"] >= rows["_teams"]).fill_null(False)
    return aggregate_share(desk.cases.over(rows), "resolved_at", back, rows.transfers.notnull())


def duplicate_rate(desk: LogView) -> SumQuery:
    """Count cases that came while an earlier one of the customer was open."""
    found = compute_once(desk.log, "duplicates", lambda: materialise(duplicates_expr(desk.log)))
    found = found.rename(_of="case_id")
    rows = desk.opened.rows
    rows = rows.left_join(found, rows.case_id == found["_of"]).drop("_of")
    return aggregate_share(
        desk.opened.over(rows), "created_at", rows.is_duplicate.fill_null(False), rows.customer_id.notnull()
    )


def proactive_rate(desk: LogView) -> SumQuery:
    """Count cases that the desk opened and in which it spoke first; one in which nobody spoke is undecided."""
    events, log = desk.log.table("events"), desk.log
    public = events.public.fill_null(False) if desk.facts.public else ibis.literal(True)
    spoke = (events.kind == "message") & public
    made = (events.kind == "created") & events.actor_role.isin(_OF_THE_DESK)
    sums = events.group_by("case_id").agg(
        _made=made.fill_null(False).sum() > 0,
        _desk_at=events["at"].min(where=spoke & events.actor_role.isin(_OF_THE_DESK)),
        _customer_at=events["at"].min(where=spoke & (events.actor_role == "customer")),
    )
    rows = desk.opened.rows
    sums = sums.rename(_of="case_id")
    rows = rows.left_join(sums, rows.case_id == sums["_of"]).drop("_of")
    for table, column in (("contacts", "_customer_at"), ("outbound_contacts", "_desk_at")):
        if log.has(table, "case_id"):
            calls = log.table(table)
            calls = calls.filter(calls.case_id.notnull()).group_by("case_id").agg(_called=calls.queued_at.min())
            calls = calls.rename(_of="case_id")
            rows = rows.left_join(calls, rows.case_id == calls["_of"]).drop("_of")
            rows = rows.mutate(**{column: ibis.least(rows[column], rows["_called"])}).drop("_called")
    first = rows["_desk_at"].notnull() & (rows["_customer_at"].isnull() | (rows["_desk_at"] < rows["_customer_at"]))
    limit = ibis.interval(seconds=int(_FIRST_WORD_S))
    soon = [(rows[name] <= rows.created_at + limit).fill_null(False) for name in ("_desk_at", "_customer_at")]
    ripe = rows.created_at <= desk.last_mature_instant(seconds=_FIRST_WORD_S)
    hit = rows["_made"].fill_null(False) & first
    return aggregate_share(desk.opened.over(rows), "created_at", hit, ripe & (soon[0] | soon[1]))


def outbound_share(desk: LogView) -> SumQuery:
    """Count calls and chats that the desk began among all of them."""
    log = desk.log
    names = [n for n in ("contact_id", "case_id", "channel", "team", "queued_at")
             if n == "contact_id" or all(log.has(t, n) for t in ("contacts", "outbound_contacts"))]  # fmt: skip
    parts = [
        log.table(table).select(*names).mutate(outbound=ibis.literal(table == "outbound_contacts"))
        for table in ("contacts", "outbound_contacts")
    ]
    source = desk.bind(parts[0].union(parts[1]), "queued_at")
    return aggregate_share(source, "queued_at", source.rows.outbound)
