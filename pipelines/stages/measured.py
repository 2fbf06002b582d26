"""What agents' time says of the configuration: shrinkage, occupancy, adherence and chats at once, as they were."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ...features.case_log.cache import compute_once
from ...features.case_log.log import CaseLog
from ...features.kpis.cells import MISSING_SEGMENT
from ...forecasting.staffing.adherence import AWAY_ACTIVITIES, measure_teams
from ...forecasting.staffing.agent_days import ALL_TEAMS, split_agent_days
from ...forecasting.staffing.measured_concurrency import MIN_SHARE_AT_MOST, find_usual_maximum, measure_concurrency
from ...forecasting.staffing.measured_shrinkage import ALL_KINDS, measure_shrinkage
from ..project.project import Project
from ..words.facts import Cell, Fact, Finding
from ..words.figures import figure, setting
from ..words.words import format_queue
from .queue import FIGURES, PlannedQueue, only_segment

#: Time of agents is measured over this many last days: a year, so that each season counts once.
MEASURED_DAYS = 365
#: A configured share that is off by less than this changes no plan.
MIN_REPORTED_DIFFERENCE = 0.005

Tables = dict[str, pd.DataFrame]


def measure_agents(project: Project, queues: Mapping[str, PlannedQueue]) -> tuple[Tables, list[str]]:
    """Measure what the configuration of queues assumes of agents, and warn where that is off beyond its interval.

    Parameters
    ----------
    project
        Its log holds ``agent_time``, perhaps ``schedules``, and contacts that name their agents.
    queues
        The configured queues by name.

    Returns
    -------
    tables
        ``shrinkage`` (by queue, kind, weekday and month), ``team_time`` (by team) and ``concurrency`` (by queue of
        chats), each only where the log tells it.
    findings
        One sentence a queue and figure, for planners.
    """
    tables: Tables = {}
    findings: list[str] = []
    if project.log.has("agent_time", "end"):
        days = read_agent_days(project)
        for name, queue in queues.items():
            agents = find_agents(queue)
            own = days if agents is None else days[days["agent_id"].isin(agents)]
            table = measure_shrinkage(own)
            if table.empty:
                continue
            table.insert(0, "queue", name)
            tables["shrinkage"] = pd.concat([*([tables["shrinkage"]] if "shrinkage" in tables else []), table])
            findings.append(_shrinkage_sentence(queue, table))
        if len(days):
            tables["team_time"] = measure_teams(days, _read_plan(project))
            findings += _team_sentences(tables["team_time"])
    for name, queue in queues.items():
        chats = _read_chats(queue)
        if chats is not None and len(chats):
            chats.insert(0, "queue", name)
            tables["concurrency"] = pd.concat([*([tables["concurrency"]] if "concurrency" in tables else []), chats])
            findings.append(_concurrency_sentence(queue, chats))
    return {name: table.reset_index(drop=True) for name, table in tables.items()}, findings


def read_agent_days(project: Project) -> pd.DataFrame:
    """Return the time of agents in the last year, one state at a time and cut at midnight."""
    log = project.log
    rows = log.table("agent_time")
    recent = log.frame(rows.filter(rows.start > log.until - pd.Timedelta(days=MEASURED_DAYS)))
    return split_agent_days(recent, log.timezone, pd.Timestamp(log.until))


def _read_plan(project: Project) -> pd.DataFrame | None:
    """Return what agents were to do in the time that is over; ``None`` where no schedules are given."""
    log = project.log
    if not log.has("schedules"):
        return None
    rows = log.table("schedules")
    begin = log.until - pd.Timedelta(days=MEASURED_DAYS)
    plan = log.frame(rows.filter((rows.start > begin) & (rows.start < log.until)))
    return split_agent_days(plan, log.timezone, pd.Timestamp(log.until), state="activity")


def find_agents(queue: PlannedQueue) -> set[str] | None:
    """Return who worked on the contacts of a queue in the last year; ``None`` where the log does not tell."""
    log = queue.project.log
    if not log.has("contacts", "agent_id", *queue.where):
        return None
    found = compute_once(log, ("agents at work", *queue.where), lambda: _fetch_agents(log, tuple(queue.where)))
    return set(only_segment(found, queue.where)["agent_id"]) or None


def _fetch_agents(log: CaseLog, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return who worked on contacts of which segment in the last year, for all queues at once."""
    rows = log.table("contacts")
    rows = rows.filter(rows.agent_id.notnull() & (rows.queued_at > log.until - pd.Timedelta(days=MEASURED_DAYS)))
    return log.frame(rows.select("agent_id", *(c for c in columns if c != "agent_id")).distinct())


