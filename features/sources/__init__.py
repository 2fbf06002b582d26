"""One source system a file: rename and cast to the canonical tables.

A new system: a file here, a line in load.py.
"""

from __future__ import annotations

from ..lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "SourceSpec": "spec",
        "load_source": "load",
    },
)
