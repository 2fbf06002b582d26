"""What kind of KPI a history holds, and what its series are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError
from ...features.frames import name_columns
from ...features.kpis.catalogue import find_kpi
from ...features.kpis.cells import CUT_COLUMN, KPI_MEASURES, find_segments
from .panel import numbers_of
from .tail_probability import KpiKind

KnownDays = Mapping[Any, str] | Iterable[Any]

#: Columns of a KPI history that are no segments.
MEASURE_COLUMNS = ("kpi", "ds", *KPI_MEASURES, CUT_COLUMN)
#: A change of a duration by less is not worth a word.
MIN_DURATION_CHANGE_S = 30.0
#: Periods whose values tell the kind of a KPI that is not in the catalogue: later ones change nothing.
KIND_SAMPLE_PERIODS = 21


def infer_kpi_kind(kpi: str, history: pd.DataFrame) -> KpiKind:
    """Return the kind of a KPI from the catalogue, or from the first values of one that is not in it.

    Parameters
    ----------
    kpi
        Name of the KPI.
    history
        Its rows. What comes after the first weeks does not change the answer.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=2)
    >>> shares = pd.DataFrame({"ds": days, "value": [0.5, 1.0], "n": [4.0, 2.0], "numerator": [2.0, 2.0]})
    >>> infer_kpi_kind("on_time", shares)
    'share'
    """
    if entry := find_kpi(kpi):
        return entry.kind
    first = history[history["value"].notna()].sort_values("ds", kind="stable")
    first = first[first["ds"].isin(first["ds"].unique()[:KIND_SAMPLE_PERIODS])]
    seen = numbers_of(first["value"])
    if "numerator" in first and "n" in first and len(seen) and seen.min() >= 0 and seen.max() <= 1:
        hits, n = numbers_of(first["numerator"]), numbers_of(first["n"])
        if not np.isnan(hits).all() and np.nanmax(np.abs(hits - seen * n)) < 1e-6 * max(1.0, float(np.nanmax(n))):
            return "share"
    if "median" in first and first["median"].notna().any() and len(seen) and seen.min() >= 0:
        return "duration"
    return count_or_score(seen)


def count_or_score(seen: Floats) -> KpiKind:
    """Take values that are whole and not negative for counts.

    >>> count_or_score(np.array([1.0, 3.0])), count_or_score(np.array([1.5]))
    ('count', 'score')
    """
    return "count" if len(seen) and seen.min() >= 0 and (seen == np.round(seen)).all() else "score"


def segment_names(history: pd.DataFrame) -> pd.Series:
    """Return the name of the series of each row: its segment values joined by "/", "all" without segments.

    Segments hold names; see :func:`deskcast.features.kpis.cells.find_segments`.

    >>> segment_names(pd.DataFrame({"kpi": ["a"], "channel": ["web"], "region": ["N"], "ds": [0], "value": [1]})).tolist()
    ['web/N']
    """  # noqa: E501 - an example in one line
    segments = find_segments(history)
    if not segments:
        return pd.Series("all", index=history.index, dtype="str")
    name, *rest = (history[column].astype("str").fillna("(missing)") for column in segments)
    for more in rest:
        name = name + "/" + more
    return name.astype("str")


def select_known_columns(history: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return a KPI history without columns that are neither measures nor segments, and what was taken for what.

    Parameters
    ----------
    history
        ``kpi``, segments, ``ds``, ``value`` and further measures.

    Returns
    -------
    history
        A view of the columns that are used.
    attrs
        ``segments``, and ``passed_over``: the columns that a warning names.

    Examples
    --------
    >>> rows = pd.DataFrame({"kpi": ["a"], "channel": ["web"], "ds": [pd.Timestamp("2024-03-01")], "value": [1.0]})
    >>> select_known_columns(rows)[1]
    {'segments': ('channel',), 'passed_over': ()}
    """
    if history["kpi"].isna().any():
        row = int(history["kpi"].isna().to_numpy().argmax()) + 1
        raise InputError("the name of the KPI is missing", where="history", column="kpi", row=row, code="value.missing")
    segments = find_segments(history)
    kept = [c for c in history.columns if c in segments or c in MEASURE_COLUMNS]
    hint = "segments are text: convert a column to split by it"
    return history[kept], name_columns(history, segments, MEASURE_COLUMNS, "history", hint)
