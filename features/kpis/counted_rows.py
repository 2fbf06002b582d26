"""The rows that a KPI is counted from, each with what it adds to the denominator and the numerator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import pandas as pd

from ..case_log.as_number import as_float
from ..case_log.fetch import fetch
from ..errors import InputError
from . import contact_kpis as rest
from .agent_credits import find_credit
from .aggregate import aggregate_count, aggregate_share
from .catalogue import find_kpi, parse_kpi_limit_s
from .cells import SegmentedRows
from .denominator_kpis import cases_beside_denominators
from .kpi_history import choose_formulas
from .queries import CombinedQuery, DurationQuery, SumQuery
from .view import LogView

#: Columns of the rows behind a KPI, before the segments and ``ds``.
ROW_COLUMNS = ("case_id", "other_row", "n", "numerator", "amount", "state")
#: What a row is that belongs to no case: its id column -> in words.
_OTHER_ROWS = {
    "contact_id": "contact",
    "survey_id": "survey",
    "session_id": "session",
    "task_id": "task",
    "asset_id": "asset",
}


@dataclass(frozen=True)
class Side:
    """One query whose rows add to a KPI: to its denominator, to its numerator, or to both."""

    query: SumQuery | DurationQuery
    to: str = "both"


def _resolutions(desk: LogView, source: SegmentedRows) -> SumQuery:
    return aggregate_count(SegmentedRows(desk.cases.rows, source.by, source.first, source.clock), "resolved_at")


def _views_per_case(desk: LogView) -> list[Side]:
    views = desk.article_views
    aligned = SegmentedRows(desk.opened.rows, views.by, views.first, views.clock)
    return [
        Side(aggregate_count(views, "viewed_at"), "numerator"),
        Side(aggregate_count(aligned, "created_at"), "n"),
    ]


def _csat(desk: LogView) -> list[Side]:
    rows, answered = desk.surveys.rows, rest.is_answered(desk, "csat")
    return [Side(aggregate_share(desk.surveys, "responded_at", rows.score >= 4, answered))]


#: KPIs that are put together from several counts -> the rows of each.
_SIDES: Mapping[str, Callable[[LogView], list[Side]]] = {
    "csat": _csat,
    "views_per_case": _views_per_case,
    "cases_per_agent_hour": lambda desk: [Side(aggregate_count(desk.cases_of_agents, "resolved_at"), "numerator")],
    "effort_per_case": lambda desk: [Side(aggregate_count(desk.cases_of_agents, "resolved_at"), "n")],
    "cost": lambda _: [],
    "cases_per_customer": lambda desk: [Side(cases_beside_denominators(desk), "numerator")],
    "cases_per_unit": lambda desk: [Side(cases_beside_denominators(desk), "numerator")],
    "cost_per_case": lambda desk: [Side(rest.resolutions_beside_costs(desk), "n")],
    "cost_per_success": lambda desk: [Side(rest.kept_resolutions(desk), "n")],
    "requests_per_agent": lambda desk: [Side(aggregate_count(desk.requests, "at"), "numerator")],
    "occupancy": lambda _: [],
    "utilisation": lambda _: [],
    "availability": lambda _: [],
}
#: What no single case has a part in: working time and money of the period as a whole -> in words, and which side.
WHOLE_SIDES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "requests_per_agent": ("agents who acted", ("n",)),
    "cases_per_agent_hour": ("paid hours of all agents", ("n",)),
    "effort_per_case": ("time of all agents", ("numerator",)),
    "cost": ("costs of the period", ("n", "numerator")),
    "cases_per_customer": ("customers of the period", ("n",)),
    "cases_per_unit": ("units sold in the period", ("n",)),
    "cost_per_case": ("costs of the period", ("numerator",)),
    "cost_per_success": ("costs of the period", ("numerator",)),
    "occupancy": ("time of all agents", ("n", "numerator")),
    "utilisation": ("time of all agents", ("n", "numerator")),
    "availability": ("time of all agents", ("n", "numerator")),
}
#: KPIs of what is open at the end of a period.
_STOCKS = ("backlog", "backlog_age", "backlog_over_30d", "resolution_rate")


def fetch_counted_rows(
    desk: LogView, kpi: str, segment: Mapping[str, str] | None = None, ds: pd.Timestamp | None = None
) -> pd.DataFrame:
    """Fetch the rows that a KPI is counted from.

    Parameters
    ----------
    desk
        The log with its segments and periods.
    kpi
        As :func:`deskcast.features.kpis.kpi_history.kpi_history` names it.
    segment
        Segment column -> the value that is wanted; all values by default.
    ds
        Start of the period; all periods by default. What is open at the end of a period needs one.

    Returns
    -------
    DataFrame
        case_id (missing where the row belongs to none), other_row (what it is then), n and numerator (what the row
        adds to them), amount (seconds, score or money of the row), state (of SLAs met or breached, of shares yes or
        no, of durations ended or open), the segments, ds.
    """
    entry = find_kpi(kpi)
    name = kpi if entry is None else entry.name
    segment = dict(segment or {})
    _, formula = next(iter(choose_formulas(desk, [kpi])))
    desk = desk.credited(find_credit(kpi) or desk.credit)
    if name in _STOCKS or name.startswith("backlog_over_"):
        if ds is None:
            raise InputError("a stock is counted at the end of one period", column="period", code="kpi.unavailable")
        return _fetch_stock(desk, kpi, segment, ds)
    sides = _SIDES[name](desk) if name in _SIDES else None
    if sides is None:
        found = formula(desk)
        if isinstance(found, pd.DataFrame | CombinedQuery) or (isinstance(found, SumQuery) and found.counted is None):
            problem = "this KPI is counted from totals: no single rows are known"
            raise InputError(problem, column="kpi", got=kpi, code="kpi.unavailable")
        sides = [Side(found)]
    frames = [_fetch_side(side, segment, ds) for side in sides]
    frames = [frame for frame in frames if len(frame)] or frames[:1] or [_no_rows(desk)]
    found_rows = pd.concat(frames, ignore_index=True)  # an engine gives them in any order
    return found_rows.sort_values(list(found_rows.columns), ignore_index=True)


def _no_rows(desk: LogView) -> pd.DataFrame:
    columns = {name: pd.Series(dtype="float64" if name in ("n", "numerator", "amount") else "str")
               for name in ROW_COLUMNS}  # fmt: skip
    return pd.DataFrame(columns | {name: pd.Series(dtype="str") for name in desk.by}).assign(
        ds=pd.Series(dtype="datetime64[us]")
    )


def _fetch_side(side: Side, segment: Mapping[str, str], ds: pd.Timestamp | None) -> pd.DataFrame:
    """Fetch the rows of one query that add anything, with what each adds."""
    query, source, rows = side.query, side.query.source, side.query.rows
    names = set(rows.columns)
    key = next((name for name in _OTHER_ROWS if name in names), None)
    other = (
        ibis.null("string") if key is None else ibis.literal(f"{_OTHER_ROWS[key]} ").concat(rows[key].cast("string"))
    )
    case_id = rows.case_id if "case_id" in names else ibis.null("string")
    columns: dict[str, Any] = {"case_id": case_id, "other_row": case_id.isnull().ifelse(other, None)}
    if isinstance(query, DurationQuery):
        columns |= {"n": (query.spent >= 0).fill_null(False), "numerator": query.over.fill_null(False)}
        columns |= {"amount": query.spent, "state": query.over.fill_null(False).ifelse("ended", "open")}
    else:
        columns |= {"n": query.counted, "numerator": query.amount, "amount": as_float(query.amount)}
        columns["state"] = _state_of(query, rows)
    asked = rows.select(
        **columns, **{f"_{name}": rows[name] for name in source.by}, ds=source.period_of(rows[query.at])
    )
    wanted = as_float(asked.n) != 0
    for name, value in segment.items():
        wanted = wanted & (asked[f"_{name}"] == value)
    if ds is not None:
        wanted = wanted & (asked.ds == ibis.literal(ds))
    frame = fetch(asked.filter(wanted)).rename(columns={f"_{name}": name for name in source.by})
    for column in ("n", "numerator"):
        frame[column] = frame[column].astype("float64").fillna(0.0)
    if isinstance(query, SumQuery) and query.sums.keys() == {"k", "n"}:
        frame["numerator"] = frame["numerator"].where(frame["n"] > 0, 0.0)
        frame["amount"] = float("nan")
    frame["amount"] = frame["amount"].astype("float64")
    if side.to != "both":
        frame["numerator" if side.to == "n" else "n"] = 0.0
    return frame


def _state_of(query: SumQuery, rows: Any) -> Any:
    if query.sums.keys() != {"k", "n"}:
        return ibis.literal("")
    if "metric" in rows.columns and "status" in rows.columns:
        return rows.status
    return query.amount.fill_null(False).ifelse("yes", "no")


def _fetch_stock(desk: LogView, kpi: str, segment: Mapping[str, str], ds: pd.Timestamp) -> pd.DataFrame:
    """Fetch the cases that are open at the end of a period, or all that could have been resolved in it."""
    source = desk.transitions
    spans = desk.open_spans
    for name, value in segment.items():
        spans = spans[spans[name] == value]
    period = source.periods[source.periods["ds"] == ds].iloc[0]
    if kpi == "resolution_rate":
        return _fetch_resolvable(desk, spans, segment, ds, period["starts_at"])
    end = period["ends_at"]
    there = spans[(spans["at"] < end) & (spans["until"] >= end)]
    age = (end - there["created_at"]).dt.total_seconds().to_numpy()
    limit = parse_kpi_limit_s(kpi)
    hit = pd.Series(True if limit is None else age > limit, index=there.index)
    state = "" if limit is None else hit.map({True: "yes", False: "no"})
    return _shape(there, desk.by, ds, n=1.0, numerator=hit.astype(float), amount=age, state=state)


def _fetch_resolvable(
    desk: LogView, spans: pd.DataFrame, segment: Mapping[str, str], ds: pd.Timestamp, begin: pd.Timestamp
) -> pd.DataFrame:
    """Fetch what waits when a period begins, what is opened in it, and what is resolved in it."""
    source = desk.transitions
    waits = spans[(spans["at"] < begin) & (spans["until"] >= begin)]
    opens = source.rows.filter(source.rows.change.isin(("opened", "reopened")))
    opened = _fetch_side(Side(aggregate_count(source.over(opens), "at"), "n"), segment, ds)
    resolved = _fetch_side(Side(_resolutions(desk, source), "numerator"), segment, ds)
    blank = float("nan")
    before = _shape(waits, desk.by, ds, n=1.0, numerator=0.0, amount=blank, state="no")
    parts = [before, opened.assign(amount=blank, state="no"), resolved.assign(amount=blank, state="yes")]
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def _shape(rows: pd.DataFrame, by: tuple[str, ...], ds: pd.Timestamp, **measures: Any) -> pd.DataFrame:
    frame = rows[["case_id"]].assign(other_row=None, **measures)
    return frame.assign(**{name: rows[name] for name in by}, ds=ds).reset_index(drop=True)
