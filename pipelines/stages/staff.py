"""The stage on staffing: agents by interval for calls and chats, people for case work, and shifts that cover them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...features.calendars.opening_hours import parse_opening_hours
from ...features.durations import parse_duration
from ...features.errors import InputError
from ...forecasting.scheduling.schedule import shift_schedule
from ...forecasting.scheduling.shift_patterns import shift_patterns
from ...forecasting.simulation.check_plan import check_plan
from ...forecasting.staffing.shrinkage import total_shrinkage
from ...forecasting.staffing.staffing_plan import plan_for_target
from ..project.project import Project
from ..project.specs import ShiftSpec, StaffingSpec
from ..stage import Stage
from ..words.words import format_count, format_number
from .casework import CaseWork, clear_cases, gather_case_work, plan_cases
from .queue import PlannedQueue, interval_freq, queue_arrivals, read_shrinkage


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
    queues = {name: PlannedQueue(project, name, spec) for name, spec in config.staffing.items()}
    plans: dict[str, pd.DataFrame] = {}
    work: dict[str, CaseWork] = {}
    findings: list[str] = []
    skipped: list[str] = []
    for name, queue in queues.items():
        try:
            if queue.spec.kind == "cases":
                work[name] = gather_case_work(queue)
                plans[name], words = plan_cases(queue, work[name])
            else:
                plans[name], words = plan_queue(queue)
        except InputError as error:
            skipped.append(f"{name}: {error}")
            continue
        findings += words
    if not plans:
        return Stage("staff", skipped="; ".join(skipped), refused=True)
    planned = [(queues[name], plan) for name, plan in plans.items()]
    tables = _tables(planned)
    for queue, plan in planned:
        if not queue.shifts:
            continue
        try:
            schedule, sentence = _schedule(queue, plan)
        except InputError as error:
            skipped.append(f"shifts of {queue.name}: {error}")
            continue
        tables["schedule"] = _add(tables.get("schedule"), schedule.table, queue.name)
        tables["coverage"] = _add(tables.get("coverage"), schedule.coverage, queue.name)
        findings.append(sentence)
    if simulate:
        tables["simulated"], words = _simulated(planned)
        findings += words
    for name in [name for name in plans if name in work] if clear_by else ():
        cleared, sentence = clear_cases(queues[name], work[name], str(clear_by))
        tables["clearing"] = _add(tables.get("clearing"), cleared, name)
        findings.append(sentence)
    findings += [f"Not planned: {s}" for s in skipped]
    staffing = tables["staffing"]
    hours = sum(float(plan["agents"].sum()) * queue.spec.interval_s / 3600 for queue, plan in planned)
    metrics = {"agent_hours": hours, "peak": float(staffing["agents"].max()) if len(staffing) else 0.0}
    return Stage("staff", tables, tuple(findings), {"queues": len(plans)}, metrics, refused=bool(skipped))


def plan_queue(queue: PlannedQueue) -> tuple[pd.DataFrame, list[str]]:
    """Plan one queue of calls or chats: forecast its arrivals and find the agents that keep its promise.

    Raises
    ------
    InputError
        If the arrivals carry no time of day, or no handle time is known.
    """
    arrivals = queue_arrivals(queue.project.log, queue.where, interval_freq(queue.spec.interval_s))
    _, basis = queue.handle_time
    ahead = queue.forecast(arrivals)
    levels: tuple[int, ...] = (80,) if queue.spec.kind == "chat" else (80, 95)
    known = (queue.target, queue.shrinkage, levels, queue.name, queue.spec.confidence)
    plan = plan_for_target(ahead, queue.handle_times(ahead["ds"]), *known)
    return plan, _queue_sentences(queue, plan, basis)


def _tables(planned: list[tuple[PlannedQueue, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    waiting = [plan for queue, plan in planned if queue.spec.kind != "cases"]
    work = [plan.assign(queue=queue.name) for queue, plan in planned if queue.spec.kind == "cases"]
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


def _schedule(queue: PlannedQueue, plan: pd.DataFrame) -> tuple[Any, str]:
    """Cover the required agents of a queue by the configured shifts, and say how well that goes."""
    patterns = [pattern for kind, shift in queue.shifts.items() for pattern in build_shift_patterns(kind, shift)]
    limits = {kind: float(shift.max_agents) for kind, shift in queue.shifts.items() if shift.max_agents is not None}
    found = shift_schedule(
        plan[["ds", "agents"]],
        patterns,
        column="agents",
        slot_s=queue.spec.interval_s,
        limits=limits or None,
        shrinkage=queue.total_shrinkage,
        calendar=queue.calendar,
    )
    return found, _schedule_sentence(queue, found)


def _schedule_sentence(queue: PlannedQueue, found: Any) -> str:
    short = float(found.coverage["understaffed"].sum()) * queue.hours
    agents = int(found.table["scheduled_agents"].sum()) if len(found.table) else 0
    missing = (
        f"{format_number(round(short, 1))} agent hours stay uncovered" if short > 0.05 else "every interval is covered"
    )
    said = (
        f"{queue.name}: {format_count(agents, 'agent')} in {format_count(len(found.table), 'shift pattern')}, "
        f"{format_number(round(found.hours))} paid hours; {missing}; "
        f"no schedule saves more than {found.gap:.1%} of its cost."
    )
    if found.idle_hours > 0.05:
        idle = found.coverage[(found.coverage["required"] <= 0) & (found.coverage["scheduled"] > 0)]
        first = f"{idle['ds'].iloc[0]:%a %d %b %H:%M}"
        said += f" {format_number(round(found.idle_hours, 1))} paid hours fall where nobody is required, first {first}."
    return said


def _simulated(planned: list[tuple[PlannedQueue, pd.DataFrame]]) -> tuple[pd.DataFrame, list[str]]:
    """Play the plans of calls and chats, and say how the promise fares by day and over all."""
    parts, words = [], []
    for queue, plan in planned:
        if queue.spec.kind == "cases" or plan["calls"].sum() == 0:
            continue
        chats = queue.spec.kind == "chat"
        found = check_plan(
            plan[plan["calls"] > 0],
            interval=queue.spec.interval_s,
            service_level=queue.spec.service_level,
            threshold=queue.spec.within_s,
            patience=queue.spec.patience_s,
            concurrency=queue.spec.concurrency if chats else 1,
            slowdown=queue.spec.slowdown if chats else 0.0,
        )
        parts.append(found[found["period"] != "interval"])
        whole = found[found["period"] == "all"].to_dict("records")[0]
        words.append(
            f"{queue.name}: played 100 times, {whole['service_level']:.1%} are answered in time (99 % sure: "
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


def _queue_sentences(queue: PlannedQueue, plan: pd.DataFrame, basis: str) -> list[str]:
    name, spec, hours = queue.name, queue.spec, queue.hours
    if not len(plan) or plan["agents"].max() == 0:
        return [f"{name}: nothing is expected, so nobody is required."]
    busiest = plan.iloc[int(plan["agents"].to_numpy().argmax())]
    crew = format_count(queue.schedule(int(busiest["agents"])), "agent")
    days, top = format_count(spec.horizon_days, "day"), format_count(int(plan["agents_hi"].max()), "agent")
    return [
        f"{name}: schedule up to {crew} ({format_number(int(busiest['agents']))} on "
        f"contacts); peak {busiest['ds']:%a %d %b %H:%M}.",
        f"{name}: {format_number(round(plan['agents_to_schedule'].sum() * hours))} agent hours to schedule in {days}, "
        f"{format_number(round(plan['agents'].sum() * hours))} of them on contacts; {shrinkage_words(spec)}; "
        f"handle time {format_number(round(busiest['aht_s']))} s ({basis}).",
        _service_sentence(name, plan, spec),
        f"{name}: to meet the target in 8 of 10 such weeks the peak requires {top}.",
    ]


def _service_sentence(name: str, plan: pd.DataFrame, spec: StaffingSpec) -> str:
    """Say the service level to expect, beside the one that would be if the forecast were exact."""
    busy = plan[plan["calls"] > 0]
    exact = np.average(busy["service_level"], weights=busy["calls"])
    within = f"answered within {format_number(spec.within_s)} s"
    if "expected_service_level" not in busy:
        return f"{name}: service level {exact:.0%} {within} if the forecast is exact."
    expected = np.average(busy["expected_service_level"], weights=busy["calls"])
    days = busy.groupby(busy["ds"].dt.normalize()).agg(calls=("calls", "sum"), risk=("day_miss_probability", "first"))
    return (
        f"{name}: expected service level {expected:.0%} ({exact:.0%} if the forecast is exact) {within}; a day misses "
        f"the target with a chance of {np.average(days['risk'], weights=days['calls']):.0%}."
    )


def shrinkage_words(spec: StaffingSpec) -> str:
    """Say the shrinkage, and of several parts what they come to by the other reading.

    >>> shrinkage_words(StaffingSpec(shrinkage={"leave": 0.2, "breaks": 0.1}))
    'shrinkage 28% (parts multiply; added they are 30%)'
    """
    given = read_shrinkage(spec)
    whole = float(total_shrinkage(**given))
    if not isinstance(spec.shrinkage, Mapping) or len(spec.shrinkage) < 2:
        return f"shrinkage {whole:.0%}"
    if spec.shrinkage_parts == "add":
        product = float(total_shrinkage(given["shrinkage"]))
        return f"shrinkage {whole:.0%} (parts add up; multiplied they are {product:.0%})"
    added = sum(float(share) for share in spec.shrinkage.values())
    return f"shrinkage {whole:.0%} (parts multiply; added they are {added:.0%})"
