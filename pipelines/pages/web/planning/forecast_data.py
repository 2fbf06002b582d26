"""The series of a forecast: segments and totals, what is ahead, what was observed, and what was issued earlier."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from .....forecasting.panels.reconcile import hierarchy
from ....charts.forecast import sum_weeks
from ....state.database import read_state
from ....state.issued import read_issued
from ....words.forecast import find_next_week
from ..frame.snapshot import Snapshot
from ..frame.view import View

#: Time step -> how it reads.
GRAINS = {"30min": "30 minutes", "h": "hour", "D": "day", "W": "week", "MS": "month"}
#: Time step of the forecast -> time steps that it can be shown in, the usual one first.
_OFFERED = {"h": ("D", "h", "W", "MS"), "D": ("D", "W", "MS"), "W": ("W", "MS"), "MS": ("MS",)}
#: Steps back that are shown, by time step.
PAST_STEPS = {"D": 84, "W": 52, "MS": 24}
MAX_PAST_STEPS, MAX_AHEAD_STEPS = 96, 336
#: Steps ahead of which earlier forecasts are offered.
LEADS = {"h": (1, 24, 168), "D": (1, 7, 14, 28), "W": (1, 2, 4), "MS": (1, 3)}
TOTAL = "total"


@dataclass(frozen=True)
class ForecastData:
    """One series of the forecast.

    Attributes
    ----------
    name, names
        The series, and all that can be chosen: totals first, then segments from the largest.
    step, grain, grains
        Time step of the forecast, the one that is shown, and those that can be.
    is_total
        Whether the series is a sum of segments.
    leaves
        Segments of which the series is the sum; the series itself where it is none.
    additive
        Whether values of time steps add up: counts do, shares do not.
    week_start
        Day on which its weeks begin, 0 for Monday: that of the first week that the forecast covers, as in the report.
    """

    name: str
    names: tuple[str, ...]
    step: str
    grain: str
    grains: tuple[str, ...]
    is_total: bool
    leaves: tuple[str, ...]
    additive: bool
    week_start: int = 0


def read_forecast(view: View) -> ForecastData:
    """Return which series and time step an address asks for; what it does not know becomes the usual one."""
    results, asked = view.snapshot, view.request.query_params
    stage = results.stage("forecast")
    params = {} if stage is None else stage.params
    step = str(params.get("freq", "D"))
    additive = is_additive(results)
    sizes = results.rows('SELECT unique_id, sum("deskcast") AS s FROM {forecast} GROUP BY ALL ORDER BY s DESC, 1')
    segments = [str(name) for name, _ in sizes]
    nodes: list[str] = []
    if results.has("totals"):
        nodes = [str(n) for (n,) in results.rows("SELECT DISTINCT node FROM {totals}")]
        nodes = sorted(set(nodes) - set(segments), key=lambda n: (n != TOTAL, n))
    names = (*nodes, *segments)
    name = asked.get("series", "")
    name = name if name in names else names[0]
    offered = _OFFERED.get(step, ("D", step, "W", "MS")) if additive else (step,)
    grain = asked.get("grain", "")
    grain = grain if grain in offered else offered[0]
    leaves = _leaves(segments, name, str(params.get("by", "-"))) if name in nodes else (name,)
    steps = pd.Series(pd.to_datetime([ds for (ds,) in results.rows("SELECT DISTINCT ds FROM {forecast}")]))
    start = find_next_week(steps)[0].day_of_week
    return ForecastData(name, names, step, grain, offered, name in nodes, leaves, additive, start)


def is_additive(results: Snapshot) -> bool:
    """Return whether values of time steps add up: counts do, shares do not."""
    stage = results.stage("forecast")
    return "n" not in results.columns("actuals") and not (stage is not None and stage.params.get("kpi"))


def _leaves(segments: list[str], node: str, by: str) -> tuple[str, ...]:
    """Return the segments that a total is the sum of."""
    if node == TOTAL or by == "-":
        return tuple(segments)
    tree = hierarchy(segments, by.split(","))
    place = tree.nodes["node"].tolist().index(node)
    return tuple(leaf for leaf, part in zip(tree.leaves, tree.sums[place], strict=True) if part > 0)


def select_ahead(series: ForecastData, leaves: pd.DataFrame, totals: pd.DataFrame) -> pd.DataFrame:
    """Return the forecast of a series by its own time step."""
    rows = totals[totals["node"] == series.name] if series.is_total else leaves[leaves["unique_id"] == series.name]
    return rows.sort_values("ds").reset_index(drop=True)


def read_actuals(results: Snapshot, series: ForecastData) -> pd.DataFrame:
    """Return what was observed of a series: ``ds`` and ``y``."""
    marks = ", ".join("?" * len(series.leaves))
    found = results.query(
        f"SELECT ds, sum(y) AS y FROM {{actuals}} WHERE unique_id IN ({marks}) GROUP BY ds ORDER BY ds",
        list(series.leaves),
    )
    return found.assign(ds=pd.to_datetime(found["ds"]))


def sum_steps(frame: pd.DataFrame, series: ForecastData, columns: list[str]) -> pd.DataFrame:
    """Add time steps up to those that are shown; ``whole`` tells which have all of their days.

    Ranges do not add up, and are left out of sums.

    Examples
    --------
    >>> series = ForecastData("a", ("a",), "D", "MS", ("D", "MS"), False, ("a",), True)
    >>> days = pd.DataFrame({"ds": pd.date_range("2026-01-30", "2026-03-01"), "y": 1.0})
    >>> sum_steps(days, series, ["y"])[["y", "whole"]].values.tolist()
    [[2.0, False], [28.0, True], [1.0, False]]
    """
    if series.grain == series.step or frame.empty:
        return frame.assign(whole=True)
    if series.grain == "W":
        parts = [sum_weeks(frame, column, series.week_start) for column in columns]
        return reduce(lambda a, b: a.merge(b.drop(columns="whole"), on="ds"), parts)
    if series.grain == "D":
        days = frame.groupby(frame["ds"].dt.normalize())[columns].sum(min_count=1).reset_index()
        clock = frame["ds"] - frame["ds"].dt.normalize()  # a desk that is closed at night has no steps then
        first, last = frame["ds"].min() - clock.min(), frame["ds"].max() - clock.max()
        return days.assign(whole=days["ds"].between(first, last))
    months = frame["ds"].dt.to_period("M").dt.to_timestamp()
    sums = frame.groupby(months)[columns].sum(min_count=1).reset_index()
    first, last = frame["ds"].min().normalize(), frame["ds"].max().normalize()
    ends = sums["ds"] + pd.offsets.MonthEnd(0)
    return sums.assign(whole=(sums["ds"] >= first) & (ends <= last))


def sum_known_steps(frame: pd.DataFrame, steps: pd.Series, series: ForecastData, column: str) -> pd.DataFrame:
    """Add up what is known of some time steps; sums of which a step is missing are left out.

    Examples
    --------
    >>> series = ForecastData("a", ("a",), "h", "D", ("D", "h"), False, ("a",), True)
    >>> hours = pd.DataFrame({"ds": pd.date_range("2026-03-01", periods=48, freq="h"), "y": 1.0})
    >>> sum_known_steps(hours.drop(index=40), hours["ds"], series, "y")[["ds", "y"]].astype("str").values.tolist()
    [['2026-03-01', '24.0']]
    """
    latest = frame[["ds", column]].drop_duplicates("ds", keep="last")
    rows = pd.DataFrame({"ds": steps}).merge(latest, on="ds", how="left")
    sums = sum_steps(rows.assign(missing=rows[column].isna().astype(float)), series, [column, "missing"])
    return sums[sums["whole"] & (sums["missing"] == 0)].drop(columns="missing")


def read_earlier(view: View, series: ForecastData) -> tuple[pd.DataFrame, list[int]]:
    """Return the forecasts that were issued of a series before, and of how many steps ahead there are some.

    ``ds``, ``step``, ``as_of``, ``deskcast`` and its quantiles; the latest issue of each step and lead.
    """

    def read() -> pd.DataFrame:
        with read_state(view.desk.place) as state:
            return read_issued(state, "forecast")

    every: pd.DataFrame = view.snapshot.remember("issued forecasts", read)
    scope = every["scope"].astype("str")
    ending = f" {series.step} totals" if series.is_total else f" {series.step}"
    mine = every[scope.str.endswith(ending) & (every["unique_id"] == series.name)]
    if mine.empty:
        return mine, []
    mine = mine[mine["scope"] == mine["scope"].iloc[-1]]
    end = view.now.tz_convert(view.desk.timezone).tz_localize(None)
    mine = mine[(mine["as_of"] < view.now) & (mine["ds"] < end.normalize())]
    there = set(mine["step"].astype(int))
    return mine, [lead for lead in LEADS.get(series.step, (1, 2, 4)) if lead in there]


def choose_lead(asked: str, leads: list[int]) -> int:
    """Return how many steps ahead earlier forecasts are shown of."""
    return next((lead for lead in leads if str(lead) == asked), leads[0] if leads else 0)


def read_backtest(results: Snapshot, series: ForecastData) -> pd.DataFrame:
    """Return what the tests on past weeks forecast of a series: ``ds`` and ``deskcast``."""
    if not results.has("backtest"):
        return pd.DataFrame({"ds": pd.Series(dtype="datetime64[us]"), "deskcast": pd.Series(dtype="float64")})
    marks = ", ".join("?" * len(series.leaves))
    found = results.query(
        f"SELECT ds, sum(deskcast) AS deskcast FROM {{backtest}} WHERE unique_id IN ({marks}) GROUP BY ds "
        "HAVING count(*) = ? ORDER BY ds",
        [*series.leaves, len(series.leaves)],
    )
    return found.assign(ds=pd.to_datetime(found["ds"]))


def join_columns(whole: pd.Series[Any], parts: dict[str, pd.DataFrame]) -> dict[str, list[float]]:
    """Return values on common instants: of each part its column, missing where it has none."""
    found = {}
    for label, frame in parts.items():
        column = next(c for c in frame.columns if c != "ds")
        found[label] = frame.drop_duplicates("ds", keep="last").set_index("ds")[column].reindex(whole).tolist()
    return {label: [float(v) if v is not None else np.nan for v in values] for label, values in found.items()}
