"""Marks of a picture, such as lines and bars: each draws itself on two axes, and its swatch in the legend."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

import numpy as np

from .axes import Axis, Floats
from .palette import PAPER

FONT_SIZE = 13
#: Width of a character over the size of the font, on average.
CHARACTER_WIDTH = 0.56


class Mark(Protocol):
    """Something drawn on the axes."""

    @property
    def label(self) -> str:
        """Its name in the legend; nothing where it has none."""

    def draw(self, x: Place, y: Place) -> str:
        """Return its SVG; ``x`` and ``y`` turn values into pixels."""

    def swatch(self, x: float, y: float) -> str:
        """Return its SVG in the legend, 18 pixels wide around the height ``y``."""


@dataclass(frozen=True)
class Place:
    """Values of an axis to pixels."""

    axis: Axis
    first: float
    last: float

    def __call__(self, values: Any) -> Any:
        """Return where values stand; what is beyond the axis stands at its end."""
        share = (np.asarray(values, dtype=float) - self.axis.low) / (self.axis.high - self.axis.low)
        return self.first + np.clip(share, 0, 1) * (self.last - self.first)


@dataclass(frozen=True)
class Line:
    """A line through points; a missing value breaks it, and a value between two gaps is a dot."""

    x: Floats
    y: Floats
    colour: str
    label: str = ""
    dash: str = ""
    width: float = 1.8
    step: bool = False

    def draw(self, x: Place, y: Place) -> str:
        """Return one path."""
        parts, dots = [], []
        for run in known_runs(self.y):
            points = list(zip(x(self.x[run]), y(self.y[run]), strict=True))
            if len(points) == 1:
                dots.append(draw_circle(*points[0], 2.2, self.colour))
            elif self.step:
                steps = "".join(f"H{pixels(a)}V{pixels(b)}" for a, b in points[1:])
                parts.append(f"M{pixels(points[0][0])} {pixels(points[0][1])}{steps}")
            else:
                parts.append("M" + "L".join(f"{pixels(a)} {pixels(b)}" for a, b in points))
        return self._path("".join(parts)) + "".join(dots) if parts or dots else ""

    def swatch(self, x: float, y: float) -> str:
        """Return a short line."""
        return self._path(f"M{pixels(x)} {pixels(y)}H{pixels(x + 18)}")

    def _path(self, d: str) -> str:
        dash = f' stroke-dasharray="{self.dash}"' if self.dash else ""
        return f'<path d="{d}" fill="none" stroke="{self.colour}" stroke-width="{self.width}"{dash}/>' if d else ""


@dataclass(frozen=True)
class Area:
    """A band between two bounds."""

    x: Floats
    low: Floats
    high: Floats
    colour: str
    label: str = ""
    opacity: float = 0.22

    def draw(self, x: Place, y: Place) -> str:
        """Return one path."""
        parts = []
        for run in known_runs(self.low + self.high):
            at = x(self.x[run])
            there = [f"{pixels(a)} {pixels(b)}" for a, b in zip(at, y(self.high[run]), strict=True)]
            back = [f"{pixels(a)} {pixels(b)}" for a, b in zip(at[::-1], y(self.low[run])[::-1], strict=True)]
            parts.append("M" + "L".join(there + back) + "Z")
        return f'<path d="{"".join(parts)}" fill="{self.colour}" fill-opacity="{self.opacity}"/>' if parts else ""

    def swatch(self, x: float, y: float) -> str:
        """Return a small rectangle."""
        return draw_rectangle(x, y - 5, 18, 10, self.colour, self.opacity)


@dataclass(frozen=True)
class Bars:
    """Bars from zero, ``width`` wide in units of the axis."""

    x: Floats
    y: Floats
    colour: str
    label: str = ""
    width: float = 0.7
    opacity: float = 0.8

    def draw(self, x: Place, y: Place) -> str:
        """Return a rectangle for each known value."""
        base, drawn = float(y(0.0)), []
        for at, value in zip(self.x, self.y, strict=True):
            if np.isfinite(value):
                left, right, top = float(x(at - self.width / 2)), float(x(at + self.width / 2)), float(y(value))
                drawn.append(
                    draw_rectangle(left, min(top, base), right - left, abs(base - top), self.colour, self.opacity)
                )
        return "".join(drawn)

    def swatch(self, x: float, y: float) -> str:
        """Return a small rectangle."""
        return draw_rectangle(x + 4, y - 5, 10, 10, self.colour, self.opacity)


@dataclass(frozen=True)
class Points:
    """Points, filled or hollow, with bars from ``low`` to ``high`` where these are given."""

    x: Floats
    y: Floats
    colour: str
    label: str = ""
    radius: float = 3.2
    hollow: bool = False
    low: Floats | None = None
    high: Floats | None = None

    def draw(self, x: Place, y: Place) -> str:
        """Return a circle for each known value."""
        known = np.isfinite(self.y)
        drawn = []
        if self.low is not None and self.high is not None:
            ends = zip(x(self.x[known]), y(self.low[known]), y(self.high[known]), strict=True)
            drawn = [draw_stroke(a, low, a, high, self.colour, 1.4) for a, low, high in ends]
        places = zip(x(self.x[known]), y(self.y[known]), strict=True)
        return "".join([*drawn, *[draw_circle(a, b, self.radius, self.colour, self.hollow) for a, b in places]])

    def swatch(self, x: float, y: float) -> str:
        """Return one point, with its bar."""
        bar = "" if self.low is None else draw_stroke(x + 9, y - 7, x + 9, y + 7, self.colour, 1.4)
        return bar + draw_circle(x + 9, y, self.radius, self.colour, self.hollow)


@dataclass(frozen=True)
class Level:
    """A line across the picture, such as a target."""

    y: float
    colour: str
    label: str
    dash: str = "6 3"

    def draw(self, x: Place, y: Place) -> str:
        """Return a line over the whole width."""
        at = float(y(self.y))
        return draw_stroke(x.first, at, x.last, at, self.colour, 1.4, self.dash)

    def swatch(self, x: float, y: float) -> str:
        """Return a short line."""
        return draw_stroke(x, y, x + 18, y, self.colour, 1.4, self.dash)


@dataclass(frozen=True)
class Moment:
    """A line from top to bottom, such as the instant at which something was detected."""

    x: float
    colour: str
    label: str
    dash: str = "2 2"

    def draw(self, x: Place, y: Place) -> str:
        """Return a line over the whole height."""
        at = float(x(self.x))
        return draw_stroke(at, y.first, at, y.last, self.colour, 1.4, self.dash)

    def swatch(self, x: float, y: float) -> str:
        """Return a short line."""
        return draw_stroke(x + 9, y - 7, x + 9, y + 7, self.colour, 1.4, self.dash)


def known_runs(values: Floats) -> list[slice]:
    """Return the stretches of known values."""
    known = np.concatenate([[False], np.isfinite(values), [False]])
    edges = np.flatnonzero(known[1:] != known[:-1])
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def text_width(text: str) -> float:
    """Return about how wide a text is, in pixels."""
    return len(text) * FONT_SIZE * CHARACTER_WIDTH


def pixels(value: float) -> str:
    """Write a length in pixels."""
    return f"{value:.1f}".removesuffix(".0")


def draw_text(x: float, y: float, text: str, colour: str, anchor: str = "", weight: str = "") -> str:
    """Return a text; what it says cannot become markup."""
    more = (f' text-anchor="{anchor}"' if anchor else "") + (f' font-weight="{weight}"' if weight else "")
    return f'<text x="{pixels(x)}" y="{pixels(y)}" fill="{colour}"{more}>{escape(text)}</text>'


def draw_stroke(x1: float, y1: float, x2: float, y2: float, colour: str, width: float, dash: str = "") -> str:
    """Return a straight line."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    where = f'd="M{pixels(x1)} {pixels(y1)}L{pixels(x2)} {pixels(y2)}"'
    return f'<path {where} stroke="{colour}" stroke-width="{width}"{dashed}/>'


def draw_rectangle(x: float, y: float, width: float, height: float, colour: str, opacity: float = 1.0) -> str:
    """Return a rectangle."""
    pale = f' fill-opacity="{opacity}"' if opacity < 1 else ""
    where = f'x="{pixels(x)}" y="{pixels(y)}" width="{pixels(width)}" height="{pixels(height)}"'
    return f'<rect {where} fill="{colour}"{pale}/>'


def draw_circle(x: float, y: float, radius: float, colour: str, hollow: bool = False) -> str:
    """Return a circle, filled with its colour or with that of the page."""
    ink = f'fill="{PAPER}" stroke="{colour}" stroke-width="1.5"' if hollow else f'fill="{colour}"'
    return f'<circle cx="{pixels(x)}" cy="{pixels(y)}" r="{radius:g}" {ink}/>'
