"""Looks at cases whether or not they have a promise: at creation, daily while open, at closing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import ibis
import pandas as pd

from ..features.engine import CaseLog
from ..features.errors import InputError
from ..features.snapshots import snapshots

_METRIC = "resolution"


def case_rows(log: CaseLog, at: Iterable[Any] | str | pd.DataFrame, metric: str | None = None) -> pd.DataFrame:
    """Look at cases at given instants, with a promise where there is one and without where there is none.

    Parameters
    ----------
    log
        A log with ``cases`` and ``events``.
    at
        As in :func:`deskcast.features.snapshots.snapshots`: ``creation``, ``updates``, instants, or a frame with
        ``case_id`` and ``at``.
    metric
        The promise to look at; by default resolution, or else the first that the log has.

    Returns
    -------
    As ``snapshots``. Without a promise ``left_s``, ``target_used`` and ``already_breached`` are missing.

    Raises
    ------
    InputError
        If the log has no events, or an instant cannot be read.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    >>> events = pd.DataFrame({"case_id": ["1"], "at": ["2024-03-01T10:30Z"], "kind": ["closed"]})
    >>> log = CaseLog.from_frames(cases=cases, events=events)
    >>> case_rows(log, "creation")[["case_id", "age_s", "left_s"]].values.tolist()
    [['1', 0.0, nan]]
    """
    if log.has("sla_policies"):
        metrics = sorted(set(log.frame(log.table("sla_policies").select("metric"))["metric"].dropna()))
        if metrics:
            wanted = metric or ("resolution" if "resolution" in metrics else metrics[0])
            return snapshots(log, at, wanted)
    return _without_promise(log, at)


def _without_promise(log: CaseLog, at: Any) -> pd.DataFrame:
    """Look at the cases of a log without policies, through one that sets no target and that nothing ever decides."""
    if not log.has("events"):
        raise InputError("cases can only be followed through events, and the log has none", where="events")
    none = pd.DataFrame({"policy": ["none"], "metric": [_METRIC], "target_s": [float("nan")], "clock": ["source"]})
    rows = ibis.memtable(
        none, schema={"policy": "string", "metric": "string", "target_s": "float64", "clock": "string"}
    )
    watched = replace(log, tables={**log.tables, "sla_policies": rows})
    out = snapshots(watched, at, _METRIC)
    # Nothing was promised, so no promise was kept or broken, and none of others was either.
    told = [c for c in out.columns if c.startswith("breached_share_")]
    return out.drop(columns=told).assign(already_breached=pd.array([pd.NA] * len(out), dtype="boolean"))
