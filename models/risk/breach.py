"""Which open case will break its promise: a calibrated probability, used only if it beats the rules."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ...features.arrays import Bools, Floats
from ...features.calendars.business_calendar import BusinessCalendar
from ...features.errors import InputError
from ..candidates.baselines import CalibratedModel
from ..candidates.encoding import look_up_once
from ..candidates.finish_times import DEFAULT_HORIZONS_H, finish_times
from ..candidates.person_periods import find_finish_times
from ..evaluation.scores import reliability_tables, score_table
from ..evaluation.statement import join_statements, state
from .breach_candidates import BREACH_CANDIDATES, TrainingData, fit_base_rate_only, fit_candidates, fit_time_used_only
from .estimator import RiskEstimator
from .input_schema import read_instants
from .known_outcomes import known_outcomes, one_metric
from .labels_given import read_labels
from .model_updates import RecentOutcomes, hazard_in, select_recent, update_models
from .promotion import (
    MIN_SURE_COVERAGE,
    RULE_BASELINES,
    SPLIT_SHARES,
    ModelDecision,
    choose_model,
    explain_time_used,
    explain_too_few_cases,
    explain_unknown_risk,
    explain_unripe_part,
    find_caution,
    format_base_rate_range,
    format_calibration_error,
    name_split_parts,
)

#: What is used where the log is too young for a model.
YOUNG_LOG = ("time_used", "unknown")
#: So many times within the evaluation the models are brought up to date, at most.
MAX_UPDATES = 6


class BreachRisk(RiskEstimator):
    """Tell the probability that an open case will break its promise, and what it is made of.

    Two models are averaged on the log-odds scale: a discrete-time hazard of getting done, which counts open cases and
    is carried to the deadline on the clock of the desk, and a logistic regression on what was known at the snapshot.
    They are corrected (slope and intercept) on later cases, moved to the speed and the base rate of the last days, and
    compared with three baselines on cases that are later still: the base rate, the rule "age over target", and the
    rates of priority, team and type. A model is used only if its Brier score is better than all of them beyond noise;
    else the best baseline is, and ``decision_`` says so.

    Parameters
    ----------
    regularisation
        Strength of the ridge penalty.
    replicates, seed
        Of the bootstrap by case that decides on promotion.
    calendar
        Opening hours on which the promise runs, if it does; without them the clock is learnt.

    Attributes
    ----------
    metric_
        The metric that it was fitted for.
    used_
        Name of the candidate that :meth:`risk` returns: ``mean``, ``logistic``, ``hazard``, ``rates``,
        ``rule`` or ``constant``; ``time_used`` where the log is too young for a model, ``unknown`` where nothing can be
        known yet (the probabilities are missing then).
    caution_
        What a reader of the probabilities must know; empty where they hold as they stand.
    promoted_
        Whether that is a model rather than a baseline.
    decision_
        Why, in a sentence.
    evaluation_
        Columns ``model, n, base_rate, auc, average_precision, brier, ece, promoted``, on the newest fifth of the cases,
        with weights.
    reliability_
        Columns ``model, predicted, observed, n, lo, hi``, on the same.
    coverage_
        Share of the newest snapshots that the known outcomes stand for; what is missing ends later than any was seen
        to. Not a number without evaluation.
    candidates_
        All candidates by name, fitted on all known outcomes, to compare them on other data.
    outcomes_
        The snapshots with what was known of their outcomes, and why others were left out.

    Notes
    -----
    Outcomes that are not known yet are not taken as good or bad, nor are their snapshots forgotten: the hazard counts
    open cases as long as they were seen, and elsewhere each known outcome stands for those that the end of the log cut
    off (see :func:`deskcast.models.risk.known_outcomes.censoring_weights`). That assumes that later cases take as long
    as earlier ones of the same part of the split did; where nothing is cut off all weights are 1.

    The split is in time and by case, so that no case is in two parts: the first 60 % of the cases with a known outcome
    (by creation) train, the next 20 % calibrate, the last 20 % evaluate. All candidates get the same calibration, and
    within the evaluation all are brought up to date with what was known by then. After it the first 80 % train and the
    last 20 % calibrate, and the models are those of the last day; :meth:`update_models` takes them to a later one.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> at = pd.Timestamp("2024-03-01T08:00Z") + pd.to_timedelta(np.arange(400), unit="h")
    >>> ages = pd.Series(np.tile([3600.0, 90000.0], 200))
    >>> snapshots = pd.DataFrame({"case_id": [f"c{i:03}" for i in range(400)], "at": at, "metric": "resolution",
    ...                           "age_s": ages})
    >>> labels = pd.DataFrame({"case_id": snapshots["case_id"], "metric": "resolution",
    ...                        "label": (ages > 7200) ^ (np.arange(400) % 10 == 0),
    ...                        "known_at": at + pd.Timedelta("1h")})
    >>> risk = BreachRisk().fit(snapshots, labels)
    >>> risk.used_, risk.risk(snapshots[:2]).round(1).tolist()
    ('rule', [0.2, 1.0])
    """

    outcome = "breach"

    def __init__(
        self,
        *,
        regularisation: float = 10.0,
        replicates: int = 1000,
        seed: int = 0,
        calendar: BusinessCalendar | None = None,
    ) -> None:
        self.regularisation = regularisation
        self.replicates = replicates
        self.seed = seed
        self.calendar = calendar

    def fit(
        self,
        snapshots: pd.DataFrame,
        labels: pd.DataFrame,
        *,
        as_of: object = None,
        ends: pd.DataFrame | None = None,
        updates: bool = True,
    ) -> BreachRisk:
        """Learn from snapshots whose outcome is known, and decide whether what was learnt is used.

        Parameters
        ----------
        snapshots
            Rows of one metric: ``case_id, at, metric, age_s`` and features; see
            ``deskcast.features.snapshots.snapshots``. Rows of cases that are not in ``labels`` (no promise) and of
            cases already breached do not teach.
        labels
            Columns ``case_id, metric, label, known_at``; see ``deskcast.features.breach_labels``.
        as_of
            Only what was known at this instant is used; the last snapshot by default.
        ends
            When cases were done: ``case_id, ended_at``; see ``deskcast.features.case_ends``. Without them the labels
            say what they can.
        updates
            Whether the models are moved to the speed and the base rate of the last days.

        Returns
        -------
        The estimator itself. With fewer than 100 cases whose target has run out, or fewer than 20 of either outcome, it
        is the Kaplan-Meier curve of the time used, where that is known, else the base rate with a Beta prior; and it
        says so.

        Raises
        ------
        InputError
            If a key column is missing, there are several metrics, a case has two labels, or no outcome is known.
        """
        snapshots, labels, end = self._begin(snapshots, labels, as_of)
        metric = one_metric(snapshots)
        ends = None if ends is None else read_instants(ends, "ends")
        found = known_outcomes(snapshots, labels, end)
        self.metric_, self.as_of_, self.outcomes_ = metric, end, found
        labels = labels[labels["metric"] == metric]
        finish = find_finish_times(found.snapshots, labels, end, ends)
        makings = TrainingData(found, finish, ends, self.calendar, self.regularisation, self.seed)
        self._updates = updates
        self.used_, self.decision_ = self._evaluate(makings)
        self.promoted_ = self.used_ not in (*RULE_BASELINES, "constant", *YOUNG_LOG)
        seen = self.coverage_ >= MIN_SURE_COVERAGE and self.used_ != "constant"
        self.caution_ = "" if seen else find_caution(self.decision_)
        self._use(makings)
        return self._done(end)

    def follow(
        self, snapshots: pd.DataFrame, labels: pd.DataFrame, as_of: object, *, ends: pd.DataFrame | None = None
    ) -> BreachRisk:
        """Return the risk as it has to be read at a later instant, without training anew.

        The hazard gets the speed of the last week, and all candidates the base rate of the last two (of up to eight
        where little was decided); see :mod:`deskcast.models.risk.model_updates`.

        Parameters
        ----------
        snapshots
            Those of the last eight weeks before ``as_of`` may be looked at; any others are passed over.
        labels, ends
            As in :meth:`fit`; nothing is read of them that was not known at ``as_of``.
        as_of
            The instant.

        Returns
        -------
        A copy; this one stays as it is. It is the same where no recent snapshot has a running promise.
        """
        snapshots = self._rows_of_all_models(snapshots)
        labels, moment = read_labels(labels, snapshots, as_of)
        ends = None if ends is None else read_instants(ends, "ends")
        moved = copy.copy(self)
        moved.as_of_ = moment
        if self.used_ in YOUNG_LOG:
            return moved
        try:
            found = known_outcomes(snapshots, labels, moment)
        except InputError:  # nothing has been decided lately, so nothing shows that anything has changed
            return moved
        finish = find_finish_times(found.snapshots, labels[labels["metric"] == self.metric_], moment, ends)
        makings = TrainingData(found, finish, ends, self.calendar, self.regularisation, self.seed)
        moved.candidates_ = update_models(self.fitted_, self._recent(makings, moment))
        moved.model_ = moved.candidates_[self.used_]
        return moved

    def finish_times(
        self, snapshots: pd.DataFrame, horizons_h: Sequence[float] = DEFAULT_HORIZONS_H
    ) -> pd.DataFrame | None:
        """Return P(done by) some horizons and the times by which half and 80 % of such cases are done.

        Parameters
        ----------
        snapshots
            As in :meth:`risk`.
        horizons_h
            Hours on the wall.

        Returns
        -------
        As :func:`deskcast.models.candidates.finish_times.finish_times`; ``None`` where too few cases were done to learn
        from.
        """
        rows = self._rows(snapshots)
        hazard = hazard_in(self.candidates_["hazard"].score) if "hazard" in self.candidates_ else None
        return None if hazard is None else finish_times(rows, hazard, horizons_h)

    def _evaluate(self, makings: TrainingData) -> ModelDecision:
        found = makings.found
        few = explain_too_few_cases(found, self.as_of_)
        part = found.split(SPLIT_SHARES)
        if not few and len(np.unique(found.breached[(part == 0) & found.decided])) < 2:
            few = state("all of the {name} of the cases ended alike", name=name_split_parts()[0])
        few = few or explain_unripe_part(found, part, self.as_of_)
        if few:
            self.coverage_ = float("nan")
            nothing = {name: np.zeros(0) for name in BREACH_CANDIDATES}
            self.evaluation_ = score_table(np.zeros(0), nothing)
            self.reliability_ = reliability_tables(np.zeros(0), nothing)
            young = fit_time_used_only(makings, self.as_of_)
            if young is not None:
                self._young, ripe, broken = young
                if not self._young.is_known:
                    return ModelDecision("unknown", explain_unknown_risk(ripe, int(found.last_of_case().sum())))
                return ModelDecision("time_used", explain_time_used(ripe, broken, self._young.new_case, few))
            text = "Not enough data yet for a model, because {few}. Every case gets the average breach rate. {ranges}"
            return ModelDecision("constant", state(text, few=few, ranges=format_base_rate_range(found)))
        models = fit_candidates(makings, part == 0, part == 1, self.as_of_)
        newest = found.weighted_rows(part == 2)
        predicted = self._walk(makings, models, part == 2)
        verdict = choose_model(
            newest.breached,
            predicted,
            newest.snapshots["case_id"],
            weight=newest.weight,
            replicates=self.replicates,
            seed=self.seed,
        )
        self.coverage_ = float(newest.weight.sum() / np.sum(part == 2))
        self.evaluation_ = score_table(newest.breached, predicted, verdict.used, weight=newest.weight)
        self.reliability_ = reliability_tables(newest.breached, predicted, weight=newest.weight)
        error = self.evaluation_.set_index("model")["ece"][verdict.used]
        off = format_calibration_error(float(error), self.coverage_)
        return ModelDecision(verdict.used, join_statements([verdict.decision, off]))

    def _walk(self, makings: TrainingData, models: dict[str, CalibratedModel], rows: Bools) -> dict[str, Floats]:
        """Predict the decided ones of these rows, bringing the models up to date a few times on the way."""
        found = makings.found
        place = np.flatnonzero(rows & found.decided)
        at = found.snapshots["at"].iloc[place]
        instants = pd.DatetimeIndex(at.sort_values().unique())
        updates = min(MAX_UPDATES, len(instants)) if self._updates else 1
        predicted = {name: np.empty(len(place)) for name in models}
        for block in np.array_split(np.arange(len(instants)), updates):
            mine = at.isin(instants[block]).to_numpy()
            now = update_models(models, self._recent(makings, instants[block[0]])) if self._updates else models
            rows_now = found.snapshots.iloc[place[mine]]
            with look_up_once():
                for name, model in now.items():
                    predicted[name][mine] = model.probability(rows_now)
        return predicted

    def _recent(self, makings: TrainingData, as_of: pd.Timestamp) -> RecentOutcomes:
        found = makings.found
        deadline = makings.deadline(np.ones(len(found.breached), dtype=bool), as_of)
        return select_recent(found.snapshots, found.breached, found.known_at, makings.finish, as_of, deadline)

    def _use(self, makings: TrainingData) -> None:
        found = makings.found
        if self.evaluation_["n"].max() == 0:
            young = {self.used_: CalibratedModel(self._young, 1.0, 0.0)} if self.used_ in YOUNG_LOG else None
            self.fitted_ = self.candidates_ = young or fit_base_rate_only(found)
        else:
            part = found.split((0.8, 0.2))
            self.fitted_ = fit_candidates(makings, part == 0, part == 1, self.as_of_)
            now = update_models(self.fitted_, self._recent(makings, self.as_of_)) if self._updates else self.fitted_
            self.candidates_ = now
        self.used_ = self.used_ if self.used_ in self.candidates_ else "logistic"
        self.model_ = self.candidates_[self.used_]

    def _rows(self, snapshots: pd.DataFrame, features: Sequence[str] = ()) -> pd.DataFrame:
        rows = super()._rows(snapshots, features)
        if len(rows) and (metric := one_metric(rows)) != self.metric_:
            problem = "the model was fitted for another metric"
            raise InputError(
                problem, where="snapshots", column="metric", got=metric, wanted=self.metric_, code="value.range"
            )
        return rows

    def _features(self) -> tuple[str, ...]:
        return self.model_.score.features

    def _risk(self, rows: pd.DataFrame) -> Floats:
        # Of a case that has breached it is a fact, and no forecast.
        return np.asarray(np.where(has_breached(rows), 1.0, self.model_.probability(rows)))

    def _parts(self, rows: pd.DataFrame) -> pd.DataFrame:
        base, parts = self.model_.parts(rows)
        parts.insert(0, "base", base)
        return parts

    def contributions(self, snapshots: pd.DataFrame) -> pd.DataFrame:
        """Return what each group of features adds to the log-odds; missing for cases already breached."""
        parts = super().contributions(snapshots)
        parts.loc[has_breached(snapshots)] = np.nan
        return parts


def has_breached(snapshots: pd.DataFrame) -> Bools:
    """Tell which cases have broken their promise already; where that is not known they have not.

    >>> import pandas as pd
    >>> has_breached(pd.DataFrame({"already_breached": pd.array([True, None], dtype="boolean")})).tolist()
    [True, False]
    """
    if "already_breached" not in snapshots.columns:
        return np.zeros(len(snapshots), dtype=bool)
    return np.asarray(snapshots["already_breached"].astype("boolean").fillna(False).to_numpy(dtype=bool))
