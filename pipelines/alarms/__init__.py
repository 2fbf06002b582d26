"""Alarms: who is told of what a night found, each once."""

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__, {"choose": "Alarm choose_alarms", "outbox": "queue_alarms", "send": "send_waiting"}
)
