"""The stage on staffing: agents by interval for calls and chats, people for case work, and shifts that cover them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...features.calendars.opening_hours import parse_opening_hours
from ...features.durations import parse_duration
from ...features.errors import InputError
from ...forecasting.scheduling.schedule import shift_schedule
from ...forecasting.scheduling.shift_patterns import shift_patterns
from ...forecasting.simulation.check_plan import check_plan
from ...forecasting.staffing.required_agents import required_chat_agents
from ...forecasting.staffing.staffing_plan import scheduled_agents, staffing_plan
from ...forecasting.volume.forecast import forecast
from ..project.project import Project
from ..project.specs import ShiftSpec, StaffingSpec
from ..stage import Stage
from ..words.words import format_count, format_number
from .casework import clear_cases, plan_cases
from .forecast import forecast_context
from .queue import estimate_aht, interval_freq, queue_arrivals, queue_segments

#: The search for a schedule ends after so many seconds with the best so far, and says its gap.
MAX_SCHEDULE_SEARCH_S = 20.0


def staff_stage(project: Project, *, simulate: bool = False, clear_by: str | None = None) -> Stage:
    """Turn the arrivals of each configured queue into people, with the risk of being short, and cover them by shifts.

    Parameters
    ----------
    simulate
        Play the plans of calls and chats many times and put what happens beside the formulas.
    clear_by
        An instant by which today's backlog of case work is to be cleared, on the clock of its calendar.

    Returns
    -------
    Stage
        Tables ``staffing`` (calls and chats by interval), and where they are configured ``casework`` (people, backlog
        and risk by slot), ``schedule`` (people by shift pattern) and ``coverage`` (need against people there); where
        they are asked for ``simulated`` (by queue and day) and ``clearing`` (chance by number of people).
    """
    config = project.config
    if not config.staffing:
        return Stage("staff", skipped="No queue is configured: add a [staffing.NAME] section.")
    plans: dict[str, pd.DataFrame] = {}
    findings: list[str] = []
    skipped: list[str] = []
    for name, spec in config.staffing.items():
        try:
            plans[name], words = (
                plan_cases(project, name, spec) if spec.kind == "cases" else plan_queue(project, name, spec)
            )
        except InputError as error:
            skipped.append(f"{name}: {error}")
            continue
        findings += words
    if not plans:
        return Stage("staff", skipped="; ".join(skipped), refused=True)
    tables = _tables(project, plans)
    schedules = {q: _schedule(project, q, plan) for q, plan in plans.items() if _shifts_of(project, q)}
    for queue, (schedule, sentence) in schedules.items():
        tables["schedule"] = _add(tables.get("schedule"), schedule.table, queue)
        tables["coverage"] = _add(tables.get("coverage"), schedule.coverage, queue)
        findings.append(sentence)
    if simulate:
        tables["simulated"], words = _simulated(project, plans)
        findings += words
    for queue in plans if clear_by else ():
        if config.staffing[queue].kind == "cases":
            cleared, sentence = clear_cases(project, queue, config.staffing[queue], str(clear_by))
            tables["clearing"] = _add(tables.get("clearing"), cleared, queue)
            findings.append(sentence)
    findings += [f"Not planned: {s}" for s in skipped]
    staffing = tables["staffing"]
    hours = sum(float((p["agents"]).sum()) * config.staffing[q].interval_s / 3600 for q, p in plans.items())
    metrics = {"agent_hours": hours, "peak": float(staffing["agents"].max()) if len(staffing) else 0.0}
    return Stage("staff", tables, tuple(findings), {"queues": len(plans)}, metrics, refused=bool(skipped))


def plan_queue(project: Project, name: str, spec: StaffingSpec) -> tuple[pd.DataFrame, list[str]]:
    """Plan one queue of calls or chats: forecast its arrivals and find the agents that keep its promise.

    Raises
    ------
    InputError
        If the arrivals carry no time of day, or no handle time is known.
    """
    freq, where = interval_freq(spec.interval_s), queue_segments(project.log, name, spec)
    arrivals = queue_arrivals(project.log, where, freq)
    aht, basis = estimate_aht(project.log, where, spec, name)
    context = forecast_context(project.config, project, spec.calendar)
    slots = round(spec.horizon_days * 86400 / spec.interval_s)
    ahead = forecast(arrivals, slots, freq, levels=(80, 95), windows=6, **context)
    plan = (chat_plan if spec.kind == "chat" else call_plan)(ahead, aht, spec, name)
    return plan, _queue_sentences(name, plan, spec, basis)


def call_plan(ahead: pd.DataFrame, aht: float, spec: StaffingSpec, name: str) -> pd.DataFrame:
    """Return the agents for calls by interval, as :func:`deskcast.forecasting.staffing_plan` gives them."""
    return staffing_plan(
        ahead,
        aht=aht,
        interval=spec.interval_s,
        service_level=spec.service_level,
        threshold=spec.within_s,
        max_occupancy=spec.max_occupancy,
        patience=spec.patience_s,
        shrinkage=_shrinkage(spec),
        queue=name,
        confidence=spec.confidence,
    )


def chat_plan(ahead: pd.DataFrame, aht: float, spec: StaffingSpec, name: str) -> pd.DataFrame:
    """Return the agents for chats by interval, with the columns of a plan for calls.

    The risk of being short is not known for chats: the column is missing.
    """
    rules: dict[str, Any] = {"concurrency": spec.concurrency, "slowdown": spec.slowdown, "interval": spec.interval_s}
    rules |= {"service_level": spec.service_level, "threshold": spec.within_s, "patience": spec.patience_s}
    need = required_chat_agents(ahead["deskcast"], aht, **rules)
    high = required_chat_agents(ahead["deskcast-hi-80"].clip(lower=0), aht, **rules)
    plan = pd.DataFrame(
        {"queue": name, "ds": ahead["ds"], "calls": ahead["deskcast"], "calls_hi": ahead["deskcast-hi-80"]}
    )
    plan["aht_s"] = aht
    for column in ("load", "agents"):
        plan[column] = need[column].to_numpy()
    plan["agents_to_schedule"] = scheduled_agents(need["agents"], _shrinkage(spec))
    plan["agents_hi"] = high["agents"].to_numpy()
    for column in ("service_level", "occupancy"):
        plan[column] = need[column].to_numpy()
    return plan.assign(
        mean_wait_s=need["mean_wait"].to_numpy(), miss_probability=np.nan, binding=need["binding"].to_numpy()
    )


def _shrinkage(spec: StaffingSpec) -> Any:
    return dict(spec.shrinkage) if isinstance(spec.shrinkage, dict) else spec.shrinkage


def _tables(project: Project, plans: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    kinds = {name: project.config.staffing[name].kind for name in plans}
    waiting = [p for n, p in plans.items() if kinds[n] != "cases"]
    work = [p.assign(queue=n) for n, p in plans.items() if kinds[n] == "cases"]
    tables = {
        "staffing": pd.concat(waiting, ignore_index=True)
        if waiting
        else pd.DataFrame(columns=["queue", "agents_to_schedule"])
    }
    if work:
        frame = pd.concat(work, ignore_index=True)
        tables["casework"] = frame[["queue", *[c for c in frame.columns if c != "queue"]]]
    return tables


def _add(table: pd.DataFrame | None, more: pd.DataFrame, queue: str) -> pd.DataFrame:
    named = more.copy()
    named.insert(0, "queue", queue)
    return named if table is None else pd.concat([table, named], ignore_index=True)


def _shifts_of(project: Project, queue: str) -> dict[str, ShiftSpec]:
    return {kind: spec for kind, spec in project.config.shifts.items() if spec.queue == queue}


def _schedule(project: Project, queue: str, plan: pd.DataFrame) -> tuple[Any, str]:
    """Cover the people that a queue needs by the configured shifts, and say how well that goes."""
    kinds = _shifts_of(project, queue)
    patterns = [pattern for kind, spec in kinds.items() for pattern in build_shift_patterns(kind, spec)]
    limits = {kind: float(spec.max_agents) for kind, spec in kinds.items() if spec.max_agents is not None}
    slot = project.config.staffing[queue].interval_s
    found = shift_schedule(
        plan[["ds", "agents_to_schedule"]],
        patterns,
        column="agents_to_schedule",
        slot_s=slot,
        limits=limits or None,
        seconds=MAX_SCHEDULE_SEARCH_S,
    )
    short = float(found.coverage["understaffed"].sum()) * slot / 3600
    people = int(found.table["scheduled_agents"].sum()) if len(found.table) else 0
    missing = f"{format_number(round(short, 1))} hours stay uncovered" if short > 0.05 else "every interval is covered"
    crew = format_count(people, "person").replace("persons", "people")
    return found, (
        f"{queue}: {crew} in {format_count(len(found.table), 'shift pattern')} for "
        f"{format_number(round(found.hours))} paid hours; "
        f"{missing}; no schedule saves more than {found.gap:.1%} of its cost."
    )


def _simulated(project: Project, plans: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, list[str]]:
    """Play the plans of calls and chats, and say how the promise fares by day and over all."""
    parts, words = [], []
    for queue, plan in plans.items():
        spec = project.config.staffing[queue]
        if spec.kind == "cases" or plan["calls"].sum() == 0:
            continue
        found = check_plan(
            plan[plan["calls"] > 0],
            interval=spec.interval_s,
            service_level=spec.service_level,
            threshold=spec.within_s,
            patience=spec.patience_s,
            concurrency=spec.concurrency if spec.kind == "chat" else 1,
            slowdown=spec.slowdown if spec.kind == "chat" else 0.0,
        )
        parts.append(found[found["period"] != "interval"])
        whole = found[found["period"] == "all"].to_dict("records")[0]
        words.append(
            f"{queue}: played 100 times, {whole['service_level']:.1%} are answered in time (99 % sure: "
            f"{whole['service_level_lo']:.1%} to {whole['service_level_hi']:.1%}) where the formula says "
            f"{whole['formula_service_level']:.1%}, if the forecast is right."
        )
    if not parts:
        raise InputError("there is no plan of calls or chats to simulate")
    return pd.concat(parts, ignore_index=True), words


def build_shift_patterns(kind: str, spec: ShiftSpec) -> list[Any]:
    """Return the shift patterns of one kind of contract."""
    place = f"[shifts.{kind}]"
    return shift_patterns(
        kind,
        lengths_s=[parse_duration(text, where=place, column="lengths") for text in spec.lengths],
        first_start_s=clock_seconds(spec.first_start, place, "first_start"),
        last_end_s=clock_seconds(spec.last_end, place, "last_end"),
        step_s=spec.step_s,
        break_s=spec.break_s,
        days_per_week=spec.days_per_week,
        workdays=[
            day for day, hours in enumerate(parse_opening_hours({d: ["00:00-24:00"] for d in spec.days})) if hours
        ],
    )


def clock_seconds(text: str, where: str, column: str) -> float:
    """Return the seconds after midnight of a time such as ``07:30``; after midnight it may be ``26:00``.

    >>> clock_seconds("07:30", "[shifts.early]", "first_start")
    27000.0
    """
    hours, _, minutes = text.partition(":")
    if not (hours.isdigit() and minutes.isdigit() and int(minutes) < 60 and int(hours) <= 48):
        raise InputError("this is no time of day", where=where, column=column, got=text, wanted="such as '07:30'")
    return 3600.0 * int(hours) + 60.0 * int(minutes)


def _queue_sentences(name: str, plan: pd.DataFrame, spec: StaffingSpec, basis: str) -> list[str]:
    if not len(plan) or plan["agents"].max() == 0:
        return [f"{name}: nothing is expected, so nobody is needed."]
    busiest = plan.iloc[int(plan["agents"].to_numpy().argmax())]
    open_slots = plan[plan["calls"] > 0]
    share = np.average(open_slots["service_level"], weights=open_slots["calls"]) if len(open_slots) else float("nan")
    risk = np.average(open_slots["miss_probability"], weights=open_slots["calls"]) if len(open_slots) else float("nan")
    hours = (plan["agents"] * spec.interval_s / 3600).sum()
    crew = format_count(int(busiest["agents_to_schedule"]), "person").replace("persons", "people")
    first = (
        f"{name}: at most {format_count(int(busiest['agents']), 'agent')} at once "
        f"({busiest['ds']:%a %d %b %H:%M}), {crew} "
        f"with shrinkage {_whole_shrinkage(spec):.0%}, {format_number(round(hours))} agent hours in "
        f"{format_count(spec.horizon_days, 'day')}; handle time {format_number(round(busiest['aht_s']))} s ({basis})."
    )
    second = (
        f"{name}: with these agents {share:.0%} are answered within {format_number(spec.within_s)} s if the "
        "forecast is right"
    )
    if not np.isnan(risk):
        second += (
            f"; as it may be wrong, an arrival meets an interval that misses its target with probability {risk:.0%}"
        )
    top = format_count(int(plan["agents_hi"].max()), "agent")
    return [first, f"{second}; to be 80 % sure the peak needs {top}."]


def _whole_shrinkage(spec: StaffingSpec) -> float:
    shares = spec.shrinkage.values() if isinstance(spec.shrinkage, dict) else [spec.shrinkage]
    return 1.0 - float(np.prod([1.0 - float(s) for s in shares]))  # type: ignore[arg-type]
