"""The review of deferred work: breaches of a week against its plan, and what was more or less than planned."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError
from ...features.kpis.kpi_history import kpi_history, series
from ...features.sla.milestones import milestones
from ...forecasting.backlog.casework import DeferredWork, build_deferred_work, planned_inflow
from ...forecasting.intraday.breach_causes import WorkSide, explain_breaches, find_productivity
from ..project.project import Project, view_as_of
from ..state.database import read_state
from ..state.issued import read_issued
from .accuracy_plans import cases_by_interval
from .adjusted import judge_plan
from .casework import ANY_PRIORITY, SLA_METRIC, CaseWork, gather_case_work, plan_cases
from .queue import PlannedQueue, only_segment
from .work_agents import read_work_agents

_WEEK = pd.Timedelta(days=7)
#: A factor of a plan's arrivals is not taken from fewer cases an interval than this.
_MIN_ARRIVALS = 1e-6


@dataclass(frozen=True)
class WorkPlan:
    """The plan of a span of deferred work.

    Attributes
    ----------
    rows
        ``ds, arrived, agents, backlog`` of each interval, and ``baseline``, ``adjusted``, ``adjustment`` where planners
        adjusted it.
    work
        What was known when the span began: forecast, backlog, SLA targets.
    source
        ``issued``, or ``monday``: computed from what was known when the span began.
    backlog
        Open cases that the plan has at the begin of the span; missing where it is the backlog of then.
    """

    rows: pd.DataFrame
    work: CaseWork
    source: str
    backlog: float

    @property
    def is_issued(self) -> bool:
        """Whether it was issued before the span."""
        return self.source == "issued"


def review_work(
    queue: PlannedQueue, begin: pd.Timestamp, plan_anew: bool = True
) -> tuple[dict[str, pd.DataFrame], str]:
    """Return the tables on one queue of deferred work, and where its plan is from.

    Returns
    -------
    tables
        ``review_work`` (by interval), ``review_adjustments`` and ``review_work_causes``; the ``attrs`` of the latter
        have what the sentences state beside: ``planned`` and ``observed`` breaches, ``due``, ``done``,
        ``backlog_planned`` and ``backlog`` at the begin.
    source
        ``issued`` or ``monday``.

    Raises
    ------
    InputError
        If there is no SLA on the resolution of cases, no plan, or no case in the week.
    """
    project = queue.project
    if SLA_METRIC not in {sla.metric for sla in project.config.slas}:
        problem, hint = "no SLA on the resolution of cases", "add an [[sla]] with metric = 'resolution'"
        raise InputError(problem, where=queue.place, column="sla", hint=hint, code="metric.unknown")
    plan = read_work_plan(queue, begin, begin + _WEEK, plan_anew)
    outcomes = find_outcomes(project)
    came = cases_by_interval(queue, begin, outcomes)
    rows = plan.rows.merge(came[came["ds"] < begin + _WEEK], on="ds").sort_values("ds", ignore_index=True)
    if rows.empty:
        raise InputError("no case came in this week", got=f"{begin:%Y-%m-%d}", code="queue.empty")
    planned, actual = _two_sides(queue, plan, rows)
    there = read_work_agents(queue, rows["ds"])
    if there is not None:
        actual = replace(actual, capacity=_capacity(queue, actual.work, there))
    done = _count_done(queue, begin)
    late, factor = float(rows["late"].sum()), find_productivity(actual, done)
    # fewer cases done may as well be cases that wait for others: another productivity counts where it explains breaches
    causes = min((explain_breaches(planned, actual, late, f) for f in dict.fromkeys((1.0, factor))), key=_find_rest)
    waits = float(actual.work.old["cases"].sum())
    causes.attrs |= {"due": _count_due(queue, outcomes, rows["ds"]), "done": done, "backlog": waits}
    causes.attrs["backlog_planned"] = waits if np.isnan(plan.backlog) else plan.backlog
    shown = pd.DataFrame({"ds": rows["ds"], "arrived_planned": planned.work.inflow.mean(axis=0).sum(axis=0)})
    shown = shown.assign(arrived=rows["y"], agents_planned=rows["agents"])
    shown = shown if there is None else shown.assign(agents=there)
    shown = shown.assign(backlog_planned=rows["backlog"], backlog=rows["open"], breaches=rows["late"])
    judged = judge_plan(project, "casework", plan.rows, rows.rename(columns={"y": "calls"}), plan.is_issued, "adjusted")
    tables = {"review_work": shown, "review_work_causes": causes, "review_adjustments": judged}
    return tables, plan.source


def read_work_plan(queue: PlannedQueue, begin: pd.Timestamp, end: pd.Timestamp, plan_anew: bool = True) -> WorkPlan:
    """Return the plan of a span: what was issued last before it, else what was known then would have planned.

    Raises
    ------
    InputError
        If nothing was issued and it is not to be planned anew.
    """
    project = queue.project
    then = replace(queue, project=view_as_of(project, begin.strftime("%Y-%m-%d %H:%M")))
    with read_state(project.config.state_place) as state:
        issued = read_issued(state, "casework", pd.Timestamp(project.as_of))
    mine = issued[issued["scope"] == queue.name]
    local = mine["as_of"].dt.tz_convert(project.log.timezone).dt.tz_localize(None)
    mine = mine[local <= begin]
    inside = mine[(mine["ds"] >= begin) & (mine["ds"] < end)]
    if inside.empty and not plan_anew:
        raise InputError(
            "no plan was issued before this week", where=queue.place, got=f"{begin:%Y-%m-%d}",
            hint="deskcast review plans it as of that Monday", code="plan.missing",
        )  # fmt: skip
    work = gather_case_work(then)
    if inside.empty:
        rows, _ = plan_cases(then, work)
        return WorkPlan(rows[(rows["ds"] >= begin) & (rows["ds"] < end)], work, "monday", float("nan"))
    last = inside[inside["as_of"] == inside["as_of"].max()].sort_values("ds")
    before = mine[(mine["as_of"] == last["as_of"].iloc[0]) & (mine["ds"] < begin)].sort_values("ds")
    waits = float(before["backlog"].iloc[-1]) if len(before) else float("nan")
    rows = last[["issue_id", "ds", "arrived", "agents", "backlog"]].reset_index(drop=True)
    return WorkPlan(rows, work, "issued", waits)


def find_outcomes(project: Project) -> pd.DataFrame:
    """Return ``case_id, due_at, label`` (breached) of the resolution SLA of each case, as far as it is decided."""
    found = milestones(project.log)
    mine = found[(found["metric"] == SLA_METRIC) & found["due_at"].notna() & found["status"].isin(["met", "breached"])]
    return mine.assign(label=mine["status"] == "breached")[["case_id", "due_at", "label"]]


def _two_sides(queue: PlannedQueue, plan: WorkPlan, rows: pd.DataFrame) -> tuple[WorkSide, WorkSide]:
    """Return the work as it was planned and as it was, over the week; agents of both are the plan's."""
    arrivals = plan.work.arrivals
    arrivals = arrivals[arrivals["ds"].isin(rows["ds"])]
    rules = {key: value for key, value in plan.work.shared.items() if key != "occupancy"}
    whole = build_deferred_work(arrivals, plan.work.calendar, backlog=plan.work.backlog, **rules)
    mine = _scale_plan(whole, queue.spec.confidence, plan, rows)
    actual = replace(whole, inflow=_count_arrivals(queue, whole)[None])
    capacity = _capacity(queue, whole, rows["agents"].to_numpy(dtype=float))
    return WorkSide(mine, capacity), WorkSide(actual, capacity)


