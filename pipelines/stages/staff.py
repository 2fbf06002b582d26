"""The stage on staffing: agents by interval for calls and chats, people for case work, and shifts that cover them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...features.errors import InputError
from ...forecasting.simulation.check_plan import check_plan
from ...forecasting.staffing.handle_time_days import handle_time_paths
from ...forecasting.staffing.path_plan import agents_over_period, rate_paths
from ...forecasting.staffing.shrinkage import agents_to_schedule
from ...forecasting.staffing.staffing_plan import USUAL_CONFIDENCE, plan_for_target
from ..project.project import Project
from ..project.specs import StaffingSpec
from ..stage import Stage
from ..words.facts import Cell, Fact, Finding, Take
from ..words.figures import figure, figures_table, setting
from ..words.words import format_instant, format_queue
from .adjusted import adjustment_sentences, unreached_sentences
from .casework import CaseWork, clear_cases, gather_case_work, plan_cases
from .measured import measure_agents
from .planned_load import close_doors, is_lagged, planned_forecast, planned_rates, slot_aht, weigh_choices
from .queue import FIGURES, PlannedQueue, counted_noun, shrinkage_words
from .shifts import cover_by_shifts
from .skill_groups import plan_shared_agents
from .staffing_inputs import build_staffing_inputs
from .volume_champion import use_volume_champion

#: Sample paths that a plan over days or weeks rests on.
PLAN_PATHS = 300
#: How handle time goes with volume is told for a day that is so much busier, from this share on.
BUSIER, MIN_SAID_MOVE = 0.1, 0.005

#: Said of a queue whose contacts last long.
LAGGED = "contacts last long, so each interval is staffed for the work in it, whenever it came."

_SIMULATED_BOUNDS = ("service_level_lo", "service_level_hi")


def staff_stage(
    project: Project, *, simulate: bool = False, clear_by: str | None = None, choices: bool = False
) -> Stage:
    """Turn the arrivals of each configured queue into people, with the risk of being short, and cover them by shifts.

    Parameters
    ----------
    simulate
        Play the plans of calls and chats many times and put what happens beside the formulas.
    clear_by
        An instant by which today's backlog of case work is to be cleared, on the clock of its calendar.
    choices
        Compare what it costs to be surer of the target with the risk that is left, for calls and chats.

    Returns
    -------
    Stage
        Tables ``staffing`` (calls and chats by interval), and where they are configured ``casework`` (people, backlog
        and risk by slot), ``schedule`` (people by shift pattern) and ``coverage`` (need against people there); where
        they are asked for ``simulated`` (by queue and day) and ``clearing`` (chance by number of people) and
        ``staffing_choices`` (cost and risk by confidence); of queues with skills ``skill_groups`` and
        ``skill_service``; from the time of agents ``shrinkage``, ``team_time`` and ``concurrency``; and
        ``staff_figures``, what the sentences state beyond these.
    """
    config = project.config
    if not config.staffing:
        return Stage("staff", skipped="No queue is configured: add a [staffing.NAME] section.")
    proven = use_volume_champion(project).proven_methods
    queues = {name: PlannedQueue(project, name, spec, proven) for name, spec in config.staffing.items()}
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
    if clear_by and not work:
        hint = 'kind = "cases" in its [staffing.NAME] section'
        raise InputError(
            "no queue of cases is planned", where="--clear-by", got=clear_by, hint=hint, code="queue.empty"
        )
    planned = [(queues[name], plan) for name, plan in plans.items()]
    tables = _tables(planned) | build_staffing_inputs([queue for queue, _ in planned])
    for queue, plan in planned:
        if not queue.shifts:
            continue
        try:
            schedule, said = cover_by_shifts(queue, plan)
        except InputError as error:
            skipped.append(f"shifts of {queue.name}: {error}")
            continue
        tables["schedule"] = _add(tables.get("schedule"), schedule.table, queue.name)
        tables["coverage"] = _add(tables.get("coverage"), schedule.coverage, queue.name)
        findings += said
    try:
        together, said = plan_shared_agents([(q, p) for q, p in planned if q.spec.kind == "calls"])
        tables |= together
        findings += said
    except InputError as error:
        skipped.append(f"shared agents: {error}")
    if simulate:
        tables["simulated"], played = _simulated(planned)
        findings += played
    for queue, _ in planned if choices else ():
        if queue.spec.kind != "cases":
            tables["staffing_choices"] = _add(tables.get("staffing_choices"), weigh_choices(queue), queue.name)
    for name in [name for name in plans if name in work] if clear_by else ():
        cleared, sentence = clear_cases(queues[name], work[name], str(clear_by))
        tables["clearing"] = _add(tables.get("clearing"), cleared, name)
        findings.append(sentence)
    measured, seen = measure_agents(project, {name: queues[name] for name in plans})
    tables |= measured
    findings += seen
    findings += [Finding(f"Not planned: {s}", names=[s], audience="planner") for s in skipped]
    tables |= figures_table(FIGURES, findings)
    staffing = tables["staffing"]
    hours = sum(float(plan["agents"].sum()) * queue.spec.interval_s / 3600 for queue, plan in planned)
    metrics = {"agent_hours": hours, "peak": float(staffing["agents"].max()) if len(staffing) else 0.0}
    return Stage("staff", tables, tuple(findings), {"queues": len(plans)}, metrics, refused=bool(skipped))


def plan_queue(queue: PlannedQueue) -> tuple[pd.DataFrame, list[Finding]]:
    """Plan one queue of calls or chats: forecast its arrivals and find the agents that keep its promise.

    Raises
    ------
    InputError
        If the arrivals carry no time of day, or the AHT is missing.
    """
    ahead = queue.ahead
    _, basis = queue.handle_time
    known = (queue.target, queue.shrinkage, (80, 95), queue.name, queue.spec.confidence)
    handle_times = queue.handle_times(ahead["ds"])
    days = queue.handle_time_variation
    how: dict[str, Any] = {"aht_spread": days.spread, "aht_with_volume": days.with_volume}
    plan = plan_for_target(planned_forecast(queue), handle_times, *known, **how)
    if queue.spec.target_over != "interval":
        plan = _plan_over_period(queue, plan, ahead)
    plan = close_doors(queue, plan)
    said = _queue_sentences(queue, plan, basis)
    said += unreached_sentences(queue.carried[0], queue.adjusted_names, ahead["ds"])
    if "adjustment" not in ahead:
        return plan, said
    plan = plan.assign(baseline=ahead["baseline"].to_numpy(), adjustment=ahead["adjustment"].to_numpy())
    names = {name for text in plan["adjustment"].unique() for name in text.split("; ")}
    return plan, said + adjustment_sentences(queue.kept, names, queue.carried[1], queue.name)


def _plan_over_period(queue: PlannedQueue, plan: pd.DataFrame, ahead: pd.DataFrame) -> pd.DataFrame:
    """Return the plan with the agents that are sure of the target over each day or week, by joint sample paths."""
    paths = queue.draw_paths(queue.history, PLAN_PATHS)
    rates = rate_paths(ahead, paths)
    aht = plan["aht_s"].to_numpy() * handle_time_paths(rates, queue.handle_time_variation, plan["ds"])
    sure = float(queue.spec.confidence or USUAL_CONFIDENCE)
    over = queue.spec.target_over
    start = None
    if is_lagged(queue, slot_aht(queue)):  # the day is followed exactly, from agents that know of the work behind
        start = agents_over_period(planned_rates(queue, rates), aht, queue.target, plan["ds"], sure, "interval")
    agents = agents_over_period(rates, aht, queue.target, plan["ds"], sure, over, start)
    people = agents_to_schedule(agents, **queue.shrinkage)
    return plan.assign(agents_sure=agents, agents_to_schedule_sure=people)


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


def _simulated(planned: list[tuple[PlannedQueue, pd.DataFrame]]) -> tuple[pd.DataFrame, list[str]]:
    """Play the plans of calls and chats, and say how the promise fares by day and over all."""
    parts: list[pd.DataFrame] = []
    words: list[str] = []
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
        words.append(_simulated_sentence(queue.name, parts[-1]))
    if not parts:
        raise InputError("missing plan of calls or chats", code="results.missing")
    return pd.concat(parts, ignore_index=True), words


def _simulated_sentence(queue: str, table: pd.DataFrame) -> Finding:
    def held(column: str) -> Fact:
        cell = Cell("simulated", column, {"queue": queue, "period": "all"})
        return Fact.at(cell, {"simulated": table}, "simulated service level", queue, "share")

    mean, low, high, formula = (
        held(f"{name}") for name in ("service_level", *_SIMULATED_BOUNDS, "formula_service_level")
    )
    times, sure = setting("simulated runs", 100), setting("likely range", 0.99, "share")
    text = f"{format_queue(queue)}: simulated service level {mean} ({sure:%} interval {low} to {high}, {times:run}). "
    text += f"The formula predicts {formula} if the forecast is exact."
    return Finding(text, times, mean, sure, low, high, formula, names=[queue, format_queue(queue)])


def _queue_sentences(planned_queue: PlannedQueue, plan: pd.DataFrame, basis: Finding) -> list[Finding]:
    name, spec, noun = planned_queue.name, planned_queue.spec, counted_noun(planned_queue)
    if not len(plan) or plan["agents"].max() == 0:
        return [Finding(f"{format_queue(name)}: no {noun} expected, no agents required.", names=[name])]
    busiest, hours = plan.iloc[int(plan["agents"].to_numpy().argmax())], spec.interval_s / 3600

    def held(kind: str, column: str, take: Take, **more: Any) -> Fact:
        return Fact.at(Cell("staffing", column, {"queue": name}, take, **more), {"staffing": plan}, kind, name)

    most, on = held("agents to schedule", "agents_to_schedule", "ceiling"), held("required agents", "agents", "max")
    planned = held("agent hours to schedule", "agents_to_schedule", "sum", scale=hours)
    required = held("required agent hours", "agents", "sum", scale=hours)
    aht = setting("handle time", spec.aht_s, "s") if spec.aht_s else _handle_time(name, plan, busiest)
    days, shrinkage, top = (
        setting("horizon", spec.horizon_days),
        shrinkage_words(spec),
        held("peak", "agents_hi" if spec.confidence is None else "agents_sure", "max"),
    )
    sure = setting("confidence", USUAL_CONFIDENCE if spec.confidence is None else spec.confidence, "share")
    queue, when = format_queue(name), busiest["ds"]
    found = [
        Finding(
            f"{queue}: schedule up to {most:agent} at a time ({on} on {noun}); peak {format_instant(when, when.year)}.",
            most,
            on,
        ),
        _service_sentence(name, plan, spec),
        Finding(
            f"{queue}: {planned:~agent hour} to schedule in {days:day}, {required:~} of them on {noun}; {shrinkage}.",
            *(planned, days, required, *shrinkage.facts),
            audience="planner",
        ),
        Finding(f"{queue}: AHT {aht}{basis}.", aht, *basis.facts, audience="planner"),
        *_busy_day_sentence(planned_queue),
        *(
            [Finding(f"{queue}: {LAGGED}", audience="planner")]
            if is_lagged(planned_queue, plan["aht_s"].to_numpy())
            else ()
        ),
        Finding(
            f"{queue}: the peak requires {top:agent} to be {sure:%} sure of the target.", top, sure, audience="planner"
        ),
    ]
    return [Finding(said, *said.facts, audience=said.audience, names=[name, queue]) for said in found]


def _busy_day_sentence(queue: PlannedQueue) -> list[Finding]:
    """Report how handle time goes with volume, where that is seen."""
    moved = (1 + BUSIER) ** queue.handle_time_variation.with_volume - 1
    if abs(moved) < MIN_SAID_MOVE:
        return []
    more = setting("busier day", BUSIER, "share")
    longer = figure(FIGURES, "handle time of a busier day", queue.name, abs(moved), "share")
    text = f"{format_queue(queue.name)}: on days with {more:%} more contacts than usual they take {longer:%} "
    return [Finding(text + ("longer." if moved > 0 else "less time."), more, longer, audience="planner")]


def _handle_time(name: str, plan: pd.DataFrame, busiest: pd.Series[Any]) -> Fact:
    cell = Cell("staffing", "aht_s", {"queue": name, "ds": busiest["ds"]})
    return Fact.at(cell, {"staffing": plan}, "handle time", name, "s")


def _service_sentence(name: str, plan: pd.DataFrame, spec: StaffingSpec) -> Finding:
    """Report the expected service level, beside the one that would be if the forecast were exact."""

    def mean(kind: str, column: str) -> Fact:
        cell = Cell("staffing", column, {"queue": name}, "mean", weight="calls")
        return Fact.at(cell, {"staffing": plan}, kind, name, "probability")

    exact, seconds = mean("service level", "service_level"), setting("within", spec.within_s, "s")
    head = f"{format_queue(name)}: expected service level"
    if "expected_service_level" not in plan:
        text = f"{head} {exact} within {seconds} if the forecast is exact."
        return Finding(text, exact, seconds, audience="planner")
    expected, risk = (
        mean("expected service level", "expected_service_level"),
        mean("risk of a day", "day_miss_probability"),
    )
    return Finding(
        f"{head} {expected} within {seconds} ({exact} if the forecast is exact). Chance of a day below target {risk}.",
        *(expected, exact, seconds, risk),
        audience="planner",
    )
