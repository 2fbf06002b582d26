"""Labels for learning: which promise was broken, and from which instant on that was known."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..sla.due_milestones import find_overdue_cases
from ..sla.milestones import milestones
from ..sla.policies import MetricPolicies, read_policies


def breach_labels(log: CaseLog, *, with_decision: bool = False) -> pd.DataFrame:
    """Label each SLA of each case as breached or met, as far as the log decides it.

    A promise is decided once: broken at the instant its target passes, even while the case is still open, or kept
    when its clock first stops; an event counts from when it was recorded. What a re-opening brings later changes
    nothing, so that a label, once known, is the same in every later log: the labels of ``log.as_of(t)`` are those of
    ``log`` that were known at ``t``.

    Parameters
    ----------
    log
        A log with ``cases``, ``events`` and ``sla_policies``.
    with_decision
        Add ``decided_at``, from when the promise was kept or broken: before ``known_at`` where only the row of the
        finished case tells its due time. What a model learns from ends there. And ``due_at``: before it only what was
        kept can be known.

    Returns
    -------
    DataFrame
        One row for each case and metric for which a policy ever held: ``case_id``, ``metric``, ``label`` (true =
        broken, missing = not decided) and ``known_at`` (missing where not decided). By due times (``clock = "due"``) a
        promise is broken when the one in force first passes; that it is moved later changes nothing.

    Raises
    ------
    InputError
        If the log has no events, or a policy cannot be used.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-01T09:30Z"]})
    >>> events = pd.DataFrame({"case_id": ["1"], "at": ["2024-03-01T10:30Z"], "kind": ["resolved"]})
    >>> policies = pd.DataFrame({"policy": ["all"], "metric": ["resolution"], "target_s": [3600], "clock": "calendar"})
    >>> log = CaseLog.from_frames(cases=cases, events=events, sla_policies=policies)
    >>> breach_labels(log)[["case_id", "label"]].to_dict("records")
    [{'case_id': '1', 'label': True}, {'case_id': '2', 'label': True}]
    >>> breach_labels(log.as_of("2024-03-01T10:00Z"))[["case_id", "label"]].to_dict("records")
    [{'case_id': '1', 'label': True}, {'case_id': '2', 'label': None}]
    """
    found = milestones(log, as_recorded=True)
    dues = {name: book for name, book in read_policies(log).items() if book.due}
    found = found.assign(known_at=found["decided_at"], label=found["status"].eq("breached"))
    if dues:
        found = _with_overdue(log, found, dues)
    found = found.sort_values(["case_id", "metric", "known_at"], kind="stable")  # missing instants come last
    found = found.drop_duplicates(["case_id", "metric"], ignore_index=True)
    label = found["label"].astype("boolean").where(found["known_at"].notna())
    out = found[["case_id", "metric"]].assign(label=label, known_at=found["known_at"])
    return out.assign(decided_at=found["decided_at"], due_at=found["due_at"]) if with_decision else out


def _with_overdue(log: CaseLog, found: pd.DataFrame, dues: Mapping[str, MetricPolicies]) -> pd.DataFrame:
    """Date the promises of due times by the times themselves, and add that one passed before another was set."""
    mine = found["metric"].isin(dues) & found["known_at"].notna()
    passed = found["due_at"].where(found["due_at"] > found["started_at"], found["started_at"])
    at = found["stopped_at"].where(~found["label"], passed)
    found = found.assign(decided_at=at.where(mine, found["decided_at"]))
    over = [find_overdue_cases(log, book).assign(label=True) for book in dues.values()]
    return pd.concat([*[o for o in over if len(o)], found], ignore_index=True)


def find_case_ends(log: CaseLog, metric: str = "resolution") -> pd.DataFrame:
    """Return when the work of an SLA was done, each time that it was.

    For a promise that is measured here these are the instants at which its clock stopped for good or until a
    re-opening. Where the exporting system decides they are the resolutions: closing follows by itself, and nobody
    works on it.

    Parameters
    ----------
    log
        A log with ``cases``, ``events`` and ``sla_policies``.
    metric
        A metric of the policies.

    Returns
    -------
    DataFrame
        ``case_id``, ``ended_at``, by both: one row each time a case was done. The rows of ``log.as_of(t)`` are those
        of ``log`` until ``t``.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-01T09:30Z"]})
    >>> events = pd.DataFrame({"case_id": ["1"], "at": ["2024-03-01T10:30Z"], "kind": ["resolved"]})
    >>> policies = pd.DataFrame({"policy": ["all"], "metric": ["resolution"], "target_s": [7200], "clock": "calendar"})
    >>> log = CaseLog.from_frames(cases=cases, events=events, sla_policies=policies)
    >>> find_case_ends(log)["ended_at"].dt.strftime("%H:%M").tolist()
    ['10:30']
    """
    books = read_policies(log)
    if metric in books and books[metric].source:
        events = log.table("events")
        found = fetch(events.filter(events.kind.isin(["resolved", "closed"])).select("case_id", ended_at="at"))
    else:
        rows = milestones(log)
        rows = rows[(rows["metric"] == metric) & rows["stopped_at"].notna()]
        found = rows[["case_id", "stopped_at"]].rename(columns={"stopped_at": "ended_at"})
    found = found.astype({"case_id": "str", "ended_at": "datetime64[us, UTC]"})
    found = found[found["ended_at"] <= log.until].drop_duplicates()
    return found.sort_values(["case_id", "ended_at"], ignore_index=True)
