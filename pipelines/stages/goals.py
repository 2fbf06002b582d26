"""Goals of the configuration: where each stands, where it is heading, and how likely it is to be met."""

from __future__ import annotations

import pandas as pd

from ...features.errors import InputError
from ...features.kpis.cells import find_segments
from ...features.kpis.kpi_history import kpi_history
from ...models.goals import GoalOutlook, goal_outlook
from ..project.project import Project
from .history import history_limits

GOAL_COLUMNS = ("name", *GoalOutlook.__dataclass_fields__)


def goals_table(project: Project, history: pd.DataFrame) -> pd.DataFrame:
    """Judge every configured goal.

    Parameters
    ----------
    project
        Its ``config.goals`` are judged.
    history
        Table of :func:`~deskcast.pipelines.stages.history.history_stage`; KPIs that it lacks, or that it does not hold
        by day, are computed.

    Returns
    -------
    DataFrame
        ``name`` and the fields of :class:`~deskcast.models.goals.GoalOutlook`. A goal whose KPI cannot be had has a
        missing probability, and its ``summary`` say why.
    """
    rows = []
    for goal in project.config.goals:
        try:
            rows_of_kpi = daily_kpi_history(project, history, goal.kpi)
            outlook = goal_outlook(rows_of_kpi, goal.kpi, goal.target, better=goal.better, period=goal.period)
            found = dict(vars(outlook))
        except InputError as error:
            found = dict.fromkeys(GoalOutlook.__dataclass_fields__) | {
                "kpi": goal.kpi,
                "series": "all",
                "target": goal.target,
                "summary": str(error),
            }
        rows.append({"name": goal.name, **found})
    frame = pd.DataFrame(rows, columns=list(GOAL_COLUMNS))
    times, texts = ("start", "end"), ("name", "kpi", "series", "better", "summary")
    frame[list(times)] = frame[list(times)].apply(pd.to_datetime).astype("datetime64[us]")
    return frame.astype({c: "str" if c in texts else "float64" for c in GOAL_COLUMNS if c not in times})


def daily_kpi_history(project: Project, history: pd.DataFrame, kpi: str) -> pd.DataFrame:
    """Return the known days of a KPI over all segments: of a history, or computed where it does not hold them."""
    rows = history[history["kpi"] == kpi]
    segments = find_segments(rows)
    if segments:
        rows = rows[rows[segments].isna().all(axis=1)].drop(columns=segments)
    if project.config.history.freq != "D" or not len(rows):
        rows = kpi_history(project.log, kpi, freq="D", limits=history_limits(project.config.history))
        rows = rows[rows["kpi"] == kpi]
    # what is cut or cannot be known yet counts neither for a goal nor against it
    cut = rows["cut"].astype(bool)
    known = {name: rows[name].mask(cut) for name in ("value", "n", "numerator", "mean")}
    return rows.assign(**known | {"n": known["n"].fillna(0.0)})
