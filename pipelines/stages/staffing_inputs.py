"""What a staffing plan was made of, so that the page can make it anew for other targets: settings and forecast."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from .planned_load import planned_forecast
from .queue import PlannedQueue

#: Settings of a queue that the page may change; missing ones do not bind.
SETTING_COLUMNS = (
    *("queue", "queue_kind", "interval_s", "service_level", "within_s", "patience_s", "max_occupancy", "shrinkage"),
    *("confidence", "concurrency", "slowdown", "aht_spread", "target_over", "aht_with_volume"),
)


def build_staffing_inputs(queues: Sequence[PlannedQueue]) -> dict[str, pd.DataFrame]:
    """Return the settings of the queues that were planned, and the forecasts that calls and chats were planned for.

    Parameters
    ----------
    queues
        Queues with a plan.

    Returns
    -------
    ``staffing_settings`` (one row a queue) and ``staffing_forecast`` (``queue``, ``ds``, ``deskcast`` and its bounds).
    """
    rows = [describe_settings(queue) for queue in queues]
    texts = dict.fromkeys(("queue", "queue_kind", "target_over"), "str")
    types = dict.fromkeys(SETTING_COLUMNS, "float64") | texts
    settings = pd.DataFrame(rows, columns=list(SETTING_COLUMNS)).astype(types)
    parts = []
    for queue in queues:
        if queue.spec.kind != "cases":
            ahead = planned_forecast(queue)
            names = ["ds", *(c for c in ahead.columns if str(c).startswith("deskcast"))]
            parts.append(ahead[names].assign(queue=queue.name))
    tables = {"staffing_settings": settings}
    if parts:
        ahead = pd.concat(parts, ignore_index=True)
        tables["staffing_forecast"] = ahead[["queue", *(c for c in ahead.columns if c != "queue")]]
    return tables


def describe_settings(queue: PlannedQueue) -> list[object]:
    """Return the settings of a queue in the order of ``SETTING_COLUMNS``; chats are not bound by occupancy."""
    spec, chats = queue.spec, queue.spec.kind == "chat"
    return [
        queue.name,
        spec.kind,
        spec.interval_s,
        spec.service_level,
        spec.within_s,
        spec.patience_s,
        None if chats else spec.max_occupancy,
        queue.total_shrinkage,
        spec.confidence,
        spec.concurrency if chats else None,
        spec.slowdown if chats else None,
        queue.handle_time_variation.spread,
        spec.target_over,
        queue.handle_time_variation.with_volume,
    ]
