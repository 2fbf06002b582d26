"""Labels as they are given: a frame by case with the instant at which each was known, or one value a snapshot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...features.errors import InputError
from .input_schema import read_instants

#: Outcomes that come without an instant are known so long after the last snapshot.
KNOWN_AFTER = pd.Timedelta(seconds=1)


def read_labels(labels: Any, snapshots: pd.DataFrame, as_of: object = None) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Return labels by case, and the instant until which they are seen.

    Parameters
    ----------
    labels
        ``case_id, label, known_at`` and, where snapshots are of a metric, ``metric``; or one value a snapshot (true,
        false, 1, 0 or missing), shape (n,): nothing says when it was known, so it is at the end.
    snapshots
        ``case_id, at``, n rows.
    as_of
        The instant; the last snapshot by default.

    Raises
    ------
    InputError
        If a label is neither true nor false, there is not one for each snapshot, or an instant has no zone.

    Examples
    --------
    >>> snapshots = pd.DataFrame({"case_id": ["a"], "at": [pd.Timestamp("2024-03-01T08:00Z")]})
    >>> labels, end = read_labels([1], snapshots)
    >>> labels["label"].tolist(), str(labels["known_at"].item())
    ([True], '2024-03-01 08:00:01+00:00')
    """
    if labels is None:
        raise InputError("fit requires y to be passed, but the target y is None", where="labels", code="value.range")
    last = pd.Timestamp(snapshots["at"].max())
    end = last if as_of is None else to_utc_instant(as_of)
    if isinstance(labels, pd.DataFrame):
        read = read_instants(labels, "labels")
        return (read.assign(label=_outcomes(read["label"])) if "label" in read else read), end
    end = last + KNOWN_AFTER if as_of is None else end
    keys = [name for name in ("case_id", "metric") if name in snapshots]
    rows = snapshots[keys].assign(label=labels_of_rows(snapshots, labels).array).drop_duplicates(ignore_index=True)
    known = pd.Series(end, index=rows.index, dtype="datetime64[us, UTC]").where(rows["label"].notna())
    return rows.assign(known_at=known), end


def labels_of_rows(snapshots: pd.DataFrame, labels: Any) -> pd.Series:
    """Return the label of each snapshot, missing where it is not known, from either form of labels.

    >>> snapshots = pd.DataFrame({"case_id": ["a", "b"]})
    >>> labels_of_rows(snapshots, pd.DataFrame({"case_id": ["b"], "label": [True]})).tolist()
    [<NA>, True]
    """
    if isinstance(labels, pd.DataFrame):
        mine = labels
        if {"metric"} <= set(labels.columns) & set(snapshots.columns):
            mine = labels[labels["metric"].isin(snapshots["metric"].unique())]
        found = _outcomes(mine["label"]).set_axis(mine["case_id"]).reindex(snapshots["case_id"])
        return found.set_axis(snapshots.index)
    values = np.asarray(labels)
    if values.shape != (len(snapshots),):
        wanted = f"a frame with case_id, label, known_at, or {len(snapshots):,} values"
        raise InputError(
            "there must be a label for each snapshot",
            where="labels",
            got=str(values.shape),
            wanted=wanted,
            code="value.range",
        )
    return _outcomes(pd.Series(values, index=snapshots.index))


def to_utc_instant(value: object) -> pd.Timestamp:
    """Return an instant that has a zone, in UTC.

    >>> to_utc_instant("2024-03-01T08:00+01:00").hour
    7
    """
    try:
        at = value if isinstance(value, pd.Timestamp) else pd.Timestamp(str(value))
    except ValueError as error:
        wanted = "such as 2024-03-01T08:00Z"
        raise InputError(
            "not a valid instant", column="as_of", got=value, wanted=wanted, code="time.unreadable"
        ) from error
    if pd.isna(at) or at.tzinfo is None:
        raise InputError(
            "an instant needs its zone",
            column="as_of",
            got=str(value),
            wanted="such as 2024-03-01T08:00Z",
            code="time.zone",
        )
    return at.tz_convert("UTC")


def _outcomes(values: pd.Series) -> pd.Series:
    if str(values.dtype) in ("bool", "boolean"):
        return values.astype("boolean")
    missing = values.isna()
    wrong = ~missing & ~values.map(lambda v: not isinstance(v, str) and v in (0, 1)).astype(bool)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        wanted = "true, false, 1 or 0 (missing where it is not known)"
        got = str(values.iloc[row])
        problem = "Only binary classification is supported, and this is neither true nor false"
        raise InputError(
            problem, where="labels", column="label", row=row + 1, got=got, wanted=wanted, code="value.range"
        )
    known = values.where(~missing, 0).astype(bool).astype("boolean")
    return known.mask(missing)
