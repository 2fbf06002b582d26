"""The open cases at one instant with their due times, and nothing of the desk around them."""

from __future__ import annotations

import pandas as pd

from ..case_log.log import CaseLog
from ..partitions.by_case import find_parts
from ..sla.policies import read_policies
from .case_steps import DESCRIPTION_COLUMNS, find_case_steps
from .looks import look_in_parts, read_looks

_COLUMNS = ("case_id", "at", "created_at", *DESCRIPTION_COLUMNS)


def open_cases(log: CaseLog, at: pd.Timestamp, metric: str = "resolution") -> pd.DataFrame:
    """Return the cases whose promise can still run at an instant, as they stood then, and when each is due.

    They are those of :func:`~deskcast.features.snapshots.snapshots.snapshots`, at a fraction of the cost: a plan of the
    work that waits asks neither how busy the desk is nor what came of other cases.

    Parameters
    ----------
    log
        A log with ``cases``, ``events`` and ``sla_policies``. One that reaches beyond the instant gives the same rows
        as one that ends there.
    at
        An instant up to the end of the log.
    metric
        A metric of the policies.

    Returns
    -------
    DataFrame
        One row a case, by case_id: ``case_id``, ``at``, ``created_at``, ``channel``, ``product``, ``region``,
        ``case_type``, ``priority``, ``team`` (in force) and ``due_at`` (missing where no policy holds).

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-01T09:30Z"]})
    >>> events = pd.DataFrame({"case_id": ["1"], "at": ["2024-03-01T10:30Z"], "kind": ["resolved"]})
    >>> policies = pd.DataFrame({"policy": ["all"], "metric": ["resolution"], "target_s": [7200], "clock": "calendar"})
    >>> log = CaseLog.from_frames(cases=cases, events=events, sla_policies=policies)
    >>> open_cases(log, log.until)[["case_id", "due_at"]].astype(str).values.tolist()
    [['2', '2024-03-01 11:30:00+00:00']]
    """
    if (parts := find_parts(log)) > 1:
        seen = look_in_parts(log, metric, [at], parts)
        rows, clock = seen.rows, seen.clock
    else:
        steps = find_case_steps(log)
        rows, clock = read_looks(log, read_policies(log), metric, steps, pd.DataFrame({"at": [at]}), whole=False)
    return rows[list(_COLUMNS)].assign(due_at=clock["due_at"]).sort_values("case_id", ignore_index=True)
