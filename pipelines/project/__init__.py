"""A deskcast.toml, checked, and the log that it describes."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "load_config": "config",
        "open_log": "project",
        "open_project": "project",
    },
)
