"""Case work that can wait until it is due: the people that keep its promises, and what becomes of the backlog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from ...features.calendars.business_calendar import BusinessCalendar
from ...features.errors import InputError
from ...features.kpis.kpi_history import kpi_history
from ...features.snapshots.snapshots import snapshots
from ...forecasting.backlog.clearing import clear_backlog
from ...forecasting.backlog.outlook import backlog_outlook
from ...forecasting.backlog.plan import backlog_plan
from ...forecasting.staffing.shrinkage import agents_to_schedule, scheduled_agents
from ...forecasting.volume.forecast import forecast
from ..project.project import Project
from ..project.specs import StaffingSpec
from ..words.facts import Cell, Fact, Finding, Take
from ..words.figures import figure, setting
from .forecast import forecast_context
from .queue import FIGURES, estimate_aht, interval_freq, queue_segments

SLA_METRIC = "resolution"
#: Cases without a promise of their own are planned as one class of this name.
ANY_PRIORITY = "any"


def plan_cases(project: Project, name: str, spec: StaffingSpec) -> tuple[pd.DataFrame, list[Finding]]:
    """Plan the agents for the case work of one queue: fewest hours that meet its SLA, and the risk that is left.

    Returns
    -------
    plan
        One row a slot: the columns of :func:`deskcast.forecasting.backlog.plan.backlog_plan`, ``agents_to_schedule``
        (agents to schedule: with shrinkage, not rounded), and over sample paths of what comes ``breach_risk``,
        ``breach_risk_to_date``, ``backlog_lo``, ``backlog_hi`` and ``expected_breaches``.
    findings
        What it says, in sentences.

    Raises
    ------
    InputError
        If the queue has no calendar, no promise, no handle time, or no cases.
    """
    arrivals, calendar, shared, basis = _gather_inputs(project, name, spec)
    plan = backlog_plan(arrivals, calendar, confidence=spec.confidence, **shared)
    outlook = backlog_outlook(arrivals, calendar, plan["agents"].to_numpy(), **shared)
    for column in ("breach_risk", "breach_risk_to_date", "backlog_lo", "backlog_hi"):
        plan[column] = outlook[column].to_numpy()
    plan["expected_breaches"] = outlook["breaches"].to_numpy()
    plan.insert(
        2, "agents_to_schedule", agents_to_schedule(plan["agents"], _shrinkage(spec), parts=spec.shrinkage_parts)
    )
    old = shared["backlog"]
    return plan, _sentences(name, plan, spec, 0 if old is None else len(old), basis)


def clear_cases(project: Project, name: str, spec: StaffingSpec, by: str) -> tuple[pd.DataFrame, Finding]:
    """Say how many people clear today's backlog of a queue by an instant while new cases come in.

    Returns
    -------
    table
        As :func:`deskcast.forecasting.backlog.clearing.clear_backlog` gives it.
    finding
        The answer in a sentence.

    Raises
    ------
    InputError
        If nothing waits, or nobody can do it in time.
    """
    arrivals, calendar, shared, _ = _gather_inputs(project, name, spec)
    waiting = shared.pop("backlog")
    if waiting is None:
        raise InputError("no case with a promise waits in this queue", where=f"[staffing.{name}]")
    table = clear_backlog(arrivals, calendar, waiting, by, **shared)
    enough = table[table["enough"]]
    if enough.empty:
        return table, Finding(
            f"{name}: no number of people that was tried clears the backlog by {by}.", names=[name, by]
        )
    row = Cell("clearing", "agents", {"queue": name, "agents": enough["agents"].iloc[0]})
    held = {"clearing": table.assign(queue=name)}
    on = Fact.at(row, held, "agents that clear the backlog", name)
    chance = Fact.at(replace(row, column="chance"), held, "chance of clearing", name, "probability")
    people = int(scheduled_agents(int(on.value), _shrinkage(spec), parts=spec.shrinkage_parts))
    crew = figure(FIGURES, "scheduled agents that clear the backlog", name, people)
    count = figure(FIGURES, "open cases", name, len(waiting))
    who = f"{crew:scheduled agent} ({on} on cases) {'clears' if people == 1 else 'clear'}"
    text = f"{name}: {who} the {count:case} of today by {by} with chance {chance}."
    return table, Finding(text, crew, on, count, chance, names=[name, by])


def _gather_inputs(
    project: Project, name: str, spec: StaffingSpec
) -> tuple[pd.DataFrame, BusinessCalendar, dict[str, Any], Finding]:
    """Gather what comes, when people work, and what is promised; the last is where the handle time comes from."""
    place = f"[staffing.{name}]"
    if spec.calendar is None:
        raise InputError("case work needs opening hours", where=place, column="calendar", hint="name a [calendar.NAME]")
    where = queue_segments(project.log, name, spec)
    handle, basis = estimate_aht(project.log, where, spec, name)
    promises = find_sla_targets(project, spec, place)
    shared: dict[str, Any] = {
        "sla_s": promises.get(ANY_PRIORITY, promises),
        "handle_s": handle,
        "backlog": load_backlog(project, where, tuple(promises)),
        "sla_calendar": _sla_calendar(project),
        "occupancy": spec.max_occupancy,
    }
    arrivals = _inflow(project, where, spec, tuple(promises))
    each = setting(f"handle time of {name}", handle) if spec.aht_s else figure(FIGURES, "handle time", name, handle)
    words = Finding(f"{each:~} s ({basis})", each, *basis.facts)
    return arrivals, project.log.calendars[spec.calendar], shared, words


def find_sla_targets(project: Project, spec: StaffingSpec, where: str) -> dict[str, float]:
    """Return the seconds within which cases are to be done: one for all, or by priority as the policies say."""
    if spec.sla_s is not None:
        return {ANY_PRIORITY: spec.sla_s}
    found = [s for s in project.config.slas if s.metric == SLA_METRIC and s.target_s is not None]
    if not found:
        raise InputError("no promise is known", where=where, column="sla", hint="add a line such as sla = '8h'")
    if len(found) == 1 or any(s.priority is None for s in found) or not project.log.has("cases", "priority"):
        return {ANY_PRIORITY: float(max(s.target_s or 0.0 for s in found))}
    return {str(s.priority): float(s.target_s or 0.0) for s in found}


def _sla_calendar(project: Project) -> BusinessCalendar | None:
    """Return the clock on which the promises run: business hours where a policy says so, else all hours."""
    for sla in project.config.slas:
        if sla.metric == SLA_METRIC and sla.clock == "business" and sla.calendar is not None:
            return project.log.calendars[sla.calendar]
    return BusinessCalendar.always(project.log.timezone)


def _inflow(project: Project, where: dict[str, str], spec: StaffingSpec, classes: tuple[str, ...]) -> pd.DataFrame:
    """Forecast the cases by slot and class of promise."""
    freq = interval_freq(spec.interval_s)
    split = () if classes == (ANY_PRIORITY,) else ("priority",)
    history = kpi_history(project.log, ["cases_opened"], (*where, *split), freq)
    for column, value in where.items():
        history = history[history[column] == value]
    if history.empty or history["value"].sum() == 0:
        raise InputError("no case came in this queue", got=where)
    names = history[split[0]] if split else pd.Series(ANY_PRIORITY, index=history.index)
    rows = pd.DataFrame({"unique_id": names.astype("str"), "ds": history["ds"], "y": history["value"]})
    rows = rows[rows["unique_id"].isin(classes)]
    slots = round(spec.horizon_days * 86400 / spec.interval_s)
    context = forecast_context(project.config, project, None) | {"calendar": None}
    ahead = forecast(rows, slots, freq, levels=(80, 95), windows=6, **context)
    complete = ahead.groupby("unique_id")["ds"].transform("size") == slots
    return ahead[complete]


def load_backlog(project: Project, where: dict[str, str], classes: tuple[str, ...]) -> pd.DataFrame | None:
    """Return the open cases of a queue with their due times, as the backlog of a plan; ``None`` without a promise."""
    if SLA_METRIC not in {s.metric for s in project.config.slas} or not project.log.has("events"):
        return None
    rows = snapshots(project.log, [project.log.until], SLA_METRIC)
    for column, value in where.items():
        rows = rows[rows[column] == value] if column in rows else rows
    frame = pd.DataFrame(
        {"due_at": rows["due_at"], "created_at": rows["at"] - pd.to_timedelta(rows["age_s"], unit="s")}
    )
    if classes != (ANY_PRIORITY,):
        frame["unique_id"] = rows["priority"].astype("str")
        frame = frame[frame["unique_id"].isin(classes)]
    return frame.reset_index(drop=True) if len(frame) else None


def _shrinkage(spec: StaffingSpec) -> Any:
    return dict(spec.shrinkage) if isinstance(spec.shrinkage, Mapping) else spec.shrinkage


def _sentences(name: str, plan: pd.DataFrame, spec: StaffingSpec, waiting: int, handle: Finding) -> list[Finding]:
    mine = {"casework": plan.assign(queue=name)}

    def held(kind: str, column: str, take: Take = "sum", **more: Any) -> Fact:
        return Fact.at(Cell("casework", column, {"queue": name}, take, **more), mine, kind, name)

    late, end = held("breaches if the forecast is exact", "breaches"), held("backlog at the end", "backlog", "last")
    expected, due = held("expected breaches", "expected_breaches"), held("due cases", "due")
    hours = held("agent hours to schedule", "agents_to_schedule", weight="open_h")
    on_cases = held("required agent hours", "agents", weight="open_h")
    most = held("peak of required agents", "agents", "max")
    crew = held("peak of agents to schedule", "agents_to_schedule", "ceiling")
    count, days = figure(FIGURES, "open cases", name, waiting), setting("horizon", spec.horizon_days)
    none = round(late.value) == 0
    breaches = (
        "no case breaches" if none else f"{late:~case} still {'breaches' if round(late.value) == 1 else 'breach'}"
    )
    remain = f"{end:~case} {'is' if round(end.value) == 1 else 'are'} open at the end"
    return [
        Finding(
            f"{name}: {count:open case}; schedule up to {crew:agent} ({most} on cases); {breaches} if the forecast is "
            f"exact, and {remain}.",
            *(count, crew, most, end, *([] if none else [late])),
        ),
        Finding(
            f"{name}: {hours:~agent hour} to schedule in {days:day}, {on_cases:~} of them on cases; handle time "
            f"{handle}.",
            *(hours, days, on_cases, *handle.facts),
        ),
        Finding(
            f"{name}: with forecast error, expect about {expected:~} of {due:~case} due to breach.",
            *(expected, due),
        ),
    ]
