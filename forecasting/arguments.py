"""Numbers that a planner passes: read, checked and broadcast against each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..features.arrays import Floats
from ..features.errors import InputError

Numbers = npt.ArrayLike | pd.Series

_MAX_LOAD_ERLANGS = 1e15  # Erlangs


def check_numbers(
    name: str,
    values: Numbers,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    infinite: bool = False,
) -> Floats:
    """Return values as floats, or say which argument is wrong, where, and what was wanted.

    Parameters
    ----------
    name
        The argument, as the caller knows it.
    values
        A number or an array of any shape.
    least, above, most, below
        Bounds: ``least`` and ``most`` are allowed themselves, ``above`` and ``below`` are not.
    infinite
        Whether infinity is a value.

    Raises
    ------
    InputError
        Names the argument and the first bad position, counted from 0.

    Examples
    --------
    >>> check_numbers("aht", [180, 240], above=0).tolist()
    [180.0, 240.0]
    >>> check_numbers("aht", [180, 0], above=0)
    Traceback (most recent call last):
    deskcast.features.errors.InputError: argument 'aht', position 1: the number is out of range; got 0.0, expected a number above 0
    """  # noqa: E501 - the message is one line by design
    wanted = _wanted(least, above, most, below)
    array = _floats(name, values, wanted)
    bad = np.isnan(array) if infinite else ~np.isfinite(array)
    bad |= False if least is None else array < least
    bad |= False if above is None else array <= above
    bad |= False if most is None else array > most
    bad |= False if below is None else array >= below
    if bad.any():
        first = int(np.flatnonzero(bad.ravel())[0])
        got = float(array.ravel()[first])
        problem = "the number is missing" if np.isnan(got) else "the number is out of range"
        raise InputError(problem, where=_place(name, array, first), got=got, wanted=wanted, code="value.range")
    return array


def check_number(
    name: str,
    value: Any,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    infinite: bool = False,
) -> float:
    """Return one number as a float, under the same checks, where an array makes no sense.

    >>> check_number("confidence", [0.8, 0.9])
    Traceback (most recent call last):
    deskcast.features.errors.InputError: argument 'confidence': value must be one number; got (2,), expected a number
    """
    array = check_numbers(name, value, least=least, above=above, most=most, below=below, infinite=infinite)
    if array.size != 1:
        wanted = _wanted(least, above, most, below)
        raise InputError(
            "value must be one number", where=f"argument '{name}'", got=array.shape, wanted=wanted, code="value.length"
        )
    return float(array.ravel()[0])


def broadcast(arguments: Mapping[str, Floats]) -> dict[str, Floats]:
    """Broadcast checked arrays to one shape, or name the first that does not fit.

    >>> broadcast({"calls": np.ones(2), "aht": np.array(180.0)})["aht"].tolist()
    [180.0, 180.0]
    """
    shape: tuple[int, ...] = ()
    for name, array in arguments.items():
        try:
            shape = np.broadcast_shapes(shape, array.shape)
        except ValueError as error:
            raise InputError(
                "the shape does not fit the arguments before it",
                where=f"argument '{name}'",
                got=array.shape,
                wanted=f"one number, or a shape that broadcasts with {shape}",
                code="value.length",
            ) from error
    return {name: np.broadcast_to(array, shape) for name, array in arguments.items()}


def check_load(name: str, load: Floats) -> None:
    """Refuse a load beyond which neighbouring numbers of agents cannot be told apart.

    >>> check_load("calls", np.array([50.0, 1e300]))
    Traceback (most recent call last):
    deskcast.features.errors.InputError: argument 'calls', position 1: the load is too large; got 1e+300, expected up to 1e+15 Erlangs
    """  # noqa: E501 - the message is one line by design
    large = ~(load <= _MAX_LOAD_ERLANGS)
    if large.any():
        first = int(np.flatnonzero(large.ravel())[0])
        got, wanted = float(load.ravel()[first]), f"up to {_MAX_LOAD_ERLANGS:g} Erlangs"
        raise InputError(
            "the load is too large", where=_place(name, load, first), got=got, wanted=wanted, code="plan.too_large"
        )


def flat_queue(items: str, arguments: Mapping[str, Floats]) -> dict[str, Floats]:
    """Broadcast the checked arguments of a queue, refuse a load that cannot be planned, and make them flat.

    ``items`` names the argument that holds the arrivals; ``aht`` and ``interval`` stand beside it.

    >>> flat = flat_queue("calls", {"calls": np.ones((1, 2)), "aht": np.array(180.0), "interval": np.array(1800.0)})
    >>> flat["aht"].tolist()
    [180.0, 180.0]
    """
    both = broadcast(arguments)
    with np.errstate(over="ignore"):
        check_load(items, both[items] * both["aht"] / both["interval"])
    return {name: array.ravel() for name, array in both.items()}


def index_of(size: int, *values: Any) -> pd.Index:
    """Return the index of the first Series of that length, or a running number.

    >>> index_of(2, 180.0, pd.Series([1, 2], index=["a", "b"])).tolist()
    ['a', 'b']
    """
    found = (v.index for v in values if isinstance(v, pd.Series) and len(v) == size)
    return next(found, pd.RangeIndex(size))


def _floats(name: str, values: Numbers, wanted: str) -> Floats:
    raw = values.to_numpy() if isinstance(values, pd.Series) else values
    try:
        array = np.asarray(raw)
    except ValueError as error:
        raise InputError(
            "the rows differ in length", where=f"argument '{name}'", wanted=wanted, code="value.length"
        ) from error
    if array.dtype.kind in "fiu":
        return array.astype(float)
    out = np.empty(array.shape)
    for i, value in enumerate(array.ravel()):
        missing = value is None or value is pd.NA
        real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, (bool, np.bool_))
        if not (missing or real):
            got = value.item() if isinstance(value, np.generic) else value
            raise InputError(
                "not a valid number", where=_place(name, array, i), got=got, wanted=wanted, code="value.unknown"
            )
        out.ravel()[i] = np.nan if missing else _float(value)
    return out


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number beyond all floats
        return np.inf if value > 0 else -np.inf


def _place(name: str, array: npt.NDArray[Any], first: int) -> str:
    if array.ndim == 0:
        return f"argument '{name}'"
    index = tuple(int(i) for i in np.unravel_index(first, array.shape))
    return f"argument '{name}', position {index[0] if len(index) == 1 else index}"


def _wanted(least: float | None, above: float | None, most: float | None, below: float | None) -> str:
    bounds = [
        f"from {least:g}" if least is not None else "",
        f"above {above:g}" if above is not None else "",
        f"up to {most:g}" if most is not None else "",
        f"below {below:g}" if below is not None else "",
    ]
    return " ".join(["a number", *filter(None, bounds)])
