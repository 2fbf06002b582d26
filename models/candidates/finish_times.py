"""When an open case will be done: P(done by) a list of horizons, and the times by which half and 80 % are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError
from .hazard import Hazard

#: Horizons by default, hours on the wall.
DEFAULT_HORIZONS_H = (24.0, 72.0, 168.0)
#: No finish is told further ahead.
MAX_HORIZON_H = 24.0 * 365


def finish_times(
    snapshots: pd.DataFrame, hazard: Hazard, horizons_h: Sequence[float] = DEFAULT_HORIZONS_H
) -> pd.DataFrame:
    """Return for each open case how likely it is done by some horizons, and by when it probably is.

    Parameters
    ----------
    snapshots
        Rows with the features of the hazard.
    hazard
        See :mod:`deskcast.models.candidates.hazard`.
    horizons_h
        Hours on the wall from the snapshot.

    Returns
    -------
    Index of the snapshots; ``done_in_<h>h`` for each horizon (a probability), and the instants ``median_finish`` and
    ``finish_80`` by which half and 80 % of such cases are done; missing where that is more than a year ahead, and where
    the work is done already.

    Raises
    ------
    InputError
        If a horizon is not a positive number.
    """
    for hours in horizons_h:
        if not np.isfinite(hours) or hours <= 0:
            raise InputError(
                "a horizon is a number of hours above 0", column="horizons_h", got=hours, code="value.range"
            )
    at = pd.DatetimeIndex(snapshots["at"].array)
    open_then = hazard.survival(snapshots)
    waits = np.zeros(len(snapshots), dtype=bool)
    if "is_resolved" in snapshots.columns:
        waits = snapshots["is_resolved"].astype("Float64").fillna(0).to_numpy(dtype=float) > 0
    columns: dict[str, object] = {}
    cumulated = -np.log(np.maximum(open_then, 1e-300))
    for hours in horizons_h:
        ahead = hazard.clock.elapsed(at, at + pd.Timedelta(hours=hours))
        done = 1 - np.exp(-hazard._at(cumulated, ahead))
        columns[f"done_in_{hours:g}h"] = np.where(waits, 1.0, done)
    for name, share in (("median_finish", 0.5), ("finish_80", 0.8)):
        hours_ahead = _reach(cumulated, hazard.edges, -np.log1p(-share))
        wall = hazard.clock.wall_hours(at, np.minimum(hours_ahead, MAX_HORIZON_H)[:, None])[:, 0]
        never = (hours_ahead > MAX_HORIZON_H) | (wall > MAX_HORIZON_H) | waits | ~np.isfinite(wall)
        when = at + pd.to_timedelta(np.where(never, 0.0, wall).round(4), unit="h")
        columns[name] = pd.DatetimeIndex(when).as_unit("us").where(~never)
    return pd.DataFrame(columns, index=snapshots.index)


def _reach(cumulated: Floats, edges: Floats, level: float) -> Floats:
    """Return at which working hour the cumulative hazard reaches a level; beyond the edges as in the last period."""
    padded = np.column_stack([np.zeros(len(cumulated)), cumulated])
    k = padded.shape[1] - 1
    place = np.clip((padded < level).sum(axis=1) - 1, 0, k - 1)
    rows = np.arange(len(padded))
    lo, hi = padded[rows, place], padded[rows, place + 1]
    share = (level - lo) / np.maximum(hi - lo, 1e-12)
    return np.asarray(edges[place] + share * (edges[place + 1] - edges[place]), dtype=np.float64)
