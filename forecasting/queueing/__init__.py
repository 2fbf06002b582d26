"""What a queue does with given agents: Erlang B, C, A and beyond, chats, hours that depend on each other."""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "call_log": "call_intervals compute_waits estimate_patience find_immediate_abandons",
    "call_log_fit": "expected_calls predict_interval_performance",
    "chat": "chat_performance",
    "erlang": "erlang_b erlang_c queue_performance",
    "offered_load": "offered_load",
    "patience": "Patience",
    "transient": "queue_over_day",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
