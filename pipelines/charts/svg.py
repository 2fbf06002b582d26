"""Pictures as SVG: marks on two axes, a legend for each mark that has a name, and words for who cannot see it.

No browser engine and no script takes part, so that a picture costs milliseconds and shows in mail and print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from .axes import Axis
from .marks import FONT_SIZE, Mark, Place, draw_rectangle, draw_stroke, draw_text, pixels, text_width
from .palette import BLUE, GRID, INK, PAPER, SOFT

WIDTH = 460
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
#: A line of more points than the page has pixels shows no more.
MAX_LINE_POINTS = 600


@dataclass(frozen=True)
class Chart:
    """A picture: its title (measure, unit, segment), what it shows in words for who cannot see it, and its SVG."""

    title: str
    alt: str
    svg: str

    def _repr_svg_(self) -> str:
        """Show it in a notebook."""
        return self.svg


def draw_chart(title: str, text: str, x: Axis, y: Axis, marks: Sequence[Mark], height: int = 130) -> Chart:
    """Draw marks on two axes, the first at the back.

    Parameters
    ----------
    title
        Measure, unit and segment.
    text
        What the picture shows, in a sentence for who cannot see it.
    x, y
        Axes; the title of ``y`` stands above it.
    marks
        What is drawn; those with a label are in the legend.
    height
        Of the part between the axes, in pixels.

    Examples
    --------
    >>> from deskcast.pipelines.charts.axes import band_axis, value_axis
    >>> from deskcast.pipelines.charts.marks import Bars
    >>> days = Bars(np.arange(2.0), np.array([12.0, 15.0]), BLUE, "Cases")
    >>> x, y = band_axis(["Mon", "Tue"]), value_axis([15], "Cases")
    >>> chart = draw_chart("Cases", "12 on Mon, 15 on Tue.", x, y, [days])
    >>> chart.svg.count("<rect")
    3
    """
    left = max(text_width(label) for _, label in y.ticks) + 14
    legend, below = _legend([mark for mark in marks if mark.label])
    top = below + (24 if y.title else 8)
    bottom = top + height
    across, down = Place(x, left, WIDTH - 14.0), Place(y, bottom, top)
    parts = [legend, draw_text(0, below + 11, y.title, SOFT) if y.title else ""]
    for value, label in y.ticks:
        at = float(down(value))
        parts += [draw_stroke(left, at, WIDTH - 14, at, GRID, 1), draw_text(left - 6, at + 4, label, SOFT, "end")]
    for value, label in x.ticks:
        parts.append(draw_text(_inside(float(across(value)), label), bottom + 16, label, SOFT, "middle"))
    parts += [mark.draw(across, down) for mark in marks]
    if x.title:
        parts.append(draw_text((left + WIDTH) / 2, bottom + 33, x.title, SOFT, "middle"))
    return Chart(title, text, _svg(parts, text, bottom + (40 if x.title else 24)))


def draw_heatmap(title: str, text: str, values: pd.DataFrame, label: str, form: str = ",.0f") -> Chart:
    """Draw a table of numbers as cells, each with its number and the darker the larger.

    Parameters
    ----------
    title, text
        As of :func:`draw_chart`.
    values
        Numbers by row and column; a missing one leaves its cell empty.
    label
        What the numbers are, for the legend.
    form
        How a number is written.

    Examples
    --------
    >>> values = pd.DataFrame({"Mon": [1.0, 3.0], "Tue": [2.0, np.nan]}, index=["08:00", "09:00"])
    >>> ">3</text>" in draw_heatmap("Agents", "At most 3.", values, "Agents").svg
    True
    """
    rows, columns = [str(r) for r in values.index], [str(c) for c in values.columns]
    left, top, tall = max(text_width(r) for r in rows) + 14, 42.0, 18.0
    wide = (WIDTH - left) / max(len(columns), 1)
    most = float(np.nanmax(values.to_numpy(dtype=float))) if values.notna().to_numpy().any() else 1.0
    parts = [draw_text(0, 12, label, SOFT)]
    parts += [draw_text(left + (i + 0.5) * wide, top - 8, name, SOFT, "middle") for i, name in enumerate(columns)]
    for i, row in enumerate(rows):
        parts.append(draw_text(left - 6, top + i * tall + 13, row, SOFT, "end"))
        for j, value in enumerate(values.iloc[i].to_numpy(dtype=float)):
            if np.isfinite(value):
                at = (left + j * wide, top + i * tall)
                shade = round(0.05 + 0.45 * max(value, 0) / most, 3) if most > 0 else 0.05
                parts.append(draw_rectangle(at[0] + 0.5, at[1] + 0.5, wide - 1, tall - 1, BLUE, shade))
                parts.append(draw_text(at[0] + wide / 2, at[1] + 13, format(value, form), INK, "middle"))
    return Chart(title, text, _svg(parts, text, top + len(rows) * tall + 6))


def render_image(charts: Sequence[Chart], kind: str) -> bytes:
    """Draw pictures below one another, each under its title, as one ``png`` or ``svg``."""
    parts, at = [], 14.0
    for chart in charts:
        parts.append(draw_text(0, at + 6, chart.title, INK, weight="600"))
        height = float(chart.svg.split('height="', 1)[1].split('"', 1)[0])
        parts.append(f'<svg y="{pixels(at + 16)}"{chart.svg.removeprefix("<svg")}')
        at += height + 42
    whole = _svg([draw_rectangle(-14, 0, WIDTH + 28, at, PAPER), *parts], "; ".join(c.title for c in charts), at, 14)
    if kind == "svg":
        return whole.encode()
    import vl_convert

    return bytes(vl_convert.svg_to_png(whole, scale=2))


def downsample(frame: pd.DataFrame, limit: int, how: Mapping[str, str] | None = None) -> tuple[pd.DataFrame, int]:
    """Merge neighbouring rows so that at most ``limit`` remain, and return how many rows each stands for.

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


def _svg(parts: Sequence[str], text: str, height: float, margin: float = 0.0) -> str:
    wide = WIDTH + 2 * margin
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(text)}" width="{pixels(wide)}" '
        f'height="{pixels(height)}" viewBox="{pixels(-margin)} 0 {pixels(wide)} {pixels(height)}" '
        f'font-family="{escape(FONTS)}" font-size="{FONT_SIZE}">{"".join(parts)}</svg>'
    )


def _legend(marks: Sequence[Mark]) -> tuple[str, float]:
    """Return the legend above a picture, in as many lines as it takes, and where it ends."""
    parts, x, y = [], 0.0, 9.0
    for mark in {mark.label: mark for mark in marks}.values():
        wide = 24 + text_width(mark.label)
        if x and x + wide > WIDTH:
            x, y = 0.0, y + 18
        parts += [mark.swatch(x, y), draw_text(x + 24, y + 4, mark.label, INK)]
        x += wide + 14
    return "".join(parts), y + 11 if parts else 2.0


def _inside(x: float, label: str) -> float:
    half = text_width(label) / 2 + 3
    return min(max(x, half), WIDTH - half)
