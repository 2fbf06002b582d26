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
