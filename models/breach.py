"""Which open case will break its promise: a calibrated probability, used only if it beats the rule."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..features.errors import InputError
from ..features.shares import wilson
from .baselines import Calibrated, Score, calibrated, fit_age_rule, fit_constant, fit_logistic
from .calibration import FloatArray
from .outcomes import Lesson, Outcomes, known_outcomes, one_metric
from .scores import Gain, brier_gain, reliability_tables, score_table

#: Fewer cases, or fewer cases of either outcome, teach nothing but a base rate.
FEWEST_CASES, FEWEST_OF_EACH = 100, 20
#: If the known outcomes stand for less than this share of the newest snapshots, the verdict says so.
SURE = 0.9
#: Parts of the cases that train, calibrate and evaluate.
SHARES = (0.6, 0.2, 0.2)


class Verdict(NamedTuple):
    """Which of the three is used, and why in a sentence."""

    used: str
    decision: str


class BreachRisk:
    """Tell the probability that an open case will break its promise, and what it is made of.

    A logistic regression on what was known at the time of a snapshot, corrected (slope and intercept) on later cases,
    and compared with two baselines on cases that are later still: the base rate, and the rule "age over target". The
    regression is used only if its Brier score is better than both beyond noise; else the better baseline is, and
    ``decision_`` says so.

    Parameters
    ----------
    regularisation
        Strength of the ridge penalty.
    replicates, seed
        Of the bootstrap by case that decides on promotion.

    Attributes
    ----------
    metric_
        The metric that it was fitted for.
    used_
        ``logistic``, ``rule`` or ``constant``: what :meth:`predict_proba` returns.
    promoted_
        Whether that is the logistic regression.
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
        All three by name, fitted on all known outcomes, to compare them on other data.
    outcomes_
        The snapshots with what was known of their outcomes, and why others were left out.

    Notes
    -----
    Outcomes that are not known yet are not taken as good or bad, nor are their snapshots forgotten: each known outcome
    stands for those that the end of the log cut off (see :func:`deskcast.models.censoring.censoring_weights`), in the
    regression, in both baselines, in the calibration and in every score. That assumes that later cases take as long as
    earlier ones of the same part of the split did; where nothing is cut off all weights are 1.

    The split is in time and by case, so that no case is in two parts: the first 60 % of the cases with a known outcome
    (by creation) train, the next 20 % calibrate, the last 20 % evaluate. Both baselines get the same calibration as the
    regression. After the evaluation all are used: the first 80 % train and the last 20 % calibrate, so the final
    probabilities follow the base rate of the newest cases.

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
    >>> risk.used_, risk.predict_proba(snapshots[:2]).round(1).tolist()
    ('rule', [0.2, 1.0])
    """

    def __init__(self, *, regularisation: float = 10.0, replicates: int = 1000, seed: int = 0) -> None:
        self.regularisation = regularisation
        self.replicates = replicates
        self.seed = seed

    def fit(self, snapshots: pd.DataFrame, labels: pd.DataFrame, *, as_of: object = None) -> BreachRisk:
        """Learn from snapshots whose outcome is known, and decide whether what was learnt is used.

        Parameters
        ----------
        snapshots
            Rows of one metric: ``case_id, at, metric, age_s`` and features; see ``deskcast.features.snapshots``.
            Rows of cases that are not in ``labels`` (no promise) and of cases already breached do not teach.
        labels
            Columns ``case_id, metric, label, known_at``; see ``deskcast.features.breach_labels``.
        as_of
            Only what was known at this instant is used; the last snapshot by default.

        Returns
        -------
        The estimator itself. With fewer than 100 cases, or fewer than 20 of either outcome, it is the base rate with
        a Beta prior, and says so.

        Raises
        ------
        InputError
            If a key column is missing, there are several metrics, a case has two labels, or no outcome is known.
        """
        metric = one_metric(snapshots)
        end = pd.Timestamp(snapshots["at"].max()) if as_of is None else _instant(as_of)
        found = known_outcomes(snapshots, labels, end)
        self.metric_, self.as_of_, self.outcomes_ = metric, end, found
        verdict = self._evaluate(found)
        self.used_, self.decision_ = verdict
        self.promoted_ = self.used_ == "logistic"
        self._use(found)
        return self

    def predict_proba(self, snapshots: pd.DataFrame) -> FloatArray:
        """Return the probability that each case will break (or has broken) its promise.

        Parameters
        ----------
        snapshots
            Rows of the metric that it was fitted for, with the same columns.

        Returns
        -------
        Probabilities, shape (n,), in the order of the rows; 1 for cases already breached.

        Raises
        ------
        InputError
            If it is not fitted, the metric is another, or a column has vanished.
        """
        model = self._fitted(snapshots)
        if not len(snapshots):
            return np.zeros(0)
        return np.asarray(np.where(already_breached(snapshots), 1.0, model.probability(snapshots)))

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features that the probability depends on, once fitted."""
        return self._fitted(pd.DataFrame()).score.features

    def contributions(self, snapshots: pd.DataFrame) -> pd.DataFrame:
        """Return what each group of features adds to the log-odds of each case.

        Parameters
        ----------
        snapshots
            As in :meth:`predict_proba`.

        Returns
        -------
        Index of the snapshots; columns ``base`` (log-odds of the average snapshot), one a group of features (see
        ``deskcast.models.groups``), and ``logit``. The base and the groups sum to the logit, which is the log-odds of
        the probability. All are missing for cases already breached: that is a fact and not a forecast.
        """
        model = self._fitted(snapshots)
        base, parts = model.parts(snapshots)
        parts.insert(0, "base", base)
        parts["logit"] = parts.sum(axis=1)
        parts.loc[already_breached(snapshots)] = np.nan
        return parts

    def _evaluate(self, found: Outcomes) -> Verdict:
        few = _too_few(found)
        part = found.split(SHARES)
        train, later, newest = (found.lesson(part == place) for place in (0, 1, 2))
        if not few and len(np.unique(train.breached)) < 2:
            few = "all of the oldest 60 % of the cases ended alike"
        if few:
            self.coverage_ = float("nan")
            nothing = {name: np.zeros(0) for name in ("constant", "rule", "logistic")}
            self.evaluation_ = score_table(np.zeros(0), nothing)
            self.reliability_ = reliability_tables(np.zeros(0), nothing)
            return Verdict(
                "constant", f"Nothing was learnt but a base rate, because {few}; every case gets it. {_range(found)}"
            )
        three = self._fit_three(train, later)
        predicted = {name: model.probability(newest.snapshots) for name, model in three.items()}
        verdict = self._decide(newest, predicted)
        self.coverage_ = float(newest.weight.sum() / np.sum(part == 2))
        self.evaluation_ = score_table(newest.breached, predicted, verdict.used, weight=newest.weight)
        self.reliability_ = reliability_tables(newest.breached, predicted, weight=newest.weight)
        error = self.evaluation_.set_index("model")["ece"][verdict.used]
        return Verdict(verdict.used, f"{verdict.decision} {_sureness(float(error), self.coverage_)}")

    def _decide(self, test: Lesson, predicted: dict[str, FloatArray]) -> Verdict:
        case = test.snapshots["case_id"]

        def gain(challenger: str, champion: str) -> Gain:
            return brier_gain(
                test.breached,
                predicted[challenger],
                predicted[champion],
                case,
                weight=test.weight,
                replicates=self.replicates,
                seed=self.seed,
            )

        over_rule, over_constant, of_rule = (
            gain("logistic", "rule"),
            gain("logistic", "constant"),
            gain("rule", "constant"),
        )
        on = f"on {len(case):,} snapshots of the {case.nunique():,} newest cases"
        if over_rule.sure and over_constant.sure:
            return Verdict(
                "logistic",
                f"The logistic regression is used: {on} its Brier score is lower by {_say(over_rule)} than that of the "
                f"rule 'age over target' and by {_say(over_constant)} than that of the base rate.",
            )
        if of_rule.sure:
            return Verdict(
                "rule",
                f"The rule 'age over target' is used: {on} it beats the base rate by {_say(of_rule)} in Brier score, "
                f"and the logistic regression adds nothing that is sure ({_say(over_rule)}).",
            )
        return Verdict(
            "constant",
            f"Nothing was learnt: {on} neither the logistic regression ({_say(over_constant)}) nor the rule 'age over "
            f"target' ({_say(of_rule)}) beats the base rate beyond noise, so every case gets the base rate.",
        )

    def _fit_three(self, train: Lesson, later: Lesson) -> dict[str, Calibrated]:
        old, y, w = train
        scores: dict[str, Score] = {
            "constant": fit_constant(y, w),
            "rule": fit_age_rule(old, y, w),
            "logistic": fit_logistic(old, y, self.regularisation, w),
        }
        return {name: calibrated(score, *later) for name, score in scores.items()}

    def _use(self, found: Outcomes) -> None:
        if self.evaluation_["n"].max() == 0:
            # By case and not by snapshot: one case that stays open for long is one observation.
            lesson = found.lesson(found.last_of_case())
            self.model_ = Calibrated(fit_constant(lesson.breached, lesson.weight), 1.0, 0.0)
            self.candidates_ = {"constant": self.model_}
            return
        part = found.split((0.8, 0.2))
        self.candidates_ = self._fit_three(found.lesson(part == 0), found.lesson(part == 1))
        self.model_ = self.candidates_[self.used_]

    def _fitted(self, snapshots: pd.DataFrame) -> Calibrated:
        if not hasattr(self, "model_"):
            raise InputError("this model is not fitted yet", hint="call fit(snapshots, labels) first")
        if len(snapshots) and (metric := one_metric(snapshots)) != self.metric_:
            raise InputError(
                "the model was fitted for another metric",
                where="snapshots",
                column="metric",
                got=metric,
                wanted=self.metric_,
            )
        return self.model_


