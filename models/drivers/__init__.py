"""Why it changed: segments, mix and rate, combinations, candidate causes."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "candidate_causes": "causes",
        "explain_change": "attribution",
        "explain_combinations": "combinations",
        "format_change": "mix_rate",
    },
)
