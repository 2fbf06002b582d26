"""Goals of the configuration: where each stands, where it is heading, and how likely it is to be met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from ...features.case_log.fetch import fetch
from ...features.case_log.log import CaseLog
from ...features.errors import InputError, did_you_mean
from ...features.kpis.cells import find_segments
from ...features.kpis.kpi_history import kpi_history
from ...features.kpis.view import segment_columns
from ...models.goal_review import GoalVersion, find_goal_of_period
from ...models.goals import GoalOutlook, find_period, goal_outlook
from ..project.goal_specs import GoalSpec, group_goals
from ..project.project import Project
from .history import history_limits

GOAL_COLUMNS = ("name", *GoalOutlook.__dataclass_fields__, "target_before", "moved_on")
_TIMES, _TEXTS = ("start", "end", "moved_on"), ("name", "kpi", "series", "better", "summary")


def goals_table(project: Project, history: pd.DataFrame) -> pd.DataFrame:
    """Judge every configured goal, as it is now.

    Parameters
    ----------
    project
        Its ``config.goals`` are judged.
    history
        Table of :func:`~deskcast.pipelines.stages.history.history_stage`; KPIs and segments that it lacks, or that it
        does not hold by day, are computed.

    Returns
    -------
    DataFrame
        ``name`` and the fields of :class:`~deskcast.models.goals.GoalOutlook`; ``target_before`` and ``moved_on`` where
        the goal was moved in this period or for it. A goal whose KPI cannot be had has a missing probability, and its
        ``summary`` says why. A goal that is not in force yet has no row.

    Raises
    ------
    InputError
        If a goal is for a column or a value that the cases do not have.
    """
    rows = []
    for name, versions in group_goals(project.config.goals).items():
        check_goal_segment(project.log, versions[0])
        start, end = find_period(_local_end(project), versions[0].period)
        now = find_goal_of_period(goal_versions(versions), start, end)
        if now is None:
            continue
        goal = versions[-1]
        try:
            rows_of_kpi = daily_kpi_history(project, history, goal.kpi, goal.where)
            outlook = goal_outlook(rows_of_kpi, goal.kpi, now.target, better=goal.better, period=goal.period)
            found = vars(outlook) | {"series": goal.series}
        except InputError as error:
            found = dict.fromkeys(GoalOutlook.__dataclass_fields__) | {
                "kpi": goal.kpi,
                "series": goal.series,
                "target": now.target,
                "summary": str(error),
            }
        is_news = now.moved_on is not None and now.moved_on > find_period(start - pd.Timedelta(days=1), goal.period)[0]
        moved = {"target_before": now.before, "moved_on": now.moved_on} if is_news else {}
        rows.append({"name": name, **found, **moved})
    return typed_goals(pd.DataFrame(rows, columns=list(GOAL_COLUMNS)))


def typed_goals(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table of goals with its instants, texts and numbers, also where it is empty."""
    times = [c for c in _TIMES if c in frame]
    frame[times] = frame[times].apply(pd.to_datetime).astype("datetime64[us]")
    return frame.astype({c: "str" if c in _TEXTS else "float64" for c in frame.columns if c not in times})


def goal_versions(versions: Sequence[GoalSpec]) -> list[GoalVersion]:
    """Return the targets of a goal with the days from which they held."""
    return [GoalVersion(one.target, one.since) for one in versions]


def check_goal_segment(log: CaseLog, goal: GoalSpec) -> None:
    """Refuse a goal for a column or a value that this log does not have.

    Raises
    ------
    InputError
        Names the goal, the column and the nearest known one.
    """
    for column, value in goal.where.items():
        place = f"[[goal]] {goal.name}"
        known = segment_columns(log)
        if column not in known:
            hint = did_you_mean(column, known)
            raise InputError("unknown column of the cases", where=place, column="where", got=column, hint=hint,
                             code="column.unknown")  # fmt: skip
        if not log.has("cases", column):  # of contacts, or as it is now: what values there are, its history tells
            continue
        cases = log.table("cases")
        values = fetch(cases.select(_v=cases[column].cast("string")).distinct())["_v"].dropna().astype("str")
        if value not in set(values):
            hint = did_you_mean(value, sorted(values))
            raise InputError("unknown value", where=place, column=column, got=value, hint=hint, code="value.unknown")


def daily_kpi_history(
    project: Project, history: pd.DataFrame, kpi: str, where: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Return the known days of a KPI over all segments, or of one: of a history, or computed where it lacks them."""
    rows, chosen = history[history["kpi"] == kpi], dict(where or {})
    segments = find_segments(rows)
    others = [c for c in segments if c not in chosen]
    if segments:
        rows = rows[rows[others].isna().all(axis=1)]
    for column, value in chosen.items():
        rows = rows[rows[column].astype("str") == value] if column in rows else rows.head(0)
    if project.config.history.freq != "D" or not len(rows):
        rows = kpi_history(project.log, kpi, tuple(chosen), freq="D", limits=history_limits(project.config.history))
        rows = rows[rows["kpi"] == kpi]
        for column, value in chosen.items():
            rows = rows[rows[column].astype("str") == value]
    rows = rows.drop(columns=[c for c in {*segments, *chosen} if c in rows])
    # what is cut or cannot be known yet counts neither for a goal nor against it
    cut = rows["cut"].astype(bool)
    known = {name: rows[name].mask(cut) for name in ("value", "n", "numerator", "mean")}
    return rows.assign(**known | {"n": known["n"].fillna(0.0)})


def parse_series(log: CaseLog, series: str | None) -> dict[str, str]:
    """Return the column and value of a segment as goals name it, such as ``region Ireland``."""
    for column in segment_columns(log):
        if series and series.startswith(f"{column} "):
            return {column: series.removeprefix(f"{column} ")}
    return {}


def _local_end(project: Project) -> pd.Timestamp:
    """Return the first day that is not known yet: the one whose period a goal is about."""
    return pd.Timestamp(project.log.until).tz_convert(project.log.timezone).tz_localize(None).normalize()
