"""How good probabilities are, side by side, and whether one set is better than another beyond noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .calibration import FloatArray, brier, ece, reliability_table

#: Columns of the evaluation table.
COLUMNS = ("model", "n", "base_rate", "auc", "average_precision", "brier", "ece", "promoted")


@dataclass(frozen=True)
class Gain:
    """How much lower one Brier score is than another, with a 95 % interval; above 0 is better."""

    mean: float
    lo: float
    hi: float

    @property
    def sure(self) -> bool:
        """Whether the gain is beyond noise."""
        return bool(self.lo > 0)


def score_table(
    observed: ArrayLike,
    predicted: Mapping[str, ArrayLike],
    promoted: str | None = None,
    *,
    weight: ArrayLike | None = None,
) -> pd.DataFrame:
    """Return one row of scores for each set of probabilities for the same outcomes.

    Parameters
    ----------
    observed
        Outcomes, 0 or 1, shape (n,).
    predicted
        Name of the model -> its probabilities, shape (n,).
    promoted
        The model that is used.
    weight
        How much each outcome counts, shape (n,), in all scores and in the base rate; all alike by default.

    Returns
    -------
    Columns ``model, n, base_rate, auc, average_precision, brier, ece, promoted``. AUC and average precision are
    missing where all outcomes are alike; ``n`` is the number of rows, whatever they weigh.

    Examples
    --------
    >>> table = score_table([0, 1, 1, 0], {"constant": [0.5] * 4, "rule": [0.2, 0.7, 0.9, 0.4]}, promoted="rule")
    >>> table[["model", "auc", "brier", "promoted"]].round(3).to_dict("list")
    {'model': ['constant', 'rule'], 'auc': [0.5, 1.0], 'brier': [0.25, 0.075], 'promoted': [False, True]}
    """
    y = np.asarray(observed, dtype=float)
    w = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
    rows = [(name, *_scores(y, np.asarray(p, dtype=float), w), name == promoted) for name, p in predicted.items()]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"model": "str", "n": "int64", "promoted": "bool"})


def reliability_tables(
    observed: ArrayLike, predicted: Mapping[str, ArrayLike], bins: int = 10, *, weight: ArrayLike | None = None
) -> pd.DataFrame:
    """Return the reliability table of each set of probabilities, one below the other.

    Returns
    -------
    Columns ``model, predicted, observed, n, lo, hi``.

    Examples
    --------
    >>> reliability_tables([0, 1], {"constant": [0.5, 0.5]})[["model", "predicted", "observed", "n"]].values.tolist()
    [['constant', 0.5, 0.5, 2]]
    """
    parts = []
    for name, p in predicted.items():
        part = reliability_table(observed, p, bins=bins, weight=weight)
        part.insert(0, "model", pd.Series(name, index=part.index, dtype="str"))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def brier_gain(
    observed: ArrayLike,
    challenger: ArrayLike,
    champion: ArrayLike,
    case: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> Gain:
    """Tell by how much the challenger's Brier score is lower, drawing whole cases anew.

    Parameters
    ----------
    observed
        Outcomes, 0 or 1, shape (n,).
    challenger, champion
        Probabilities of the two for the same rows, shape (n,).
    case
        Which case a row belongs to, shape (n,): snapshots of one case rise and fall together.
    weight
        How much each row counts, shape (n,); all alike by default.
    replicates
        How many draws.
    seed
        Of the draws: the same seed, the same interval.

    Returns
    -------
    The gain in the mean over rows, and its 95 % interval.

    Notes
    -----
    Paired cluster bootstrap: Davison and Hinkley (1997), Bootstrap Methods and their Application, section 3.8. A draw
    weighs the cases by a multinomial; the score of a draw is a ratio of sums, as cases differ in their rows.

    Examples
    --------
    >>> gain = brier_gain([0, 1, 0, 1], [0.1, 0.9, 0.1, 0.9], [0.5] * 4, ["a", "b", "c", "d"])
    >>> round(gain.mean, 2), gain.sure
    (0.24, True)
    """
    y = np.asarray(observed, dtype=float)
    difference = (np.asarray(champion, dtype=float) - y) ** 2 - (np.asarray(challenger, dtype=float) - y) ** 2
    codes = pd.factorize(np.asarray(case), sort=True)[0]
    if not len(codes):
        return Gain(float("nan"), float("nan"), float("nan"))
    w = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
    total = np.bincount(codes, w * difference).astype(np.float64)
    rows = np.bincount(codes, w).astype(np.float64)
    draws = _draws(total, rows, replicates, np.random.default_rng(seed))
    lo, hi = np.quantile(draws, [0.025, 0.975])
    return Gain(float(total.sum() / rows.sum()), float(lo), float(hi))


def _draws(total: FloatArray, rows: FloatArray, replicates: int, rng: np.random.Generator) -> FloatArray:
    cases = len(total)
    means = np.empty(replicates)
    for draw in range(replicates):
        taken = rng.integers(0, cases, cases)
        means[draw] = total[taken].sum() / rows[taken].sum()
    return means


def _scores(y: FloatArray, p: FloatArray, w: FloatArray) -> tuple[int, float, float, float, float, float]:
    from sklearn.metrics import average_precision_score, roc_auc_score

    both: NDArray[np.bool_] = np.isin([0.0, 1.0], y)
    missing = float("nan")
    auc = float(roc_auc_score(y, p, sample_weight=w)) if both.all() else missing
    precision = float(average_precision_score(y, p, sample_weight=w)) if both.all() else missing
    rate = float(np.average(y, weights=w)) if len(y) else missing
    return len(y), rate, auc, precision, brier(y, p, weight=w), ece(y, p, weight=w)
