"""How good probabilities are, side by side, and whether one set is better than another beyond noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...features.arrays import Bools, Floats
from .bootstrap import bootstrap_ratio, case_codes, draw_cases
from .calibration import brier, ece, reliability_table

#: Columns of the evaluation table.
EVALUATION_COLUMNS = ("model", "n", "base_rate", "auc", "average_precision", "brier", "ece", "promoted")


@dataclass(frozen=True)
class Gain:
    """How much lower one Brier score is than another, with a 95 % interval; above 0 is better."""

    mean: float
    lo: float
    hi: float

    @property
    def is_significant(self) -> bool:
        """Whether the gain is beyond noise."""
        return bool(self.lo > 0)


#: Where nothing was compared.
NO_GAIN = Gain(float("nan"), float("nan"), float("nan"))


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
    return pd.DataFrame(rows, columns=list(EVALUATION_COLUMNS)).astype(
        {"model": "str", "n": "int64", "promoted": "bool"}
    )


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


def bootstrap_table(
    observed: ArrayLike,
    predicted: Mapping[str, ArrayLike],
    case: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    replicates: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the scores of each set of probabilities with their 95 % intervals, drawing whole cases anew.

    Parameters
    ----------
    observed, predicted, weight
        As in :func:`score_table`.
    case
        Which case a row belongs to, shape (n,).
    replicates, seed
        How many draws, and their seed; all models see the same draws.

    Returns
    -------
    Columns ``model, n, base_rate``, and for ``auc``, ``average_precision``, ``brier`` and ``ece`` the score and its
    bounds ``_lo`` and ``_hi``.

    Examples
    --------
    >>> y = np.tile([0.0, 1.0, 1.0, 0.0], 20)
    >>> table = bootstrap_table(y, {"rule": np.tile([0.2, 0.7, 0.9, 0.4], 20)}, np.arange(80))
    >>> bool((table["brier_lo"] <= table["brier"]).all() and (table["brier"] <= table["brier_hi"]).all())
    True
    """
    names = ("auc", "average_precision", "brier", "ece")
    y, codes = np.asarray(observed, dtype=float), case_codes(case)
    w = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
    said = {name: np.asarray(p, dtype=float) for name, p in predicted.items()}
    draws: dict[str, list[tuple[float, ...]]] = {name: [] for name in said}
    count = int(codes.max()) + 1 if len(codes) else 0
    for taken in draw_cases(count, replicates, seed):
        times = np.bincount(taken, minlength=count)[codes]
        rows = times > 0
        for name, p in said.items():
            draws[name].append(_scores(y[rows], p[rows], (w * times)[rows])[2:])
    rows_out = []
    for name, p in said.items():
        n, rate, *scores = _scores(y, p, w)
        drawn = np.array(draws[name]) if draws[name] else np.full((1, 4), np.nan)
        lo, hi = np.nanquantile(drawn, [0.025, 0.975], axis=0) if np.isfinite(drawn).any() else drawn[[0, 0]]
        bounds = {f"{s}{end}": v for s, *vs in zip(names, scores, lo, hi, strict=True)
                  for end, v in zip(("", "_lo", "_hi"), vs, strict=True)}  # fmt: skip
        rows_out.append({"model": name, "n": n, "base_rate": rate, **bounds})
    return pd.DataFrame(rows_out).astype({"model": "str"})


def brier_gain(
    observed: ArrayLike,
    challenger: ArrayLike,
    champion: ArrayLike,
    case: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Gain:
    """Estimate by how much the challenger's Brier score is lower, with a bootstrap by case.

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
    level
        Of the interval.

    Returns
    -------
    The gain in the mean over rows, and its interval.

    Notes
    -----
    Paired cluster bootstrap: Davison and Hinkley (1997), Bootstrap Methods and their Application, section 3.8. A draw
    weighs the cases by a multinomial; the score of a draw is a ratio of sums, as cases differ in their rows.

    Examples
    --------
    >>> gain = brier_gain([0, 1, 0, 1], [0.1, 0.9, 0.1, 0.9], [0.5] * 4, ["a", "b", "c", "d"])
    >>> round(gain.mean, 2), gain.is_significant
    (0.24, True)
    """
    y = np.asarray(observed, dtype=float)
    difference = (np.asarray(champion, dtype=float) - y) ** 2 - (np.asarray(challenger, dtype=float) - y) ** 2
    codes = case_codes(case)
    if not len(codes):
        return NO_GAIN
    w = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
    mean, drawn = bootstrap_ratio(w * difference, w, codes, replicates, seed)
    lo, hi = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Gain(mean, float(lo), float(hi))


def _scores(y: Floats, p: Floats, w: Floats) -> tuple[int, float, float, float, float, float]:
    from sklearn.metrics import average_precision_score, roc_auc_score

    both: Bools = np.isin([0.0, 1.0], y)
    missing = float("nan")
    auc = float(roc_auc_score(y, p, sample_weight=w)) if both.all() else missing
    precision = float(average_precision_score(y, p, sample_weight=w)) if both.all() else missing
    rate = float(np.average(y, weights=w)) if len(y) else missing
    return len(y), rate, auc, precision, brier(y, p, weight=w), ece(y, p, weight=w)
