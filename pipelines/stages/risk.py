"""The list of the morning: which open case will break its promise, why, what to do, and on which to begin."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from ...features.case_log.fetch import fetch
from ...features.case_log.log import CaseLog
from ...features.durations import format_duration
from ...features.renamed import renamed_arguments
from ...models.risk.breach import has_breached
from ...models.worklist.budget import select_cases
from ...models.worklist.ranking import rank_cases
from ...models.worklist.reasons import reasons
from ..project.project import Project
from ..stage import Stage
from ..store.flagged_cases import find_flagged_since, read_flags
from ..words.words import format_count, format_number, format_probability
from .risk_actions import breach_costs, suggest_actions
from .train import TrainedModel

#: Cases a day that are picked, where neither a budget nor a capacity is configured.
DEFAULT_CASES_PER_DAY = 20
#: Columns of a case that conditions of actions may be about, carried along.
_CONDITION_COLUMNS = ("status", "channel", "product", "region", "case_type")
_RISK_COLUMNS = (
    *("rank", "case_id", "metric", "probability", "risk_level", "due_at", "left_s", "left_wall_s", "left_business_s"),
    *("paused", "owner", "team", "priority", "age_s", "reason_1", "reason_2", "reason_3"),
    *("median_finish", "finish_80", "action", "expected_benefit", "work_first", "first_flagged_at"),
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
    """Rank the open cases by the probability that they break their promise, and pick those to begin with.

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
        Tables ``risk`` (cases that can still keep their promise), ``reasons`` (of those at the top, with their
        contributions), ``breached_cases``, and ``awaiting_closure`` (resolved, not closed: nothing is left to do) where
        there are any; with surveys or escalations ``dissatisfaction``, ``recently_closed``, ``escalation`` and
        ``outcome_evaluation``.
    """
    log = log or project.log
    if trained is None:
        return Stage("risk", skipped="There is no model: see the stage 'train'.")
    metric, rows = trained.metric, trained.today
    if rows.empty:
        return Stage("risk", skipped=f"No case is open at {log.until:%d %b %Y %H:%M} UTC.")
    spec = project.config.risk
    spec = replace(spec, cases_per_day=cases_per_day or spec.cases_per_day, capacity_s=capacity_s or spec.capacity_s)
    if cases_per_day and not capacity_s:
        spec = replace(spec, capacity_s=None)
    if capacity_s and not cases_per_day:
        spec = replace(spec, cases_per_day=None)
    done = _resolved_mask(rows) & ~has_breached(rows)
    table, broken = rank_cases(rows[~done], trained.risk, actions=dict(spec.actions) or None)
    table = _completed(table, rows, trained, log)
    todo, prevents, effort_h = suggest_actions(table, project.config.actions, spec)
    table["action"] = pd.Series(todo, index=table.index, dtype="str")
    picked = select_cases(
        table,
        k=(spec.cases_per_day or DEFAULT_CASES_PER_DAY) if spec.capacity_s is None else spec.cases_per_day,
        capacity_h=None if spec.capacity_s is None else spec.capacity_s / 3600,
        preventable=prevents,
        cost=breach_costs(table, spec),
        effort_h=effort_h,
    )
    table["expected_benefit"], table["work_first"] = picked["expected_benefit"], picked["work_first"]
    flags = read_flags(project.config.results_folder, metric)
    table["first_flagged_at"] = find_flagged_since(flags, table["case_id"], table["work_first"], log.until)
    broken = broken.assign(owner=find_owners(log, broken["case_id"]))
    top = rows[rows["case_id"].isin(table["case_id"].head(max(spec.top, 50)))]
    why = reasons(top, trained.risk)
    order = table.set_index("case_id")["rank"]
    why = why.assign(rank=why["case_id"].map(order)).sort_values(["rank", "place"], ignore_index=True)
    waiting = _awaiting_closure(rows[done], trained, log)
    tables = {"risk": table[list(_RISK_COLUMNS)], "reasons": why, "breached_cases": broken}
    tables |= {"awaiting_closure": waiting} if len(waiting) else {}
    findings = [*_sentences(table, broken, waiting, metric, spec.top)]
    metrics = {"open": float(len(rows)), "breached": float(len(broken)), "awaiting_closure": float(len(waiting))}
    metrics |= {"expected": float(table["probability"].sum()), "work_first": float(table["work_first"].sum())}
    params = {"metric": metric, "as_of": str(log.until), "used": trained.risk.used_}
    stage = Stage("risk", tables, tuple(findings), params, metrics)
    from .dissatisfaction import add_outcome_risks

    return add_outcome_risks(stage, project, trained, log)


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
    events = log.table("events")
    events = events.filter(events["at"] <= log.until)
    found = pd.Series(dtype="str")
    if {"actor_id", "actor_role"} <= set(events.columns):
        acted = events.filter((events.actor_role == "agent") & events.actor_id.notnull())
        last = acted.group_by("case_id").agg(owner=acted.actor_id.argmax(acted["at"]))
        found = fetch(last).set_index("case_id")["owner"].astype("str")
    if {"field", "new"} <= set(events.columns):
        given = events.filter(
            (events.kind == "assigned") & events.field.isin(["agent", "agent_id", "assignee", "owner"])
        )
        named = fetch(given.group_by("case_id").agg(owner=given.new.argmax(given["at"]))).set_index("case_id")["owner"]
        found = named.astype("str").combine_first(found)
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
    """Tell the cases that are resolved and wait to be closed: their outcome is as good as decided."""
    names = ["case_id", "metric", "resolved_for_s", "age_s", "team", "priority"]
    table = rows[[n for n in names if n in rows.columns]].assign(probability=trained.risk.predict_proba(rows))
    table["owner"] = find_owners(log, table["case_id"])
    table["action"] = pd.Series("nothing left to do", index=table.index, dtype="str")
    return table.sort_values(["probability", "case_id"], ascending=[False, True], ignore_index=True)


def _sentences(table: pd.DataFrame, broken: pd.DataFrame, waiting: pd.DataFrame, metric: str, top: int) -> list[str]:
    promise = metric.replace("_", " ")
    over = f"{format_count(len(broken), 'case')} broke it already."
    done = f" {format_count(len(waiting), 'case')} more {'is' if len(waiting) == 1 else 'are'} resolved and only" \
        " wait to be closed." if len(waiting) else ""  # fmt: skip
    if table.empty:
        return [f"No open case can still keep the promise on {promise}. {over}{done}"]
    findings = [
        f"{format_count(len(table), 'open case')} can still keep the promise on {promise}; about "
        f"{format_number(round(table['probability'].sum()))} of them will not. {over}{done}"
    ]
    mine = table[table["work_first"].astype(bool)]
    if len(mine):
        new = int((mine["first_flagged_at"] == mine["first_flagged_at"].max()).sum())
        share = (
            f"about {format_number(round(mine['probability'].sum()))} of them break their promise if nothing is done"
        )
        fresh = "" if new == len(mine) else f", {format_number(new)} of them new"
        findings.append(f"{format_count(len(mine), 'case')} to take up first{fresh}: {share}.")
    for row in table.head(min(top, 3)).to_dict("records"):
        told = pd.isna(row["left_s"]) or " left" in row["reason_1"]
        left = "" if told else f", {format_duration(row['left_s'])} left"
        why = "" if row["reason_1"].startswith("in its favour") else f": {row['reason_1']}"
        findings.append(f"Case {row['case_id']}: {format_probability(row['probability'])}{left}{why}.")
    return findings
