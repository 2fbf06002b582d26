"""Columns of the planner's day and week: time of agents, today, the review of a week, adjustments."""

from __future__ import annotations

from .accuracy_columns import ACCURACY_COLUMNS

_RATIOS = ("Shrinkage", "Occupancy", "Utilisation", "Adherence", "Conformance")

#: Table -> column -> label | format, as in :mod:`deskcast.pipelines.words.column_registry`.
PLANNER_COLUMNS = {
    "review_accuracy": ACCURACY_COLUMNS["accuracy_staffing"],
    "shrinkage": {
        "kind": "Kind | words",
        "period": "Period | text",
        "share": "Share of paid time | share",
        "lo": "95% CI low | share",
        "hi": "95% CI high | share",
        "hours": "Paid hours off contacts | number",
        "paid_hours": "Paid hours | number",
        "agent_days": "Agent days | count",
    },
    "team_time": {
        "agents": "Agents | count",
        "agent_days": "Agent days | count",
        "paid_hours": "Paid hours | number",
        **{name.lower(): f"{name} | share" for name in _RATIOS},
        **{f"{name.lower()}-lo": f"{name}, 95% CI low | share" for name in _RATIOS},
        **{f"{name.lower()}-hi": f"{name}, 95% CI high | share" for name in _RATIOS},
    },
    "concurrency": {
        "chats": "Chats at once | count",
        "share": "Share of the time with chats | share",
        "share-lo": "95% CI low | share",
        "share-hi": "95% CI high | share",
        "hours": "Agent hours | number",
    },
    "today": {
        "ds": "Interval start | day",
        "planned": "Planned contacts | expected",
        "reforecast": "Expected now | expected",
        "reforecast-lo-80": "Likely low | expected",
        "reforecast-hi-80": "Likely high | expected",
        "aht_s": "AHT | duration",
        "agents": "Agents on contacts | number",
        "required": "Required agents | count",
        "net": "Agents over or short | number",
        "service_level": "Expected service level | share",
    },
    "today_moves": {
        "move": "Move | words",
        "start": "From | day",
        "end": "To | day",
        "agents": "Agents (callbacks: contacts) | number",
        "hours": "Agent hours | number",
        "service_level": "Service level of the rest | share",
        "gain": "Gain | points",
    },
    "today_accuracy": {
        "method": "Method | value",
        "total_error": "Error of the total | share",
        "days": "Past days | count",
    },
    "review": {
        "ds": "Interval start | day",
        "calls_planned": "Forecast contacts | expected",
        "calls": "Actual contacts | count",
        "aht_planned": "AHT, planned | duration",
        "aht": "AHT, actual | duration",
        "agents_planned": "Required agents, planned | number",
        "agents_scheduled": "Scheduled agents | number",
        "agents": "Agents on contacts | number",
        "agents_off": "Scheduled, but off contacts | number",
        "service_level": "Service level, observed | share",
    },
    "review_causes": {
        "cause": "Cause | text",
        "part": "Part of the difference | points",
        "part-lo": "Likely low | points",
        "part-hi": "Likely high | points",
        "share": "Share of the difference | share",
    },
    "review_work": {
        "ds": "Interval start | day",
        "arrived_planned": "Forecast new cases | expected",
        "arrived": "New cases | count",
        "agents_planned": "Required agents, planned | number",
        "agents": "Agents at work | number",
        "backlog_planned": "Backlog, planned | number",
        "backlog": "Backlog | count",
        "breaches": "Breaches | count",
    },
    "review_work_causes": {
        "cause": "Cause | value",
        "part": "Part of the difference, cases | number",
        "part-lo": "Likely low | number",
        "part-hi": "Likely high | number",
        "share": "Share of the difference | share",
    },
    "review_adjustments": {
        "adjustment": "Adjustment | text",
        "base": "Forecast without it | expected",
        "adjusted": "Forecast with it | expected",
        "actual": "Actual contacts | count",
        "error_base": "Error without it | share",
        "error_adjusted": "Error with it | share",
        "intervals": "Intervals | count",
        "helped": "Helped | flag",
    },
    "adjustments": {
        "name": "Adjustment | text",
        "what": "Effect | text",
        "series": "Series or queue | text",
        "by": "By | text",
        "at": "Written | instant",
        "reason": "Reason | text",
    },
    "review_volume": {
        "cause": "Kind | words",
        "subject": "Cause | text",
        "actual": "Volume of the week | number",
        "usual": "Usual or expected | number",
    },
}
