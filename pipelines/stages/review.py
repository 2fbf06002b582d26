"""The stage on a week that is over: plan against what came, and why the target was missed or met."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError
from ...forecasting.intraday.target_causes import explain_target
from ..project.project import Project, view_as_of
from ..stage import Stage
from ..state.database import read_state
from ..state.issued import read_issued
from ..words.facts import Finding
from ..words.figures import figures_table
from ..words.review import FIGURES, review_findings
from ..words.review_work import work_findings
from .accuracy_plans import scheduled_by_interval
from .accuracy_volumes import find_contacts, staffing_table
from .adjusted import judge_plan
from .day_plan import read_handle_times
from .measured import find_agents
from .off_plan import read_agents_off
from .planned_load import is_lagged
from .planned_time import read_on_contacts, read_present
from .queue import PlannedQueue
from .review_work import review_work
from .staff import plan_queue
from .volume_causes import find_volume_causes

_WEEK = pd.Timedelta(days=7)


def review_stage(project: Project, week: pd.Timestamp | None = None, *, plan_anew: bool = True) -> Stage:
    """Compare the plan of a week with what came of it, and split what the service level was off by into its causes.

    Parameters
    ----------
    project
        Opened, perhaps as of an earlier instant.
    week
        A day of the week; the last one that is over by default.
    plan_anew
        Whether deferred work whose plan was not issued is planned as of that Monday, which takes as long as a new plan.

    Returns
    -------
    Stage
        Tables ``review`` (by queue and interval), ``review_causes`` (by queue and cause), ``review_volume`` (what may
        have moved the volume), ``review_adjustments`` (whether adjustments helped), ``review_accuracy`` (error and bias
        as the track record has them, where the plan was issued) and ``review_figures``; of deferred work
        ``review_work`` (by queue and interval) and ``review_work_causes``.
    """
    queues = {name: PlannedQueue(project, name, spec) for name, spec in project.config.staffing.items()}
    if not queues:
        return Stage("review", skipped="No queue is configured: add a [staffing.NAME] section.")
    begin = find_week(project, week)
    tables: dict[str, list[pd.DataFrame]] = {}
    findings: list[str] = []
    problems: list[str] = []
    for name, queue in queues.items():
        try:
            is_work = queue.spec.kind == "cases"
            found, source = review_work(queue, begin, plan_anew) if is_work else _review(queue, begin)
        except InputError as error:
            never = error.code == "plan.missing"
            problems.append(f"{name}, as no run issued a plan of that week" if never else f"{name}: {error}")
            continue
        if is_work:
            findings += work_findings(queue, begin, source, found)
        else:
            findings += review_findings(queue, begin, source, found, dict(found["review_causes"].attrs))
        for kind, table in found.items():
            if "queue" not in table:
                table.insert(0, "queue", name)
            tables.setdefault(kind, []).append(table)
    if not tables:
        return Stage("review", skipped="; ".join(problems))
    joined = {kind: pd.concat(parts, ignore_index=True) for kind, parts in tables.items()}
    findings += [Finding(f"Not reviewed: {text}", names=[text], audience="planner") for text in problems]
    shown = {kind: table for kind, table in joined.items() if len(table)}
    return Stage("review", shown | figures_table(FIGURES, findings), tuple(findings), {"week": f"{begin:%Y-%m-%d}"})


def find_week(project: Project, week: pd.Timestamp | None) -> pd.Timestamp:
    """Return the Monday of a week that is over.

    Raises
    ------
    InputError
        If the week is not over at the end of the log.
    """
    end = pd.Timestamp(project.log.until).tz_convert(project.log.timezone).tz_localize(None)
    last = (end - _WEEK).normalize()
    last -= pd.Timedelta(days=last.day_of_week)
    if week is None:
        return last
    begin = week.normalize() - pd.Timedelta(days=week.day_of_week)
    if begin > last:
        raise InputError(
            "the week is not over", where="--week", got=f"{week:%Y-%m-%d}", wanted=f"{last:%Y-%m-%d} or earlier",
            code="time.order",
        )  # fmt: skip
    return begin


def _review(queue: PlannedQueue, begin: pd.Timestamp) -> tuple[dict[str, pd.DataFrame], str]:
    """Return the tables on one queue, and where its plan is from."""
    plan, source = read_week_plan(queue, begin)
    rows = join_actuals(queue, plan, begin)
    lagged = is_lagged(queue, rows["aht_planned"].to_numpy(dtype=float))
    causes = explain_target(rows, queue.target, is_lagged=lagged)
    causes.attrs["unplanned"] = rows.attrs["unplanned"]
    shown = rows.drop(columns=["issue_id", "scope", "as_of", "data_until", "made_at", "model", "step"], errors="ignore")
    shown["aht"] = shown["handle_s"] / shown["n"].where(shown["n"] > 0)
    shown["service_level"] = shown["in_time"] / shown["decided"].where(shown["decided"] > 0)
    columns = ["ds", "calls_planned", "calls", "aht_planned", "aht", "agents_planned", "service_level"]
    columns += [name for name in ("agents_scheduled", "agents", "agents_off") if name in shown]
    found = {"review": shown[columns].reset_index(drop=True), "review_causes": causes}
    found["review_volume"] = find_volume_causes(queue, begin, rows)
    found["review_adjustments"] = judge_plan(queue.project, "staffing", plan, rows, source == "issued")
    if source == "issued":
        found["review_accuracy"] = staffing_table(queue.project, plan.rename(columns={
            "calls_planned": "calls", "aht_planned": "aht_s", "agents_planned": "agents"}))  # fmt: skip
    return found, source


def read_week_plan(queue: PlannedQueue, begin: pd.Timestamp) -> tuple[pd.DataFrame, str]:
    """Return the plan of a week: of each interval what was issued last before the week, else first within it.

    Where nothing was issued, it is what the plan of the Monday would have been, by what was known then.
    """
    project, end = queue.project, begin + _WEEK
    with read_state(project.config.state_place) as state:
        staffing, plans = (read_issued(state, kind, pd.Timestamp(project.as_of)) for kind in ("staffing", "plan"))
    mine = staffing[(staffing["scope"] == queue.name) & (staffing["ds"] >= begin) & (staffing["ds"] < end)]
    names = {"calls": "calls_planned", "aht_s": "aht_planned", "agents": "agents_planned"}
    if mine.empty:
        then = replace(queue, project=view_as_of(project, begin.strftime("%Y-%m-%d %H:%M")))
        plan, _ = plan_queue(then)
        plan = plan[(plan["ds"] >= begin) & (plan["ds"] < end)]
        more = [name for name in ("baseline", "adjustment") if name in plan]
        return plan[["ds", *names, *more]].rename(columns=names).reset_index(drop=True), "monday"
    local = mine["as_of"].dt.tz_convert(project.log.timezone).dt.tz_localize(None)
    order = np.where(local <= begin, (begin - local).dt.total_seconds(), 1e12 + (local - begin).dt.total_seconds())
    rows = mine.assign(order=order).sort_values(["ds", "order"]).drop_duplicates("ds").drop(columns="order")
    rows = rows.rename(columns=names).reset_index(drop=True)
    scheduled = _scheduled(queue, rows, plans[plans["scope"] == queue.name])
    return (rows if scheduled is None else rows.assign(agents_scheduled=scheduled)), "issued"


def _scheduled(queue: PlannedQueue, rows: pd.DataFrame, plans: pd.DataFrame) -> Floats | None:
    """Return the agents of the shifts that were issued with the plan of each interval."""
    out = np.full(len(rows), np.nan)
    for as_of, own in rows.groupby("as_of"):
        body = plans[plans["as_of"] == as_of]
        if len(body):
            shifts = pd.DataFrame(json.loads(str(body["body"].iloc[-1])))
            there = scheduled_by_interval(shifts, own["ds"], queue.spec.interval_s, queue.calendar)
            out[own.index.to_numpy()] = there
    return None if np.isnan(out).all() else out


def join_actuals(queue: PlannedQueue, plan: pd.DataFrame, begin: pd.Timestamp) -> pd.DataFrame:
    """Return the intervals of a week that are over, planned and as they were.

    ``attrs["unplanned"]`` is how many contacts came in intervals that the plan does not have.
    """
    came = find_contacts(queue, begin)
    came = came[came["ds"] < begin + _WEEK].rename(columns={"y": "calls"})
    plan = plan[(plan["calls_planned"] > 0) | plan["ds"].isin(came.loc[came["calls"] > 0, "ds"])]
    rows = plan.merge(came, on="ds").merge(read_handle_times(queue, begin), on="ds", how="left")
    rows[["n", "handle_s"]] = rows[["n", "handle_s"]].fillna(0.0)
    if rows.empty or rows["in_time"].isna().all():
        problem, hint = "no answered contacts are recorded in this week", "it needs contacts with their waiting times"
        raise InputError(problem, got=f"{begin:%Y-%m-%d}", hint=hint, code="queue.empty")
    present = read_present(queue, rows["ds"])
    if present is not None:
        rows["agents_scheduled"] = present["scheduled"].to_numpy()
    there = read_agents(queue, rows["ds"])
    if there is not None:
        rows["agents"] = there
        off = read_agents_off(queue, rows["ds"])
        if off is not None and present is not None:
            rows["agents_off"] = off
    rows.attrs["unplanned"] = float(came["calls"].sum() - rows["calls"].sum())
    return rows


def read_agents(queue: PlannedQueue, ds: pd.Series) -> Floats | None:
    """Return how many agents of a queue were on contacts by interval; ``None`` where their time is not recorded."""
    return read_on_contacts(queue, ds, find_agents(queue)) if queue.project.log.has("agent_time", "end") else None
