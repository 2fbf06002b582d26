"""Pictures of a call log held against the formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .axes import Axis, percent, value_axis
from .marks import Area, Line, Mark
from .palette import BLUE, ORANGE
from .svg import Chart, draw_chart

_TITLES = {"mean_wait_s": ("Average wait", "Seconds", ",.0f"), "abandonment": ("Abandonment rate", "% of calls", ".0%")}


def plot_call_fit(by_time: pd.DataFrame, measure: str = "mean_wait_s") -> Chart:
    """Draw what was observed by time of day, and the range that the formula predicts for each number of agents.

    Parameters
    ----------
    by_time
        One row a time of day: ``time`` ("HH:MM"), ``observed``, ``predicted`` and ``low``, ``high``: the predictions
        with the fewest and the most agents that the log allows.
    measure
        ``mean_wait_s`` or ``abandonment``.

    Examples
    --------
    >>> rows = pd.DataFrame({"time": ["09:00", "09:30"], "observed": [40, 60], "predicted": [50, 55], "low": [20, 30],
    ...                      "high": [80, 90]})
    >>> plot_call_fit(rows).title
    'Average wait by time of day, seconds'
    """
    title, unit, shape = _TITLES[measure]
    at = np.arange(len(by_time), dtype=float)
    columns = {c: by_time[c].to_numpy(float) for c in ("observed", "predicted", "low", "high")}
    marks: list[Mark] = [
        Area(at, columns["low"], columns["high"], ORANGE, "Predicted, most to fewest agents"),
        Line(at, columns["predicted"], ORANGE, "Predicted", "4 3"),
        Line(at, columns["observed"], BLUE, "Observed"),
    ]
    skip = max(1, -(-len(by_time) // 8))
    times = tuple((float(i), str(by_time["time"].iloc[i])) for i in range(0, len(by_time), skip))
    inside = ((by_time["observed"] >= by_time["low"]) & (by_time["observed"] <= by_time["high"])).sum()
    text = (
        f"{title} by time of day: observed {_mean(by_time['observed'], shape)} on average, predicted "
        f"{_mean(by_time['predicted'], shape)}; {inside} of {len(by_time)} observed values lie between the predictions "
        "with the most and the fewest agents."
    )
    y = value_axis(np.concatenate(list(columns.values())), unit, percent if measure == "abandonment" else None)
    x = Axis(0.0, max(len(by_time) - 1.0, 1.0), times)
    return draw_chart(f"{title} by time of day, {unit[:1].lower()}{unit[1:]}", text, x, y, marks)


def _mean(values: pd.Series[Any], shape: str) -> str:
    return format(float(values.mean()), shape)


def plot_patience(curve: pd.DataFrame, mean_s: float) -> Chart:
    """Draw the share of callers still ready to wait by Kaplan and Meier beside the exponential of the same log.

    Parameters
    ----------
    curve
        ``at_s`` and ``surviving``.
    mean_s
        Mean of the exponential in seconds.
    """
    longest = float(curve["at_s"].max())
    at, fitted = np.array([0.0, *curve["at_s"]]), np.linspace(0, longest, 80)
    surviving = np.array([1.0, *curve["surviving"]])
    marks: list[Mark] = [
        Line(at, surviving, BLUE, "Observed (Kaplan-Meier)", step=True),
        Line(fitted, np.exp(-fitted / mean_s), ORANGE, "Exponential", "4 3"),
    ]
    half = at[surviving <= 0.5]
    middle = f"half have given up after {half[0]:.0f} s" if len(half) else "fewer than half give up"
    text = f"Caller patience: {middle}; an exponential of the same log has a mean of {mean_s:.0f} s."
    x = value_axis([0.0, longest], "Seconds in the queue", limits=(0.0, longest))
    y = value_axis([], "% still waiting", percent, limits=(0, 1))
    return draw_chart("Caller patience", text, x, y, marks)
