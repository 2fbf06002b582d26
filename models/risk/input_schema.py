"""What a fitted model has to be given again: the columns that it looks at, each of the kind that it learnt from."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

from ...features.errors import InputError, warn_passed_over
from ..candidates.feature_groups import features_in, numeric_in

#: Columns that name a row and its promise.
KEY_COLUMNS = ("case_id", "at", "due_at")
UTC_DTYPE = pd.DatetimeTZDtype("us", "UTC")
#: Columns that hold instants in every frame.
INSTANT_COLUMNS = ("at", "due_at", "known_at", "ended_at")
#: Columns of snapshots and labels that are no features and have their use.
_USED_COLUMNS = (*KEY_COLUMNS, *INSTANT_COLUMNS, "created_at", "metric", "stage", "label", "already_breached")
_WANTED = {
    "instant": "instants with a zone (datetime64[us, UTC]) or ISO 8601 text with an offset",
    "number": "numbers",
    "text": "text",
}
_ISO_WITH_OFFSET = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)? ?(?:[Zz]|[+-]\d\d(?::?\d\d)?)"


def read_instants(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return a frame with its columns of instants in UTC; text and objects are read where each has its zone.

    Raises
    ------
    InputError
        Names the column, and the row of text that is not such an instant.

    Examples
    --------
    >>> read_instants(pd.DataFrame({"at": ["2024-03-01T09:00+01:00"]}), "snapshots")["at"].astype(str).item()
    '2024-03-01 08:00:00+00:00'
    >>> read_instants(pd.DataFrame({"at": [1709280000]}), "snapshots")
    Traceback (most recent call last):
    deskcast.features.errors.InputError: snapshots: column 'at': not valid instants; got 'int64', expected instants \
with a zone (datetime64[us, UTC]) or ISO 8601 text with an offset
    """
    names = [c for c in INSTANT_COLUMNS if c in frame.columns and frame[c].dtype != UTC_DTYPE]
    return frame.assign(**{name: _instants(frame[name], where) for name in names}) if names else frame


def read_schema(snapshots: pd.DataFrame, where: str = "snapshots") -> dict[str, str]:
    """Return the kind of each column that holds any value: ``instant``, ``number`` or ``text``.

    Raises
    ------
    InputError
        If a feature that is a number holds anything else or is endless, or one that is text holds lists and the like.

    Examples
    --------
    >>> rows = pd.DataFrame({"at": [pd.Timestamp("2024-03-01T08:00Z")], "age_s": [60.0], "team": ["a"], "due_at": None})
    >>> read_schema(rows)
    {'at': 'instant', 'age_s': 'number', 'team': 'text'}
    """
    kinds = {str(name): _kind(snapshots[name]) for name in snapshots.columns}
    for name in numeric_in(snapshots.columns):
        if kinds[name] not in ("", "number"):
            got = str(snapshots[name].dtype)
            raise InputError(
                "not valid numbers", where=where, column=name, got=got, wanted="numbers", code="model.unfitted"
            )
        _check_finite(snapshots[name], where)
    for name in features_in(snapshots.columns):
        if kinds[name] == "objects":
            raise InputError(
                "not valid values", where=where, column=name, got="objects", wanted="text", code="model.unfitted"
            )
    return {name: kind for name, kind in kinds.items() if kind}


def warn_of_no_features(snapshots: pd.DataFrame, model: str, more: Iterable[str] = ()) -> tuple[str, ...]:
    """Warn of columns that no model looks at, and return their names; ``more`` have a use of their own.

    >>> warn_of_no_features(pd.DataFrame({"case_id": ["1"], "age_s": [6.0], "account": ["a"]}), "a model", ["account"])
    ()
    """
    known = {*_USED_COLUMNS, *features_in(snapshots.columns), *more}
    unused = [str(name) for name in snapshots.columns if name not in known]
    return warn_passed_over(unused, model, "name a column attr_... to have it learnt")


