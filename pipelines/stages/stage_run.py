"""The stages of a desk in their order, each computed once, from those that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ...features.errors import InputError
from ..project.project import Project
from ..project.specs import Config
from ..stage import Stage

if TYPE_CHECKING:
    from .train import TrainedModel

#: The stages in order, as the report and the record show them.
STAGES = ("check", "history", "forecast", "staff", "train", "risk", "drift", "watch", "accuracy")
#: Stages of the planner's day and week, done where queues are configured, and the one that they stand behind.
PLANNER_STAGES, AFTER_STAGE = ("today", "review"), "staff"
#: A stage that is done only where the configuration asks for it, and the one that it stands before.
OPTIONAL_STAGE, BEFORE_STAGE = "compare", "accuracy"
#: Stage -> the one that it builds on: where that was refused, so is this.
NEEDED_STAGES = {"risk": "train", "drift": "train", "watch": "history"}


def list_stages(config: Config) -> tuple[str, ...]:
    """Return the stages of a run in their order."""
    from .night_compare import is_compared

    more = {
        STAGES.index(AFTER_STAGE) + 1: PLANNER_STAGES if config.staffing else (),
        STAGES.index(BEFORE_STAGE): (OPTIONAL_STAGE,) if is_compared(config) else (),
    }
    return tuple(name for place, stage in enumerate(STAGES) for name in (*more.get(place, ()), stage))


class StageRun:
    """The stages of one project; nothing is written."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.stages: dict[str, Stage] = {}
        self.trained: TrainedModel | None = None

    def compute(self, name: str) -> Stage:
        """Return a stage of :func:`list_stages`; one that this data cannot feed says why."""
        if name not in self.stages:
            try:
                self.stages[name] = self._compute(name)
            except InputError as error:
                self.stages[name] = Stage(name, skipped=str(error), refused=True)
        return self.stages[name]

    def _compute(self, name: str) -> Stage:
        # each brings the libraries of its models: a command that only looks at files needs none of them
        from .accuracy import accuracy_stage
        from .champion import use_or_train
        from .check import check_stage
        from .drift import drift_stage
        from .forecast import forecast_stage
        from .history import history_stage
        from .night_compare import night_compare_stage
        from .review import review_stage
        from .risk import risk_stage
        from .staff import staff_stage
        from .today import today_stage
        from .volume_champion import use_volume_champion
        from .watch import watch_stage
        from .work_tables import add_work_tables

        if name in NEEDED_STAGES:
            before = self.compute(NEEDED_STAGES[name])
            if before.refused:
                problem = f"it needs the stage '{before.name}', which was not done"
                raise InputError(problem, hint=before.skipped, code="stage.failed")
        if name == "train":
            stage, self.trained = use_or_train(self.project)
            return stage
        if name == "risk":
            return risk_stage(self.project, self.trained)
        if name == "drift":
            return drift_stage(self.project, self.trained)
        history = self.stages["history"].tables.get("history") if "history" in self.stages else None
        if name == "watch":
            return watch_stage(self.project, pd.DataFrame() if history is None else history)
        if name == "accuracy":
            return accuracy_stage(self.project, None if self.trained is None else self.trained.labels, history)
        if name == "forecast":
            now = use_volume_champion(self.project)
            return now.describe(forecast_stage(now.project))
        if name == "history":
            return add_work_tables(self.project, history_stage(self.project))
        if name == "today":
            stage = today_stage(self.project, plan_anew=False)
            # a night ends before its day begins: that nothing can be told of the rest of it is no news
            return stage if stage.tables else Stage(name)
        if name == "review":
            return review_stage(self.project, plan_anew=False)
        alone = {"check": check_stage, "staff": staff_stage, "compare": night_compare_stage}
        return alone[name](self.project)
