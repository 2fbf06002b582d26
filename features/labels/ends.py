"""When cases were done, as far as a promise is concerned: what a model of the time to finish learns from."""

from __future__ import annotations

import pandas as pd

from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..sla.milestones import milestones
from ..sla.policies import policy_books


def case_ends(log: CaseLog, metric: str = "resolution") -> pd.DataFrame:
    """Say when the work that a promise is about was done, each time that it was.

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
    >>> case_ends(log)["ended_at"].dt.strftime("%H:%M").tolist()
    ['10:30']
    """
    books = policy_books(log)
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
