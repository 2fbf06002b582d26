"""What may come: sample paths, their sums, and what if."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Change": "what_if",
        "inflow_paths": "inflow",
        "path_matrix": "path_totals",
        "sample_paths": "sample_paths",
        "total_over": "path_totals",
        "what_if": "what_if",
    },
)
