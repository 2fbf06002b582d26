"""One series by itself: anomaly scores and change points."""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "change_points": "change_points",
    "scores": "DETECTION_THRESHOLD RECENT_WEIGHT anomaly_scores",
    "views": "DAY_S views",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
