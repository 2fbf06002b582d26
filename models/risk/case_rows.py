"""Looks at cases whether or not they have a promise: at creation, daily while open, at closing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import ibis
import pandas as pd

from ...features.case_log.events import add_missing_event_columns, select_event_time
from ...features.case_log.fetch import fetch
from ...features.case_log.log import CaseLog
from ...features.errors import InputError, did_you_mean
from ...features.snapshots.snapshots import snapshots

_DEFAULT_METRIC = "resolution"
#: Kinds of events that end a case.
END_EVENT_KINDS = ("resolved", "closed", "merged")


def case_snapshots(
    log: CaseLog, at: Iterable[Any] | str | pd.DataFrame, metric: str | None = None, *, segments: Sequence[str] = ()
) -> pd.DataFrame:
    """Look at cases at given instants, with a promise where there is one and without where there is none.

    Parameters
    ----------
    log
        A log with ``cases`` and ``events``.
    at
        As in :func:`deskcast.features.snapshots.snapshots.snapshots`: ``creation``, ``updates``, instants, or a frame
        with ``case_id`` and ``at``.
    metric
        The promise to look at; by default resolution, or else the first that the log has.
    segments
        Columns of the cases, known at creation, that are added as they are, whatever they name. They are no features by
        themselves; see the ``segments`` of :class:`deskcast.models.risk.dissatisfaction.DissatisfactionRisk`.

    Returns
    -------
    As ``snapshots``, with ``stage``: ``closed`` where the case was resolved, closed or merged by then, else ``open``.
    Without a promise ``left_s``, ``target_used`` and ``already_breached`` are missing.

    Raises
    ------
    InputError
        If the log has no events, an instant cannot be read, or a segment is not known at creation.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    >>> events = pd.DataFrame({"case_id": ["1"], "at": ["2024-03-01T10:30Z"], "kind": ["closed"]})
    >>> log = CaseLog.from_frames(cases=cases, events=events)
    >>> looks = pd.DataFrame({"case_id": ["1", "1"], "at": pd.to_datetime(["2024-03-01T10:00Z", "2024-03-01T10:30Z"])})
    >>> case_snapshots(log, looks)[["case_id", "age_s", "left_s", "stage"]].values.tolist()
    [['1', 3600.0, nan, 'open'], ['1', 5400.0, nan, 'closed']]
    """
    rows = _take_snapshots(log, at, metric)
    for name in segments:
        if name not in rows:
            rows[name] = _segment(log, name, rows["case_id"])
    return rows


def _take_snapshots(log: CaseLog, at: Any, metric: str | None) -> pd.DataFrame:
    if log.has("sla_policies"):
        metrics = sorted(set(log.frame(log.table("sla_policies").select("metric"))["metric"].dropna()))
        if metrics:
            wanted = metric or ("resolution" if "resolution" in metrics else metrics[0])
            return _with_stage(log, snapshots(log, at, wanted))
    return _with_stage(log, _snapshots_without_sla(log, at))


def _segment(log: CaseLog, name: str, case_id: pd.Series) -> pd.Series:
    if not log.has("cases", name) or log.attributes.get(name, "creation") != "creation":
        hint = did_you_mean(name, tuple(n for n, known in log.attributes.items() if known == "creation"))
        raise InputError(
            "not a column that is known when a case is created",
            where="cases",
            column=name,
            hint=hint,
            code="column.unknown",
        )
    told = fetch(log.table("cases").select("case_id", name)).set_index("case_id")[name]
    return pd.Series(told.reindex(case_id).array, index=case_id.index)


def _snapshots_without_sla(log: CaseLog, at: Any) -> pd.DataFrame:
    """Look at the cases of a log without policies, through one that sets no target and that nothing ever decides."""
    if not log.has("events"):
        raise InputError(
            "cases can only be followed through events, and the log has none", where="events", code="kpi.unavailable"
        )
    none = pd.DataFrame(
        {"policy": ["none"], "metric": [_DEFAULT_METRIC], "target_s": [float("nan")], "clock": ["source"]}
    )
    rows = ibis.memtable(
        none, schema={"policy": "string", "metric": "string", "target_s": "float64", "clock": "string"}
    )
    watched = replace(log, tables={**log.tables, "sla_policies": rows})
    out = snapshots(watched, at, _DEFAULT_METRIC)
    # Nothing was promised, so no promise was kept or broken, and none of others was either.
    told = [c for c in out.columns if c.startswith("breached_share_")]
    return out.drop(columns=told).assign(already_breached=pd.array([pd.NA] * len(out), dtype="boolean"))


def _with_stage(log: CaseLog, rows: pd.DataFrame) -> pd.DataFrame:
    """Add whether each case had ended by its instant, as far as was recorded then."""
    if not log.has("events"):
        return rows.assign(stage=pd.Series("open", index=rows.index, dtype="str"))
    events = add_missing_event_columns(log)
    events = events.select("case_id", "kind", "seq", at=select_event_time(events, as_recorded=True))
    turns = fetch(events.filter(events.kind.isin(("reopened", *END_EVENT_KINDS)) & (events["at"] <= log.until)))
    turns = turns.sort_values(["at", "seq"], kind="stable")[["case_id", "at", "kind"]]
    asked = rows[["case_id", "at"]].assign(place=range(len(rows))).sort_values("at", kind="stable")
    last = pd.merge_asof(asked, turns, on="at", by="case_id").sort_values("place")["kind"]
    ended = last.isin(END_EVENT_KINDS).to_numpy()
    return rows.assign(stage=pd.Series("open", index=rows.index, dtype="str").mask(ended, "closed"))
