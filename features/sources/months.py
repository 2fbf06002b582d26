"""Customers and units sold by month: one row a month, and a segment where the file has one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..case_log.schema import TABLES
from ..errors import InputError, did_you_mean
from ..readers.numbers import parse_numbers
from .columns import ImportReport
from .rows import read_column_text
from .spec import LoadedSource, SourceSpec

#: What is counted by month; other columns of the file are segments, by which cases are counted too.
COUNTS = ("customers", "units")
_MONTH = "month"


def read_months(spec: SourceSpec, frame: pd.DataFrame) -> LoadedSource:
    """Read a file of denominators.

    Parameters
    ----------
    spec
        ``columns`` may name the columns of the file for ``month``, ``customers`` and ``units``.
    frame
        Its rows, as text.

    Raises
    ------
    InputError
        If there is no month column or no count, a value cannot be read, or a month is missing or comes twice.

    Examples
    --------
    >>> frame = pd.DataFrame({"month": ["2024-01", "2024-02"], "customers": ["100", "110"]})
    >>> table = read_months(SourceSpec("denominators", "customers.csv"), frame).tables["denominators"]
    >>> table[["start", "customers"]].astype(str).values.tolist()
    [['2024-01-01 00:00:00+00:00', '100.0'], ['2024-02-01 00:00:00+00:00', '110.0']]
    """
    where, names = Path(spec.path).name, _names(spec, frame)
    months = _months(read_column_text(spec, frame, names[_MONTH]), names[_MONTH], where)
    out = pd.DataFrame({"start": months})
    for role in COUNTS:
        if role in names:
            out[role] = _counts(read_column_text(spec, frame, names[role]), names[role], where)
    segments = [str(c) for c in frame.columns if c not in names.values()]
    for name in segments:
        out[name] = read_column_text(spec, frame, name)
    _check_months(out, segments, where)
    local = pd.DatetimeIndex(out["start"])
    for name, at in (("start", local), ("end", local + pd.offsets.MonthBegin(1))):
        placed = at.tz_localize(spec.timezone, ambiguous=True, nonexistent="shift_forward")
        out[name] = placed.tz_convert("UTC").as_unit("us")
    first = [c for c in TABLES["denominators"].names if c in out]
    ledger = ImportReport("denominators", where, len(frame))
    return LoadedSource({"denominators": out[[*first, *segments]]}, ledger.rejected())


def _names(spec: SourceSpec, frame: pd.DataFrame) -> dict[str, str]:
    """Return the column of each role, by the map or by its own name."""
    known = [str(c) for c in frame.columns]
    where = Path(spec.path).name
    for role, column in spec.columns.items():
        if role not in (_MONTH, *COUNTS):
            hint = did_you_mean(role, (_MONTH, *COUNTS))
            raise InputError("unknown column", where=where, column=role, hint=hint, code="column.unknown")
        if column not in known:
            hint = did_you_mean(column, known)
            raise InputError("missing column", where=where, column=column, hint=hint, code="column.missing")
    lower = {name.strip().lower(): name for name in known}
    names = {role: lower[role] for role in (_MONTH, *COUNTS) if role in lower} | dict(spec.columns)
    if _MONTH not in names:
        hint = f"columns = {{ month = ... }}; the file has {', '.join(known[:5])}"
        raise InputError("missing column of months", where=where, column=_MONTH, hint=hint, code="column.missing")
    if not set(COUNTS) & set(names):
        hint = f"columns = {{ customers = ... }} or {{ units = ... }}; the file has {', '.join(known[:5])}"
        raise InputError("nothing is counted", where=where, column="customers", hint=hint, code="column.missing")
    return names


def _months(text: pd.Series, column: str, where: str) -> pd.DatetimeIndex:
    """Read months such as 2024-01, 2024-01-01 or Jan 2024; a day in the midst of a month stands for it."""
    found = pd.to_datetime(text.str.strip(), errors="coerce", format="ISO8601")
    for form in ("%m/%Y", "%b %Y", "%B %Y"):
        found = found.fillna(pd.to_datetime(text.str.strip(), errors="coerce", format=form))
    if found.isna().any():
        row = int(found.isna().to_numpy().argmax())
        raise InputError(
            "not a valid month", where=where, column=column, row=row + 1, got=text.iloc[row], wanted="such as 2024-01",
            code="time.unreadable",
        )  # fmt: skip
    return pd.DatetimeIndex(found.dt.to_period("M").dt.start_time)


def _counts(text: pd.Series, column: str, where: str) -> pd.Series:
    values = parse_numbers(text)
    bad = (values.isna() & text.notna() & (text.str.strip() != "")) | (values < 0)
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise InputError(
            "not a valid count", where=where, column=column, row=row + 1, got=text.iloc[row], wanted="0 or more",
            code="value.unreadable",
        )  # fmt: skip
    return values


def _check_months(rows: pd.DataFrame, segments: list[str], where: str) -> None:
    """Refuse a month that comes twice, and one that is left out between others: its cases would look like fewer."""
    groups = list(rows.groupby(segments, dropna=False)) if segments else [((), rows)]
    for key, group in groups:
        of = f" of {', '.join(map(str, key))}" if segments else ""
        twice = group["start"].duplicated()
        if twice.any():
            got = f"{group.loc[twice, 'start'].iloc[0]:%Y-%m}{of}"
            raise InputError("duplicate month", where=where, column=_MONTH, got=got, code="row.doubled")
        every = pd.date_range(group["start"].min(), group["start"].max(), freq="MS")
        lost = every.difference(pd.DatetimeIndex(group["start"]))
        if len(lost):
            got = f"{lost[0]:%Y-%m}{of}"
            hint = f"{len(lost)} missing in all; add a row with its figures"
            raise InputError("missing month", where=where, column=_MONTH, got=got, hint=hint, code="time.missing")
