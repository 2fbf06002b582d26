"""Why a KPI changed: what each segment contributed, and how much of it was mix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ...features.case_log.log import CaseLog
from ...features.errors import InputError
from ...features.renamed import with_old_attributes
from ..series.kpi_kinds import infer_kpi_kind
from ..series.panel import numbers_of
from ..series.tail_probability import KpiKind
from .mix_rate import split_change, split_count

CHANGE_COLUMNS = ("column", "value", "before", "after", "n_before", "n_after", "mix", "rate", "contribution")
DRIVER_COLUMNS = ("kpi", "series", "column", "value", "before", "after", "contribution")
DayRange = tuple[Any, Any]


def explain_change(
    log: CaseLog, kpi: str, before: DayRange, after: DayRange, by: Sequence[str] | str = ("channel",)
) -> pd.DataFrame:
    """Compute what each segment contributed to the change of a KPI between two spans of days.

    Parameters
    ----------
    log
        The case log.
    kpi
        A KPI of the catalogue.
    before, after
        First and last day of each span, both included, on the log's own clock.
    by
        Columns of the cases to split by, each on its own.

    Returns
    -------
    DataFrame
        ``column``, ``value``, ``before``, ``after``, ``n_before``, ``n_after``, ``mix``, ``rate``, ``contribution``:
        for each column the contributions add up to the change of the KPI, which stands with the totals in ``attrs``
        (``before``, ``after``, ``change``, ``unit``; the columns are ``segments``). Counts are per day; a stock such as
        the backlog is that of the last day; durations are means, as medians do not add up, over the days and segments
        whose mean is known.

    Raises
    ------
    InputError
        If the KPI or a column is unknown, a span is reversed, or a side has no cases.

    Examples
    --------
    >>> stamps = ["2024-03-01T09:00Z"] * 2 + ["2024-03-02T09:00Z"] * 5 + ["2024-03-03T09:00Z"]
    >>> cases = pd.DataFrame({"case_id": list("abcdefgh"), "created_at": stamps, "channel": ["web"] * 3 + ["chat"] * 5})
    >>> log = CaseLog.from_frames(cases=cases, until="2024-03-03T12:00Z")
    >>> why = explain_change(log, "cases_opened", ("2024-03-01", "2024-03-01"), ("2024-03-02", "2024-03-02"))
    >>> why[["value", "before", "after", "contribution"]].values.tolist(), why.attrs["change"]
    ([['chat', 0.0, 4.0, 4.0], ['web', 2.0, 1.0, -1.0]], 3.0)
    """
    from ...features.kpis.kpi_history import kpi_history

    days = {"before": days_of(before, "before"), "after": days_of(after, "after")}
    columns = [by] if isinstance(by, str) else list(dict.fromkeys(by)) if isinstance(by, Iterable) else []
    if not columns:
        raise InputError(
            "at least one column is needed", where="argument 'by'", wanted="such as ['channel']", code="column.missing"
        )
    parts = []
    for column in columns:
        history = kpi_history(log, kpi, by=column, freq="D")
        parts.append(_explain(history, kpi, column, days["before"], days["after"]))
    out = pd.concat(parts, ignore_index=True)
    out.attrs = parts[0].attrs | {"segments": tuple(columns)}
    return out


def rank_drivers(
    log: CaseLog,
    incident: Mapping[str, Any] | pd.Series,
    by: Sequence[str],
    *,
    segments: Sequence[str] = (),
    top: int = 3,
) -> pd.DataFrame:
    """Rank the segments that drove an incident: those that changed by more than their share of the whole.

    Parameters
    ----------
    log
        The case log.
    incident
        A row of :func:`detect_shifts` on a daily history: ``kpi``, ``series``, ``started_at``, ``last_at`` and, where
        it is known, ``direction``.
    by
        Columns of the cases to look at.
    segments
        Columns that make up the incident's ``series``, where the history was split.
    top
        Largest number of segments.

    Returns
    -------
    DataFrame
        ``kpi, series, column, value, before, after, contribution``, the strongest first; the days of the incident
        against the same days of the week in the four weeks before. A stock such as the backlog is that of the day on
        which it was farthest off, against the day before the incident. Empty where the change is spread evenly, or
        where it went the other way against those days. ``attrs["summary"]`` says it in one sentence; nothing where no
        column tells anything.

    Raises
    ------
    InputError
        If a column is unknown.
    """
    from ...features.kpis.kpi_history import kpi_history

    kpi, series = str(incident["kpi"]), str(incident["series"])
    start, last = pd.Timestamp(incident["started_at"]), pd.Timestamp(incident["last_at"])
    way = {"up": 1, "down": -1}.get(str(incident.get("direction", "")), 0)
    days = pd.date_range(start, min(last, start + pd.Timedelta(days=27)), unit="us")
    found = []
    for column in [c for c in by if c not in segments]:
        history = kpi_history(log, kpi, by=[*segments, column], freq="D")
        for name, value in zip(segments, series.split("/"), strict=False):
            history = history[history[name].fillna("(missing)") == value]
        stock = infer_kpi_kind(kpi, history) == "stock"
        before, after = farthest_days(history, days, way) if stock else (weeks_before(days), days)
        try:
            table = _explain(history, kpi, column, before, after)
        except InputError:
            continue  # no cases on one side: this column cannot explain anything
        found.append(table)
    return _ranked([t for t in found if way * t.attrs["change"] >= 0], kpi, series, top)


def weeks_before(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the same days of the week in the four weeks before some days in a row."""
    weeks = -(-len(days) // 7)
    return pd.DatetimeIndex(sorted({day - pd.Timedelta(days=7 * (weeks + k)) for day in days for k in range(4)}))


def farthest_days(history: pd.DataFrame, days: pd.DatetimeIndex, way: int) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    """Return the day before the first, and the one on which a stock had moved the most: by the last it may be back."""
    total = history.groupby("ds")["value"].sum()
    before = days[:1] - pd.Timedelta(days=1)
    moved = total.reindex(days) - float(total.reindex(before).iloc[0])
    size = (moved * way if way else moved.abs()).dropna()
    return before, pd.DatetimeIndex([size.idxmax()]).as_unit("us") if len(size) else days[:1]


def _explain(
    history: pd.DataFrame, kpi: str, column: str, before: pd.DatetimeIndex, after: pd.DatetimeIndex
) -> pd.DataFrame:
    """Split one column over two sets of days."""
    kind = infer_kpi_kind(kpi, history)
    was, now = (
        sum_by_segment(history[history["ds"].isin(days)], [column], kind, len(days)).rename(columns={column: "value"})
        for days in (before, after)
    )
    if kind in ("count", "stock"):
        table = split_count(was, now)
        totals = [float(side["n"].sum()) for side in (was, now)]
    else:
        table = split_change(was, now)
        totals = [float(side["numerator"].sum() / side["n"].sum()) for side in (was, now)]
    table.insert(0, "column", pd.Series(column, index=table.index, dtype="str"))
    table.attrs = {"before": totals[0], "after": totals[1], "change": totals[1] - totals[0], "unit": kind}
    return table


def sum_by_segment(rows: pd.DataFrame, columns: Sequence[str], kind: KpiKind, days: int) -> pd.DataFrame:
    """Return ``n`` and ``numerator`` of each combination of segments over some days of a history.

    >>> day = pd.Timestamp("2024-03-01")
    >>> rows = pd.DataFrame({"ds": [day, day], "channel": ["web", "chat"], "value": [3.0, 1.0]})
    >>> sum_by_segment(rows, ["channel"], "count", 1)["n"].tolist()
    [1.0, 3.0]
    """
    if kind == "stock":
        rows = rows[rows["ds"] == rows["ds"].max()]
        days = 1
    if kind in ("count", "stock"):
        n, numerator = numbers_of(rows["value"]) / max(days, 1), np.zeros(len(rows))
    else:
        n = np.nan_to_num(numbers_of(rows["n"]))
        exact = numbers_of(rows["numerator"]) if kind == "share" else numbers_of(rows["mean"]) * n
        # the value of a duration is a median, which must not stand in for a mean that is not known yet
        plain = np.full(len(rows), np.nan) if kind == "duration" else numbers_of(rows["value"]) * n
        numerator = np.where(np.isnan(exact), plain, exact)
        n, numerator = np.where(np.isnan(numerator), 0.0, n), np.nan_to_num(numerator)
    frame = pd.DataFrame({c: rows[c].astype("str").fillna("(missing)").to_numpy() for c in columns})
    frame = frame.assign(n=n, numerator=numerator)
    return frame.groupby(list(columns), as_index=False).sum()


def _ranked(found: Sequence[pd.DataFrame], kpi: str, series: str, top: int) -> pd.DataFrame:
    """Keep the segments whose contribution exceeds their share of the whole by a tenth of the change or more."""
    rows = []
    for table in found:
        change = table.attrs["change"]
        if not change:
            continue
        share = (table["n_before"] + table["n_after"]) / (table["n_before"] + table["n_after"]).sum()
        if table.attrs["unit"] in ("count", "stock"):
            share = table["n_before"] / max(float(table["n_before"].sum()), 1e-12)
        strength = table["contribution"] / change - share
        rows.append(table.assign(strength=strength, part=table["contribution"] / change))
    out = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=[*CHANGE_COLUMNS, "strength", "part"])
    out = out[(out["strength"] >= 0.1) & (out["part"] >= 0.2)]
    out = out.sort_values(["strength", "column", "value"], ascending=[False, True, True]).head(top)
    words = [f"{r.column} {r.value} ({r.part:.0%} of the change)" for r in out.itertuples()]
    out = out.assign(kpi=kpi, series=series)[list(DRIVER_COLUMNS)].reset_index(drop=True)
    out = out.astype(dict.fromkeys(("kpi", "series", "column", "value"), "str"))
    said = "; ".join(words) if words or not found else "spread evenly over the segments"
    out.attrs = with_old_attributes({"summary": said}, "explain_change")
    return out


def days_of(span: DayRange, name: str) -> pd.DatetimeIndex:
    """Return the days from the first to the last of a span.

    >>> len(days_of(("2024-02-28", "2024-03-01"), "before"))
    3
    """
    try:
        first, last = (pd.Timestamp(day).tz_localize(None).normalize() for day in span)
    except (TypeError, ValueError) as error:
        raise InputError(
            "span must be two days",
            where=f"argument '{name}'",
            got=span,
            wanted="(first, last)",
            code="time.unreadable",
        ) from error
    if not first <= last:
        raise InputError(
            "the span is reversed",
            where=f"argument '{name}'",
            got=span,
            wanted="first day, then last",
            code="time.order",
        )
    return pd.date_range(first, last, unit="us")
