"""Sums by segment and period, asked for together where they are over the same rows: one query for many KPIs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .fetch import fetch

if TYPE_CHECKING:
    from .aggregate import Source

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Counted:
    """A history that waits for its sums.

    Attributes
    ----------
    source
        Gives segments and periods.
    rows, at
        Ibis table with the segment columns, and the instant by whose period its rows are grouped.
    sums
        Ibis aggregates over the rows, by name.
    finish
        Makes the history from the sums, each an array with one value a cell, in the order of ``sums``.
    """

    source: Source
    rows: Any
    at: str
    sums: Mapping[str, Any]
    finish: Callable[..., pd.DataFrame]

    def frame(self) -> pd.DataFrame:
        """Ask the engine for these sums alone, and return the history."""
        return frames([self])[0]


def frames(histories: Sequence[Counted | pd.DataFrame]) -> list[pd.DataFrame]:
    """Return the histories in their order, with one query for all that sum over the same rows by the same instant."""
    groups: dict[Any, list[int]] = {}
    out: list[Any] = list(histories)
    for place, one in enumerate(histories):
        if isinstance(one, Counted):
            key = (one.rows.op(), one.at, one.source.by, one.source.first)
            groups.setdefault(key, []).append(place)
    for places in groups.values():
        waiting = [out[place] for place in places]
        for place, one, sums in zip(places, waiting, _summed(waiting), strict=True):
            out[place] = one.finish(*sums)
    return out


def _summed(together: Sequence[Counted]) -> list[list[Floats]]:
    """Sum by segment and period in the engine, and lay the sums of each history into its cells."""
    first = together[0]
    names = [[f"_{number}{name}" for name in one.sums] for number, one in enumerate(together)]
    sums = {n: s for own, one in zip(names, together, strict=True) for n, s in zip(own, one.sums.values(), strict=True)}
    grouped = first.rows.group_by(*first.source.by, ds=first.source.period_of(first.rows[first.at])).agg(**sums)
    frame = fetch(grouped)
    return [one.source.spread(frame, *own) for own, one in zip(names, together, strict=True)]
