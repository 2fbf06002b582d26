"""What every KPI means: the entries of the catalogue, as data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ..durations import parse_duration
from ..errors import InputError

Unit = Literal["count", "share", "s", "points", "score", "ratio", "money"]
Better = Literal["higher", "lower", ""]
Kind = Literal["count", "stock", "share", "duration", "score"]
_KIND_OF_UNIT: dict[str, Kind] = {"count": "count", "share": "share", "s": "duration"}


@dataclass(frozen=True)
class Kpi:
    """One KPI.

    Attributes
    ----------
    name, unit
        As in every output. A share lies in [0, 1]; durations are seconds.
    better
        ``higher``, ``lower``, or empty where neither is good in itself.
    needs
        Tables; ``a|b`` means that one of them is enough.
    definition
        What is counted, of what, and in which period.
    columns
        ``table.column`` that must hold values; ``a|b`` means the one whose table the log has.
    kinds
        Kinds of event of which one must occur.
    horizon_s
        For durations: the mean counts each one at most up to here.
    limited
        How names with another limit begin, such as ``responded_within_`` of ``responded_within_4h``.
    calendar
        Whether it counts in the opening hours of a calendar.
    measure
        ``total`` for what happened in a period, which adds up over segments and periods; ``stock`` for what is there at
        its end; empty for means and shares.
    """

    name: str
    unit: Unit
    better: Better
    needs: tuple[str, ...]
    definition: str
    columns: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    horizon_s: float | None = None
    limit_prefix: str = ""
    calendar: bool = False
    measure: Literal["total", "stock", ""] = ""

    @property
    def kind(self) -> Kind:
        """What kind of series its history is: a stock carries yesterday with it and is judged by its change."""
        return "stock" if self.measure == "stock" else _KIND_OF_UNIT.get(self.unit, "score")


_CASE_TABLES, _END_KINDS = ("cases", "events"), ("resolved", "closed")
_DAY_S = 86400.0
_REPLY = ("events.actor_role",)

#: All entries, in the order in which outputs show them.
# fmt: off
KPI_ENTRIES = (
    # flow
    Kpi("cases_opened", "count", "", ("cases|volumes",),
        "cases created in the period",
        measure="total"),
    Kpi("cases_resolved", "count", "higher", _CASE_TABLES,
        "cases whose final resolution falls in the period",
        kinds=_END_KINDS, measure="total"),
    Kpi("backlog", "count", "lower", _CASE_TABLES,
        "cases open at the end of the period",
        kinds=_END_KINDS, measure="stock"),
    Kpi("backlog_age", "s", "lower", _CASE_TABLES,
        "age of the cases open at the end of the period",
        kinds=_END_KINDS),
    *(Kpi(f"backlog_over_{days}d", "share", "lower", _CASE_TABLES,
          f"cases open at the end of the period for more than {days} day{'s' * (days > 1)} / cases open then; any "
          "other limit by name, such as backlog_over_12h",
          kinds=_END_KINDS, limit_prefix="backlog_over_") for days in (1, 2, 7, 30)),
    Kpi("resolution_rate", "share", "higher", _CASE_TABLES,
        "cases resolved in the period / (backlog at its start + opened and re-opened in it)",
        kinds=_END_KINDS),
    Kpi("contacts_offered", "count", "", ("contacts|volumes",),
        "calls and chats that entered a queue in the period",
        measure="total"),
    Kpi("abandonment_rate", "share", "lower", ("contacts|volumes",),
        "contacts abandoned in the queue / offered in the period and over; a callback is no abandonment",
        columns=("contacts.outcome|volumes.abandoned",)),
    Kpi("outbound_share", "share", "", ("contacts", "outbound_contacts"),
        "calls and chats that the desk began / all calls and chats, begun or offered in the period"),
    # speed
    Kpi("first_response_time", "s", "lower", _CASE_TABLES,
        "creation to the first public message of a human agent, for cases created in the period; cases "
        "without one are censored at their end or at the end of the log; mean up to 7 days",
        columns=_REPLY, kinds=("message",), horizon_s=7 * _DAY_S),
    Kpi("response_time", "s", "lower", _CASE_TABLES,
        "from the oldest unanswered message of the customer in the period to the next public message of a "
        "human agent; mean up to 7 days",
        columns=_REPLY, kinds=("message",), horizon_s=7 * _DAY_S),
    Kpi("resolution_time", "s", "lower", _CASE_TABLES,
        "creation to final resolution, for cases created in the period; open and merged cases are censored; "
        "mean up to 90 days",
        kinds=_END_KINDS, horizon_s=90 * _DAY_S),
    Kpi("first_resolution_time", "s", "lower", _CASE_TABLES,
        "creation to the first resolution, for cases created in the period; open and merged cases are "
        "censored; mean up to 90 days",
        kinds=_END_KINDS, horizon_s=90 * _DAY_S),
    Kpi("active_resolution_time", "s", "lower", _CASE_TABLES,
        "creation to final resolution without the time pending on the customer, for cases created in the period; open "
        "and merged cases are censored; mean up to 90 days",
        kinds=("paused",), horizon_s=90 * _DAY_S),
    Kpi("first_response_time_business", "s", "lower", _CASE_TABLES,
        "first_response_time in the opening hours of the calendar; mean up to 7 days of them",
        columns=_REPLY, kinds=("message",), horizon_s=7 * _DAY_S, calendar=True),
    Kpi("resolution_time_business", "s", "lower", _CASE_TABLES,
        "resolution_time in the opening hours of the calendar; mean up to 90 days of them",
        kinds=_END_KINDS, horizon_s=90 * _DAY_S, calendar=True),
    Kpi("responded_within_24h", "share", "higher", _CASE_TABLES,
        "cases created in the period with a first response within 24 hours / those that were open so long or "
        "got one; a case counts once 24 hours have passed; any other limit by name, such as responded_within_4h",
        columns=_REPLY, kinds=("message",), limit_prefix="responded_within_"),
    Kpi("resolved_within_2d", "share", "higher", _CASE_TABLES,
        "cases created in the period and resolved for good within 2 days / those that were not merged before; "
        "a case counts once 2 days have passed; any other limit by name, such as resolved_within_12h",
        kinds=_END_KINDS, limit_prefix="resolved_within_"),
    Kpi("sla_attainment", "share", "higher", ("cases", "events", "sla_policies"),
        "milestones met / (met + breached, finished or not), in the period in which each was decided: at its "
        "stop or when it fell due; all metrics, and each by itself as sla_attainment_<metric>"),
    Kpi("answer_time", "s", "lower", ("contacts|volumes",),
        "queue entry to answer, for contacts offered in the period; abandoned ones are censored; mean up to 1 "
        "hour; of an interval report the mean of the answered",
        columns=("contacts.answered_at|volumes.wait_s",), horizon_s=3600.0),
    Kpi("service_level", "share", "higher", ("contacts|volumes",),
        "contacts answered within 20 seconds / offered in the period, abandoned ones included; any other limit by "
        "name, such as service_level_60s; of an interval report within its own limit",
        columns=("contacts.answered_at|volumes.answered_in_target",), limit_prefix="service_level_"),
    Kpi("hold_time", "s", "lower", ("contacts|volumes",),
        "time on hold of a handled contact, by the period in which it was offered; mean up to 2 hours",
        columns=("contacts.hold_s|volumes.hold_s",), horizon_s=7200.0),
    Kpi("team_time", "s", "lower", _CASE_TABLES,
        "time that an open case stays with one team, from the event that brought it there (or opened it again) until "
        "it moves on or ends, for stays begun in the period; by team that of the stay; running ones are censored; mean "
        "up to 30 days",
        columns=("events.team",), horizon_s=30 * _DAY_S),
    Kpi("status_time", "s", "lower", _CASE_TABLES,
        "time that an open case stays in one status, for stays begun in the period; by status that of the stay; "
        "running ones are censored; mean up to 30 days",
        columns=("events.new",), kinds=("status",), horizon_s=30 * _DAY_S),
    Kpi("pending_time_per_case", "s", "lower", _CASE_TABLES,
        "time in which a case waited for its customer, mean over cases resolved in the period",
        kinds=("paused",)),
    Kpi("on_hold_time_per_case", "s", "lower", _CASE_TABLES,
        "time in which a case waited for others than its customer, mean over cases resolved in the period",
        kinds=("paused",)),
    # quality and effort
    Kpi("first_contact_resolution", "share", "higher", _CASE_TABLES,
        "cases with at most one message or call of an agent, not re-opened and with no new case of the "
        "customer of the same type within 7 days / cases first resolved in the period, once 7 days have "
        "passed; any other window by name, such as first_contact_resolution_30d",
        columns=("cases.customer_id", "events.actor_role"), kinds=_END_KINDS,
        limit_prefix="first_contact_resolution_"),
    Kpi("contacts_to_resolution", "count", "lower", ("cases", "events", "contacts"),
        "calls and chats linked to a case until its resolution, mean over cases resolved in the period",
        columns=("contacts.case_id",), kinds=_END_KINDS),
    Kpi("interactions_per_case", "count", "lower", _CASE_TABLES,
        "public messages of both sides, mean over cases resolved in the period",
        columns=_REPLY, kinds=("message",)),
    Kpi("customer_messages_per_case", "count", "lower", _CASE_TABLES,
        "public messages of the customer, mean over cases resolved in the period",
        columns=_REPLY, kinds=("message",)),
    Kpi("agent_messages_per_case", "count", "lower", _CASE_TABLES,
        "public messages of human agents, mean over cases resolved in the period",
        columns=_REPLY, kinds=("message",)),
    Kpi("agents_per_case", "count", "lower", _CASE_TABLES,
        "distinct human agents who acted, mean over cases resolved in the period",
        columns=("events.actor_role", "events.actor_id"), kinds=_END_KINDS),
    Kpi("transfer_rate", "share", "lower", _CASE_TABLES,
        "cases with a change of team after the first assignment / cases resolved in the period",
        columns=("events.team",), kinds=_END_KINDS),
    Kpi("ping_pong_rate", "share", "lower", _CASE_TABLES,
        "cases that came back to a team that had passed them on / cases resolved in the period",
        columns=("events.team",), kinds=_END_KINDS),
    Kpi("duplicate_rate", "share", "lower", _CASE_TABLES,
        "cases created while an earlier one of the same customer and type was open / cases of known customers created "
        "in the period",
        columns=("cases.customer_id",), kinds=_END_KINDS),
    Kpi("proactive_rate", "share", "", _CASE_TABLES,
        "cases that an agent, a bot or the system opened and in which the desk wrote or called before the customer / "
        "cases created in the period in which anybody wrote or called within 24 hours, once these have passed",
        columns=_REPLY, kinds=("created",)),
    Kpi("escalation_rate", "share", "lower", _CASE_TABLES,
        "cases that went up a tier / cases resolved in the period",
        kinds=("escalated",)),
    Kpi("reopen_rate", "share", "lower", _CASE_TABLES,
        "cases re-opened within 7 days / cases first resolved in the period, once 7 days have passed; any other window "
        "by name, such as reopen_rate_30d",
        kinds=("reopened",), limit_prefix="reopen_rate_"),
    Kpi("repeat_contact_rate", "share", "lower", ("cases",),
        "cases followed by another of the same customer within 7 days / cases of known customers created in "
        "the period, once 7 days have passed; any other window by name, such as repeat_contact_rate_30d",
        columns=("cases.customer_id",), limit_prefix="repeat_contact_rate_"),
    Kpi("csat", "share", "higher", ("surveys",),
        "scores of 4 or 5 of five / scores given in the period; the mean score stands beside it",
        columns=("surveys.kind=csat",)),
    Kpi("survey_response_rate", "share", "higher", ("surveys",),
        "surveys answered within 7 days / surveys offered to customers in the period, once 7 days have passed"),
    Kpi("nps", "points", "higher", ("surveys",),
        "100 x (share of scores 9-10 minus share of scores 0-6) of the answers given in the period",
        columns=("surveys.kind=nps",)),
    Kpi("ces", "score", "", ("surveys",),
        "mean effort score of the answers given in the period; which way is better depends on the scale",
        columns=("surveys.kind=ces",)),
    Kpi("agent_satisfaction", "score", "higher", ("surveys",),
        "mean score of the agents' own answers given in the period",
        columns=("surveys.kind=agent_satisfaction",)),
    Kpi("problem_solved_rate", "share", "higher", ("surveys",),
        "customers who say that it was solved / who answered that question in the period",
        columns=("surveys.problem_solved",)),
    # self-service
    Kpi("article_views", "count", "", ("article_views",),
        "views of help articles in the period",
        measure="total"),
    Kpi("views_per_case", "ratio", "", ("article_views", "cases"),
        "views of help articles / cases created in the period"),
    Kpi("article_read_time", "s", "", ("article_views",),
        "reading time of a view in the period; mean up to 1 hour",
        columns=("article_views.read_s",), horizon_s=3600.0),
    Kpi("article_left_within_10s", "share", "lower", ("article_views",),
        "views left within 10 seconds / views in the period whose reading time is known; any other limit by name, such "
        "as article_left_within_30s",
        columns=("article_views.read_s",), limit_prefix="article_left_within_"),
    Kpi("deflection_rate", "share", "higher", ("article_views", "cases"),
        "sessions with a view and no case within 24 hours / sessions begun in the period, once 24 hours have passed; "
        "by article_id a session counts for each article that it read, from the first view of it",
        columns=("article_views.case_id",)),
    Kpi("article_contacts", "count", "lower", ("contacts",),
        "calls and chats offered in the period that began on a help article",
        columns=("contacts.article_id",), measure="total"),
    Kpi("failed_search_rate", "share", "lower", ("searches",),
        "searches of the help centre that found nothing / searches in the period whose result is known; by article_id "
        "those of the sessions that read the article",
        columns=("searches.found",)),
    Kpi("screens_per_task", "count", "lower", ("tasks",),
        "screens, mean over completed tasks begun in the period",
        columns=("tasks.screens", "tasks.completed")),
    Kpi("clicks_per_task", "count", "lower", ("tasks",),
        "clicks, mean over completed tasks begun in the period",
        columns=("tasks.clicks", "tasks.completed")),
    Kpi("task_completion_rate", "share", "higher", ("tasks",),
        "tasks completed / tasks begun in the period whose outcome is known",
        columns=("tasks.completed",)),
    Kpi("automation_rate", "share", "higher", _CASE_TABLES,
        "cases in which no human agent acted / cases resolved in the period",
        columns=("events.actor_role", "events.actor_id"), kinds=_END_KINDS),
    # productivity and money
    Kpi("handle_time", "s", "", ("contacts|volumes",),
        "talk, hold and wrap-up of a contact offered in the period and answered; running ones are censored; "
        "mean up to 2 hours; of an interval report the mean of the answered",
        columns=("contacts.answered_at|volumes.handle_s", "contacts.ended_at|volumes.handle_s"), horizon_s=7200.0),
    Kpi("requests_per_agent", "ratio", "", _CASE_TABLES,
        "cases on which a human agent acted in the period, counted once for each agent / agents who acted in it",
        columns=("events.actor_role", "events.actor_id")),
    Kpi("contact_effort_per_case", "s", "lower", ("cases", "events", "contacts"),
        "talk, hold and wrap-up of all calls and chats of a case, by whoever took them, mean over cases resolved in "
        "the period; by agent the agent's own time, over the cases of which the agent took calls or chats",
        columns=("contacts.case_id", "contacts.answered_at", "contacts.ended_at"), kinds=_END_KINDS),
    Kpi("cases_per_agent_hour", "ratio", "higher", ("cases", "events", "agent_time"),
        "cases resolved in the period / paid agent hours in it",
        columns=("agent_time.paid",), kinds=_END_KINDS),
    Kpi("effort_per_case", "s", "lower", ("cases", "events", "agent_time"),
        "time handling in the period / cases resolved in it",
        kinds=_END_KINDS),
    Kpi("occupancy", "share", "", ("agent_time",),
        "time handling / time handling or available, in the period"),
    Kpi("utilisation", "share", "", ("agent_time",),
        "time handling / paid time, in the period",
        columns=("agent_time.paid",)),
    Kpi("availability", "share", "", ("agent_time",),
        "time handling or available / paid time, in the period",
        columns=("agent_time.paid",)),
    Kpi("cost", "money", "", ("costs",),
        "cost, spread evenly over its span; by cost_category that of one category",
        measure="total"),
    Kpi("cases_per_customer", "ratio", "lower", ("cases", "denominators"),
        "cases created in the period / customers, their mean over the period",
        columns=("denominators.customers",)),
    Kpi("cases_per_unit", "ratio", "lower", ("cases", "denominators"),
        "cases created in the period / units sold, spread evenly over their months",
        columns=("denominators.units",)),
    Kpi("cost_per_case", "money", "lower", ("cases", "events", "costs"),
        "cost, spread evenly over its span / cases resolved in the period",
        kinds=_END_KINDS),
    Kpi("cost_per_success", "money", "lower", ("cases", "events", "costs"),
        "cost, spread evenly over its span / cases first resolved in the period and not re-opened within 7 days, once "
        "7 days have passed",
        kinds=_END_KINDS),
    Kpi("value_settled", "money", "", _CASE_TABLES,
        "sum of the amounts of the cases resolved in the period; their mean stands beside it",
        columns=("cases.amount",), kinds=_END_KINDS),
    # field service
    Kpi("first_time_fix_rate", "share", "higher", ("repairs",),
        "repairs done on the first visit / repairs finished in the period",
        columns=("repairs.fixed_first_visit",)),
    Kpi("mttr", "s", "lower", ("repairs",),
        "failure to repair, for failures in the period; running ones are censored; mean up to 90 days",
        columns=("repairs.repaired_at",), horizon_s=90 * _DAY_S),
    Kpi("mtbf", "s", "higher", ("repairs",),
        "repair to the next failure of the asset, for repairs in the period; the running time is censored; mean up "
        "to 1 year",
        columns=("repairs.repaired_at",), horizon_s=365 * _DAY_S),
)
# fmt: on

_BY_NAME = {kpi.name: kpi for kpi in KPI_ENTRIES}
_BY_LIMIT_PREFIX = {kpi.limit_prefix: kpi for kpi in KPI_ENTRIES if kpi.limit_prefix}
_LIMIT_PATTERN = re.compile("(" + "|".join(_BY_LIMIT_PREFIX) + r")(\d.*)")


def add_kpi_entry(entry: Kpi) -> None:
    """Let the entry of a user's KPI be found."""
    _BY_NAME[entry.name] = entry


