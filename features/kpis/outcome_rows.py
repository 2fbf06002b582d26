"""The outcomes behind a share, case by case, with what was known of each case when it was created."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..errors import InputError
from .catalogue import find_kpi
from .counted_rows import fetch_counted_rows
from .view import AGENT, Limits, LogView, segment_columns

#: Hours of the day are taken together, so that each group holds cases enough.
HOURS_TOGETHER = 4
#: A customer is known where another case of theirs is not older than this.
KNOWN_CUSTOMER_DAYS = 30
_NEVER = ("team", "current_team", "current_priority", "status", "unique_id")


def fetch_outcomes(
    log: CaseLog, kpi: str, by: str | Sequence[str] = (), limits: Limits | None = None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Fetch one row for each decided outcome of a share.

    Parameters
    ----------
    log
        A log with ``cases``.
    kpi
        A KPI that is a share of cases, milestones or surveys.
    by
        Segment columns to keep beside each outcome; ``agent`` is whose work it was.
    limits
        As the KPIs count.

    Returns
    -------
    DataFrame and names
        case_id, customer_id (where known), the segments, day (of the KPI's period, local), outcome (0 or 1), and the
        columns of the case mix, whose names are returned too: the attributes that were known at creation, hour,
        weekday and whether the customer had a case shortly before.

    Raises
    ------
    InputError
        If the KPI is no share of single cases.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-02T22:00Z"],
    ...                       "channel": ["web", "phone"], "customer_id": ["u", "v"]})
    >>> log = CaseLog.from_frames(cases=cases, until="2024-04-02T00:00Z")
    >>> rows, mix = fetch_outcomes(log, "repeat_contact_rate", "channel")
    >>> rows["outcome"].tolist(), mix
    ([0.0, 0.0], ('channel', 'mix_hour', 'mix_weekday', 'mix_known_customer'))
    """
    entry = find_kpi(kpi)
    if entry is not None and entry.kind != "share":
        hint = {"s": "use a share within a limit, such as resolved_within_2d"}.get(entry.unit, "use a share")
        raise InputError("only shares are compared", column="kpi", got=kpi, hint=hint, code="kpi.unavailable")
    names = (by,) if isinstance(by, str) else tuple(by)
    desk = LogView.of(log, names, "D", limits, open_end=True)
    rows = fetch_counted_rows(desk, kpi)
    if rows["case_id"].isna().all():
        problem = "this share is not one of cases"
        raise InputError(problem, column="kpi", got=kpi, code="kpi.unavailable")
    rows = rows[rows["case_id"].notna() & (rows["n"] > 0) & rows["ds"].notna()]  # what is decided
    rows = rows.assign(outcome=(rows["numerator"] > 0).astype(float), day=rows["ds"])
    facts, mix = _describe_creation(log, names)
    kept = ["case_id", *names, "day", "outcome"]
    told = facts.drop(columns=[name for name in names if name in facts and name != "case_id"])
    merged = rows[kept].merge(told, on="case_id", how="left")
    return merged.reset_index(drop=True), tuple(name for name in mix if name in merged)


def _describe_creation(log: CaseLog, by: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Return what was known of each case when it was created, and which columns of it are the case mix."""
    table = log.table("cases")
    late = {name for name, known in log.attributes.items() if known != "creation"}
    wanted = [n for n in segment_columns(log) if n in table.columns and n not in late and n not in _NEVER]
    keep = ["case_id", "created_at", *(["customer_id"] if "customer_id" in table.columns else [])]
    frame = fetch(table.select(*keep, *[name for name in wanted if name not in keep]))
    local = frame["created_at"].dt.tz_convert(log.timezone)
    frame["mix_hour"] = (local.dt.hour // HOURS_TOGETHER).astype("str")
    frame["mix_weekday"] = np.where(local.dt.day_of_week >= 5, "weekend", "week")
    mix = [*wanted, "mix_hour", "mix_weekday"]
    if "customer_id" in frame:
        order = frame.sort_values(["created_at", "case_id"])
        before = order["created_at"] - order.groupby("customer_id")["created_at"].shift()
        known = before <= pd.Timedelta(days=KNOWN_CUSTOMER_DAYS)
        frame["mix_known_customer"] = known.reindex(frame.index).map({True: "yes", False: "no"})
        mix.append("mix_known_customer")
    return frame, [name for name in mix if name != AGENT or AGENT not in by]
