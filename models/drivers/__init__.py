"""Why it changed: segments, mix and rate, combinations, candidate causes."""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "attribution": "explain_change",
    "causes": "candidate_causes",
    "combinations": "explain_combinations",
    "mix_rate": "format_change",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
