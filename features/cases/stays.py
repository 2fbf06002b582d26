"""Where a case was while it was open: its stays with one team, or in one status, each with a clock of its own."""

from __future__ import annotations

from typing import Any, Literal

import ibis

from ..calendars.instants import seconds_between
from ..case_log.backends import materialise
from ..case_log.cache import compute_once
from ..case_log.log import CaseLog
from ..errors import InputError
from .facts import case_history_table
from .transitions import transitions_expr

StayKind = Literal["team", "status"]


def stays_expr(log: CaseLog, kind: StayKind) -> Any:
    """List the stays of all cases with a team or in a status, as an Ibis expression.

    A stay begins when an open case comes to a team (or status), is created with a team or opened again with it, and
    ends when the case moves on or ends. Of several changes at one instant the last one counts, and what lasts no time
    is no stay.

    Parameters
    ----------
    log
        A log with events that name teams or statuses.
    kind
        ``team`` or ``status``: it is also the name of the column.

    Returns
    -------
    Ibis table
        case_id, begun_at, left_at (missing while it runs), the team or status, given_by (who had the case before;
        missing after a creation or a re-opening), next (who had it afterwards), spent_s (up to the end of the log).

    Raises
    ------
    InputError
        If events name no teams, or no statuses.

    Examples
    --------
    >>> import pandas as pd
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    >>> events = pd.DataFrame({"case_id": "1", "kind": ["assigned", "assigned", "resolved"], "team": ["a", "b", "b"],
    ...     "at": ["2024-03-01T09:00Z", "2024-03-01T11:00Z", "2024-03-01T12:00Z"]})
    >>> stays_expr(CaseLog.from_frames(cases=cases, events=events), "team").execute()[["team", "next", "spent_s"]]
      team next  spent_s
    0    a    b   7200.0
    1    b  NaN   3600.0
    """
    column = "team" if kind == "team" else "new"
    if not log.has("events", column):
        raise InputError(
            f"stays by {kind} cannot be followed: missing column", where="events", column=column, code="column.missing"
        )
    here = _follow(log, kind)
    ordered = ibis.window(group_by="case_id", order_by="at")
    here = here.mutate(before=here.where.lag().over(ordered))
    moved = here.filter((here.where != here.before).fill_null(here.where.notnull() | here.before.notnull()))
    moved = moved.mutate(left_at=moved["at"].lead().over(ordered), next=moved.where.lead().over(ordered))
    stays = moved.filter(moved.where.notnull())
    spent = seconds_between(stays["at"], ibis.coalesce(stays.left_at, ibis.literal(log.until)))
    stays = stays.select(
        "case_id", "left_at", "next", begun_at=stays["at"], given_by=stays.before, spent_s=spent, **{kind: stays.where}
    )
    return stays.filter(stays.spent_s > 0).order_by("case_id", "begun_at")


def find_stays(log: CaseLog, kind: StayKind) -> Any:
    """Return what :func:`stays_expr` gives, computed once for a log."""
    return compute_once(log, f"stays {kind}", lambda: materialise(stays_expr(log, kind)))


def _follow(log: CaseLog, kind: StayKind) -> Any:
    """Return where each case was after every instant at which anything changed; missing while it is not open."""
    events, cases = log.table("events"), case_history_table(log).select("case_id", "created_at")
    value = events.team if kind == "team" else ibis.ifelse(events.kind == "status", events.new, None)
    told = events.select("case_id", "at", "seq", value=value).filter(lambda rows: rows.value.notnull())
    if kind == "team" and log.has("cases", "team"):  # with whom a case was created, whatever its events begin with
        rows = log.table("cases").filter(lambda rows: rows.team.notnull())
        first = rows.select("case_id", at="created_at", seq=ibis.literal(-1, "int64"), value="team")
        told = first.union(told.mutate(seq=told.seq.cast("int64")))
    told = told.inner_join(cases, "case_id")
    told = told.select(
        "case_id", at=ibis.greatest(told["at"], told.created_at), seq="seq", value="value", opens=ibis.null("int64")
    )
    turns = transitions_expr(log)
    opens = ibis.ifelse(turns.change.isin(("opened", "reopened")), 1, 0).cast("int64")  # PostgreSQL casts no boolean
    turns = turns.select("case_id", "at", "seq", value=ibis.null("string"), opens=opens)
    marks = told.union(turns)
    marks = marks.group_by("case_id", "at").agg(
        value=marks.value.argmax(marks.seq, where=marks.value.notnull()),
        opens=marks.opens.argmax(marks.seq, where=marks.opens.notnull()),
    )
    so_far = ibis.window(group_by="case_id", order_by="at", preceding=None, following=0)
    marks = marks.mutate(
        _value=ibis.ifelse(marks.value.notnull(), 1, 0).sum().over(so_far),
        _opens=ibis.ifelse(marks.opens.notnull(), 1, 0).sum().over(so_far),
    )
    marks = marks.mutate(
        value=marks.value.max().over(ibis.window(group_by=["case_id", "_value"])),
        opens=marks.opens.max().over(ibis.window(group_by=["case_id", "_opens"])),
    )
    return marks.select("case_id", "at", where=ibis.ifelse(marks.opens == 1, marks.value, None))
