"""Frames in the types of the canonical tables, or the name of the value that is in the way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from ..calendars.due_instants import drop_empty_instants, drop_empty_marks
from ..errors import InputError, did_you_mean
from ..frames import require_columns
from .schema import ACTOR_ROLES, EVENT_KINDS, TABLES, Column

#: pandas type of each kind of column.
PANDAS_DTYPES: dict[str, str] = {
    "id": "str",
    "text": "str",
    "instant": "datetime64[us, UTC]",
    "seconds": "float64",
    "number": "float64",
    "count": "Int64",
    "flag": "boolean",
}

_VOCABULARY: dict[str, dict[str, tuple[str, ...]]] = {"events": {"kind": EVENT_KINDS, "actor_role": ACTOR_ROLES}}
#: Tables in which a row is one thing that can be counted, known by its key.
_UNIQUE_KEY_TABLES = ("cases", "events", "contacts", "surveys", "tasks")


def conform_frame(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Cast a frame to the types of a canonical table; keep further columns as they are.

    Parameters
    ----------
    name
        A canonical table.
    frame
        Its rows; instants as UTC, with a zone, or text with a zone.

    Raises
    ------
    InputError
        Names the table, the column and the first row at fault.
    """
    if name not in TABLES:
        raise InputError(
            f"unknown canonical table '{name}'", hint=did_you_mean(name, tuple(TABLES)), code="table.unknown"
        )
    table = TABLES[name]
    require_columns(frame, table.required, name)
    out = frame.reset_index(drop=True).copy()
    for declared in table.columns:
        if declared.name in out.columns:
            given = out[declared.name]
            if (name, declared.name) == ("due_times", "due_at"):
                given = drop_empty_marks(given)
            out[declared.name] = _cast(given, declared, name)
            if (name, declared.name) == ("due_times", "due_at"):
                out["due_at"] = drop_empty_instants(out["due_at"])
    for column, known in _VOCABULARY.get(name, {}).items():
        if column in out.columns:
            _check_words(out[column], known, column, name)
    if name == "events":
        out = _sequenced(out)
    _check_key(out, name)
    _check_spans(out, name)
    return out


def find_backward_spans(frame: pd.DataFrame) -> pd.Series[bool]:
    """Return which rows with a ``start`` and an ``end`` end before they start; nothing can be counted of them.

    >>> at = pd.to_datetime(["2024-03-01T08:00Z", "2024-03-01T09:00Z", "2024-03-01T10:00Z", None])
    >>> find_backward_spans(pd.DataFrame({"start": at[1], "end": at})).tolist()
    [True, False, False, False]
    """
    if not {"start", "end"} <= set(frame.columns):
        return pd.Series(False, index=frame.index)
    return frame["end"] < frame["start"]


def _check_spans(frame: pd.DataFrame, table: str) -> None:
    """Refuse a stretch that ends before it starts: its time or money would be passed over in silence."""
    backward = find_backward_spans(frame).to_numpy(dtype=bool)
    if backward.any():
        row = int(backward.argmax())
        raise InputError(
            "the row ends before it starts",
            where=table,
            column="end",
            row=row + 1,
            got=frame["end"].iloc[row],
            wanted=f"{frame['start'].iloc[row]} or later",
            hint=f"{int(backward.sum()):,} in all",
            code="time.order",
        )


def _check_words(values: pd.Series[Any], known: tuple[str, ...], column: str, table: str) -> None:
    """Refuse a word that means nothing here: its rows would be passed over in silence."""
    strange = (values.notna() & ~values.isin(known)).to_numpy(dtype=bool)
    if strange.any():
        row = int(strange.argmax())
        got, wanted = values.iloc[row], f"one of {', '.join(known)}"
        hint = did_you_mean(str(got), known)
        raise InputError(
            "unknown value",
            where=table,
            column=column,
            row=row + 1,
            got=got,
            wanted=wanted,
            hint=hint,
            code="value.unknown",
        )


