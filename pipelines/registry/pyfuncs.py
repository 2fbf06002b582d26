"""A risk as MLflow's own kind of model: a frame of cases in, probability, reasons and finish times out."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from ...features.calendars.business_calendar import BusinessCalendar
from ...models.risk.breach import BreachRisk, has_breached
from ...models.risk.dissatisfaction import DissatisfactionRisk
from ...models.risk.estimator import RiskEstimator
from ...models.worklist.reasons import reasons
from ...models.worklist.time_left import move_time_left
from .model_input import READ_AT, InputColumn, from_model_input

#: File of a model in the folder of its data.
MODEL_FILE = "model.pkl"
#: Reasons of a case.
REASONS = ("reason_1", "reason_2", "reason_3")
FINISH_TIMES = ("median_finish", "finish_80")


@dataclass
class CaseRiskModel:
    """A fitted risk, without what it learnt from, for whoever has a frame of open cases.

    Attributes
    ----------
    risk
        From :func:`~deskcast.pipelines.registry.slim.drop_training_rows`.
    columns
        What the input holds.
    calendar
        Opening hours on which the SLA runs.
    """

    risk: RiskEstimator
    columns: tuple[InputColumn, ...]
    calendar: BusinessCalendar | None = None

    def predict(self, model_input: Any, params: Any = None) -> pd.DataFrame:  # noqa: ARG002 - MLflow gives both
        """Return the risk of each case, in the order of the rows.

        Parameters
        ----------
        model_input
            See :func:`~deskcast.pipelines.registry.model_input.to_model_input`. Where it has ``read_at``, what the
            reasons say of the time is of then.
        params
            MLflow's; there are none.

        Returns
        -------
        Columns ``case_id, probability`` and ``reason_1`` to ``reason_3``; of a breach also ``median_finish, finish_80``
        (ISO 8601, empty where not known); of dissatisfaction also ``probability_if_answered, response_probability``.

        Raises
        ------
        InputError
            If a column is missing or holds another kind of value, or an instant has no offset.
        """
        given = from_model_input(pd.DataFrame(model_input).reset_index(drop=True), self.columns)
        rows = given.drop(columns=READ_AT, errors="ignore")
        out = pd.DataFrame({"case_id": rows["case_id"].astype(object)})
        if not len(rows):
            return self._completed(out.assign(probability=0.0), rows)
        over = has_breached(rows) if isinstance(self.risk, BreachRisk) else np.zeros(len(rows), dtype=bool)
        parts = self.risk.contributions(rows)
        out["probability"] = np.where(over, 1.0, expit(parts["logit"].to_numpy(dtype=float)))
        out = self._completed(out, rows)
        told = reasons(
            self._as_read(given, rows).assign(case_id=np.arange(len(rows)).astype(str)), self.risk, parts=parts
        )
        for place, name in enumerate(REASONS, 1):
            texts = told[told["place"] == place].set_index("case_id")["reason"]
            out[name] = texts.reindex(out.index.astype(str)).fillna("").to_numpy(dtype=object)
        return out

    def _completed(self, out: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
        out = out.assign(**dict.fromkeys(REASONS, ""))
        if isinstance(self.risk, DissatisfactionRisk):
            told = self.risk.predict_table(rows)
            out["probability"] = told["dissatisfaction_risk"].to_numpy(dtype=float)
            out["probability_if_answered"] = told["dissatisfaction_risk_if_answered"].to_numpy(dtype=float)
            out["response_probability"] = told["response_probability"].to_numpy(dtype=float)
        if isinstance(self.risk, BreachRisk):
            finish = self.risk.finish_times(rows) if len(rows) else None
            for name in FINISH_TIMES:
                out[name] = "" if finish is None else _as_text(finish[name])
        return out

    def _as_read(self, given: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows as they stand when they are read; see the work list."""
        if READ_AT not in given or given[READ_AT].isna().all():
            return rows
        read = given[READ_AT].fillna(given["at"])
        parts = [move_time_left(rows[read == at], pd.Timestamp(at), self.calendar) for at in read.unique()]
        return pd.concat(parts).loc[rows.index]


def _as_text(instants: pd.Series) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    text = pd.Series(instants.array).dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
    return np.asarray(text.astype(object).where(text.notna(), ""), dtype=object)


def _load_pyfunc(data: str) -> Any:
    """Return the model of a data folder; MLflow finds this function by its name."""
    with (Path(data) / MODEL_FILE).open("rb") as file:
        return pickle.load(file)