def remove_kpi_entry(name: str) -> None:
    """Forget the entry of a user's KPI."""
    del _BY_NAME[name]


def find_kpi(name: str) -> Kpi | None:
    """Return the entry of a KPI as histories name it: of one metric, or with a limit of its own; ``None`` if unknown.

    >>> [kpi and kpi.name for kpi in map(find_kpi, ["backlog", "sla_attainment_closing", "resolved_within_5d", "fish"])]
    ['backlog', 'sla_attainment', 'resolved_within_2d', None]
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.startswith("sla_attainment_"):
        return _BY_NAME["sla_attainment"]
    found = _LIMIT_PATTERN.fullmatch(name)
    return _BY_LIMIT_PREFIX[found[1]] if found and parse_kpi_limit_s(name) is not None else None


def parse_kpi_limit_s(name: str) -> float | None:
    """Return the limit in seconds that the name of a KPI states, ``None`` where it states none.

    >>> [parse_kpi_limit_s(name) for name in ("responded_within_90min", "service_level_60s", "backlog")]
    [5400.0, 60.0, None]
    """
    found = _LIMIT_PATTERN.fullmatch(name)
    if not found:
        return None
    try:
        return parse_duration(found[2]) or None
    except InputError:
        return None


def find_kpi_unit(kpi: str) -> Unit | Literal[""]:
    """Return the unit of a KPI as histories name it, nothing where it is not in the catalogue.

    >>> find_kpi_unit("backlog"), find_kpi_unit("sla_attainment_first_response"), find_kpi_unit("price_of_fish")
    ('count', 'share', '')
    """
    entry = find_kpi(kpi)
    return entry.unit if entry else ""
