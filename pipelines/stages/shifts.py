"""Shifts of a queue: contracts of the configuration as patterns, who is still on, and the sentences on the result."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from ...features.calendars.opening_hours import parse_opening_hours
from ...features.durations import format_duration, parse_duration
from ...features.errors import InputError
from ...forecasting.scheduling.roster_rules import ContractRules, find_broken_rules
from ...forecasting.scheduling.schedule import shift_schedule
from ...forecasting.scheduling.shift_patterns import shift_patterns
from ..project.break_texts import parse_break
from ..project.config import key_of
from ..project.specs import ShiftSpec, StaffingSpec
from ..words.facts import Cell, Fact, Finding
from ..words.figures import figure
from ..words.words import format_instant, format_queue
from .planned_time import read_still_on
from .queue import FIGURES, PlannedQueue

#: Fewer hours than this are rounding, and so is a saving of less than this share.
MIN_REPORTED_HOURS, MIN_REPORTED_GAP = 0.05, 0.0005


def cover_by_shifts(queue: PlannedQueue, plan: pd.DataFrame) -> tuple[Any, list[Finding]]:
    """Cover the required agents of a queue by the configured shifts, and report how well that goes."""
    patterns = [pattern for kind, shift in queue.shifts.items() for pattern in build_shift_patterns(kind, shift)]
    limits = {kind: float(shift.max_agents) for kind, shift in queue.shifts.items() if shift.max_agents is not None}
    least = {kind: float(shift.min_agents) for kind, shift in queue.shifts.items() if shift.min_agents is not None}
    column = required_column(plan)
    still_on = read_still_on(queue, plan["ds"])
    found = shift_schedule(
        plan[["ds", column]],
        patterns,
        column=column,
        slot_s=queue.spec.interval_s,
        limits=limits or None,
        least=least or None,
        shrinkage=queue.total_shrinkage,
        calendar=queue.calendar,
        still_on=still_on,
    )
    said = _schedule_sentences(queue.name, found, queue.spec)
    for kind, shift in queue.shifts.items():
        broken = find_broken_rules(found.table[found.table["kind"] == kind], read_contract_rules(kind, shift))
        said += [_broken_sentence(queue.name, kind, rule, amount) for rule, amount in broken.items()]
    if found.carried_hours > MIN_REPORTED_HOURS:
        said.append(_carried_sentence(queue.name, found, still_on is not None))
    return found, said


def required_column(plan: pd.DataFrame) -> str:
    """Return the column of the agents that shifts are to cover: those that are sure where a confidence is set.

    >>> required_column(pd.DataFrame({"agents": [3], "agents_sure": [4]}))
    'agents_sure'
    """
    return "agents_sure" if "agents_sure" in plan else "agents"


def _schedule_sentences(queue: str, found: Any, spec: StaffingSpec) -> list[Finding]:
    hours, keys = spec.interval_s / 3600, {"queue": queue}
    tables = {
        name: frame.assign(queue=queue) for name, frame in (("schedule", found.table), ("coverage", found.coverage))
    }

    def held(kind: str, cell: Cell) -> Fact:
        return Fact.at(cell, tables, kind, queue)

    agents = held("agents in shifts", Cell("schedule", "scheduled_agents", keys, "sum"))
    patterns = held("shift patterns", Cell("schedule", "scheduled_agents", keys, "count"))
    short = held("uncovered agent hours", Cell("coverage", "understaffed", keys, "sum", scale=hours))
    paid = figure(FIGURES, "paid hours", queue, found.hours)
    gap = figure(FIGURES, "gap of the schedule", queue, found.gap, "share")
    facts = [agents, patterns, paid, gap]
    if short.value > MIN_REPORTED_HOURS:
        facts, covered = [*facts, short], f"{short:agent hour} uncovered"
    else:
        covered = "All intervals covered"
    lowest = "at lowest cost" if found.gap < MIN_REPORTED_GAP else f"at a cost within {gap} of the lowest"
    shifts = f"{agents:agent} in all, in {patterns:shift pattern}, {paid:~paid hour}"
    text = f"{format_queue(queue)}: {shifts}. {covered} {lowest}"
    facts = [f for f in facts if f is not gap or found.gap >= MIN_REPORTED_GAP]
    names = [queue, format_queue(queue)]
    said = [Finding(f"{text}.", *facts, names=names)]
    if round(found.surplus_hours) >= 1:
        said.append(_surplus_sentence(queue, found))
    if found.idle_hours > MIN_REPORTED_HOURS:
        idle = found.coverage[(found.coverage["required"] <= 0) & (found.coverage["scheduled"] > 0)]
        spare = figure(FIGURES, "paid hours nobody needs", queue, found.idle_hours)
        first = idle["ds"].iloc[0]
        nobody = f"{spare:paid hour} without required agents, first {format_instant(first, first.year)}"
        said.append(Finding(f"{format_queue(queue)}: {nobody}.", spare, audience="planner", names=names))
    return said


def _broken_sentence(queue: str, kind: str, rule: str, amount: float) -> Finding:
    """Report a rule of a contract that the schedule does not keep: it is checked apart from the search."""
    much = figure(FIGURES, rule, queue, amount)
    text = f"{format_queue(queue)}: {kind} agents break a rule: {rule} ({much})."
    return Finding(text, much, audience="planner", names=[queue, format_queue(queue), kind, rule])


def _carried_sentence(queue: str, found: Any, is_scheduled: bool) -> Finding:
    """Report who is on in the first morning from the night before, and how that is known."""
    hours = figure(FIGURES, "agent hours still on", queue, found.carried_hours)
    source = "as scheduled" if is_scheduled else "as the week repeats"
    text = f"{format_queue(queue)}: {hours:agent hour} by shifts of the night before, {source}."
    return Finding(text, hours, audience="planner", names=[queue, format_queue(queue)])


def _surplus_sentence(queue: str, found: Any) -> Finding:
    """Report how many of the paid hours nobody needs, and why they are paid."""
    surplus = round(found.surplus_hours)
    rounded = min(round(found.rounding_hours), surplus)  # so that the parts add up as they are said
    spare = figure(FIGURES, "paid hours beyond those to schedule", queue, surplus)
    rounding = figure(FIGURES, "paid hours by rounding the shrinkage up", queue, rounded)
    shifts = figure(FIGURES, "paid hours by whole shifts", queue, surplus - rounded)
    causes = [(shifts, "because shifts have fixed lengths and days a week"), (rounding, "because agents are whole")]
    said = [(fact, f"{fact:~} {why}") for fact, why in causes if fact.value >= 1]
    text = f"{format_queue(queue)}: {spare:paid hour} beyond those to schedule: {', '.join(part for _, part in said)}."
    facts = (spare, *(fact for fact, _ in said))
    return Finding(text, *facts, audience="planner", names=[queue, format_queue(queue)])


def build_shift_patterns(kind: str, spec: ShiftSpec) -> list[Any]:
    """Return the shift patterns of one kind of contract.

    Raises
    ------
    InputError
        Names the section, and the rules that contradict each other.
    """
    place = f"[shifts.{kind}]"
    lengths = [parse_duration(text, where=place, column="lengths") for text in spec.lengths]
    for text, length in zip(spec.lengths, lengths, strict=True):
        if not 0 < length <= 86400:
            raise InputError(
                "not a valid length of a shift", where=place, column="lengths", got=text, wanted="above 0, up to 24h",
                code="setting.invalid",
            )  # fmt: skip
    _check_rest(spec, lengths, place)
    rules: dict[str, Any] = {"free_days": spec.days_off == "apart"}
    if spec.starts:
        rules["starts_s"] = [clock_seconds(text, place, "starts") for text in spec.starts]
    if spec.breaks:
        rules["breaks"] = [parse_break(text, place) for text in spec.breaks]
    try:
        return shift_patterns(
            kind,
            lengths_s=lengths,
            first_start_s=clock_seconds(spec.first_start, place, "first_start"),
            last_end_s=clock_seconds(spec.last_end, place, "last_end"),
            step_s=spec.step_s,
            break_s=spec.break_s,
            days_per_week=spec.days_per_week,
            workdays=_workdays(spec),
            **rules,
        )
    except InputError as error:
        argument = re.search(r"argument '(\w+)'", error.where or "")
        column = error.column or (key_of(argument[1]) if argument else None)
        raise InputError(
            error.problem,
            where=place,
            column=column,
            got=error.got,
            wanted=error.wanted,
            hint=error.hint,
            code=error.code,
        ) from None


def _workdays(spec: ShiftSpec) -> list[int]:
    hours = parse_opening_hours({day: ["00:00-24:00"] for day in spec.days})
    return [day for day, open_then in enumerate(hours) if open_then]


def read_contract_rules(kind: str, spec: ShiftSpec) -> ContractRules:
    """Return the rules of a contract as the check of a finished schedule takes them."""
    place = f"[shifts.{kind}]"
    return ContractRules(
        days_per_week=spec.days_per_week,
        are_days_off_together=spec.days_off == "together",
        workdays=tuple(_workdays(spec)),
        first_start_s=0.0 if spec.starts else clock_seconds(spec.first_start, place, "first_start"),
        last_end_s=None if spec.starts else clock_seconds(spec.last_end, place, "last_end"),
        min_rest_s=spec.min_rest_s or 0.0,
        breaks=tuple(parse_break(text, place) for text in spec.breaks),
        min_agents=spec.min_agents or 0,
        max_agents=spec.max_agents,
    )


def _check_rest(spec: ShiftSpec, lengths: list[float], place: str) -> None:
    """Refuse shifts so long that the next day begins before the rest is over: a person begins at one time all week."""
    rest = 86400 - max(lengths)
    if spec.min_rest_s is None or spec.days_per_week == 1 or rest >= spec.min_rest_s:
        return
    raise InputError(
        "shifts are too long for the rest between them", where=place, column="min_rest",
        got=format_duration(spec.min_rest_s), wanted=f"at most {format_duration(rest)}, or shorter lengths",
        code="plan.impossible",
    )  # fmt: skip


def clock_seconds(text: str, where: str, column: str) -> float:
    """Return the seconds after midnight of a time such as ``07:30``; after midnight it may be ``26:00``.

    >>> clock_seconds("07:30", "[shifts.early]", "first_start")
    27000.0
    """
    hours, _, minutes = text.partition(":")
    most = 48 if column == "last_end" else 23
    if not (hours.isdigit() and minutes.isdigit() and int(minutes) < 60 and int(hours) <= most):
        raise InputError(
            "not a valid time",
            where=where,
            column=column,
            got=text,
            wanted="HH:MM" if column == "last_end" else "HH:MM before 24:00",
            code="time.unreadable",
        )
    return 3600.0 * int(hours) + 60.0 * int(minutes)
