"""A deskcast.toml, checked, and the log that it describes."""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "config": "load_config",
    "project": "open_log open_project",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
