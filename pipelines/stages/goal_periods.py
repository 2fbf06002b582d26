"""Goals over time, as a stage: past periods with what the goal was then, and which goals no longer fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from ...features.errors import InputError
from ...features.kpis.availability import availability
from ...features.kpis.purposes import PURPOSES, find_purposes
from ...models.goal_review import GoalVersion, find_goal_of_period, is_met, review_goal
from ...models.goals import find_period, goal_value
from ...models.shifts.gaming import COUNTER_METRIC_PAIRS, gaming_guard
from ..project.goal_specs import GoalSpec, group_goals
from ..project.project import Project
from ..stage import Stage
from ..state.database import read_state
from ..state.issued import read_issued
from ..words.facts import Finding
from ..words.figures import figures_table
from ..words.goals import FIGURES, past_sentences, purpose_sentences, review_sentences
from ..words.incidents import goal_sentences
from .goals import check_goal_segment, daily_kpi_history, goal_versions, goals_table, typed_goals

#: Past periods that are shown where nothing else is asked for.
DEFAULT_PERIODS = 12
#: A period is over for a KPI where its last known day is no further from its end: a long weekend without a case.
MAX_IDLE_DAYS = 4
PERIOD_COLUMNS = ("name", "kpi", "series", "start", "end", "target", "better", "value", "n", "met", "target_before",
                  "moved_on")  # fmt: skip
Histories = Mapping[tuple[str, str], pd.DataFrame]


def goals_stage(project: Project, periods: int = DEFAULT_PERIODS, *, review: bool = False) -> Stage:
    """Judge goals now and in past periods, and say which no longer fit.

    Parameters
    ----------
    project
        Its ``config.goals``; the state tells what the goal was in periods in which nobody wrote down a ``valid_from``.
    periods
        Past periods of each goal.
    review
        Whether each goal is reviewed, and which KPIs serve what it is for.

    Returns
    -------
    Stage
        Tables ``goals``, ``goal_periods`` and, with ``review``, ``goal_review`` and ``goal_kpis``.

    Raises
    ------
    InputError
        If no goal is configured, or one is for a segment that the log does not have.
    """
    if not project.config.goals:
        hint = 'add [[goal]] with name = "...", kpi = "csat" and target = 0.8'
        raise InputError("no goal is configured", where="deskcast.toml", hint=hint, code="setting.missing")
    histories = _histories(project)
    segments = {goal.series: dict(goal.where) for goal in project.config.goals}
    whole = [rows.assign(kpi=kpi, **segments[series]) for (kpi, series), rows in histories.items()]
    now = goals_table(project, pd.concat(whole, ignore_index=True) if whole else _no_history())
    past = past_goals(project, histories, periods)
    tables = {"goals": now, "goal_periods": past}
    findings: list[Finding] = [*goal_sentences(now), *past_sentences(past)]
    if review:
        reviewed = _review(project, past)
        aims = [(goal.name, goal.kpi, goal.serves or "") for goal in project.config.goals]
        tables |= {"goal_review": reviewed, "goal_kpis": _purposes(project)}
        findings = [*review_sentences(reviewed), *purpose_sentences(tables["goal_kpis"], aims)]
    tables |= figures_table(FIGURES, findings)
    return Stage("goals", tables, tuple(findings), {}, {"goals": float(len(now))})


def past_goals(project: Project, histories: Histories, periods: int) -> pd.DataFrame:
    """Return one row a goal and past period: its value, what the goal was then, whether it was met, and a move of it.

    ``met`` is missing where the period has no value, or its last days are not known yet.
    """
    issued = _issued_targets(project)
    rows = []
    for name, goals in group_goals(project.config.goals).items():
        goal = goals[-1]
        history = histories.get((goal.kpi, goal.series))
        if history is None or not history["value"].notna().any():
            continue
        versions = find_versions(goals, issued.get(name, []))
        better = goal.direction
        for start, end in list_past_periods(history, goal.period)[-periods:]:
            then = find_goal_of_period(versions, start, end)
            if then is None:
                continue
            value = goal_value(history, goal.kpi, start, end)
            inside = history["ds"].between(start, end)
            last = history.loc[history["value"].notna(), "ds"].max()
            is_over = pd.notna(value) and last >= end - pd.Timedelta(days=MAX_IDLE_DAYS)
            moved = then.moved_on if then.moved_on is not None and then.moved_on > _begin_before(start, goal) else None
            row = {"name": name, "kpi": goal.kpi, "series": goal.series, "start": start, "end": end}
            row |= {"target": then.target, "better": better, "value": value, "n": history.loc[inside, "n"].sum()}
            row |= {"met": float(is_met(value, then.target, better)) if is_over else float("nan")}
            rows.append(row | {"target_before": then.before, "moved_on": moved})
    return typed_goals(pd.DataFrame(rows, columns=list(PERIOD_COLUMNS)))


def find_versions(goals: Sequence[GoalSpec], issued: Sequence[GoalVersion]) -> list[GoalVersion]:
    """Return what a goal was and from when: as the configuration says, else as the runs issued it.

    A target that was changed without a ``valid_from`` is seen in what was issued: until then it was another.

    Examples
    --------
    >>> day = pd.Timestamp
    >>> now = GoalSpec("a", "csat", 0.7)
    >>> told = [GoalVersion(0.8, day("2026-01-05")), GoalVersion(0.8, day("2026-01-06")),
    ...         GoalVersion(0.7, day("2026-02-03"))]
    >>> [(one.target, f"{one.since:%Y-%m-%d}") for one in find_versions([now], told)][1:]
    [(0.7, '2026-02-03')]
    """
    own = goal_versions(goals)
    if any(goal.valid_from is not None for goal in goals) or not issued:
        return own
    kept = [one for place, one in enumerate(issued) if not place or one.target != issued[place - 1].target]
    kept[0] = GoalVersion(kept[0].target, own[0].since)  # nothing tells what it was before the first run
    return kept


def list_past_periods(history: pd.DataFrame, period: str) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Return the periods that are over, from the first whole one of a history on.

    >>> days = pd.DataFrame({"ds": pd.date_range("2026-01-15", "2026-03-20"), "value": 1.0})
    >>> [f"{start:%b}" for start, _ in list_past_periods(days, "MS")]
    ['Feb']
    """
    known = history.loc[history["value"].notna(), "ds"]
    first, last = known.min(), history["ds"].max()
    found = []
    start, end = find_period(first, period)
    while end <= last:
        if start >= first - pd.Timedelta(days=MAX_IDLE_DAYS):
            found.append((start, end))
        start, end = find_period(end + pd.Timedelta(days=1), period)
    return found


