"""A planner's adjustments to a forecast: those that touch it are applied, and base and adjusted stand side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ...features.errors import InputError
from .what_if import Change, what_if


def apply_adjustments(
    ahead: pd.DataFrame, changes: Iterable[Change], names: Sequence[str] = (), seed: int = 0
) -> pd.DataFrame:
    """Change a forecast by the adjustments that touch it; the others are for other days or series.

    Parameters
    ----------
    ahead
        What :func:`deskcast.forecasting.forecast` or :func:`deskcast.forecasting.sample_paths` returns.
    changes
        Adjustments. A ``series`` names a series, or a segment: ``phone`` is all of ``phone/north`` and ``phone/south``.
    names
        What the forecast as a whole is called: an adjustment of one of these names holds for all of its series.
    seed
        As in :func:`deskcast.forecasting.what_if`.

    Returns
    -------
    The forecast with ``baseline`` (what it was) and ``adjustment`` (names of what was applied to each row, empty where
    nothing was); as it is where no adjustment touches it.

    Examples
    --------
    >>> ahead = pd.DataFrame({"unique_id": ["phone/a", "chat/a"], "ds": pd.Timestamp("2024-03-04"), "deskcast": 100.0})
    >>> fair = Change("fair", "2024-03-04", "2024-03-04", factor=1.5, series="phone")
    >>> later = Change("sale", "2024-06-01", "2024-06-02", factor=2.0)
    >>> apply_adjustments(ahead, [fair, later])[["deskcast", "baseline", "adjustment"]].values.tolist()
    [[150.0, 100.0, 'fair'], [100.0, 100.0, '']]
    """
    out, applied = ahead, np.full(len(ahead), "", dtype=object)
    point = "deskcast" if "deskcast" in ahead else "y"
    for change in _find_named(ahead, changes, names):
        changed = _change(out, change, seed)
        if changed is None:
            continue
        seed += 1  # how far one is off tells nothing of the next
        moved = changed[point].to_numpy(dtype=float) != out[point].to_numpy(dtype=float)
        applied = np.where(moved, np.where(applied == "", change.name, applied + "; " + change.name), applied)
        out = changed
    return ahead if out is ahead else out.assign(adjustment=pd.Series(applied, index=out.index, dtype="str"))


def select_adjustments(ahead: pd.DataFrame, changes: Iterable[Change], names: Sequence[str] = ()) -> list[Change]:
    """Return the adjustments that touch a forecast, each with the names of its series there."""
    return [change for change in _find_named(ahead, changes, names) if _change(ahead, change) is not None]


def carry_to_whole(change: Change, share: float, whole: str) -> Change | None:
    """Return what an adjustment of a part does to the whole that it has a share of.

    A volume that is set for the part says nothing of the whole without a forecast of the part: there is none then.

    Examples
    --------
    >>> found = carry_to_whole(Change("fair", factor=1.4, series="phone/north", sd=0.1), 0.25, "phone")
    >>> found.factor, found.sd, found.series
    (1.1, 0.025, 'phone')
    >>> carry_to_whole(Change("shut", closed=True, series="phone/north"), 0.25, "phone").factor
    0.75
    """
    known = replace(change, series=whole, sd=change.sd * share)
    if change.closed:
        return replace(known, closed=False, factor=1 - share)
    if change.factor is not None:
        return replace(known, factor=1 + share * (change.factor - 1))
    return None if change.growth is None else replace(known, growth=share * change.growth)


def _change(ahead: pd.DataFrame, change: Change, seed: int = 0) -> pd.DataFrame | None:
    """Return the forecast with an adjustment; ``None`` where it is for other days."""
    try:
        return what_if(ahead, [change], seed)
    except InputError as error:
        if error.code == "series.unknown":
            return None
        raise


def _find_named(ahead: pd.DataFrame, changes: Iterable[Change], names: Sequence[str]) -> Iterator[Change]:
    """Yield the adjustments for any of the series of a forecast, with the names of these."""
    series = [str(name) for name in ahead["unique_id"].unique()]
    for change in changes:
        own = _match(change, series, names)
        if own != []:
            yield replace(change, series=own)


def _match(change: Change, series: Sequence[str], names: Sequence[str]) -> list[str] | None:
    """Return the series that an adjustment is for; ``None`` for all, an empty list for none."""
    if change.series is None:
        return None
    wanted = {change.series} if isinstance(change.series, str) else {str(name) for name in change.series}
    if wanted & set(names):
        return None
    return [name for name in series if name in wanted or wanted & set(name.split("/"))]
