"""One series by itself: anomaly scores and change points."""

from __future__ import annotations

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "DETECTION_THRESHOLD": "scores",
        "DAY_S": "views",
        "RECENT_WEIGHT": "scores",
        "anomaly_scores": "scores",
        "change_points": "change_points",
        "views": "views",
    },
)
