"""What the cases of a unit would come to elsewhere: the chance of each from what was known at its creation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...features.arrays import Bools, Floats, Ints

#: The units are cut into so many folds; the cases of a unit are judged by a model of the others.
FOLDS = 5
#: A value of a column that fewer cases have is one of the rare ones; a column with more values is not used.
MIN_CASES_OF_VALUE, MAX_VALUES = 30, 60
#: Inverse strength with which coefficients are drawn to 0.
PENALTY = 1.0


@dataclass(frozen=True)
class ExpectedOutcomes:
    """Chances of cases.

    Attributes
    ----------
    chance
        Of each row, from the cases of other units.
    doubt
        By unit: variance of what its rows are expected to sum to, as the model of the others is itself not sure.
    seen
        Which rows are of kinds that other units have too: each of their values is found there.
    columns
        What the model knew.
    """

    chance: Floats
    doubt: pd.Series[float]
    seen: Bools
    columns: tuple[str, ...]


def expect_outcomes(
    rows: pd.DataFrame, outcome: str, unit: str, columns: Sequence[str], folds: int = FOLDS
) -> ExpectedOutcomes:
    """Give each case its chance from a model that knows neither its unit nor the cases of that unit.

    Parameters
    ----------
    rows
        One row a case: ``outcome`` (0 or 1), ``unit`` and the columns.
    outcome, unit
        Names of columns.
    columns
        What was known at creation: names, not numbers.
    folds
        The units are cut into so many parts of about the same number of cases.

    Examples
    --------
    >>> rows = pd.DataFrame({"hit": [0, 1] * 300, "team": ["a", "b", "c"] * 200, "kind": ["x"] * 300 + ["y"] * 300})
    >>> expect_outcomes(rows, "hit", "team", ["kind"]).chance.round(1).tolist()[:2]
    [0.5, 0.5]
    """
    y = rows[outcome].to_numpy(dtype=float)
    coded = {name: codes for name in columns if (codes := _code(rows[name])) is not None}
    fold = _fold_of_unit(rows[unit], coded, folds)
    doubt: dict[str, float] = {}
    chance, seen = np.zeros(len(rows)), np.zeros(len(rows))
    for number in np.unique(fold):
        mine, rest = fold == number, fold != number
        units = rows.loc[mine, unit]
        if not rest.any() or not coded or y[rest].min() == y[rest].max():
            flat = _flat(y[rest] if rest.any() else y)
            chance[mine], seen[mine] = flat, float(rest.any())
            doubt |= {
                str(name): n**2 * flat * (1 - flat) / max(rest.sum(), 1) for name, n in units.value_counts().items()
            }
            continue
        chance[mine], seen[mine], found = _fit_and_predict(coded, y, rest, mine, units)
        doubt |= found
    return ExpectedOutcomes(_align(chance, y), pd.Series(doubt, dtype="float64"), seen > 0, tuple(coded))


def _flat(y: Floats) -> float:
    return float(np.clip(y.mean(), 0.5 / (len(y) + 1), 1 - 0.5 / (len(y) + 1)))


def _fold_of_unit(units: pd.Series, coded: dict[str, Ints], folds: int) -> Ints:
    """Deal the units to folds, so that those with the same kind of work come to different ones.

    Where all units of a team were judged by a model of the other teams, nothing would be known of their work: units are
    dealt one by one in the order of what tells them apart most.
    """
    names = pd.Index(sorted(units.unique()))
    place = names.get_indexer(pd.Index(units))
    size = np.bincount(place, minlength=len(names))
    order = np.lexsort((names.to_numpy(dtype=str), -size))
    if coded:
        usual = {name: _usual_values(place, codes, len(names)) for name, codes in coded.items()}
        name = max(usual, key=lambda n: (usual[n][1] - np.bincount(coded[n]).max() / len(place)) * (usual[n][2] > 1))
        order = np.lexsort((names.to_numpy(dtype=str), -size, usual[name][0]))
    fold = np.empty(len(names), dtype=int)
    fold[order] = np.arange(len(names)) % min(folds, len(names))
    return np.asarray(fold[place], dtype=int)


def _usual_values(place: Ints, codes: Ints, count: int) -> tuple[Ints, float, int]:
    """Return the commonest value of each unit, the share of rows that have it, and how many such values there are."""
    table = np.bincount(place * (codes.max() + 1) + codes, minlength=count * (codes.max() + 1)).reshape(count, -1)
    usual = table.argmax(axis=1)
    return usual, float(table.max(axis=1).sum() / len(place)), len(np.unique(usual))


def _code(values: pd.Series) -> Ints | None:
    """Number the values of a column, the rare ones together; nothing where it tells nothing or has too many."""
    text = values.astype("str").fillna("(missing)")
    counts = text.value_counts()
    common = counts.index[counts >= MIN_CASES_OF_VALUE].sort_values()
    if len(common) > MAX_VALUES or len(counts) < 2 or not len(common):
        return None
    return np.asarray(common.get_indexer(pd.Index(text)) + 1, dtype=int)


def _fit_and_predict(
    coded: dict[str, Ints], y: Floats, rest: Bools, mine: Bools, units: pd.Series
) -> tuple[Floats, Bools, dict[str, float]]:
    """Fit a logistic regression to the kinds of cases of the others; kinds that they lack count as average.

    How far the sum of the chances of a unit may be off follows from the curvature of the fit (the delta method): a unit
    whose work only one other shares is judged by little.
    """
    from scipy.sparse import csr_matrix, hstack
    from sklearn.linear_model import LogisticRegression

    blocks, known = [], np.ones(mine.sum(), dtype=bool)
    for codes in coded.values():
        held = np.bincount(codes[rest], minlength=codes.max() + 1) > 0
        column = np.where(held, np.cumsum(held) - 1, -1)[codes]
        there = np.flatnonzero(column >= 0)
        blocks.append(csr_matrix((np.ones(len(there)), (there, column[there])), shape=(len(codes), int(held.sum()))))
        known &= column[mine] >= 0
    matrix = hstack(blocks).tocsr()
    model = LogisticRegression(C=PENALTY, max_iter=300).fit(matrix[rest], y[rest])
    full = hstack([matrix, csr_matrix(np.ones((len(y), 1)))]).tocsr()
    p = model.predict_proba(matrix)[:, 1]
    weight = p * (1 - p)
    curve = np.asarray((full[rest].T @ full[rest].multiply(weight[rest][:, None])).todense(), dtype=float)
    curve += np.diag([1 / PENALTY] * matrix.shape[1] + [1e-9])
    names, place = np.unique(units.to_numpy(dtype=str), return_inverse=True)
    sums = csr_matrix((weight[mine], (place, np.arange(len(place)))), shape=(len(names), len(place))) @ full[mine]
    slope = np.asarray(sums.todense(), dtype=float)
    doubt = (slope * np.linalg.solve(curve, slope.T).T).sum(axis=1)
    return np.asarray(p[mine], dtype=float), known, dict(zip(names, doubt, strict=True))


def _align(chance: Floats, y: Floats) -> Floats:
    """Move all chances alike, on the logit scale, until they sum to what was observed."""
    if y.min() == y.max():
        return np.full(len(y), float(y.mean()))
    logit, shift = np.log(chance / (1 - chance)), 0.0
    for _ in range(20):
        p = 1 / (1 + np.exp(-(logit + shift)))
        step = (y.sum() - p.sum()) / (p * (1 - p)).sum()
        shift += float(step)
        if abs(step) < 1e-10:
            break
    return np.asarray(1 / (1 + np.exp(-(logit + shift))), dtype=float)
