"""Case work that can wait until it is due: the people that keep its promises, and what becomes of the backlog."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ...features.calendars.business_calendar import BusinessCalendar
from ...features.errors import InputError
from ...features.snapshots.open_cases import open_cases
from ...forecasting.backlog.clearing import clear_backlog
from ...forecasting.backlog.outlook import backlog_outlook
from ...forecasting.backlog.plan import backlog_plan
from ...forecasting.staffing.shrinkage import agents_to_schedule
from ..project.project import Project
from ..project.specs import StaffingSpec
from ..words.facts import Cell, Fact, Finding, Take
from ..words.figures import figure, setting
from ..words.words import format_queue
from .adjusted import adjustment_sentences, unreached_sentences
from .queue import FIGURES, PlannedQueue, only_segment, shrinkage_words

SLA_METRIC = "resolution"
#: Cases without a promise of their own are planned as one class of this name.
ANY_PRIORITY = "any"


@dataclass(frozen=True)
class CaseWork:
    """What case work needs: what comes, when people work, what waits, and what is promised on which clock."""

    arrivals: pd.DataFrame
    calendar: BusinessCalendar
    backlog: pd.DataFrame | None
    shared: dict[str, Any]

    @property
    def rules(self) -> dict[str, Any]:
        """What a plan and its outlook are told beside arrivals and calendar."""
        return {**self.shared, "backlog": self.backlog}


def gather_case_work(queue: PlannedQueue) -> CaseWork:
    """Gather what a queue of case work needs, once for all that is asked of it.

    Raises
    ------
    InputError
        If the queue has no calendar, no promise, no handle time, or no cases.
    """
    calendar, project = queue.calendar, queue.project
    if calendar is None:
        hint = "name a [calendar.NAME]"
        raise InputError(
            "missing opening hours of the case work",
            where=queue.place,
            column="calendar",
            hint=hint,
            code="calendar.unknown",
        )
    handle_s, _ = queue.handle_time
    targets = find_sla_targets(project, queue.spec, queue.place)
    shared: dict[str, Any] = {
        "sla_s": targets.get(ANY_PRIORITY, targets),
        "handle_s": handle_s,
        "sla_calendar": _sla_calendar(project),
        "occupancy": queue.spec.max_occupancy,
    }
    backlog = load_backlog(project, queue.where, tuple(targets))
    return CaseWork(_inflow(queue, tuple(targets)), calendar, backlog, shared)


def plan_cases(queue: PlannedQueue, work: CaseWork) -> tuple[pd.DataFrame, list[Finding]]:
    """Plan the agents for the case work of one queue: fewest hours that meet its SLA, and the risk that is left.

    Returns
    -------
    plan
        One row a slot: the columns of :func:`deskcast.forecasting.backlog.plan.backlog_plan`, ``agents_to_schedule``
        (agents to schedule: with shrinkage, not rounded), where planners adjusted the new cases ``baseline``,
        ``adjusted`` and ``adjustment``, and over sample paths of what comes ``breach_risk``,
        ``breach_risk_to_date``, ``backlog_lo``, ``backlog_hi``, ``expected_breaches`` and ``expected_due``.
    findings
        What it says, in sentences.
    """
    plan = backlog_plan(work.arrivals, work.calendar, confidence=queue.spec.confidence, **work.rules)
    outlook = backlog_outlook(work.arrivals, work.calendar, plan["agents"].to_numpy(), **work.rules)
    for column in ("breach_risk", "breach_risk_to_date", "backlog_lo", "backlog_hi"):
        plan[column] = outlook[column].to_numpy()
    plan["expected_breaches"], plan["expected_due"] = outlook["breaches"].to_numpy(), outlook["due"].to_numpy()
    plan.insert(2, "agents_to_schedule", agents_to_schedule(plan["agents"], **queue.shrinkage))
    said = _sentences(queue, plan, 0 if work.backlog is None else len(work.backlog))
    said += unreached_sentences(queue.carried[0], queue.adjusted_names, plan["ds"])
    if "adjustment" not in work.arrivals:
        return plan, said
    plan = plan.merge(sum_adjusted(work.arrivals), on="ds", how="left")
    names = {name for text in plan["adjustment"].unique() for name in text.split("; ")}
    return plan, said + adjustment_sentences(queue.kept, names, queue.carried[1], queue.name)


def sum_adjusted(arrivals: pd.DataFrame) -> pd.DataFrame:
    """Return the cases expected in each interval before and after adjustments, and the names of these.

    Returns
    -------
    ``ds``, ``baseline``, ``adjusted`` (sums over the classes) and ``adjustment`` (empty where nothing was applied).

    Examples
    --------
    >>> ds = pd.to_datetime(["2024-03-04", "2024-03-04", "2024-03-05"])
    >>> rows = pd.DataFrame({"ds": ds, "deskcast": [13.0, 5.0, 4.0], "baseline": [10.0, 5.0, 4.0]})
    >>> sum_adjusted(rows.assign(adjustment=["fair", "", ""]))[["baseline", "adjusted", "adjustment"]].values.tolist()
    [[15.0, 18.0, 'fair'], [4.0, 4.0, '']]
    """
    by_interval = arrivals.groupby("ds", sort=True)
    names = by_interval["adjustment"].agg(
        lambda texts: "; ".join(sorted({name for text in texts for name in text.split("; ") if name}))
    )
    found = by_interval[["baseline", "deskcast"]].sum().rename(columns={"deskcast": "adjusted"})
    return found.assign(adjustment=names).reset_index()


def clear_cases(queue: PlannedQueue, work: CaseWork, by: str) -> tuple[pd.DataFrame, Finding]:
    """Find the agents that clear today's backlog of a queue by an instant while new cases arrive.

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
    name = queue.name
    if work.backlog is None:
        raise InputError("no open case with an SLA in this queue", where=queue.place, code="queue.empty")
    table = clear_backlog(work.arrivals, work.calendar, work.backlog, by, **work.shared)
    enough = table[table["enough"]]
    if enough.empty:
        text = f"{format_queue(name)}: no number of agents that was tried clears the backlog by {by}."
        return table, Finding(text, names=[name, by])
    row = Cell("clearing", "agents", {"queue": name, "agents": enough["agents"].iloc[0]})
    held = {"clearing": table.assign(queue=name)}
    on = Fact.at(row, held, "agents that clear the backlog", name)
    chance = Fact.at(replace(row, column="chance"), held, "chance of clearing", name, "probability")
    people = queue.schedule(int(on.value))
    crew = figure(FIGURES, "scheduled agents that clear the backlog", name, people)
    count = figure(FIGURES, "open cases", name, len(work.backlog))
    text = f"{format_queue(name)}: schedule {crew:agent} ({on} on cases) to clear the {count:case} of today by {by}. "
    text += f"The chance is {chance}."
    return table, Finding(text, crew, on, count, chance, names=[name, by])


