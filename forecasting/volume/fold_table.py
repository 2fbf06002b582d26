"""Folds of a backtest: which origins are scored, and how their forecasts are laid out as one long frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Bools, Floats
from ...features.errors import InputError
from ..grid.grid import Grid
from ..methods.registry import NAIVE_METHODS
from .folds import Fold, find_past_origins
from .intervals import forecast_columns


def find_cutoffs(grid: Grid, horizon: int, windows: int, folds: int | None = None) -> tuple[list[int], tuple[str, ...]]:
    """Return the origins to score, the earliest first, and notes: those with past errors of their own, where any have.

    Parameters
    ----------
    grid, horizon
        The panel, and how far ahead each fold goes.
    windows, folds
        Past origins that a fold rests on, and how many folds; as many as these by default.

    Raises
    ------
    InputError
        If the history is too short for one.
    """
    count = windows if folds is None else folds
    found = find_past_origins(grid.frequency, grid.length, horizon, count)
    if not found:
        hint = f"{grid.length:,} slots of history; give more, or a shorter horizon"
        raise InputError(
            "the history is too short for one fold", column="horizon", got=horizon, hint=hint, code="history.short"
        )
    past = {o: len(find_past_origins(grid.frequency, o, horizon, windows)) for o in found}
    kept = [o for o in found if past[o] >= min(3, windows)] or found
    notes = []
    if len(kept) < count:
        notes.append(f"{len(kept)} folds instead of {count}: the history is short")
    if min(past[o] for o in kept) < windows:
        notes.append(f"the first fold's intervals rest on {past[kept[-1]]} earlier origins instead of {windows}")
    return sorted(kept), tuple(notes)


def build_fold_table(grid: Grid, fold: Fold, levels: Sequence[float], shown: Sequence[str]) -> pd.DataFrame:
    """Lay out the recommended forecast of a fold and the methods shown beside it as a long frame.

    Parameters
    ----------
    grid, fold, levels
        The panel, the forecasts and the levels that they were made for.
    shown
        Methods that have intervals of their own.
    """
    stop = fold.origin + fold.points[fold.chosen].shape[1]
    clock = grid.repeats(fold.origin, stop)
    keys = {"deskcast": fold.chosen} | {name: name for name in shown}
    made = {name: (fold.points[key] * clock, fold.edges[key] * clock[:, None]) for name, key in keys.items()}
    told: Bools = np.asarray(~np.isnan(fold.points[NAIVE_METHODS[0]]).all(axis=1), dtype=bool)
    return lay_out(grid.ids, grid.stamps(fold.origin, stop), made, told, levels)


def lay_out(
    ids: Sequence[str],
    stamps: npt.NDArray[np.datetime64],
    made: Mapping[str, tuple[Floats, Floats]],
    told: Bools,
    levels: Sequence[float],
) -> pd.DataFrame:
    """Return forecasts as a long frame, by series and time.

    Parameters
    ----------
    ids, stamps
        N series and H slots.
    made
        Column -> N x H forecasts and their N x H x K quantiles.
    told
        N; which series have rows.
    levels
        Percent that the intervals cover.
    """
    names = np.array(ids, dtype=object)[told]
    columns: dict[str, Any] = {"unique_id": np.repeat(names, len(stamps)), "ds": np.tile(stamps, len(names))}
    for name, (point, edges) in made.items():
        columns |= forecast_columns(name, point[told], edges[told], levels)
    return pd.DataFrame(columns).astype({"unique_id": "str", "ds": "datetime64[us]"})


def join_folds(frames: Sequence[pd.DataFrame], failed: Iterable[str]) -> pd.DataFrame:
    """Return folds as one frame by series, cutoff and time, without the columns of methods that failed in any."""
    gone = tuple(failed)
    folds = pd.concat(frames, ignore_index=True)
    lost = [c for c in folds.columns if c in gone or str(c).startswith(tuple(f"{name}-" for name in gone))]
    return folds.drop(columns=lost).sort_values(["unique_id", "cutoff", "ds"], kind="stable", ignore_index=True)
