"""Which model is used, and why in a sentence: one that does not beat the rules out of time is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ...features.arrays import Floats
from ...features.statistics.intervals import wilson_interval
from ..evaluation.calibration import brier
from ..evaluation.scores import Gain, brier_gain
from .known_outcomes import Outcomes

#: Fewer cases, or fewer cases of either outcome, teach nothing but a base rate.
MIN_DECIDED_CASES, MIN_CASES_PER_OUTCOME = 100, 20
#: With fewer cases whose target has run out nothing at all can be known of a breach.
MIN_RIPE_CASES = 20
#: A model needs this share of ripe cases in each part of the split: more than this one case cannot stand for.
MIN_RIPE_SHARE = 0.1
#: If the known outcomes stand for less than this share of the newest snapshots, the verdict says so.
MIN_SURE_COVERAGE = 0.9
#: How sure the second and third model, and a baseline, have to be.
STRICT_CONFIDENCE = 0.99
#: Baselines that a model has to beat, and how they and the models are called.
RULE_BASELINES = ("rule", "rates")
MODEL_LABELS = {
    "constant": "the base rate",
    "time_used": "the Kaplan-Meier curve of the time used",
    "rule": "the rule 'age over target'",
    "rates": "the rate of priority and team",
    "logistic": "the logistic regression",
    "hazard": "the hazard",
    "mean": "the mean of hazard and logistic regression",
}


class ModelDecision(NamedTuple):
    """Which candidate is used, and why in a sentence."""

    used: str
    decision: str


def choose_model(
    observed: Floats,
    predicted: Mapping[str, Floats],
    case: ArrayLike,
    *,
    weight: Floats | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> ModelDecision:
    """Choose among probabilities for the same outcomes by their Brier scores, drawing whole cases anew.

    Parameters
    ----------
    observed
        Outcomes, 0 or 1, shape (n,), of cases that no candidate has learnt from and that are later than all it has.
    predicted
        Name -> probabilities: ``constant``, baselines of :data:`RULE_BASELINES`, and models (``mean``, ``logistic``,
        ...).
    case
        Which case a row belongs to, shape (n,).
    weight
        How much each row counts, shape (n,).
    replicates, seed
        Of the bootstrap by case.

    Returns
    -------
    The mean, where it beats the base rate and every baseline beyond noise, unless another model beats the mean beyond
    noise; else a model that beats them; else the best baseline, where it beats the base rate; else the base rate.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.uniform(size=2000)
    >>> y = (rng.uniform(size=2000) < p).astype(float)
    >>> half = np.full(2000, 0.5)
    >>> choose_model(y, {"constant": half, "rule": half, "logistic": p}, np.arange(2000)).used
    'logistic'
    """

    def gain(challenger: str, champion: str, level: float = 0.95) -> Gain:
        pair = predicted[challenger], predicted[champion]
        return brier_gain(observed, *pair, case, weight=weight, replicates=replicates, seed=seed, level=level)

    models = [name for name in ("mean", "logistic", "hazard") if name in predicted]
    models += [name for name in predicted if name not in (*models, *RULE_BASELINES, "constant")]
    rules = [name for name in RULE_BASELINES if name in predicted]
    rules.sort(key=lambda name: brier(observed, predicted[name], weight=weight))
    on = f"on {len(observed):,} snapshots of the {len(np.unique(np.asarray(case))):,} newest cases"
    champion = ""
    for place, name in enumerate(models):
        # Who comes after the first has to be surer: among many that know nothing one always looks good.
        level = 0.95 if place == 0 else STRICT_CONFIDENCE
        if champion and not gain(name, champion, level).is_significant:
            continue
        if all(gain(name, rival, level).is_significant for rival in ("constant", *rules)):
            champion = name
    if champion:
        rest = [
            f"by {_format_gain(gain(champion, r))} than that of {MODEL_LABELS.get(r, r)}"
            for r in (*rules[:1], "constant")
        ]
        name = _capital(MODEL_LABELS.get(champion, champion))
        text = f"{name} is used: {on} its Brier score is lower {' and '.join(rest)}."
        return ModelDecision(champion, text)
    for rule in rules:
        if gain(rule, "constant", STRICT_CONFIDENCE).is_significant:
            adds = [f"{MODEL_LABELS.get(name, name)} ({_format_gain(gain(name, rule))})" for name in models[:2]]
            nothing = f" and nothing that is sure is added by {' or '.join(adds)}" if adds else ""
            won = f"it beats the base rate by {_format_gain(gain(rule, 'constant'))} in Brier score"
            text = f"{_capital(MODEL_LABELS[rule])} is used: {on} {won},{nothing}."
            return ModelDecision(rule, text)
    tried = [
        f"{MODEL_LABELS.get(name, name)} ({_format_gain(gain(name, 'constant'))})" for name in (*models[:2], *rules[:1])
    ]
    text = (
        f"Nothing was learnt: {on} neither {' nor '.join(tried)} beats the base rate beyond noise, so every case gets"
    )
    return ModelDecision("constant", f"{text} the base rate.")


def explain_too_few_cases(found: Outcomes, as_of: pd.Timestamp) -> str:
    """Say why the known outcomes teach nothing but a base rate; an empty text where they may teach more.

    A case whose target still ran at ``as_of`` can only be known to have met it, so it counts for neither.
    """
    ripe = found.has_run_out(as_of)
    outcome = found.breached[found.decided & ripe & found.last_of_case()]
    cases, breached = len(outcome), int(outcome.sum())
    if cases < MIN_DECIDED_CASES:
        what = "have a known outcome" if ripe.all() else "have a known outcome and a target that has run out"
        return f"only {cases:,} cases {what} (at least {MIN_DECIDED_CASES} are needed)"
    if min(breached, cases - breached) < MIN_CASES_PER_OUTCOME:
        least = f"at least {MIN_CASES_PER_OUTCOME} of either are needed"
        return f"{breached:,} of {cases:,} cases broke their promise ({least})"
    return ""


def format_base_rate_range(found: Outcomes) -> str:
    """Say within which bounds the base rate of few cases may lie."""
    lesson = found.weighted_rows(found.first_of_case())
    n = lesson.weight.sum() ** 2 / (lesson.weight**2).sum()
    lo, hi = wilson_interval(np.average(lesson.breached, weights=lesson.weight) * n, n)
    return f"With so few cases it may be anything from {100 * float(lo):.0f} to {100 * float(hi):.0f} %."


def explain_unripe_part(found: Outcomes, part: NDArray[np.int64], as_of: pd.Timestamp) -> str:
    """Say if a part of the split is so new that hardly a target in it has run out; an empty text where none is."""
    ripe, last = found.has_run_out(as_of), found.last_of_case()
    for number, name in enumerate(("oldest 60 %", "next 20 %", "newest 20 %")):
        mine = last & (part == number)
        least = max(MIN_RIPE_CASES, MIN_RIPE_SHARE * int(mine.sum()))
        if not ripe.all() and int((ripe & mine).sum()) < least:
            return f"of the {name} of the cases too few targets have run out ({int((ripe & mine).sum())})"
    return ""


def explain_time_used(ripe: int, breached: int, new_case: float, why: str) -> str:
    """Say that the risk is read from the time used, and how sure a young log makes it."""
    lo, hi = wilson_interval(new_case * ripe, ripe)
    return (
        f"Nothing was learnt but a base rate by the time used, because {why}. It is read from the time used "
        "(Kaplan-Meier; open cases count as censored): the targets of "
        f"{ripe:,} cases have run out, {breached:,} of them were broken; a new case breaks its promise with "
        f"{100 * new_case:.0f} % (anything from {100 * float(lo):.0f} to {100 * float(hi):.0f} %)."
    )


def explain_unknown_risk(ripe: int, cases: int) -> str:
    """Say that nobody can know yet how many promises will be broken."""
    return (
        f"It cannot be known yet how many promises will be broken: the targets of only {ripe:,} of {cases:,} cases "
        f"have run out (at least {MIN_RIPE_CASES} are needed), and of the others only those that were met can be known."
    )


def format_calibration_error(error: float, coverage: float) -> str:
    """Say how far the figures were off, and for how many snapshots that is not known."""
    text = f"There its figures were off by {100 * error:.0f} percentage points on average."
    if coverage >= MIN_SURE_COVERAGE:
        return text
    return (
        f"{text} Take them with care: the log is too short to have seen how {100 * (1 - coverage):.0f} % of those "
        "snapshots end, mostly the late ones."
    )


def _format_gain(gain: Gain) -> str:
    return f"{gain.mean:.4f} (95 % interval {gain.lo:.4f} to {gain.hi:.4f})"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
