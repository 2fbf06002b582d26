"""A long frame in, a matrix of slots out: open, missing, outage, special day."""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "grid": "make_grid",
    "special_days": "mark_special_days",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
