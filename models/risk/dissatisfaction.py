"""Which customer will be dissatisfied: the probability if asked, the probability among those who answer."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...forecasting.arguments import check_number
from ..evaluation.statement import join_statements, state
from .estimator import RiskEstimator
from .labels_given import read_labels
from .outcome_risk import FINAL_SHARES, RULE_BASELINES, OutcomeRisk, Settings, apply_segment_records, fit_outcome
from .promotion import SPLIT_SHARES
from .response_propensity import MAX_RELATIVE_WEIGHT, fit_response_model, response_weights, weight_responses
from .segment_record import check_segments
from .survey_cohort import CASE_STAGES, Cohort, known_cohort, prepare_snapshots, stage_of

DISSATISFACTION_LABEL = "dissatisfaction"
#: Columns of :meth:`DissatisfactionRisk.predict_table`.
PREDICTION_COLUMNS = (
    "case_id",
    "at",
    "stage",
    "dissatisfaction_risk",
    "dissatisfaction_risk_if_answered",
    "response_probability",
)
#: A snapshot this soon after creation is taken at receipt.
MAX_RECEIPT_AGE_S = 3600.0


class DissatisfactionRisk(RiskEstimator):
    """Tell the probability that a customer is dissatisfied, for open and for just-closed cases.

    Two figures are given, as they are not the same: the probability *if asked*, of all who are asked, and that *among
    those who answer*, which is what a survey report will show. The first weights each answer by one over the
    probability of an answer, which is learnt from all that was known when the survey was offered. The probability of
    an answer stands beside them.

    Open and closed cases have a model each, as more is known of a closed one. Each is held against three baselines on
    cases that are later than all it has seen; where its skill against the base rate is tiny or within noise, that is
    said, and every case gets the base rate: no ranking is sold.

    Parameters
    ----------
    segments
        Columns of the snapshots (such as ``account``) whose track record the regression follows: how far off it was for
        them in the last 56 days, and not what they are called. See :mod:`deskcast.models.risk.segment_record`.
    regularisation
        Strength of the ridge penalty.
    clip
        No answer stands for more than so many times as many as an average one.
    replicates, seed
        Of the bootstrap by case.

    Attributes
    ----------
    decision_
        What can be known, in words, by stage and about who answers.
    said_
        The same, one text for each stage and one about who answers.
    used_, skill_
        Stage (``open``, ``closed``) -> candidate that is used, and its
        :class:`~deskcast.models.evaluation.skill.Skill`.
    promoted_
        Whether any stage uses more than the base rate or a rule.
    evaluation_, reliability_
        Columns ``stage, model, n, base_rate, auc, average_precision, brier, ece, promoted`` and ``stage, model,
        predicted, observed, n, lo, hi``, on the newest fifth of the cases, weighted for those who did not answer.
    answering_
        Who answers, with the effective number of answers
        (:class:`~deskcast.models.risk.response_propensity.ResponsePropensity`); ``None`` where all tell, as with
        disputes.
    rates_
        The naive share of dissatisfied answers, and that weighted for all who were asked.
    outcomes_
        The snapshots that it learnt from.

    Notes
    -----
    What is not known yet (a survey that may still be answered, a case that is still open) is not taken as satisfied:
    known answers are weighted for those that the end of the log cut off, see
    :func:`deskcast.models.risk.known_outcomes.censoring_weights`. Weights for silence assume that among cases alike in
    what is known the angry are as likely to answer as the content; where they are likelier, the truth lies between the
    weighted figure and below.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> at = pd.Timestamp("2024-03-01T08:00Z") + pd.to_timedelta(np.arange(900), unit="h")
    >>> moved = rng.integers(0, 8, 900)
    >>> snapshots = pd.DataFrame({"case_id": [f"c{i:03}" for i in range(900)], "at": at, "age_s": 86400.0,
    ...                           "is_resolved": 1.0, "transfers": moved})
    >>> labels = pd.DataFrame({"case_id": snapshots["case_id"], "known_at": at + pd.Timedelta("1h"),
    ...                        "label": pd.array(rng.uniform(size=900) < 0.1 + moved / 10, dtype="boolean")})
    >>> labels.loc[rng.uniform(size=900) > 0.2 + moved / 12, "label"] = pd.NA
    >>> risk = DissatisfactionRisk().fit(snapshots, labels)
    >>> risk.used_["closed"], risk.rates_["answers"] > risk.rates_["asked"]
    ('logistic', True)
    >>> risk.predict_table(snapshots[:1])["stage"].item()
    'closed'
    """

    outcome = DISSATISFACTION_LABEL

    def __init__(
        self,
        *,
        segments: Sequence[str] = (),
        regularisation: float = 10.0,
        clip: float = MAX_RELATIVE_WEIGHT,
        replicates: int = 1000,
        seed: int = 0,
    ) -> None:
        self.segments = segments
        self.regularisation = regularisation
        self.clip = clip
        self.replicates = replicates
        self.seed = seed

    def fit(self, snapshots: pd.DataFrame, labels: pd.DataFrame, *, as_of: object = None) -> DissatisfactionRisk:
        """Learn from snapshots of cases whose customers have told, and decide whether what was learnt is used.

        Parameters
        ----------
        snapshots
            ``case_id, at, age_s`` and features; see :func:`deskcast.models.risk.case_rows.case_snapshots`. Give those
            at which the risk will be asked for (at receipt, daily while open, at closing); the latest of a case also
            tells who answers, so a snapshot at closing belongs among them.
        labels
            ``case_id, label, known_at``; see ``deskcast.features.dissatisfaction_labels``. A label that is missing
            although ``known_at`` is not means that the customer kept silent.
        as_of
            Only what was known at this instant is used; the last snapshot by default.

        Returns
        -------
        The estimator itself. With too few cases, or of one kind only, it is a base rate and says so.

        Raises
        ------
        InputError
            If a column is missing, a case has two labels, or there is no label.
        """
        segments = self._segments()
        snapshots, labels, end = self._begin(snapshots, labels, as_of, segments)
        check_segments(snapshots, segments)
        cohort = known_cohort(snapshots, labels, end, DISSATISFACTION_LABEL)
        self.outcomes_ = cohort.found
        settings = Settings(self.regularisation, self.replicates, self.seed, segments)
        first = weight_responses(cohort, cohort.found.split(SPLIT_SHARES), self.regularisation, self.clip)
        last = weight_responses(cohort, cohort.found.split(FINAL_SHARES), self.regularisation, self.clip)
        self.response_propensity_ = None if last is None else last[1]
        weights = None if first is None or last is None else (first[0], last[0])
        self.stages_: dict[str, OutcomeRisk] = {}
        self.answers_ = {}
        final = cohort.found.split(FINAL_SHARES)
        for stage in CASE_STAGES:
            rows = cohort.stage(stage)
            self.stages_[stage] = fit_outcome(
                cohort,
                rows,
                when=_when(stage, cohort, rows),
                what="were dissatisfied",
                settings=settings,
                propensity=weights,
            )
            model = None
            if weights is not None:
                model = fit_response_model(cohort, rows & (final == 0), rows & (final == 1), self.regularisation)
            self.answers_[stage] = model
        self._summarise(cohort, None if last is None else last[0])
        return self._done(end)

    def follow(self, snapshots: pd.DataFrame, labels: pd.DataFrame, as_of: object) -> DissatisfactionRisk:
        """Return the risk with the track records as they stand at a later instant, without training anew.

        Parameters
        ----------
        snapshots
            As in :meth:`fit`; those of the last weeks are enough.
        labels
            As in :meth:`fit`; nothing is read of them that was not known at ``as_of``.
        as_of
            The instant.

        Returns
        -------
        A copy; this one stays as it is.
        """
        rows, segments = self._rows_of_all_models(snapshots), self._segments()
        labels, moment = read_labels(labels, rows, as_of)
        moved = copy.copy(self)
        moved.as_of_ = moment
        if not segments:
            return moved
        cohort = known_cohort(rows, labels, moment, DISSATISFACTION_LABEL)
        weight = (
            None
            if self.response_propensity_ is None
            else response_weights(cohort, self.response_propensity_.model, self.clip)
        )
        moved.stages_ = {}
        for stage, learnt in self.stages_.items():
            mine = cohort.stage(stage)
            asked = apply_segment_records(learnt.candidates, cohort, mine, segments, weight)
            tell = apply_segment_records(learnt.answering_candidates, cohort, mine, segments)
            moved.stages_[stage] = replace(learnt, candidates=asked, answering_candidates=tell)
        return moved

    def predict_table(self, snapshots: pd.DataFrame) -> pd.DataFrame:
        """Return both probabilities of dissatisfaction, and that of an answer.

        Parameters
        ----------
        snapshots
            Rows with the columns that it was fitted on.

        Returns
        -------
        Index of the snapshots; columns ``case_id, at``, ``stage`` (open or closed), ``dissatisfaction_risk``,
        ``dissatisfaction_risk_if_answered`` (of those who answer) and ``response_probability``.

        Raises
        ------
        InputError
            If it is not fitted, or a column has vanished.
        """
        frame = self._rows(snapshots)
        stage = stage_of(frame)
        out = frame[["case_id", "at"]].astype({"case_id": "str"})
        out["stage"] = pd.Series(stage, index=frame.index).astype("str")
        for column in PREDICTION_COLUMNS[3:]:
            out[column] = 1.0 if column == "response_probability" else np.nan
        for name in CASE_STAGES:
            mine = stage == name
            if not mine.any():
                continue
            learnt, answers = self.stages_[name], self.answers_[name]
            out.loc[mine, "dissatisfaction_risk"] = learnt.model.probability(frame[mine])
            out.loc[mine, "dissatisfaction_risk_if_answered"] = learnt.answering_model.probability(frame[mine])
            if answers is None and self.response_propensity_ is not None:
                answers = self.response_propensity_.model
            if answers is not None:
                out.loc[mine, "response_probability"] = answers.probability(frame[mine])
        return out

    def _check_settings(self) -> None:
        super()._check_settings()
        check_number("clip", self.clip, least=1)

    def _segments(self) -> tuple[str, ...]:
        return (self.segments,) if isinstance(self.segments, str) else tuple(self.segments)

    def _prepared(self, snapshots: pd.DataFrame) -> pd.DataFrame:
        return prepare_snapshots(snapshots, DISSATISFACTION_LABEL)

    def _features(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(f for stage in CASE_STAGES for f in self.stages_[stage].model.score.features))

    def _risk(self, rows: pd.DataFrame) -> Floats:
        stage, p = stage_of(rows), np.full(len(rows), np.nan)
        for name in CASE_STAGES:
            if (mine := stage == name).any():
                p[mine] = self.stages_[name].model.probability(rows[mine])
        return p

    def _parts(self, frame: pd.DataFrame) -> pd.DataFrame:
        stage, out = stage_of(frame), pd.DataFrame({"base": 0.0}, index=frame.index)
        for name in CASE_STAGES:
            mine = stage == name
            if not mine.any():
                continue
            base, parts = self.stages_[name].model.parts(frame[mine])
            out.loc[mine, "base"] = base
            for group in parts.columns:
                out[group] = out.get(group, 0.0)
                out.loc[mine, group] = parts[group]
        return out

    def _summarise(self, cohort: Cohort, weight: Floats | None) -> None:
        learnt = self.stages_
        self.used_ = {stage: risk.used for stage, risk in learnt.items()}
        self.skill_ = {stage: risk.skill for stage, risk in learnt.items()}
        self.promoted_ = any(used not in ("constant", *RULE_BASELINES) for used in self.used_.values())
        self.evaluation_ = _stacked({stage: risk.evaluation for stage, risk in learnt.items()})
        self.reliability_ = _stacked({stage: risk.reliability for stage, risk in learnt.items()})
        last = cohort.found.last_of_case()
        asked, tell = cohort.weighted_rows(last, weight), cohort.weighted_rows(last)
        self.rates_ = {
            "answers": float(np.average(tell.label, weights=tell.weight)) if len(tell.label) else float("nan"),
            "asked": float(np.average(asked.label, weights=asked.weight)) if len(asked.label) else float("nan"),
        }
        there = [stage for stage in CASE_STAGES if cohort.stage(stage).any()]
        said = [learnt[stage].decision for stage in there]
        if self.response_propensity_ is not None:
            text = "{answered} Dissatisfied: {answers:.0f}% of answers, about {asked:.0f}% of all customers asked."
            rates = {name: 100 * self.rates_[name] for name in ("answers", "asked")}
            said.append(state(text, answered=self.response_propensity_.describe(), **rates))
        self.statements_ = tuple(said)
        self.decision_ = join_statements(said)


def _when(stage: str, cohort: Cohort, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> str:
    if stage == "closed":
        return "when a case has just closed"
    ages = cohort.found.entry_s[rows]
    return "at receipt" if len(ages) and float(np.quantile(ages, 0.95)) <= MAX_RECEIPT_AGE_S else "while a case is open"


def _stacked(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    parts = []
    for stage, table in tables.items():
        part = table.copy()
        part.insert(0, "stage", pd.Series(stage, index=part.index, dtype="str"))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
