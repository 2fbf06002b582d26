"""What the customers of a segment lately said: its track record as a feature, instead of its name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..features.calendars import to_micros
from ..features.errors import InputError, did_you_mean
from ..features.tally import codes, tally
from .calibration import FloatArray

#: Labels known in so many days count, and the share of a segment is drawn to that of all as by so many labels.
DAYS, STRENGTH = 56, 15.0
#: With fewer labels of all segments together nothing is said.
FEWEST = 20
_US_A_DAY = 86_400_000_000


def column_of(segment: str) -> str:
    """Return the name of the feature of a segment.

    >>> column_of("account")
    'attr_share dissatisfied lately of its account'
    """
    return f"attr_share dissatisfied lately of its {segment.removeprefix('attr_')}"


def track_record(snapshots: pd.DataFrame, labels: pd.DataFrame, segments: Sequence[str]) -> pd.DataFrame:
    """Return the known labels of cases with their segments.

    Parameters
    ----------
    snapshots
        ``case_id`` and a column for each segment.
    labels
        ``case_id, label, known_at``.
    segments
        Names of the columns.

    Returns
    -------
    Columns ``label`` (0 or 1), ``known_at`` and the segments, one row a case with a label, by known_at and case_id.

    Raises
    ------
    InputError
        If a segment is not a column of the snapshots.
    """
    for name in segments:
        if name not in snapshots.columns:
            hint = did_you_mean(name, tuple(map(str, snapshots.columns))) or "case_rows(..., segments=(...)) adds it"
            raise InputError("the column is missing", where="snapshots", column=name, hint=hint)
    known = labels.loc[labels["label"].notna() & labels["known_at"].notna(), ["case_id", "label", "known_at"]]
    places = snapshots[["case_id", *segments]].drop_duplicates("case_id", keep="last")
    out = known.merge(places, on="case_id").sort_values(["known_at", "case_id"], ignore_index=True)
    return out.assign(label=out["label"].astype("int64"))[["label", "known_at", *segments]]


def add_lately(snapshots: pd.DataFrame, record: pd.DataFrame, segments: Sequence[str]) -> pd.DataFrame:
    """Add for each segment the share of dissatisfied answers that became known in the 56 days before each snapshot.

    Parameters
    ----------
    snapshots
        ``at`` and a column for each segment.
    record
        From :func:`track_record`. What became known after a snapshot is not seen by it.
    segments
        Names of the columns.

    Returns
    -------
    The snapshots with one more feature for each segment, missing where next to nothing was known of any segment.

    Examples
    --------
    >>> day = pd.Timestamp("2024-03-01T00:00Z")
    >>> record = pd.DataFrame({"label": [1] * 15 + [0] * 15, "known_at": day, "account": ["A"] * 15 + ["B"] * 15})
    >>> rows = pd.DataFrame({"at": [day - pd.Timedelta("1D")] + [day] * 3, "account": ["A", "A", "B", "new"]})
    >>> add_lately(rows, record, ["account"])[column_of("account")].tolist()
    [nan, 0.75, 0.25, 0.5]
    """
    if not segments:
        return snapshots
    when = to_micros(snapshots["at"], "at")
    known, label = to_micros(record["known_at"], "known_at"), record["label"].to_numpy(dtype=np.int64)
    since = when - DAYS * _US_A_DAY

    def counts(of: np.ndarray, asked: np.ndarray) -> tuple[FloatArray, FloatArray]:
        there = of >= 0
        mine = of[there], known[there], asked
        n = tally(*mine, when) - tally(*mine, since)
        hits = tally(*mine, when, label[there]) - tally(*mine, since, label[there])
        return n.astype(np.float64), hits.astype(np.float64)

    n, hits = counts(np.zeros(len(record), dtype=np.int64), np.zeros(len(when), dtype=np.int64))
    desk = np.where(n >= FEWEST, hits / np.maximum(n, 1.0), np.nan)
    out = snapshots.copy()
    for name in segments:
        if name not in out.columns:
            raise InputError("the model was trained with this column and it has vanished", column=name)
        of, asked = codes(record[name], out[name])
        n, hits = counts(of, asked)
        out[column_of(name)] = (hits + STRENGTH * desk) / (n + STRENGTH)
    return out