def find_sla_targets(project: Project, spec: StaffingSpec, where: str) -> dict[str, float]:
    """Return the seconds within which cases are to be done: one for all, or by priority as the policies say."""
    if spec.sla_s is not None:
        return {ANY_PRIORITY: spec.sla_s}
    found = [s for s in project.config.slas if s.metric == SLA_METRIC and s.target_s is not None]
    if not found:
        raise InputError(
            "missing SLA target",
            where=where,
            column="sla",
            hint="add a line such as sla = '8h'",
            code="metric.unknown",
        )
    if len(found) == 1 or any(s.priority is None for s in found) or not project.log.has("cases", "priority"):
        return {ANY_PRIORITY: float(max(s.target_s or 0.0 for s in found))}
    return {str(s.priority): float(s.target_s or 0.0) for s in found}


def _sla_calendar(project: Project) -> BusinessCalendar | None:
    """Return the clock on which the promises run: business hours where a policy says so, else all hours."""
    for sla in project.config.slas:
        if sla.metric == SLA_METRIC and sla.clock == "business" and sla.calendar is not None:
            return project.log.calendars[sla.calendar]
    return BusinessCalendar.always(project.log.timezone)


def _inflow(queue: PlannedQueue, classes: tuple[str, ...]) -> pd.DataFrame:
    """Forecast the cases by slot and class of promise, at all hours: they come while nobody works."""
    split = () if classes == (ANY_PRIORITY,) else ("priority",)
    history = queue.arrivals("cases_opened", split)
    if history.empty or history["value"].sum() == 0:
        raise InputError("missing cases in this queue", got=queue.where, code="queue.empty")
    names = history[split[0]] if split else pd.Series(ANY_PRIORITY, index=history.index)
    rows = pd.DataFrame({"unique_id": names.astype("str"), "ds": history["ds"], "y": history["value"]})
    ahead = queue.adjust(queue.forecast(rows[rows["unique_id"].isin(classes)], calendar=None))
    return ahead[ahead.groupby("unique_id")["ds"].transform("size") == queue.slots]


