"""How the KPIs of who did the work are counted."""

from __future__ import annotations

from ..calendars.instants import seconds_between
from ..cases.facts import case_history_table
from .aggregate import aggregate_mean, compute_ratio
from .cells import SegmentedRows, label_segments
from .queries import SumQuery
from .view import AGENT, LogView


def requests_per_agent(desk: LogView) -> SumQuery:
    """Put the cases that agents touched in a period, once for each agent, beside the agents who acted in it."""
    rows = desk.requests.rows
    return SumQuery(desk.requests, rows, "at", {"k": rows.count(), "agents": rows["_who"].nunique()}, compute_ratio)


def contact_effort_per_case(desk: LogView) -> SumQuery:
    """Average the time that calls and chats of a case took of all agents, or of each by whom it is split."""
    calls = desk.log.table("contacts")
    calls = calls.filter(calls.case_id.notnull() & calls.answered_at.notnull() & calls.ended_at.notnull())
    spent = seconds_between(calls.answered_at, calls.ended_at)
    if "wrap_s" in calls.columns:
        spent = spent + calls.wrap_s.fill_null(0.0)
    calls = calls.mutate(_spent=spent).filter(spent >= 0)
    own = desk.by_agent and "agent_id" in calls.columns
    calls = calls.group_by("case_id", *(["agent_id"] if own else [])).agg(_effort=calls["_spent"].sum())
    calls = calls.rename(_of="case_id")
    if not own:
        rows = desk.cases.rows
        joined = rows.left_join(calls, rows.case_id == calls["_of"]).drop("_of")
        return aggregate_mean(desk.cases.over(joined), "resolved_at", joined["_effort"].fill_null(0.0))
    rows = case_history_table(desk.log)
    mine = label_segments(rows.inner_join(calls, rows.case_id == calls["_of"]).rename({AGENT: "agent_id"}), desk.by)
    source = SegmentedRows(mine, desk.by, desk.opened.first, desk.clock)
    return aggregate_mean(source, "resolved_at", mine["_effort"])
