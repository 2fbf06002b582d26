"""Columns of the planner's day and week: time of agents, today, the review of a week, adjustments."""

from __future__ import annotations

_RATIOS = ("Shrinkage", "Occupancy", "Utilisation", "Adherence", "Conformance")

#: Table -> column -> label | format, as in :mod:`deskcast.pipelines.words.column_registry`.
PLANNER_COLUMNS = {
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
}
