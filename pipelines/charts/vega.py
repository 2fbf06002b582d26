"""What all pictures share: colours, thinning, and the specification that a page draws.

Colours are those of Okabe and Ito (2008), "Color Universal Design", which people with colour-blindness can tell apart;
the blue is a little lighter, so that it can be seen on a dark page too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

BLUE, ORANGE, GREEN, RED, SKY, GREY = "#1A80BB", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#8A8F98"
#: No picture ships more points than this.
MAX_POINTS = 4_000
#: A line of more points than the page has pixels shows no more.
MAX_LINE_POINTS = 600


@dataclass(frozen=True)
class Chart:
    """A picture: its title, what it shows in words for who cannot see it, and its Vega-Lite specification."""

    title: str
    alt: str
    spec: Mapping[str, Any]


def downsample(frame: pd.DataFrame, limit: int, how: Mapping[str, str] | None = None) -> tuple[pd.DataFrame, int]:
    """Merge neighbouring rows so that at most ``limit`` remain, and say how many rows each stands for.

    Parameters
    ----------
    frame
        Rows in order, with a column ``ds``; of merged rows the first ``ds`` counts.
    limit
        Most rows to keep.
    how
        Column -> ``mean``, ``min`` or ``max``; only these columns (and ``ds``) are kept.

    Examples
    --------
    >>> frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=4), "y": [1.0, 3.0, 5.0, 7.0]})
    >>> merged, rows = downsample(frame, 2, {"y": "mean"})
    >>> merged["y"].tolist(), rows
    ([2.0, 6.0], 2)
    """
    columns = dict(how or {c: "mean" for c in frame.columns if c != "ds"})
    rows = max(1, -(-len(frame) // limit))
    if rows == 1:
        return frame[["ds", *columns]].reset_index(drop=True), 1
    merged = frame.groupby(np.arange(len(frame)) // rows).agg({"ds": "first", **columns})
    return merged[["ds", *columns]].reset_index(drop=True), rows


def build_chart(title: str, text: str, chart: Any, height: int) -> Chart:
    """Turn an Altair chart into a picture as wide as its place on the page."""
    spec = chart.properties(width="container", height=height, background="transparent").to_dict()
    spec.pop("config", None)  # ink and grid follow the reader's light or dark page
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    return Chart(title, text, spec)


def top_legend(alt: Any, columns: int = 5) -> Any:
    """Return a legend above the picture, where a phone has room for it."""
    return alt.Legend(orient="top", labelLimit=260 if columns > 2 else 130, columns=columns)


def gradient_legend(alt: Any, values: pd.Series[Any]) -> Any:
    """Return a legend for a scale of colours, marked at whole numbers."""
    marks = sorted({round(float(v)) for v in values.quantile([0, 0.5, 1])}) if len(values) else []
    return alt.Legend(orient="top", gradientLength=160, values=marks, format="d")


def format_slot_length(ds: pd.Series[Any]) -> str:
    """Say the length of a slot: the commonest step between neighbours."""
    steps = ds.sort_values().drop_duplicates().diff().dropna()
    step = steps.mode().iloc[0] if len(steps) else pd.Timedelta(days=1)
    named = {3600: "hour", 86400: "day", 7 * 86400: "week"}
    seconds = int(step.total_seconds())
    if seconds in named:
        return named[seconds]
    return f"{seconds / 60:.0f} min" if seconds < 86400 else "month" if seconds < 32 * 86400 else "period"


def round_floats(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep four significant digits: a picture shows no more, and the page is a third of the size."""
    floats = [c for c in frame.columns if pd.api.types.is_float_dtype(frame[c])]
    return frame.assign(**{c: [float(f"{v:.4g}") for v in frame[c]] for c in floats})


def render_image(drawn: Sequence[Chart], kind: str) -> bytes:
    """Draw pictures below one another as one ``png`` or ``svg``."""
    import json

    import vl_convert

    parts: list[dict[str, Any]] = []
    data: dict[str, Any] = {}
    for one in drawn:
        spec = {k: v for k, v in one.spec.items() if k not in ("$schema", "autosize", "background", "datasets")}
        parts.append({**spec, "width": 720, "title": {"text": one.title, "anchor": "start"}})
        data |= one.spec.get("datasets", {})
    schema = drawn[0].spec["$schema"] if drawn else "https://vega.github.io/schema/vega-lite/v6.json"
    apart = {"scale": {"color": "independent", "strokeDash": "independent"}}
    whole = json.dumps(
        {"$schema": schema, "background": "white", "vconcat": parts, "datasets": data, "resolve": apart}, default=str
    )
    if kind == "svg":
        return str(vl_convert.vegalite_to_svg(whole)).encode()
    return bytes(vl_convert.vegalite_to_png(whole, scale=1.5))
