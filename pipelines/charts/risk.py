"""Pictures of how far breach risks can be trusted: calibration, weeks, and the breaches found among the riskiest."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from .axes import percent, seconds, time_axis, value_axis
from .marks import Line, Mark, Points
from .palette import BLUE, GREY, model_colour, model_label
from .svg import Chart, draw_chart

_DIAGONAL = np.array([0.0, 1.0])


def plot_calibration(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the observed against the predicted share of breaches: the model in use and the best of the simple ones.

    All cut-offs of the backtest are drawn where there are some, else the held-out cases.
    """
    name = next((n for n in ("breach_backtest_calibration", "calibration") if n in tables and len(tables[n])), "")
    if not name:
        return []
    frame, names = tables[name], compared_models(tables, tables[name])
    marks: list[Mark] = [Line(_DIAGONAL, _DIAGONAL, GREY, "As predicted", "4 3", 1.2)]
    for model in reversed(names):
        rows = frame[frame["model"] == model]
        x, y, low, high = (rows[c].to_numpy(float) for c in ("predicted", "observed", "lo", "hi"))
        marks.append(Points(x, y, model_colour(model), model_label(model), low=low, high=high))
    used = frame[frame["model"] == names[0]]
    gap = float(np.average((used["predicted"] - used["observed"]).abs(), weights=used["n"].clip(lower=1)))
    text = f"Observed against predicted share of breaches: {100 * gap:.0f} points apart on average."
    x_axis = value_axis([], "Predicted breach risk", percent, limits=(0, 1))
    y_axis = value_axis([], "% of cases that breached", percent, limits=(0, 1))
    return [draw_chart("Calibration of breach risk (bars: 95% CI)", text, x_axis, y_axis, marks)]


def plot_weekly_rates(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the predicted and observed share of breaches by week."""
    frame = tables["drift"]
    used = frame[frame["model"] == compared_models(tables, frame)[0]].sort_values("week")
    at, predicted, observed = (
        seconds(used["week"]),
        used["predicted"].to_numpy(float),
        used["base_rate"].to_numpy(float),
    )
    marks = [Line(at, predicted, BLUE, "Predicted", "4 3"), Line(at, observed, GREY, "Observed")]
    text = f"Predicted and observed rate by week: at most {100 * np.abs(predicted - observed).max():.0f} points apart."
    y = value_axis([*predicted, *observed], "% of cases", percent)
    return [draw_chart("Predicted and observed rate by week", text, time_axis(used["week"]), y, marks)]


def plot_breaches_found(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the share of breaches found when only the riskiest cases are reviewed."""
    frame = tables["recall_by_share"]
    names = compared_models(tables, frame)
    marks: list[Mark] = [Line(_DIAGONAL, _DIAGONAL, GREY, "Random order", "4 3", 1.2)]
    for model in reversed(names):
        rows = frame[frame["model"] == model].sort_values("not_reviewed", ascending=False)
        x = np.concatenate([[0.0], 1 - rows["not_reviewed"].to_numpy(float), [1.0]])
        y = np.concatenate([[0.0], rows["recall"].to_numpy(float), [1.0]])
        marks.append(Line(x, y, model_colour(model), model_label(model)))
    fifth = frame[(frame["model"] == names[0]) & np.isclose(frame["not_reviewed"], 0.8)]["recall"]
    text = (
        f"The riskiest fifth of the cases holds {fifth.iloc[0]:.0%} of the breaches."
        if len(fifth)
        else "Breaches found."
    )
    x_axis = value_axis([], "% of cases reviewed", percent, limits=(0, 1))
    y_axis = value_axis([], "% of breaches found", percent, limits=(0, 1))
    return [draw_chart("Breaches found by share reviewed", text, x_axis, y_axis, marks)]


def compared_models(tables: Mapping[str, pd.DataFrame], frame: pd.DataFrame) -> list[str]:
    """Return the model in use and the best of the simple ones, as far as the frame has them."""
    there = set(frame["model"])
    names: list[str] = []
    if "evaluation" in tables:
        names = [str(m) for m in tables["evaluation"].query("promoted")["model"]]
    names = [n for n in [*names, "mean", "logistic"] if n in there][:1]
    rules = [n for n in ("rates", "rule", "constant") if n in there and n not in names][:1]
    return [*names, *rules] or sorted(there)[:1]
