"""What is forecast: the series of a KPI, what kind of values they have, and what they count."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ...features.errors import InputError, did_you_mean
from ...features.kpis.availability import KPI_CATALOGUE
from ...features.kpis.catalogue import find_kpi, find_kpi_unit
from ...features.kpis.kpi_history import kpi_history, series
from ..project.project import Project
from ..project.specs import ForecastSpec


@dataclass(frozen=True)
class ForecastTarget:
    """The series that are forecast.

    Attributes
    ----------
    kpi
        Name of the KPI.
    actuals
        ``unique_id``, ``ds``, ``y``; for shares and means also ``n``, what each value rests on.
    kind
        ``count``, ``stock``, ``rate`` or ``duration``.
    rules
        What the forecast is told of the kind; nothing for counts.
    noun
        What is counted.
    """

    kpi: str
    actuals: pd.DataFrame
    kind: str
    rules: dict[str, Any] = field(default_factory=dict)
    noun: str = "case"

    @property
    def is_additive(self) -> bool:
        """Return whether segments and periods can be summed."""
        return self.kind == "count"


def find_forecast_target(project: Project, spec: ForecastSpec) -> ForecastTarget:
    """Return the series that the configuration asks for: what arrives, or another KPI of the history.

    Raises
    ------
    InputError
        If the KPI is unknown or this log cannot give it.
    """
    kpi = spec.kpi or find_volume_kpi(project)
    if not find_kpi_unit(kpi):
        hint = did_you_mean(kpi, list(KPI_CATALOGUE))
        raise InputError("unknown KPI", column="kpi", got=kpi, hint=hint, code="kpi.unknown")
    history = kpi_history(project.log, [kpi], spec.by, spec.freq)
    actuals = series(history, kpi)
    kind, bounds = find_value_kind(kpi, history)
    if kind == "count":
        return ForecastTarget(kpi, actuals, kind, {}, find_counted_noun(project, kpi))
    rules: dict[str, Any] = {"kind": kind, **({"bounds": bounds} if kind == "rate" else {})}
    if history["n"].notna().any():
        actuals["n"] = series(history.assign(value=history["n"]), kpi)["y"]
    return ForecastTarget(kpi, actuals, kind, rules)


def find_value_kind(kpi: str, history: pd.DataFrame) -> tuple[str, tuple[float, float]]:
    """Return what kind of values a KPI has, and the bounds of a share.

    >>> find_value_kind("csat", pd.DataFrame({"value": [0.8], "n": [10.0]})), find_value_kind("nps", pd.DataFrame({"value": [-10.0], "n": [9.0]}))
    (('rate', (0.0, 1.0)), ('rate', (-100.0, 100.0)))
    >>> find_value_kind("backlog", pd.DataFrame({"value": [80.0], "n": [np.nan]}))[0]
    'stock'
    """  # noqa: E501 - the example is one line
    unit, value = find_kpi_unit(kpi), history["value"].dropna()
    if unit == "share":
        return "rate", (0.0, 1.0)
    if unit == "points":
        return "rate", (-100.0, 100.0)
    if unit == "score":  # scales differ from survey to survey
        return "rate", (min(1.0, float(np.floor(value.min()))), max(5.0, float(np.ceil(value.max()))))
    entry = find_kpi(kpi)
    if entry and entry.measure:
        return ("stock" if entry.measure == "stock" else "count"), (0.0, 1.0)
    return ("duration" if len(value) and value.min() > 0 else "stock"), (0.0, 1.0)


def find_volume_kpi(project: Project) -> str:
    """Return the KPI that counts what comes: a telephone log has contacts and no cases."""
    bare = project.log.has("contacts") and not (project.log.has("cases") or project.log.has("volumes"))
    return "contacts_offered" if bare else "cases_opened"


def find_counted_noun(project: Project, kpi: str) -> str:
    """Return what a KPI counts, as a noun."""
    if kpi.startswith("contacts"):
        return "contact"
    if kpi == "article_views":
        return "view"
    return "case" if project.log.has("cases") else "arrival"
