"""Forecasts with what planners adjusted: which adjustments hold, and what was told of them afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from ...features.errors import did_you_mean
from ...forecasting.scenarios.what_if import Change
from ..project.project import Project
from ..project.specs import Config
from ..state.adjustments import Adjustment, read_adjustments
from ..state.database import read_state
from ..state.issued import read_issues
from ..words.facts import Finding
from ..words.figures import figure
from ..words.words import format_date, format_list

#: Columns of what an adjustment did: its names, the volume without it, with it, and what came.
_COLUMNS = ["adjustment", "base", "adjusted", "actual", "error_base", "error_adjusted", "intervals"]


def read_kept(project: Project) -> list[Adjustment]:
    """Return the adjustments that are in force; a look back sees only those that were written down by then."""
    with read_state(project.config.state_place) as state:
        return read_adjustments(state, pd.Timestamp(project.as_of) if project.is_look_back else None)


def adjustment_sentences(
    kept: Iterable[Adjustment], applied: Iterable[str], shares: Mapping[str, float] | None = None, queue: str = ""
) -> list[Finding]:
    """Say of each adjustment that was applied who made it, and why; of one of a part of a queue, its share of it.

    >>> one = Adjustment(Change("fair", factor=1.3), "mailing", "ann", pd.Timestamp("2024-03-01T08:00Z"))
    >>> adjustment_sentences([one], ["fair"])
    ["Adjusted by ann on Fri 1 Mar 2024: 'fair' ('mailing')."]
    """
    names = set(applied)
    said = []
    for one in kept:
        if one.change.name in names:
            text = f"Adjusted by {one.by} on {format_date(one.at)}: '{one.change.name}' ('{one.reason}')."
            facts = []
            if one.change.name in (shares or {}):
                kind = "share of the queue that is adjusted"
                share = figure(
                    "staff_figures", kind, f"{queue} {one.change.name}", (shares or {})[one.change.name], "share"
                )
                text += f" It is for {share} of {queue}."
                facts.append(share)
            names_said = [one.by, one.change.name, one.reason, queue]
            said.append(Finding(text, *facts, audience="planner", names=names_said))
    return said


def unreached_sentences(kept: Iterable[Adjustment], names: Sequence[str], ds: pd.Series) -> list[Finding]:
    """Say which adjustments in force on these days are of a part of a queue alone: its plan is of the whole.

    >>> one = Adjustment(Change("fair", factor=1.3, series="phone/north"), "mailing", "ann", pd.Timestamp("2024-03-01"))
    >>> unreached_sentences([one], ["phone"], pd.Series(pd.to_datetime(["2024-03-04"])))
    ["'fair' adjusts only phone/north, so that the plan of phone stays as it is; adjust phone to change it."]
    """
    said = []
    for change in (one.change for one in kept):
        series = list_series(change)
        parts = [name for name in series if set(name.split("/")) & set(names)]
        if parts and not set(series) & set(names) and _is_within(change, ds):
            text = f"'{change.name}' adjusts only {format_list(parts)}, so that the plan of {names[0]} stays as it is; "
            text += f"adjust {names[0]} to change it."
            said.append(Finding(text, audience="planner", names=[change.name, *parts, names[0]]))
    return said


def unknown_sentences(
    kept: Iterable[Adjustment], series: Sequence[str], queues: Sequence[str], ds: pd.Series
) -> list[Finding]:
    """Say which adjustments in force on these days name what is no series of the forecast, segment of one, or queue.

    >>> one = Adjustment(Change("fair", factor=1.3, series="phnoe"), "mailing", "ann", pd.Timestamp("2024-03-01"))
    >>> unknown_sentences([one], ["phone/north", "chat/north"], [], pd.Series(pd.to_datetime(["2024-03-04"])))
    ["'fair' changes nothing on phnoe: no series, segment or queue has this name (did you mean 'phone'?)."]
    """
    said = []
    for change in (one.change for one in kept if _is_within(one.change, ds)):
        for name, hint in find_unknown_series(change, series, queues):
            text = f"'{change.name}' changes nothing on {name}: no series, segment or queue has this name ({hint})."
            said.append(Finding(text, audience="planner", names=[change.name, name, str(hint)]))
    return said


def find_unknown_series(change: Change, series: Sequence[str], queues: Sequence[str]) -> list[tuple[str, str | None]]:
    """Return what a change names that is no series, segment of one, or queue, each with a hint at the nearest name.

    >>> change = Change("fair", factor=1.3, series=("phnoe", "north", "hotline"))
    >>> find_unknown_series(change, ["phone/north", "chat/north"], ["hotline"])
    [('phnoe', "did you mean 'phone'?")]
    """
    known = [*dict.fromkeys([*series, *(part for name in series for part in name.split("/")), *queues])]
    depths = {name.count("/") for name in series}
    unknown = []
    for name in list_series(change):
        # parts of a queue may be finer or coarser than the series: the plan of the queue tells what becomes of them
        is_part_of_queue = set(name.split("/")) & set(queues) and name.count("/") not in depths
        if name not in known and not is_part_of_queue:
            unknown.append((name, did_you_mean(name, known)))
    return unknown


def list_queue_names(config: Config) -> list[str]:
    """Return what adjustments call the configured queues: their names, and the values of their segments."""
    return [name for key, queue in config.staffing.items() for name in (key, *queue.where.values())]


def list_series(change: Change) -> list[str]:
    """Return what a change names: series, segments or queues; nothing where it is of all."""
    return [change.series] if isinstance(change.series, str) else [str(name) for name in change.series or ()]


def _is_within(change: Change, ds: pd.Series) -> bool:
    """Tell whether a change may hold on one of these days: growth, and what has no dates, holds on all."""
    start, end = (pd.NaT if day is None else pd.Timestamp(str(day)) for day in (change.start, change.end))
    return not (start > ds.max() or end < ds.min().normalize())


def adjusted_rows(table: pd.DataFrame, keys: Sequence[str], point: str) -> list[list[Any]]:
    """Return the rows of a forecast or plan that were adjusted, as the settings of an issue keep them.

    >>> table = pd.DataFrame({"ds": pd.to_datetime(["2024-03-04", "2024-03-05"]), "calls": [130.0, 90.0],
    ...                       "baseline": [100.0, 90.0], "adjustment": ["fair", ""]})
    >>> adjusted_rows(table, ["ds"], "calls")
    [['2024-03-04T00:00:00', 100.0, 130.0, 'fair']]
    """
    if "adjustment" not in table:
        return []
    rows = table[table["adjustment"].fillna("") != ""]
    return [
        [*(v.isoformat() if isinstance(v, pd.Timestamp) else str(v) for v in key), float(base), float(now), str(names)]
        for *key, base, now, names in rows[[*keys, "baseline", point, "adjustment"]].itertuples(index=False, name=None)
    ]


def judge_adjustments(rows: pd.DataFrame) -> pd.DataFrame:
    """Return whether adjustments brought a forecast nearer to what came.

    Parameters
    ----------
    rows
        ``adjustment`` (names; empty where there was none), ``base``, ``adjusted`` and ``actual`` of each interval.

    Returns
    -------
    One row an adjustment: ``base``, ``adjusted``, ``actual`` (sums), ``error_base`` and ``error_adjusted`` (of the
    sums, as a share of what came), ``intervals`` and ``helped`` (missing where both are equally far off).

    Examples
    --------
    >>> rows = pd.DataFrame({"adjustment": ["fair", "fair", ""], "base": [100.0, 100.0, 80.0],
    ...                      "adjusted": [130.0, 130.0, 80.0], "actual": [120.0, 125.0, 85.0]})
    >>> judge_adjustments(rows)[["adjustment", "adjusted", "actual", "helped"]].values.tolist()
    [['fair', 260.0, 245.0, True]]
    """
    touched = rows[rows["adjustment"].fillna("") != ""]
    names = touched["adjustment"].str.split("; ")
    parts = touched.assign(adjustment=names).explode("adjustment")
    table = parts.groupby("adjustment", sort=True)[["base", "adjusted", "actual"]].sum().reset_index()
    table["intervals"] = table["adjustment"].map(parts.groupby("adjustment").size())
    came = table["actual"].where(table["actual"] > 0)
    for name in ("base", "adjusted"):
        table[f"error_{name}"] = (table[name] - table["actual"]).abs() / came
    closer = (table["base"] - table["actual"]).abs() - (table["adjusted"] - table["actual"]).abs()
    return table[_COLUMNS].assign(helped=(closer > 0).astype("boolean").mask(closer == 0))


def judge_plan(
    project: Project, kind: str, plan: pd.DataFrame, rows: pd.DataFrame, is_issued: bool, now: str = "calls_planned"
) -> pd.DataFrame:
    """Return whether the adjustments that a plan was made with brought it nearer to what came.

    Parameters
    ----------
    project, kind
        Its state has what was issued: ``staffing`` or ``casework``.
    plan, rows
        The plan (with ``issue_id``, or ``baseline`` and ``adjustment``), and the same intervals with ``calls``, as they
        were.
    is_issued
        Whether the plan was issued, or is what would have been.
    now
        Column of a plan that was not issued with what it has after adjustments.
    """
    if is_issued:
        with read_state(project.config.state_place) as state:
            issues = read_issues(state, kind)
        known = issues[issues["issue_id"].isin(plan["issue_id"])]
        parts = [
            (issue_id, *row) for issue_id, s in zip(known["issue_id"], known["settings"], strict=True)
            for row in s.get("adjusted", [])
        ]  # fmt: skip
        columns = ["issue_id", "ds", "base", "adjusted", "adjustment"]
        table = pd.DataFrame(parts, columns=columns).astype({"issue_id": "int64", "ds": "datetime64[us]"})
        both = rows.merge(table, on=["issue_id", "ds"])
    elif "adjustment" in plan:
        both = rows.assign(base=rows["baseline"], adjusted=rows[now])
    else:
        both = rows.head(0).assign(base=0.0, adjusted=0.0, adjustment="")
    return judge_adjustments(both.rename(columns={"calls": "actual"}))
