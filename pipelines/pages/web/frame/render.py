"""Templates of the page and what they may call: every value is escaped, and numbers are written in one way."""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

import pandas as pd
from markupsafe import Markup

from ....charts.palette import dark_style
from ....words.words import (
    MISSING_TEXT,
    format_count,
    format_date,
    format_instant,
    format_kpi,
    format_number,
    format_probability,
)

#: The package that holds templates and static files.
_WEB = __package__.rpartition(".")[0]
#: Static file -> its type; nothing else is given out.
STATIC_TYPES = {
    "style.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "app.js": "text/javascript; charset=utf-8",
    "vendor/htmx.min.js": "text/javascript; charset=utf-8",
    "vendor/uplot.min.js": "text/javascript; charset=utf-8",
    "vendor/uplot.min.css": "text/css; charset=utf-8",
}


@cache
def read_static(name: str) -> bytes:
    """Return a static file; the style sheet ends with the dark colours of pictures.

    Raises
    ------
    KeyError
        If there is no such file.
    """
    if name not in STATIC_TYPES:
        raise KeyError(name)
    text = (files(_WEB) / "static" / name).read_bytes()
    if name == "style.css":
        text += f"\n@media screen and (prefers-color-scheme: dark) {{\n{dark_style()}\n}}\n".encode()
    return text


@cache
def static_path(name: str) -> str:
    """Return the address of a static file, which changes with its content."""
    return f"/static/{name}?v={sha256(read_static(name)).hexdigest()[:12]}"


def render_page(template: str, **values: Any) -> str:
    """Return a page from a template."""
    page: str = _templates().get_template(template).render(**values)
    return page


@cache
def _templates() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        autoescape=True,
        loader=PackageLoader(_WEB, "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals.update(static=static_path, data_block=data_block)
    found.filters.update(
        number=_or_missing(format_number),
        chance=_or_missing(format_probability),
        date=_or_missing(format_date),
        instant=_or_missing(format_instant),
        count=format_count,
        moves=format_moves,
    )
    return found


def format_moves(words: str) -> str:
    """Write a move of a KPI with its segment as people read it.

    >>> format_moves("service_level down (channel phone)"), format_moves("csat up (all)")
    ('Service level down (channel phone)', 'CSAT up')
    """
    head, _, segment = words.removesuffix(")").partition(" (")
    kpi, _, direction = head.rpartition(" ")
    return f"{format_kpi(kpi)} {direction}" + (f" ({segment})" if segment and segment != "all" else "")


def _or_missing(write: Any) -> Any:
    """Return a filter that writes what is missing as a dash."""

    def fill(value: Any, *more: Any) -> str:
        return MISSING_TEXT if value is None or pd.isna(value) else str(write(value, *more))

    return fill


def data_block(name: str, content: Any) -> Markup:
    """Return data for a script of the page as a block that no browser runs, whatever texts are in it.

    >>> data_block("c1", {"label": "</script><b>"})
    Markup('<script type="application/json" id="c1">{"label": "\\\\u003c/script\\\\u003e\\\\u003cb\\\\u003e"}</script>')
    """
    text = json.dumps(content, allow_nan=False, ensure_ascii=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(f'<script type="application/json" id="{Markup.escape(name)}">{text}</script>')
