"""What a queue does with given agents: Erlang B, C, A and beyond, chats, hours that depend on each other."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Patience": "patience",
        "call_intervals": "call_log",
        "chat_performance": "chat",
        "erlang_b": "erlang",
        "erlang_c": "erlang",
        "estimate_patience": "call_log",
        "expected_calls": "call_log_fit",
        "find_immediate_abandons": "call_log",
        "offered_load": "offered_load",
        "predict_interval_performance": "call_log_fit",
        "queue_over_day": "transient",
        "queue_performance": "erlang",
        "compute_waits": "call_log",
    },
)
