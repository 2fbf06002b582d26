"""Known columns as a user gives them, put on the slots of a grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Bools, Floats, Ints
from ...features.errors import InputError, did_you_mean
from ...features.frames import require_columns
from .regressors import Regressors

if TYPE_CHECKING:
    from .grid import Grid

#: Columns that say which value it is and are no regressors.
KEY_COLUMNS = ("unique_id", "ds")

#: Regressors beyond which chance alone finds some that help.
MAX_REGRESSORS = 20


def read_regressors(frame: object, grid: Grid, horizon: int) -> Regressors:
    """Put known columns on the slots of a grid.

    Parameters
    ----------
    frame
        ``ds`` (start of a slot on the local clock, or a date for all slots of that day), perhaps ``unique_id`` where
        series differ, and numbers: one column a regressor. A slot of the past without a row teaches nothing.
    grid
        The panel.
    horizon
        Slots ahead, for which every value has to be given.

    Raises
    ------
    InputError
        If a column is missing or holds no numbers, a slot comes twice, or values end before the horizon.

    Examples
    --------
    >>> from deskcast.forecasting.grid.grid import make_grid
    >>> days = pd.date_range("2024-03-01", periods=3)
    >>> grid = make_grid(pd.DataFrame({"unique_id": "all", "ds": days[:2], "y": 1.0}), 1, "D")
    >>> read_regressors(pd.DataFrame({"ds": days, "campaign": [0, 1, 1]}), grid, 1).values.tolist()
    [[[0.0], [1.0], [1.0]]]
    """
    if not isinstance(frame, pd.DataFrame):
        raise InputError(
            "not a table", column="regressors", got=type(frame).__name__, wanted="a frame with ds", code="value.unknown"
        )
    require_columns(frame, ("ds",), "regressors")
    names = tuple(str(column) for column in frame.columns if column not in KEY_COLUMNS)
    if not 0 < len(names) <= MAX_REGRESSORS:
        wanted = f"1 to {MAX_REGRESSORS} columns beside ds"
        raise InputError(
            "no usable number of columns", where="regressors", got=len(names), wanted=wanted, code="column.missing"
        )
    numbers = np.column_stack([_numbers(frame, name) for name in names])
    row, slots = _slots(frame["ds"], grid)
    series = _series(frame, grid)
    length = grid.length + horizon
    values = np.full((1 if series is None else len(grid.ids), length, len(names)), np.nan)
    own = np.zeros(len(slots), dtype=np.int64) if series is None else series[row]
    inside = (slots >= 0) & (slots < length) & (own >= 0)
    twice = pd.DataFrame({"s": own, "t": slots})[inside].duplicated().to_numpy()
    if twice.any():
        first = int(row[inside][twice.argmax()])
        raise InputError(
            "duplicate time stamp",
            where="regressors",
            column="ds",
            row=first + 1,
            got=str(frame["ds"].iloc[first]),
            hint="one row a series and slot",
            code="row.doubled",
        )
    values[own[inside], slots[inside]] = numbers[row[inside]]
    _require_ahead(values, names, grid)
    return Regressors(names, values)


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    column = frame[name]
    found = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    bad = (np.isnan(found) & column.notna().to_numpy()) | np.isinf(found)
    if bad.any():
        at = int(bad.argmax())
        hint = "write a column of 0 and 1 for each kind" if isinstance(column.iloc[at], str) else None
        raise InputError(
            "not a valid number",
            where="regressors",
            column=name,
            row=at + 1,
            got=column.iloc[at],
            hint=hint,
            code="value.unreadable",
        )
    return found


def _slots(ds: pd.Series[Any], grid: Grid) -> tuple[Ints, Ints]:
    """Return row and slot of each value; a date stands for every slot of its day.

    Text has to be ISO 8601: whether 03/04/2024 is in March or in April nobody can say of a single file.
    """
    are_times = pd.api.types.is_datetime64_any_dtype(ds)
    stamps = ds if are_times else pd.to_datetime(ds, errors="coerce", format="ISO8601")
    bad = stamps.isna().to_numpy()
    if bad.any() or getattr(stamps.dt, "tz", None) is not None:
        at = int(bad.argmax()) if bad.any() else 0
        raise InputError(
            "not a valid local time",
            where="regressors",
            column="ds",
            row=at + 1,
            got=ds.iloc[at],
            wanted="such as 2024-03-01 or 2024-03-01T09:00, without a zone",
            code="time.unreadable",
        )
    local = np.asarray(stamps, dtype="datetime64[us]")
    dates: Bools = np.asarray(local == local.astype("datetime64[D]"), dtype=bool)
    frequency = grid.frequency
    if frequency.per_day > 1 and dates.all():
        first, _ = frequency.number(local, grid.anchor)
        row = np.repeat(np.arange(len(local)), frequency.per_day)
        return row, (first[:, None] + np.arange(frequency.per_day)).ravel() - grid.first
    number, exact = frequency.number(local, grid.anchor)
    if not exact.all():
        at = int((~exact).argmax())
        raise InputError(
            "not the start of a time step",
            where="regressors",
            column="ds",
            row=at + 1,
            got=str(ds.iloc[at]),
            wanted=f"slots of {frequency.name}",
            code="time.order",
        )
    return np.arange(len(local)), number - grid.first


def _series(frame: pd.DataFrame, grid: Grid) -> npt.NDArray[np.int64] | None:
    """Return the number of each row's series, -1 where the panel has none of that name; None where all are alike."""
    if "unique_id" not in frame.columns:
        return None
    place = {name: i for i, name in enumerate(grid.ids)}
    named = frame["unique_id"].astype("str")
    found = named.map(place)
    if found.isna().all():
        hint = did_you_mean(str(named.iloc[0]), grid.ids) if len(named) else None
        got = named.iloc[0] if len(named) else None
        raise InputError(
            "unknown series", where="regressors", column="unique_id", got=got, hint=hint, code="series.unknown"
        )
    return np.asarray(found.fillna(-1), dtype=np.int64)


def _require_ahead(values: Floats, names: tuple[str, ...], grid: Grid) -> None:
    """Refuse a column that is not known for the time ahead: a guess would be forecast as if it were known."""
    is_open = grid.is_open[:, grid.length : values.shape[1]].any(axis=0)
    ahead: Floats = values[:, grid.length :]
    missing: Bools = np.asarray(np.isnan(ahead) & np.asarray(is_open)[None, :, None], dtype=bool)
    if not missing.any():
        return
    row, slot, column = (int(found[0]) for found in np.nonzero(missing))
    when = str(grid.stamps(grid.length + slot, grid.length + slot + 1)[0])[:16].replace("T00:00", "")
    of = f" of series '{grid.ids[row]}'" if len(values) > 1 else ""
    raise InputError(
        f"no value for the time ahead{of}",
        where="regressors",
        column=names[column],
        got=f"nothing for {when}",
        wanted=f"a value for each slot to {str(grid.stamps(values.shape[1] - 1, values.shape[1])[0])[:10]}",
        hint="what is not known ahead cannot be used; leave the column out or give its forecast",
        code="value.missing",
    )
