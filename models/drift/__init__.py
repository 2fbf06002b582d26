"""Whether open cases, scores and outcomes still are as they were when the risk model learned."""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {"detect": "Drift detect_drift needs_retraining"}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
