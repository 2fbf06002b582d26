"""Which customer will be dissatisfied and which case will be escalated, where the log has surveys or escalations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .stage import Stage

if TYPE_CHECKING:
    from ..features.engine import CaseLog
    from .opening import Project
    from .train import Trained


def with_upset(stage: Stage, project: Project, trained: Trained, log: CaseLog) -> Stage:
    """Add the tables of dissatisfaction and escalation."""
    return stage