def _scale_plan(whole: DeferredWork, confidence: float | None, plan: WorkPlan, rows: pd.DataFrame) -> DeferredWork:
    """Return the work that an issued plan had: as much as it said, in the classes of the forecast of then."""
    if not plan.is_issued:
        return whole
    usual = planned_inflow(whole, confidence).sum(axis=0)
    said = rows["arrived"].to_numpy(dtype=float)
    factor = np.where(usual > _MIN_ARRIVALS, said / np.maximum(usual, _MIN_ARRIVALS), 1.0)
    old, waits = whole.old, float(whole.old["cases"].sum())
    if not np.isnan(plan.backlog) and waits > 0:
        old = old.assign(cases=old["cases"] * plan.backlog / waits)
    return replace(whole, inflow=whole.inflow * factor, old=old)


def _count_arrivals(queue: PlannedQueue, whole: DeferredWork) -> Floats:
    """Return the cases that came by class and interval, shape (C, n)."""
    split = () if whole.classes == (ANY_PRIORITY,) else ("priority",)
    history = queue.arrivals("cases_opened", split)
    names = history[split[0]].astype("str") if split else pd.Series(ANY_PRIORITY, index=history.index)
    counts = pd.DataFrame({"kind": names.to_numpy(), "ds": history["ds"].to_numpy(), "n": history["value"].to_numpy()})
    table = counts.pivot_table(index="kind", columns="ds", values="n", aggfunc="sum", fill_value=0.0)
    found = table.reindex(index=list(whole.classes), columns=pd.DatetimeIndex(whole.ds), fill_value=0.0)
    return np.asarray(found.to_numpy(dtype=float))


def _capacity(queue: PlannedQueue, work: DeferredWork, agents: Floats) -> Floats:
    return np.asarray(agents * work.open_s * (queue.spec.max_occupancy or 1.0))


def _count_done(queue: PlannedQueue, begin: pd.Timestamp) -> float:
    history = only_segment(kpi_history(queue.project.log, ["cases_resolved"], tuple(queue.where), "D"), queue.where)
    found = series(history, "cases_resolved")
    return float(found.loc[(found["ds"] >= begin) & (found["ds"] < begin + _WEEK), "y"].sum())


def _find_rest(causes: pd.DataFrame) -> float:
    """Return how many breaches are left to chance, of either sign."""
    return abs(float(causes.loc[causes["cause"] == "chance", "part"].iloc[0]))


def _count_due(queue: PlannedQueue, outcomes: pd.DataFrame, ds: pd.Series) -> int:
    """Return the cases of a queue whose SLA fell due in some intervals, met or breached."""
    log = queue.project.log
    cases = only_segment(log.frame(log.table("cases").select("case_id", *queue.where)), queue.where)
    due = outcomes.loc[outcomes["case_id"].isin(cases["case_id"]), "due_at"]
    local = due.dt.tz_convert(log.timezone).dt.tz_localize(None)
    step = pd.Timedelta(seconds=queue.spec.interval_s)
    return int(((local >= ds.min()) & (local < ds.max() + step)).sum())
