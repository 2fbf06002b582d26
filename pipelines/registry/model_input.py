"""The frame that a registered model takes: columns, their kinds, instants as text with an offset, and a made-up row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...features.errors import InputError
from ...models.candidates.feature_groups import features_in
from ...models.risk.estimator import RiskEstimator
from ...models.risk.input_schema import read_instants

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

#: Columns that are no features and are looked at, where the snapshots have them.
KEY_COLUMNS = ("case_id", "at", "metric", "due_at", "already_breached", "stage")
#: When a list is read, where that is later than ``at``: what is said of the time in the reasons is of then.
READ_AT = "read_at"
#: Features that others are read against, wherever they are there.
_DESK_COLUMNS = ("breached_share_desk", "usual_s_desk")
_MADE_UP_AT = pd.Timestamp("2024-03-04T09:00Z")


@dataclass(frozen=True)
class InputColumn:
    """A column of the input: its kind (``instant``, ``number``, ``text``), type in snapshots, whether required."""

    name: str
    kind: str
    dtype: str
    required: bool


def find_columns(risk: RiskEstimator, snapshots: pd.DataFrame) -> tuple[InputColumn, ...]:
    """Return the columns that a fitted risk is given.

    Parameters
    ----------
    risk
        Fitted.
    snapshots
        Rows of the kind that it was fitted on.
    """
    names = [*[c for c in KEY_COLUMNS if c in snapshots], *features_in(snapshots.columns)]
    more = [c for c in risk.features if c in snapshots and c not in names]
    needed = {"case_id", "at", *(set(risk.features) & set(snapshots.columns)), *_DESK_COLUMNS}
    needed |= {"metric", "age_s"} if risk.outcome == "breach" else {"age_s"}
    found = []
    for name in (*names, *more):
        dtype = snapshots[name].dtype
        kind = "instant" if isinstance(dtype, pd.DatetimeTZDtype) else "text"
        kind = "number" if pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype) else kind
        must = name in needed or (name == "due_at" and "due_at" in risk.schema_)
        found.append(InputColumn(name, kind, str(dtype) if kind == "number" else "str", must))
    return tuple(found)


def to_model_input(snapshots: pd.DataFrame, columns: tuple[InputColumn, ...]) -> pd.DataFrame:
    """Return snapshots as a registered model takes them.

    Parameters
    ----------
    snapshots
        Rows with the required columns; see ``deskcast.features.snapshots.snapshots``.
    columns
        Those of the model.

    Returns
    -------
    Instants as ISO 8601 text in UTC, numbers and flags as floats, other columns as text; missing values stay missing.

    Examples
    --------
    >>> rows = pd.DataFrame({"at": [pd.Timestamp("2024-03-01T08:00Z")], "paused": pd.array([True], dtype="boolean")})
    >>> columns = InputColumn("at", "instant", "str", True), InputColumn("paused", "number", "boolean", True)
    >>> to_model_input(rows, columns).values.tolist()
    [['2024-03-01T08:00:00.000000+00:00', 1.0]]
    """
    out: dict[str, Any] = {}
    for column in (*columns, InputColumn(READ_AT, "instant", "str", required=False)):
        if column.name not in snapshots:
            continue
        values = snapshots[column.name]
        if column.kind == "instant":
            text = values.dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
            out[column.name] = text.astype(object).where(values.notna(), None)
        elif column.kind == "number":
            out[column.name] = values.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        else:
            out[column.name] = values.astype(object).where(values.notna(), None)
    return pd.DataFrame(out, index=snapshots.index)


def from_model_input(given: pd.DataFrame, columns: tuple[InputColumn, ...]) -> pd.DataFrame:
    """Return the input of a registered model as snapshots, or say what is wrong with it.

    Raises
    ------
    InputError
        If an instant is not ISO 8601 text with an offset, or a required column is missing.

    Examples
    --------
    >>> columns = (InputColumn("at", "instant", "str", True),)
    >>> from_model_input(pd.DataFrame({"at": ["2024-03-01 08:00"]}), columns)
    Traceback (most recent call last):
    deskcast.features.errors.InputError: input of the model: column 'at', row 1: not a valid instant; got \
