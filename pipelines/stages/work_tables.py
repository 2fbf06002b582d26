"""What stands beside the KPI history every night: articles one by one, and where open cases wait."""

from __future__ import annotations

from dataclasses import replace

from ...features.kpis.availability import describe_missing_data
from ..project.project import Project
from ..stage import Stage
from .articles import articles_stage
from .waiting import waiting_stage


def add_work_tables(project: Project, history: Stage) -> Stage:
    """Add the tables of articles and of waiting to those of the history, where the log can give them."""
    more: list[Stage] = []
    if not describe_missing_data(project.log, "deflection_rate"):
        more.append(articles_stage(project))
    if not all(describe_missing_data(project.log, kpi) for kpi in ("team_time", "status_time")):
        more.append(waiting_stage(project))
    tables = {name: table for stage in more for name, table in stage.tables.items()}
    findings = tuple(one for stage in more for one in stage.findings)
    return replace(history, tables={**history.tables, **tables}, findings=(*history.findings, *findings))
