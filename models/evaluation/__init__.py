"""How good probabilities are: calibration, scores, out of time."""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "calibration": "brier_parts",
    "scores": "bootstrap_table reliability_tables",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
