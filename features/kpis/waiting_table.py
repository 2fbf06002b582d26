"""Where the time of open cases goes: by team, by status, and who waits for whom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..cases.stays import StayKind, find_stays
from ..statistics.kaplan_meier import kaplan_meier

WAITING_COLUMNS = ("place", "name", "stays", "running", "median_s", "p90_s", "open_hours", "share")
PAIR_COLUMNS = (
    "given_by",
    "team",
    "stays",
    "running",
    "median_s",
    "p90_s",
    "open_hours",
    "came_back",
    "came_back_share",
)


def fetch_stays(log: CaseLog, kind: StayKind, since: pd.Timestamp | None = None) -> pd.DataFrame:
    """Fetch the stays of :func:`deskcast.features.cases.stays.stays_expr` that begin at an instant or later."""
    rows = find_stays(log, kind)
    return fetch(rows if since is None else rows.filter(rows.begun_at >= since))


def measure_waiting(log: CaseLog, kind: StayKind, since: pd.Timestamp | None = None) -> pd.DataFrame:
    """Measure the time that open cases spend with each team or in each status.

    Parameters
    ----------
    log
        A log whose events name teams or statuses.
    kind
        ``team`` or ``status``.
    since
        Of the stays that begin at this instant or later.

    Returns
    -------
    DataFrame
        One row a team or status, the most open time first: place (``team`` or ``status``), name, stays, running (not
        over yet), median_s and p90_s (Kaplan-Meier, running ones censored), open_hours (all that was spent there),
        share (of those of all).

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    >>> events = pd.DataFrame({"case_id": "1", "kind": ["assigned", "assigned", "resolved"], "team": ["a", "b", "b"],
    ...     "at": ["2024-03-01T09:00Z", "2024-03-01T12:00Z", "2024-03-01T13:00Z"]})
    >>> table = measure_waiting(CaseLog.from_frames(cases=cases, events=events), "team")
    >>> table[["name", "open_hours", "share"]].values.tolist()
    [['a', 3.0, 0.75], ['b', 1.0, 0.25]]
    """
    stays = fetch_stays(log, kind, since)
    table = _measure(stays, [kind]).rename(columns={kind: "name"})
    table["share"] = table["open_hours"] / table["open_hours"].sum() if len(table) else np.nan
    table = table.sort_values(["open_hours", "name"], ascending=[False, True], ignore_index=True)
    return table.assign(place=kind)[list(WAITING_COLUMNS)]


def measure_waiting_between(log: CaseLog, since: pd.Timestamp | None = None) -> pd.DataFrame:
    """Measure how long each team waits for each other one to which it gives cases.

    Returns
    -------
    DataFrame
        One row a pair, the longest first: given_by (who waits), team (for whom), stays, running, median_s, p90_s,
        open_hours, came_back (stays after which the case went back to who had given it), came_back_share (of those that
        are over).

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    >>> events = pd.DataFrame({"case_id": "1", "kind": ["assigned"] * 3 + ["resolved"], "team": ["a", "b", "a", "a"],
    ...     "at": [f"2024-03-01T{hour}:00Z" for hour in ("09", "12", "13", "14")]})
    >>> table = measure_waiting_between(CaseLog.from_frames(cases=cases, events=events))
    >>> table[["given_by", "team", "open_hours", "came_back"]].values.tolist()
    [['a', 'b', 1.0, 1], ['b', 'a', 1.0, 0]]
    """
    stays = fetch_stays(log, "team", since)
    stays = stays[stays["given_by"].notna()]
    stays = stays.assign(back=(stays["next"] == stays["given_by"]).fillna(False).astype(bool))
    table = _measure(stays, ["given_by", "team"])
    back = stays.groupby(["given_by", "team"])["back"].sum()
    table["came_back"] = back.reindex(pd.MultiIndex.from_frame(table[["given_by", "team"]])).to_numpy()
    over = table["stays"] - table["running"]
    table["came_back_share"] = (table["came_back"] / over).where(over > 0)
    table = table.sort_values(["open_hours", "given_by", "team"], ascending=[False, True, True], ignore_index=True)
    return table[list(PAIR_COLUMNS)]


def _measure(stays: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    grouped = stays.groupby(list(by), sort=True)
    table = grouped.agg(stays=("spent_s", "size"), over=("left_at", "count"), spent=("spent_s", "sum")).reset_index()
    curve = kaplan_meier(
        stays["spent_s"].to_numpy(),
        stays["left_at"].notna().to_numpy(),
        grouped.ngroup().to_numpy(),
        n_groups=len(table),
    )
    table = table.assign(median_s=curve["q50"].to_numpy(), p90_s=curve["q90"].to_numpy())
    table["running"] = table["stays"] - table["over"]
    table["open_hours"] = table["spent"] / 3600
    return table.drop(columns=["over", "spent"])