def already_breached(snapshots: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which cases have broken their promise already; where that is not known they have not.

    >>> import pandas as pd
    >>> already_breached(pd.DataFrame({"already_breached": pd.array([True, None], dtype="boolean")})).tolist()
    [True, False]
    """
    if "already_breached" not in snapshots.columns:
        return np.zeros(len(snapshots), dtype=bool)
    return np.asarray(snapshots["already_breached"].astype("boolean").fillna(False).to_numpy(dtype=bool))


def _too_few(found: Outcomes) -> str:
    outcome = found.breached[found.decided & found.last_of_case()]
    cases, breached = len(outcome), int(outcome.sum())
    if cases < FEWEST_CASES:
        return f"only {cases:,} cases have a known outcome (at least {FEWEST_CASES} are needed)"
    if min(breached, cases - breached) < FEWEST_OF_EACH:
        return f"{breached:,} of {cases:,} cases broke their promise (at least {FEWEST_OF_EACH} of either are needed)"
    return ""


def _range(found: Outcomes) -> str:
    lesson = found.lesson(found.last_of_case())
    n = lesson.weight.sum() ** 2 / (lesson.weight**2).sum()
    lo, hi = wilson(np.average(lesson.breached, weights=lesson.weight) * n, n)
    return f"With so few cases it may be anything from {100 * float(lo):.0f} to {100 * float(hi):.0f} %."


def _sureness(error: float, coverage: float) -> str:
    text = f"There its figures were off by {100 * error:.0f} percentage points on average."
    if coverage >= SURE:
        return text
    return (
        f"{text} Take them with care: the log is too short to have seen how {100 * (1 - coverage):.0f} % of those "
        "snapshots end, mostly the late ones."
    )


def _say(gain: Gain) -> str:
    return f"{gain.mean:.4f} (95 % interval {gain.lo:.4f} to {gain.hi:.4f})"


def _instant(value: object) -> pd.Timestamp:
    at = pd.Timestamp(str(value)) if not isinstance(value, pd.Timestamp) else value
    if at.tzinfo is None:
        raise InputError(
            "an instant needs its zone", column="as_of", got=str(value), wanted="such as 2024-03-01T08:00Z"
        )
    return at.tz_convert("UTC")
