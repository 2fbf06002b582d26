"""Pictures of the planner's day and week: why a target was missed or met, and agents over and short today."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..words.columns import format_cell
from ..words.words import format_queue
from .axes import band_axis, seconds, time_axis, value_axis
from .marks import Bars, Line, Mark, Points
from .palette import BLUE, GREEN, GREY, INK, RED
from .svg import MAX_LINE_POINTS, Chart, downsample, draw_chart

#: Short names of causes below a picture; others stand as they are.
_SHORT = {"agents present": "agents", "productivity": "output"}
_WHY, _WHY_WORK = "review_causes", "review_work_causes"


def plot_causes(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the parts of each queue's difference from its plan, each with its interval."""
    return _plot_queues(tables[_WHY], _WHY, 100.0, "Points of service level")


def plot_breach_causes(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the parts of the breaches beyond the plan of each queue of deferred work, each with its interval."""
    return _plot_queues(tables[_WHY_WORK], _WHY_WORK, 1.0, "Breaches", is_bad=True)


def _plot_queues(table: pd.DataFrame, name: str, scale: float, unit: str, is_bad: bool = False) -> list[Chart]:
    return [
        plot_parts(str(queue), own.reset_index(drop=True), name, scale, unit, is_bad)
        for queue, own in table.groupby("queue", sort=False)
    ]


def plot_parts(
    queue: str, parts: pd.DataFrame, table: str = _WHY, scale: float = 100.0, unit: str = "Points", is_bad: bool = False
) -> Chart:
    """Draw the parts of one queue as bars with their intervals, in the order of the table.

    Parameters
    ----------
    queue
        Its name.
    parts
        ``cause, part, part-lo, part-hi``.
    table
        Table that they are of.
    scale, unit
        What parts are multiplied by, and the title of the axis.
    is_bad
        Whether a part above zero makes things worse.

    Examples
    --------
    >>> parts = pd.DataFrame({"cause": ["volume", "chance"], "part": [-0.05, 0.01], "part-lo": -0.06, "part-hi": 0.02})
    >>> plot_parts("phone", parts).alt
    'Difference from the plan, Phone: volume -5 (-6 to 2), chance 1 (-6 to 2).'
    """
    x = np.arange(len(parts), dtype=float)
    values, low, high = (scale * parts[c].to_numpy(dtype=float) for c in ("part", "part-lo", "part-hi"))
    worse = values > 0 if is_bad else values < 0
    marks: list[Mark] = [
        Bars(x, np.where(worse, values, np.nan), RED, "Worse than planned" if worse.any() else ""),
        Bars(x, np.where(worse, np.nan, values), GREEN, "Better than planned" if (~worse).any() else ""),
        Points(x, values, INK, "Likely range", radius=2.2, low=low, high=high),
    ]
    causes = [str(cause) for cause in parts["cause"]]
    said = ", ".join(
        f"{format_cell(table, 'cause', cause)} {v:,.0f} ({a:,.0f} to {b:,.0f})"
        for cause, v, a, b in zip(causes, values, low, high, strict=True)
    )
    title = f"Difference from the plan, {format_queue(queue)}"
    axis = value_axis(np.concatenate([values, low, high]), unit)
    return draw_chart(title, f"{title}: {said}.", band_axis([_SHORT.get(c, c) for c in causes]), axis, marks)


def plot_day(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the agents on contacts of each queue today beside the required ones."""
    table = tables["today"]
    return [_plot_agents(str(queue), own) for queue, own in table.groupby("queue", sort=False)]


def _plot_agents(queue: str, rows: pd.DataFrame) -> Chart:
    frame, _ = downsample(rows, MAX_LINE_POINTS, {"required": "max", "agents": "min", "net": "min"})
    at, there, need = seconds(frame["ds"]), frame["agents"].to_numpy(float), frame["required"].to_numpy(float)
    short = np.where(frame["net"].to_numpy(float) < 0, need, np.nan)
    marks: list[Mark] = [
        Line(at, need, GREY, "Required", step=True, width=1.4), Line(at, there, BLUE, "On contacts", step=True)
    ]  # fmt: skip
    missing = rows["net"] < 0
    if missing.any():
        marks.append(Line(at, short, RED, "Understaffed", step=True, width=2.4))
    said = f"{int(missing.sum())} of {len(rows)} intervals are understaffed"
    title = f"Agents today, {format_queue(queue)}"
    axis = value_axis(np.concatenate([there, need]), "Agents", whole=True)
    return draw_chart(title, f"{title}: {said}.", time_axis(frame["ds"]), axis, marks)
