"""One source system a file: rename and cast to the canonical tables.

A new system: a file here, a line in load.py.
"""

from ..lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "load": "load_source",
    "spec": "SourceSpec",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
