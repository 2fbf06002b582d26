"""Whose work a case was: who owned it at its end, who resolved it first, who answered first, who touched it."""

from __future__ import annotations

from typing import Any, Literal

import ibis

from ..case_log.backends import materialise
from ..case_log.cache import compute_once
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from .facts import case_history_table, inspect_events

#: ``owner`` of the case at its end, ``first`` who resolved it first, ``responder`` of the first public reply,
#: ``touch`` everybody who acted, ``writer`` everybody who wrote publicly.
Credit = Literal["owner", "first", "responder", "touch", "writer"]
#: Fields of an assignment that name a person; others name a team.
PERSON_FIELDS = ("agent", "agent_id", "assignee", "owner")


def has_agents(log: CaseLog) -> bool:
    """Return whether the events of a log tell which human agent acted."""
    facts = inspect_events(log)
    return bool(facts.role and facts.actor)


def acted_expr(log: CaseLog) -> Any:
    """Return the events of human agents, as an Ibis expression: case_id, at, seq, kind, public, agent."""
    events = log.table("events")
    acted = events.filter((events.actor_role == "agent") & events.actor_id.notnull())
    public = acted.public if "public" in events.columns else ibis.null("boolean")
    return acted.select("case_id", "at", "seq", "kind", agent=acted.actor_id, public=public)


def given_expr(log: CaseLog) -> Any:
    """Return the events that give a case to a person, as an Ibis expression: case_id, at, seq, agent."""
    events = log.table("events")
    given = events.filter((events.kind == "assigned") & events["field"].isin(PERSON_FIELDS) & events.new.notnull())
    return given.select("case_id", "at", "seq", agent=given.new)


def credited_agents(log: CaseLog, credit: Credit) -> Any:
    """Return whose work each case was, as a table that stays in the engine: case_id, agent, messages.

    The owner is whom the case was last assigned to until its resolution, where assignments name persons, else who acted
    last until then; what is done after the resolution is housekeeping. ``touch`` and ``writer`` have one row for each
    agent of a case, ``messages`` being the agent's own public ones.

    Examples
    --------
    >>> import pandas as pd
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    >>> events = pd.DataFrame({"case_id": "1", "kind": ["message", "resolved", "message"], "actor_role": "agent",
    ...     "actor_id": ["ann", "bob", "cid"], "public": True,
    ...     "at": ["2024-03-01T10:00Z", "2024-03-01T11:00Z", "2024-03-01T12:00Z"]})
    >>> log = CaseLog.from_frames(cases=cases, events=events)
    >>> [credited_agents(log, kind).execute()["agent"].tolist() for kind in ("owner", "responder")]
    [['bob'], ['ann']]
    """
    return compute_once(log, f"credit {credit}", lambda: materialise(_credit_expr(log, credit)))


def _credit_expr(log: CaseLog, credit: Credit) -> Any:
    acted = acted_expr(log)
    facts = inspect_events(log)
    spoke = acted.kind == "message"
    if facts.public:
        spoke = spoke & acted.public.fill_null(False)
    if credit == "touch":
        return acted.group_by("case_id", "agent").agg(messages=spoke.sum())
    if credit == "writer":
        wrote = acted.filter(spoke)
        return wrote.group_by("case_id", "agent").agg(messages=wrote.count())
    ordered = ibis.window(group_by="case_id", order_by=["at", "seq"])
    if credit == "responder":
        wrote = acted.filter(spoke)
        wrote = wrote.mutate(_rank=ibis.row_number().over(ordered))
        return wrote.filter(wrote["_rank"] == 0).select("case_id", "agent")
    history = case_history_table(log)
    end = history.first_resolved_at if credit == "first" else history.resolved_at
    ends = history.select(_of="case_id", _end=ibis.coalesce(end, ibis.literal(log.until)))
    last = _last_until(acted.select("case_id", "at", "seq", "agent"), ends)
    events = log.table("events")
    if credit == "first" or not {"field", "new"} <= set(events.columns):
        return last
    given = _last_until(given_expr(log), ends)
    given = given.rename(_case="case_id", _given="agent")
    joined = last.outer_join(given, last.case_id == given["_case"])
    return joined.select(
        case_id=ibis.coalesce(joined.case_id, joined["_case"]), agent=ibis.coalesce(joined["_given"], joined.agent)
    )


def _last_until(rows: Any, ends: Any) -> Any:
    """Return the agent of the last row of each case that is not after its end."""
    joined = rows.inner_join(ends, rows.case_id == ends["_of"])
    return last_agents(joined.filter(joined["at"] <= joined["_end"]))


def last_agents(rows: Any) -> Any:
    """Return the agent of the last row of each case; of rows at one time the last in their order."""
    ranked = rows.mutate(_rank=ibis.row_number().over(ibis.window(group_by="case_id", order_by=["at", "seq"])))
    return ranked.group_by("case_id").agg(agent=ranked.agent.argmax(ranked["_rank"]))


def find_team_of_agents(log: CaseLog) -> dict[str, str]:
    """Return the team with which each agent acted most often, of those that the log names.

    Examples
    --------
    >>> import pandas as pd
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    >>> events = pd.DataFrame({"case_id": "1", "kind": "message", "actor_role": "agent", "actor_id": "ann",
    ...     "team": ["a", "b", "b"], "at": ["2024-03-01T10:00Z", "2024-03-01T11:00Z", "2024-03-01T12:00Z"]})
    >>> find_team_of_agents(CaseLog.from_frames(cases=cases, events=events))
    {'ann': 'b'}
    """
    if not has_agents(log) or not log.has("events", "team"):
        return {}
    events = log.table("events")
    acted = events.filter((events.actor_role == "agent") & events.actor_id.notnull() & events.team.notnull())
    counts = fetch(acted.group_by(agent=acted.actor_id, team=acted.team).agg(times=acted.count()))
    most = counts.sort_values(["times", "team"], ascending=[False, True]).drop_duplicates("agent")
    return dict(sorted(zip(most["agent"], most["team"], strict=True)))
