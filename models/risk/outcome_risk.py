"""The risk of an outcome that somebody has to tell: candidates, baselines, and a verdict in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...features.arrays import Bools, Floats, Ints
from ...features.statistics.intervals import wilson_interval
from ..candidates.baselines import (
    CalibratedModel,
    LogOddsModel,
    calibrate_model,
    fit_age_rule,
    fit_base_rate,
    fit_segment_rate,
)
from ..candidates.own_classifiers import fit_own_classifiers
from ..candidates.ridge import fit_firm_logistic
from ..evaluation.scores import reliability_tables, score_table
from ..evaluation.skill import MIN_SKILL, Skill, brier_skill, format_skill, top_lift
from ..evaluation.statement import Statement, state
from .promotion import (
    MIN_CASES_PER_OUTCOME,
    MIN_DECIDED_CASES,
    MODEL_LABELS,
    RULE_BASELINES,
    SPLIT_SHARES,
    choose_model,
    name_split_parts,
)
from .segment_record import SegmentAdjustedModel, build_segment_record
from .survey_cohort import Cohort, WeightedLabels

#: All candidates, from the plainest.
OUTCOME_CANDIDATES = ("constant", "rule", "rates", "logistic")
#: Shares of the cases that train, calibrate and evaluate; and once that is done, that train and calibrate.
FINAL_SHARES = (0.8, 0.2)
UNKNOWN_SKILL = Skill(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class Settings:
    """How candidates are fitted and compared.

    The ridge penalty, replicates and seed of the bootstrap, and the segments whose track record the logistic regression
    follows.
    """

    regularisation: float = 10.0
    replicates: int = 1000
    seed: int = 0
    segments: tuple[str, ...] = ()


@dataclass(frozen=True)
class OutcomeRisk:
    """Candidates for the probability of an outcome, and which of them is used and why.

    Attributes
    ----------
    used, decision
        Name of the candidate that is used, and a sentence about what can be known.
    skill
        Of the best attempt against the base rate, on the newest fifth of the cases.
    evaluation, reliability
        As in :func:`deskcast.models.evaluation.scores.score_table` and ``reliability_tables``, on the same.
    candidates
        Name -> model, for a case that is asked whether or not it would tell.
    of_those_who_tell
        Name -> model, for a case that tells; the same where all do.
    newest_cases
        Cases that the candidates were compared on.
    """

    used: str
    decision: Statement
    skill: Skill
    evaluation: pd.DataFrame
    reliability: pd.DataFrame
    candidates: dict[str, CalibratedModel]
    answering_candidates: dict[str, CalibratedModel]
    newest_cases: int = 0

    @property
    def model(self) -> CalibratedModel:
        """The candidate that is used."""
        return self.candidates[self.used]

    @property
    def answering_model(self) -> CalibratedModel:
        """The same candidate for cases that tell."""
        return self.answering_candidates[self.used]


def fit_outcome(
    cohort: Cohort,
    rows: Bools,
    *,
    when: str,
    what: str,
    settings: Settings | None = None,
    propensity: tuple[Floats, Floats] | None = None,
) -> OutcomeRisk:
    """Fit candidates for an outcome, compare them out of time, and say what can be known.

    A logistic regression and three baselines (base rate, age over target, rates of priority, team and type) learn from
    the first 60 % of the cases, are corrected on the next 20 % and compared on the last 20 %. A model is used only if
    its Brier score beats all baselines beyond noise, and if its skill is not tiny; else every case gets the base rate
    and nothing is ranked. Then the first 80 % train and the last 20 % calibrate.

    Parameters
    ----------
    cohort
        Snapshots with their labels.
    rows
        Which of them to learn from, shape (n,). The split is that of all cases of the cohort.
    when, what
        For the sentence, such as ``at receipt`` and ``were dissatisfied``.
    settings
        Ridge penalty and bootstrap.
    propensity
        Weight of each row for those who do not tell, shape (n,): one that has learnt nothing from the newest fifth, for
        the evaluation, and one that has seen all, for use.

    Returns
    -------
    The candidates with the verdict. With fewer than 100 labelled cases, or fewer than 20 of either outcome, the only
    one is the base rate with a Beta prior.

    Examples
    --------
    >>> from deskcast.models.risk.survey_cohort import known_cohort
    >>> at = pd.Timestamp("2024-03-01T08:00Z") + pd.to_timedelta(np.arange(10), unit="h")
    >>> snapshots = pd.DataFrame({"case_id": list("abcdefghij"), "at": at, "age_s": 60.0})
    >>> labels = pd.DataFrame({"case_id": list("abcdefghij"), "label": [True, False] * 5,
    ...                        "known_at": at + pd.Timedelta("1h")})
    >>> cohort = known_cohort(snapshots, labels, at[-1] + pd.Timedelta("1h"), "dissatisfaction")
    >>> risk = fit_outcome(cohort, np.ones(10, bool), when="at receipt", what="were dissatisfied")
    >>> risk.used, risk.model.probability(snapshots[:1]).round(2).tolist()
    ('constant', [0.5])
    """
    rules = settings or Settings()
    first, last = (None, None) if propensity is None else propensity
    few = _too_few(cohort, rows, what)
    part = cohort.found.split(SPLIT_SHARES)
    if not few:
        few = _one_sided(cohort, rows, part)
    if few:
        return _base_rate(cohort, rows, last, state("Not enough data yet for a model, because {few}", few=few), when)
    trained = fit_outcome_candidates(cohort, rows & (part == 0), rows & (part == 1), rules, first)
    trained = apply_segment_records(trained, cohort, rows, rules.segments, first)
    newest = cohort.weighted_rows(rows & (part == 2), first)
    predicted = {name: model.probability(newest.snapshots) for name, model in trained.items()}
    used, decision, skill = _judge(newest, predicted, when, rules)
    final = cohort.found.split(FINAL_SHARES)
    learn, check = rows & (final == 0), rows & (final == 1)
    candidates = apply_segment_records(
        fit_outcome_candidates(cohort, learn, check, rules, last), cohort, rows, rules.segments, last
    )
    tell = candidates
    if last is not None:
        tell = apply_segment_records(fit_outcome_candidates(cohort, learn, check, rules), cohort, rows, rules.segments)
    return OutcomeRisk(
        used,
        decision,
        skill,
        score_table(newest.label, predicted, used, weight=newest.weight),
        reliability_tables(newest.label, predicted, weight=newest.weight),
        candidates,
        tell,
        int(newest.snapshots["case_id"].nunique()),
    )


def fit_outcome_candidates(
    cohort: Cohort,
    train: Bools,
    later: Bools,
    settings: Settings,
    propensity: Floats | None = None,
) -> dict[str, CalibratedModel]:
    """Fit all candidates on some rows and correct each on later ones.

    Parameters
    ----------
    cohort
        Snapshots with their labels.
    train, later
        Rows to learn from and to calibrate on, shape (n,).
    settings
        The ridge penalty.
    propensity
        As in :meth:`deskcast.models.risk.survey_cohort.Cohort.weighted_rows`.

    Returns
    -------
    Name -> model, in the order of :data:`OUTCOME_CANDIDATES`, then users' own.
    """
    frame, y, w = cohort.weighted_rows(train, propensity)
    check = cohort.weighted_rows(later, propensity)
    scores: dict[str, LogOddsModel] = {
        "constant": fit_base_rate(y, w),
        "rule": fit_age_rule(frame, y, w),
        "rates": fit_segment_rate(frame, y, w),
        "logistic": fit_firm_logistic(frame, y, settings.regularisation, w, check),
    }
    scores |= fit_own_classifiers(frame, y, w, check.snapshots)
    return {name: calibrate_model(score, *check) for name, score in scores.items()}


def apply_segment_records(
    candidates: dict[str, CalibratedModel],
    cohort: Cohort,
    rows: Bools,
    segments: tuple[str, ...],
    propensity: Floats | None = None,
) -> dict[str, CalibratedModel]:
    """Let the logistic regression follow the track records of segments, as they stand in these rows.

    Every prediction sees of a record what was known at its own instant, so the rows may be later than it.

    Parameters
    ----------
    candidates
        From :func:`fit_outcome_candidates`, or followed already.
    cohort, rows, propensity
        As in :func:`fit_outcome`.
    segments
        Names of the columns; without any the candidates stay as they are.
    """
    if not segments or "logistic" not in candidates:
        return candidates
    score = candidates["logistic"].score
    plain = score.model if isinstance(score, SegmentAdjustedModel) else candidates["logistic"]
    last = rows & cohort.labelled & _last_labelled(cohort, rows & cohort.labelled)
    frame, label, weight = cohort.weighted_rows(last, propensity)
    known = cohort.found.known_at[last].reset_index(drop=True)
    record = build_segment_record(frame, known, label, weight, plain, segments)
    return {**candidates, "logistic": CalibratedModel(SegmentAdjustedModel(plain, segments, record), 1.0, 0.0)}


def _judge(
    newest: WeightedLabels, predicted: dict[str, Floats], when: str, settings: Settings
) -> tuple[str, Statement, Skill]:
    """Choose a candidate and explain the choice, with the skill of the best attempt."""
    case = newest.snapshots["case_id"]
    draws = {"weight": newest.weight, "replicates": settings.replicates, "seed": settings.seed}
    verdict = choose_model(newest.label, predicted, case, **draws)  # type: ignore[arg-type]
    tried = "logistic" if verdict.used == "constant" else verdict.used
    skill = brier_skill(newest.label, predicted[tried], predicted["constant"], case, **draws)  # type: ignore[arg-type]
    name, rate = MODEL_LABELS.get(tried, tried), float(np.average(newest.label, weights=newest.weight))
    on, has = state("On the {cases:,} newest cases", cases=case.nunique()), format_skill(skill)
    lift = top_lift(newest.label, predicted[tried], weight=newest.weight)
    if verdict.used != "constant" and skill.is_worth_ranking(lift):
        text = "{when}, {name} is used. {on} it has a {has}. Its riskiest tenth has {lift:.1f} times the average rate."
        begun = f"{when[:1].upper()}{when[1:]}"
        return verdict.used, state(text, when=begun, name=name, on=on, has=has, lift=lift), skill
    base = state("each case gets the base rate ({rate:.1%} on the newest)", rate=rate)
    if verdict.used == "constant":
        hint = ", perhaps for lack of cases" if skill.mean >= MIN_SKILL else ""
        why = "No reliable gain over the rules" if skill.lo > 0 else "No reliable skill"
        why = f"{why}{hint}"
    else:
        why = "That is too little to rank cases"
    text = "Not enough data yet to rank cases {when}. {on} {name} has a {has}. {why}: {base}."
    return "constant", state(text, when=when, on=on, name=name, has=has, why=why, base=base), skill


def _too_few(cohort: Cohort, rows: Bools, what: str) -> Statement:
    label = cohort.label[rows & cohort.labelled]
    case = cohort.found.snapshots.loc[rows & cohort.labelled, "case_id"].to_numpy()
    outcome = pd.Series(label).groupby(case).last()
    n, hits = len(outcome), int(outcome.sum())
    if n < MIN_DECIDED_CASES:
        text = "only {n:,} cases have a known outcome (at least {least} are needed)"
        return state(text, n=n, least=MIN_DECIDED_CASES)
    if min(hits, n - hits) < MIN_CASES_PER_OUTCOME:
        text = "{hits:,} of {n:,} cases {what} (at least {least} that did and {least} that did not are needed)"
        return state(text, hits=hits, n=n, what=what, least=MIN_CASES_PER_OUTCOME)
    return Statement("")


def _one_sided(cohort: Cohort, rows: Bools, part: Ints) -> Statement:
    for number, name in enumerate(name_split_parts()):
        if len(np.unique(cohort.label[rows & cohort.labelled & (part == number)])) < 2:
            return state("all of the {name} of the cases with a known outcome ended alike", name=name)
    return Statement("")


def _base_rate(cohort: Cohort, rows: Bools, propensity: Floats | None, why: str, when: str) -> OutcomeRisk:
    # By case and not by snapshot, as one long case is one observation; where the stage has none, all cases count.
    taken = rows & cohort.labelled
    taken = (rows if taken.any() else np.ones(len(rows), dtype=bool)) & _last_labelled(cohort, taken)
    asked, tell = cohort.weighted_rows(taken, propensity), cohort.weighted_rows(taken)
    n = float(asked.weight.sum() ** 2 / (asked.weight**2).sum())
    lo, hi = wilson_interval(np.average(asked.label, weights=asked.weight) * n, n)
    bounds = {"lo": 100 * float(lo), "hi": 100 * float(hi)}
    text = "{why}. Every case gets the base rate {when}, which can be from {lo:.0f}% to {hi:.0f}%."
    said = state(text, why=why, when=when, **bounds)
    nothing = {name: np.zeros(0) for name in OUTCOME_CANDIDATES}
    first, second = (
        {"constant": CalibratedModel(fit_base_rate(lesson.label, lesson.weight), 1.0, 0.0)} for lesson in (asked, tell)
    )
    return OutcomeRisk(
        "constant",
        said,
        UNKNOWN_SKILL,
        score_table(np.zeros(0), nothing),
        reliability_tables(np.zeros(0), nothing),
        first,
        second,
    )


def _last_labelled(cohort: Cohort, rows: Bools) -> Bools:
    among = rows if rows.any() else np.ones(len(rows), dtype=bool)
    case = cohort.found.snapshots["case_id"].where(pd.Series(among))
    return np.asarray(among & ~case.duplicated(keep="last").to_numpy(dtype=bool))


__all__ = ["OUTCOME_CANDIDATES", "RULE_BASELINES", "OutcomeRisk", "Settings", "fit_outcome", "fit_outcome_candidates"]
