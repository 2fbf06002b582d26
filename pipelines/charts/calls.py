"""Pictures of a call log held against the formulas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from .vega import BLUE, ORANGE, Chart, build_chart, round_floats, top_legend

_TITLES = {"mean_wait_s": ("Mean wait, seconds", ",.0f"), "abandonment": ("Share who give up", ".0%")}


def plot_call_fit(by_time: pd.DataFrame, measure: str = "mean_wait_s") -> Chart:
    """Draw what was observed by time of day, and the band of what the formula says with each count of agents.

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
    'Mean wait, seconds, by time of day: observed and predicted'
    """
    import altair as alt

    title, shape = _TITLES[measure]
    names = {"observed": "observed", "predicted": "predicted"}
    lines = by_time[["time", *names]].melt("time", var_name="line", value_name="value")
    x = alt.X("time:O", title=None, axis=alt.Axis(labelOverlap=True, labelAngle=0))
    axis = alt.Axis(format=shape)
    band = alt.Chart(round_floats(by_time[["time", "low", "high"]])).mark_area(opacity=0.2, color=ORANGE)
    colour = alt.Color(
        "line:N", title=None, legend=top_legend(alt), scale=alt.Scale(domain=list(names), range=[BLUE, ORANGE])
    )
    dash = alt.StrokeDash(
        "line:N", title=None, legend=top_legend(alt), scale=alt.Scale(domain=list(names), range=[[1, 0], [4, 2]])
    )
    tell = ["time", "line", alt.Tooltip("value", format=shape)]
    layers = [
        band.encode(x=x, y=alt.Y("low:Q", title=title, axis=axis), y2="high:Q"),
        alt.Chart(round_floats(lines))
        .mark_line(strokeWidth=2)
        .encode(x=x, y=alt.Y("value:Q", axis=axis), color=colour, strokeDash=dash, tooltip=tell),
    ]
    inside = ((by_time["observed"] >= by_time["low"]) & (by_time["observed"] <= by_time["high"])).sum()
    text = (
        f"{title} by time of day: observed {_mean(by_time['observed'], shape)} on the mean, predicted "
        f"{_mean(by_time['predicted'], shape)}; {inside} of {len(by_time)} observed values lie between the predictions "
        "with the most and the fewest agents."
    )
    return build_chart(f"{title}, by time of day: observed and predicted", text, alt.layer(*layers), 240)


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
    import altair as alt
    import numpy as np

    at = np.linspace(0, float(curve["at_s"].max()), 80)
    seen = pd.DataFrame({"at_s": [0.0, *curve["at_s"]], "surviving": [1.0, *curve["surviving"]]})
    fitted = pd.DataFrame({"at_s": at, "surviving": np.exp(-at / mean_s)})
    named: Mapping[str, pd.DataFrame] = {"Kaplan-Meier": seen, "exponential": fitted}
    both = pd.concat([frame.assign(line=name) for name, frame in named.items()], ignore_index=True)
    chart = (
        alt.Chart(round_floats(both))
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("at_s:Q", title="seconds in the queue"),
            y=alt.Y("surviving:Q", title="still ready to wait", axis=alt.Axis(format=".0%")),
            color=alt.Color(
                "line:N", title=None, legend=top_legend(alt), scale=alt.Scale(domain=list(named), range=[BLUE, ORANGE])
            ),
            tooltip=["line", "at_s", alt.Tooltip("surviving", format=".0%")],
        )
    )
    half = seen.loc[seen["surviving"] <= 0.5, "at_s"]
    middle = f"half have given up after {half.iloc[0]:.0f} s" if len(half) else "fewer than half give up"
    text = f"Patience of callers: {middle}; an exponential of the same log has a mean of {mean_s:.0f} s."
    return build_chart("How long callers are ready to wait", text, chart, 220)
