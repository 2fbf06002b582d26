"""Colours of the pictures: each in light and dark, and one for each model, the same in every picture.

Hues are those of Okabe and Ito (2008), "Color Universal Design", which people with colour-blindness can tell apart.
Lightness is adjusted so that each has a contrast of 3 to 1 or more on the page.
"""

from __future__ import annotations

import colorsys
from zlib import crc32

BLUE, ORANGE, GREEN, RED = "#0072b2", "#b06f00", "#00805c", "#c44a00"
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
#: Model -> how a reader knows it, and its colour.
MODELS = {
    "deskcast": ("Forecast", BLUE),
    "seasonal_naive": ("Last week repeated", ORANGE),
    "same_slot": ("8-week average", GREEN),
    "mean": ("Mean of both models", BLUE),
    "rule": ("Age rule", ORANGE),
    "rates": ("Rates by priority and team", GREEN),
    "logistic": ("Logistic regression", SKY),
    "hazard": ("Survival model", PURPLE),
    "constant": ("Base rate", GREY),
}


def model_label(model: str, slot: str = "day") -> str:
    """Return the name of a model as a reader knows it, where the values are those of a slot.

    >>> model_label("same_slot"), model_label("seasonal_naive", "month"), model_label("my_own_model")
    ('8-week average', 'Last year repeated', 'My own model')
    """
    yearly = {"seasonal_naive": "Last year repeated", "same_slot": "12-month average" if slot == "month" else "Average"}
    if slot in ("week", "month", "period") and model in yearly:
        return yearly[model]
    words = model.replace("_", " ")
    return MODELS[model][0] if model in MODELS else words[:1].upper() + words[1:]


def model_colour(model: str) -> str:
    """Return the colour of a model; one that is not known gets a hue of its own from its name, always the same.

    >>> model_colour("deskcast"), model_colour("prophet") == model_colour("prophet")
    ('#0072b2', True)
    """
    if model in MODELS:
        return MODELS[model][1]
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
