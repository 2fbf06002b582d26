"""Who stopped working and what was new as a level moved, and the start of the change that goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ...features.case_log.log import CaseLog
from ...models.shifts.confirm import date_from_cause
from ...models.shifts.grouping import VOLUME_KPIS
from ...models.shifts.watched import WatchedKpi
from .watch_drivers import CAUSE_WINDOW, MAX_CAUSE_DELAY, Causes, build_explainer, parse_combination

#: So many alerts of so many last days are held against who stopped working and what was new; what goes on comes first.
MAX_ALERTS_WITH_CAUSES, CAUSES_DAYS = 24, 365
#: By so much may a start be dated too early: what began longer before the last work of an owner has another cause.
DATING_ERROR = pd.Timedelta(days=3)
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
    alert: Any
    for alert in use.itertuples():
        segment = parse_combination(str(alert.series), columns)
        members = own[(own["alert_id"] == alert.alert_id) & (own["series"] == alert.series)]
        members = members.loc[members["z"].abs().sort_values(ascending=False, kind="stable").index]
        fewer = alert.kpi in VOLUME_KPIS and alert.direction == "down"  # an absence may bring repeat contacts, not this
        starts = [(pd.Timestamp(str(one.changed_at)), str(one.kpi)) for one in members.itertuples() if segment]
        asked = (ask.causes(segment, start, str(alert.kpi) if fewer else kpi) for start, kpi in starts)
        near = (alert.changed_at - CAUSE_WINDOW, alert.changed_at + MAX_CAUSE_DELAY)  # of what is shown, too
        found = next((one for one in asked if one.words and _is_in(one.last_work_at, near)), Causes(""))
        shown = members[(members["kpi"] == alert.kpi) & (members["detected_at"] == alert.detected_at)]
        dated = _date(series.get((str(alert.kpi), str(alert.series))), shown, found)
        for column, value in dated.items():
            rows.loc[shown.index[0], column] = value
            out.loc[alert.Index, column] = round(value) if column == "impact" and pd.notna(value) else value
        out.loc[alert.Index, "started_at"] = out.loc[alert.Index, "changed_at"]
        if not dated and found.last_work_at is not None and found.last_work_at > alert.changed_at + DATING_ERROR:
            found = ask.causes(segment, alert.changed_at, VOLUME_KPIS[0])  # the change came first: no owner did it
        out.loc[alert.Index, "causes"] = found.words
    return out, rows


def _date(part: WatchedKpi | None, shown: pd.DataFrame, found: Causes) -> dict[str, Any]:
    """Return dates and figures of the detection that is shown as its cause dates it; nothing where it does not."""
    if part is None or shown.empty or found.last_work_at is None:
        return {}
    return date_from_cause(part, next(shown.itertuples()), found.last_work_at.normalize()) or {}


def _is_in(at: pd.Timestamp | None, span: tuple[pd.Timestamp, pd.Timestamp]) -> bool:
    return at is None or span[0] <= at <= span[1]


def _to_explain(alerts: pd.DataFrame) -> pd.DataFrame:
    """Return the level shifts of segments that are held against causes: what goes on first, then the strongest."""
    since = alerts["last_at"].max() - pd.Timedelta(days=CAUSES_DAYS)
    use = alerts[(alerts["kind"] == "level_shift") & (alerts["series"] != "all") & (alerts["changed_at"] > since)]
    rank = use.assign(
        _over=use["state"].map(STATE_RANKS).fillna(3), _late=-use["last_at"].astype("int64"), _size=-use["z"].abs()
    )
    first = rank.sort_values(["_over", "_size", "_late"], kind="stable").index[:MAX_ALERTS_WITH_CAUSES]
    return alerts[alerts.index.isin(first)].reindex(first)
