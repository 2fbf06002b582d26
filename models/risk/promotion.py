"""Which model is used, and why in a sentence: one that does not beat the rules out of time is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...features.arrays import Floats, Ints
from ...features.statistics.intervals import wilson_interval
from ..evaluation.calibration import brier
from ..evaluation.scores import Gain, brier_gain
from ..evaluation.statement import Statement, join_statements, state
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
#: How the cases are cut in time: to learn from, to correct on, and to be judged on.
SPLIT_SHARES = (0.6, 0.2, 0.2)
#: Baselines that a model has to beat, and how they and the models are called.
RULE_BASELINES = ("rule", "rates")
MODEL_LABELS = {
    "constant": "the base rate",
    "time_used": "the Kaplan-Meier curve of the time used",
    "rule": "the age rule",
    "rates": "the segment rates",
    "logistic": "the logistic regression",
    "hazard": "the survival model",
    "mean": "the mean of survival model and logistic regression",
}


class ModelDecision(NamedTuple):
    """Which candidate is used, and why in a sentence."""

    used: str
    decision: Statement


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
    cases = len(np.unique(np.asarray(case)))
    on = state("Tested on {n:,} snapshots of the {cases:,} newest cases.", n=len(observed), cases=cases)
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
            state("{gain} below {of}", gain=_format_gain(gain(champion, r)), of=MODEL_LABELS.get(r, r))
            for r in (*rules[:1], "constant")
        ]
        name = _capital(MODEL_LABELS.get(champion, champion))
        lower = join_statements(rest, " and ")
        text = state("{name} is used. Its Brier score is {lower}. {on}", name=name, lower=lower, on=on)
        return ModelDecision(champion, text)
    for rule in rules:
        if gain(rule, "constant", STRICT_CONFIDENCE).is_significant:
            won = state("{gain} below the base rate", gain=_format_gain(gain(rule, "constant")))
            adds = join_statements([_name_gain(name, gain(name, rule)) for name in models[:2]], " or ")
            more = state(" No reliable gain from {adds}.", adds=adds) if adds else Statement("")
            name = _capital(MODEL_LABELS[rule])
            template = "{name} is used. Its Brier score is {won}.{more} {on}"
            return ModelDecision(rule, state(template, name=name, won=won, more=more, on=on))
    tried = join_statements([_name_gain(name, gain(name, "constant")) for name in (*models[:2], *rules[:1])], " or ")
    nothing = "No predictive skill, so every case gets the base rate. No reliable gain from {tried}. {on}"
    return ModelDecision("constant", state(nothing, on=on, tried=tried))


def explain_too_few_cases(found: Outcomes, as_of: pd.Timestamp) -> Statement:
    """Say why the known outcomes teach nothing but a base rate; an empty text where they may teach more.

    A case whose target still ran at ``as_of`` can only be known to have met it, so it counts for neither.
    """
    ripe = found.has_run_out(as_of)
    outcome = found.breached[found.decided & ripe & found.last_of_case()]
    cases, breached = len(outcome), int(outcome.sum())
    if cases < MIN_DECIDED_CASES:
        what = "have a known outcome" if ripe.all() else "have a known outcome and a passed target"
        text = "only {cases:,} cases {what} (at least {least} are needed)"
        return state(text, cases=cases, what=what, least=MIN_DECIDED_CASES)
    if min(breached, cases - breached) < MIN_CASES_PER_OUTCOME:
        text = "{breached:,} of {cases:,} cases breached (at least {least} breached and {least} met cases are needed)"
        return state(text, breached=breached, cases=cases, least=MIN_CASES_PER_OUTCOME)
    return Statement("")


def format_base_rate_range(found: Outcomes) -> Statement:
    """Write the range of the base rate of few cases."""
    lesson = found.weighted_rows(found.first_of_case())
    n = lesson.weight.sum() ** 2 / (lesson.weight**2).sum()
    lo, hi = wilson_interval(np.average(lesson.breached, weights=lesson.weight) * n, n)
    return state("With so few cases it can be from {lo:.0f}% to {hi:.0f}%.", lo=100 * float(lo), hi=100 * float(hi))


def explain_unripe_part(found: Outcomes, part: Ints, as_of: pd.Timestamp) -> Statement:
    """Say if a part of the split is so new that hardly a target in it has run out; an empty text where none is."""
    ripe, last = found.has_run_out(as_of), found.last_of_case()
    for number, name in enumerate(name_split_parts()):
        mine = last & (part == number)
        least = max(MIN_RIPE_CASES, MIN_RIPE_SHARE * int(mine.sum()))
        if not ripe.all() and int((ripe & mine).sum()) < least:
            n = int((ripe & mine).sum())
            return state("of the {name} of the cases too few targets have passed ({n})", name=name, n=n)
    return Statement("")


def name_split_parts() -> tuple[Statement, ...]:
    """Return how the parts of the cases are called from which is learnt, corrected and judged.

    >>> name_split_parts()
    ('oldest 60%', 'next 20%', 'newest 20%')
    """
    names = ("oldest {share}%", "next {share}%", "newest {share}%")
    return tuple(state(name, share=round(100 * share)) for name, share in zip(names, SPLIT_SHARES, strict=True))


def explain_time_used(ripe: int, breached: int, new_case: float, why: str) -> Statement:
    """Explain that the risk is read from the SLA time used, and how certain a short log makes it."""
    lo, hi = wilson_interval(new_case * ripe, ripe)
    return state(
        "Not enough data yet for a model, because {why}: breach risk is read from the SLA time used (Kaplan-Meier). "
        "The targets of {ripe:,} cases have passed, {breached:,} of them breached. "
        "A new case breaches with a chance of {rate:.0f}% (from {lo:.0f}% to {hi:.0f}%).",
        why=why,
        ripe=ripe,
        breached=breached,
        rate=100 * new_case,
        lo=100 * float(lo),
        hi=100 * float(hi),
    )


def explain_unknown_risk(ripe: int, cases: int) -> Statement:
    """Explain that no breach risk is known yet."""
    return state(
        "Not enough data yet for a breach risk: the targets of only {ripe:,} of {cases:,} cases have passed (at least "
        "{least} are needed).",
        ripe=ripe,
        cases=cases,
        least=MIN_RIPE_CASES,
    )


def format_calibration_error(error: float, coverage: float) -> Statement:
    """Write the mean calibration error, and for how many snapshots the outcome is unknown."""
    text = state("Its predictions are within {error:.1f} points of the observed rate on average.", error=100 * error)
    if coverage >= MIN_SURE_COVERAGE:
        return text
    care = "the outcome of {share:.0f}% of the tested cases, mostly late ones, is not known yet."
    return join_statements([text, _CAUTION, state(care, share=100 * (1 - coverage))])


#: How a caution begins that stands at the end of a decision.
_CAUTION = "Use with caution:"


def find_caution(decision: Statement) -> Statement:
    """Return what a reader of probabilities needs to know of a decision: its caution, or without one all of it.

    >>> decision = join_statements([state("On {n} cases.", n=5), format_calibration_error(0.03, 0.83)])
    >>> find_caution(decision), [figure.text for figure in find_caution(decision).figures]
    ('Use with caution: the outcome of 17% of the tested cases, mostly late ones, is not known yet.', ['17'])
    """
    _, mark, rest = decision.partition(_CAUTION)
    return Statement(f"{mark}{rest}", decision.figures[-1:]) if mark else decision


def _name_gain(name: str, gain: Gain) -> Statement:
    return state("{name} ({mean:.4f})", name=MODEL_LABELS.get(name, name), mean=gain.mean)


def _format_gain(gain: Gain) -> Statement:
    text = "{mean:.4f} ({level}% interval {lo:.4f} to {hi:.4f})"
    return state(text, mean=gain.mean, level=95, lo=gain.lo, hi=gain.hi)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
