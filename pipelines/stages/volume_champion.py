"""The forecast in use: settings of the volume version that was decided on, in place of those of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ..project.project import Project
from ..project.specs import Config, ForecastSpec
from ..registry.champions import find_champions, load_model
from ..registry.decisions import Decision, mark_forecast
from ..registry.register import VOLUME, model_name
from ..stage import Stage
from ..words.facts import Finding

#: What versions may differ in; all else of ``[forecast]`` is what is asked.
SETTINGS = ("models", "windows", "reconcile")


@dataclass(frozen=True)
class ForecastInUse:
    """A project that forecasts by the version in use, and the decision that put it into use."""

    project: Project
    decision: Decision | None = None

    @property
    def proven_methods(self) -> dict[str, dict[str, Any]]:
        """Return by time step the methods that whoever forecasts the same time step takes as well."""
        if self.decision is None:
            return {}
        spec = self.project.config.forecast
        return {str(spec.freq): {"models": spec.models, "windows": spec.windows}}

    def describe(self, stage: Stage) -> Stage:
        """Return a stage that says by which version it forecasts; one by the configuration alone stays as it is."""
        if self.decision is None:
            return stage
        spec, version = self.project.config.forecast, self.decision.version
        text = f"The forecast version in use is {version} ({format_settings(read_settings(spec))})."
        said = Finding(text, audience="analyst", names=[text])
        return replace(stage, findings=(*stage.findings, said), params={**stage.params, "forecast_version": version})


def find_volume_champion(config: Config, until: pd.Timestamp | None = None) -> Decision | None:
    """Return the decision that put the volume version into use; ``None`` without one for this ``[forecast]``."""
    decision = find_champions(config, until).get(model_name(config.experiment, VOLUME))
    return decision if decision is not None and decision.body.get("forecast") == mark_forecast(config) else None


def use_volume_champion(project: Project) -> ForecastInUse:
    """Return the project as it forecasts by the version in use; as it is where none is in use.

    Raises
    ------
    InputError
        If the version is gone or was altered.
    """
    decision = find_volume_champion(project.config, project.log.until)
    if decision is None:
        return ForecastInUse(project)
    spec = apply_settings(project.config.forecast, load_settings(project.config, decision))
    return ForecastInUse(replace(project, config=replace(project.config, forecast=spec)), decision)


def load_settings(config: Config, decision: Decision) -> dict[str, Any]:
    """Return the settings of a version, read from its files after their checksum was compared."""
    return read_settings(load_model(config, decision.registered).spec)


def read_settings(spec: ForecastSpec) -> dict[str, Any]:
    """Return what versions may differ in.

    >>> read_settings(ForecastSpec())
    {'models': ('auto',), 'windows': 12, 'reconcile': 'wls'}
    """
    return {name: getattr(spec, name) for name in SETTINGS}


def apply_settings(spec: ForecastSpec, settings: Mapping[str, Any]) -> ForecastSpec:
    """Return what is asked, done by these settings."""
    return replace(spec, **settings)


def format_settings(settings: Mapping[str, Any]) -> str:
    """Write settings in a few words.

    >>> format_settings(read_settings(ForecastSpec(models=("core", "ets"))))
    'methods core and ets, 12 past windows'
    """
    models = [str(name) for name in settings["models"]]
    names = models[0] if len(models) == 1 else f"{', '.join(models[:-1])} and {models[-1]}"
    word = "method" if len(models) == 1 and models != ["auto"] and models != ["all"] else "methods"
    added = "" if settings["reconcile"] == "wls" else f", reconciled by {settings['reconcile']}"
    return f"{word} {names}, {settings['windows']} past windows{added}"
