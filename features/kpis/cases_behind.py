"""From a number to its cases: one row a case that a KPI of one period and segment is counted from."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ..case_log.log import CaseLog
from ..errors import InputError, did_you_mean
from .case_details import describe_cases
from .catalogue import find_kpi
from .counted_rows import WHOLE_SIDES, fetch_counted_rows
from .kpi_history import kpi_history
from .named_periods import parse_period
from .view import Limits, LogView

#: Columns of :func:`find_cases_behind` before those that describe the case.
BEHIND_COLUMNS = ("case_id", "other_row", "n", "numerator", "amount", "state")
#: What the rows of one case come to: the worst of their states first.
_STATE_RANK = {"breached": 0, "open": 1, "no": 2, "yes": 3, "met": 4, "ended": 5, "": 6}


def find_rows_behind(
    log: CaseLog,
    kpi: str,
    period: str,
    by: Mapping[str, str] | None = None,
    *,
    freq: str | None = None,
    limits: Limits | None = None,
) -> pd.DataFrame:
    """Return the single rows that one number of a KPI history is counted from: cases, turns, contacts, surveys.

    Parameters
    ----------
    log, kpi, limits
        As for :func:`deskcast.features.kpi_history`.
    period
        Such as ``2026-02``; see :func:`deskcast.features.kpis.named_periods.parse_period`.
    by
        Segment column -> value, such as ``{"region": "Ireland"}``.
    freq
        Length of the period, where ``period`` is a date in it.

    Returns
    -------
    DataFrame
        See :func:`deskcast.features.kpis.counted_rows.fetch_counted_rows`; ``n`` and ``numerator`` sum to those of the
        history. What no single row has a part in, such as the costs of a month, is one row without a case.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "channel": ["phone", "chat"],
    ...                       "created_at": ["2024-03-01T09:00Z", "2024-03-02T10:00Z"]})
    >>> log = CaseLog.from_frames(cases=cases, until="2024-04-02T00:00Z")
    >>> find_rows_behind(log, "cases_opened", "2024-03", {"channel": "chat"})["case_id"].tolist()
    ['2']
    """
    ds, length = parse_period(period, freq)
    segment = {name: str(value) for name, value in (by or {}).items()}
    desk = LogView.of(log, tuple(segment), length, limits, open_end=True)
    history = kpi_history(log, [kpi], tuple(segment), length, limits=limits, open_period=True)
    history = history[history["kpi"] == kpi]
    cell = _find_cell(history, kpi, ds, segment)
    rows = fetch_counted_rows(desk, kpi, segment, ds)
    entry = find_kpi(kpi)
    whole = WHOLE_SIDES.get(entry.name if entry else kpi)
    if whole is not None:
        words, sides = whole
        blank = {"case_id": None, "other_row": words, "amount": float("nan"), "state": ""}
        sums = {side: cell[side] if side in sides else 0.0 for side in ("n", "numerator")}
        rest = pd.DataFrame([{**blank, **sums, **segment, "ds": ds}])
        rows = pd.concat([rows, rest], ignore_index=True) if len(rows) else rest
    return rows[[*BEHIND_COLUMNS, *segment, "ds"]].astype({"case_id": "str", "other_row": "str", "state": "str"})


def _find_cell(history: pd.DataFrame, kpi: str, ds: pd.Timestamp, segment: Mapping[str, str]) -> pd.Series:
    """Return the row of the history that is asked for, or say what there is instead."""
    for name, value in segment.items():
        known = history[name].unique()
        if value not in set(known):
            hint = did_you_mean(value, [str(k) for k in known])
            raise InputError("unknown value of the segment", column=name, got=value, hint=hint, code="value.unknown")
        history = history[history[name] == value]
    found = history[history["ds"] == ds]
    if found.empty:
        span = f"{history['ds'].min():%Y-%m-%d} to {history['ds'].max():%Y-%m-%d}" if len(history) else "no period yet"
        raise InputError(
            f"{kpi} has no value in this period",
            column="period",
            got=f"{ds:%Y-%m-%d}",
            wanted=span,
            code="value.range",
        )
    return found.iloc[0]


def find_cases_behind(
    log: CaseLog,
    kpi: str,
    period: str,
    by: Mapping[str, str] | None = None,
    *,
    state: str | None = None,
    freq: str | None = None,
    limits: Limits | None = None,
    details: bool = True,
) -> pd.DataFrame:
    """Return one row a case behind a number, with all its KPIs; their counts sum to the number.

    Parameters
    ----------
    log, kpi, period, by, freq, limits
        As for :func:`find_rows_behind`.
    state
        Only rows in this state: ``met`` or ``breached`` of an SLA, ``yes`` or ``no`` of another share (in the numerator
        or not), ``ended`` or ``open`` of a duration.
    details
        Whether the columns of :func:`deskcast.features.kpis.case_details.describe_cases` stand beside the counts.

    Returns
    -------
    DataFrame
        case_id, other_row, n, numerator (sums over the rows of the case), amount (the sum, of durations the longest),
        state (the worst), and what is known of the case. A call, survey or session without a case, and what only the
        period as a whole has, such as its costs, has a row of its own, named in ``other_row``. Cases with the largest
        share in a shortfall first.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-01T10:00Z"]})
    >>> ends = pd.DataFrame({"case_id": ["1"], "kind": ["resolved"], "at": ["2024-03-02T11:00Z"]})
    >>> log = CaseLog.from_frames(cases=cases, events=ends, until="2024-04-02T00:00Z")
    >>> find_cases_behind(log, "resolved_within_2d", "2024-03", state="no")[["case_id", "n", "numerator"]].values
    array([['2', 1.0, 0.0]], dtype=object)
    """
    rows = find_rows_behind(log, kpi, period, by, freq=freq, limits=limits)
    if state is not None:
        known = [word for word in rows["state"].unique() if word]
        if state not in known and state not in _states_of(kpi):
            hint = did_you_mean(state, known or _states_of(kpi))
            raise InputError("unknown state", column="state", got=state, hint=hint, code="value.unknown")
        rows = rows[rows["state"] == state]
    table = _group_by_case(rows, kpi)
    if not details or not log.has("cases"):
        return table
    told = describe_cases(log, table["case_id"].dropna().tolist(), limits)
    if "state" in told:  # an attribute of the cases with the name of a column here
        told = told.rename(columns={"state": "case_state"})
    told = told.drop(columns=[name for name in ("n", "numerator", "amount", "other_row") if name in told])
    return table.merge(told, on="case_id", how="left")


def _states_of(kpi: str) -> list[str]:
    entry = find_kpi(kpi)
    if entry is not None and entry.name == "sla_attainment":
        return ["met", "breached"]
    if entry is not None and entry.kind == "share":
        return ["yes", "no"]
    return ["ended", "open"] if entry is not None and entry.unit == "s" else []


def _group_by_case(rows: pd.DataFrame, kpi: str) -> pd.DataFrame:
    """Sum the rows of each case; what belongs to none stays as it is."""
    entry = find_kpi(kpi)
    take = "max" if entry is not None and entry.unit == "s" else "sum"
    linked = rows[rows["case_id"].notna()]
    amount = linked.groupby("case_id", sort=False)["amount"]
    grouped = linked.groupby("case_id", sort=False)[["n", "numerator"]].sum()
    grouped["amount"] = amount.max() if take == "max" else amount.sum(min_count=1)
    rank = linked["state"].map(_STATE_RANK).groupby(linked["case_id"]).min()
    grouped["state"] = rank.map({number: word for word, number in _STATE_RANK.items()}).astype("str")
    table = grouped.reset_index().assign(other_row=pd.Series(None, index=range(len(grouped)), dtype="str"))
    table = pd.concat([table[list(BEHIND_COLUMNS)], rows.loc[rows["case_id"].isna(), list(BEHIND_COLUMNS)]])
    worst = (table["numerator"] - table["n"]).rename("_gap")
    return (
        table.assign(_gap=worst)
        .sort_values(["_gap", "case_id"], kind="stable")
        .drop(columns="_gap")
        .reset_index(drop=True)
    )
