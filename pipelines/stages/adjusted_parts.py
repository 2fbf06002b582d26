"""Adjustments of a part of a queue, such as ``phone/north`` of ``phone``: its share of the queue is adjusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from ...features.case_log.log import CaseLog
from ...features.errors import InputError
from ...features.kpis.cells import MISSING_SEGMENT
from ...features.kpis.kpi_history import kpi_history
from ...forecasting.scenarios.adjustments import carry_to_whole
from ..state.adjustments import Adjustment

#: The share of a part is taken over this many last days.
SHARE_DAYS = 56


def carry_parts(
    kept: Sequence[Adjustment],
    names: Sequence[str],
    log: CaseLog,
    where: Mapping[str, str],
    by: Sequence[str],
    kpi: str,
) -> tuple[list[Adjustment], dict[str, float]]:
    """Turn adjustments of parts of a queue into those of the whole queue.

    Parameters
    ----------
    kept
        Adjustments in force.
    names
        What an adjustment calls the queue.
    log, where, kpi
        The log, the segment of the queue in it, and the KPI that counts what arrives.
    by
        Columns that series of the forecast are named by, such as ``channel`` and ``region``.

    Returns
    -------
    adjustments
        All of them; one of parts alone is of the queue, where the log tells the share of each.
    shares
        Share of the queue by name of the adjustment that was turned.
    """
    out, shares = [], dict[str, float]()
    for one in kept:
        series = [one.change.series] if isinstance(one.change.series, str) else list(one.change.series or ())
        parts = [name for name in map(str, series) if set(name.split("/")) & set(names)]
        if not parts or set(series) & set(names):
            out.append(one)
            continue
        found = [_find_share(log, part, where, by, kpi) for part in dict.fromkeys(parts)]
        share = min(sum(s for s in found if s is not None), 1.0)
        whole = None if None in found else carry_to_whole(one.change, share, names[0])
        if whole is None:
            out.append(one)
            continue
        shares[one.change.name] = share
        out.append(Adjustment(whole, one.reason, one.by, one.at))
    return out, shares


def _find_share(log: CaseLog, part: str, where: Mapping[str, str], by: Sequence[str], kpi: str) -> float | None:
    """Return the share of a queue that a part had lately, of what names its segment; ``None`` where it is not known."""
    values = dict(zip(by, part.split("/"), strict=False))
    rest = {column: value for column, value in values.items() if where.get(column) != value}
    if len(values) != len(part.split("/")) or not rest or set(rest) & set(where):
        return None
    try:
        history = kpi_history(log, [kpi], (*where, *rest), "D")
    except InputError:
        return None  # what arrives cannot be split by these columns
    recent = history[history["ds"] >= history["ds"].max() - pd.Timedelta(days=SHARE_DAYS)]
    for column, value in where.items():
        recent = recent[recent[column] == value]
    for column in rest:
        recent = recent[recent[column].notna() & (recent[column] != MISSING_SEGMENT)]
    own = recent
    for column, value in rest.items():
        own = own[own[column] == value]
    total = float(recent["value"].sum())
    return float(own["value"].sum()) / total if total > 0 and len(own) else None
