"""Pictures of how far the probabilities can be trusted: calibration, weeks, and what looking at the riskiest finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .vega import BLUE, GREEN, GREY, ORANGE, Chart, build_chart, round_floats, top_legend

_COLOURS = (BLUE, ORANGE, GREEN)
#: Candidates as a reader knows them.
MODEL_LABELS = {
    "constant": "base rate",
    "rule": "age over target",
    "rates": "rate of priority, team and type",
    "logistic": "logistic regression",
    "hazard": "hazard",
    "mean": "mean of both models",
}


def plot_backtest_calibration(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw what came against what was said over all cut-offs: the model in use and its best baseline."""
    import altair as alt

    frame = tables["breach_backtest_calibration"]
    names = _compared_models(tables, frame)
    frame = frame[frame["model"].isin(names)].assign(model=lambda f: f["model"].map(MODEL_LABELS).fillna(f["model"]))
    axis = alt.Axis(format=".0%")
    scale = alt.Scale(domain=[MODEL_LABELS.get(n, n) for n in names], range=list(_COLOURS[: len(names)]))
    base = alt.Chart(round_floats(frame)).encode(
        x=alt.X("predicted:Q", title="said", axis=axis, scale=alt.Scale(domain=[0, 1])),
        color=alt.Color("model:N", title=None, scale=scale, legend=top_legend(alt)),
    )
    y = alt.Scale(domain=[0, 1], clamp=True)
    bars = base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("lo:Q", scale=y, title="came"), y2="hi:Q")
    dots = base.mark_circle(opacity=1).encode(
        y=alt.Y("observed:Q", axis=axis),
        size=alt.Size("n:Q", legend=None, scale=alt.Scale(range=[25, 160])),
        tooltip=["model", "predicted", "observed", "n"],
    )
    line = alt.Chart(pd.DataFrame({"a": [0.0, 1.0]})).mark_line(color=GREY, strokeDash=[4, 3]).encode(x="a:Q", y="a:Q")
    mine = frame[frame["model"] == MODEL_LABELS.get(names[0], names[0])]
    gap = float(np.average((mine["predicted"] - mine["observed"]).abs(), weights=mine["n"].clip(lower=1)))
    text = f"Said against came on cases later than the training; the mean distance from the diagonal is {gap:.1%}."
    return [
        build_chart(
            "Do the probabilities hold out of time? Bars: 95 % intervals", text, alt.layer(line, bars, dots), 280
        )
    ]


def plot_weekly_rates(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw by week which share of breaches was said and which came."""
    import altair as alt

    frame = tables["drift"]
    name = _compared_models(tables, frame)[0]
    mine = frame[frame["model"] == name]
    names = {"predicted": "said", "base_rate": "came"}
    long = mine.rename(columns=names).melt("week", ["said", "came"], var_name="line", value_name="share")
    colour = alt.Color(
        "line:N", title=None, legend=top_legend(alt), scale=alt.Scale(domain=["said", "came"], range=[BLUE, GREY])
    )
    dash = alt.StrokeDash(
        "line:N", title=None, legend=top_legend(alt), scale=alt.Scale(domain=["said", "came"], range=[[4, 3], [1, 0]])
    )
    chart = (
        alt.Chart(round_floats(long))
        .mark_line(point=True, strokeWidth=1.7)
        .encode(
            x=alt.X("week:T", title=None, axis=alt.Axis(format="%d %b")),
            y=alt.Y("share:Q", title="share of breaches", axis=alt.Axis(format=".0%"), scale=alt.Scale(zero=True)),
            color=colour,
            strokeDash=dash,
            tooltip=[alt.Tooltip("week:T", format="%d %b %Y"), "line", alt.Tooltip("share", format=".1%")],
        )
    )
    gap = float((mine["predicted"] - mine["base_rate"]).abs().max())
    return [build_chart("Said and came, week by week", f"In the worst week they are {gap:.0%} apart.", chart, 200)]


def plot_breaches_found(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw which share of the bad cases is found when only the riskiest share is looked at."""
    import altair as alt

    frame = tables["recall_by_share"]
    names = _compared_models(tables, frame)
    frame = frame[frame["model"].isin(names)].assign(
        looked=lambda f: 1 - f["not_reviewed"], model=lambda f: f["model"].map(MODEL_LABELS).fillna(f["model"])
    )
    ends = pd.DataFrame([{"model": m, "looked": x, "recall": x} for m in frame["model"].unique() for x in (0.0, 1.0)])
    frame = pd.concat([frame[["model", "looked", "recall"]], ends], ignore_index=True).sort_values(["model", "looked"])
    percent: Any = alt.Axis(format=".0%")
    scale = alt.Scale(domain=[MODEL_LABELS.get(n, n) for n in names], range=list(_COLOURS[: len(names)]))
    lines = (
        alt.Chart(round_floats(frame))
        .mark_line(point=True, strokeWidth=1.7)
        .encode(
            x=alt.X("looked:Q", title="share of the list that is looked at", axis=percent),
            y=alt.Y("recall:Q", title="share of the breaches found", axis=percent),
            color=alt.Color("model:N", title=None, scale=scale, legend=top_legend(alt)),
            tooltip=["model", alt.Tooltip("looked", format=".0%"), alt.Tooltip("recall", format=".0%")],
        )
    )
    chance = pd.DataFrame({"a": [0.0, 1.0]})
    line = alt.Chart(chance).mark_line(color=GREY, strokeDash=[4, 3]).encode(x="a:Q", y="a:Q")
    mine = tables["recall_by_share"]
    at = mine[(mine["model"] == names[0]) & np.isclose(mine["not_reviewed"], 0.8)]["recall"]
    told = f"The riskiest fifth of the list holds {at.iloc[0]:.0%} of the breaches." if len(at) else ""
    return [build_chart("What looking at the riskiest finds (grey: chance)", told, alt.layer(line, lines), 220)]


def _compared_models(tables: Mapping[str, pd.DataFrame], frame: pd.DataFrame) -> list[str]:
    """Return the model in use and the best of the plain rules, as far as the frame has them."""
    there = set(frame["model"])
    names: list[str] = []
    if "evaluation" in tables:
        names = [str(m) for m in tables["evaluation"].query("promoted")["model"]]
    names = [n for n in [*names, "mean", "logistic"] if n in there][:1]
    rules = [n for n in ("rates", "rule", "constant") if n in there and n not in names][:1]
    return [*names, *rules] or sorted(there)[:1]
