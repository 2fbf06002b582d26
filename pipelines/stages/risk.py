"""The list of the morning: which open case will break its promise, why, what to do, and on which to begin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ...features.case_log.fetch import fetch
from ...features.case_log.log import CaseLog
from ...features.cases.credits import acted_expr, given_expr, last_agents
from ...features.renamed import renamed_arguments
from ...models.risk.breach import has_breached
from ...models.worklist.budget import select_cases
from ...models.worklist.previous_picks import explain_dropped, find_untouched
from ...models.worklist.ranking import rank_cases
from ...models.worklist.reasons import reasons
from ...models.worklist.time_left import chance_in_time, find_reading_time, move_time_left
from ..project.project import Project
from ..project.specs import RiskSpec
from ..stage import Stage
from ..store.flagged_cases import find_flagged_since, find_last_picks, read_flags
from .case_details import build_case_details
from .risk_actions import breach_costs, suggest_actions
from .risk_words import write_risk_findings
from .train import TrainedModel, calendar_of

#: Cases a day that are picked, where neither a budget nor a capacity is configured.
DEFAULT_CASES_PER_DAY = 20
#: Columns of a case that conditions of actions may be about, carried along.
_CONDITION_COLUMNS = ("status", "channel", "product", "region", "case_type")
_RISK_COLUMNS = (
    *("rank", "case_id", "metric", "probability", "risk_level", "due_at", "left_s", "left_wall_s", "left_business_s"),
    *("paused", "owner", "team", "priority", "age_s", "reason_1", "reason_2", "reason_3"),
    *("median_finish", "finish_80", "action", "expected_benefit", "work_first", "first_flagged_at", "as_of"),
    "caution",
)
_PAST_SAVING_COLUMNS = (
    *("case_id", "metric", "probability", "due_at", "left_s", "left_wall_s", "left_business_s", "owner", "team"),
    *("priority", "reason_1", "median_finish", "finish_80", "action", "as_of", "caution"),
)
_OPEN_COLUMNS = (
    *("case_id", "metric", "due_at", "left_s", "left_wall_s", "left_business_s", "paused", "owner", "team", "priority"),
    *("age_s", "as_of", "caution"),
)


@renamed_arguments
def risk_stage(
    project: Project,
    trained: TrainedModel | None,
    log: CaseLog | None = None,
    *,
    cases_per_day: int | None = None,
    capacity_s: float | None = None,
) -> Stage:
    """Rank the open cases by what work on them can still save, and pick those to begin with.

    Parameters
    ----------
    project
        Opened, perhaps as of an earlier instant.
    trained
        What :func:`~deskcast.pipelines.stages.train.train_stage` learnt from the same log: its models stand as they are
        at the end of the log (speed of the desk and base rate of the last days).
    cases_per_day, capacity_s
        Cases, or seconds of work, that a day has room for; those of the configuration by default, else 20 cases.

    Returns
    -------
    Stage
        Tables ``risk`` (cases that can still keep their promise: those to work on first, then by what work on them
        saves), ``reasons`` (of those at the top, with their contributions), ``breached_cases``, and where there are any
        ``past_saving`` (the work does not fit into the time left), ``dropped_cases`` (picks of the last list that are
        none of this one, with the reason) and ``awaiting_closure`` (resolved, not closed: nothing is left to do). Where
        nothing tells cases apart there is no ``risk`` but ``open_cases``, by due time. What is said of the time is of
        the hour at which the list is read; see :func:`deskcast.models.worklist.time_left.find_reading_time`. What the
        page of a case needs: see :func:`~deskcast.pipelines.stages.case_details.build_case_details`. With
        surveys or escalations also ``outcome_evaluation``, and ``dissatisfaction``, ``recently_closed`` and
        ``escalation`` where these can tell cases apart.
    """
    log = log or project.log
    if trained is None:
        return Stage("risk", skipped="No model yet: see the stage 'train'.")
    metric, rows = trained.metric, trained.today
    if rows.empty:
        return Stage("risk", skipped=f"No case is open at {log.until:%Y-%m-%d %H:%M} UTC.")
    spec = project.config.risk
    spec = replace(spec, cases_per_day=cases_per_day or spec.cases_per_day, capacity_s=capacity_s or spec.capacity_s)
    if cases_per_day and not capacity_s:
        spec = replace(spec, capacity_s=None)
    if capacity_s and not cases_per_day:
        spec = replace(spec, cases_per_day=None)
    read_at = find_reading_time(log.until, spec.at, log.timezone, project.asked_at)
    as_read = move_time_left(rows, read_at, calendar_of(log, metric))
    done = _resolved_mask(rows) & ~has_breached(rows)
    actions = dict(spec.actions) or None
    table, broken = rank_cases(rows[~done], trained.risk, actions=actions, as_read=as_read[~done])
    without_due_time = len(rows) - int(done.sum()) - len(table) - len(broken)
    caution = pd.Series(trained.risk.caution_, index=table.index, dtype="str")
    table = _completed(table.assign(as_of=read_at, caution=caution), rows, trained, log)
    broken = broken.assign(owner=find_owners(log, broken["case_id"]))
    waiting = _awaiting_closure(rows[done], trained, log)
    tables = {"breached_cases": broken} | ({"awaiting_closure": waiting} if len(waiting) else {})
    if not _is_ranked(table, trained):
        tables = {"open_cases": _list_by_due_time(table), **tables}
        figures = {"expected": float("nan"), "work_first": 0.0}
    else:
        tables = _pick(table, rows, project, spec) | tables
        tables |= _dropped(tables, rows, project, spec)
        tables["reasons"] = _explained(tables, rows, as_read, trained, spec)
        picked = tables["risk"]
        figures = {"expected": float(picked["probability"].sum()), "work_first": float(picked["work_first"].sum())}
    findings = write_risk_findings(
        tables,
        metric,
        spec.top,
        min_probability=spec.min_probability,
        caution=_caution(trained),
        is_tested=bool(len(trained.risk.evaluation_)),
        timezone=project.config.timezone,
        without_due_time=without_due_time,
    )
    metrics = {"open": float(len(rows)), "breached": float(len(broken)), "awaiting_closure": float(len(waiting))}
    params = {"metric": metric, "as_of": str(log.until), "read_at": str(read_at), "used": trained.risk.used_}
    tables |= build_case_details(log, metric, as_read, trained.labels)
    stage = Stage("risk", tables, tuple(findings), params | {"caution": trained.risk.caution_}, metrics | figures)
    from .dissatisfaction import add_outcome_risks

    return add_outcome_risks(stage, project, trained, log)


def _pick(table: pd.DataFrame, rows: pd.DataFrame, project: Project, spec: RiskSpec) -> dict[str, pd.DataFrame]:
    """Put those that no work can save apart, and rank the others by what work on them saves."""
    todo, prevents, effort_h = suggest_actions(table, project.config.actions, spec)
    table = table.assign(action=pd.Series(todo, index=table.index, dtype="str"), _prevents=prevents, _effort_h=effort_h)
    late = chance_in_time(table["left_s"].to_numpy(dtype=float, na_value=np.nan), 3600 * table["_effort_h"]) == 0
    past = table[late].sort_values(["left_s", "case_id"], ignore_index=True)
    past["action"] = pd.Series("tell the customer when it will be done", index=past.index, dtype="str")
    table = table[~late].reset_index(drop=True)
    flags = read_flags(project.config.state_place, str(rows["metric"].iloc[0]))
    last = find_last_picks(flags, project.data_until)
    picked = select_cases(
        table,
        k=(spec.cases_per_day or DEFAULT_CASES_PER_DAY) if spec.capacity_s is None else spec.cases_per_day,
        capacity_h=None if spec.capacity_s is None else spec.capacity_s / 3600,
        preventable=table["_prevents"],
        cost=breach_costs(table, spec),
        effort_h=table["_effort_h"],
        min_probability=spec.min_probability,
        kept=find_untouched(rows, list(last["case_id"]), last["at"].max()) if len(last) else (),
    )
    picked = picked.sort_values("work_first", ascending=False, kind="stable", ignore_index=True)
    picked["rank"] = np.arange(1, len(picked) + 1)
    picked["first_flagged_at"] = find_flagged_since(flags, picked["case_id"], picked["work_first"], project.data_until)
    return {"risk": picked[list(_RISK_COLUMNS)]} | (
        {"past_saving": past[list(_PAST_SAVING_COLUMNS)]} if len(past) else {}
    )


def _dropped(
    tables: dict[str, pd.DataFrame], rows: pd.DataFrame, project: Project, spec: RiskSpec
) -> dict[str, pd.DataFrame]:
    """Describe which picks of the last list are none of today, and why."""
    last = find_last_picks(read_flags(project.config.state_place, str(rows["metric"].iloc[0])), project.data_until)
    if last.empty:
        return {}
    names = {key: list(tables[key]["case_id"]) if key in tables else [] for key in ("breached_cases", "past_saving")}
    gone = explain_dropped(
        last,
        tables["risk"],
        breached=names["breached_cases"],
        past_saving=names["past_saving"],
        resolved=list(tables["awaiting_closure"]["case_id"]) if "awaiting_closure" in tables else [],
        untouched=find_untouched(rows, list(last["case_id"]), last["at"].max()),
        min_probability=spec.min_probability,
    )
    return {"dropped_cases": gone} if len(gone) else {}


def _caution(trained: TrainedModel) -> str:
    """Return what a planner needs to know of the probabilities; the tests behind it are the findings of ``train``."""
    risk = trained.risk
    tested = bool(len(risk.evaluation_)) and risk.used_ == "constant"
    return "All open cases have the average breach rate: no model ranks them better yet." if tested else risk.caution_


def _is_ranked(table: pd.DataFrame, trained: TrainedModel) -> bool:
    """Return whether anything tells cases apart: their rates, or at equal rates the time that is left."""
    if trained.risk.used_ == "unknown":
        return False
    return trained.risk.used_ != "constant" or bool(table["due_at"].notna().any())


def _list_by_due_time(table: pd.DataFrame) -> pd.DataFrame:
    """List open cases that nothing tells apart: no rank, no probability, by due time and then by age."""
    order = table.sort_values(["due_at", "age_s", "case_id"], ascending=[True, False, True], ignore_index=True)
    return order[list(_OPEN_COLUMNS)]


def _explained(
    tables: dict[str, pd.DataFrame], rows: pd.DataFrame, as_read: pd.DataFrame, trained: TrainedModel, spec: RiskSpec
) -> pd.DataFrame:
    """Return the reasons of the cases at the top, with the contributions of the data and the time of the reading."""
    order = tables["risk"].set_index("case_id")["rank"]
    top = rows["case_id"].isin(order.index[: max(spec.top, 50)])
    why = reasons(as_read[top], trained.risk, parts=trained.risk.contributions(rows[top]))
    return why.assign(rank=why["case_id"].map(order)).sort_values(["rank", "place"], ignore_index=True)


def find_owners(log: CaseLog, case_id: pd.Series) -> pd.Series:
    """Return the agent whom each case was last assigned to, as far as the log tells; missing where it does not.

    Parameters
    ----------
    log
        A log with ``events``: an ``assigned`` event of the field ``agent`` or ``agent_id`` names the agent, else the
        last agent who acted on the case counts.
    case_id
        Cases, with any index.
    """
    nobody = pd.Series(index=case_id.index, dtype="str")
    if not log.has("events") or case_id.empty:
        return nobody
    sources = [given_expr(log)] if {"field", "new"} <= set(log.table("events").columns) else []
    sources += [acted_expr(log)] if {"actor_id", "actor_role"} <= set(log.table("events").columns) else []
    found = pd.Series(dtype="str")
    for rows in sources:
        last = fetch(last_agents(rows.filter(rows["at"] <= log.until))).set_index("case_id")["agent"].astype("str")
        found = found.combine_first(last)
    return pd.Series(found.reindex(case_id.astype("str")).array, index=case_id.index, dtype="str")


def _completed(table: pd.DataFrame, rows: pd.DataFrame, trained: TrainedModel, log: CaseLog) -> pd.DataFrame:
    """Add the owner, when the case will be done, and what conditions of actions may be about."""
    mine = rows.set_index("case_id", drop=False).loc[table["case_id"]].reset_index(drop=True)
    carried = {name: mine[name].array for name in _CONDITION_COLUMNS if name in mine.columns}
    table = table.assign(owner=find_owners(log, table["case_id"]), **carried)
    finish = trained.risk.finish_times(mine) if len(mine) else None
    for name in ("median_finish", "finish_80"):
        when = pd.DatetimeIndex([pd.NaT] * len(table), tz="UTC") if finish is None else pd.DatetimeIndex(finish[name])
        table[name] = pd.Series(when.as_unit("us"), index=table.index)
    return table


def _resolved_mask(rows: pd.DataFrame) -> pd.Series:
    if "is_resolved" not in rows.columns:
        return pd.Series(False, index=rows.index)
    return rows["is_resolved"].astype("Float64").fillna(0).astype(bool)


def _awaiting_closure(rows: pd.DataFrame, trained: TrainedModel, log: CaseLog) -> pd.DataFrame:
    """Return the cases that are resolved and wait to be closed: their outcome is as good as decided."""
    names = ["case_id", "metric", "resolved_for_s", "age_s", "team", "priority"]
    table = rows[[n for n in names if n in rows.columns]].assign(probability=trained.risk.risk(rows))
    table["owner"] = find_owners(log, table["case_id"])
    table["action"] = pd.Series("nothing left to do", index=table.index, dtype="str")
    return table.sort_values(["probability", "case_id"], ascending=[False, True], ignore_index=True)
