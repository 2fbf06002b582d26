"""Result tables in, SVG out."""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "calls": "plot_call_fit plot_patience",
    "svg": "Chart",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
