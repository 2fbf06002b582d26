"""How the KPIs of contacts are counted from interval reports: sums of totals, never averages of averages."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd

from ..arrays import Floats
from ..errors import InputError
from .aggregate import aggregate_count, compute_share
from .cells import SegmentedRows
from .queries import SumQuery
from .view import LogView


def has_only_volumes(desk_or_log: Any) -> bool:
    """Return whether contacts are known by counts alone."""
    log = getattr(desk_or_log, "log", desk_or_log)
    return bool(log.has("volumes") and not log.has("contacts"))


def offered(desk: LogView) -> SumQuery:
    """Sum what was offered."""
    return aggregate_count(desk.volumes, "ds", "y")


def abandonment_rate(desk: LogView) -> SumQuery:
    """Put the abandoned beside the offered of the slots that tell of both."""
    return _share(desk, "abandoned")


def service_level(desk: LogView, limit: float | None = None) -> SumQuery:
    """Put the contacts answered within the limit of the report beside the offered."""
    own = desk.log.table("volumes")
    if limit is not None:
        told = own.target_s.as_table().distinct().execute()["target_s"].dropna() if "target_s" in own.columns else []
        wanted = " or ".join(f"service_level_{t:g}s" for t in sorted(told))
        if [float(t) for t in told] != [limit]:
            raise InputError(
                "missing count of contacts answered within this limit", column="kpis", got=f"{limit:g}s",
                wanted=wanted or None, hint=None if wanted else f"if it does, say so in the source: target = "
                                                                f"'{limit:g}s'",
                                                                code="kpi.unavailable",
            )  # fmt: skip
    return _share(desk, "answered_in_target")


def mean_time(desk: LogView, column: str) -> SumQuery:
    """Put the seconds of a report beside the contacts that were answered; where they are not told, the offered."""
    source, rows = desk.volumes, desk.volumes.rows
    known = rows[column].notnull()
    handled = ibis.coalesce(rows.answered, rows.y) if "answered" in rows.columns else rows.y
    sums = {"s": rows[column].sum(), "n": known.ifelse(handled, 0.0).sum()}

    def finish(source: SegmentedRows, s: Floats, n: Floats) -> pd.DataFrame:
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.where(n > 0, s / n, np.nan)
        return source.frame(value=mean, n=n, numerator=n, mean=mean)

    return SumQuery(source, rows, "ds", sums, finish)


def _share(desk: LogView, column: str) -> SumQuery:
    source, rows = desk.volumes, desk.volumes.rows
    known = rows[column].notnull()
    sums = {"k": rows[column].sum(), "n": known.ifelse(rows.y, 0.0).sum()}
    return SumQuery(source, rows, "ds", sums, lambda source, k, n: compute_share(source, np.minimum(k, n), n))
