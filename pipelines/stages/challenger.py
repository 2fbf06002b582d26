"""A challenger to the models in use: trained as of an earlier instant, judged on cases that neither has seen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.case_log.log import CaseLog
from ...features.errors import InputError
from ...features.labels.breach import find_case_ends
from ...features.labels.events import escalation_labels
from ...features.labels.satisfaction import dissatisfaction_labels
from ...models.evaluation.paired import MIN_JUDGED_CASES, PairedVerdict, explain_few_cases, judge_challenger
from ...models.risk.breach import BreachRisk
from ...models.risk.estimator import RiskEstimator
from ...models.risk.known_outcomes import known_outcomes
from ...models.risk.model_updates import MAX_WINDOW_DAYS
from ...models.risk.survey_cohort import known_cohort
from ..project.project import Project
from .champion import bring_up_to_date
from .dissatisfaction import find_closings
from .train import TrainedModel, look_at_cases, metric_labels, training_instants

#: A challenger is judged on at least so many days, so that every weekday and a busy and a quiet week are among them.
MIN_JUDGED_DAYS = 14
#: Both models are brought up to date so many times on the way, at most.
MAX_UPDATES = 8
SEGMENTS = ("team", "channel", "priority")


class JudgedRows(NamedTuple):
    """Snapshots of decided cases, their outcomes (0 or 1), and how many snapshots each stands for."""

    snapshots: pd.DataFrame
    observed: Floats
    weight: Floats


@dataclass(frozen=True)
class Outlook:
    """What both models are judged by: looks at the cases of the last weeks with all that came of them since.

    Attributes
    ----------
    log
        The whole log.
    metric
        Of the SLA.
    frame
        Snapshots from eight weeks before the models in use were trained.
    labels, ends
        Outcomes of the SLA, and when the work was done.
    escalated_to
        Teams that take escalations.
    """

    log: CaseLog
    metric: str
    frame: pd.DataFrame
    labels: pd.DataFrame
    ends: pd.DataFrame
    escalated_to: Collection[str] = ()
    _cache: dict[str, Any] = field(default_factory=dict)

    def decided(self, kind: str, since: pd.Timestamp) -> JudgedRows:
        """Return the decided snapshots of a kind of outcome, of cases that were opened after an instant.

        Whoever was trained as of that instant has not seen these cases, neither decided nor open.
        """
        try:
            return self._decided(kind, since)
        except InputError:  # nothing of it is decided
            return JudgedRows(self.frame.iloc[:0], np.zeros(0), np.zeros(0))

    def _decided(self, kind: str, since: pd.Timestamp) -> JudgedRows:
        until = self.log.until
        if kind == "breach":
            rows = _opened_after(self.frame, since)
            return JudgedRows(*known_outcomes(rows, self.labels, until).weighted_rows())
        rows = _opened_after(self._rows_of_outcome(kind), since)
        labels = (
            dissatisfaction_labels(self.log)
            if kind == "dissatisfaction"
            else escalation_labels(self.log, to=self.escalated_to)
        )
        cohort = known_cohort(rows, labels, until, kind)
        return JudgedRows(*cohort.weighted_rows(np.ones(len(cohort.label), dtype=bool)))

    def _rows_of_outcome(self, kind: str) -> pd.DataFrame:
        if kind not in self._cache:
            rows = self.frame.assign(stage=pd.Series("open", index=self.frame.index, dtype="str"))
            if kind == "dissatisfaction":
                since = self.frame["at"].min()
                rows = pd.concat([rows, find_closings(self.log, since, self.metric)], ignore_index=True)
            self._cache[kind] = rows
        rows_: pd.DataFrame = self._cache[kind]
        return rows_


def look_since(project: Project, metric: str, since: pd.Timestamp) -> Outlook:
    """Look at the cases from eight weeks before an instant on."""
    log = project.log
    instants = training_instants(log, project.config.risk)
    instants = instants[instants > since - pd.Timedelta(days=MAX_WINDOW_DAYS)]
    frame, _ = look_at_cases(log, instants, metric)
    to = project.config.risk.escalated_to
    return Outlook(log, metric, frame, metric_labels(log, metric), find_case_ends(log, metric), to)


def choose_cut(outlook: Outlook, trained_until: pd.Timestamp) -> tuple[pd.Timestamp | None, int]:
    """Return as of when a challenger is trained, so that enough later cases are left to judge it by.

    Parameters
    ----------
    outlook
        Of the log.
    trained_until
        End of the data of the model in use.

    Returns
    -------
    The latest instant that leaves ``MIN_JUDGED_DAYS`` days and ``MIN_JUDGED_CASES`` decided cases, and how many cases
    were decided since the model in use was trained; ``None`` where they are too few.
    """
    until = outlook.log.until
    rows = outlook.decided("breach", trained_until).snapshots
    opened = (rows["at"] - pd.to_timedelta(rows["age_s"], unit="s")).groupby(rows["case_id"]).first()
    opened = opened.sort_values(ascending=False)
    latest = until - pd.Timedelta(days=MIN_JUDGED_DAYS)
    if len(opened) < MIN_JUDGED_CASES or latest < trained_until:
        return None, len(opened)
    before = pd.Timestamp(opened.iloc[MIN_JUDGED_CASES - 1]) - pd.Timedelta("1s")
    cut = min(before, latest).floor("s")
    return max(cut, trained_until), len(opened)


def judge_models(
    outlook: Outlook,
    champions: Mapping[str, RiskEstimator],
    challengers: Mapping[str, RiskEstimator],
    cut: pd.Timestamp,
    name: str = "The new model",
) -> dict[str, PairedVerdict]:
    """Judge each kind of model on cases that were opened after the challengers' data ended.

    Parameters
    ----------
    outlook
        What came since.
    champions, challengers
        ``breach``, ``dissatisfaction``, ``escalation`` -> the model, as of the end of its own data.
    cut
        End of the data of the challengers, and not before that of the champions.
    name
        How a sentence begins that says that a challenger is used.

    Returns
    -------
    A verdict for each kind of which there are both.
    """
    found = {}
    for kind in (k for k in challengers if k in champions):
        lesson = outlook.decided(kind, cut)
        cases = lesson.snapshots["case_id"].nunique()
        if cases < MIN_JUDGED_CASES:
            found[kind] = PairedVerdict(False, explain_few_cases(cases), cases)
            continue
        pair = [predict_forward(model[kind], lesson.snapshots, outlook) for model in (champions, challengers)]
        told = np.isfinite(pair[0]) & np.isfinite(pair[1])
        rows = lesson.snapshots[told]
        day = rows["at"].dt.tz_convert(outlook.log.timezone).dt.date.astype("str")
        segments = rows[[c for c in SEGMENTS if c in rows]]
        found[kind] = judge_challenger(
            lesson.observed[told], pair[0][told], pair[1][told], rows["case_id"], day,
            weight=lesson.weight[told], segments=segments, name=name,
        )  # fmt: skip
    return found


def predict_forward(risk: RiskEstimator, rows: pd.DataFrame, outlook: Outlook, updates: int = MAX_UPDATES) -> Floats:
    """Predict snapshots as on their day: the model brought up to date with what was known by then, and no later.

    Parameters
    ----------
    risk
        As of an instant before all rows.
    rows
        Snapshots, n of them.
    outlook
        Of the log.
    updates
        So many times the model is brought up to date, at most.

    Returns
    -------
    Probabilities, shape (n,).
    """
    out = np.full(len(rows), np.nan)
    instants = pd.DatetimeIndex(rows["at"].sort_values().unique())
    for block in np.array_split(np.arange(len(instants)), min(updates, len(instants))):
        mine = rows["at"].isin(instants[block]).to_numpy()
        now = risk
        if isinstance(risk, BreachRisk):
            now = bring_up_to_date(risk, outlook.frame, outlook.labels, instants[block[0]], outlook.ends)
        out[mine] = now.risk(rows[mine])
    return out


def project_as_of(project: Project, cut: pd.Timestamp) -> Project:
    """Return the project with its log as it stood at an instant; its mark stays, as it is the same data."""
    return replace(project, log=project.log.as_of(cut))


def outcome_models(trained: TrainedModel) -> dict[str, RiskEstimator]:
    """Return the models of a training by kind."""
    return {"breach": trained.risk, **trained.outcomes}


def _opened_after(rows: pd.DataFrame, since: pd.Timestamp) -> pd.DataFrame:
    opened = rows["at"] - pd.to_timedelta(rows["age_s"], unit="s")
    return rows[opened > since].reset_index(drop=True)
