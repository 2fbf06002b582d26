"""Which customer will be dissatisfied and which case will be escalated, where the log has surveys or escalations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ...features.case_log.fetch import fetch
from ...features.case_log.log import CaseLog
from ...features.errors import InputError
from ...features.labels.events import escalation_labels
from ...features.labels.satisfaction import dissatisfaction_labels
from ...models.risk.case_rows import case_snapshots
from ...models.risk.dissatisfaction import DissatisfactionRisk
from ...models.risk.escalation import EscalationRisk
from ...models.worklist.ranking import assign_risk_levels
from ..project.project import Project
from ..stage import Stage
from .train import TrainedModel

#: A case is just closed for so long.
RECENTLY_CLOSED = pd.Timedelta(days=3)
#: Snapshots of open cases, and cases closed, that the models learn from; more teach little.
MAX_OUTCOME_ROWS = 4000
#: Draws of the bootstrap that decides whether there is any skill.
BOOTSTRAP_REPLICATES = 300
_PROBABILITY_COLUMNS = ("dissatisfaction_risk", "dissatisfaction_risk_if_answered", "response_probability")


def add_outcome_risks(stage: Stage, project: Project, trained: TrainedModel, log: CaseLog) -> Stage:
    """Add to the stage of risk what surveys and escalations teach.

    Parameters
    ----------
    stage
        With its table ``risk``, which gets the columns ``dissatisfaction_risk`` and ``escalation_risk`` where they can
        be had.
    project, trained, log
        As of :func:`~deskcast.pipelines.stages.risk.risk_stage`.

    Returns
    -------
    The stage with tables ``dissatisfaction`` (open cases) and ``recently_closed``, and ``escalation``. Where nothing is
    known that tells cases apart, a statement says so and they are by age and not by a probability that all share.
    """
    for name, add in (("Dissatisfaction", _dissatisfied), ("Escalation", _escalated)):
        try:
            stage = add(stage, project, trained, log)
        except InputError as error:
            stage = replace(stage, findings=(*stage.findings, f"{name} is not told: {error}."))
    return stage


def _dissatisfied(stage: Stage, project: Project, trained: TrainedModel, log: CaseLog) -> Stage:
    if not log.has("surveys", "case_id"):
        return stage
    labels = dissatisfaction_labels(log)
    if labels.empty:
        return stage
    segments = project.config.risk.segments
    # The open cases have been looked at already; only the closings are new.
    closed = case_snapshots(log, _closings(log, trained), trained.metric, segments=segments)
    now = _with_segments(log, _as_open(trained.today), segments)
    past = _with_segments(log, _as_open(_thin_snapshot_times(trained.frame, MAX_OUTCOME_ROWS)), segments)
    rows = pd.concat([past, closed], ignore_index=True)
    risk = DissatisfactionRisk(segments=segments, replicates=BOOTSTRAP_REPLICATES).fit(rows, labels, as_of=log.until)
    just = rows[(rows["stage"] == "closed") & (rows["at"] >= log.until - RECENTLY_CLOSED)]
    # Who has answered already need not be guessed about.
    told = labels[labels["known_at"].notna()]["case_id"]
    tables = {
        "dissatisfaction": _listed(now, risk, ranked=risk.used_["open"] != "constant"),
        "recently_closed": _listed(just[~just["case_id"].isin(told)], risk, ranked=risk.used_["closed"] != "constant"),
    }
    asked = tables["dissatisfaction"].set_index("case_id")["dissatisfaction_risk"]
    table = stage.tables["risk"]
    table = table.assign(dissatisfaction_risk=table["case_id"].map(asked).astype("float64"))
    tables |= {"outcome_evaluation": _judged(stage, "dissatisfaction", risk.evaluation_)}
    kept = {**stage.tables, "risk": table, **{name: frame for name, frame in tables.items() if len(frame)}}
    return replace(stage, tables=kept, findings=(*stage.findings, *(f"Dissatisfaction: {s}" for s in risk.statements_)))


def _escalated(stage: Stage, project: Project, trained: TrainedModel, log: CaseLog) -> Stage:  # noqa: ARG001
    events = log.table("events")
    if not fetch(events.filter(events.kind == "escalated").aggregate(n=lambda t: t.count()))["n"].iloc[0]:
        return stage
    past = _as_open(_thin_snapshot_times(trained.frame, 3 * MAX_OUTCOME_ROWS))
    risk = EscalationRisk(replicates=BOOTSTRAP_REPLICATES).fit(past, escalation_labels(log), as_of=log.until)
    now = _as_open(trained.today)
    if "escalations" in now:  # what has been escalated will not be for the first time
        now = now[~(now["escalations"].fillna(0) > 0)]
    table = now[[c for c in ("case_id", "age_s", "team", "priority") if c in now]].reset_index(drop=True)
    table["escalation_risk"] = risk.predict_proba(now)
    order = ["escalation_risk", "age_s", "case_id"] if risk.used_ != "constant" else ["age_s", "case_id"]
    table = table.sort_values(order, ascending=[name == "case_id" for name in order], ignore_index=True)
    listed = stage.tables["risk"]
    listed = listed.assign(escalation_risk=listed["case_id"].map(table.set_index("case_id")["escalation_risk"]))
    judged = _judged(stage, "escalation", risk.evaluation_.assign(stage="open"))
    more = {name: frame for name, frame in (("escalation", table), ("outcome_evaluation", judged)) if len(frame)}
    kept = {**stage.tables, "risk": listed, **more}
    return replace(stage, tables=kept, findings=(*stage.findings, f"Escalation: {risk.decision_}"))


def _judged(stage: Stage, outcome: str, evaluation: pd.DataFrame) -> pd.DataFrame:
    """Put how good the candidates for an outcome were below those of others."""
    mine = evaluation[evaluation["n"] > 0]
    first = {"outcome": outcome, "stage": mine["stage"].astype("str")}
    mine = pd.DataFrame(first, index=mine.index).join(mine.drop(columns="stage"))
    before = stage.tables.get("outcome_evaluation")
    return mine.reset_index(drop=True) if before is None else pd.concat([before, mine], ignore_index=True)


def _listed(rows: pd.DataFrame, risk: DissatisfactionRisk, *, ranked: bool) -> pd.DataFrame:
    """Tell the probabilities; where all share the base rate the list is by age and has no band."""
    names = [c for c in ("case_id", "at", "age_s", "team", "priority") if c in rows]
    table = rows[names].reset_index(drop=True)
    told = risk.predict(rows).reset_index(drop=True)
    for name in _PROBABILITY_COLUMNS:
        table[name] = told[name].astype("float64")
    if not ranked:
        return table.sort_values(["age_s", "case_id"], ascending=[False, True], ignore_index=True)
    table["risk_level"] = pd.Series(
        assign_risk_levels(table[_PROBABILITY_COLUMNS[0]].to_numpy()), index=table.index
    ).astype("str")
    return table.sort_values(
        [_PROBABILITY_COLUMNS[0], "age_s", "case_id"], ascending=[False, False, True], ignore_index=True
    )


def _closings(log: CaseLog, trained: TrainedModel) -> pd.DataFrame:
    """Return cases with the instant of their last closing, of the span that the training looks at."""
    events = log.table("events")
    start = trained.frame["at"].min() if len(trained.frame) else log.until
    ended = events.filter(events.kind.isin(["resolved", "closed"]) & (events["at"] <= log.until))
    found = fetch(ended.group_by("case_id").agg(at=ended["at"].max()))
    found = found[found["at"] >= start].sort_values(["at", "case_id"])
    # The newest are those that a manager can still call; of the others a sample teaches enough.
    newest = found[found["at"] >= log.until - RECENTLY_CLOSED]
    return pd.concat(
        [_thinned(found[found["at"] < log.until - RECENTLY_CLOSED], MAX_OUTCOME_ROWS), newest], ignore_index=True
    )


def _with_segments(log: CaseLog, rows: pd.DataFrame, segments: Sequence[str]) -> pd.DataFrame:
    """Add columns of the cases that the snapshots do not have; case_rows has refused those that may not be used."""
    absent = [name for name in segments if name not in rows]
    if not absent:
        return rows
    told = fetch(log.table("cases").select("case_id", *absent)).set_index("case_id")
    return rows.assign(**{name: told[name].reindex(rows["case_id"]).array for name in absent})


def _as_open(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(stage=pd.Series("open", index=rows.index, dtype="str"))


def _thin_snapshot_times(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """Keep the last look and every so many before it: that keeps more cases than all the looks at some of them."""
    step = max(1, int(np.ceil(len(rows) / most)))
    while step > 1 and (
        step % 2 == 0 or step % 7 == 0
    ):  # one time of day or one weekday only, where days have two looks
        step += 1
    looks = np.sort(rows["at"].unique())[::-1][::step]
    return rows[rows["at"].isin(looks)]


def _thinned(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """Keep whole cases, the same ones each time."""
    if len(rows) <= most:
        return rows
    cases = np.sort(rows["case_id"].unique())
    kept = np.random.default_rng(0).uniform(size=len(cases)) < most / len(rows)
    return rows[rows["case_id"].isin(cases[kept])]
