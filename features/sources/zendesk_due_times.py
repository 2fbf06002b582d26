"""When a ticket of Zendesk was due: its targets added to the time that their clocks ran.

Metric events tell when a target was set (``apply_sla``) and when its clock ran (``activate``, ``pause``, ``fulfill``),
so the due time in force follows for each instant, with when it was set. It does so only where the policy counts every
hour: a target in business hours needs the schedule of the ticket, which the export does not have. A ticket with its
policies (``slas.policy_metrics``) states today's ``breach_at``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ..readers.json_files import parse_json_list, parse_json_object
from .export import ExportRows
from .pieces import build_due_times

#: Metric of Zendesk -> ours. Of the clocks that end with the solution, the first that a ticket has counts.
_RESOLUTION_METRICS = ("total_resolution_time", "requester_wait_time", "agent_work_time")
METRICS: Mapping[str, str] = {
    "first_reply_time": "first_response", "next_reply_time": "next_response",
    **dict.fromkeys(_RESOLUTION_METRICS, "resolution"),
}  # fmt: skip
_CLOCK_TYPES = ("activate", "pause", "fulfill", "apply_sla")


def read_metric_due_times(taken: ExportRows, name: pd.Series[Any], notes: list[str]) -> pd.DataFrame:
    """Return the due times that the metric events make, each with when it was set.

    Parameters
    ----------
    taken
        Metric events, with the target of ``apply_sla`` in minutes or seconds.
    name
        Metric of each, with first and further replies told apart.
    """
    rows = taken.rows.assign(name=name)
    rows = rows[taken.ledger.accepted & name.isin(list(METRICS)).to_numpy() & rows["type"].isin(_CLOCK_TYPES)]
    rows = rows[rows["case_id"].notna() & rows["at"].notna()]
    stated = rows["sla"].map(lambda text: parse_json_object(text) if isinstance(text, str) else {})
    told = {
        "target": rows["target_s"].fillna(rows["target_min"] * 60).fillna(stated.map(_target_seconds)),
        "in_hours": rows["in_hours"].fillna(stated.map(lambda sla: sla.get("business_hours"))).fillna(False),
    }
    rows = rows.assign(**told).assign(instance=rows["instance"].fillna(1), order=rows["type"].map(_CLOCK_TYPES.index))
    rows = rows[~rows["name"].isin(_RESOLUTION_METRICS) | _first_metric(rows)]
    rows = rows.sort_values(["case_id", "name", "instance", "at", "order"], kind="stable")
    hours = rows["in_hours"].astype(bool) & (rows["type"] == "apply_sla")
    if hours.any():
        notes.append(
            f"zendesk: {int(hours.sum()):,} targets count business hours; when these are due is not computed, as the "
            "schedule of a ticket is not in the export"
        )
    found: list[tuple[Any, ...]] = []
    for (case, metric, _), one in rows.groupby(["case_id", "name", "instance"], sort=False):
        line = zip(one["at"], one["type"], one["target"].where(~one["in_hours"].astype(bool)), strict=True)
        found += [(case, METRICS[str(metric)], due, at) for due, at in follow_clock(line)]
    out = pd.DataFrame(found, columns=["case_id", "metric", "due_at", "set_at"])
    due, at = (pd.to_datetime(out[c], utc=True).dt.as_unit("us") for c in ("due_at", "set_at"))
    return build_due_times(out["case_id"].astype("str"), out["metric"], due, at, with_emptied=True)


def follow_clock(line: Iterable[tuple[pd.Timestamp, str, float]]) -> list[tuple[pd.Timestamp | None, pd.Timestamp]]:
    """Return each due time of a clock and when it was set; nothing in place of it while the clock stands.

    Parameters
    ----------
    line
        Time, type and target in seconds of the events of one clock, in their order.

    Examples
    --------
    >>> at = [pd.Timestamp(f"2024-03-01T{h:02d}:00Z") for h in (9, 10, 12)]
    >>> line = [(at[0], "activate", None), (at[0], "apply_sla", 7200.0), (at[1], "pause", None),
    ...         (at[2], "activate", None)]
    >>> [(due and f"{due:%H}", f"{when:%H}") for due, when in follow_clock(line)]
    [('11', '09'), (None, '10'), ('13', '12')]
    """
    out: list[tuple[pd.Timestamp | None, pd.Timestamp]] = []
    since, used, target, last = None, pd.Timedelta(0), None, None
    for at, kind, seconds in line:
        if kind == "apply_sla":
            target = None if pd.isna(seconds) else pd.Timedelta(seconds=seconds)
        elif kind == "activate":
            since = since if since is not None else at
        elif since is not None:
            used, since = used + (at - since), None
        due = since + (target - used) if since is not None and target is not None else None
        if due != last:
            out.append((due, at))
        last = due
    return out


def _target_seconds(sla: Mapping[str, Any]) -> float:
    seconds, minutes = sla.get("target_in_seconds"), sla.get("target")
    whole = seconds if isinstance(seconds, (int, float)) else None
    return (
        float(whole)
        if whole is not None
        else float(minutes) * 60
        if isinstance(minutes, (int, float))
        else float("nan")
    )


def _first_metric(rows: pd.DataFrame) -> pd.Series[Any]:
    """Return which rows are of the first clock to the solution that has a target for its ticket."""
    rank = rows["name"].map({name: i for i, name in enumerate(_RESOLUTION_METRICS)})
    aimed = rank.where((rows["type"] == "apply_sla") & rows["target"].notna())
    return rank == aimed.groupby(rows["case_id"]).transform("min")


def read_policy_due_times(tickets: ExportRows) -> pd.DataFrame | None:
    """Return the due times that tickets state with their policies; nothing says since when they stood."""
    rows = tickets.accepted_rows().dropna(subset=["policy_metrics"])
    found = [
        (case, str(one.get("metric")), one.get("breach_at"))
        for case, text in zip(rows["case_id"], rows["policy_metrics"], strict=True)
        for one in parse_json_list(text)
    ]
    if not found:
        return None
    told = pd.DataFrame(found, columns=["case_id", "name", "due"])
    rank = told["name"].map({name: i for i, name in enumerate(METRICS)})
    told = told.assign(rank=rank).dropna(subset=["rank"]).sort_values(["case_id", "rank"], kind="stable")
    told["due"] = pd.to_datetime(told["due"], utc=True, errors="coerce", format="ISO8601").dt.as_unit("us")
    told = told.dropna(subset=["due"]).assign(metric=lambda t: t["name"].map(dict(METRICS)))
    told = told.drop_duplicates(["case_id", "metric"])
    return build_due_times(told["case_id"].astype("str"), told["metric"], told["due"])
