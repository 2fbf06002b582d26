"""A result table as a file of its own: Parquet, CSV, and what a spreadsheet must not run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...features.errors import InputError
from ..project.checks import check_local_path
from ..words.instants import INSTANT_KEYS
from .atomic_replace import replace_file

#: Signs by which spreadsheets know a formula, also in the wide form of East Asian keyboards.
_FORMULA = re.compile(r"[\s\x00-\x1f]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")


_SIGNED_NUMBER = re.compile(r"[+-](\d[\d .,]*)?")


def write_table(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a table to a ``.parquet`` or ``.csv`` file, whole or not at all.

    In CSV, texts that a spreadsheet would run as formulas are quoted: see :func:`quote_formulas`.

    Raises
    ------
    InputError
        If the ending is another one, or the place cannot be written.

    Examples
    --------
    >>> write_table(pd.DataFrame({"n": [1]}), "numbers.xlsx")
    Traceback (most recent call last):
    deskcast.features.errors.InputError: numbers.xlsx: this kind of file cannot be written; got '.xlsx', expected .parquet or .csv
    """  # noqa: E501 - the message is one line by design
    check_table_path(path)
    with replace_file(Path(path)) as aside:
        if Path(path).suffix.lower() == ".parquet":
            _storable(frame).to_parquet(aside, index=False)
        else:
            quote_formulas(frame).to_csv(aside, index=False)


def quote_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table for a spreadsheet: a text that one would take for a formula begins with an apostrophe.

    Texts come from customers, and a spreadsheet runs what begins with ``=``, ``+``, ``-``, ``@``, a tab or a line end.
    A signed number such as ``-5`` or ``+351 912 345`` does nothing and stays. Line ends inside a text become newlines,
    which CSV quotes: behind a lone carriage return a spreadsheet would begin a row.

    Examples
    --------
    >>> texts = pd.DataFrame({"case_id": ["=cmd|' /C calc'!A0", "-5", "C-1"], "n": [-1, 2, 3]})
    >>> quote_formulas(texts)["case_id"].tolist()
    ["'=cmd|' /C calc'!A0", '-5', 'C-1']
    """
    quoted = {c: _quoted(frame[c]) for c in frame.columns if not pd.api.types.is_numeric_dtype(frame[c].dtype)}
    return frame.assign(**quoted).rename(columns=lambda name: _quoted_text(name))


def _quoted(values: pd.Series[Any]) -> pd.Series[Any]:
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.dtype.categories.dtype)
    if not (pd.api.types.is_string_dtype(values.dtype) or values.dtype == object):
        return values  # times
    changed = values.map(lambda v: _quoted_text(v) is not v).astype("bool")
    if not changed.any():
        return values
    return values.astype("object").where(~changed, values.map(_quoted_text).astype("object"))


def _quoted_text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n") if "\r" in value else value
    return f"'{text}" if _FORMULA.match(text) and not _SIGNED_NUMBER.fullmatch(text) else text


def check_table_path(path: str | Path) -> None:
    """Say whether a table can be written to this file, before any work is done.

    Raises
    ------
    InputError
        If the ending is not that of a table, or the place is a folder or in no folder.
    """
    target = Path(path)
    check_local_path(str(path), "", "a table is written to a file of this machine", "--out")
    if target.suffix.lower() not in (".parquet", ".csv"):
        problem = "this kind of file cannot be written"
        raise InputError(problem, where=str(path), got=target.suffix, wanted=".parquet or .csv", code="file.unreadable")
    if target.is_dir():
        raise InputError("not a file but a folder", where=str(path), code="file.kind")
    if not target.resolve().parent.is_dir():
        raise InputError("missing folder", where=str(target.parent), hint="make it first", code="folder.missing")


def _storable(frame: pd.DataFrame, stamp: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Write columns of mixed kinds as text, as Parquet has one kind a column, and leave out notes that are no table."""
    mixed = [c for c in frame.columns if frame[c].dtype == object and not _one_kind(frame[c])]
    plain = frame.assign(**{c: frame[c].map(str, na_action="ignore").astype("str") for c in mixed})
    stamped: dict[Any, Any] = dict(stamp or {})
    plain.attrs = stamped | {name: value for name, value in frame.attrs.items() if name in INSTANT_KEYS}
    return plain


def _one_kind(values: pd.Series[Any]) -> bool:
    kinds = {type(v) for v in values if v is not None and v == v}
    return len(kinds) <= 1 and not kinds & {dict, set, tuple, list}
