"""Result tables in, Vega-Lite out."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Chart": "vega",
        "plot_call_fit": "calls",
        "plot_patience": "calls",
    },
)
