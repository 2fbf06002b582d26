"""The same played event by event, to check formula and plan."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Agent": "queue",
        "QueueRun": "queue",
        "SERVED": "queue",
        "batch_sums": "check_plan",
        "check_plan": "check_plan",
        "draw_patience": "plan_run",
        "estimate_mean_interval": "check_plan",
        "share_interval": "check_plan",
        "simulate_chats": "chats",
        "simulate_queue": "queue",
        "simulate_skills": "skills",
    },
)