def _check_key(frame: pd.DataFrame, table: str) -> None:
    """Refuse a row that comes twice: it would count twice."""
    key = [column for column in TABLES[table].key if column in frame.columns]
    if table not in _UNIQUE_KEY_TABLES or key != list(TABLES[table].key):
        return
    again = frame.duplicated(key).to_numpy()
    if again.any():
        row = int(again.argmax())
        got = ", ".join(str(frame[column].iloc[row]) for column in key)
        hint = f"{int(again.sum()):,} in all; drop_duplicates({key}) keeps the first"
        raise InputError(
            "duplicate row", where=table, column=key[0], row=row + 1, got=got, hint=hint, code="row.doubled"
        )


def _cast(values: pd.Series[Any], column: Column, table: str) -> pd.Series[Any]:
    dtype = PANDAS_DTYPES[column.kind]
    if str(values.dtype) == dtype:
        cast = values
    elif column.kind == "instant":
        cast = _to_instants(values, column, table)
    elif column.kind in ("id", "text"):
        cast = values.astype("str").where(values.notna())
    elif column.kind == "flag":
        cast = _to_flags(values, column, table)
    else:
        numbers = pd.to_numeric(values, errors="coerce")
        _check_readable(values, numbers, column, table, "a number")
        cast = pd.Series(numbers.astype(dtype))  # type: ignore[call-overload]
    if column.required and cast.isna().any():
        row = int(cast.isna().to_numpy().argmax()) + 1
        raise InputError(
            "missing value", where=table, column=column.name, row=row, wanted=column.kind, code="value.missing"
        )
    return cast


def _to_instants(values: pd.Series[Any], column: Column, table: str) -> pd.Series[Any]:
    if str(values.dtype).startswith("datetime64"):
        if getattr(values.dt, "tz", None) is None and values.isna().all():
            return pd.Series(values.dt.tz_localize("UTC").dt.as_unit("us"))
        if getattr(values.dt, "tz", None) is None:
            raise InputError(
                "the times have no zone",
                where=table,
                column=column.name,
                hint="localise them first, or pass UTC",
                code="time.zone",
            )
        return pd.Series(values.dt.tz_convert("UTC").dt.as_unit("us"))
    times = pd.Series(pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601"))
    _check_readable(values, times, column, table, "an instant such as 2024-03-01T09:00Z")
    return times.dt.as_unit("us")


def _to_flags(values: pd.Series[Any], column: Column, table: str) -> pd.Series[Any]:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    words |= {"1.0": True, "0.0": False}
    flags = values.astype("str").str.lower().map(words).where(values.notna())
    _check_readable(values, flags, column, table, "true or false")
    return flags.astype("boolean")


def _check_readable(before: pd.Series[Any], after: pd.Series[Any], column: Column, table: str, wanted: str) -> None:
    lost = (before.notna() & after.isna()).to_numpy()
    if lost.any():
        row = int(lost.argmax())
        raise InputError(
            "not a valid value",
            where=table,
            column=column.name,
            row=row + 1,
            got=before.iloc[row],
            wanted=wanted,
            code="value.unreadable",
        )


def _sequenced(events: pd.DataFrame) -> pd.DataFrame:
    """Give events a running number where they have none, in the order of time and then of arrival."""
    if "seq" in events.columns and events["seq"].notna().all():
        return events
    events = events.sort_values(["case_id", "at"], kind="stable", ignore_index=True)
    events["seq"] = events.groupby("case_id", sort=False).cumcount().astype("Int64")
    return events


def rename_clashing_columns(columns: Iterable[str]) -> dict[str, str]:
    """Return new names for further columns of cases that the engine would take for a column of another spelling.

    >>> rename_clashing_columns(["case_id", "Status", "team", "Team", "plan"])
    {'Status': 'Status (export)', 'Team': 'Team (export)'}
    """
    from .schema import DERIVED_COLUMNS

    taken = {name.casefold(): name for name in (*TABLES["cases"].names, *DERIVED_COLUMNS)}
    renamed: dict[str, str] = {}
    for column in columns:
        new = str(column)
        while taken.setdefault(new.casefold(), new) != new or (new != column and new in columns):
            new += " (export)"
        if new != column:
            renamed[column] = new
    return renamed
