"""What may come: sample paths, their sums, and what if."""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "inflow": "inflow_paths",
    "path_totals": "path_matrix total_over",
    "sample_paths": "sample_paths",
    "what_if": "Change what_if",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
