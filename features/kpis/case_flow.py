"""Cases that come, end and wait in each period."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..cases.transitions import TRANSITION_KINDS
from .cells import SegmentedRows

if TYPE_CHECKING:
    from ..arrays import Floats


def count_flow(source: SegmentedRows) -> dict[str, Floats]:
    """Count the changes in every cell of a source whose rows are transitions, and the backlog at its end."""
    return source.keep("flow", lambda: _count(source))


def _count(source: SegmentedRows) -> dict[str, Floats]:
    wide, rows = source.widest, source.rows

    def ask() -> pd.DataFrame:
        sums = {change: (rows.change == change).sum() for change in TRANSITION_KINDS}
        return fetch(rows.group_by(*wide.by, ds=wide.period_of(rows.at)).agg(**sums))

    frame = wide.keep("changes", ask)
    counts = dict(zip(TRANSITION_KINDS, source.spread(frame, *TRANSITION_KINDS), strict=True))
    net = counts["opened"] + counts["reopened"] - counts["resolved"] - counts["merged"]
    counts["backlog"] = net.reshape(len(source.segments), -1).cumsum(axis=1).ravel()
    return counts


def compute_case_flow(log: CaseLog, by: tuple[str, ...] | list[str] | str = (), freq: str = "D") -> pd.DataFrame:
    """Give the flow of cases by period: backlog = backlog before + opened + reopened - resolved - merged.

    Parameters
    ----------
    log
        A log with ``cases`` and ``events``.
    by, freq
        As for :func:`~deskcast.features.kpis.kpi_history.kpi_history`.

    Returns
    -------
    DataFrame
        The segments, ds, opened, reopened, resolved, merged, backlog (at the end of the period). A case that is
        resolved twice counts twice under ``resolved`` here; the KPI ``cases_resolved`` counts final resolutions.

    Examples
    --------
    >>> import pandas as pd
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-02T10:00Z"]})
    >>> events = pd.DataFrame({"case_id": ["1"], "kind": ["resolved"], "at": ["2024-03-02T11:00Z"]})
    >>> log = CaseLog.from_frames(cases=cases, events=events, until="2024-03-03T00:00Z")
    >>> compute_case_flow(log)[["opened", "resolved", "backlog"]].to_dict("list")
    {'opened': [1, 1], 'resolved': [0, 1], 'backlog': [1, 1]}
    """
    from .view import LogView

    source = LogView.of(log, by, freq).transitions
    counts = count_flow(source)
    keys = source.frame()[[*source.by, "ds"]]
    return keys.assign(**{name: values.astype(np.int64) for name, values in counts.items()})
