"""Who answers a survey, and what the answers have to weigh so that they stand for those who keep silent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...features.arrays import Bools, Floats, Ints
from ...features.errors import InputError
from ..candidates.baselines import CalibratedModel, calibrate_model, fit_base_rate, fit_logistic
from ..evaluation.statement import Statement, state
from .survey_cohort import Cohort

#: No answer stands for more (or less) than so many times as many as an average one.
MAX_RELATIVE_WEIGHT = 10.0


@dataclass(frozen=True)
class ResponsePropensity:
    """The probability of an answer, and what it makes of the answers.

    Attributes
    ----------
    model
        Gives the probability of an answer for any snapshot.
    n, share
        Asked cases whose silence or answer is known, and the share that answered.
    answers, effective
        How many answered, and how many equally weighted answers would be as sure (Kish).
    clipped
        Share of the answers whose weight was cut.
    """

    model: CalibratedModel
    n: int
    share: float
    answers: int
    effective: float
    clipped_share: float

    def describe(self) -> Statement:
        """Write the response rate, and what the weights cost, where they cost anything."""
        text = state("Survey response rate {share:.0f}% of {n:,} cases", share=100 * self.share, n=self.n)
        if round(self.effective) < self.answers:
            weighed = "{text}; weighted for who answers, {answers:,} answers count as {effective:,.0f}"
            text = state(weighed, text=text, answers=self.answers, effective=self.effective)
        if not self.clipped_share:
            return state("{text}.", text=text)
        return state("{text}; {cut:.0f}% of the weights were cut.", text=text, cut=100 * self.clipped_share)


def inverse_propensity(probability: ArrayLike, clip: float = MAX_RELATIVE_WEIGHT) -> Floats:
    """Return weights that make answers stand for all who were asked.

    Parameters
    ----------
    probability
        Probability of an answer of each case that answered, shape (n,).
    clip
        Largest weight relative to the mean, and 1 over it the smallest.

    Returns
    -------
    Weights with mean 1, shape (n,), before they are cut.

    Raises
    ------
    InputError
        If a probability is not above 0 and at most 1, or the clip is below 1.

    Notes
    -----
    Horvitz and Thompson (1952), A generalization of sampling without replacement from a finite universe, in the
    normalised form of Hajek; clipping trades a little bias for less variance (Ionides 2008, Truncated importance
    sampling). It assumes that, among cases alike in what is known, answering has nothing to do with the answer: those
    who answer *because* they are angry stay over-represented.

    Examples
    --------
    >>> inverse_propensity([0.5, 0.25]).round(2).tolist(), inverse_propensity([0.9] * 50 + [0.001]).max().item()
    ([0.67, 1.33], 10.0)
    """
    p = np.asarray(probability, dtype=float)
    if not ((p > 0) & (p <= 1)).all():
        raise InputError("a propensity lies above 0 and is at most 1", column="probability", code="value.range")
    if not clip >= 1:
        raise InputError("weights are cut at 1 or above", column="clip", got=clip, code="value.range")
    if not len(p):
        return np.zeros(0)
    raw = 1.0 / p
    return np.asarray(np.clip(raw / raw.mean(), 1.0 / clip, clip), dtype=np.float64)


def effective_size(weight: ArrayLike) -> float:
    """Return how many equally weighted observations are as sure as these (Kish 1965, Survey Sampling).

    >>> effective_size([1.0, 1.0, 2.0]), effective_size([])
    (2.6666666666666665, 0.0)
    """
    w = np.asarray(weight, dtype=float)
    return float(w.sum() ** 2 / (w**2).sum()) if len(w) else 0.0


def fit_response_model(cohort: Cohort, train: Bools, later: Bools, regularisation: float) -> CalibratedModel | None:
    """Fit the probability of an answer on some rows and correct it on later ones; a constant where little is known.

    Parameters
    ----------
    cohort
        Snapshots with who told.
    train, later
        Rows to learn from and to calibrate on, shape (n,).
    regularisation
        Strength of the ridge penalty.

    Returns
    -------
    The model; ``None`` where nobody's silence or answer is known in the rows.
    """
    found = cohort.found
    first, check = found.weighted_rows(train), found.weighted_rows(later)
    if not len(first.breached):
        return None
    lone = CalibratedModel(fit_base_rate(first.breached, first.weight), 1.0, 0.0)
    if min(np.sum(first.breached == 1), np.sum(first.breached == 0)) < 20 or not len(check.breached):
        return lone
    score = fit_logistic(first.snapshots, first.breached, regularisation, first.weight)
    return calibrate_model(score, check.snapshots, check.breached, check.weight)


def weight_responses(
    cohort: Cohort, part: Ints, regularisation: float, clip: float = MAX_RELATIVE_WEIGHT
) -> tuple[Floats, ResponsePropensity] | None:
    """Weight the answers of a cohort for who answers, by what was last known of each case before.

    Parameters
    ----------
    cohort
        Snapshots with who told.
    part
        0 for the rows to learn from, 1 for those to calibrate on, shape (n,); others are only weighted.
    regularisation
        Strength of the ridge penalty.
    clip
        As in :func:`inverse_propensity`.

    Returns
    -------
    Weight of each row, shape (n,), with mean 1 over the cases that answered and the same for all rows of a case, and
    who answers; ``None`` where all tell.
    """
    if cohort.is_fully_labelled:
        return None
    found, last = cohort.found, cohort.found.last_of_case()
    model = fit_response_model(cohort, last & (part == 0), last & (part == 1), regularisation)
    if model is None:
        return None
    every = response_weights(cohort, model, clip)
    told = last & cohort.labelled
    weight = every[told]
    outcome = found.breached[last & found.decided]
    cut = float(np.mean((weight >= clip) | (weight <= 1.0 / clip))) if len(weight) else 0.0
    share = float(outcome.mean())
    summary = ResponsePropensity(model, len(outcome), share, int(told.sum()), effective_size(weight), cut)
    return every, summary


def response_weights(cohort: Cohort, model: CalibratedModel, clip: float = MAX_RELATIVE_WEIGHT) -> Floats:
    """Return the weight of each row's case for those who kept silent, by what was last known of it; 1 for the silent.

    Parameters
    ----------
    cohort
        Snapshots with who told, n rows.
    model
        The probability of an answer.
    clip
        As in :func:`inverse_propensity`.
    """
    rows = cohort.found.snapshots
    told = cohort.found.last_of_case() & cohort.labelled
    weight = inverse_propensity(np.maximum(model.probability(rows[told]), 1e-9), clip)
    by_case = pd.Series(weight, index=rows.loc[told, "case_id"])
    return np.asarray(by_case.reindex(rows["case_id"]).fillna(1.0).to_numpy(dtype=np.float64), dtype=np.float64)
