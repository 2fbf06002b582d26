"""Who stopped working and what was new as a level moved, and the start of the change that goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ...features.case_log.log import CaseLog
from ...models.shifts.confirm import date_from_cause
from ...models.shifts.grouping import VOLUME_KPIS
from ...models.shifts.watched import WatchedKpi
from .watch_drivers import MAX_CAUSE_DELAY, Causes, build_explainer, parse_combination

#: So many alerts of so many last days are held against who stopped working and what was new; what goes on comes first.
MAX_ALERTS_WITH_CAUSES, CAUSES_DAYS = 24, 365
#: Which alerts come first: what goes on.
STATE_RANKS = {"new": 0, "continuing": 0, "become usual": 1, "back to normal": 2, "explained": 4}


def add_causes(
    log: CaseLog, alerts: pd.DataFrame, detections: pd.DataFrame, by: Sequence[str], parts: Sequence[WatchedKpi]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Name possible causes where a level has moved in a segment, and date the change by what is named if values allow.

    Parameters
    ----------
    log
        The case log.
    alerts, detections
        The alerts, and the detections with ``alert_id``.
    by
        Columns of segments.
    parts
        The KPIs that are watched, with the series of combinations.

    Returns
    -------
    (DataFrame, DataFrame)
        The alerts with ``causes``, and the detections: a change that is dated anew is so in both.
    """
    columns = [c for c in by if log.has("cases", c)]
    use = _to_explain(alerts)
    if use.empty or not columns:
        return alerts, detections
    out, rows = alerts.copy(), detections.copy()
    own = rows[rows["alert_id"].isin(use["alert_id"]) & (rows["kind"] == "level_shift")]
    ask = build_explainer(log, columns, own["changed_at"].min())
    series = {(part.kpi, name): part for part in parts for name in part.panel.names}
    for alert in use.itertuples():
        segment = parse_combination(str(alert.series), columns)
        members = own[(own["alert_id"] == alert.alert_id) & (own["series"] == alert.series)]
        members = members.loc[members["z"].abs().sort_values(ascending=False, kind="stable").index]
        fewer = alert.kpi in VOLUME_KPIS and alert.direction == "down"  # an absence may bring repeat contacts, not this
        asked = (
            ask.causes(segment, one.changed_at, str(alert.kpi if fewer else one.kpi))
            for one in members.itertuples()
            if segment
        )
        latest = alert.changed_at + MAX_CAUSE_DELAY  # of another KPI that moved long after the one that is shown
        found = next((one for one in asked if one.words and not (one.last_work_at or latest) > latest), Causes(""))
        out.loc[alert.Index, "causes"] = found.words
        shown = members[(members["kpi"] == alert.kpi) & (members["detected_at"] == alert.detected_at)]
        part = series.get((str(alert.kpi), str(alert.series)))
        if found.last_work_at is None or part is None or shown.empty:
            continue
        row: Any = next(shown.itertuples())
        dated = date_from_cause(part, row, found.last_work_at.normalize())
        for column, value in (dated or {}).items():
            rows.loc[row.Index, column] = value
            out.loc[alert.Index, column] = round(value) if column == "impact" and pd.notna(value) else value
        out.loc[alert.Index, "started_at"] = out.loc[alert.Index, "changed_at"]
    return out, rows


def _to_explain(alerts: pd.DataFrame) -> pd.DataFrame:
    """Return the level shifts of segments that are held against causes: what goes on first, then the strongest."""
    since = alerts["last_at"].max() - pd.Timedelta(days=CAUSES_DAYS)
    use = alerts[(alerts["kind"] == "level_shift") & (alerts["series"] != "all") & (alerts["changed_at"] > since)]
    rank = use.assign(
        _over=use["state"].map(STATE_RANKS).fillna(3), _late=-use["last_at"].astype("int64"), _size=-use["z"].abs()
    )
    order = rank.sort_values(["_over", "_size", "_late"], kind="stable").index
    return use.loc[order].head(MAX_ALERTS_WITH_CAUSES)