def load_backlog(project: Project, where: dict[str, str], classes: tuple[str, ...]) -> pd.DataFrame | None:
    """Return the open cases of a queue with their due times, as the backlog of a plan; ``None`` without a promise."""
    if SLA_METRIC not in {s.metric for s in project.config.slas} or not project.log.has("events"):
        return None
    log = project.log
    rows = open_cases(project.whole or log, log.until, SLA_METRIC)
    own = [c for c in where if c not in rows and log.has("cases", c)]  # a segment may be an attribute
    if own:
        rows = rows.merge(log.frame(log.table("cases").select("case_id", *own)), on="case_id")
    rows = only_segment(rows, where)
    frame = rows[["due_at", "created_at"]].copy()
    if classes != (ANY_PRIORITY,):
        frame["unique_id"] = rows["priority"].astype("str")
        frame = frame[frame["unique_id"].isin(classes)]
    return frame.reset_index(drop=True) if len(frame) else None


def _handle_time(queue: PlannedQueue) -> Finding:
    (handle_s, basis), name, kind = queue.handle_time, queue.name, "handle time"
    given = queue.spec.aht_s is not None
    each = setting(f"{kind} of {name}", handle_s, "s") if given else figure(FIGURES, kind, name, handle_s, "s")
    return Finding(f"AHT {each}{basis}", each, *basis.facts)


def _sentences(queue: PlannedQueue, plan: pd.DataFrame, waiting: int) -> list[Finding]:
    name, handle = queue.name, _handle_time(queue)
    mine = {"casework": plan.assign(queue=name)}

    def held(kind: str, column: str, take: Take = "sum", **more: Any) -> Fact:
        return Fact.at(Cell("casework", column, {"queue": name}, take, **more), mine, kind, name)

    late, end = held("breaches of the plan", "breaches"), held("backlog at the end", "backlog", "last")
    expected, due = held("expected breaches", "expected_breaches"), held("due cases", "expected_due")
    hours = held("agent hours to schedule", "agents_to_schedule", weight="open_h")
    on_cases = held("required agent hours", "agents", weight="open_h")
    most = held("peak of required agents", "agents", "max")
    crew = held("peak of agents to schedule", "agents_to_schedule", "ceiling")
    count, days = figure(FIGURES, "open cases", name, waiting), setting("horizon", queue.spec.horizon_days)
    label, names = format_queue(name), [name, format_queue(name)]
    agents, shrinkage = f"schedule up to {crew:agent} at a time ({most} on cases)", shrinkage_words(queue.spec)
    facts, text, given = list[Fact](), agents.capitalize(), "the forecast is exact"
    if queue.spec.confidence is not None:  # the plan is for more than the forecast: its breaches are of that path
        facts = [setting("confidence", queue.spec.confidence, "share")]
        text, given = f"To be {facts[0]:%} sure of enough hours, {agents}", "volume is as planned"
    breaches = _breach_sentence(expected, due, late, given)
    return [
        Finding(
            f"{label}: {count:open case}. {text}. {breaches}",
            *(count, crew, most, *facts, *breaches.facts),
            names=names,
        ),
        Finding(
            f"{label}: {hours:~agent hour} to schedule in {days:day}, {on_cases:~} of them on cases; {shrinkage}; "
            f"{handle}.",
            *(hours, days, on_cases, *shrinkage.facts, *handle.facts),
            audience="planner",
            names=names,
        ),
        Finding(f"{label}: {end:about case} open at the end of the plan.", end, audience="planner", names=names),
    ]


def _breach_sentence(expected: Fact, due: Fact, planned: Fact, given: str) -> Finding:
    """Report how many cases are expected to breach as the forecast may be wrong, and how many the plan itself leaves.

    >>> expected, due, planned = Fact("a", "email", 11.2), Fact("b", "email", 49.0), Fact("c", "email", 1.0)
    >>> _breach_sentence(expected, due, planned, "volume is as planned")
    'With forecast error, expect about 11 breaches among 49 cases due (1 if volume is as planned).'
    """
    if round(expected.value) == 0:
        count, facts = "hardly any breach", [due]
    else:
        count, facts = f"{expected:about breach}", [expected, due]
    alone = "none"
    if round(planned.value):
        alone, facts = f"{planned:~}", [*facts, planned]
    return Finding(f"With forecast error, expect {count} among {due:~case} due ({alone} if {given}).", *facts)