def _read_chats(queue: PlannedQueue) -> pd.DataFrame | None:
    log = queue.project.log
    if queue.spec.kind != "chat" or not log.has("contacts", "agent_id", "answered_at", "ended_at", *queue.where):
        return None
    rows = log.table("contacts")
    rows = rows.filter(rows.queued_at > log.until - pd.Timedelta(days=MEASURED_DAYS))
    for column, value in queue.where.items():
        rows = rows.filter(rows[column] == value)
    return measure_concurrency(log.frame(rows.select("agent_id", "answered_at", "ended_at")))


def _shrinkage_sentence(queue: PlannedQueue, table: pd.DataFrame) -> Finding:
    name, said = queue.name, format_queue(queue.name)

    def held(column: str, kind: str) -> Fact:
        cell = Cell("shrinkage", column, {"queue": name, "kind": ALL_KINDS, "period": "all"})
        return Fact.at(cell, {"shrinkage": table}, kind, name, "share", audience="planner")

    share, low, high = held("share", "measured shrinkage"), held("lo", "shrinkage, low"), held("hi", "shrinkage, high")
    given, sure = setting("shrinkage", queue.total_shrinkage, "share"), setting("interval", 0.95, "share")
    text = f"{said}: measured shrinkage {share} ({sure:%} interval {low} to {high}), configured {given}."
    if is_off(given.value, share.value, low.value, high.value):
        text += _advice(given.value < share.value, bool(table["kind"].isin(AWAY_ACTIVITIES).any()))
    return Finding(text, share, sure, low, high, given, audience="planner", names=[name, said])


def _advice(is_too_low: bool, knows_absence: bool) -> str:
    if is_too_low:
        return " The plan schedules too few agents: set the measured figure."
    if knows_absence:
        return " The plan schedules too many agents: set the measured figure."
    return " Absences are not recorded: add them before you lower the configured figure."


def is_off(given: float, measured: float, low: float, high: float) -> bool:
    """Tell whether a configured share is off beyond the interval of the measured one, and by enough to matter.

    >>> is_off(0.15, 0.21, 0.20, 0.22), is_off(0.15, 0.152, 0.151, 0.153), is_off(0.15, 0.21, float("nan"), 0.3)
    (True, False, False)
    """
    return abs(given - measured) >= MIN_REPORTED_DIFFERENCE and bool(given < low or given > high)


def _team_sentences(table: pd.DataFrame) -> list[str]:
    """Report the adherence of the team that keeps its schedule least; without schedules the highest occupancy."""
    ratio = "adherence" if "adherence" in table else "occupancy"
    known = table[table[ratio].notna() & (table["team"] != MISSING_SEGMENT)]
    if known.empty:
        return []
    order = known.sort_values([ratio, "team"], ascending=ratio == "adherence")
    team = str(order["team"].iloc[0])

    def held(column: str) -> Fact:
        cell = Cell("team_time", column, {"team": team})
        return Fact.at(cell, {"team_time": table}, column, team, "share", audience="planner")

    value, low, high = held(ratio), held(f"{ratio}-lo"), held(f"{ratio}-hi")
    which = "lowest" if ratio == "adherence" else "highest"
    text = f"Team {team} has the {which} {ratio}: {value} ({low} to {high})."
    if len(known) == 1:
        text = f"{ratio.capitalize()} of {'all agents' if team == ALL_TEAMS else team}: {value} ({low} to {high})."
    return [Finding(text, value, low, high, audience="planner", names=[team])]


def _concurrency_sentence(queue: PlannedQueue, table: pd.DataFrame) -> Finding:
    """Report how many chats agents hold, and whether the configured number is the one that they work to."""
    name, said, given = queue.name, format_queue(queue.name), queue.spec.concurrency
    mean, low, high = table.attrs["mean"]
    held = [
        figure(FIGURES, kind, name, value, "ratio", audience="planner")
        for kind, value in (("mean chats at once", mean), ("mean chats, low", low), ("mean chats, high", high))
    ]
    most = figure(FIGURES, "usual most chats at once", name, find_usual_maximum(table), audience="planner")
    configured = setting("concurrency", given)
    average, least, top = held
    text = f"{said}: agents hold {average} chats at once on average ({least} to {top}), and usually {most} at most."
    facts = [*held, most]
    if is_concurrency_off(table, given):
        text += f" Configured are {configured}."
        facts.append(configured)
    return Finding(text, *facts, audience="planner", names=[name, said])


def is_concurrency_off(table: pd.DataFrame, given: float) -> bool:
    """Tell whether agents beyond doubt hold more chats than configured, or never as many.

    >>> table = pd.DataFrame({"chats": [1, 2], "share-lo": [0.6, 0.3], "share-hi": [0.7, 0.4]})
    >>> [is_concurrency_off(table, given) for given in (1, 2, 3)]
    [True, False, True]
    """
    more, reached = table[table["chats"] > given], table[table["chats"] > given - 1]
    return bool(more["share-lo"].sum() > MIN_SHARE_AT_MOST or reached["share-hi"].sum() < MIN_SHARE_AT_MOST)
