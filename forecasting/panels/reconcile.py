"""Forecasts that add up: bottom-up, and least squares that never goes below 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from ...features.arrays import Bools, Floats
from ...features.errors import InputError, did_you_mean
from ...features.frames import require_columns

#: How forecasts can be made to add up.
RECONCILIATION_METHODS = ("wls", "variance", "bottom_up")

#: Rounds in which leaves may change between 0 and above.
MAX_PIVOT_ROUNDS = 60


@dataclass(frozen=True)
class Hierarchy:
    """Nodes that are sums of leaves.

    Attributes
    ----------
    nodes
        One row a node: ``node`` (unique name), ``level`` (``total``, ``channel``, ...), ``unique_id`` (as the
        series are called: ``all``, ``phone``, ``phone/north``), ``leaves`` (how many). Sums first, leaves last.
    sums
        K x L; 1 where a leaf belongs to a sum.
    columns
        What the leaves are split by.
    """

    nodes: pd.DataFrame
    sums: Floats
    columns: tuple[str, ...] = ()

    @property
    def leaves(self) -> list[str]:
        """Series names of the leaves."""
        return [str(name) for name in self.nodes["unique_id"].iloc[len(self.sums) :]]


def hierarchy(leaves: Sequence[str], by: Sequence[str], groups: Sequence[Sequence[str]] | None = None) -> Hierarchy:
    """Return the nodes of a panel.

    Parameters
    ----------
    leaves
        Names of series: values of the columns ``by``, joined by ``/``.
    by
        Columns that the leaves are split by.
    groups
        Columns of each level of sums; by default all combinations of ``by``, and the total always.

    Raises
    ------
    InputError
        If a name does not have as many parts as there are columns, or a column is unknown.

    Examples
    --------
    >>> tree = hierarchy(["phone/north", "phone/south", "chat/north"], ["channel", "region"])
    >>> tree.nodes["node"].tolist()[:5]
    ['total', 'channel=chat', 'channel=phone', 'region=north', 'region=south']
    >>> tree.sums[0].tolist(), tree.sums[2].tolist(), tree.leaves
    ([1.0, 1.0, 1.0], [0.0, 1.0, 1.0], ['chat/north', 'phone/north', 'phone/south'])
    """
    columns = [by] if isinstance(by, str) else list(by)
    names = sorted({str(leaf) for leaf in leaves})
    if not names or not columns:
        raise InputError("a hierarchy needs leaves and columns", column="by", got=columns, code="column.missing")
    parts = [name.split("/") for name in names]
    for name, part in zip(names, parts, strict=True):
        if len(part) != len(columns):
            wanted = f"{len(columns)} values joined by '/': {', '.join(columns)}"
            raise InputError(
                "name does not fit the columns", column="unique_id", got=name, wanted=wanted, code="column.doubled"
            )
    if groups is None:
        groups = [chosen for size in range(1, len(columns)) for chosen in combinations(columns, size)]
    rows: list[dict[str, Any]] = [{"node": "total", "level": "total", "unique_id": "all"}]
    sums = [np.ones(len(names))]
    for group in [[g] if isinstance(g, str) else list(g) for g in groups]:
        for column in group:
            if column not in columns:
                raise InputError(
                    "unknown column",
                    column="groups",
                    got=column,
                    hint=did_you_mean(column, columns),
                    code="column.unknown",
                )
        if not group or len(group) == len(columns):
            continue
        places = [columns.index(column) for column in group]
        keys = [tuple(part[i] for i in places) for part in parts]
        for key in sorted(set(keys)):
            said = "/".join(f"{column}={value}" for column, value in zip(group, key, strict=True))
            rows.append({"node": said, "level": "/".join(group), "unique_id": "/".join(key)})
            sums.append(np.array([float(k == key) for k in keys]))
    for name, part in zip(names, parts, strict=True):
        said = "/".join(f"{column}={value}" for column, value in zip(columns, part, strict=True))
        rows.append({"node": said, "level": "/".join(columns), "unique_id": name})
    matrix = np.stack(sums)
    nodes = pd.DataFrame(rows).astype("str")
    nodes["leaves"] = [*matrix.sum(axis=1).astype(int), *[1] * len(names)]
    return Hierarchy(nodes, matrix, tuple(columns))


def reconcile_values(
    sums: Floats, leaf: Floats, above: Floats, method: str = "wls", weights: tuple[Floats, Floats] | None = None
) -> Floats:
    """Make forecasts add up; return the leaves, from which every node is the exact sum.

    ``bottom_up`` keeps the leaves. ``wls`` finds the leaves, none below 0, that are nearest to all forecasts, where a
    node's variance is taken as its number of leaves (structural scaling, Athanasopoulos and others 2017;
    Wickramasuriya, Turlach and Hyndman 2020 on why it must not go below 0). Writing the sums apart from the leaves
    leaves a system of the size of the number of sums only. A leaf that is forecast 0, such as a closed slot, stays 0.

    Parameters
    ----------
    sums
        K x L; which leaves belong to each sum.
    leaf, above
        L x C and K x C forecasts of leaves and sums, for C slots.
    method
        ``wls`` or ``bottom_up``.
    weights
        Variances of leaves (L) and sums (K) instead of structural ones.

    Examples
    --------
    >>> reconcile_values(np.ones((1, 2)), np.array([[4.0], [1.0]]), np.array([[8.0]])).ravel().tolist()
    [4.75, 1.75]
    """
    check_reconciliation_method(method)
    leaf = np.maximum(leaf, 0.0)
    if method == "bottom_up" or not len(sums):
        return leaf
    of_leaf, of_sum = weights if weights is not None else (np.ones(len(leaf)), sums.sum(axis=1))
    fixed = leaf <= 0
    found = _solve(sums, leaf, above, of_leaf, of_sum, np.ones(len(leaf), dtype=bool))
    odd = (found < 0).any(axis=0) | fixed.any(axis=0)
    for c in np.flatnonzero(odd):
        found[:, c] = _not_below_zero(sums, leaf[:, c], above[:, c], of_leaf, of_sum, fixed[:, c])
    return found


def least_squares(sums: Floats, leaf: Floats, above: Floats) -> Floats:
    """Return leaves by plain least squares, which may fall below 0: to compare with, not to use."""
    return _solve(sums, leaf, above, np.ones(len(leaf)), np.ones(len(sums)), np.ones(len(leaf), dtype=bool))


def _solve(sums: Floats, leaf: Floats, above: Floats, of_leaf: Floats, of_sum: Floats, free: Bools) -> Floats:
    """Return the free leaves nearest to all forecasts, the others 0."""
    part = sums * free
    gap = above - part @ leaf
    middle = np.diag(of_sum) + (part * of_leaf) @ part.T
    moved = (part * of_leaf).T @ np.linalg.solve(middle, gap)
    kept = free if leaf.ndim == 1 else free[:, None]
    found: Floats = np.where(kept, leaf + moved, 0.0)
    return found


def _not_below_zero(sums: Floats, leaf: Floats, above: Floats, of_leaf: Floats, of_sum: Floats, fixed: Bools) -> Floats:
    """Return the leaves of 0 or more nearest to all forecasts, by exchanging those at 0 (block pivoting)."""
    free = ~fixed
    size = max(float(np.abs(leaf).max()), float(np.abs(above).max()), 1e-300)
    for turn in range(MAX_PIVOT_ROUNDS):
        found = _solve(sums, leaf, above, of_leaf, of_sum, free)
        below = free & (found < -1e-12 * size)
        pull = (found - leaf) / of_leaf - sums.T @ ((above - sums @ found) / of_sum)
        wanted = ~free & ~fixed & (pull < -1e-9 * size / of_leaf.max())
        # late rounds only take leaves out, so that this ends
        if not below.any() and (not wanted.any() or turn >= MAX_PIVOT_ROUNDS // 2):
            break
        free = free & ~below
        if turn < MAX_PIVOT_ROUNDS // 2:
            free = free | wanted
    return np.maximum(found, 0.0)


def check_reconciliation_method(method: str) -> None:
    """Refuse an unknown way."""
    if method not in RECONCILIATION_METHODS:
        raise InputError(
            "unknown method",
            column="method",
            got=method,
            hint=did_you_mean(method, RECONCILIATION_METHODS),
            code="model.unknown",
        )


def reconcile(
    forecasts: pd.DataFrame,
    spec: Hierarchy | Sequence[str],
    method: str = "wls",
    columns: Sequence[str] = ("deskcast",),
) -> pd.DataFrame:
    """Make the forecasts of a hierarchy add up.

    Parameters
    ----------
    forecasts
        ``node`` (or ``unique_id``, where these tell the nodes apart), ``ds`` and the forecasts, of every leaf and of
        some or all sums. Quantile columns (``deskcast-lo-80``) move with their forecast; calibrated ones are made by
        :func:`deskcast.forecasting.forecast_hierarchy`.
    spec
        What :func:`hierarchy` returns, or the columns that the leaves are split by.
    method
        ``wls`` (structural, not below 0) or ``bottom_up``.
    columns
        Forecasts to reconcile, each for itself.

    Returns
    -------
    ``node``, ``level``, ``unique_id``, ``ds``, the forecasts and their quantiles for every node; sums before leaves,
    by time. Each sum is exactly the sum of its leaves, to the precision of floats.

    Raises
    ------
    InputError
        If a leaf or a column is missing, or a leaf has no forecast for a slot.

    Examples
    --------
    >>> base = pd.DataFrame({"unique_id": ["all", "chat", "phone"], "ds": pd.Timestamp("2024-03-04"),
    ...                      "deskcast": [8.0, 1.0, 4.0]})
    >>> reconcile(base, ["channel"])[["node", "deskcast"]].values.tolist()
    [['total', 6.5], ['channel=chat', 1.75], ['channel=phone', 4.75]]
    """
    check_reconciliation_method(method)
    if method == "variance":
        raise InputError(
            "past errors are needed for this",
            column="method",
            got=method,
            hint="forecast_hierarchy has them",
            code="history.short",
        )
    key = ["node"] if isinstance(forecasts, pd.DataFrame) and "node" in forecasts.columns else ["unique_id"]
    require_columns(forecasts, [*key, "ds", *columns], "forecasts")
    tree = spec if isinstance(spec, Hierarchy) else _guess(forecasts, spec)
    wide = _by_node(forecasts, tree, list(columns))
    stamps = wide[columns[0]].columns
    parts = tree.nodes.loc[tree.nodes.index.repeat(len(stamps)), ["node", "level", "unique_id"]].reset_index(drop=True)
    parts["ds"] = np.tile(stamps.to_numpy(), len(tree.nodes))
    for column in columns:
        base = wide[column].to_numpy()
        full = add_up(tree, _reconciled(tree, base, method))
        parts[column] = full.ravel()
        for edge in [str(c) for c in forecasts.columns if str(c).startswith((f"{column}-lo-", f"{column}-hi-"))]:
            moved = full + _by_node(forecasts, tree, [edge])[edge].to_numpy() - base
            parts[edge] = np.maximum(moved, 0.0).ravel()
    parts.attrs = dict(forecasts.attrs)
    return parts


def add_up(tree: Hierarchy, leaf: Floats) -> Floats:
    """Return all nodes, sums first, from the leaves."""
    return np.concatenate([tree.sums @ leaf, leaf])


def _reconciled(tree: Hierarchy, base: Floats, method: str) -> Floats:
    """Reconcile with those sums that are forecast."""
    k = len(tree.sums)
    told = ~np.isnan(base[:k]).any(axis=1)
    return reconcile_values(tree.sums[told], base[k:], base[:k][told], method)


def _guess(forecasts: pd.DataFrame, by: Sequence[str]) -> Hierarchy:
    columns = [by] if isinstance(by, str) else list(by)
    names = [str(name) for name in forecasts["unique_id"].unique()]
    if len(columns) == 1:
        return hierarchy([name for name in names if name != "all"], columns)
    return hierarchy([name for name in names if name.count("/") == len(columns) - 1], columns)


def _by_node(forecasts: pd.DataFrame, tree: Hierarchy, columns: list[str]) -> dict[str, pd.DataFrame]:
    """Return nodes by stamps for each column, in the order of the hierarchy."""
    key = "node" if "node" in forecasts.columns else "unique_id"
    names = tree.nodes[key]
    if names.duplicated().any():
        twice = str(names[names.duplicated()].iloc[0])
        hint = "give a column `node`, such as 'channel=phone'"
        raise InputError("duplicate name of a node", column="unique_id", got=twice, hint=hint, code="row.doubled")
    if forecasts.duplicated([key, "ds"]).any():
        row = int(forecasts.duplicated([key, "ds"]).to_numpy().argmax()) + 1
        raise InputError("duplicate forecast", where="forecasts", column=key, row=row, code="row.doubled")
    wide = {c: forecasts.pivot(index=key, columns="ds", values=c).reindex(names) for c in columns}
    leaf = wide[columns[0]].iloc[len(tree.sums) :]
    if leaf.isna().any(axis=None):
        name = str(leaf.index[leaf.isna().any(axis=1)][0])
        raise InputError(
            "missing forecast of a leaf in some time steps",
            where="forecasts",
            column=key,
            got=name,
            code="series.unknown",
        )
    return wide
