"""What a configuration says of goals and advice: what a KPI should reach and from when, and what to try on an alert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Annotated

import pandas as pd
from pydantic import model_validator
from pydantic.dataclasses import dataclass

from ...features.errors import InputError, did_you_mean
from ...features.kpis.catalogue import find_kpi
from ...features.kpis.purposes import PURPOSES
from ...models.goals import better_direction
from ...models.shifts.advice import CONDITIONS, KNOWN_VALUES, Advice
from . import fields
from .checks import split_values
from .fields import SECTION, one_of


@dataclass(frozen=True, config=SECTION)
class GoalSpec:
    """A goal: a KPI and the value that it should reach by the end of a period (``W``, ``MS``, ``QS`` or ``YS``).

    ``better`` is ``higher`` or ``lower``; where it is not given, the KPI tells. ``where`` is the segment that it is
    for, such as ``{ region = "Ireland" }``. Several of one name, each with its ``valid_from``, are versions of one
    goal: a period is judged by the one that was in force when it began. ``serves`` is what it is for: ``retention``,
    ``scale`` or ``cost``.
    """

    name: str
    kpi: fields.KpiName
    target: fields.Finite
    better: Annotated[str | None, one_of("unknown better", lambda: ("higher", "lower"))] = None
    period: Annotated[str, one_of("unknown period", lambda: ("W", "MS", "QS", "YS"))] = "MS"
    where: Mapping[str, str] = field(default_factory=dict)
    valid_from: str | None = None
    serves: Annotated[str | None, one_of("unknown purpose", lambda: tuple(PURPOSES))] = None

    @model_validator(mode="after")
    def _check(self) -> GoalSpec:
        if len(self.where) > 1 or not all(value.strip() and "|" not in value for value in self.where.values()):
            problem, wanted = "a goal is for one segment", 'one column and value, such as { region = "Ireland" }'
            raise InputError(problem, column="where", got=dict(self.where), wanted=wanted, code="setting.invalid")
        if self.valid_from is not None and pd.isna(pd.to_datetime(self.valid_from, errors="coerce", format="ISO8601")):
            raise InputError(
                "not a valid date",
                column="valid_from",
                got=self.valid_from,
                wanted="YYYY-MM-DD",
                code="time.unreadable",
            )
        return self

    @property
    def since(self) -> pd.Timestamp:
        """First day on which it is the goal; the earliest that there is where it always was."""
        return pd.Timestamp.min.ceil("D") if self.valid_from is None else _day(self.valid_from)

    @property
    def series(self) -> str:
        """Segment that it is for, as alerts name it; ``all`` without one."""
        return next((f"{column} {value}" for column, value in self.where.items()), "all")

    @property
    def direction(self) -> str:
        """Whether ``higher`` or ``lower`` is better: as given, else by the KPI."""
        return "higher" if better_direction(self.kpi, self.better) > 0 else "lower"


def _day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text).tz_localize(None).normalize()


def group_goals(goals: Sequence[GoalSpec]) -> dict[str, tuple[GoalSpec, ...]]:
    """Return the versions of each goal by its name, the earliest first.

    >>> two = GoalSpec("a", "csat", 0.8, valid_from="2026-01-01"), GoalSpec("a", "csat", 0.7)
    >>> [one.target for one in group_goals(two)["a"]]
    [0.7, 0.8]
    """
    found: dict[str, list[GoalSpec]] = {}
    for goal in goals:
        found.setdefault(goal.name, []).append(goal)
    return {name: tuple(sorted(versions, key=lambda one: one.since)) for name, versions in found.items()}


def check_goals(goals: Sequence[GoalSpec], where: str) -> None:
    """Refuse goals of one name that are no versions of one goal, or hold from the same day.

    Raises
    ------
    InputError
        Names the goal.
    """
    for name, versions in group_goals(goals).items():
        place = f"{where} [[goal]] {name}"
        for key in ("kpi", "series", "period", "direction"):
            got = list(dict.fromkeys(str(getattr(one, key)) for one in versions))
            if len(got) > 1:
                problem, hint = "goals of one name are versions of one goal", "give each goal a name of its own"
                column = {"series": "where", "direction": "better"}.get(key, key)
                raise InputError(problem, where=place, column=column, got=got, hint=hint, code="setting.invalid")
        days = [one.since for one in versions]
        if len(set(days)) < len(days):
            day = next(one.valid_from for one in versions if days.count(one.since) > 1)
            problem, hint = "two versions of a goal hold from the same day", "give the newer one its valid_from"
            raise InputError(problem, where=place, column="valid_from", got=day, hint=hint, code="setting.invalid")


@dataclass(frozen=True, config=SECTION)
class AdviceSpec:
    """What to try about a KPI alert where its conditions hold: before the advice that ships with the package.

    ``when`` are conditions on what was found: ``kpi``, ``kind`` (``level_shift``, ``spike``), ``direction`` (``up``,
    ``down``), ``change`` (``worse``, ``better``, ``neither``), ``driver`` (column of the segment that moved) and
    ``cause`` (``owner stopped``, ``hand-over``, ``new value``, ``none``); several values are divided by ``|``.
    """

    do: fields.Line
    who: fields.Line
    when: Mapping[str, str] = field(default_factory=dict)
    effort_s: fields.Work | None = None

    @model_validator(mode="after")
    def _check(self) -> AdviceSpec:
        from ...features.kpis.availability import KPI_CATALOGUE

        for key, values in self.when.items():
            if key not in CONDITIONS:
                hint = did_you_mean(key, CONDITIONS)
                raise InputError("unknown condition", column="when", got=key, hint=hint, code="setting.invalid")
            for value in split_values(values):
                known = tuple(KPI_CATALOGUE) if key == "kpi" else KNOWN_VALUES.get(key)
                is_known = known is None or value in known or (key == "kpi" and find_kpi(value) is not None)
                if not value or not is_known:
                    problem, code = (
                        ("unknown KPI", "kpi.unknown") if key == "kpi" else (f"unknown {key}", "value.unknown")
                    )
                    hint = did_you_mean(value, known or ())
                    raise InputError(problem, column="when", got=value, hint=hint, code=code)
        return self

    @property
    def rule(self) -> Advice:
        """The same as a rule of the models."""
        return Advice(self.do, self.who, self.effort_s, self.when)
