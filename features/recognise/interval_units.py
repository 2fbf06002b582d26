"""Units of the times in an interval report, and whether a time is a total or an average: told by the values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InputError
from ..readers.elapsed import ELAPSED_UNITS, parse_elapsed, unit_of_name
from ..readers.numbers import parse_numbers
from ..sources.volumes import MEAN_MEASURES, TIME_MEASURES
from .interval_words import Measure

#: A mean handle or talk time of a contact is longer than this and shorter than that; a mean wait may be short.
PLAUSIBLE_HANDLE_S, PLAUSIBLE_WAIT_S = (20.0, 7200.0), (0.5, 7200.0)


def decide_means(
    measures: dict[str, str], known: Mapping[str, Measure], frame: pd.DataFrame
) -> tuple[dict[str, str], list[str]]:
    """Decide for times whose name does not tell whether they are totals: a total grows with the count.

    Raises
    ------
    InputError
        If the values do not tell either; the message has the lines to write.
    """
    out, said = dict(measures), []
    counted = next((out[r] for r in ("answered", "y") if r in out and " + " not in out[r]), None)
    for role in [r for r in TIME_MEASURES if r in out and known[out[r]].mean is None]:
        name = out[role]
        unit = unit_of_name(name) or "s"
        seconds = parse_elapsed(frame[name], unit).seconds
        counts = parse_numbers(frame[counted]) if counted else pd.Series(np.nan, index=frame.index)
        answer = is_total(seconds, counts)
        if answer is None:
            raise InputError(
                "is this time the total of the interval, or the average of a contact", column=name,
                got=frame[name].dropna().iloc[0] if frame[name].notna().any() else None,
                wanted=f'for the total {role} = "{name}" under columns', hint=f'for the average mean_{role} = "{name}"',
                code="duration.unit",
            )  # fmt: skip
        if not answer:
            out[f"mean_{role}"] = out.pop(role)
        said.append(f"'{name}' is read as {'the total of the interval' if answer else 'the average of a contact'}")
    return out, said


def is_total(seconds: pd.Series[Any], counts: pd.Series[Any]) -> bool | None:
    """Return whether times grow with the counts beside them; ``None`` where that cannot be told.

    >>> import pandas as pd
    >>> n = pd.Series([1.0, 5.0, 40.0, 80.0, 12.0, 3.0])
    >>> is_total(n * 200, n), is_total(n * 0 + 200, n), is_total(n * 0 + 200, n * 0 + 1)
    (True, False, None)
    """
    good = (counts > 0) & (seconds > 0)
    if good.sum() < 3:
        return None
    x, y = np.log(counts[good]), np.log(seconds[good])
    spread = float(x.std())
    if spread < 0.2:
        middle = float((seconds[good] / counts[good]).median())
        whole = float(seconds[good].median())
        low, high = PLAUSIBLE_HANDLE_S
        fits = (low <= middle <= high, low <= whole <= high)
        return fits[0] if fits[0] != fits[1] else None
    # a total grows as its count does, an average hardly: the slope on logarithmic scales is 1 or 0
    slope = float(np.cov(x, y, bias=True)[0, 1] / np.var(x))
    rest = float((y - slope * (x - x.mean()) - y.mean()).std())
    error = rest / (spread * np.sqrt(len(x)))
    if slope - 2 * error > 0.6:
        return True
    return False if slope + 2 * error < 0.4 else None


def decide_units(measures: Mapping[str, str], frame: pd.DataFrame) -> tuple[dict[str, str], list[str]]:
    """Return the units that are not seconds: by the name, or by sizes that no second could have.

    Raises
    ------
    InputError
        If a time can be seconds and minutes; the message has the line to write.
    """
    units: dict[str, str] = {}
    said: list[str] = []
    handled = measures.get("answered", measures["y"])
    counts = sum(parse_numbers(frame[p], None, whole=True) for p in handled.split(" + "))
    for role in [r for r in measures if r in TIME_MEASURES or r in MEAN_MEASURES]:
        name = measures[role]
        read = parse_elapsed(frame[name], "s")
        named = unit_of_name(name)
        if named or read.form in ("clock", "words"):
            if named and named != "s" and read.form not in ("clock", "words"):
                units[name] = named
            continue
        per = read.seconds if role in MEAN_MEASURES else read.seconds / counts
        usual = float(per[(per > 0) & np.isfinite(per)].median()) if (per > 0).any() else float("nan")
        wait = "wait" in role or "hold" in role or "wrap" in role
        found = unit_by_size(usual, wait)
        if found is None:
            raise InputError(
                "unknown unit of this time", column=name, got=f"{usual:g} for a contact",
                wanted="seconds, minutes or another unit", hint=f"write units = {{ \"{name}\" = \"min\" }} (or s, "
                                                                f"ms, h, d)",
                                                                code="duration.unit",
            )  # fmt: skip
        if found != "s":
            units[name] = found
            said.append(f"'{name}' is read in {found}: {usual:g} seconds for a contact cannot be")
    for name, unit in dict(units).items():
        units[name] = unit if unit in ELAPSED_UNITS else "s"
    shared = set(units.values())
    plain = [measures[r] for r in measures if r in TIME_MEASURES or r in MEAN_MEASURES]
    if len(shared) == 1 and "ms" in shared:  # one setting of the report holds for all its times
        for name in plain:
            if not unit_of_name(name) and parse_elapsed(frame[name], "s").form == "s":
                units.setdefault(name, "ms")
    return units, said


def unit_by_size(usual: float, wait: bool = False) -> str | None:
    """Return the unit in which a usual time of a contact makes sense, or ``None`` where several do.

    >>> unit_by_size(265.0), unit_by_size(265e3), unit_by_size(0.003), unit_by_size(4.4), unit_by_size(4.4, wait=True)
    ('s', 'ms', 'd', None, 's')
    """
    if np.isnan(usual):
        return "s"
    low, high = PLAUSIBLE_WAIT_S if wait else PLAUSIBLE_HANDLE_S
    if low <= usual <= high:
        return "s"
    if usual > high:
        return "ms"
    return "d" if usual * 86400 <= high and usual < 0.05 else None