'2024-03-01 08:00', expected ISO 8601 text with an offset, such as 2024-03-01T08:00:00+01:00
    """
    where = "input of the model"
    out = {}
    for column in columns:
        if column.name not in given:
            if column.required:
                raise InputError("missing column", where=where, column=column.name, code="column.missing")
            continue
        values = given[column.name]
        if column.kind == "instant":
            out[column.name] = _read_text(values, where)
        elif column.kind == "number":
            out[column.name] = _read_numbers(values, column.dtype, where)
        else:
            out[column.name] = pd.Series(values.astype(object).where(values.notna(), None), dtype="str")
    frame = pd.DataFrame(out, index=given.index)
    if READ_AT in given and given[READ_AT].notna().any():
        frame[READ_AT] = _read_text(given[READ_AT], where)
    return frame


def _read_text(values: pd.Series, where: str) -> pd.Series:
    """Read instants that are text; what is not has no offset that could be seen."""
    bad = np.array([v is not None and v == v and not isinstance(v, str) for v in values.astype(object)], dtype=bool)
    wanted = "ISO 8601 text with an offset, such as 2024-03-01T08:00:00+01:00"
    try:
        if bad.any():
            raise InputError(
                "", row=int(bad.argmax()) + 1, got=str(values.iloc[int(bad.argmax())]), code="time.unreadable"
            )
        return read_instants(values.rename("at").to_frame(), where)["at"]
    except InputError as error:
        raise InputError(
            "not a valid instant", where=where, column=str(values.name), row=error.row, got=error.got, wanted=wanted,
            code="time.unreadable",
        ) from None  # fmt: skip


def _read_numbers(values: pd.Series, dtype: str, where: str) -> pd.Series:
    try:
        plain: Any = (
            values.astype("Float64") if dtype.startswith(("bool", "Int", "Float")) else values.astype("float64")
        )
        read: pd.Series = plain.astype("boolean" if dtype == "bool" else dtype)
        return read
    except (TypeError, ValueError):
        wanted = "numbers, or 1 and 0" if dtype.startswith("bool") else "numbers"
        raise InputError(
            "not valid numbers", where=where, column=str(values.name), got=str(values.dtype), wanted=wanted,
            code="value.range",
        ) from None  # fmt: skip


def make_signature(columns: tuple[InputColumn, ...], output: pd.DataFrame) -> ModelSignature:
    """Return the signature of a model: instants and texts as strings, numbers and flags as doubles."""
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import ColSpec, Schema

    kinds = {"instant": "string", "text": "string", "number": "double"}
    specs = [ColSpec(type=kinds[c.kind], name=c.name, required=c.required) for c in columns]
    specs.append(ColSpec(type="string", name=READ_AT, required=False))
    return ModelSignature(inputs=Schema(specs), outputs=infer_signature(output).inputs)


def make_up_row(columns: tuple[InputColumn, ...], metric: str, stage: str = "open") -> pd.DataFrame:
    """Return an example of the input that is nobody's: a case of an hour, with nothing known that may be missing."""
    hour = pd.Timedelta(hours=1)
    known: dict[str, Any] = {"case_id": "EXAMPLE-1", "metric": metric, "stage": stage, "age_s": 3600.0}
    known |= {"at": _MADE_UP_AT, "due_at": _MADE_UP_AT + 3 * hour, "left_s": 3 * 3600.0, "target_used": 0.25}
    known |= {"already_breached": 0.0, "paused": 0.0}
    row = {c.name: [known.get(c.name, 0.0 if c.kind == "number" else "example")] for c in columns}
    frame = pd.DataFrame(row)
    for column in columns:
        if column.kind == "instant":
            frame[column.name] = pd.to_datetime(frame[column.name], utc=True).astype("datetime64[us, UTC]")
    return to_model_input(frame, columns)
