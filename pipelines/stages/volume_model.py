"""The volume forecast as a model of its own: a history and a horizon in, the forecast out; it holds no history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ...features.errors import InputError
from ..project.project import Project
from ..project.specs import ForecastSpec
from .forecast import add_up, forecast_context, forecast_series
from .forecast_target import ForecastTarget, find_forecast_target

HISTORY_COLUMNS = ("unique_id", "ds", "y")
_WHERE = "input of the model"


@dataclass
class VolumeModel:
    """Settings of a volume forecast: time steps, methods, opening hours, holidays and events.

    Attributes
    ----------
    kpi, kind, rules
        Those of the target that is forecast.
    spec
        The section ``[forecast]``.
    context
        Calendar, holidays and events.

    Examples
    --------
    >>> model = VolumeModel("cases_opened", "count", {}, ForecastSpec(models=("seasonal_naive",), windows=2), {})
    >>> days = pd.date_range("2024-01-01", periods=28).strftime("%Y-%m-%d")
    >>> history = pd.DataFrame({"unique_id": "all", "ds": days, "y": np.tile(np.arange(7.0), 4)})
    >>> model.predict(history, {"horizon": 3})[["ds", "deskcast"]].values.tolist()
    [['2024-01-29T00:00:00', 0.0], ['2024-01-30T00:00:00', 1.0], ['2024-01-31T00:00:00', 2.0]]
    """

    kpi: str
    kind: str
    rules: dict[str, Any]
    spec: ForecastSpec
    context: dict[str, Any]

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Forecast a history.

        Parameters
        ----------
        model_input
            ``unique_id``, ``ds`` (ISO 8601 text: the start of each time step on the desk's own clock, without an
            offset), ``y``.
        params
            ``horizon``: time steps ahead; that of the configuration by default.

        Returns
        -------
        As the table ``forecast`` of ``deskcast forecast``, with ``ds`` as text.

        Raises
        ------
        InputError
            If a column is missing, or a time has an offset or is not ISO 8601.
        """
        given = pd.DataFrame(model_input)
        for name in HISTORY_COLUMNS:
            if name not in given:
                raise InputError("missing column", where=_WHERE, column=name, code="column.missing")
        history = given[[c for c in (*HISTORY_COLUMNS, "n") if c in given]].reset_index(drop=True)
        history = history.assign(unique_id=history["unique_id"].astype("str"), ds=_read_steps(history["ds"]))
        asked = (params or {}).get("horizon")
        spec = replace(self.spec, horizon=int(asked)) if asked else self.spec
        target = ForecastTarget(self.kpi, history, self.kind, self.rules)
        ahead, together = forecast_series(target, spec, self.context)
        table = add_up(target, ahead, together, spec, self.context).leaves
        return table.assign(ds=table["ds"].dt.strftime("%Y-%m-%dT%H:%M:%S").astype(object)).reset_index(drop=True)


def make_volume_model(project: Project, spec: ForecastSpec) -> tuple[VolumeModel, ForecastTarget]:
    """Return the volume model of a project by these settings, and the series that it is for."""
    target = find_forecast_target(project, spec)
    return VolumeModel(target.kpi, target.kind, target.rules, spec, forecast_context(project.config, project)), target


def make_up_history(spec: ForecastSpec) -> pd.DataFrame:
    """Return an example of the input that is nobody's: four weeks of seven steps."""
    steps = pd.date_range("2024-01-01", periods=28, freq=spec.freq).strftime("%Y-%m-%dT%H:%M:%S").astype(object)
    return pd.DataFrame({"unique_id": "all", "ds": steps, "y": np.tile(np.arange(10.0, 17.0), 4)})


def _read_steps(values: pd.Series) -> pd.Series:
    text = values.map(lambda v: isinstance(v, str)).to_numpy(dtype=bool)
    read = pd.to_datetime(values.where(text), format="ISO8601", errors="coerce", utc=True)
    plain = values.where(text, "").astype("str").str.fullmatch(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?")
    bad = (read.isna() | ~plain).to_numpy(dtype=bool)
    if bad.any():
        row = int(bad.argmax())
        raise InputError(
            "not a valid time", where=_WHERE, column="ds", row=row + 1, got=str(values.iloc[row]),
            wanted="ISO 8601 text on the desk's own clock, such as 2024-03-01T08:00:00", code="time.unreadable",
        )  # fmt: skip
    return read.dt.tz_localize(None)
