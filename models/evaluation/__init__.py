"""How good probabilities are: calibration, scores, out of time."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "bootstrap_table": "scores",
        "brier_parts": "calibration",
        "reliability_tables": "scores",
    },
)
