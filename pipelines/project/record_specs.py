"""What a configuration says of what is kept: models, records, the state, and modules of users."""

from __future__ import annotations

from typing import Annotated

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from . import fields
from .checks import check_tracking_uri
from .fields import SECTION, checked, one_of
from .state_place import DEFAULT_KEEP_DAYS

#: How often ``run`` makes a challenger.
RETRAIN_TIMES = ("monthly", "weekly", "nightly", "on drift")


@dataclass(frozen=True, config=SECTION)
class ModelSpec:
    """When ``deskcast run`` makes challengers to the models in use, and which methods challenge the forecast in use.

    Without ``retrain`` it makes none. Each of ``challengers`` is a choice of methods as in ``[forecast] models``, such
    as ``all`` or ``core,ets``; they are tried one after the other.
    """

    retrain: Annotated[str | None, one_of("unknown time to retrain", lambda: RETRAIN_TIMES)] = None
    challengers: fields.ModelChoices = ("core",)


@dataclass(frozen=True, config=SECTION)
class TrackingSpec:
    """Where runs and models are recorded, and for how long; for ever where ``keep`` is not set."""

    uri: fields.Line = "sqlite:///mlflow.db"
    experiment: fields.Line = "deskcast"
    keep_s: fields.SomeTime | None = None

    @model_validator(mode="after")
    def _check(self) -> TrackingSpec:
        check_tracking_uri(self.uri)
        return self


@dataclass(frozen=True, config=SECTION)
class StateSpec:
    """Where alerts, issued forecasts and answers are remembered, and for how long what was issued is kept."""

    database: Annotated[
        str | None,
        checked(
            "the state is kept beside the results or in PostgreSQL",
            "an address such as postgresql://user@host/database",
            lambda x: x.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")),
        ),
    ] = None
    keep_s: fields.SomeTime = DEFAULT_KEEP_DAYS * 86400
    desk: fields.Line | None = None


@dataclass(frozen=True, config=SECTION)
class PluginsSpec:
    """Modules that register forecasters, classifiers, features and KPIs: beside the configuration, or installed."""

    modules: tuple[str, ...] = ()
