"""What users add: forecasters, classifiers, case features and KPIs of their own, and the modules that bring them."""

from __future__ import annotations

from ..features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    ".features.kpis.own_kpis": "register_kpi",
    ".features.plugins": "PluginError PluginWarning registered unregister",
    ".features.snapshots.own_features": "register_feature",
    ".forecasting.methods.registry": "register_forecaster",
    ".models.candidates.own_classifiers": "register_classifier",
    "load": "load_plugins",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
