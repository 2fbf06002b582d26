"""Turns of a conversation: from the oldest unanswered message of a customer to the next public reply."""

from __future__ import annotations

from typing import Any

import ibis

from ..case_log.log import CaseLog
from .facts import EventFacts


def turns_expr(log: CaseLog, facts: EventFacts) -> Any:
    """List the turns of customers in all conversations, as an Ibis expression.

    A turn begins with a public message of the customer that follows none or a reply, and ends with the next public
    message of a human agent; what a machine writes is no reply.

    Parameters
    ----------
    log
        A log with messages and the roles of those who wrote them.
    facts
        From :func:`~deskcast.features.cases.facts.inspect_events`.

    Returns
    -------
    Ibis table
        case_id, asked_at, replied_at (missing without a reply); where agents are known, agent who gave it.
    """
    events = log.table("events")
    public = events.public.fill_null(False) if facts.public else ibis.literal(True)
    talk = events.filter((events.kind == "message") & public & events.actor_role.isin(("customer", "agent")))
    ordered = ibis.window(group_by="case_id", order_by=["at", "seq"])
    following = ibis.window(group_by="case_id", order_by=["at", "seq"], preceding=0, following=None)
    who = {}
    if facts.actor:  # a first reply by nobody who is named is not that of the next one to write
        name = ibis.ifelse(talk.actor_role == "agent", talk.actor_id.fill_null(""), None)
        talk = talk.mutate(_name=name, _ahead=ibis.ifelse(name.notnull(), 1, 0).sum().over(following))
        who["agent"] = talk["_name"].max().over(ibis.window(group_by=["case_id", "_ahead"])).nullif("")
    replied = ibis.ifelse(talk.actor_role == "agent", talk.at, None)
    talk = talk.select(
        "case_id",
        asked_at=talk.at,
        replied_at=replied.min().over(following),
        role=talk.actor_role,
        before=talk.actor_role.lag().over(ordered),
        **who,
    )
    asks = (talk.role == "customer") & (talk.before.isnull() | (talk.before == "agent"))
    return talk.filter(asks).select("case_id", "asked_at", "replied_at", *who)
