"""The stages on open cases: train and judge the breach model, and rank what is open."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..features.calendars import BusinessCalendar
from ..features.durations import say_duration
from ..features.ends import case_ends
from ..features.engine import CaseLog
from ..features.errors import InputError
from ..features.labels import breach_labels
from ..features.snapshots import daily, snapshots
from ..models.breach import BreachRisk
from ..models.ranking import rank_cases
from .opening import Project
from .specs import RiskSpec
from .stage import Stage
from .words import number, plural, say_probability

#: More snapshot rows than this teach a logistic model little and cost time.
MAX_ROWS = 60_000


def risk_metric(project: Project) -> str | None:
    """Return the promise whose breach is predicted: resolution before all others, else the first configured."""
    metrics = [s.metric for s in project.config.slas]
    return "resolution" if "resolution" in metrics else next(iter(metrics), None)


def train_stage(project: Project, log: CaseLog | None = None) -> tuple[Stage, BreachRisk | None]:
    """Fit the breach model on the past of the log, and judge it on cases that it never saw.

    Returns
    -------
    stage
        Tables ``evaluation`` and ``reliability``; the finding says whether the model was promoted over the rules.
    risk
        The fitted model, or ``None`` where nothing can be learnt from this log.
    """
    log = log or project.log
    metric = risk_metric(project)
    if metric is None:
        return Stage("train", skipped="No promise is configured: add an [[sla]] section."), None
    if not log.has("events"):
        return Stage("train", skipped="The log has no events, so no promise can be followed."), None
    labels = breach_labels(log)
    labels = labels[labels["metric"] == metric]
    instants = training_instants(log, project.config.risk)
    try:
        if labels["label"].notna().sum() == 0 or len(instants) == 0:
            raise InputError(f"no case has kept or broken the promise '{metric}' yet")
        frame = snapshots(log, instants, metric)
        risk = BreachRisk(calendar=_calendar(log, metric)).fit(
            frame, labels, as_of=log.until, ends=case_ends(log, metric)
        )
    except InputError as error:
        return Stage("train", skipped=str(error)), None
    tables = {"evaluation": risk.evaluation_, "reliability": risk.reliability_}
    params = {"metric": metric, "snapshots": len(frame), "from": str(instants[0]), "to": str(instants[-1])}
    return Stage("train", tables, (risk.decision_,), params, _scores(risk.evaluation_)), risk


def _calendar(log: CaseLog, metric: str) -> BusinessCalendar | None:
    """Return the opening hours on which a promise runs; none where its clock never stops or a system decides."""
    policies = log.frame("sla_policies")
    mine = policies[policies["metric"] == metric]
    if "calendar" not in mine or not (mine["clock"] == "business").all():
        return None
    names = mine["calendar"].dropna().unique()
    return log.calendars.get(str(names[0])) if len(names) == 1 else None


def _scores(evaluation: pd.DataFrame) -> dict[str, float]:
    """Name each score by its model, as a tracker wants them."""
    names = [c for c in ("n", "base_rate", "auc", "average_precision", "brier", "ece") if c in evaluation]
    return {
        f"{row['model']}_{c}".replace(" ", "_"): float(row[c])
        for _, row in evaluation.iterrows()
        for c in names
        if pd.notna(row[c])
    }


def training_instants(log: CaseLog, spec: RiskSpec, max_rows: int = MAX_ROWS) -> pd.DatetimeIndex:
    """Choose the daily instants to learn from: the latest busy span, thinned where it would be too much.

    The tail of an export that was chosen by opening date has days with a handful of leftovers; the span is counted back
    from where 99 % of all openings had come, so that they do not crowd out the days that matter.
    """
    created = log.frame(log.table("cases").select("created_at"))["created_at"]
    if created.empty:
        return pd.DatetimeIndex([], dtype="datetime64[us, UTC]")
    last = log.until
    busy = min(created.sort_values().iloc[int(0.99 * (len(created) - 1))], last)
    start = max(pd.Timestamp(created.min()), busy - pd.Timedelta(days=spec.train_days))
    instants = daily(start, last, at=spec.at, timezone=log.timezone)
    load = _open_at(log, instants)
    step = max(1, int(np.ceil(load.sum() / max_rows)))
    step += step % 7 == 0  # whole weeks would show one weekday only
    return instants[::-1][::step][::-1]


def _open_at(log: CaseLog, instants: pd.DatetimeIndex) -> np.ndarray:
    """Count the cases that are open at each instant, roughly: created and not yet closed for the last time."""
    events = log.table("events")
    ended = (
        events.filter(events.kind.isin(["resolved", "closed", "merged"]))
        .group_by("case_id")
        .aggregate(ended=events["at"].max())
    )
    ends = np.sort(log.frame(ended)["ended"].to_numpy())
    starts = np.sort(log.frame(log.table("cases").select("created_at"))["created_at"].to_numpy())
    at = instants.to_numpy()
    return np.searchsorted(starts, at, "right") - np.searchsorted(ends, at, "right")


def risk_stage(project: Project, risk: BreachRisk | None, log: CaseLog | None = None) -> Stage:
    """Rank the open cases by the probability that they break their promise.

    Parameters
    ----------
    risk
        Model of :func:`train_stage`, fitted on the same log.
    """
    log = log or project.log
    metric = risk_metric(project)
    if risk is None or metric is None:
        return Stage("risk", skipped="There is no model: see the stage 'train'.")
    frame = snapshots(log, pd.DatetimeIndex([log.until]), metric)
    if frame.empty:
        return Stage("risk", skipped=f"No case is open at {log.until:%d %b %Y %H:%M} UTC.")
    table, broken = rank_cases(frame, risk, actions=dict(project.config.risk.actions) or None)
    findings = _risk_sentences(table, broken, metric, project.config.risk.top)
    metrics = {"open": float(len(frame)), "broken": float(len(broken)), "expected": float(table["probability"].sum())}
    params = {"metric": metric, "as_of": str(log.until)}
    return Stage("risk", {"risk": table, "broken": broken}, tuple(findings), params, metrics)


def _risk_sentences(table: pd.DataFrame, broken: pd.DataFrame, metric: str, top: int) -> list[str]:
    promise = metric.replace("_", " ")
    over = f"{plural(len(broken), 'case')} broke it already."
    if table.empty:
        return [f"No open case can still keep the promise on {promise}. {over}"]
    findings = [
        f"{plural(len(table), 'open case')} can still keep the promise on {promise}; about "
        f"{number(round(table['probability'].sum()))} of them will not. {over}"
    ]
    for row in table.head(min(top, 3)).to_dict("records"):
        told = pd.isna(row["left_s"]) or " left" in row["reason_1"]
        left = "" if told else f", {say_duration(row['left_s'])} left"
        why = "" if row["reason_1"].startswith("in its favour") else f": {row['reason_1']}"
        findings.append(f"Case {row['case_id']}: {say_probability(row['probability'])}{left}{why}.")
    return findings
