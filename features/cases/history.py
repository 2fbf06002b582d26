"""What each case adds to the KPIs beyond its own events: further columns of the case history."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..case_log.events import MAX_CLOCK_SKEW_S
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..case_log.schema import DERIVED_COLUMNS
from ..partitions.by_case import by_case, find_parts
from ..partitions.shared import SharedFacts, open_part
from .facts import case_history_table, inspect_events


def add_case_measures(log: CaseLog, cases: pd.DataFrame, rows: Any) -> pd.DataFrame:
    """Add the measures of a case that follow from others or from other tables.

    Parameters
    ----------
    log
        The log of the cases.
    cases
        Case history as a frame, by case_id.
    rows
        The same as an Ibis table; ``None`` where durations in opening hours are not wanted.

    Returns
    -------
    DataFrame
        The frame with ``first_resolution_s``, ``active_resolution_s`` (without the time pending on the
        customer), ``interactions``
        (public messages of both sides), ``automated`` (resolved, and no human agent acted); where the log has one
        calendar ``first_response_business_s`` and ``resolution_business_s``; where it has contacts with cases
        ``contacts_to_resolution``; where it knows customers ``next_case_s`` (creation to that of the customer's next
        case).

    Examples
    --------
    >>> from deskcast.features.cases.history import case_history
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-01T10:00Z"],
    ...                       "customer_id": ["u", "u"]})
    >>> events = pd.DataFrame({"case_id": ["1", "1"], "kind": ["paused", "resolved"],
    ...                        "at": ["2024-03-01T11:00Z", "2024-03-01T12:00Z"]})
    >>> told = case_history(CaseLog.from_frames(cases=cases, events=events))
    >>> told[["active_resolution_s", "next_case_s"]].iloc[0].tolist()
    [7200.0, 3600.0]
    """
    return _add_measures_of_others(log, _add_own_measures(log, cases, rows))


def _add_own_measures(log: CaseLog, cases: pd.DataFrame, rows: Any) -> pd.DataFrame:
    """Add what follows from the case and its events alone."""
    first = (cases["first_resolved_at"] - cases["created_at"]).dt.total_seconds()
    resolved = cases["resolved_at"].notna()
    out = cases.assign(
        first_resolution_s=first.where(~(first < -MAX_CLOCK_SKEW_S)).clip(lower=0.0),
        active_resolution_s=cases["resolution_s"] - cases["pending_s"],
        interactions=cases["customer_messages"] + cases["agent_messages"],
        automated=(cases["agents"] == 0).where(resolved & cases["agents"].notna()).astype("boolean"),
    )
    if rows is not None and len(log.calendars) == 1 and log.has("events"):
        from .business_times import case_business_times

        names = ["first_response_business_s", "resolution_business_s"]
        told = fetch(case_business_times(log, cases=rows).select("case_id", *names))
        out = out.merge(told, on="case_id", how="left")
    return out


def _add_measures_of_others(log: CaseLog, cases: pd.DataFrame) -> pd.DataFrame:
    """Add what follows from contacts and from other cases of the customer."""
    out, resolved = cases.copy(deep=False), cases["resolved_at"].notna()
    if log.has("contacts", "case_id"):
        calls = log.frame(log.table("contacts").select("case_id", "queued_at")).dropna()
        calls = calls.merge(cases.loc[resolved, ["case_id", "resolved_at"]], on="case_id")
        count = calls[calls["queued_at"] <= calls["resolved_at"]].groupby("case_id").size()
        out["contacts_to_resolution"] = out["case_id"].map(count).fillna(0).where(resolved).astype("Int64")
    if "customer_id" in cases:
        order = cases[cases["customer_id"].notna()].sort_values(["created_at", "case_id"])
        following = order.groupby("customer_id")["created_at"].shift(-1)
        out["next_case_s"] = (following - order["created_at"]).dt.total_seconds().reindex(cases.index)
    return out


def case_history(log: CaseLog) -> pd.DataFrame:
    """Return one row a case: what happened to it, as known at the end of the log.

    A case is open from its creation, and again from each re-opening, until it is resolved, closed or merged. Its
    resolution is the first ``resolved`` or ``closed`` after the last ``reopened``; a merge while it is open ends it
    without one, and what comes after the merge is housekeeping.

    Parameters
    ----------
    log
        A log with ``cases``; ``events`` where there are any.

    Returns
    -------
    DataFrame
        One row a case, by case_id: the columns of ``cases`` that the log has, then

        * ``current_priority``, ``current_team``, ``status``: the last that events state, else as created
        * ``first_response_at``, ``first_response_s``: first public message by a human agent
        * ``first_resolved_at``, ``resolved_at`` (final), ``first_reopened_at`` (the first after an end), ``closed_at``
          (last), ``merged_at``, ``ended_at`` (resolution or merge, missing while open), ``is_open``
        * durations are missing where the end is more than a minute before the creation
        * ``resolution_s``: creation to final resolution, missing without one; ``age_s``: creation to the end of the
          case or of the log; ``pending_s``: of it, the time in which it waited for the customer, ``on_hold_s``:
          for others
        * ``reopens``, ``transfers`` (changes of team after the first assignment), ``escalations``,
          ``priority_changes``, ``customer_messages``, ``agent_messages`` (public ones), ``agents`` (distinct human
          agents who acted)
        * what follows from these and from other tables: :func:`deskcast.features.cases.history.add_case_measures`

        A count whose kind of event never occurs in the log is missing, not 0: the log cannot know it. Messages
        count as public where no event of the log says which are.

    Examples
    --------
    >>> import pandas as pd
    >>> from deskcast.features import CaseLog
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-01T10:00Z"]})
    >>> events = pd.DataFrame({"case_id": ["1", "1", "1"], "kind": ["resolved", "reopened", "closed"],
    ...                        "at": ["2024-03-01T11:00Z", "2024-03-02T09:00Z", "2024-03-02T10:00Z"]})
    >>> log = CaseLog.from_frames(cases=cases, events=events)
    >>> case_history(log)[["case_id", "resolution_s", "age_s", "reopens", "is_open"]].to_dict("records")
    [{'case_id': '1', 'resolution_s': 90000.0, 'age_s': 90000.0, 'reopens': 1, 'is_open': False},
     {'case_id': '2', 'resolution_s': nan, 'age_s': 86400.0, 'reopens': 0, 'is_open': True}]
    """

    if (parts := find_parts(log)) > 1:
        return case_history_in_parts(log, parts)
    return _add_measures_of_others(log, _build_history(log))


def case_history_in_parts(log: CaseLog, parts: int | None = None) -> pd.DataFrame:
    """Return :func:`case_history`, made part by part; see :func:`deskcast.features.partitions.by_case`."""
    known = {"event facts": inspect_events(log)}
    first = _build_history(log.as_of(_BEFORE_ALL))  # its columns and their types
    kinds = {str(name): kind for name, kind in first.dtypes.items()}
    frame = by_case(log, _make_history, kinds, parts, known=known)
    return _add_measures_of_others(log, frame.sort_values("case_id", ignore_index=True))


def _make_history(cases: pd.DataFrame, moments: pd.DataFrame | None, shared: SharedFacts) -> pd.DataFrame:
    return _build_history(open_part(cases, moments, shared))


def _build_history(log: CaseLog) -> pd.DataFrame:
    rows = case_history_table(log)
    frame = fetch(rows.order_by("case_id"))
    frame = frame.astype({name: _DTYPES.get(kind, kind) for name, kind in DERIVED_COLUMNS.items()})
    return _add_own_measures(log, frame, rows)


#: No case is older.
_BEFORE_ALL = pd.Timestamp("1800-01-01", tz="UTC")
_DTYPES = {"string": "str", "timestamp('UTC', 6)": "datetime64[us, UTC]", "int64": "Int64", "boolean": "boolean"}
