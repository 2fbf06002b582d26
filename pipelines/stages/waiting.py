"""Who waits for whom, as a stage: the time of open cases by team and by status, and between teams."""

from __future__ import annotations

import math

import pandas as pd

from ...features.case_log.fetch import fetch
from ...features.cases.credits import has_agents
from ...features.errors import InputError
from ...features.kpis.availability import describe_missing_data
from ...features.kpis.waiting_table import WAITING_COLUMNS, measure_waiting, measure_waiting_between
from ..project.project import Project
from ..stage import Stage
from ..words.facts import Cell, Fact, Finding
from ..words.figures import figure, figures_table, setting
from .people import MIN_PEOPLE

FIGURES = "waiting_figures"
#: Days before the end of the log that are counted.
DEFAULT_DAYS = 365
#: Where time is looked for -> the KPI that says whether the log can tell.
_PLACES = {"team": "team_time", "status": "status_time"}


def waiting_stage(project: Project, days: int = DEFAULT_DAYS) -> Stage:
    """Measure where the time of open cases goes.

    Returns
    -------
    Stage
        Tables ``waiting_times`` (:func:`deskcast.features.kpis.waiting_table.measure_waiting`) and ``waiting_between``
        (:func:`~deskcast.features.kpis.waiting_table.measure_waiting_between`). Teams of fewer than three people are
        left out, as their figures would be those of a person.

    Raises
    ------
    InputError
        If events name neither teams nor statuses.
    """
    log = project.log
    places = [place for place, kpi in _PLACES.items() if not describe_missing_data(log, kpi)]
    if not places:
        lack = describe_missing_data(log, "team_time")
        raise InputError(f"waiting cannot be measured: the log {lack}", where="events", code="kpi.unavailable")
    first = fetch(log.table("cases").aggregate(at=lambda cases: cases.created_at.min()))["at"].iloc[0]
    if pd.notna(first):
        days = min(days, max(1, math.ceil((log.until - first) / pd.Timedelta(days=1))))  # no more than the log has
    since = log.until - pd.Timedelta(days=days)
    small = find_small_teams(project)
    parts = [measure_waiting(log, place, since) for place in _PLACES if place in places]  # type: ignore[arg-type]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(WAITING_COLUMNS))
    table = table[~((table["place"] == "team") & table["name"].isin(small))].reset_index(drop=True)
    tables = {"waiting_times": table}
    if "team" in places:
        pairs = measure_waiting_between(log, since)
        hidden = pairs["given_by"].isin(small) | pairs["team"].isin(small)
        tables["waiting_between"] = pairs[~hidden].reset_index(drop=True)
    findings = _sentences(tables, days, small)
    return Stage("waiting", tables | figures_table(FIGURES, findings), tuple(findings), {}, {"rows": float(len(table))})


def find_small_teams(project: Project) -> set[str]:
    """Return the teams with which fewer people acted than may be shown as a group, where the log names people."""
    log = project.log
    if not has_agents(log) or not log.has("events", "team"):
        return set()
    rows = log.table("events")
    rows = rows.filter((rows.actor_role == "agent") & rows.actor_id.notnull() & rows.team.notnull())
    people = fetch(rows.group_by("team").agg(people=rows.actor_id.nunique())).set_index("team")["people"]
    return set(people.index[people < MIN_PEOPLE])


def _sentences(tables: dict[str, pd.DataFrame], days: int, small: set[str]) -> list[Finding]:
    span, found = setting("days", days), []
    for place, word in (("team", "with"), ("status", "in status")):
        mine = tables["waiting_times"][tables["waiting_times"]["place"] == place]
        if mine.empty:
            continue
        name = mine["name"].iloc[int(mine["open_hours"].to_numpy().argmax())]
        keys = {"place": place, "name": name}
        share, half, stays = (
            Fact.at(Cell("waiting_times", column, keys), tables, column, f"{place} {name}", unit)
            for column, unit in (("share", "share"), ("median_s", "s"), ("stays", "count"))
        )
        text = f"In {span:day}, open cases spent most time {word} {name}: {share} of it, {stays:stay}"
        tail, more = _describe_half(half, "them")
        found.append(Finding(f"{text}, {tail}.", span, share, stays, *more, audience="everyone"))
    pairs = tables.get("waiting_between")
    if pairs is not None and len(pairs):
        row = pairs.iloc[0]
        keys = {"given_by": row["given_by"], "team": row["team"]}
        subject = f"{row['given_by']} for {row['team']}"
        stays, half = (
            Fact.at(Cell("waiting_between", column, keys), tables, column, subject, unit)
            for column, unit in (("stays", "count"), ("median_s", "s"))
        )
        text = f"{row['given_by']} waits most for {row['team']}: {stays:hand-over}"
        tail, more = _describe_half(half, "the waits")
        found.append(Finding(f"{text}, {tail}.", stays, *more, audience="everyone"))
    if small:
        count, limit = (
            figure(FIGURES, "teams left out", "all", float(len(small))),
            setting("people of a group", MIN_PEOPLE),
        )
        text = f"{count:team} of fewer than {limit} people left out, as figures would be those of a person."
        found.append(Finding(text, count, limit, audience="planner"))
    return found


def _describe_half(median: Fact, noun: str) -> tuple[str, list[Fact]]:
    """State the median; where more than half of the stays still run there is none yet."""
    if pd.isna(median.value):
        return f"more than half of {noun} not over yet", []
    return f"half of {noun} longer than {median}", [median]
