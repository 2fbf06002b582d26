"""What a fitted model has to be given again: the columns that it looks at, each of the kind that it learnt from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from ...features.errors import InputError

#: Columns that name a row and its promise.
KEY_COLUMNS = ("case_id", "at", "due_at")
_WANTED = {"instant": "instants with a zone (datetime64[us, UTC])", "number": "numbers", "text": "text"}


def read_schema(snapshots: pd.DataFrame) -> dict[str, str]:
    """Return the kind of each column that holds any value: ``instant``, ``number`` or ``text``.

    >>> rows = pd.DataFrame({"at": [pd.Timestamp("2024-03-01T08:00Z")], "age_s": [60.0], "team": ["a"], "due_at": None})
    >>> read_schema(rows)
    {'at': 'instant', 'age_s': 'number', 'team': 'text'}
    """
    kinds = ((str(name), _kind(snapshots[name])) for name in snapshots.columns)
    return {name: kind for name, kind in kinds if kind}


def check_schema(snapshots: pd.DataFrame, schema: Mapping[str, str], features: Iterable[str]) -> None:
    """Refuse snapshots that lack a column that the model learnt from, or hold another kind of value in it.

    Parameters
    ----------
    snapshots
        Rows to predict.
    schema
        Of :func:`read_schema`, of the rows that it was fitted on.
    features
        Columns that the model looks at; the keys are always checked.

    Raises
    ------
    InputError
        Names the first column that is missing or of another kind.

    Examples
    --------
    >>> check_schema(pd.DataFrame({"case_id": ["1"], "at": [3]}), {"case_id": "text", "at": "instant"}, [])
    Traceback (most recent call last):
    deskcast.features.errors.InputError: snapshots: column 'at': the model learnt from another kind of value; got \
'int64', wanted instants with a zone (datetime64[us, UTC])
    """
    for name in dict.fromkeys([*KEY_COLUMNS, *features]):
        if name not in schema:
            continue
        if name not in snapshots.columns:
            problem = "the model was trained with this column and it has vanished"
            raise InputError(problem, where="snapshots", column=name)
        kind = _kind(snapshots[name])
        if kind not in ("", schema[name]) and not (name == "case_id" and kind != "instant"):
            problem, got = "the model learnt from another kind of value", str(snapshots[name].dtype)
            raise InputError(problem, where="snapshots", column=name, got=got, wanted=_WANTED[schema[name]])


def _kind(values: pd.Series) -> str:
    """Return the kind of a column; an empty text where nothing is known in it."""
    if values.isna().all():
        return ""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return "instant"
    if is_bool_dtype(values.dtype) or is_numeric_dtype(values.dtype):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return "instant without a zone"
    known = values.dropna()
    numbers = known.map(lambda v: isinstance(v, (bool, int, float))).all() if values.dtype == object else False
    return "number" if numbers else "text"
