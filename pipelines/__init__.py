"""Run it, record it, show it: configuration, commands, tracking, results and the report."""

from ..features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "init.init": "write_config",
    "pages.analysis": "Analysis",
    "project.config": "load_config",
    "project.project": "open_log",
    "stages.train": "train_breach_risk",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
