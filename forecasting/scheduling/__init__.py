"""Who works when, and who serves which queue."""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "schedule": "shift_schedule",
    "shift_patterns": "ShiftPattern shift_patterns",
    "skill_week": "SkillQueue plan_skill_groups",
    "skills": "allocate_skills skill_bounds skill_plan",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
