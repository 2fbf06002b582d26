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


@dataclass(frozen=True)
class ExpectedOutcomes:
    """Chances of cases.

    Attributes
    ----------
    chance
        Of each row, from the cases of other units.
    others
        Number of rows that the model of each row was fitted on.
    seen
        Which rows are of kinds that other units have too: each of their values is found there.
    columns
        What the model knew.
    """

    chance: Floats
    others: Floats
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
    chance, others, seen = (np.zeros(len(rows)) for _ in range(3))
    for number in np.unique(fold):
        mine, rest = fold == number, fold != number
        others[mine] = rest.sum()
        if not rest.any() or not coded or y[rest].min() == y[rest].max():
            chance[mine], seen[mine] = _flat(y[rest] if rest.any() else y), float(rest.any())
            continue
        chance[mine], seen[mine] = _fit_and_predict(coded, y, rest, mine)
    return ExpectedOutcomes(_align(chance, y), others, seen > 0, tuple(coded))


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


def _fit_and_predict(coded: dict[str, Ints], y: Floats, rest: Bools, mine: Bools) -> tuple[Floats, Bools]:
    """Fit a logistic regression to the kinds of cases of the others; kinds that they lack count as average."""
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
    model = LogisticRegression(C=1.0, max_iter=300).fit(matrix[rest], y[rest])
    return np.asarray(model.predict_proba(matrix[mine])[:, 1], dtype=float), known


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