def check_schema(snapshots: pd.DataFrame, schema: Mapping[str, str], features: Iterable[str]) -> None:
    """Refuse snapshots that lack a column that the model learnt from, or hold another kind of value in it.

    Parameters
    ----------
    snapshots
        Rows to predict, with instants as :func:`read_instants` returns them.
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
    >>> check_schema(pd.DataFrame({"case_id": ["1"], "age_s": ["old"]}), {"age_s": "number"}, ["age_s"])
    Traceback (most recent call last):
    deskcast.features.errors.InputError: snapshots: column 'age_s': the model learnt from another kind of value; got \
'str', expected numbers
    """
    for name in dict.fromkeys([*KEY_COLUMNS, *features]):
        if name not in schema:
            continue
        if name not in snapshots.columns:
            problem, hint = "the model was trained with this column and it has vanished", "bring it back or train anew"
            raise InputError(problem, where="snapshots", column=name, hint=hint, code="model.unfitted")
        kind = _kind(snapshots[name])
        if kind == "number" and schema[name] == "number":
            _check_finite(snapshots[name], "snapshots")
        if kind not in ("", schema[name]) and not (name == "case_id" and kind != "instant"):
            problem, got = "the model learnt from another kind of value", str(snapshots[name].dtype)
            raise InputError(
                problem, where="snapshots", column=name, got=got, wanted=_WANTED[schema[name]], code="model.unfitted"
            )


def _check_finite(values: pd.Series, where: str) -> None:
    """Refuse an endless number: every feature is cut to a range, and its probability would be that of the end."""
    endless = np.isinf(pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan))
    if endless.any():
        row = int(endless.argmax())
        raise InputError(
            "not a finite number",
            where=where,
            column=str(values.name),
            row=row + 1,
            got=str(values.iloc[row]),
            wanted="a number, or a missing value where it is not known",
            code="model.unfitted",
        )


def _instants(values: pd.Series, where: str) -> pd.Series:
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        utc: pd.Series = values.dt.tz_convert("UTC").astype(UTC_DTYPE)
        return utc
    known = values.dropna()
    if known.empty:
        return pd.Series(pd.NaT, index=values.index, name=values.name, dtype=UTC_DTYPE)
    column, wanted = str(values.name), _WANTED["instant"]
    if is_numeric_dtype(values.dtype) or (is_datetime64_any_dtype(values.dtype) and _zone(known.iloc[0]) is None):
        raise InputError(
            "not valid instants",
            where=where,
            column=column,
            got=str(values.dtype),
            wanted=wanted,
            code="time.unreadable",
        )
    sure = values.map(_has_zone).astype(bool)
    read = pd.to_datetime(values.astype(object).where(sure), utc=True, format="ISO8601", errors="coerce")
    wrong = (read.isna() & values.notna()).to_numpy()
    if wrong.any():
        row = int(wrong.argmax())
        got = str(values.iloc[row])
        raise InputError(
            "not a valid instant",
            where=where,
            column=column,
            row=row + 1,
            got=got,
            wanted=wanted,
            code="time.unreadable",
        )
    return read.astype(UTC_DTYPE)


def _has_zone(value: object) -> bool:
    return re.fullmatch(_ISO_WITH_OFFSET, value) is not None if isinstance(value, str) else _zone(value) is not None


def _zone(value: object) -> object:
    return getattr(value, "tzinfo", None)


def _kind(values: pd.Series) -> str:
    """Return the kind of a column; an empty text where nothing is known in it."""
    if values.isna().all():
        return ""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return "instant"
    if values.dtype.kind == "c":
        return "complex numbers"
    if is_bool_dtype(values.dtype) or is_numeric_dtype(values.dtype):
        return "number"
    if is_datetime64_any_dtype(values.dtype):
        return "instant without a zone"
    known = values.dropna()
    if values.dtype != object:
        return "text"
    if known.map(lambda v: isinstance(v, (bool, int, float))).all():
        return "number"
    # Lists and the like are no levels of anything.
    return "text" if known.map(lambda v: isinstance(v, Hashable)).all() else "objects"
