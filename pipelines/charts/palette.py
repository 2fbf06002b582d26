"""Colours of the pictures: each in light and dark, and one for each model, the same in every picture.

Hues are those of Okabe and Ito (2008), "Color Universal Design", which people with colour-blindness can tell apart.
Lightness is adjusted so that each has a contrast of 3 to 1 or more on the page.
"""

from __future__ import annotations

import colorsys
from zlib import crc32

from ..words.columns import format_cell

BLUE, ORANGE, GREEN, RED = "#0072b2", "#b06f00", "#009e73", "#c44a00"
SKY, PURPLE, GREY = "#3a8fc4", "#a8577f", "#737a85"
INK, SOFT, GRID, PAPER = "#1c2430", "#566070", "#e3e7ec", "#ffffff"
#: Colour on a light page -> the same on a dark one.
DARK_COLOURS = {
    BLUE: "#5cb0e6",
    ORANGE: "#eba52c",
    GREEN: "#2fbf94",
    RED: "#f07a38",
    SKY: "#8fd0f5",
    PURPLE: "#dd97bd",
    GREY: "#9aa3af",
    INK: "#e6e9ee",
    SOFT: "#a3adba",
    GRID: "#303842",
    PAPER: "#14181e",
}
MODEL_COLOURS = {
    "deskcast": BLUE,
    "seasonal_naive": ORANGE,
    "same_slot": GREEN,
    "mean": BLUE,
    "rule": ORANGE,
    "rates": GREEN,
    "logistic": SKY,
    "hazard": PURPLE,
    "constant": GREY,
}


def model_label(model: str, slot: str = "day") -> str:
    """Return the name of a model as a reader knows it, where its values are those of a slot.

    >>> model_label("same_slot"), model_label("seasonal_naive", "month"), model_label("deskcast")
    ('8-week average', 'Last year repeated', 'Forecast')
    """
    if model == "seasonal_naive" and slot in ("week", "month", "period"):
        return "Last year repeated"
    return format_cell("leaderboard", "model", model)


def model_colour(model: str) -> str:
    """Return the colour of a model; one that is not known gets a hue of its own from its name, always the same.

    >>> model_colour("deskcast"), model_colour("prophet") == model_colour("prophet")
    ('#0072b2', True)
    """
    if model in MODEL_COLOURS:
        return MODEL_COLOURS[model]
    red, green, blue = colorsys.hls_to_rgb(crc32(model.encode()) % 360 / 360, 0.44, 0.55)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def dark_style() -> str:
    """Return the CSS that gives pictures their dark colours: a client without it shows the light ones.

    >>> ".picture [fill='#0072b2'] { fill: #5cb0e6; }" in dark_style()
    True
    """
    pairs = [
        f".picture [{name}='{light}'] {{ {name}: {dark}; }}"
        for light, dark in DARK_COLOURS.items()
        for name in ("fill", "stroke")
    ]
    return "\n".join(pairs)
