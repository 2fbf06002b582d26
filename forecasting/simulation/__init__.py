"""The same played event by event, to check formula and plan."""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "chats": "simulate_chats",
    "check_plan": "batch_sums check_plan estimate_mean_interval share_interval",
    "plan_run": "draw_patience",
    "queue": "Agent QueueRun SERVED simulate_queue",
    "skills": "simulate_skills",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
