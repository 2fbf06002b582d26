"""Which combination of segments moved a KPI: few drivers that do not overlap, found by a search over dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Floats
from ...features.case_log.log import CaseLog
from ...features.errors import InputError
from ...features.renamed import with_old_attributes
from ..series.kpi_kinds import infer_kpi_kind
from ..series.panel import check_columns, numbers_of
from .attribution import DayRange, days_of, sum_by_segment

COMBINATION_COLUMNS = ("segment", "depth", "before", "after", "n_before", "n_after", "contribution", "part", "evidence")
_CELL_COLUMNS = ("n_before", "n_after", "numerator_before", "numerator_after")
_MIN_EVIDENCE = 6.0  # log of the odds against chance
_EVIDENCE_PER_COLUMN = 2.0  # what one column more must add
_MIN_CHANGE_SHARE = 0.1


def explain_combinations(
    log: CaseLog,
    kpi: str,
    before: DayRange,
    after: DayRange,
    by: Sequence[str],
    *,
    depth: int = 2,
    min_support: float = 0.01,
    top: int = 3,
) -> pd.DataFrame:
    """Search the combinations of segments for the few that moved a KPI between two spans of days.

    Parameters
    ----------
    log
        The case log.
    kpi
        A KPI of the catalogue.
    before, after
        First and last day of each span, both included.
    by
        Columns of the cases to combine.
    depth
        Largest number of columns in a combination.
    min_support
        Least share of the cases of the KPI that a combination must hold, on either side.
    top
        Largest number of combinations.

    Returns
    -------
    DataFrame
        What :func:`search_combinations` returns. Counts are per day.

    Raises
    ------
    InputError
        If the KPI or a column is unknown, or a side has no cases.

    Examples
    --------
    >>> stamps = ["2024-03-01T09:00Z"] * 40 + ["2024-03-02T09:00Z"] * 80
    >>> cases = pd.DataFrame({"case_id": [f"c{i:03d}" for i in range(120)], "created_at": stamps})
    >>> cases["channel"] = ["web", "chat"] * 40 + ["web"] * 40
    >>> cases["region"] = ["north"] * 20 + ["south"] * 20 + ["north"] * 20 + ["south"] * 20 + ["south"] * 40
    >>> log = CaseLog.from_frames(cases=cases, until="2024-03-03T00:00Z")
    >>> days = ("2024-03-01", "2024-03-01"), ("2024-03-02", "2024-03-02")
    >>> explain_combinations(log, "cases_opened", *days, ["channel", "region"])["segment"].tolist()
    ['channel web, region south']
    """
    from ...features.kpis.kpi_history import kpi_history

    columns = list(dict.fromkeys(by))
    if not columns:
        raise InputError(
            "at least one column is needed", where="argument 'by'", wanted="such as ['channel']", code="column.missing"
        )
    history = kpi_history(log, kpi, by=columns, freq="D")
    kind = infer_kpi_kind(kpi, history)
    sides = []
    for name, span in (("before", before), ("after", after)):
        days = days_of(span, name)
        part = sum_by_segment(history[history["ds"].isin(days)], columns, kind, len(days))
        sides.append(part.rename(columns={"n": f"n_{name}", "numerator": f"numerator_{name}"}))
    cells = sides[0].merge(sides[1], on=columns, how="outer").fillna(dict.fromkeys(_CELL_COLUMNS, 0.0))
    lengths = [len(days_of(span, name)) for name, span in (("before", before), ("after", after))]
    weight = lengths if kind == "count" else [1, 1]
    found = search_combinations(
        cells,
        columns,
        count=kind in ("count", "stock"),
        depth=depth,
        min_support=min_support,
        top=top,
        days=(weight[0], weight[1]),
        spread=None if kind == "share" else estimate_case_sd(history, kind),
    )
    found.attrs |= {"unit": kind}
    return found


def search_combinations(
    cells: pd.DataFrame,
    by: Sequence[str],
    *,
    count: bool,
    depth: int = 2,
    min_support: float = 0.01,
    top: int = 3,
    days: tuple[float, float] = (1, 1),
    spread: float | None = None,
) -> pd.DataFrame:
    """Search cells for the few combinations whose own change differs most from that of the rest.

    The strongest is taken out, and what is left is searched again: drivers never overlap. A combination of more
    columns must beat those of fewer by more than chance and the larger choice allow.

    Parameters
    ----------
    cells
        One row a combination of values of ``by``: ``n_before``, ``n_after`` (for counts: the sums), and for shares and
        means ``numerator_before``, ``numerator_after``.
    by
        Columns to combine.
    count
        Whether the sums themselves are explained.
    days
        Days of each side, where the sums are per day.
    spread
        Standard deviation of a single case, for means; shares know theirs.

    Returns
    -------
    DataFrame
        ``segment`` (in words), ``depth``, ``before``, ``after``, ``n_before``, ``n_after``, ``contribution`` (to the change of
        the total; of shares and means: change of the segment times its weight), ``part`` (of the change of the
        total; negative where it went against it), ``evidence`` (log likelihood ratio), the strongest first. ``attrs["change"]`` is the change of the total.

    Raises
    ------
    InputError
        If a column is missing or a side has no cases.

    Examples
    --------
    >>> cells = pd.DataFrame({"product": ["TV", "TV", "Net", "Net"], "region": ["N", "S", "N", "S"]})
    >>> cells = cells.assign(n_before=[100, 100, 100, 100], n_after=[100, 220, 100, 100])
    >>> search_combinations(cells, ["product", "region"], count=True)[["segment", "contribution"]].values.tolist()
    [['product TV, region S', 120.0]]
    """  # noqa: E501
    check_columns(cells, (*by, "n_before", "n_after", *(() if count else _CELL_COLUMNS[2:])), "cells")
    rest = cells.reset_index(drop=True).astype(dict.fromkeys(by, "category"))  # grouped and compared by code
    totals = rest[["n_before", "n_after"]].sum()
    if not count and not (totals > 0).all():
        raise InputError(
            "no cases to compare", where="argument 'cells'", column="n_before, n_after", code="labels.none"
        )
    change = _level(rest, count)[1] - _level(rest, count)[0]
    rows: list[dict[str, Any]] = []
    while len(rows) < top and len(rest):
        best = _strongest(rest, list(by), count, depth, min_support, totals, days, spread, change)
        if best is None:
            break
        inside, row = best
        rows.append(row)
        rest = rest[~inside].reset_index(drop=True)
    out = pd.DataFrame(rows, columns=list(COMBINATION_COLUMNS)).astype({"segment": "str"})
    words = [
        f"{segment} ({part:.0%} of the change)" if part > 0 else f"{segment} (against the change)"
        for segment, part in zip(out["segment"], out["part"].astype(float), strict=True)
    ]
    said = "; ".join(words) or "spread evenly over the segments"
    out.attrs = with_old_attributes({"change": change, "summary": said}, "explain_change")
    return out


def _strongest(
    rest: pd.DataFrame,
    by: list[str],
    count: bool,
    depth: int,
    support: float,
    totals: pd.Series,
    days: tuple[float, float],
    spread: float | None,
    change: float,
) -> tuple[npt.NDArray[np.bool_], dict[str, Any]] | None:
    best: tuple[float, npt.NDArray[np.bool_], dict[str, Any]] | None = None
    sums = [c for c in _CELL_COLUMNS if c in rest]
    whole = rest[sums].sum()
    for size in range(1, min(depth, len(by)) + 1):
        for columns in combinations(by, size):
            every, own = _sum_cells(rest, columns, sums)
            share = np.maximum(own["n_before"] / max(totals["n_before"], 1e-12), own["n_after"] / totals["n_after"])
            for place in np.flatnonzero(share >= support):
                names, cell = every[place], {name: float(values[place]) for name, values in own.items()}
                evidence = _evidence(cell, whole, count, days, spread)
                merit = evidence - _EVIDENCE_PER_COLUMN * (size - 1)
                if evidence < _MIN_EVIDENCE or (best and merit <= best[0] + 1e-9):
                    continue
                contribution = _contribution(cell, totals, count)
                if abs(contribution) < _MIN_CHANGE_SHARE * abs(change) or not contribution:
                    continue
                inside = np.logical_and.reduce([(rest[c] == v).to_numpy() for c, v in zip(columns, names, strict=True)])
                level = _level(pd.DataFrame([cell]), count)
                row = {"segment": ", ".join(f"{c} {v}" for c, v in zip(columns, names, strict=True)), "depth": size}
                row |= {"before": level[0], "after": level[1], "n_before": cell["n_before"], "n_after": cell["n_after"]}
                row |= {
                    "contribution": contribution,
                    "part": contribution / change if change else np.nan,
                    "evidence": evidence,
                }
                best = merit, inside, row
    return best[1:] if best else None


def _sum_cells(
    rest: pd.DataFrame, columns: Sequence[str], sums: Sequence[str]
) -> tuple[list[tuple[Any, ...]], dict[str, Floats]]:
    """Return the combinations of values in order, and their sums; cells without one of the values are left out."""
    known = [rest[c].cat for c in columns]
    inside = np.logical_and.reduce([k.codes.to_numpy() >= 0 for k in known])
    codes = [k.codes.to_numpy()[inside].astype(np.int64) for k in known]
    key = np.zeros(int(inside.sum()), dtype=np.int64)
    for code, k in zip(codes, known, strict=True):  # only those that occur are numbered: all could be far too many
        key = pd.factorize(key * len(k.categories) + code, sort=True)[0]
    first = np.unique(key, return_index=True)[1]
    names = list(zip(*(k.categories[code[first]] for k, code in zip(known, codes, strict=True)), strict=True))
    weights = {name: rest[name].to_numpy(dtype=float)[inside] for name in sums}
    return names, {name: np.asarray(np.bincount(key, values), dtype=float) for name, values in weights.items()}


def _evidence(
    cell: dict[Any, float], whole: pd.Series, count: bool, days: tuple[float, float], spread: float | None
) -> float:
    """Return the log likelihood ratio of "changed by itself" against "changed like the rest"."""
    if count:
        own = cell["n_before"] * days[0], cell["n_after"] * days[1]
        others = whole["n_before"] * days[0] - own[0], whole["n_after"] * days[1] - own[1]
        if min(others) <= 0:
            return 0.0 if max(others) <= 0 else _binomial(own, (others[0] + 0.5, others[1] + 0.5))
        return _binomial(own, others)
    n = np.array([cell["n_before"], cell["n_after"]])
    m = np.array([whole["n_before"], whole["n_after"]]) - n
    if min(n) <= 0:
        return 0.0
    hits = np.array([cell["numerator_before"], cell["numerator_after"]])
    mean = hits / n
    pooled = (whole["numerator_before"] + whole["numerator_after"]) / (whole["n_before"] + whole["n_after"])
    variance = max(pooled * (1 - pooled), 1e-9) if spread is None else spread**2
    other, noise = 0.0, 1 / n.sum() * 0
    if min(m) > 0:
        rates = (np.array([whole["numerator_before"], whole["numerator_after"]]) - hits) / m
        other, noise = float(rates[1] - rates[0]), float((1 / m).sum())
    z = (mean[1] - mean[0] - other) / np.sqrt(variance * ((1 / n).sum() + noise))
    return float(z**2 / 2)


def _binomial(own: tuple[float, float], others: tuple[float, float]) -> float:
    """Return the log likelihood ratio of the cell's split over the two sides against that of the others."""
    together = own[1] + others[1], own[0] + own[1] + others[0] + others[1]
    total = 0.0
    for part in (own, others):
        size = part[0] + part[1]
        for seen, expected in (
            (part[1], size * together[0] / together[1]),
            (part[0], size * (1 - together[0] / together[1])),
        ):
            if seen > 0 and expected > 0:
                total += seen * np.log(seen / expected)
    return float(total)


