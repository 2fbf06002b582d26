"""Names that were changed: old names are still taken, with a note, until a release."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable, Mapping
from functools import cache, wraps
from importlib.resources import files
from typing import Any, NamedTuple, ParamSpec, TypeVar

import pandas as pd

from .errors import InputError

#: The version that takes old names no more.
OLD_NAMES_UNTIL = "0.3"


class Renamed(NamedTuple):
    """One name: what it names, where it stands, and what it was and is called."""

    kind: str
    where: str
    old: str
    new: str


class RenamedWarning(FutureWarning):
    """An old name was used."""


@cache
def renamed() -> tuple[Renamed, ...]:
    """Return every name that was changed, files and functions too, as ``docs/renamed.csv`` lists them.

    >>> [row.new for row in renamed() if row.kind == "option"]
    ['--cases-per-day']
    """
    root = __name__.partition(".")[0]
    text = (files(root) / "docs" / "renamed.csv").read_text(encoding="utf-8")
    return tuple(Renamed(**row) for row in csv.DictReader(text.splitlines()))


P = ParamSpec("P")
T = TypeVar("T")


@cache
def new_names(kind: str, where: str) -> Mapping[str, str]:
    """Return old name -> new name of one place, without a note.

    >>> new_names("key", "risk"), new_names("key", "forecast")
    ({'budget': 'cases_per_day'}, {})
    """
    return {row.old: row.new for row in renamed() if (row.kind, row.where) == (kind, where)}


def warn_renamed(old: str, new: str, where: str) -> None:
    """Note that an old name was used; Python shows each note once."""
    text = f"{where}: '{old}' is now '{new}' (the old name works until {OLD_NAMES_UNTIL})"
    warnings.warn(text, RenamedWarning, stacklevel=3)


def new_name(kind: str, where: str, name: str, place: str = "") -> str:
    """Return the new name of what may be an old one, with a note; an unknown name comes back as it is.

    >>> new_name("table", "results", "risk")
    'risk'
    """
    new = new_names(kind, where).get(name, name)
    if new != name:
        warn_renamed(name, new, place or where)
    return new


def new_keys(body: Mapping[str, Any], section: str, place: str) -> dict[str, Any]:
    """Return a section of a configuration with its old keys renamed.

    Raises
    ------
    InputError
        If an old key stands beside the new one.

    Examples
    --------
    >>> new_keys({"cases_per_day": 20}, "risk", "deskcast.toml [risk]")
    {'cases_per_day': 20}
    """
    return {_only(str(k), new_name("key", section, str(k), place), body, place): v for k, v in body.items()}


def new_columns(frame: pd.DataFrame, table: str, *, note: bool = True) -> pd.DataFrame:
    """Return a table with its old columns and values renamed.

    Parameters
    ----------
    frame, table
        The table and its (new) name.
    note
        False where another note is given.

    Raises
    ------
    InputError
        If an old column stands beside the new one.

    Examples
    --------
    >>> new_columns(pd.DataFrame({"late_s": [60.0]}), "breached_cases", note=False).columns.tolist()
    ['overdue_s']
    """
    names = {old: new for old, new in new_names("column", table).items() if old in frame.columns}
    for old, new in names.items():
        _only(old, new, frame.columns, f"table '{table}'")
    if names and note:
        warn_renamed("', '".join(names), "', '".join(names.values()), f"table '{table}'")
    out = frame.rename(columns=names)
    for column in out.columns:
        values = new_names("value", f"{table}.{column}")
        if values and out[column].astype("str").isin(list(values)).any():
            mapped = [values.get(str(v), v) for v in out[column]]
            out = out.assign(**{str(column): pd.Series(mapped, index=out.index, dtype="str")})
    return out


def with_old_attributes(attrs: dict[str, Any], where: str) -> dict[Any, Any]:
    """Return the notes of a frame (its ``attrs``) with each renamed one under its old key too.

    >>> with_old_attributes({"notes": [], "rejected": []}, "forecast")
    {'notes': [], 'rejected': [], 'refused': []}
    """
    return attrs | {old: attrs[new] for old, new in new_names("attribute", where).items() if new in attrs}


def renamed_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function take its old keyword arguments too, with a note.

    >>> @renamed_arguments
    ... def risk_stage(cases_per_day):
    ...     return cases_per_day
    >>> risk_stage(cases_per_day=3)
    3
    """
    name = function.__name__
    names = new_names("argument", name)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        for old in [k for k in kwargs if k in names]:
            new = _only(old, names[old], kwargs, f"{name}()")
            warn_renamed(old, new, f"{name}()")
            kwargs[new] = kwargs.pop(old)
        return function(*args, **kwargs)

    return call


def _only(old: str, new: str, there: Any, place: str) -> str:
    """Return the new name, unless both stand there."""
    if old != new and new in there:
        hint = f"drop '{old}', the old name of '{new}'"
        raise InputError(f"'{old}' and '{new}' are the same", where=place, column=old, hint=hint, code="column.doubled")
    return new
