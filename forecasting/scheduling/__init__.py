"""Who works when, and who serves which queue."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "ShiftPattern": "shift_patterns",
        "allocate_skills": "skills",
        "shift_patterns": "shift_patterns",
        "shift_schedule": "schedule",
        "skill_bounds": "skills",
        "skill_plan": "skills",
    },
)