def _contribution(cell: dict[Any, float], totals: pd.Series, count: bool) -> float:
    if count:
        return cell["n_after"] - cell["n_before"]
    if min(cell["n_before"], cell["n_after"]) <= 0:
        return 0.0
    weight = (cell["n_before"] / totals["n_before"] + cell["n_after"] / totals["n_after"]) / 2
    return float(weight * (cell["numerator_after"] / cell["n_after"] - cell["numerator_before"] / cell["n_before"]))


def _level(cells: pd.DataFrame, count: bool) -> tuple[float, float]:
    if count:
        return float(cells["n_before"].sum()), float(cells["n_after"].sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        sides = [np.float64(cells[f"numerator_{s}"].sum()) / cells[f"n_{s}"].sum() for s in ("before", "after")]
    return float(sides[0]), float(sides[1])


def estimate_case_sd(history: pd.DataFrame, kind: str) -> float:
    """Return the standard deviation of a single case, from how the means of the cells stray from day to day."""
    value = history["mean"] if kind == "duration" and "mean" in history else history["value"]
    x, n = numbers_of(value), numbers_of(history["n"])
    use = np.isfinite(x) & (n > 0)
    if use.sum() < 3:
        return 1.0
    middle = np.average(x[use], weights=n[use])
    return float(np.sqrt(max(np.average((x[use] - middle) ** 2 * n[use]), 1e-12)))
