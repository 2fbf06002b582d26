"""What the parent run in MLflow says of a whole run: its configuration and its headline figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ...features.errors import mask_passwords
from ..project.specs import Config
from ..stage import Stage

#: Stage -> its figures that the parent run shows too; of ``train`` those of the model in use.
HEADLINE_METRICS = {
    "forecast": ("wape", "coverage_80"),
    "train": ("n", "base_rate", "auc", "brier", "ece"),
    "risk": ("open", "breached", "expected", "work_first"),
}
#: Sections without places, addresses and sentences that somebody wrote.
_SECTIONS = ("timezone", "history", "forecast", "staffing", "risk", "watch", "model", "run", "slas", "calendars")
#: Keys of them that hold sentences.
_SENTENCES = ("actions",)


def list_settings(config: Config) -> dict[str, str]:
    """Return the configuration as parameters: ``section.key`` or ``section.name.key`` -> value.

    Places, addresses, and what people wrote in their own words (actions, goals, events) are left out.

    >>> from pathlib import Path
    >>> list_settings(Config(Path("."), ()))["forecast.horizon"]
    '28'
    """
    found: dict[str, str] = {}
    for name in _SECTIONS:
        _flatten(asdict(config)[name], name, found)
    return {name: mask_passwords(value) for name, value in found.items()}


def _flatten(value: Any, name: str, found: dict[str, str]) -> None:
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            if key not in _SENTENCES:
                _flatten(part, f"{name}.{key}", found)
    elif value not in (None, (), [], {}, ""):
        found[name] = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def find_headline_metrics(stages: Sequence[Stage]) -> dict[str, float]:
    """Return the figures of a run that are looked at first, as ``stage.figure``.

    >>> stage = Stage("train", params={"used": "rule"}, metrics={"rule_brier": 0.2, "mean_brier": 0.3})
    >>> find_headline_metrics([stage, Stage("risk", metrics={"open": 3.0, "else": 1.0})])
    {'train.brier': 0.2, 'risk.open': 3.0}
    """
    found = {}
    for stage in stages:
        prefix = (
            f"{stage.params['used']}_".replace(" ", "_") if stage.name == "train" and "used" in stage.params else ""
        )
        for name in HEADLINE_METRICS.get(stage.name, ()):
            if f"{prefix}{name}" in stage.metrics:
                found[f"{stage.name}.{name}"] = float(stage.metrics[f"{prefix}{name}"])
    return found
