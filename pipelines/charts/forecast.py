"""Pictures of forecasts: against what came, by lead time and slot, how often intervals held, and the leaderboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..stages.forecast_scores import WEEKDAY_LABELS
from .vega import (
    BLUE,
    GREEN,
    GREY,
    MAX_LINE_POINTS,
    ORANGE,
    RED,
    SKY,
    Chart,
    build_chart,
    downsample,
    format_slot_length,
    round_floats,
    top_legend,
)

MAX_SERIES_PLOTTED = 4
#: Past slots are shown for so many horizons, and of short horizons at least so many slots.
PAST_HORIZONS_PLOTTED, MIN_PAST_SLOTS_PLOTTED = 2, 60
_BANDS = ("deskcast-lo-80", "deskcast-hi-80", "deskcast-lo-95", "deskcast-hi-95")
_METHOD_LABELS = {"deskcast": "deskcast", "seasonal_naive": "seasonal naive", "same_slot": "eight-week average"}
_COLOURS = (BLUE, ORANGE, GREEN, RED, SKY, GREY)


def plot_volume(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw forecast against actual: the sum of all segments where there is one, then the largest series."""
    actuals, ahead, past = tables["actuals"], tables["forecast"], tables.get("backtest", pd.DataFrame())
    found = []
    if "totals" in tables:
        total = tables["totals"][tables["totals"]["level"] == "total"].assign(unique_id="all segments together")
        came = actuals.groupby("ds")["y"].sum().reset_index()
        found.append(_volume("all segments together", came, total, pd.DataFrame()))
    sizes = ahead.groupby("unique_id")["deskcast"].sum().nlargest(MAX_SERIES_PLOTTED).index
    for name in sizes[: MAX_SERIES_PLOTTED - len(found)]:
        then = past[past["unique_id"] == name] if len(past) else past
        rows = ahead[ahead["unique_id"] == name]
        found.append(_volume(str(name), actuals[actuals["unique_id"] == name], rows, then))
    return found


def _volume(name: str, came: pd.DataFrame, ahead: pd.DataFrame, then: pd.DataFrame) -> Chart:
    """Draw one series: what came, what is expected with its bands, and what was forecast for the past."""
    import altair as alt

    slot, ahead = format_slot_length(ahead["ds"]), ahead.sort_values("ds")
    came = came.sort_values("ds").tail(max(PAST_HORIZONS_PLOTTED * len(ahead), MIN_PAST_SLOTS_PLOTTED))
    bands = {c: "min" if "-lo-" in c else "max" for c in _BANDS if c in ahead.columns}
    lines, merged = _lines(came, ahead, then)
    band = [downsample(ahead, MAX_LINE_POINTS, bands)[0].assign(when="ahead")] if bands else []
    if bands and len(then):
        past = then[then["ds"] >= came["ds"].min()].sort_values("ds")
        band.append(downsample(past, MAX_LINE_POINTS, bands)[0].assign(when="then"))
    x, layers = alt.X("ds:T", title=None), []
    what = "value" if "n" in came.columns else "cases"  # shares and means rest on n cases each
    y = f"{what} per {slot}"
    for part in band:
        shaded = round_floats(part.rename(columns={c: c[9:].replace("-", "_") for c in bands}))
        pale = 0.55 if (part["when"] == "then").all() else 1.0
        for level, shade in (("95", 0.15), ("80", 0.3)):
            if f"lo_{level}" in shaded.columns:
                area = alt.Chart(shaded.drop(columns="when")).mark_area(opacity=shade * pale, color=BLUE)
                layers.append(area.encode(x=x, y=alt.Y(f"lo_{level}:Q", title=y), y2=f"hi_{level}:Q"))
    order = [line for line in ("came", "expected", "forecast then", "seasonal naive") if line in set(lines["line"])]
    looks = {"came": (GREY, [1, 0]), "expected": (BLUE, [1, 0]), "forecast then": (BLUE, [2, 2])}
    looks["seasonal naive"] = (ORANGE, [4, 3])
    colour = alt.Scale(domain=order, range=[looks[line][0] for line in order])
    dash = alt.Scale(domain=order, range=[looks[line][1] for line in order])
    tell = [alt.Tooltip("ds:T", title="from", format="%a %d %b %Y %H:%M"), "line", alt.Tooltip("value", format=",.1f")]
    layers.append(
        alt.Chart(lines)
        .mark_line(strokeWidth=1.6)
        .encode(
            x=x,
            y=alt.Y("value:Q", title=y, scale=alt.Scale(zero=True)),
            color=alt.Color("line:N", title=None, scale=colour, legend=top_legend(alt)),
            strokeDash=alt.StrokeDash("line:N", title=None, scale=dash, legend=top_legend(alt)),
            tooltip=tell,
        )
    )
    text = (
        f"Volume of {name}: expected {ahead['deskcast'].sum():,.0f} {what} from {ahead['ds'].min():%d %b %Y} to "
        f"{ahead['ds'].max():%d %b %Y}, after {came['y'].sum():,.0f} in the {len(came):,} slots before."
    )
    shown, note = "" if name == "all" else f" · {name}", f", {merged} slots a point" if merged > 1 else ""
    return build_chart(
        f"{what.capitalize()} per {slot}{shown}, with bands of 80 and 95 %{note}", text, alt.layer(*layers), 240
    )


