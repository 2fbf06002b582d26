"""The change of a total, split over segments into mix and rate that add up to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError
from ..series.panel import check_columns


def split_change(before: pd.DataFrame, after: pd.DataFrame, segment: str = "value") -> pd.DataFrame:
    """Split the change of a share or a mean over segments into mix and rate, which add up to it exactly.

    Parameters
    ----------
    before, after
        One row a segment: the segment's name in the column ``segment``, ``n`` (cases) and ``numerator`` (hits, or the
        sum of what is averaged). A segment may be missing on one side.
    segment
        Column that names the segments.

    Returns
    -------
    DataFrame
        ``value`` (segment), ``before`` and ``after`` (its share or mean; missing without cases), ``n_before``,
        ``n_after``, ``mix`` (cases moved to a segment that lies above or below the average), ``rate`` (the segment itself
        changed), ``contribution`` (their sum), the largest first. All contributions add up to the change of the total.

    Raises
    ------
    InputError
        If a column is missing, a segment comes twice, or a side has no cases.

    Notes
    -----
    Midpoint form of the Kitagawa decomposition (1955): ``rate = mean weight x change of rate``, ``mix = change of
    weight x (mean rate of the segment - mean rate of the total)``. A segment with cases on one side only has no rate
    effect.

    Examples
    --------
    Every segment improved, and the total fell, because work moved to the harder one (Simpson's paradox):

    >>> before = pd.DataFrame({"value": ["easy", "hard"], "n": [90, 10], "numerator": [81, 3]})
    >>> after = pd.DataFrame({"value": ["easy", "hard"], "n": [10, 90], "numerator": [10, 36]})
    >>> change = split_change(before, after)
    >>> change[["value", "mix", "rate", "contribution"]].round(3).values.tolist()
    [['easy', -0.24, 0.05, -0.19], ['hard', -0.24, 0.05, -0.19]]
    """  # noqa: E501
    names, n, hits = _sides(before, after, segment)
    totals = n.sum(axis=0)
    for side, total in zip(("before", "after"), totals, strict=True):
        if not total > 0:
            raise InputError("no cases to compare", where=f"argument '{side}'", column="n", code="labels.none")
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where(n > 0, hits / n, np.nan)
    weight, overall = n / totals, hits.sum(axis=0) / totals
    both = np.isfinite(rate).all(axis=1)
    with np.errstate(invalid="ignore"):
        own = np.where(both, weight.mean(axis=1) * (rate[:, 1] - rate[:, 0]), 0.0)
    middle = np.nansum(rate, axis=1) / np.maximum(np.isfinite(rate).sum(axis=1), 1)
    mix = (weight[:, 1] - weight[:, 0]) * (middle - overall.mean())
    return _table(names, rate, n, mix, own)


def split_count(before: pd.DataFrame, after: pd.DataFrame, segment: str = "value") -> pd.DataFrame:
    """Split the change of a sum over segments.

    Parameters
    ----------
    before, after
        One row a segment: its name in the column ``segment``, and ``n``, a count or a count per day.
    segment
        Column that names the segments.

    Returns
    -------
    DataFrame
        As :func:`split_change`; ``before`` and ``after`` are ``n``, ``mix`` is 0 and ``rate`` the change.

    Examples
    --------
    >>> before = pd.DataFrame({"value": ["chat", "web"], "n": [10, 20]})
    >>> after = pd.DataFrame({"value": ["chat", "web"], "n": [40, 18]})
    >>> split_count(before, after)[["value", "contribution"]].values.tolist()
    [['chat', 30.0], ['web', -2.0]]
    """
    names, n, _ = _sides(before, after, segment, count=True)
    return _table(names, n, n, np.zeros(len(n)), n[:, 1] - n[:, 0])


def format_change(change: pd.DataFrame) -> str:
    """Describe in one sentence what moved a total, from what :func:`explain_change` or :func:`split_change` returns.

    >>> before = pd.DataFrame({"value": ["easy", "hard"], "n": [90, 10], "numerator": [81, 3]})
    >>> after = pd.DataFrame({"value": ["easy", "hard"], "n": [10, 90], "numerator": [10, 36]})
    >>> format_change(split_change(before, after))
    'The total fell by 0.38 although every segment rose: the mix moved (mix -0.48, segments themselves +0.1).'
    """
    total, mix, rate = (float(change[c].sum()) for c in ("contribution", "mix", "rate"))
    parts = f"mix {mix:+.3g}, segments themselves {rate:+.3g}"
    way = int(np.sign(np.round(total, 12)))
    if not way:
        return f"The total did not change ({parts})."
    word = {1: "rose", -1: "fell"}
    moved = f"The total {word[way]} by {abs(total):.3g}"
    moves = np.sign((change["after"] - change["before"]).dropna().to_numpy())
    if len(moves) > 1 and (moves == -way).all():
        return f"{moved} although every segment {word[-way]}: the mix moved ({parts})."
    first = int((change["contribution"] * way).to_numpy().argmax())
    share = float(change["contribution"].iloc[first]) / total
    return f"{moved}; most of it is {change['value'].iloc[first]} ({share:.0%} of the change; {parts})."


def _sides(
    before: pd.DataFrame, after: pd.DataFrame, segment: str, count: bool = False
) -> tuple[pd.Index, Floats, Floats]:
    """Return the segments of both sides, and ``n`` and the numerators with two columns, 0 where one is missing."""
    wanted = (segment, "n") if count else (segment, "n", "numerator")
    indexed = []
    for name, frame in (("before", before), ("after", after)):
        check_columns(frame, wanted, f"argument '{name}'")
        twice = frame[segment].duplicated()
        if twice.any():
            got = frame.loc[twice, segment].iloc[0]
            raise InputError(
                "duplicate segment", where=f"argument '{name}'", column=segment, got=got, code="row.doubled"
            )
        indexed.append(frame.set_index(segment))
    names = indexed[0].index.union(indexed[1].index)
    columns = []
    for column in wanted[1:]:
        sides = [frame[column].astype(float).reindex(names, fill_value=0.0).to_numpy() for frame in indexed]
        columns.append(np.column_stack(sides).astype(np.float64))
        if not np.isfinite(columns[-1]).all() or (columns[0] < 0).any():
            raise InputError("the numbers must be finite, and n not negative", column=column, code="value.range")
    return names, columns[0], columns[-1]


def _table(names: pd.Index, values: Floats, n: Floats, mix: Floats, rate: Floats) -> pd.DataFrame:
    columns: dict[str, Any] = {"value": names.astype("str"), "before": values[:, 0], "after": values[:, 1]}
    columns |= {"n_before": n[:, 0], "n_after": n[:, 1], "mix": mix, "rate": rate, "contribution": mix + rate}
    out = pd.DataFrame(columns)
    size = np.round(np.abs(out["contribution"].to_numpy()), 12)
    return out.iloc[np.lexsort((out["value"].to_numpy(dtype=object), -size))].reset_index(drop=True)
