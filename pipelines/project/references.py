"""What one section of a configuration says of another: calendars and queues that must be there."""

from __future__ import annotations

from ...features.errors import InputError, did_you_mean
from .goal_specs import check_goals
from .specs import Config


def check_references(config: Config, where: str) -> None:
    """Refuse a calendar or a queue that no section declares, and people in what every run records.

    Raises
    ------
    InputError
        Names the section and the key, what came and what is declared.
    """
    named = [(f"[[sla]] {s.metric}", "calendar", s.calendar) for s in config.slas]
    named += [("[forecast]", "calendar", config.forecast.calendar), ("[history]", "calendar", config.history.calendar)]
    named += [(f"[staffing.{name}]", "calendar", s.calendar) for name, s in config.staffing.items()]
    named += [(f"[shifts.{name}]", "queue", s.queue) for name, s in config.shifts.items()]
    for section, columns in (
        ("history", config.history.by),
        ("forecast", config.forecast.by),
        ("watch", config.watch.by),
        ("run", (config.run.compare,)),
        *(("goal", tuple(goal.where)) for goal in config.goals),
    ):
        if "agent" in columns and config.people.by_agent:
            raise InputError(
                "agents are never in what every run records",
                where=f"{where} [{section}]",
                column={"goal": "where", "run": "compare"}.get(section, "by"),
                got="agent",
                hint="use 'deskcast history --by agent' or 'deskcast compare --by agent'",
                code="setting.invalid",
            )
    check_goals(config.goals, where)
    check_skills(config, where)
    declared = {"calendar": tuple(config.calendars), "queue": tuple(config.staffing)}
    for section, key, name in named:
        if name is not None and name not in declared[key]:
            missing = "add [calendar.NAME]" if key == "calendar" else "add [staffing.NAME]"
            hint = did_you_mean(name, declared[key]) if declared[key] else missing
            raise InputError(
                f"unknown {key}",
                where=f"{where} {section}",
                column=key,
                got=name,
                hint=hint,
                code="setting.invalid",
            )


def check_skills(config: Config, where: str) -> None:
    """Refuse skills that nobody has or nothing asks for, and queues that cannot share agents.

    Raises
    ------
    InputError
        Names the section and the key.
    """
    asking = {name: spec for name, spec in config.staffing.items() if spec.skills}
    asked = {skill for spec in asking.values() for skill in spec.skills}
    for name, group in config.agents.items():
        for skill in group.skills:
            if skill not in asked:
                raise InputError(
                    "no queue asks for this skill", where=f"{where} [agents.{name}]", column="skills", got=skill,
                    hint=did_you_mean(skill, tuple(sorted(asked))) if asked else "add skills to [staffing.NAME]",
                    code="setting.invalid",
                )  # fmt: skip
    interval = next((spec.interval_s for spec in asking.values()), 0.0)
    for name, spec in asking.items():
        place = f"{where} [staffing.{name}]"
        if not any(set(spec.skills) <= set(group.skills) for group in config.agents.values()):
            raise InputError(
                "no group of agents has these skills", where=place, column="skills", got=", ".join(spec.skills),
                hint="add a group such as [agents.NAME] with them", code="setting.invalid",
            )  # fmt: skip
        if spec.interval_s != interval:
            raise InputError(
                "queues that share agents need one interval", where=place, column="interval",
                got=f"{spec.interval_s:g} s", wanted=f"{interval:g} s", code="setting.invalid",
            )  # fmt: skip