def _lines(came: pd.DataFrame, ahead: pd.DataFrame, then: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return the lines of a picture as one long frame, and how many slots a point stands for."""
    named = {"deskcast": "expected", "seasonal_naive": "seasonal naive"}
    comes, merged = downsample(ahead, MAX_LINE_POINTS, {c: "mean" for c in named if c in ahead.columns})
    parts = [downsample(came, MAX_LINE_POINTS, {"y": "mean"})[0].rename(columns={"y": "value"}).assign(line="came")]
    if len(then):
        past = then[then["ds"] >= came["ds"].min()].sort_values("ds")
        seen = downsample(past, MAX_LINE_POINTS, {"deskcast": "mean"})[0]
        parts.append(seen.rename(columns={"deskcast": "value"}).assign(line="forecast then"))
    parts += [comes[["ds", c]].rename(columns={c: "value"}).assign(line=named[c]) for c in comes if c in named]
    return round_floats(pd.concat(parts, ignore_index=True)), merged


def plot_errors_by_lead(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw how errors grow with the lead time, for the recommended forecast and the naive methods."""
    import altair as alt

    table = _named(tables["forecast_by_lead"])
    if table.empty or table["lead"].nunique() < 2:
        return []
    unit = str(table["unit"].iloc[0])
    frame = round_floats(table[["lead", "model", "wape", "bias"]])
    order = list(dict.fromkeys(frame["model"]))
    chart = (
        alt.Chart(frame)
        .mark_line(point=frame["lead"].nunique() <= 40, strokeWidth=1.6)
        .encode(
            x=alt.X(
                "lead:Q", title=f"{unit}s ahead", axis=alt.Axis(format="d", tickMinStep=1), scale=alt.Scale(nice=False)
            ),
            y=alt.Y("wape:Q", title="error over volume", axis=alt.Axis(format=".0%"), scale=alt.Scale(zero=True)),
            color=alt.Color("model:N", title=None, legend=top_legend(alt), scale=_scale(alt, order)),
            tooltip=["model", "lead", alt.Tooltip("wape", format=".1%"), alt.Tooltip("bias", format="+.1%")],
        )
    )
    ours = frame[frame["model"] == order[0]]
    first, last = ours["wape"].iloc[0], ours["wape"].iloc[-1]
    text = (
        f"Errors by lead time: {first:.1%} of the volume {ours['lead'].iloc[0]} {unit} ahead, {last:.1%} "
        f"{ours['lead'].iloc[-1]} {unit}s ahead."
    )
    return [build_chart("How errors grow with the lead time", text, chart, 220)]


def plot_errors_by_slot(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the errors by slot of the week: by weekday, and by time of day where slots are shorter."""
    import altair as alt

    table = tables["forecast_by_time"]
    table = table[table["wape"].notna()] if len(table) else table
    if table.empty or len(table) < 2:
        return []
    frame = round_floats(table[["weekday", "time", "wape", "bias", "volume", "n"]])
    frame["volume"] = (frame["volume"] / frame["n"]).round(2)
    days = [d for d in WEEKDAY_LABELS if d in set(frame["weekday"])]
    tell = ["weekday", "time", alt.Tooltip("wape", title="error over volume", format=".1%")]
    tell += [alt.Tooltip("bias", format="+.1%"), alt.Tooltip("volume", title="volume a slot")]
    if (frame["time"] == "").all():
        y = alt.Axis(format=".0%")
        bars = alt.Chart(frame).encode(x=alt.X("weekday:N", sort=days, title=None, axis=alt.Axis(labelAngle=0)))
        chart: Any = alt.layer(
            bars.mark_bar(color=BLUE, opacity=0.75).encode(
                y=alt.Y("wape:Q", title="error over volume", axis=y), tooltip=tell
            ),
            bars.mark_tick(color=RED, thickness=3, size=26).encode(y="bias:Q", tooltip=tell),
        )
        title, height = "Errors by weekday; the mark is forecast minus outcome", 200
    else:
        most = float(frame["wape"].quantile(0.95))
        chart = (
            alt.Chart(frame)
            .mark_rect()
            .encode(
                x=alt.X("time:O", title=None, axis=alt.Axis(labelOverlap=True, labelAngle=0)),
                y=alt.Y("weekday:N", sort=days, title=None),
                color=alt.Color(
                    "wape:Q",
                    title="error over volume",
                    scale=alt.Scale(scheme="viridis", domain=[0, most], clamp=True),
                    legend=alt.Legend(orient="top", gradientLength=160, format=".0%"),
                ),
                tooltip=tell,
            )
        )
        title, height = "Errors by slot of the week", 190
    worst = frame.iloc[int(frame["wape"].to_numpy().argmax())]
    where = f"{worst['weekday']} {worst['time']}".strip()
    return [
        build_chart(
            title, f"Errors by slot of the week: the largest are on {where} with {worst['wape']:.0%}.", chart, height
        )
    ]


def plot_interval_coverage(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw how often the intervals of each level held: on the diagonal they keep what they promise."""
    import altair as alt

    table = _named(tables["forecast_coverage"])
    frame = round_floats(table.assign(level=table["level"] / 100))
    order, share = list(dict.fromkeys(frame["model"])), alt.Scale(domain=[0, 1])
    x = alt.X("level:Q", title="level of the interval", axis=alt.Axis(format=".0%"), scale=share)
    base = alt.Chart(frame).encode(
        x=x, color=alt.Color("model:N", title=None, legend=top_legend(alt), scale=_scale(alt, order))
    )
    ours = alt.Chart(frame[frame["model"] == order[0]])
    spread = ours.mark_rule(strokeWidth=2, color=BLUE, opacity=0.6).encode(x=x, y=alt.Y("lo:Q", scale=share), y2="hi:Q")
    lines = base.mark_line(point=True, strokeWidth=1.4).encode(
        y=alt.Y("observed:Q", title="share that it held", axis=alt.Axis(format=".0%"), scale=share),
        tooltip=["model", alt.Tooltip("level", format=".0%"), alt.Tooltip("observed", format=".1%"), "n"],
    )
    straight = (
        alt.Chart(pd.DataFrame({"a": [0.0, 1.0]})).mark_line(color=GREY, strokeDash=[4, 3]).encode(x="a:Q", y="a:Q")
    )
    mine = frame[frame["model"] == order[0]]
    gap = float((mine["observed"] - mine["level"]).abs().max())
    text = f"How often intervals held against their level; the largest gap of {order[0]} is {gap * 100:.1f} points."
    title = "Do the intervals hold? Bars: two standard errors over origins"
    return [build_chart(title, text, alt.layer(straight, spread, lines), 280)]


def plot_leaderboard(tables: Mapping[str, pd.DataFrame]) -> list[Chart]:
    """Draw the leaderboard: quantile loss of each model, the best on top."""
    import altair as alt

    table = _named(tables["leaderboard"].dropna(subset=["wql"]))
    if len(table) < 2:
        return []
    frame = round_floats(table[["model", "wql", "wape"]])
    order = frame.sort_values("wql")["model"].tolist()
    colour = alt.condition(alt.datum.model == _METHOD_LABELS["deskcast"], alt.value(BLUE), alt.value(GREY))
    bars = alt.Chart(frame).encode(
        x=alt.X(
            "wql:Q",
            title="weighted quantile loss over volume (less is better)",
            axis=alt.Axis(format=".0%", tickCount=6),
        ),
        y=alt.Y("model:N", sort=order, title=None, axis=alt.Axis(labelLimit=200)),
        tooltip=["model", alt.Tooltip("wql", format=".2%"), alt.Tooltip("wape", format=".1%")],
    )
    words = bars.mark_text(align="left", dx=4, color=GREY).encode(text=alt.Text("wql:Q", format=".2%"))
    chart = alt.layer(bars.mark_bar(height={"band": 0.7}).encode(color=colour), words)
    text = f"Methods by weighted quantile loss on past origins: {order[0]} has the least."
    return [build_chart("Leaderboard on past origins", text, chart, 26 * len(frame) + 30)]


def _named(table: pd.DataFrame) -> pd.DataFrame:
    """Put the recommended forecast first, and call the methods what a reader calls them."""
    if "model" not in table.columns:
        return table
    first = table["model"] != "deskcast"
    ordered = table.assign(_first=first).sort_values("_first", kind="stable").drop(columns="_first")
    return ordered.assign(model=[_METHOD_LABELS.get(m, m.replace("_", " ")) for m in ordered["model"]])


def _scale(alt: Any, order: list[str]) -> Any:
    return alt.Scale(domain=order, range=[_COLOURS[i % len(_COLOURS)] for i in range(len(order))])
