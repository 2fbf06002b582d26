"""Which open case will be escalated: the same road as dissatisfaction, without anybody who may keep silent."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError
from .estimator import RiskEstimator
from .outcome_risk import RULE_BASELINES, Settings, fit_outcome
from .survey_cohort import known_cohort, prepare_snapshots, stage_of

ESCALATION_LABEL = "escalation"


class EscalationRisk(RiskEstimator):
    """Tell the probability that an open case will be escalated before it ends.

    A logistic regression, corrected on later cases, is used only where it beats the base rate, age over target and the
    rates of priority, team and type on cases that are later still, and where its skill is not tiny; else every case
    gets the base rate and the decision says that little can be known.

    Parameters
    ----------
    regularisation
        Strength of the ridge penalty.
    replicates, seed
        Of the bootstrap by case.

    Attributes
    ----------
    used_, decision_, skill_
        The candidate that is used, why in words, and its :class:`~deskcast.models.evaluation.skill.Skill`.
    promoted_
        Whether that is a model rather than a baseline.
    evaluation_, reliability_
        As in :class:`deskcast.models.risk.breach.BreachRisk`.
    outcomes_
        The snapshots that it learnt from.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> at = pd.Timestamp("2024-03-01T08:00Z") + pd.to_timedelta(np.arange(900), unit="h")
    >>> moved = rng.integers(0, 8, 900)
    >>> snapshots = pd.DataFrame({"case_id": [f"c{i:03}" for i in range(900)], "at": at, "age_s": 3600.0,
    ...                           "transfers": moved})
    >>> labels = pd.DataFrame({"case_id": snapshots["case_id"], "known_at": at + pd.Timedelta("1h"),
    ...                        "label": rng.uniform(size=900) < moved / 10})
    >>> risk = EscalationRisk().fit(snapshots, labels)
    >>> risk.used_, risk.predict_table(snapshots[:1]).columns.tolist()
    ('logistic', ['case_id', 'at', 'escalation_risk'])
    """

    outcome = "escalation"

    def __init__(self, *, regularisation: float = 10.0, replicates: int = 1000, seed: int = 0) -> None:
        self.regularisation = regularisation
        self.replicates = replicates
        self.seed = seed

    def fit(self, snapshots: pd.DataFrame, labels: pd.DataFrame, *, as_of: object = None) -> EscalationRisk:
        """Learn from snapshots of open cases, and decide whether what was learnt is used.

        Parameters
        ----------
        snapshots
            ``case_id, at, age_s`` and features; see :func:`deskcast.models.risk.case_rows.case_snapshots`. Snapshots of
            cases that have ended do not teach.
        labels
            ``case_id, label, known_at``; see ``deskcast.features.escalation_labels``.
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
        snapshots, labels, end = self._begin(snapshots, labels, as_of)
        if len(labels) and "label" in labels and not labels["label"].eq(True).any():
            hint = "map an event to the kind 'escalated', or name the teams that take escalations"
            raise InputError(
                "no case was ever escalated, as far as the log tells", where="labels", hint=hint, code="labels.none"
            )
        open_rows = snapshots[stage_of(snapshots) == "open"]
        cohort = known_cohort(open_rows, labels, end, ESCALATION_LABEL)
        rows = np.ones(len(cohort.label), dtype=bool)
        settings = Settings(self.regularisation, self.replicates, self.seed)
        learnt = fit_outcome(cohort, rows, when="while a case is open", what="were escalated", settings=settings)
        self.outcomes_, self.outcome_risk_ = cohort.found, learnt
        self.used_, self.decision_, self.skill_ = learnt.used, learnt.decision, learnt.skill
        self.promoted_ = learnt.used not in ("constant", *RULE_BASELINES)
        self.evaluation_, self.reliability_ = learnt.evaluation, learnt.reliability
        return self._done(end)

    def _prepared(self, snapshots: pd.DataFrame) -> pd.DataFrame:
        return prepare_snapshots(snapshots, ESCALATION_LABEL)

    def _features(self) -> tuple[str, ...]:
        return self.outcome_risk_.model.score.features

    def _risk(self, rows: pd.DataFrame) -> Floats:
        return self.outcome_risk_.model.probability(rows)

    def _parts(self, rows: pd.DataFrame) -> pd.DataFrame:
        base, parts = self.outcome_risk_.model.parts(rows)
        parts.insert(0, "base", base)
        return parts
