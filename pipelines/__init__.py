"""Run it, record it, show it: configuration, commands, tracking, results and the report."""

from __future__ import annotations

from ..features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "load_config": "project.config",
        "open_log": "project.project",
    },
)