def _begin_before(start: pd.Timestamp, goal: GoalSpec) -> pd.Timestamp:
    return find_period(start - pd.Timedelta(days=1), goal.period)[0]


def _histories(project: Project) -> dict[tuple[str, str], pd.DataFrame]:
    """Return the days of each KPI and segment that has a goal; one that cannot be had has none."""
    found: dict[tuple[str, str], pd.DataFrame] = {}
    for goal in project.config.goals:
        check_goal_segment(project.log, goal)
        if (goal.kpi, goal.series) in found:
            continue
        try:
            rows = daily_kpi_history(project, _no_history(), goal.kpi, goal.where)
        except InputError:
            continue  # the table of goals says why
        found[goal.kpi, goal.series] = rows
    return found


def _no_history() -> pd.DataFrame:
    return pd.DataFrame({"kpi": pd.Series(dtype="str"), "ds": pd.Series(dtype="datetime64[us]"), "cut": []})


def _issued_targets(project: Project) -> dict[str, list[GoalVersion]]:
    """Return the targets that were issued, the oldest first, with the local day of each."""
    with read_state(project.config.state_place) as state:
        issued = read_issued(state, "goal", project.as_of)
    issued = issued[issued["target"].notna()].sort_values("as_of", kind="stable")
    days = issued["as_of"].dt.tz_convert(project.log.timezone).dt.tz_localize(None).dt.normalize()
    found: dict[str, list[GoalVersion]] = {}
    for name, target, day in zip(issued["name"], issued["target"], days, strict=True):
        found.setdefault(str(name), []).append(GoalVersion(float(target), day))
    return found


def _review(project: Project, past: pd.DataFrame) -> pd.DataFrame:
    """Return one row a goal: whether it still fits, and the value that half of its periods reached."""
    rows = []
    for name, goals in group_goals(project.config.goals).items():
        goal, of = goals[-1], past[past["name"] == name]
        decided = of[of["met"].notna()].rename(columns={"target_before": "before"})
        bought = _bought_with(project, goal)
        verdict, level = review_goal(decided, bought)
        row = {"name": name, "kpi": goal.kpi, "series": goal.series, "target": goal.target, "verdict": verdict}
        row |= {"periods": len(decided), "periods_met": decided["met"].sum(), "level": level}
        rows.append(row | {"bought_with": "; ".join(bought), "serves": goal.serves or ""})
    table = pd.DataFrame(rows)
    return table.astype({"periods": "float64", "periods_met": "float64"})


def _bought_with(project: Project, goal: GoalSpec) -> list[str]:
    """Return the KPIs that lately got worse as that of the goal got better, by the gaming guard."""
    pairs = [pair for pair in COUNTER_METRIC_PAIRS if pair.gain == goal.kpi]
    found = []
    for pair in pairs:
        try:
            both = [daily_kpi_history(project, _no_history(), kpi, goal.where) for kpi in (pair.gain, pair.loss)]
        except InputError:
            continue  # this log does not have the other KPI
        rows = pd.concat([one[one["value"].notna()] for one in both], ignore_index=True)
        alarms = gaming_guard(rows, pairs=[pair], freq="D")
        if len(alarms) and not alarms["resolved"].all():
            found.append(pair.loss)
    return found


def _purposes(project: Project) -> pd.DataFrame:
    """Return the KPIs of each purpose: whether this log has them, and the goal on them."""
    known = availability(project.log).set_index("kpi")["available"]
    goals = {name: versions[-1] for name, versions in group_goals(project.config.goals).items()}
    rows = []
    for purpose, kpis in PURPOSES.items():
        for place, kpi in enumerate(kpis, 1):
            names = [name for name, goal in goals.items() if goal.kpi == kpi or goal.kpi.startswith(f"{kpi}_")]
            names = [name for name in names if purpose in find_purposes(goals[name].kpi)]
            rows.append((purpose, place, kpi, bool(known.get(kpi, False)), "; ".join(names)))
    return pd.DataFrame(rows, columns=["serves", "place", "kpi", "available", "goal"])
